#include "reload/reload.h"

#include "base/log.h"
#include "base/mem.h"
#include "daemon/group.h"
#include "daemon/notify.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LOGGED_MAX = 50 /* lines of changes in the log */ };

void reload_init(struct reload *r, const struct reload_ops *ops, const char *path, void *user)
{
	*r = (struct reload){ .ops = ops, .path = path, .user = user };
}

void reload_fini(struct reload *r)
{
	free(r->error);
	r->error = NULL;
}

void reload_result_fini(struct reload_result *out)
{
	reload_plan_free(out->plan);
	free(out->errors);
	free(out->refused);
}

/* "FIRST LINE (and N more)" */
static char *short_of(const char *errors)
{
	size_t first = strcspn(errors, "\n"), more = 0;

	for (const char *p = errors + first; *p; p++)
		more += *p == '\n' && p[1];
	return more ? mem_printf("%.*s (and %zu more)", (int)first, errors, more)
		    : mem_printf("%.*s", (int)first, errors);
}

static void *load(struct reload *r, struct reload_result *out)
{
	struct config_errors *errs = config_errors_new();
	void *cfg = r->ops->load(r->user, errs);

	if (!cfg) {
		out->errors = config_errors_format(errs);
		out->refused = short_of(out->errors);
	}
	config_errors_free(errs);
	return cfg;
}

/* What cannot change in a running daemon refuses the whole. */
static bool needs_restart(const struct reload *r, struct reload_result *out)
{
	char *keys = reload_plan_restarts(out->plan);

	if (keys)
		out->refused = mem_printf("%s cannot change while %s runs: restart it, or take that back",
			keys, r->ops->program);
	free(keys);
	return out->refused;
}

static void log_plan(const struct reload_plan *p)
{
	for (size_t i = 0; i < p->count && i < LOGGED_MAX; i++) {
		char *text = reload_line_text(&p->line[i]);

		log_info("reload: %s", text);
		free(text);
	}
	if (p->count > LOGGED_MAX)
		log_info("reload: and %zu further changes", p->count - LOGGED_MAX);
}

static void log_result(const struct reload *r, const struct reload_result *out)
{
	if (out->refused) {
		log_error("reload refused, nothing was changed%s%s", out->errors ? "" : ": ",
			out->errors ? "" : out->refused);
		log_lines(LOG_LEVEL_ERROR, out->errors ? out->errors : "");
	} else {
		assert(out->plan);
		log_info("reloaded %s: %zu change%s", r->path, out->plan->count,
			out->plan->count == 1 ? "" : "s");
	}
}

static void try_reload(struct reload *r, bool dry_run, struct reload_result *out)
{
	void *cfg = load(r, out);

	if (!cfg)
		return;
	out->plan = r->ops->plan(r->user, cfg);
	if (needs_restart(r, out) || (r->ops->check && !r->ops->check(r->user, cfg, &out->refused)) ||
		dry_run || (r->ops->prepare && !r->ops->prepare(r->user, cfg, &out->refused))) {
		r->ops->unload(cfg);
		return;
	}
	log_plan(out->plan);
	r->ops->apply(r->user, cfg);
}

bool reload_run(struct reload *r, bool dry_run, struct reload_result *out)
{
	*out = (struct reload_result){ 0 };
	if (dry_run) {
		try_reload(r, true, out);
		return !out->refused;
	}
	if (!r->starting)
		daemon_notify(DAEMON_RELOADING, NULL);
	try_reload(r, false, out);
	log_result(r, out);
	free(r->error);
	r->error = out->refused ? mem_strdup(out->refused) : NULL;
	if (out->refused)
		r->refused++;
	else
		r->done++;
	if (!r->starting)
		daemon_notify(DAEMON_READY, NULL);
	return !out->refused;
}

void reload_signal(void *user)
{
	struct reload_result result;

	reload_run(user, false, &result);
	reload_result_fini(&result);
}

/* --- sockets --- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool find_group(const char *key, const char *group, gid_t *out, char **why)
{
	*out = (gid_t)-1;
	if (!group || daemon_group_find(group, out))
		return true;
	*why = mem_printf("%s: there is no group \"%s\" here", key, group);
	return false;
}

static bool same_socket(const struct config_control *a, const struct config_control *b)
{
	return same_text(a->socket, b->socket) && same_text(a->group, b->group) &&
	       same_text(a->read_only_socket, b->read_only_socket) &&
	       same_text(a->read_only_group, b->read_only_group);
}

/* only_try: whether it would do, and no more. */
static bool place_sockets(struct control_server *s, const char *key, const struct config_control *from,
	const struct config_control *to, bool only_try, char **why)
{
	struct control_socket full = { .path = to->socket }, read_only = { .path = to->read_only_socket };
	char err[256];

	if (same_socket(from, to))
		return true;
	if (!find_group(key, to->group, &full.gid, why) ||
		!find_group(key, to->read_only_group, &read_only.gid, why))
		return false;
	if (only_try ? control_server_try(s, &full, &read_only, err)
		     : control_server_move(s, &full, &read_only, err))
		return true;
	*why = mem_printf("%s: %s", key, err);
	return false;
}

bool reload_move_socket(struct control_server *s, const char *key, const struct config_control *from,
	const struct config_control *to, char **why)
{
	return place_sockets(s, key, from, to, false, why);
}

bool reload_try_socket(struct control_server *s, const char *key, const struct config_control *from,
	const struct config_control *to, char **why)
{
	return place_sockets(s, key, from, to, true, why);
}

bool reload_move_control(struct control_server *s, const struct config_control *from,
	const struct config_control *to, char **why)
{
	return reload_move_socket(s, "control", from, to, why);
}

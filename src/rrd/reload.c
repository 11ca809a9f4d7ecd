/*
 * Another configuration for the running daemon.
 *
 *	file -> config_rrd_load (all its errors) -> plan (what changes, in words) -> prepared -> applied
 *
 * Whatever can fail is done first and undone when something else fails: until then nothing has changed. What follows cannot
 * fail. A session whose settings do not change is not touched; of one whose settings do, neighbor_change() says what happens
 * to it.
 *
 * Keys of sessions (TCP-MD5) belong to listeners and live sockets and need no reset. The kernel may refuse them, so they are
 * set first of all: what listens or connects from then on has the new ones.
 */
#include "base/log.h"
#include "base/mem.h"
#include "daemon/group.h"
#include "daemon/notify.h"
#include "rrd/neighbor.h"
#include "rrd/reload_plan.h"
#include "rrd/policies.h"
#include "rrd/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOGGED_MAX = 50 /* lines of changes in the log */ };

/* --- listeners --- */

char *reload_listen_error(const struct config_listen *l, int err)
{
	char text[PREFIX_TEXT_MAX];

	return mem_printf("cannot listen on %s port %u: %s%s", ip_addr_format(&l->address, text), l->port,
		strerror(-err),
		err == -EACCES		? " (ports below 1024 need CAP_NET_BIND_SERVICE)"
		: err == -EADDRINUSE	? " (does another BGP daemon run here?)"
		: err == -EADDRNOTAVAIL ? " (no interface has this address)"
					: "");
}

static bool has_listener(const struct config_rrd *c, const struct config_listen *l)
{
	for (size_t i = 0; i < c->listen_count; i++)
		if (c->listen[i].port == l->port && ip_addr_equal(&c->listen[i].address, &l->address))
			return true;
	return false;
}

/* Closes those that are not wanted any more and are in the way of this one. Returns whether there were any. */
static bool make_room(struct rrd *r, const struct config_rrd *to, const struct config_listen *l)
{
	bool any = false;

	for (size_t i = 0; i < r->cfg->listen_count; i++) {
		const struct config_listen *old = &r->cfg->listen[i];

		if (old->port == l->port && old->address.family == l->address.family &&
			!has_listener(to, old))
			any |= session_neighbors_unlisten(r->neighbors, &old->address, old->port);
	}
	return any;
}

/* As the configuration in use has it: what was opened closes, what was closed opens. */
static void restore_listeners(struct rrd *r, const struct config_rrd *to)
{
	for (size_t i = 0; i < to->listen_count; i++)
		if (!has_listener(r->cfg, &to->listen[i]))
			session_neighbors_unlisten(r->neighbors, &to->listen[i].address, to->listen[i].port);
	for (size_t i = 0; i < r->cfg->listen_count; i++) {
		const struct config_listen *old = &r->cfg->listen[i];
		int err = session_neighbors_listen(r->neighbors, &old->address, old->port);
		char *why = err && err != -EEXIST ? reload_listen_error(old, err) : NULL;

		if (why)
			log_error("%s: nobody can connect there until the next reload", why);
		free(why);
	}
}

static bool prepare_listeners(struct rrd *r, const struct config_rrd *to, char **why)
{
	for (size_t i = 0; i < to->listen_count; i++) {
		const struct config_listen *l = &to->listen[i];
		int err = session_neighbors_listen(r->neighbors, &l->address, l->port);

		if (err == -EADDRINUSE && make_room(r, to, l))
			err = session_neighbors_listen(r->neighbors, &l->address, l->port);
		if (err == 0 || err == -EEXIST)
			continue;
		*why = reload_listen_error(l, err);
		restore_listeners(r, to);
		return false;
	}
	return true;
}

static void close_listeners(struct rrd *r, const struct config_rrd *to)
{
	for (size_t i = 0; i < r->cfg->listen_count; i++)
		if (!has_listener(to, &r->cfg->listen[i]))
			session_neighbors_unlisten(
				r->neighbors, &r->cfg->listen[i].address, r->cfg->listen[i].port);
}

/* --- the control socket --- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool prepare_control(struct rrd *r, const struct config_rrd *to, char **why)
{
	const struct config_control *old = &r->cfg->control, *new = &to->control;
	gid_t gid = (gid_t)-1;
	char err[256];

	if (same_text(old->socket, new->socket) && same_text(old->group, new->group))
		return true;
	if (new->group && !daemon_group_find(new->group, &gid)) {
		*why = mem_printf("control.group: there is no group \"%s\" here", new->group);
		return false;
	}
	if (control_server_move(r->control, new->socket, gid, err))
		return true;
	*why = mem_strdup(err);
	return false;
}

/* --- what can fail --- */

static void restore_security(struct rrd *r)
{
	char err[RRD_ERROR_MAX];

	if (!security_apply(r, r->cfg, err))
		log_error("%s, though it took it before: that holds until the next reload", err);
}

static bool prepare(struct rrd *r, const struct config_rrd *to, char **why)
{
	char err[RRD_ERROR_MAX];

	if (!security_apply(r, to, err)) {
		*why = mem_strdup(err);
		restore_security(r);
		return false;
	}
	if (!prepare_listeners(r, to, why)) {
		restore_security(r);
		return false;
	}
	if (!prepare_control(r, to, why)) {
		restore_listeners(r, to);
		restore_security(r);
		return false;
	}
	return true;
}

/* --- neighbors --- */

static void remove_neighbors(struct rrd *r, const struct config_rrd *to)
{
	for (size_t i = 0; i < r->cfg->neighbor_count; i++) {
		const struct ip_addr *address = &r->cfg->neighbors[i].address;
		struct neighbor *n = session_user(session_neighbors_find(r->neighbors, address));

		if (reload_plan_find_neighbor(to, address))
			continue;
		session_neighbors_del(r->neighbors, address);
		neighbor_free(n);
	}
}

static void set_ranges(struct rrd *r, const struct config_rrd *to)
{
	struct session_range *range = mem_calloc(to->range_count + 1, sizeof(*range));

	for (size_t i = 0; i < to->range_count; i++)
		range[i] = (struct session_range){ to->ranges[i].prefix, to->ranges[i].limit,
			to->ranges[i].limit_rate, &to->ranges[i] };
	session_neighbors_set_ranges(r->neighbors, range, to->range_count);
	free(range);
	session_neighbors_free_gone(r->neighbors);
}

static void configure(struct session *s, const struct config_peer *to, const char *peer_group,
	const struct prefix *range, bool reset)
{
	struct neighbor *n = session_user(s);
	struct neighbor_change change;
	struct config_diff d;

	config_diff_init(&d);
	config_diff(&d, &config_peer_schema, n->cfg, to);
	change = neighbor_change(n, &d, to);
	if (reset)
		change.apply = CONFIG_RESET_SESSION;
	neighbor_configure(n, s, to, peer_group, range, &change);
	config_diff_fini(&d);
}

/* All that are there have a place in the new configuration by now. */
static void configure_neighbors(struct rrd *r, bool reset)
{
	struct ip_addr at = { .family = IP_NONE };
	struct prefix prefix;

	for (struct session *s = NULL; (s = session_neighbors_next(r->neighbors, s ? &at : NULL));) {
		at = session_config(s)->remote;
		if (session_neighbors_range_of(r->neighbors, s, &prefix)) {
			const struct config_range *c = reload_plan_find_range(r->cfg, &prefix);

			configure(s, &c->peer, c->peer_group, &c->prefix, reset);
		} else {
			const struct config_neighbor *c = reload_plan_find_neighbor(r->cfg, &at);

			configure(s, &c->peer, c->peer_group, NULL, reset);
		}
	}
	session_neighbors_free_gone(r->neighbors);
}

static void add_neighbors(struct rrd *r)
{
	for (size_t i = 0; i < r->cfg->neighbor_count; i++) {
		const struct config_neighbor *c = &r->cfg->neighbors[i];
		const struct session *s = session_neighbors_find(r->neighbors, &c->address);

		if (!s || session_neighbors_range_of(r->neighbors, s, &(struct prefix){ 0 }))
			rrd_add_neighbor(r, c);
	}
}

/* --- applied --- */

static void apply_router(struct rrd *r, const struct config_router *old)
{
	const struct config_router *new = &r->cfg->router;
	struct route_decide_opts opts = { new->always_compare_med, new->as_path_relax };

	if (old->always_compare_med != new->always_compare_med || old->as_path_relax != new->as_path_relax ||
		old->multipath_max != new->multipath_max)
		route_engine_reevaluate(r->engine, &opts);
	route_engine_set_identity(r->engine, new->as, new->router_id, new->cluster_id);
}

static bool same_identity(const struct config_router *a, const struct config_router *b)
{
	return a->as == b->as && a->router_id == b->router_id && a->cluster_id == b->cluster_id;
}

/* Takes to over. */
static void apply(struct rrd *r, struct config_rrd *to)
{
	struct config_rrd *old = r->cfg;

	log_init("rrd", to->log.to, to->log.level);
	close_listeners(r, to);
	remove_neighbors(r, to);
	set_ranges(r, to);
	r->cfg = to;
	configure_neighbors(r, !same_identity(&old->router, &to->router));
	apply_router(r, &old->router);
	add_neighbors(r);
	session_neighbors_trim_shutdowns(r->neighbors);
	fib_feed_configure(r);
	policies_sweep(r->policies, r->engine);
	config_rrd_free(old);
}

/* --- in words --- */

void reload_result_init(struct reload_result *out)
{
	*out = (struct reload_result){ 0 };
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

static struct config_rrd *load(struct rrd *r, struct reload_result *out)
{
	struct config_errors *errs = config_errors_new();
	struct config_rrd *cfg = config_rrd_load(r->path, errs);

	if (!cfg) {
		out->errors = config_errors_format(errs);
		out->refused = short_of(out->errors);
	}
	config_errors_free(errs);
	return cfg;
}

/* What cannot change in a running daemon refuses the whole. */
static bool needs_restart(const struct reload_plan *p, struct reload_result *out)
{
	char keys[256];
	struct text t = text_init(keys, sizeof(keys));

	for (size_t i = 0; i < p->count; i++)
		if (p->line[i].apply == CONFIG_RESTART)
			text_add(&t, "%s%.*s", t.len ? ", " : "", (int)strcspn(p->line[i].change, " "),
				p->line[i].change);
	if (t.len)
		out->refused = mem_printf(
			"%s cannot change while rrd runs: restart it, or take that back", keys);
	return t.len > 0;
}

static void log_plan(const struct reload_plan *p)
{
	for (size_t i = 0; i < p->count && i < LOGGED_MAX; i++) {
		char *text = reload_plan_line_text(&p->line[i]);

		log_info("reload: %s", text);
		free(text);
	}
	if (p->count > LOGGED_MAX)
		log_info("reload: and %zu further changes", p->count - LOGGED_MAX);
}

static void log_result(const struct rrd *r, const struct reload_result *out)
{
	if (out->refused) {
		log_error("reload refused, nothing was changed%s%s", out->errors ? "" : ": ",
			out->errors ? "" : out->refused);
		log_lines(LOG_LEVEL_ERROR, out->errors ? out->errors : "");
	} else {
		log_info("reloaded %s: %zu change%s", r->path, out->plan->count,
			out->plan->count == 1 ? "" : "s");
	}
}

/* --- the whole --- */

static void try_reload(struct rrd *r, bool dry_run, struct reload_result *out)
{
	struct config_rrd *cfg = load(r, out);

	if (!cfg)
		return;
	out->plan = reload_plan_new(r, cfg);
	if (needs_restart(out->plan, out) || dry_run) {
		config_rrd_free(cfg);
		return;
	}
	if (!prepare(r, cfg, &out->refused)) {
		config_rrd_free(cfg);
		return;
	}
	log_plan(out->plan);
	apply(r, cfg);
}

bool rrd_reload(struct rrd *r, bool dry_run, struct reload_result *out)
{
	if (dry_run) {
		try_reload(r, true, out);
		policies_sweep(r->policies, r->engine);
		return !out->refused;
	}
	daemon_notify(DAEMON_RELOADING, NULL);
	try_reload(r, false, out);
	log_result(r, out);
	free(r->reload_error);
	r->reload_error = out->refused ? mem_strdup(out->refused) : NULL;
	if (out->refused) {
		r->reload_failures++;
	} else {
		r->reloads++;
		r->loaded_ms = rrd_now_ms(r);
	}
	daemon_notify(DAEMON_READY, NULL);
	return !out->refused;
}

/*
 * Another configuration for the running announcer; reload/reload.h has the course.
 *
 * Neighbors are told apart by address, services by prefix. What stays keeps all that is known of it: a service keeps its gate
 * and what was said of it, and of its conditions those that stay keep their verdict; so nothing is withdrawn that goes on
 * working. A service that is new comes as at the start, one that is gone leaves as at the end (retire.c).
 */
#include "announcer/announcer.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/diff.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What can fail, done for one service of the new configuration. */
struct ready {
	struct service *old, *fresh; /* one of them */
	struct ip_addr next_hop;     /* of old */
	struct local_route *local;   /* which old gets; NULL: none */
	const char *moved_from;	     /* the interface of its local route; NULL: it was not moved */
};

struct reload_prepared {
	struct identity id;
	struct io_http *http;	  /* NULL: none is needed, or there is one */
	struct drain_file *drain; /* NULL: none, or the one there is stays */
	struct ready *service;
	size_t count;
};

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static struct service *find_service(const struct announcer *a, const struct prefix *prefix)
{
	for (size_t i = 0; i < a->service_count; i++)
		if (prefix_equal(&a->services[i]->cfg->prefix, prefix))
			return a->services[i];
	return NULL;
}

static struct speaker *find_speaker(const struct announcer *a, const struct ip_addr *address)
{
	for (size_t i = 0; i < a->speaker_count; i++)
		if (ip_addr_equal(&a->speakers[i]->cfg->address, address))
			return a->speakers[i];
	return NULL;
}

static const struct config_reflector *find_neighbor(
	const struct config_announcer *c, const struct ip_addr *address)
{
	for (size_t i = 0; i < c->neighbor_count; i++)
		if (ip_addr_equal(&c->neighbors[i].address, address))
			return &c->neighbors[i];
	return NULL;
}

/* --- what can fail --- */

static void undo_service(struct ready *r)
{
	char err[ANNOUNCER_ERROR_MAX];

	local_route_del(r->local);
	service_free(r->fresh);
	if (r->moved_from && !local_route_move(r->old->local_route, r->moved_from, err, sizeof(err)))
		log_error("%s", err);
}

static void undo(struct reload_prepared *p)
{
	for (size_t i = p->count; i-- > 0;)
		undo_service(&p->service[i]);
	free(p->service);
	io_http_free(p->http);
	drain_file_free(p->drain);
	free(p);
}

static bool prepare_local_route(struct ready *r, const struct config_service *c, char *err)
{
	const struct config_service *old = r->old->cfg;
	char why[256], text[PREFIX_TEXT_MAX];
	bool ok = true;

	if (!c->local_route)
		return true;
	if (!r->old->local_route) {
		r->local = local_route_add(&c->prefix, c->interface, why, sizeof(why));
		ok = r->local != NULL;
	} else if (!same_text(old->interface, c->interface)) {
		ok = local_route_move(r->old->local_route, c->interface, why, sizeof(why));
		r->moved_from = ok ? old->interface : NULL;
	}
	if (!ok)
		snprintf(err, ANNOUNCER_ERROR_MAX, "service %s: local route: %s",
			prefix_format(&c->prefix, text), why);
	return ok;
}

static bool prepare_service(struct announcer *a, const struct config_announcer *to,
	const struct config_service *c, struct reload_prepared *p, char *err)
{
	struct ready *r = &p->service[p->count++];

	*r = (struct ready){ .old = find_service(a, &c->prefix) };
	if (r->old)
		return identity_next_hop(&p->id, to, c, &r->next_hop, err, ANNOUNCER_ERROR_MAX) &&
		       prepare_local_route(r, c, err);
	r->fresh = service_new(a, to, c, &p->id, err);
	return r->fresh;
}

static bool prepare_services(
	struct announcer *a, const struct config_announcer *to, struct reload_prepared *p, char *err)
{
	p->service = mem_calloc(to->service_count + 1, sizeof(*p->service));
	for (size_t i = 0; i < to->service_count; i++)
		if (!prepare_service(a, to, &to->services[i], p, err))
			return false;
	return true;
}

static bool prepare_tools(
	struct announcer *a, const struct config_announcer *to, struct reload_prepared *p, char *err)
{
	if (!a->checks.http && conditions_need_http(to)) {
		p->http = io_http_new(a->loop);
		if (!p->http) {
			snprintf(err, ANNOUNCER_ERROR_MAX, "conditions: HTTP checks cannot be made here");
			return false;
		}
	}
	if (!to->drain.file || same_text(a->cfg->drain.file, to->drain.file))
		return true;
	p->drain = drain_file_new(a->loop, to->drain.file, announcer_drain_file, a);
	if (!p->drain)
		snprintf(err, ANNOUNCER_ERROR_MAX, "drain.file: %s cannot be watched: see the log",
			to->drain.file);
	return p->drain;
}

/* The kernel may refuse any of them: then all stay as they are. */
static bool check_keys(const struct announcer *a, const struct config_announcer *to, char *err)
{
	for (size_t i = 0; i < to->neighbor_count; i++)
		if (!speaker_key_works(a, &to->neighbors[i], err))
			return false;
	return true;
}

static bool prepare_all(
	struct announcer *a, const struct config_announcer *to, struct reload_prepared *p, char **why)
{
	char err[ANNOUNCER_ERROR_MAX] = "";

	if (identity_again(&p->id, &a->id, a->cfg, to, local_route_source, err, sizeof(err)) &&
		prepare_tools(a, to, p, err) && prepare_services(a, to, p, err))
		return reload_move_control(a->control, &a->cfg->control, &to->control, why);
	*why = mem_strdup(err);
	return false;
}

static bool check_next_hops(const struct config_announcer *to, const struct identity *id, char *err)
{
	struct ip_addr hop;

	for (size_t i = 0; i < to->service_count; i++)
		if (!identity_next_hop(id, to, &to->services[i], &hop, err, ANNOUNCER_ERROR_MAX))
			return false;
	return true;
}

static bool check(void *user, const void *to, char **why)
{
	const struct announcer *a = user;
	char err[ANNOUNCER_ERROR_MAX] = "";
	struct identity id;

	if (a->drain.ending)
		snprintf(err, sizeof(err), "lb-announcer has been told to end");
	else if (identity_again(&id, &a->id, a->cfg, to, local_route_source, err, sizeof(err)) &&
		 check_keys(a, to, err) && check_next_hops(to, &id, err))
		return reload_try_socket(a->control, "control", &a->cfg->control,
			&((const struct config_announcer *)to)->control, why);
	*why = mem_strdup(err);
	return false;
}

static bool prepare(void *user, void *to, char **why)
{
	struct reload_prepared *p = mem_calloc(1, sizeof(*p));
	struct announcer *a = user;

	a->prepared = NULL;
	if (!prepare_all(a, to, p, why)) {
		undo(p);
		return false;
	}
	a->prepared = p;
	return true;
}

/* --- neighbors --- */

static bool needs_reset(const struct config_reflector *from, const struct config_reflector *to)
{
	enum config_apply touched;
	struct config_diff d;

	config_diff_init(&d);
	config_diff(&d, &config_reflector_schema, from, to);
	touched = config_diff_apply(&d);
	config_diff_fini(&d);
	return touched >= CONFIG_RESET_SESSION;
}

static void remove_speakers(struct announcer *a, const struct config_announcer *to)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->speaker_count; i++) {
		struct speaker *s = a->speakers[i];

		if (find_neighbor(to, &s->cfg->address)) {
			a->speakers[kept++] = s;
			continue;
		}
		session_stop(s->session, BGP_CEASE_PEER_DECONFIGURED, NULL);
		speaker_free(s);
	}
	a->speaker_count = kept;
}

/* In the order of the file. */
static void switch_speakers(struct announcer *a, bool reset_all)
{
	struct speaker **old = a->speakers, **new = mem_calloc(a->cfg->neighbor_count + 1, sizeof(*new));

	for (size_t i = 0; i < a->cfg->neighbor_count; i++) {
		const struct config_reflector *n = &a->cfg->neighbors[i];

		new[i] = find_speaker(a, &n->address);
		if (new[i])
			speaker_configure(new[i], n, reset_all || needs_reset(new[i]->cfg, n));
	}
	for (size_t i = 0; i < a->cfg->neighbor_count; i++)
		if (!new[i])
			new[i] = speaker_new(a, &a->cfg->neighbors[i]);
	a->speakers = new;
	a->speaker_count = a->cfg->neighbor_count;
	free(old);
}

/* --- services --- */

static void take_service(struct announcer *a, const struct config_announcer *to,
	const struct config_service *c, struct ready *r)
{
	const struct config_announcer *before;
	bool back;

	if (r->fresh) {
		service_begin(a, r->fresh);
		return;
	}
	assert(r->old);
	if (r->local)
		r->old->local_route = r->local;
	before = r->old->of;
	back = r->old->retired;
	if (back)
		announcer_reinstate(a, r->old);
	service_configure(a, r->old, to, c, &r->next_hop);
	/* It had an older one than those that stayed, which apply() sees to. */
	if (back)
		announcer_drop_config(a, before);
}

/* In the order of the file, and behind them those that leave. */
static void switch_services(struct announcer *a, struct reload_prepared *p)
{
	struct service **old = a->services;
	size_t old_count = a->service_count, count = 0;
	struct service **new = mem_calloc(old_count + p->count + 1, sizeof(struct service *));

	for (size_t i = 0; i < p->count; i++)
		new[count++] = p->service[i].old ? p->service[i].old : p->service[i].fresh;
	for (size_t i = 0; i < old_count; i++) {
		bool stays = false;

		for (size_t k = 0; k < p->count; k++)
			stays |= p->service[k].old == old[i];
		if (!stays)
			new[count++] = old[i];
	}
	a->services = new;
	a->service_count = count;
	free(old);
	for (size_t i = 0; i < p->count; i++)
		take_service(a, a->cfg, &a->cfg->services[i], &p->service[i]);
	for (size_t i = p->count; i < count; i++)
		if (!new[i]->retired)
			announcer_retire(a, new[i]);
}

/* --- the rest --- */

static void switch_agent(struct announcer *a, const struct config_agent_link *from)
{
	if (same_text(from->socket, a->cfg->agent.socket))
		return;
	agent_link_free(a->agent);
	a->agent = a->cfg->agent.socket ? agent_link_new(a->loop, a->cfg->agent.socket, announcer_judge, a)
					: NULL;
	a->agent_heard = false;
}

static bool same_identity(
	const struct announcer *a, const struct config_announcer *to, const struct identity *id)
{
	return a->cfg->router.as == to->router.as && a->id.router_id == id->router_id;
}

static void apply(void *user, void *cfg)
{
	struct announcer *a = user;
	struct config_announcer *to = cfg, *old = a->cfg;
	struct reload_prepared *p = a->prepared;
	bool reset_all = !same_identity(a, to, &p->id);

	a->prepared = NULL;
	config_log_use("lb-announcer", &to->log);
	guards_configure(a->guards, &to->bfd);
	session_debug_set(a->sessions, to->log.debug_neighbors, to->log.debug_neighbor_count);
	if (p->http)
		a->checks.http = p->http;
	remove_speakers(a, to);
	a->cfg = to;
	a->id = p->id;
	a->drain.time_ms = to->drain.time_s * UINT64_C(1000);
	a->drain.linger_ms = to->drain.linger_s * UINT64_C(1000);
	switch_agent(a, &old->agent);
	switch_speakers(a, reset_all);
	switch_services(a, p);
	if (!same_text(old->drain.file, to->drain.file))
		announcer_set_drain_file(a, p->drain);
	announcer_judge(a);
	free(p->service);
	free(p);
	announcer_drop_config(a, old);
}

static void *load(void *user, struct config_errors *errs)
{
	const struct announcer *a = user;

	return config_announcer_load(a->reload.path, errs);
}

static void unload(void *cfg)
{
	config_announcer_free(cfg);
}

static struct reload_plan *plan(void *user, const void *to)
{
	return announcer_reload_plan(user, to);
}

const struct reload_ops announcer_reload_ops = { "lb-announcer", load, unload, plan, check, prepare, apply };

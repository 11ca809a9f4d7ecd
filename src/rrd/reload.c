/*
 * Another configuration for the running daemon.
 *
 * The course is reload/reload.h's: what can fail is prepared first, and what follows cannot fail. A session whose settings
 * do not change is not touched; of one whose settings do, neighbor_change() says what happens to it.
 *
 * Keys of sessions (TCP-MD5) belong to listeners and live sockets and need no reset. The kernel may refuse them, so they are
 * set first of all: what listens or connects from then on has the new ones.
 */
#include "base/log.h"
#include "base/mem.h"
#include "rrd/listen.h"
#include "rrd/neighbor.h"
#include "rrd/reload_plan.h"
#include "rrd/policies.h"
#include "rrd/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what can fail --- */

static void restore_security(struct rrd *r)
{
	char err[RRD_ERROR_MAX];

	if (!security_apply(r, r->cfg, err))
		log_error("%s, though it took it before: that holds until the next reload", err);
}

/* Of a neighbor or range alone nothing can fail. */
static bool check(void *user, const void *cfg, char **why)
{
	const struct rrd *r = user;
	const struct config_rrd *to = cfg;
	char err[RRD_ERROR_MAX];

	if (!security_try(to, err)) {
		*why = mem_strdup(err);
		return false;
	}
	return listen_check(r, to, why) &&
	       reload_try_socket(r->control, "control", &r->cfg->control, &to->control, why);
}

static bool prepare(struct rrd *r, const struct config_rrd *to, char **why)
{
	char err[RRD_ERROR_MAX];

	if (!security_apply(r, to, err)) {
		*why = mem_strdup(err);
		restore_security(r);
		return false;
	}
	if (!listen_prepare(r, to, why)) {
		restore_security(r);
		return false;
	}
	if (!reload_move_control(r->control, &r->cfg->control, &to->control, why)) {
		listen_restore(r, to);
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

	config_log_use("rrd", &to->log);
	guards_configure(r->guards, &to->bfd);
	session_debug_set(r->sessions, to->log.debug_neighbors, to->log.debug_neighbor_count);
	listen_close(r, to);
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

/* --- for reload/ --- */

static void *load(void *user, struct config_errors *errs)
{
	const struct rrd *r = user;

	return config_rrd_load(r->reload.path, errs);
}

static void unload(void *cfg)
{
	config_rrd_free(cfg);
}

/* What it looked at of the policies goes again. */
static struct reload_plan *plan(void *user, const void *to)
{
	struct rrd *r = user;
	struct reload_plan *p = rrd_reload_plan(r, to);

	policies_sweep(r->policies, r->engine);
	return p;
}

static bool prepare_all(void *user, void *to, char **why)
{
	return prepare(user, to, why);
}

static void apply_all(void *user, void *to)
{
	struct rrd *r = user;

	apply(r, to);
	r->loaded_ms = rrd_now_ms(r);
}

const struct reload_ops rrd_reload_ops = { "rrd", load, unload, plan, check, prepare_all, apply_all };

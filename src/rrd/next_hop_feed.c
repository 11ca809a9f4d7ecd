#include "base/log.h"
#include "rrd/rrd.h"

#include <string.h>

/* What the engine's paths name is watched in the kernel; what the kernel tells goes to the engine. */

static void used(void *user, const struct ip_addr *addr)
{
	struct rrd *r = user;

	if (r->watcher)
		fib_watch(r->watcher, addr);
}

static void unused(void *user, const struct ip_addr *addr)
{
	struct rrd *r = user;

	if (r->watcher)
		fib_unwatch(r->watcher, addr);
}

const struct route_hops_ops next_hop_feed_ops = { used, unused };

void next_hop_feed_reached(void *user, const struct ip_addr *addr, const struct fib_reach *reach)
{
	struct rrd *r = user;
	struct route_reach out = {
		.eligible = reach->reachable, .why = reach->why, .interior_cost = reach->metric
	};

	if (reach->reachable) {
		if (!ip_addr_equal(&reach->gateway, addr))
			out.via = reach->gateway;
		strncpy(out.interface, reach->interface, sizeof(out.interface) - 1);
	}
	route_engine_tell_next_hop(r->engine, addr, &out);
}

bool next_hop_feed_start(struct rrd *r)
{
	const struct config_fib *c = &r->cfg->fib;
	struct fib_config cfg = {
		.table = c->table,
		.metric = c->metric,
		.protocol = c->protocol,
		.next_hop_id_base = c->next_hop_id_base,
		.next_hop_id_count = c->next_hop_id_count,
		.resolve_via_default = c->resolve_via_default,
		.watch_only = true,
		.reached = next_hop_feed_reached,
		.user = r,
	};
	char err[256];

	if (!r->cfg->router.next_hop_check)
		return true;
	r->watcher = r->fib ? r->fib : fib_new(r->loop, &cfg, err, sizeof(err));
	if (!r->watcher)
		log_error("router.next-hop-check: %s", err);
	return r->watcher;
}

void next_hop_feed_work(struct rrd *r)
{
	/* A router's own is committed with its routes. */
	if (r->watcher && r->watcher != r->fib)
		fib_commit(r->watcher);
}

void next_hop_feed_stop(struct rrd *r)
{
	if (r->watcher != r->fib)
		fib_free(r->watcher);
	r->watcher = NULL;
}

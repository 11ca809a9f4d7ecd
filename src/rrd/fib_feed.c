#include "base/log.h"
#include "route/next_hops.h"
#include "rrd/rrd.h"

#include <string.h>

enum {
	FEED_SLICE = 16384, /* entries per turn */
};

static void feed_entry(struct rrd *r, struct route_entry *e)
{
	struct route_next_hop nh[FIB_NEXT_HOPS_MAX];
	struct fib_next_hop want[FIB_NEXT_HOPS_MAX];
	struct prefix prefix = route_entry_prefix(e);
	size_t n = route_next_hops(route_engine_decide(r->engine), e, nh, r->cfg->router.multipath_max);

	if (n == 0) {
		fib_del(r->fib, &prefix);
		return;
	}
	for (size_t i = 0; i < n; i++)
		want[i] = (struct fib_next_hop){ nh[i].addr, nh[i].weight };
	fib_set(r->fib, &prefix, want, n);
}

bool fib_feed_work(struct rrd *r)
{
	bool more = false;

	if (!r->fib)
		return false;
	for (int f = 0; f < BGP_FAMILIES; f++) {
		struct route_entry *e = NULL;

		for (int i = 0; i < FEED_SLICE && (e = route_reader_next(&r->fib_reader[f])); i++)
			feed_entry(r, e);
		more |= e != NULL;
		route_rib_trim(route_engine_rib(r->engine, (enum bgp_family)f));
	}
	/* Whole changes only: a group that many routes share is changed in place when all of them change together. */
	if (!more)
		fib_commit(r->fib);
	return more;
}

static void sweep(void *user)
{
	struct rrd *r = user;

	fib_sweep(r->fib);
}

bool fib_feed_start(struct rrd *r)
{
	const struct config_fib *c = &r->cfg->fib;
	struct fib_config cfg = {
		.table = c->table,
		.metric = c->metric,
		.protocol = c->protocol,
		.next_hop_id_base = c->next_hop_id_base,
		.next_hop_id_count = c->next_hop_id_count,
		.remove_on_exit = c->on_exit == CONFIG_ON_EXIT_REMOVE,
	};
	char err[256];

	if (!c->enabled)
		return true;
	r->fib = fib_new(r->loop, &cfg, err, sizeof(err));
	if (!r->fib) {
		log_error("fib: %s", err);
		return false;
	}
	for (int f = 0; f < BGP_FAMILIES; f++)
		route_reader_init(&r->fib_reader[f], route_engine_rib(r->engine, (enum bgp_family)f));
	r->sweep = io_timer_new(r->loop, sweep, r);
	io_timer_set(r->sweep, 60 * 1000000ULL);
	return true;
}

void fib_feed_stop(struct rrd *r)
{
	if (!r->fib)
		return;
	for (int f = 0; f < BGP_FAMILIES; f++)
		route_reader_fini(&r->fib_reader[f]);
	io_timer_free(r->sweep);
	fib_free(r->fib);
	r->fib = NULL;
}

#include "base/log.h"
#include "rrd/rrd.h"

#include <string.h>

enum {
	FEED_SLICE = 16384, /* entries per turn */
	BAD_BANDWIDTH_LOG_MS = 1000,
};

static void log_bad_bandwidth(struct rrd *r, const struct prefix *p, const struct route_path *bad)
{
	char prefix[PREFIX_TEXT_MAX], address[PREFIX_TEXT_MAX];
	uint64_t held_back;

	if (!log_limit_pass(&r->bad_bandwidth_limit, rrd_now_ms(r), BAD_BANDWIDTH_LOG_MS, &held_back))
		return;
	log_warning(
		"route %s from %s: its link bandwidth is not a number, infinite or negative, and counts as "
		"none (%llu more such routes not logged)",
		prefix_format(p, prefix), ip_addr_format(&route_peer_config(bad->peer)->address, address),
		(unsigned long long)held_back);
}

static void feed_entry(struct rrd *r, struct route_entry *e)
{
	struct route_next_hop nh[FIB_NEXT_HOPS_MAX];
	struct fib_next_hop want[FIB_NEXT_HOPS_MAX];
	struct prefix prefix = route_entry_prefix(e);
	const struct route_path *bad = NULL;
	size_t n;

	route_balancers_of(route_engine_decide(r->engine), e, &r->balancers, &bad);
	if (bad)
		log_bad_bandwidth(r, &prefix, bad);
	n = route_weight_table_next_hops(r->weights, &prefix, r->balancers.item, r->balancers.count,
		rrd_now_ms(r), nh, r->cfg->router.multipath_max);
	if (n == 0) {
		fib_del(r->fib, &prefix);
		return;
	}
	for (size_t i = 0; i < n; i++)
		want[i] = (struct fib_next_hop){ nh[i].addr, nh[i].weight };
	fib_set(r->fib, &prefix, want, n);
}

static void feed_prefix(struct rrd *r, const struct prefix *p)
{
	enum bgp_family f = p->family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;
	struct route_entry *e = route_rib_find(route_engine_rib(r->engine, f), p);

	if (e)
		feed_entry(r, e);
}

/* Weights whose change had to wait. True when more are due. */
static bool feed_due(struct rrd *r)
{
	struct prefix p;
	uint64_t wait_ms;
	bool due = false;

	for (int i = 0; i < FEED_SLICE; i++) {
		due = route_weight_table_due(r->weights, rrd_now_ms(r), &p, &wait_ms);
		if (!due)
			break;
		feed_prefix(r, &p);
	}
	if (!due && wait_ms != UINT64_MAX)
		io_timer_set(r->weights_due, wait_ms * 1000);
	return due;
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
	more |= feed_due(r);
	/* Whole changes only: a group that many routes share is changed in place when all of them change together. */
	if (!more)
		fib_commit(r->fib);
	return more;
}

static void weights_due(void *user)
{
	struct rrd *r = user;

	io_job_post(r->work);
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
		.reached = next_hop_feed_reached,
		.user = r,
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
	r->weights = route_weight_table_new(c->link_bandwidth_unit);
	r->weights_due = io_timer_new(r->loop, weights_due, r);
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
	io_timer_free(r->weights_due);
	route_weight_table_free(r->weights);
	route_balancers_fini(&r->balancers);
	fib_free(r->fib);
	r->fib = NULL;
}

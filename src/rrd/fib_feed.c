#include "base/log.h"
#include "base/mem.h"
#include "route/next_hops.h"
#include "rrd/neighbor.h"
#include "rrd/rrd.h"
#include "rrd/watch.h"

#include <stdlib.h>
#include <string.h>

enum {
	FEED_SLICE = 8192, /* entries per turn, if they do not take longer than its share */
	/* A change waits no longer to be whole while more keeps coming; and when it is one the engine works through. */
	COMING_US = 50000,
	WORKED_THROUGH_US = 3000000,
	BAD_BANDWIDTH_LOG_MS = 1000,
};

static void log_bad_bandwidth(struct rrd *r, const struct prefix *p, const struct route_path *bad)
{
	char prefix[PREFIX_TEXT_MAX], address[PREFIX_TEXT_MAX];
	uint64_t held_back;

	if (!log_limit_pass(&r->bad_bandwidth_limit, rrd_now_ms(r), BAD_BANDWIDTH_LOG_MS, &held_back))
		return;
	prefix_format(p, prefix);
	ip_addr_format(&route_peer_config(bad->peer)->address, address);
	log_about(LOG_LEVEL_WARNING, LOG_ABOUT("bad-link-bandwidth", .neighbor = address, .prefix = prefix),
		"route %s from %s: its link bandwidth is not a number, infinite or negative, and counts as "
		"none "
		"(%llu more before)",
		prefix, address, (unsigned long long)held_back);
}

/* That of the first element of fib.groups that fits, where it has one. */
static double bandwidth_unit(const struct rrd *r, const struct prefix *p)
{
	const struct config_fib *c = &r->cfg->fib;

	for (size_t i = 0; i < c->group_count; i++) {
		const struct config_fib_group *g = &c->groups[i];

		for (size_t k = 0; k < g->rule_count; k++)
			if (prefix_contains(&g->rules[k].prefix, p) && p->len >= g->rules[k].ge &&
				p->len <= g->rules[k].le)
				return g->link_bandwidth_unit ? g->link_bandwidth_unit
							      : c->link_bandwidth_unit;
	}
	return c->link_bandwidth_unit;
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
	n = route_weight_table_next_hops(r->weights, &prefix, bandwidth_unit(r, &prefix), r->balancers.item,
		r->balancers.count, rrd_now_ms(r), nh, r->cfg->router.multipath_max);
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

/* Feeds some changed entries; false when these were the last. */
static bool feed_some(struct rrd *r, struct route_reader *reader)
{
	struct route_entry *e[FIB_EXPECT_MAX];
	struct prefix prefix[FIB_EXPECT_MAX];
	size_t count = 0;

	/* In place: a copy of what was just put together is slow (base/prefix.h). */
	for (; count < FIB_EXPECT_MAX && (e[count] = route_reader_next(reader)); count++)
		prefix_set(&prefix[count], e[count]->family, e[count]->len, e[count]->addr);
	fib_expect(r->fib, prefix, count);
	for (size_t i = 0; i < count; i++)
		feed_entry(r, e[i]);
	return count == FIB_EXPECT_MAX;
}

/* Feeds a slice of what has changed; true when more is waiting. */
static bool feed_slice(struct rrd *r, bool *some)
{
	bool more = false;

	for (int f = 0; f < BGP_FAMILIES; f++) {
		bool behind = route_reader_behind(&r->fib_reader[f]);

		*some |= behind;
		for (int i = 0; behind && i < FEED_SLICE; i += FIB_EXPECT_MAX) {
			behind = feed_some(r, &r->fib_reader[f]);
			if (io_loop_share_used(r->loop))
				break;
		}
		more |= behind;
		route_rib_trim(route_engine_rib(r->engine, (enum bgp_family)f));
	}
	return feed_due(r) || more;
}

/* Whether it is: a group that many routes share is changed in place when all of them change together. */
static bool is_whole(struct rrd *r, bool some)
{
	bool amid = route_engine_is_amid_change(r->engine);
	uint64_t now_us = io_loop_now_us(r->loop);

	r->fib_hold_us = amid ? WORKED_THROUGH_US : r->fib_hold_us ? r->fib_hold_us : COMING_US;
	if (!r->fib_held_us)
		r->fib_held_us = now_us;
	if ((some || amid) && now_us - r->fib_held_us < r->fib_hold_us)
		return false;
	r->fib_held_us = r->fib_hold_us = 0;
	return true;
}

/* What comes in several turns is one change, which ends with a turn that brings nothing. */
bool fib_feed_work(struct rrd *r)
{
	bool some = false, more;

	if (!r->fib)
		return false;
	more = feed_slice(r, &some);
	if (!is_whole(r, some)) {
		fib_proceed(r->fib);
		return true;
	}
	fib_commit(r->fib);
	if (!more && r->sweep_due) {
		r->sweep_due = false;
		fib_sweep(r->fib);
	}
	return more;
}

static void weights_due(void *user)
{
	struct rrd *r = user;

	io_job_post(r->work);
}

/* What was received and is not in the kernel yet comes first. */
static void sweep(struct rrd *r)
{
	r->sweep_over = r->sweep_due = true;
	io_timer_cancel(r->sweep);
	io_job_post(r->work);
}

static void restart_time_over(void *user)
{
	struct rrd *r = user;

	log_info("fib: some neighbor has not told all it has within restart-time, %u s: what is left of an "
		 "earlier "
		 "run goes",
		r->cfg->fib.restart_time_s);
	sweep(r);
}

void fib_feed_end_of_rib(struct rrd *r)
{
	struct ip_addr at = { .family = IP_NONE };

	if (!r->fib || r->sweep_over)
		return;
	for (struct session *s = NULL; (s = session_neighbors_next(r->neighbors, s ? &at : NULL));) {
		const struct neighbor *n = session_user(s);

		at = session_config(s)->remote;
		if (n && !n->range && n->cfg->enabled && !session_is_shut_down(s) &&
			!neighbor_has_told_all(n))
			return;
	}
	log_info("fib: every configured neighbor has told all it has");
	sweep(r);
}

static void set_groups(struct rrd *r, struct fib_config *cfg)
{
	const struct config_fib *c = &r->cfg->fib;

	r->fib_groups = mem_calloc(c->group_count + 1, sizeof(*r->fib_groups));
	for (size_t i = 0; i < c->group_count; i++) {
		const struct config_fib_group *from = &c->groups[i];
		struct fib_prefix_rule *rule = mem_calloc(from->rule_count + 1, sizeof(*rule));

		for (size_t k = 0; k < from->rule_count; k++)
			rule[k] = (struct fib_prefix_rule){ from->rules[k].prefix, from->rules[k].ge,
				from->rules[k].le };
		r->fib_groups[i] = (struct fib_group){ .rule = rule,
			.rule_count = from->rule_count,
			.resilient = from->type == CONFIG_GROUP_RESILIENT,
			.buckets = from->buckets,
			.idle_timer_s = from->idle_timer_s,
			.unbalanced_timer_s = from->unbalanced_timer_s };
	}
	cfg->group = r->fib_groups;
	cfg->group_count = c->group_count;
}

/* The families in which any neighbor may tell us routes. */
static void set_families(const struct rrd *r, struct fib_config *cfg)
{
	const struct config_rrd *c = r->cfg;

	for (size_t i = 0; i < c->neighbor_count; i++) {
		cfg->ipv4 |= c->neighbors[i].peer.family[BGP_IPV4_UNICAST];
		cfg->ipv6 |= c->neighbors[i].peer.family[BGP_IPV6_UNICAST];
	}
	for (size_t i = 0; i < c->range_count; i++) {
		cfg->ipv4 |= c->ranges[i].peer.family[BGP_IPV4_UNICAST];
		cfg->ipv6 |= c->ranges[i].peer.family[BGP_IPV6_UNICAST];
	}
}

void fib_feed_configure(struct rrd *r)
{
	uint64_t end_ms = r->started_ms + r->cfg->fib.restart_time_s * 1000ULL, now_ms = rrd_now_ms(r);
	struct fib_config families = { 0 };

	if (!r->fib)
		return;
	set_families(r, &families);
	fib_configure(r->fib, r->cfg->fib.on_exit == CONFIG_ON_EXIT_REMOVE, families.ipv4, families.ipv6);
	if (!r->sweep_over)
		io_timer_set(r->sweep, end_ms > now_ms ? (end_ms - now_ms) * 1000 : 0);
	/* Who was waited for may be gone. */
	fib_feed_end_of_rib(r);
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
		.changed = watch_fib_changed,
		.user = r,
		.resolve_via_default = c->resolve_via_default,
		.on_empty = (enum fib_on_empty)c->on_empty,
		.max_resilient_groups = c->max_resilient_groups,
		.compare_interval_s = c->compare_interval_s,
		.sysctls = (enum fib_sysctls)c->sysctls,
	};
	char err[256];

	if (!c->enabled)
		return true;
	set_groups(r, &cfg);
	set_families(r, &cfg);
	r->fib = fib_new(r->loop, &cfg, err, sizeof(err));
	if (!r->fib) {
		log_error("fib: %s", err);
		return false;
	}
	for (int f = 0; f < BGP_FAMILIES; f++)
		route_reader_init(&r->fib_reader[f], route_engine_rib(r->engine, (enum bgp_family)f));
	r->weights = route_weight_table_new();
	r->weights_due = io_timer_new(r->loop, weights_due, r);
	r->sweep = io_timer_new(r->loop, restart_time_over, r);
	io_timer_set(r->sweep, c->restart_time_s * 1000000ULL);
	return true;
}

static void free_groups(struct rrd *r)
{
	for (size_t i = 0; r->fib_groups && i < r->cfg->fib.group_count; i++)
		free((void *)(uintptr_t)r->fib_groups[i].rule);
	free(r->fib_groups);
	r->fib_groups = NULL;
}

void fib_feed_stop(struct rrd *r)
{
	if (!r->fib) {
		free_groups(r);
		return;
	}
	for (int f = 0; f < BGP_FAMILIES; f++)
		route_reader_fini(&r->fib_reader[f]);
	io_timer_free(r->sweep);
	io_timer_free(r->weights_due);
	route_weight_table_free(r->weights);
	route_balancers_fini(&r->balancers);
	fib_free(r->fib);
	r->fib = NULL;
	free_groups(r);
}

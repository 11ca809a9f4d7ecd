/* What peers hold after what others announced: reflection rules, add-path, withdrawals, import, refresh, slow peers. */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct route_engine_config config = {
	.local_as = 65021, .router_id = 0x0a0000fe, .cluster_id = 0x0a0000fe
};

static const char P1[] = "10.1.1.0/24", P2[] = "10.1.2.0/24";

static struct test_peer *up(
	struct harness *h, unsigned i, enum route_peer_type type, enum route_send_mode mode)
{
	struct test_peer *p = harness_peer(h, i, type);

	p->cfg.send_mode[BGP_IPV4_UNICAST] = mode;
	p->n.add_path_tx[BGP_IPV4_UNICAST] = mode != ROUTE_SEND_BEST;
	harness_up(p);
	return p;
}

static void nothing_wrong(const struct harness *h)
{
	for (int i = 0; i < HARNESS_PEERS; i++) {
		assert_int_equal(h->peer[i].unknown_withdrawals, 0);
		assert_int_equal(h->peer[i].own_routes, 0);
	}
}

/* RFC 4456 6: from a client to all, from a non-client to clients, from outside to all. */
static void routes_go_where_rfc_4456_says(void **state)
{
	static const enum route_peer_type type[] = { ROUTE_PEER_IBGP_CLIENT, ROUTE_PEER_IBGP,
		ROUTE_PEER_EBGP };
	static const bool goes[3][3] = { { true, true, true }, { true, false, true }, { true, true, true } };

	(void)state;
	for (int from = 0; from < 3; from++) {
		struct harness h;
		struct test_peer *source, *to[3];

		harness_init(&h, &config);
		source = up(&h, 10, type[from], ROUTE_SEND_BEST);
		for (unsigned t = 0; t < 3; t++)
			to[t] = up(&h, 1 + t, type[t], ROUTE_SEND_BEST);
		harness_announce(source, &(struct route){ .prefix = P1, .as_path = "7", .med = 3 });
		harness_settle(&h, 0);
		for (int t = 0; t < 3; t++)
			assert_int_equal(harness_held_count(to[t], P1), goes[from][t]);
		assert_int_equal(source->count, 0);
		nothing_wrong(&h);
		harness_fini(&h);
	}
}

/* RFC 4456 8: ORIGINATOR_ID and CLUSTER_LIST are added; all else, the next hop first, is untouched. */
static void reflection_adds_only_what_rfc_4456_adds(void **state)
{
	struct harness h;
	struct test_peer *a, *b;
	const struct held *got;

	(void)state;
	harness_init(&h, &config);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	b = up(&h, 2, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	harness_announce(a, &(struct route){ .prefix = P1,
				    .next_hop = "10.0.0.106",
				    .local_pref = 120,
				    .med = 4,
				    .as_path = "7 8" });
	harness_announce(a, &(struct route){ .prefix = P2, .originator_id = 99, .cluster_id = 98 });
	harness_settle(&h, 0);
	got = harness_held(b, P1, 0);
	assert_int_equal(ip_addr_to_u32(&got->next_hop), 0x0a00006a);
	assert_int_equal(got->local_pref, 120);
	assert_int_equal(got->med, 4);
	assert_int_equal(got->as_path_len, 2);
	assert_int_equal(got->originator_id, 0x0a000001);
	assert_int_equal(got->cluster_list_len, 1);
	got = harness_held(b, P2, 0);
	assert_int_equal(got->originator_id, 99);
	assert_int_equal(got->cluster_list_len, 2);
	harness_fini(&h);
}

/* RFC 4271 5.1: towards another AS. */
static void outside_sees_our_as_and_our_next_hop(void **state)
{
	struct harness h;
	struct test_peer *a, *out;
	const struct held *got;

	(void)state;
	harness_init(&h, &config);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	out = up(&h, 2, ROUTE_PEER_EBGP, ROUTE_SEND_BEST);
	harness_announce(a, &(struct route){ .prefix = P1, .as_path = "7", .med = 4, .local_pref = 120 });
	harness_announce(a, &(struct route){ .prefix = P2, .community = BGP_COMMUNITY_NO_EXPORT });
	harness_settle(&h, 0);
	got = harness_held(out, P1, 0);
	assert_int_equal(got->as_path_len, 2);
	assert_int_equal(ip_addr_to_u32(&got->next_hop), 0x0a0000fe);
	assert_int_equal(got->med + got->local_pref + got->originator_id + got->cluster_list_len, 0);
	assert_int_equal(harness_held_count(out, P2), 0);
	harness_fini(&h);
}

static void loops_are_refused(void **state)
{
	struct harness h;
	struct test_peer *a, *b;

	(void)state;
	harness_init(&h, &config);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	b = up(&h, 2, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	harness_announce(a, &(struct route){ .prefix = P1 });
	harness_settle(&h, 0);
	assert_int_equal(b->count, 1);
	/* each replaces the good one, and is refused: so the good one goes too */
	harness_announce(a, &(struct route){ .prefix = P1, .originator_id = config.router_id });
	harness_settle(&h, 0);
	assert_int_equal(b->count, 0);
	harness_announce(a, &(struct route){ .prefix = P1, .cluster_id = config.cluster_id });
	harness_announce(a, &(struct route){ .prefix = P1, .as_path = "1 65021 2" });
	harness_announce(a, &(struct route){ .prefix = "127.0.0.0/8" });
	harness_settle(&h, 0);
	assert_int_equal(b->count, 0);
	assert_int_equal(route_peer_counters(a->p)->rejected[ROUTE_REJECT_ORIGINATOR_LOOP], 1);
	assert_int_equal(route_peer_counters(a->p)->rejected[ROUTE_REJECT_CLUSTER_LOOP], 1);
	assert_int_equal(route_peer_counters(a->p)->rejected[ROUTE_REJECT_AS_LOOP], 1);
	assert_int_equal(route_peer_counters(a->p)->rejected[ROUTE_REJECT_MARTIAN], 1);
	assert_int_equal(route_peer_counters(a->p)->received[BGP_IPV4_UNICAST], 0);
	harness_fini(&h);
}

static void import_takes_only_what_is_allowed(void **state)
{
	struct route_prefix_rule rule = { .ge = 24, .le = 24 };
	struct prefix next_hops;
	struct route_policy *policy;
	struct harness h;
	struct test_peer *a, *b;
	struct prefix last;
	enum route_reject why;

	(void)state;
	prefix_parse("10.1.0.0/16", &rule.prefix, NULL);
	prefix_parse("10.0.0.0/16", &next_hops, NULL);
	policy = route_policy_new(&(struct route_policy_config){ .prefixes = &rule,
		.prefix_count = 1,
		.next_hops = &next_hops,
		.next_hop_count = 1,
		.max_prefixes = 2 });
	harness_init(&h, &config);
	a = harness_peer(&h, 1, ROUTE_PEER_IBGP_CLIENT);
	a->cfg.import = policy;
	harness_up(a);
	b = up(&h, 2, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	assert_int_equal(harness_announce(a, &(struct route){ .prefix = P1 }), ROUTE_IMPORT_OK);
	harness_announce(a, &(struct route){ .prefix = "10.1.0.0/16" });
	harness_announce(a, &(struct route){ .prefix = "10.2.1.0/24" });
	assert_true(route_peer_last_rejected(a->p, &last, &why));
	assert_int_equal(why, ROUTE_REJECT_PREFIX);
	harness_announce(a, &(struct route){ .prefix = P2, .next_hop = "10.9.0.1" });
	assert_int_equal(harness_announce(a, &(struct route){ .prefix = P2 }), ROUTE_IMPORT_OK);
	/* the same again is not one more */
	assert_int_equal(harness_announce(a, &(struct route){ .prefix = P2, .med = 5 }), ROUTE_IMPORT_OK);
	assert_int_equal(
		harness_announce(a, &(struct route){ .prefix = "10.1.3.0/24" }), ROUTE_IMPORT_MAX_PREFIXES);
	harness_settle(&h, 0);
	assert_int_equal(b->count, 2);
	assert_int_equal(route_peer_counters(a->p)->rejected[ROUTE_REJECT_PREFIX], 2);
	assert_int_equal(route_peer_counters(a->p)->rejected[ROUTE_REJECT_NEXT_HOP], 1);
	assert_int_equal(route_peer_counters(a->p)->rejected[ROUTE_REJECT_MAX_PREFIXES], 1);
	harness_fini(&h);
	route_policy_free(policy);
}

static void add_path_sends_all_with_stable_identifiers(void **state)
{
	struct harness h;
	struct test_peer *p[4], *all, *best;
	uint32_t id[3];

	(void)state;
	harness_init(&h, &config);
	for (unsigned i = 0; i < 3; i++)
		p[i] = up(&h, i + 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	all = up(&h, 10, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_ALL);
	best = up(&h, 11, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	for (int i = 0; i < 3; i++)
		harness_announce(p[i], &(struct route){ .prefix = P1 });
	harness_settle(&h, 0);
	assert_int_equal(harness_held_count(all, P1), 3);
	assert_int_equal(harness_held_count(best, P1), 1);
	assert_int_equal(harness_held(best, P1, 0)->originator_id, 0x0a000001);
	for (size_t i = 0; i < 3; i++)
		id[harness_held(all, P1, i)->originator_id - 0x0a000001] = harness_held(all, P1, i)->path_id;
	/* a change keeps the identifier; a withdrawal takes just the one */
	harness_announce(p[1], &(struct route){ .prefix = P1, .med = 7 });
	harness_withdraw(p[0], P1, 0);
	harness_settle(&h, 0);
	assert_int_equal(harness_held_count(all, P1), 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(harness_held(all, P1, i)->path_id,
			id[harness_held(all, P1, i)->originator_id - 0x0a000001]);
	/* MED 7 is worse than none */
	assert_int_equal(harness_held(best, P1, 0)->originator_id, 0x0a000003);
	/* the source of the best path holds the second best of nobody: only the best is told, and never to its source */
	assert_int_equal(harness_held_count(p[2], P1), 0);
	assert_int_equal(harness_held_count(p[0], P1), 1);
	nothing_wrong(&h);
	harness_fini(&h);
}

/* The new source forgets what it holds; for all others the new path takes the place of the old one, with no moment without any. */
static void a_better_path_is_withdrawn_from_its_source_alone(void **state)
{
	struct harness h;
	struct test_peer *first, *better, *other;

	(void)state;
	harness_init(&h, &config);
	first = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	better = up(&h, 2, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	other = up(&h, 3, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	harness_announce(first, &(struct route){ .prefix = P1, .local_pref = 100 });
	harness_settle(&h, 0);
	assert_int_equal(harness_held_count(better, P1), 1);
	harness_announce(better, &(struct route){ .prefix = P1, .local_pref = 200 });
	harness_settle(&h, 0);
	assert_int_equal(harness_held_count(better, P1), 0);
	assert_int_equal(better->withdrawn, 1);
	assert_int_equal(harness_held(first, P1, 0)->local_pref, 200);
	assert_int_equal(harness_held(other, P1, 0)->local_pref, 200);
	assert_int_equal(other->announced, 2);
	assert_int_equal(first->withdrawn + other->withdrawn, 0);
	nothing_wrong(&h);
	harness_fini(&h);
}

static void best_n_and_multipath_send_their_sets(void **state)
{
	struct harness h;
	struct test_peer *p[5], *two, *equal;

	(void)state;
	harness_init(&h, &config);
	for (unsigned i = 0; i < 5; i++)
		p[i] = up(&h, i + 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	two = harness_peer(&h, 10, ROUTE_PEER_IBGP_CLIENT);
	two->cfg.send_mode[0] = ROUTE_SEND_BEST_N;
	two->cfg.send_n = 2;
	two->n.add_path_tx[0] = true;
	harness_up(two);
	equal = up(&h, 11, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_MULTIPATH);
	for (int i = 0; i < 5; i++)
		harness_announce(p[i], &(struct route){ .prefix = P1, .local_pref = i < 3 ? 200 : 100 });
	harness_settle(&h, 0);
	assert_int_equal(harness_held_count(two, P1), 2);
	assert_int_equal(harness_held_count(equal, P1), 3);
	for (int i = 0; i < 3; i++)
		harness_down(p[i]);
	harness_settle(&h, 0);
	assert_int_equal(harness_held_count(two, P1), 2);
	assert_int_equal(harness_held_count(equal, P1), 2);
	nothing_wrong(&h);
	harness_fini(&h);
}

static void a_late_peer_gets_the_table_then_end_of_rib(void **state)
{
	struct harness h;
	struct test_peer *a, *b, *late;
	char prefix[32];

	(void)state;
	harness_init(&h, &config);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	b = up(&h, 2, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	harness_settle(&h, 0);
	assert_int_equal(b->end_of_rib[BGP_IPV4_UNICAST], 1);
	for (int i = 0; i < 1000; i++) {
		snprintf(prefix, sizeof(prefix), "10.%d.%d.0/24", i / 250, i % 250);
		harness_announce(a, &(struct route){ .prefix = prefix, .med = (uint32_t)i / 6 + 1 });
	}
	harness_settle(&h, 100);
	assert_int_equal(b->count, 1000);
	late = up(&h, 3, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	harness_settle(&h, 77);
	assert_int_equal(late->count, 1000);
	assert_int_equal(late->end_of_rib[BGP_IPV4_UNICAST], 1);
	assert_int_equal(route_peer_advertised(late->p, BGP_IPV4_UNICAST), 1000);
	assert_int_equal(route_peer_advertised(a->p, BGP_IPV4_UNICAST), 0);
	harness_fini(&h);
}

static void export_none_sends_only_end_of_rib(void **state)
{
	/* cppcheck-suppress legacyUninitvar; .none is a member. */
	struct route_policy *none = route_policy_new(&(struct route_policy_config){ .none = true });
	struct harness h;
	struct test_peer *a, *pod;

	(void)state;
	harness_init(&h, &config);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	pod = harness_peer(&h, 2, ROUTE_PEER_IBGP_CLIENT);
	pod->cfg.export = none;
	harness_up(pod);
	harness_announce(a, &(struct route){ .prefix = P1 });
	harness_settle(&h, 0);
	assert_int_equal(pod->count, 0);
	assert_int_equal(pod->updates, 1);
	assert_int_equal(pod->end_of_rib[BGP_IPV4_UNICAST], 1);
	harness_fini(&h);
	route_policy_free(none);
}

static void refresh_sends_the_table_again(void **state)
{
	(void)state;
	for (int enhanced = 0; enhanced < 2; enhanced++) {
		struct harness h;
		struct test_peer *a, *b;

		harness_init(&h, &config);
		a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
		b = harness_peer(&h, 2, ROUTE_PEER_IBGP_CLIENT);
		b->n.enhanced_route_refresh = enhanced;
		harness_up(b);
		harness_announce(a, &(struct route){ .prefix = P1 });
		harness_settle(&h, 0);
		b->count = 0;
		route_peer_refresh(b->p, BGP_IPV4_UNICAST);
		harness_announce(a, &(struct route){ .prefix = P2 });
		harness_settle(&h, 0);
		assert_int_equal(b->count, 2);
		assert_int_equal(b->refresh_begin, enhanced);
		assert_int_equal(b->refresh_end, enhanced);
		harness_fini(&h);
	}
}

/* RFC 4271 5.1.5: the degree of preference of an external route goes along inside; RFC 8326: that is 0 here. What an internal
 * peer says stays as it was (RFC 4456 10). */
static void an_external_route_that_is_shut_down_gracefully_is_so_in_the_whole_as(void **state)
{
	static const enum route_peer_type types[] = { ROUTE_PEER_EBGP, ROUTE_PEER_IBGP_CLIENT };
	static const uint32_t expected[] = { 0, 100 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct harness h;
		struct test_peer *source, *ear;

		harness_init(&h, &config);
		source = up(&h, 1, types[i], ROUTE_SEND_BEST);
		ear = up(&h, 2, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
		harness_announce(source,
			&(struct route){
				.prefix = P1, .as_path = "7", .community = BGP_COMMUNITY_GRACEFUL_SHUTDOWN });
		harness_settle(&h, 0);
		assert_int_equal(harness_held(ear, P1, 0)->local_pref, expected[i]);
		harness_fini(&h);
	}
}

static void oversized_routes_cost_only_themselves(void **state)
{
	struct harness h;
	struct test_peer *a, *small, *large;

	(void)state;
	harness_init(&h, &config);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	small = up(&h, 2, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	large = harness_peer(&h, 3, ROUTE_PEER_IBGP_CLIENT);
	large->n.max_tx = BGP_EXTENDED_MESSAGE_MAX;
	harness_up(large);
	harness_announce(a, &(struct route){ .prefix = P1 });
	harness_announce(a, &(struct route){ .prefix = P2 });
	harness_settle(&h, 0);
	assert_int_equal(small->count, 2);
	harness_announce(a, &(struct route){ .prefix = P1, .padding = 4050 });
	harness_settle(&h, 0);
	/* the earlier version must not stay */
	assert_int_equal(small->count, 1);
	assert_int_equal(large->count, 2);
	assert_int_equal(h.oversized, 1);
	assert_int_equal(route_peer_counters(small->p)->oversized, 1);
	assert_int_equal(route_peer_counters(large->p)->oversized, 0);
	assert_int_equal(route_peer_advertised(small->p, BGP_IPV4_UNICAST), 1);
	assert_int_equal(route_peer_advertised(large->p, BGP_IPV4_UNICAST), 2);
	harness_announce(a, &(struct route){ .prefix = P1, .padding = 2000 });
	harness_settle(&h, 0);
	assert_int_equal(small->count, 2);
	assert_int_equal(route_peer_advertised(small->p, BGP_IPV4_UNICAST), 2);
	harness_fini(&h);
}

static void the_advertisement_interval_holds_announcements_not_withdrawals(void **state)
{
	struct harness h;
	struct test_peer *a, *b;

	(void)state;
	harness_init(&h, &config);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	b = harness_peer(&h, 2, ROUTE_PEER_IBGP_CLIENT);
	b->cfg.advertisement_interval_ms = 1000;
	harness_up(b);
	harness_announce(a, &(struct route){ .prefix = P1 });
	harness_settle(&h, 0);
	assert_int_equal(b->count, 1);
	harness_announce(a, &(struct route){ .prefix = P2 });
	h.now_ms += 10;
	harness_settle(&h, 0);
	assert_int_equal(b->count, 1);
	harness_withdraw(a, P1, 0);
	harness_settle(&h, 0);
	assert_int_equal(b->count, 0);
	assert_in_range(route_engine_work(h.e, h.now_ms), 1, 1000);
	h.now_ms += 1000;
	harness_settle(&h, 0);
	assert_int_equal(b->count, 1);
	nothing_wrong(&h);
	harness_fini(&h);
}

static void what_the_interval_held_back_goes_when_a_full_socket_empties(void **state)
{
	struct harness h;
	struct test_peer *a, *b;
	struct iovec iov[8];
	size_t partial;

	(void)state;
	harness_init(&h, &config);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	b = harness_peer(&h, 2, ROUTE_PEER_IBGP_CLIENT);
	b->cfg.advertisement_interval_ms = 1000;
	harness_up(b);
	harness_announce(a, &(struct route){ .prefix = P1 });
	harness_settle(&h, 0);
	harness_announce(a, &(struct route){ .prefix = P2 });
	harness_settle(&h, 0);
	b->stuck = true;
	harness_withdraw(a, P1, 0);
	harness_settle(&h, 0);
	/* The interval ends while the socket is full. */
	h.now_ms += 1000;
	harness_settle(&h, 0);
	h.awake = false;
	for (int n; (n = route_peer_fill(b->p, iov, 8, &partial));) {
		size_t octets = 0;

		while (n--)
			octets += iov[n].iov_len;
		route_peer_consumed(b->p, octets);
	}
	assert_true(h.awake);
	b->stuck = false;
	harness_settle(&h, 0);
	assert_non_null(harness_held(b, P2, 0));
	harness_fini(&h);
}

/* A peer that reads nothing must not make entries pile up that others come and go with. */
static void a_stuck_peer_holds_no_prefixes_that_came_and_went(void **state)
{
	enum { PREFIXES = 200000, AT_ONCE = 1000, BOUND = 70000 };
	struct harness h;
	struct test_peer *a, *b;
	char prefix[32];

	(void)state;
	harness_init(&h, &config);
	/* Not a client: in a group of its own, so that b is alone in its group. */
	a = up(&h, 1, ROUTE_PEER_IBGP, ROUTE_SEND_BEST);
	b = up(&h, 2, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	harness_settle(&h, 0);
	b->stuck = true;
	harness_announce(a, &(struct route){ .prefix = P1 });
	harness_settle(&h, 0);
	for (unsigned i = 0; i < PREFIXES; i++) {
		struct bgp_nlri nlri = { 0 };
		struct bgp_update u = { .verdict = BGP_VERDICT_OK, .attrs = { .has = BGP_HAS_ORIGIN } };
		struct ip_addr nh = a->cfg.address;
		enum bgp_family f;

		snprintf(prefix, sizeof(prefix), "11.%u.%u.%u/32", i >> 16 & 255, i >> 8 & 255, i & 255);
		assert_true(prefix_parse(prefix, &nlri.prefix, NULL));
		u.next_hop[0] = bgp_next_hop_from_addr(&nh);
		u.announced[0] = (struct bgp_nlri_list){ &nlri, 1 };
		route_peer_update(a->p, &u, h.now_ms, &f);
		u = (struct bgp_update){ .withdrawn[0] = { &nlri, 1 } };
		route_peer_update(a->p, &u, h.now_ms, &f);
		if (i % AT_ONCE == 0)
			harness_settle(&h, 0);
	}
	harness_settle(&h, 0);
	assert_in_range(route_rib_entries(route_engine_rib(h.e, BGP_IPV4_UNICAST)), 1, BOUND);
	b->stuck = false;
	b->kicked = true;
	harness_settle(&h, 0);
	assert_non_null(harness_held(b, P1, 0));
	assert_int_equal(b->count, 1);
	nothing_wrong(&h);
	harness_fini(&h);
}

static void a_peer_that_asks_for_refreshes_and_does_not_read_costs_nothing(void **state)
{
	struct harness h;
	struct test_peer *a, *b;

	(void)state;
	harness_init(&h, &config);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	b = harness_peer(&h, 2, ROUTE_PEER_IBGP_CLIENT);
	b->n.route_refresh = b->n.enhanced_route_refresh = true;
	harness_up(b);
	harness_announce(a, &(struct route){ .prefix = P1 });
	harness_settle(&h, 0);
	b->stuck = true;
	for (int i = 0; i < 1000; i++)
		route_peer_refresh(b->p, BGP_IPV4_UNICAST);
	b->stuck = false;
	b->kicked = true;
	harness_settle(&h, 0);
	assert_int_equal(b->refresh_begin, 2);
	assert_int_equal(b->refresh_end, 2);
	assert_int_equal(b->count, 1);
	harness_fini(&h);
}

static void announce_many(struct test_peer *from, int count, uint32_t med)
{
	char prefix[32];

	for (int i = 0; i < count; i++) {
		snprintf(prefix, sizeof(prefix), "10.%d.%d.0/24", i / 250, i % 250);
		harness_announce(from, &(struct route){ .prefix = prefix, .med = med + (uint32_t)i });
	}
}

static void what_slow_peers_have_not_read_is_noted_down_in_slices(void **state)
{
	enum { ROUTES = 4000 };
	struct route_engine_config cfg = config;
	struct test_peer *a, *slow[2];
	struct harness h;
	int slices;

	(void)state;
	cfg.stream_window = 128 * 1024;
	harness_init(&h, &cfg);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	for (unsigned i = 0; i < 2; i++)
		slow[i] = up(&h, 2 + i, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_ALL);
	harness_settle(&h, 0);
	slow[0]->stuck = slow[1]->stuck = true;
	announce_many(a, ROUTES, 1);
	for (slices = 0; route_engine_work(h.e, h.now_ms) == 0; slices++)
		;
	/* Two peers, at least half the window each, 64 KiB a slice; and at once it would be one. */
	assert_true(slices >= 3);
	slow[0]->stuck = slow[1]->stuck = false;
	slow[0]->kicked = slow[1]->kicked = true;
	harness_settle(&h, 0);
	/* Again, and now they read while there is still something to be noted down, and one goes. */
	slow[0]->stuck = slow[1]->stuck = true;
	announce_many(a, ROUTES, 10000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(route_engine_work(h.e, h.now_ms), 0);
	harness_down(slow[1]);
	slow[0]->stuck = false;
	slow[0]->kicked = true;
	harness_settle(&h, 0);
	assert_int_equal(slow[0]->count, ROUTES);
	for (size_t i = 0; i < slow[0]->count; i++)
		assert_true(slow[0]->held[i].med >= 10000);
	nothing_wrong(&h);
	harness_fini(&h);
}

/* One reads all at once, sixteen others 4 KiB in a turn: a few of these would have to leave the stream, so many are kept in it, so that all read
 * the same octets. */
static void the_more_are_behind_the_more_the_stream_holds(void **state)
{
	enum { ROUTES = 2000, ROUNDS = 2, SLOW = 16, WINDOW = 128 * 1024, AT_ONCE = 4096 };
	struct route_engine_config cfg = config;
	struct test_peer *a, *fast, *slow[SLOW];
	struct harness h;
	bool more = true;
	int rounds = 0;

	(void)state;
	cfg.stream_window = WINDOW;
	harness_init(&h, &cfg);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	fast = up(&h, 2, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_ALL);
	for (unsigned i = 0; i < SLOW; i++)
		slow[i] = up(&h, 3 + i, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_ALL);
	harness_settle(&h, 0);
	while (more || rounds < ROUNDS) {
		if (rounds < ROUNDS && fast->announced == (uint64_t)rounds * ROUTES)
			announce_many(a, ROUTES, (uint32_t)++rounds * ROUTES);
		more = route_engine_work(h.e, h.now_ms) != UINT64_MAX;
		while (harness_pull(fast, 0))
			more = true;
		for (int i = 0; i < SLOW; i++)
			more |= harness_pull(slow[i], AT_ONCE);
	}
	assert_true(fast->octets > WINDOW);
	assert_true(fast->octets < 4 * WINDOW);
	for (int i = 0; i < SLOW; i++) {
		assert_int_equal(slow[i]->count, ROUTES);
		assert_int_equal(slow[i]->octets, fast->octets);
	}
	nothing_wrong(&h);
	harness_fini(&h);
}

/* S7 of the benchmark in small: a peer that stops reading is served from marks, and nobody else notices. */
static void a_stuck_peer_delays_nobody_and_catches_up(void **state)
{
	struct route_engine_config cfg = config;
	struct harness h;
	struct test_peer *a, *b, *stuck;
	char prefix[32];

	(void)state;
	cfg.stream_window = 256 * 1024;
	harness_init(&h, &cfg);
	a = up(&h, 1, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_BEST);
	b = up(&h, 2, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_ALL);
	stuck = up(&h, 3, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_ALL);
	harness_settle(&h, 0);
	for (int round = 0; round < 30; round++) {
		for (int i = 0; i < 1000; i++) {
			snprintf(prefix, sizeof(prefix), "10.%d.%d.0/24", i / 250, i % 250);
			if (round % 3 == 2 && i % 5 == 0)
				harness_withdraw(a, prefix, 0);
			else
				harness_announce(a, &(struct route){ .prefix = prefix,
							    .med = (uint32_t)(round * 1000 + i) });
		}
		harness_settle(&h, 0);
		stuck->stuck = round < 29;
		/* one socket buffer's worth goes out, ending in the middle of a message */
		if (round == 0) {
			stuck->stuck = false;
			stuck->kicked = true;
			harness_settle(&h, 33);
			stuck->stuck = true;
		}
		assert_int_equal(b->count, round % 3 == 2 ? 800 : 1000);
	}
	stuck->stuck = false;
	stuck->kicked = true;
	harness_settle(&h, 1000);
	assert_int_equal(stuck->count, 800);
	for (size_t i = 0; i < stuck->count; i++)
		assert_true(stuck->held[i].med >= 29 * 1000);
	/* what came and went meanwhile may be withdrawn in vain */
	stuck->unknown_withdrawals = 0;
	/* far less than the thirty rounds */
	assert_true(stuck->octets < b->octets / 4);
	nothing_wrong(&h);
	harness_fini(&h);
}

static void a_peer_beyond_the_last_update_group_is_told(void **state)
{
	struct bgp_negotiated n = { .family = { true, false }, .as4 = true, .max_tx = BGP_MESSAGE_MAX };
	struct route_peer_config cfg = { .type = ROUTE_PEER_IBGP_CLIENT };
	struct route_peer *p;
	struct harness h;

	(void)state;
	harness_init(&h, &config);
	for (unsigned i = 0; i < ROUTE_GROUPS_MAX; i++) {
		cfg.address = ip_addr_v4(0x0a010000 + i);
		cfg.advertisement_interval_ms = i * 1000;
		p = route_peer_new(h.e, &cfg, &n, &h.peer[0]);
		assert_true(route_peer_served(p));
	}
	cfg.advertisement_interval_ms = 1;
	assert_false(route_peer_served(route_peer_new(h.e, &cfg, &n, &h.peer[0])));
	cfg.advertisement_interval_ms = 0;
	assert_true(route_peer_served(route_peer_new(h.e, &cfg, &n, &h.peer[0])));
	harness_fini(&h);
}

static void remember_memory(void *user, const char *what, size_t objects, size_t octets)
{
	(void)what;
	(void)octets;
	*(size_t *)user += objects;
}

static void all_memory_of_a_vanished_peer_is_freed(void **state)
{
	struct harness h;
	struct test_peer *b;
	size_t before = 0, after = 0;

	(void)state;
	harness_init(&h, &config);
	b = up(&h, 30, ROUTE_PEER_IBGP_CLIENT, ROUTE_SEND_ALL);
	harness_settle(&h, 0);
	for (int round = 0; round < 50; round++) {
		struct test_peer *a = &h.peer[1];

		if (!a->held)
			harness_peer(&h, 1, ROUTE_PEER_IBGP_CLIENT);
		harness_up(a);
		harness_announce(a, &(struct route){ .prefix = P1, .med = (uint32_t)round });
		harness_settle(&h, 0);
		assert_int_equal(b->count, 1);
		assert_false(route_engine_is_amid_change(h.e));
		harness_down(a);
		assert_true(route_engine_is_amid_change(h.e));
		harness_settle(&h, 0);
		assert_false(route_engine_is_amid_change(h.e));
		assert_int_equal(b->count, 0);
		if (round == 1)
			route_engine_memory(h.e, remember_memory, &before);
	}
	route_engine_memory(h.e, remember_memory, &after);
	assert_int_equal(before, after);
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_go_where_rfc_4456_says),
		cmocka_unit_test(reflection_adds_only_what_rfc_4456_adds),
		cmocka_unit_test(outside_sees_our_as_and_our_next_hop),
		cmocka_unit_test(loops_are_refused),
		cmocka_unit_test(import_takes_only_what_is_allowed),
		cmocka_unit_test(add_path_sends_all_with_stable_identifiers),
		cmocka_unit_test(a_better_path_is_withdrawn_from_its_source_alone),
		cmocka_unit_test(best_n_and_multipath_send_their_sets),
		cmocka_unit_test(a_late_peer_gets_the_table_then_end_of_rib),
		cmocka_unit_test(export_none_sends_only_end_of_rib),
		cmocka_unit_test(refresh_sends_the_table_again),
		cmocka_unit_test(an_external_route_that_is_shut_down_gracefully_is_so_in_the_whole_as),
		cmocka_unit_test(oversized_routes_cost_only_themselves),
		cmocka_unit_test(the_advertisement_interval_holds_announcements_not_withdrawals),
		cmocka_unit_test(what_the_interval_held_back_goes_when_a_full_socket_empties),
		cmocka_unit_test(a_stuck_peer_holds_no_prefixes_that_came_and_went),
		cmocka_unit_test(a_peer_that_asks_for_refreshes_and_does_not_read_costs_nothing),
		cmocka_unit_test(what_slow_peers_have_not_read_is_noted_down_in_slices),
		cmocka_unit_test(the_more_are_behind_the_more_the_stream_holds),
		cmocka_unit_test(a_stuck_peer_delays_nobody_and_catches_up),
		cmocka_unit_test(a_peer_beyond_the_last_update_group_is_told),
		cmocka_unit_test(all_memory_of_a_vanished_peer_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

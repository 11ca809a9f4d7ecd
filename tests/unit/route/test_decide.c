/* The decision process, every step both ways round, in the order of src/route/decide.h. */
#include "harness.h"

#include "route/next_hops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct route_engine_config config = {
	.local_as = 65021, .router_id = 0x0a0000fe, .cluster_id = 0x0a0000fe
};

static struct route_entry *entry(struct harness *h)
{
	struct prefix p;

	prefix_parse("10.1.1.0/24", &p, NULL);
	return route_rib_find(route_engine_rib(h->e, BGP_IPV4_UNICAST), &p);
}

static const struct route_path *path_of(struct harness *h, const struct test_peer *from)
{
	ROUTE_EACH_PATH (p, &entry(h)->paths)
		if (p->peer == from->p)
			return p;
	return NULL;
}

/* Two routes, a better than b by one step, whichever comes first; and is b still in the equal-cost set? */
static void expect_step(struct route a, struct route b, enum route_peer_type type_a,
	enum route_peer_type type_b, unsigned number_a, unsigned number_b, enum route_step step,
	const char *words)
{
	for (int first = 0; first < 2; first++) {
		struct harness h;
		struct test_peer *pa, *pb;
		char why[128];

		harness_init(&h, &config);
		pa = harness_peer(&h, number_a, type_a);
		pb = harness_peer(&h, number_b, type_b);
		harness_up(pa);
		harness_up(pb);
		a.prefix = b.prefix = "10.1.1.0/24";
		harness_announce(first ? pa : pb, first ? &a : &b);
		harness_announce(first ? pb : pa, first ? &b : &a);
		assert_ptr_equal(route_decide(route_engine_decide(h.e), entry(&h)), path_of(&h, pa));
		assert_int_equal(route_decide_why(route_engine_decide(h.e), entry(&h), path_of(&h, pa)),
			ROUTE_STEP_BEST);
		assert_int_equal(
			route_decide_why(route_engine_decide(h.e), entry(&h), path_of(&h, pb)), step);
		route_decide_why_text(route_engine_decide(h.e), entry(&h), path_of(&h, pb), why, sizeof(why));
		assert_non_null(strstr(why, words));
		assert_int_equal(
			!!(path_of(&h, pb)->flags & ROUTE_PATH_MULTIPATH), step > ROUTE_STEP_INTERIOR_COST);
		harness_fini(&h);
	}
}

#define CLIENT ROUTE_PEER_IBGP_CLIENT
#define EBGP   ROUTE_PEER_EBGP

static void step_1_highest_local_pref(void **state)
{
	(void)state;
	expect_step((struct route){ .local_pref = 200, .as_path = "1 2 3" },
		(struct route){ .local_pref = 150 }, CLIENT, CLIENT, 2, 1, ROUTE_STEP_LOCAL_PREF,
		"LOCAL_PREF lower (150, best 200)");
	/* missing means 100 */
	expect_step((struct route){ .as_path = "1 2 3" }, (struct route){ .local_pref = 99 }, CLIENT, CLIENT,
		2, 1, ROUTE_STEP_LOCAL_PREF, "(99, best 100)");
	expect_step((struct route){ .as_path = "1 2" },
		(struct route){ .local_pref = 500, .community = BGP_COMMUNITY_GRACEFUL_SHUTDOWN }, CLIENT,
		CLIENT, 2, 1, ROUTE_STEP_LOCAL_PREF, "(0, best 100)");
}

static void step_2_shortest_as_path(void **state)
{
	(void)state;
	expect_step((struct route){ .as_path = "1 2", .origin = 2 }, (struct route){ .as_path = "1 2 3" },
		CLIENT, CLIENT, 2, 1, ROUTE_STEP_AS_PATH, "AS_PATH longer (3, best 2)");
}

static void step_3_lowest_origin(void **state)
{
	(void)state;
	expect_step((struct route){ .origin = 0, .med = 9 }, (struct route){ .origin = 1 }, CLIENT, CLIENT, 2,
		1, ROUTE_STEP_ORIGIN, "ORIGIN worse (egp, best igp)");
}

static void step_4_lowest_med_of_one_neighboring_as(void **state)
{
	(void)state;
	expect_step((struct route){ .as_path = "7", .med = 5 }, (struct route){ .as_path = "7", .med = 6 },
		CLIENT, EBGP, 2, 1, ROUTE_STEP_MED, "MED higher (6)");
	/* missing means 0 */
	expect_step((struct route){ .as_path = "7" }, (struct route){ .as_path = "7", .med = 1 }, CLIENT,
		CLIENT, 2, 1, ROUTE_STEP_MED, "MED higher (1)");
	/* of different ones it does not count: the next step decides */
	expect_step((struct route){ .as_path = "8", .med = 6 }, (struct route){ .as_path = "7", .med = 5 },
		EBGP, CLIENT, 2, 1, ROUTE_STEP_EBGP, "iBGP");
}

static void step_5_ebgp_over_ibgp(void **state)
{
	(void)state;
	expect_step((struct route){ .as_path = "7" }, (struct route){ .as_path = "7" }, EBGP, CLIENT, 2, 1,
		ROUTE_STEP_EBGP, "best is eBGP");
}

static void step_7_lowest_identifier_or_originator(void **state)
{
	(void)state;
	expect_step((struct route){ .med = 0 }, (struct route){ .med = 0 }, CLIENT, CLIENT, 1, 2,
		ROUTE_STEP_ROUTER_ID, "BGP identifier higher (10.0.0.2, best 10.0.0.1)");
	expect_step((struct route){ .originator_id = 5, .cluster_id = 77 }, (struct route){ .med = 0 },
		CLIENT, CLIENT, 2, 1, ROUTE_STEP_ROUTER_ID, "best 0.0.0.5");
}

static void step_8_shortest_cluster_list(void **state)
{
	(void)state;
	expect_step((struct route){ .originator_id = 5 },
		(struct route){ .originator_id = 5, .cluster_id = 77 }, CLIENT, CLIENT, 2, 1,
		ROUTE_STEP_CLUSTER_LIST, "CLUSTER_LIST longer (1, best 0)");
}

static void step_9_lowest_peer_address(void **state)
{
	(void)state;
	expect_step((struct route){ .originator_id = 5 }, (struct route){ .originator_id = 5 }, CLIENT,
		CLIENT, 1, 2, ROUTE_STEP_PEER_ADDRESS, "peer address higher (10.0.0.2, best 10.0.0.1)");
}

static void step_10_lowest_path_identifier(void **state)
{
	struct harness h;
	struct test_peer *p;

	(void)state;
	harness_init(&h, &config);
	p = harness_peer(&h, 1, CLIENT);
	harness_up(p);
	harness_announce(p, &(struct route){ .prefix = "10.1.1.0/24", .path_id = 9, .next_hop = "10.0.0.9" });
	harness_announce(p, &(struct route){ .prefix = "10.1.1.0/24", .path_id = 3, .next_hop = "10.0.0.3" });
	assert_int_equal(route_decide(route_engine_decide(h.e), entry(&h))->path_id_in, 3);
	harness_fini(&h);
}

/* A MED of one AS eliminates only there, whatever the order: the case that makes pairwise comparison go in circles. */
static void med_is_the_same_in_every_order(void **state)
{
	static const struct route r[3] = {
		{ .prefix = "10.1.1.0/24", .as_path = "7", .med = 10 },
		{ .prefix = "10.1.1.0/24", .as_path = "8", .med = 5 },
		{ .prefix = "10.1.1.0/24", .as_path = "7", .med = 1 },
	};
	static const int order[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 },
		{ 2, 1, 0 } };

	(void)state;
	for (int o = 0; o < 6; o++) {
		struct harness h;
		struct test_peer *p[3];

		harness_init(&h, &config);
		for (unsigned i = 0; i < 3; i++)
			harness_up(p[i] = harness_peer(&h, i + 1, CLIENT));
		for (int i = 0; i < 3; i++)
			harness_announce(p[order[o][i]], &r[order[o][i]]);
		/* 7/10 loses to 7/1; then 8/5 (identifier 2) is before 7/1 (identifier 3) */
		assert_ptr_equal(route_decide(route_engine_decide(h.e), entry(&h)), path_of(&h, p[1]));
		assert_int_equal(route_decide_why(route_engine_decide(h.e), entry(&h), path_of(&h, p[0])),
			ROUTE_STEP_MED);
		harness_fini(&h);
	}
}

static void always_compare_med_compares_all(void **state)
{
	struct route_engine_config cfg = config;
	struct harness h;
	struct test_peer *a, *b;

	(void)state;
	cfg.decide.always_compare_med = true;
	harness_init(&h, &cfg);
	harness_up(a = harness_peer(&h, 1, CLIENT));
	harness_up(b = harness_peer(&h, 2, CLIENT));
	harness_announce(a, &(struct route){ .prefix = "10.1.1.0/24", .as_path = "7", .med = 10 });
	harness_announce(b, &(struct route){ .prefix = "10.1.1.0/24", .as_path = "8", .med = 5 });
	assert_ptr_equal(route_decide(route_engine_decide(h.e), entry(&h)), path_of(&h, b));
	harness_fini(&h);
}

static size_t multipaths(struct harness *h)
{
	size_t n = 0;

	route_decide(route_engine_decide(h->e), entry(h));
	ROUTE_EACH_PATH (p, &entry(h)->paths)
		n += (p->flags & ROUTE_PATH_MULTIPATH) != 0;
	return n;
}

static void ebgp_multipath_wants_one_neighboring_as_unless_relaxed(void **state)
{
	(void)state;
	for (int relax = 0; relax < 2; relax++) {
		struct route_engine_config cfg = config;
		struct harness h;

		cfg.decide.as_path_relax = relax;
		harness_init(&h, &cfg);
		for (unsigned i = 1; i <= 3; i++) {
			struct test_peer *p = harness_peer(&h, i, EBGP);

			harness_up(p);
			harness_announce(p, &(struct route){ .prefix = "10.1.1.0/24",
						    .as_path = i == 3 ? "8 9" : "7 9" });
		}
		assert_int_equal(multipaths(&h), relax ? 3 : 2);
		harness_fini(&h);
	}
}

static void ranking_repeats_the_decision(void **state)
{
	struct harness h;
	struct route_decide *d;

	(void)state;
	harness_init(&h, &config);
	for (unsigned i = 1; i <= 5; i++) {
		struct test_peer *p = harness_peer(&h, i, CLIENT);

		harness_up(p);
		harness_announce(p, &(struct route){ .prefix = "10.1.1.0/24", .local_pref = 100 + i });
	}
	d = route_engine_decide(h.e);
	assert_int_equal(route_decide_rank(d, entry(&h), 3), 3);
	assert_int_equal(d->path[0]->attrs->local_pref, 105);
	assert_int_equal(d->path[1]->attrs->local_pref, 104);
	assert_int_equal(d->path[2]->attrs->local_pref, 103);
	assert_int_equal(route_decide_rank(d, entry(&h), 9), 5);
	harness_fini(&h);
}

static void balancers_are_told_apart_by_originator_and_next_hop(void **state)
{
	struct harness h;
	struct route_balancers b = { 0 };
	struct route_next_hop nh[8];
	struct test_peer *p[4];

	(void)state;
	harness_init(&h, &config);
	for (unsigned i = 0; i < 4; i++)
		harness_up(p[i] = harness_peer(&h, i + 1, CLIENT));
	/* two pods (1, 2) on one node; pod 9 heard through two reflectors (3, 4) */
	harness_announce(p[0], &(struct route){ .prefix = "10.1.1.0/24", .next_hop = "10.0.0.105" });
	harness_announce(p[1], &(struct route){ .prefix = "10.1.1.0/24", .next_hop = "10.0.0.105" });
	harness_announce(p[2],
		&(struct route){ .prefix = "10.1.1.0/24", .next_hop = "10.0.0.106", .originator_id = 9 });
	harness_announce(p[3],
		&(struct route){ .prefix = "10.1.1.0/24", .next_hop = "10.0.0.106", .originator_id = 9 });
	assert_true(route_balancers_of(route_engine_decide(h.e), entry(&h), &b, NULL));
	assert_int_equal(b.count, 4);
	b.count = route_balancers_merge(b.item, b.count);
	assert_int_equal(b.count, 3);
	assert_int_equal(route_balancers_next_hops(b.item, b.count, nh, 8), 2);
	assert_int_equal(nh[0].weight, 2);
	assert_int_equal(ip_addr_to_u32(&nh[0].addr), 0x0a000069);
	assert_int_equal(nh[1].weight, 1);
	assert_int_equal(route_balancers_next_hops(b.item, b.count, nh, 1), 1);
	route_balancers_fini(&b);
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(step_1_highest_local_pref),
		cmocka_unit_test(step_2_shortest_as_path),
		cmocka_unit_test(step_3_lowest_origin),
		cmocka_unit_test(step_4_lowest_med_of_one_neighboring_as),
		cmocka_unit_test(step_5_ebgp_over_ibgp),
		cmocka_unit_test(step_7_lowest_identifier_or_originator),
		cmocka_unit_test(step_8_shortest_cluster_list),
		cmocka_unit_test(step_9_lowest_peer_address),
		cmocka_unit_test(step_10_lowest_path_identifier),
		cmocka_unit_test(med_is_the_same_in_every_order),
		cmocka_unit_test(always_compare_med_compares_all),
		cmocka_unit_test(ebgp_multipath_wants_one_neighboring_as_unless_relaxed),
		cmocka_unit_test(ranking_repeats_the_decision),
		cmocka_unit_test(balancers_are_told_apart_by_originator_and_next_hop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

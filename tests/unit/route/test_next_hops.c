/* Next hops: who takes part in the decision, what it costs to get there, and what a path says of its bandwidth. */
#include "harness.h"

#include "route/next_hops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CLIENT	ROUTE_PEER_IBGP_CLIENT
#define SERVICE "10.1.1.0/24"

static const struct route_engine_config checking = {
	.local_as = 65021, .router_id = 0x0a0000fe, .cluster_id = 0x0a0000fe, .next_hop_check = true
};

static struct route_entry *entry_of(struct harness *h, const char *prefix)
{
	struct prefix p;

	assert_true(prefix_parse(prefix, &p, NULL));
	return route_rib_find(
		route_engine_rib(h->e, p.family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST), &p);
}

/* The next hop of the best path as text, "" when there is none. */
static const char *best(struct harness *h, const char *prefix, char *buf)
{
	struct route_path *p = route_decide(route_engine_decide(h->e), entry_of(h, prefix));
	struct bgp_next_hop nh;
	struct ip_addr addr;

	buf[0] = 0;
	if (!p)
		return buf;
	nh = route_attrs_next_hop(p->attrs);
	addr = bgp_next_hop_addr(&nh);
	return ip_addr_format(&addr, buf);
}

static void tell(struct harness *h, const char *address, bool eligible, uint32_t cost)
{
	struct ip_addr a;

	assert_true(ip_addr_parse(address, &a));
	route_engine_tell_next_hop(h->e, &a,
		&(struct route_reach){ .eligible = eligible,
			.why = eligible ? NULL : "no route to it",
			.interior_cost = cost });
}

static const struct route_hop *hop(struct harness *h, const char *address)
{
	struct ip_addr a;

	assert_true(ip_addr_parse(address, &a));
	return route_hops_find(route_engine_hops(h->e), &a);
}

static const char *state(struct harness *h, const char *address)
{
	return route_hop_state_text(route_engine_hops(h->e), hop(h, address));
}

/* A peer that is up. */
static struct test_peer *peer(struct harness *h, unsigned number)
{
	struct test_peer *p = harness_peer(h, number, CLIENT);

	harness_up(p);
	return p;
}

static void what_is_nobodys_address_is_no_next_hop(void **unused)
{
	static const struct {
		const char *prefix, *next_hop, *why;
	} row[] = {
		{ SERVICE, "0.0.0.0", "next hop not eligible: it is the unspecified address" },
		{ SERVICE, "0.0.0.1", "next hop not eligible: it is in 0.0.0.0/8, which is nobody's" },
		{ SERVICE, "127.0.0.1", "next hop not eligible: it is a loopback address" },
		{ SERVICE, "127.255.0.1", "next hop not eligible: it is a loopback address" },
		{ SERVICE, "224.0.0.5", "next hop not eligible: it is a multicast address" },
		{ SERVICE, "239.255.255.255", "next hop not eligible: it is a multicast address" },
		{ "2001:db8::/64", "::", "next hop not eligible: it is the unspecified address" },
		{ "2001:db8::/64", "::1", "next hop not eligible: it is a loopback address" },
		{ "2001:db8::/64", "ff02::1", "next hop not eligible: it is a multicast address" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct harness h;
		char buf[128];

		harness_init(&h, &checking);
		harness_announce(
			peer(&h, 1), &(struct route){ .prefix = row[i].prefix, .next_hop = row[i].next_hop });
		assert_string_equal(best(&h, row[i].prefix, buf), "");
		assert_string_equal(state(&h, row[i].next_hop), "ineligible");
		assert_string_equal(
			route_decide_why_text(route_engine_decide(h.e), entry_of(&h, row[i].prefix),
				route_paths_at(entry_of(&h, row[i].prefix)->paths, 0), buf, sizeof(buf)),
			row[i].why);
		/* nobody needs to be asked, and nobody's word changes it */
		assert_int_equal(h.hops_used, 0);
		tell(&h, row[i].next_hop, true, 0);
		assert_string_equal(best(&h, row[i].prefix, buf), "");
		harness_down(&h.peer[1]);
		harness_settle(&h, 0);
		assert_int_equal(h.hops_unused, 0);
		harness_fini(&h);
	}
}

static void a_reflector_leaves_it_to_its_routers(void **unused)
{
	struct route_engine_config cfg = checking;
	struct harness h;
	char buf[128];

	(void)unused;
	cfg.next_hop_check = false;
	harness_init(&h, &cfg);
	harness_announce(peer(&h, 1), &(struct route){ .prefix = SERVICE, .next_hop = "0.0.0.1" });
	assert_string_equal(best(&h, SERVICE, buf), "0.0.0.1");
	assert_string_equal(state(&h, "0.0.0.1"), "unchecked");
	tell(&h, "0.0.0.1", false, 0);
	assert_string_equal(best(&h, SERVICE, buf), "0.0.0.1");
	assert_int_equal(h.hops_used, 0);
	harness_fini(&h);
}

static void a_path_leaves_and_returns_with_its_next_hop(void **unused)
{
	struct test_peer *ear;
	struct harness h;
	char buf[128];

	(void)unused;
	harness_init(&h, &checking);
	ear = peer(&h, 9);
	harness_announce(peer(&h, 1), &(struct route){ .prefix = SERVICE, .next_hop = "10.9.0.1" });
	harness_announce(peer(&h, 2), &(struct route){ .prefix = SERVICE, .next_hop = "10.9.0.2" });
	harness_settle(&h, 0);
	assert_string_equal(state(&h, "10.9.0.1"), "pending");
	assert_string_equal(best(&h, SERVICE, buf), "10.9.0.1");
	tell(&h, "10.9.0.1", false, 0);
	harness_settle(&h, 0);
	assert_string_equal(state(&h, "10.9.0.1"), "ineligible");
	assert_string_equal(best(&h, SERVICE, buf), "10.9.0.2");
	assert_int_equal(ip_addr_to_u32(&harness_held(ear, SERVICE, 0)->next_hop), 0x0a090002);
	tell(&h, "10.9.0.2", false, 0);
	harness_settle(&h, 0);
	assert_string_equal(best(&h, SERVICE, buf), "");
	assert_null(harness_held(ear, SERVICE, 0));
	tell(&h, "10.9.0.1", true, 0);
	harness_settle(&h, 0);
	assert_string_equal(state(&h, "10.9.0.1"), "eligible");
	assert_string_equal(best(&h, SERVICE, buf), "10.9.0.1");
	assert_int_equal(ip_addr_to_u32(&harness_held(ear, SERVICE, 0)->next_hop), 0x0a090001);
	harness_fini(&h);
}

/* RFC 4271 9.1.3, in every mode of add-path, and by an advertisement interval, which holds announcements back. */
static void with_add_path_it_is_told_to_nobody_either(void **unused)
{
	static const enum route_send_mode mode[] = { ROUTE_SEND_ALL, ROUTE_SEND_BEST_N,
		ROUTE_SEND_MULTIPATH };

	(void)unused;
	for (size_t i = 0; i < 2 * sizeof(mode) / sizeof(mode[0]); i++) {
		uint32_t interval_ms = i % 2 ? 1000 : 0;
		struct test_peer *ear;
		struct harness h;

		harness_init(&h, &checking);
		ear = harness_peer(&h, 9, CLIENT);
		ear->cfg.send_mode[BGP_IPV4_UNICAST] = mode[i / 2];
		ear->cfg.send_n = 8;
		ear->cfg.advertisement_interval_ms = interval_ms;
		ear->n.add_path_tx[BGP_IPV4_UNICAST] = true;
		harness_up(ear);
		harness_announce(peer(&h, 1), &(struct route){ .prefix = SERVICE });
		harness_announce(peer(&h, 2), &(struct route){ .prefix = SERVICE });
		harness_settle(&h, 0);
		assert_int_equal(harness_held_count(ear, SERVICE), 2);
		tell(&h, "10.0.0.1", false, 0);
		harness_settle(&h, 0);
		assert_int_equal(harness_held_count(ear, SERVICE), 1);
		assert_int_equal(ip_addr_to_u32(&harness_held(ear, SERVICE, 0)->next_hop), 0x0a000002);
		tell(&h, "10.0.0.1", true, 0);
		harness_settle(&h, 0);
		h.now_ms += 2 * interval_ms;
		harness_settle(&h, 0);
		assert_int_equal(harness_held_count(ear, SERVICE), 2);
		harness_fini(&h);
	}
}

static void the_only_path_is_no_exception(void **unused)
{
	struct route_balancers b = { 0 };
	struct test_peer *p;
	struct harness h;
	char buf[128];

	(void)unused;
	harness_init(&h, &checking);
	p = peer(&h, 1);
	harness_announce(p, &(struct route){ .prefix = SERVICE });
	assert_string_equal(best(&h, SERVICE, buf), "10.0.0.1");
	tell(&h, "10.0.0.1", false, 0);
	harness_settle(&h, 0);
	assert_string_equal(best(&h, SERVICE, buf), "");
	assert_false(route_balancers_of(route_engine_decide(h.e), entry_of(&h, SERVICE), &b, NULL));
	assert_int_equal(b.count, 0);
	assert_false(route_paths_at(entry_of(&h, SERVICE)->paths, 0)->flags & ROUTE_PATH_MULTIPATH);
	assert_int_equal(route_decide_rank(route_engine_decide(h.e), entry_of(&h, SERVICE), 4), 0);
	route_balancers_fini(&b);
	harness_fini(&h);
}

static void why_is_told_also_before_the_walk_has_come_by(void **unused)
{
	struct harness h;
	char buf[128];

	(void)unused;
	harness_init(&h, &checking);
	harness_announce(peer(&h, 1), &(struct route){ .prefix = SERVICE, .local_pref = 200 });
	harness_announce(peer(&h, 2), &(struct route){ .prefix = SERVICE, .local_pref = 150 });
	tell(&h, "10.0.0.1", false, 0);
	tell(&h, "10.0.0.2", false, 0);
	harness_settle(&h, 0);
	assert_string_equal(best(&h, SERVICE, buf), "");
	tell(&h, "10.0.0.1", true, 0);
	tell(&h, "10.0.0.2", true, 0);
	ROUTE_EACH_PATH (p, &entry_of(&h, SERVICE)->paths)
		assert_non_null(route_decide_why_text(
			route_engine_decide(h.e), entry_of(&h, SERVICE), p, buf, sizeof(buf)));
	harness_settle(&h, 0);
	assert_string_equal(best(&h, SERVICE, buf), "10.0.0.1");
	harness_fini(&h);
}

static void step_6_lowest_interior_cost(void **unused)
{
	struct route_balancers b = { 0 };
	const struct route_path *worse;
	struct harness h;
	char buf[128];

	(void)unused;
	harness_init(&h, &checking);
	harness_announce(peer(&h, 1), &(struct route){ .prefix = SERVICE });
	harness_announce(peer(&h, 2), &(struct route){ .prefix = SERVICE });
	tell(&h, "10.0.0.1", true, 100);
	tell(&h, "10.0.0.2", true, 30);
	harness_settle(&h, 0);
	assert_string_equal(best(&h, SERVICE, buf), "10.0.0.2");
	worse = route_paths_at(entry_of(&h, SERVICE)->paths, 1);
	assert_int_equal(route_decide_why(route_engine_decide(h.e), entry_of(&h, SERVICE), worse),
		ROUTE_STEP_INTERIOR_COST);
	assert_string_equal(route_decide_why_text(
				    route_engine_decide(h.e), entry_of(&h, SERVICE), worse, buf, sizeof(buf)),
		"interior cost to the next hop higher (100, best 30)");
	assert_true(route_balancers_of(route_engine_decide(h.e), entry_of(&h, SERVICE), &b, NULL));
	assert_int_equal(b.count, 1);
	tell(&h, "10.0.0.1", true, 30);
	harness_settle(&h, 0);
	assert_true(route_balancers_of(route_engine_decide(h.e), entry_of(&h, SERVICE), &b, NULL));
	assert_int_equal(b.count, 2);
	route_balancers_fini(&b);
	harness_fini(&h);
}

static void the_table_knows_who_is_in_use(void **unused)
{
	struct test_peer *a, *b;
	struct harness h;

	(void)unused;
	harness_init(&h, &checking);
	a = peer(&h, 1);
	b = peer(&h, 2);
	harness_announce(a, &(struct route){ .prefix = SERVICE, .next_hop = "10.9.0.1" });
	harness_announce(a, &(struct route){ .prefix = "10.1.2.0/24", .next_hop = "10.9.0.1" });
	harness_announce(b, &(struct route){ .prefix = SERVICE, .next_hop = "10.9.0.1", .med = 7 });
	harness_announce(b, &(struct route){ .prefix = "2001:db8::/64", .next_hop = "2001:db8:1::1" });
	assert_int_equal(h.hops_used, 2);
	assert_int_equal(hop(&h, "10.9.0.1")->paths, 3);
	assert_int_equal(hop(&h, "2001:db8:1::1")->paths, 1);
	/* the same again, and another next hop in its place */
	harness_announce(a, &(struct route){ .prefix = SERVICE, .next_hop = "10.9.0.1" });
	assert_int_equal(hop(&h, "10.9.0.1")->paths, 3);
	harness_announce(a, &(struct route){ .prefix = SERVICE, .next_hop = "10.9.0.3" });
	assert_int_equal(hop(&h, "10.9.0.1")->paths, 2);
	harness_withdraw(b, SERVICE, 0);
	assert_int_equal(h.hops_unused, 0);
	harness_down(a);
	harness_settle(&h, 0);
	assert_null(hop(&h, "10.9.0.1"));
	assert_null(hop(&h, "10.9.0.3"));
	assert_int_equal(h.hops_unused, 2);
	assert_int_equal(h.hops_used, 3);
	harness_fini(&h);
}

enum { MANY = 20000 };

static const char *many(unsigned i, char *buf)
{
	snprintf(buf, PREFIX_TEXT_MAX, "20.%u.%u.0/24", i / 256, i % 256);
	return buf;
}

static void expect_many(struct harness *h, const char *next_hop)
{
	char prefix[PREFIX_TEXT_MAX], buf[PREFIX_TEXT_MAX];

	for (unsigned i = 0; i < MANY; i++)
		assert_string_equal(best(h, many(i, prefix), buf), next_hop);
}

static void a_change_finds_all_its_prefixes_in_slices(void **unused)
{
	struct harness h;
	char prefix[PREFIX_TEXT_MAX];
	unsigned slices = 0;

	(void)unused;
	harness_init(&h, &checking);
	peer(&h, 1);
	peer(&h, 2);
	for (unsigned i = 0; i < MANY; i++) {
		harness_announce(&h.peer[1], &(struct route){ .prefix = many(i, prefix) });
		harness_announce(&h.peer[2], &(struct route){ .prefix = prefix });
	}
	while (route_engine_work(h.e, h.now_ms) == 0)
		;
	expect_many(&h, "10.0.0.1");
	tell(&h, "10.0.0.1", false, 0);
	/* another change while the walk is half way */
	while (route_engine_work(h.e, h.now_ms) == 0)
		if (++slices == 3)
			tell(&h, "10.0.0.2", false, 0);
	assert_true(slices > 3);
	expect_many(&h, "");
	slices = 0;
	tell(&h, "10.0.0.1", true, 0);
	while (route_engine_work(h.e, h.now_ms) == 0)
		if (++slices == 2)
			tell(&h, "10.0.0.2", true, 0);
	expect_many(&h, "10.0.0.1");
	harness_fini(&h);
}

static void link_bandwidth_comes_with_the_path(void **unused)
{
	static const struct {
		uint64_t community;
		float bandwidth;
		bool bad;
	} row[] = {
		{ 0x4004fdfd47c35000, 100000.0f, false },	     /* 1e5, non-transitive */
		{ 0x0004fdfd47c35000, 100000.0f, false },	     /* transitive */
		{ 0x4004fdfd00000000, 0.0f, false },		     /* drains */
		{ 0x0002fdfd47c35000, ROUTE_BANDWIDTH_NONE, false }, /* a route target */
		{ 0x4004fdfd7fc00000, ROUTE_BANDWIDTH_NONE, true },  /* not a number */
		{ 0x4004fdfd7f800000, ROUTE_BANDWIDTH_NONE, true },  /* infinite */
		{ 0x4004fdfdc7c35000, ROUTE_BANDWIDTH_NONE, true },  /* negative */
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct route_balancers b = { 0 };
		const struct route_path *bad;
		struct harness h;

		harness_init(&h, &checking);
		harness_announce(
			peer(&h, 1), &(struct route){ .prefix = SERVICE, .extended = row[i].community });
		assert_true(route_balancers_of(route_engine_decide(h.e), entry_of(&h, SERVICE), &b, &bad));
		assert_true(
			b.item[0].bandwidth >= row[i].bandwidth && b.item[0].bandwidth <= row[i].bandwidth);
		assert_int_equal(bad != NULL, row[i].bad);
		route_balancers_fini(&b);
		harness_fini(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_nobodys_address_is_no_next_hop),
		cmocka_unit_test(a_reflector_leaves_it_to_its_routers),
		cmocka_unit_test(a_path_leaves_and_returns_with_its_next_hop),
		cmocka_unit_test(with_add_path_it_is_told_to_nobody_either),
		cmocka_unit_test(the_only_path_is_no_exception),
		cmocka_unit_test(why_is_told_also_before_the_walk_has_come_by),
		cmocka_unit_test(step_6_lowest_interior_cost),
		cmocka_unit_test(the_table_knows_who_is_in_use),
		cmocka_unit_test(a_change_finds_all_its_prefixes_in_slices),
		cmocka_unit_test(link_bandwidth_comes_with_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

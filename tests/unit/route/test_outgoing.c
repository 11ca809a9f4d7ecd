/* What goes out in which form: what stays inside the AS, next hops that fit, attributes that make room; and which next hops come
 * in at all. */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CLIENT	 ROUTE_PEER_IBGP_CLIENT
#define EXTERNAL ROUTE_PEER_EBGP

static const struct route_engine_config config = {
	.local_as = 65021, .router_id = 0x0a0000fe, .cluster_id = 0x0a0000fe
};

static const char P1[] = "10.1.1.0/24", P2[] = "10.1.2.0/24", SIX[] = "2001:db8::/64";

/* A peer that speaks both families, not yet up. */
static struct test_peer *both(struct harness *h, unsigned i, enum route_peer_type type)
{
	struct test_peer *p = harness_peer(h, i, type);

	p->n.family[BGP_IPV6_UNICAST] = true;
	assert_true(ip_addr_parse("fd00::fe", &p->cfg.local[BGP_IPV6_UNICAST]));
	return p;
}

static struct test_peer *up(struct test_peer *p)
{
	harness_up(p);
	return p;
}

static const char *next_hop(const struct test_peer *p, const char *prefix, char *buf)
{
	const struct held *h = harness_held(p, prefix, 0);

	return h ? ip_addr_format(&h->next_hop, buf) : "none";
}

/* RFC 4360 6 and RFC 5065 4 */
static void what_is_for_the_inside_does_not_leave(void **state)
{
	struct harness h;
	struct test_peer *a, *in, *out;

	(void)state;
	harness_init(&h, &config);
	a = up(both(&h, 1, CLIENT));
	in = up(both(&h, 2, CLIENT));
	out = harness_peer(&h, 3, EXTERNAL);
	harness_up(out);
	harness_announce(a, &(struct route){ .prefix = P1,
				    .extended = 0x4004fde84cbebc20,
				    .as_path = "7",
				    .confederation = true });
	harness_announce(a, &(struct route){ .prefix = P2, .extended = 0x0002fde800000064 });
	harness_settle(&h, 0);
	assert_true(harness_held(in, P1, 0)->extended == 0x4004fde84cbebc20);
	assert_false(harness_held(out, P1, 0)->has & BGP_HAS_EXTENDED_COMMUNITIES);
	/* the decoder of an external peer would have refused what is left of a confederation */
	assert_int_equal(harness_held(out, P1, 0)->as_path_len, 2);
	assert_true(harness_held(out, P2, 0)->extended == 0x0002fde800000064);
	harness_fini(&h);
}

/* RFC 8950 4 */
static void an_ipv6_next_hop_goes_with_ipv4_routes_only_where_that_was_agreed_on(void **state)
{
	struct harness h;
	struct test_peer *a, *able, *unable;
	char buf[PREFIX_TEXT_MAX];

	(void)state;
	harness_init(&h, &config);
	a = up(both(&h, 1, CLIENT));
	able = both(&h, 2, CLIENT);
	able->n.extended_next_hop = true;
	harness_up(able);
	unable = up(both(&h, 3, CLIENT));
	harness_announce(a, &(struct route){ .prefix = P1, .next_hop = "fd00::1" });
	harness_announce(a, &(struct route){ .prefix = SIX, .next_hop = "fd00::1" });
	harness_settle(&h, 0);
	assert_string_equal(next_hop(able, P1, buf), "fd00::1");
	assert_string_equal(next_hop(unable, P1, buf), "none");
	assert_string_equal(next_hop(able, SIX, buf), "fd00::1");
	assert_string_equal(next_hop(unable, SIX, buf), "fd00::1");
	/* it changes its kind, there and back */
	harness_announce(a, &(struct route){ .prefix = P1, .next_hop = "10.0.0.1" });
	harness_settle(&h, 0);
	assert_string_equal(next_hop(unable, P1, buf), "10.0.0.1");
	harness_announce(a, &(struct route){ .prefix = P1, .next_hop = "fd00::1" });
	harness_settle(&h, 0);
	assert_string_equal(next_hop(unable, P1, buf), "none");
	assert_string_equal(next_hop(able, P1, buf), "fd00::1");
	harness_fini(&h);
}

static void a_next_hop_of_our_own_is_of_the_routes_family_or_the_route_is_not_sent(void **state)
{
	struct harness h;
	struct test_peer *a, *four, *six, *six_able;
	char buf[PREFIX_TEXT_MAX];

	(void)state;
	harness_init(&h, &config);
	a = up(both(&h, 1, CLIENT));
	four = both(&h, 2, EXTERNAL);
	four->cfg.local[BGP_IPV6_UNICAST] = (struct ip_addr){ .family = IP_NONE };
	harness_up(four);
	six = both(&h, 3, EXTERNAL);
	six->cfg.local[BGP_IPV4_UNICAST] = (struct ip_addr){ .family = IP_NONE };
	harness_up(six);
	six_able = both(&h, 4, EXTERNAL);
	six_able->n.extended_next_hop = true;
	six_able->cfg.local[BGP_IPV4_UNICAST] = six_able->cfg.local[BGP_IPV6_UNICAST];
	harness_up(six_able);
	harness_announce(a, &(struct route){ .prefix = P1 });
	harness_announce(a, &(struct route){ .prefix = SIX, .next_hop = "fd00::1" });
	harness_settle(&h, 0);
	assert_string_equal(next_hop(four, P1, buf), "10.0.0.254");
	assert_string_equal(next_hop(four, SIX, buf), "none");
	assert_string_equal(next_hop(six, P1, buf), "none");
	assert_string_equal(next_hop(six, SIX, buf), "fd00::fe");
	assert_string_equal(next_hop(six_able, P1, buf), "fd00::fe");
	assert_string_equal(next_hop(six_able, SIX, buf), "fd00::fe");
	harness_fini(&h);
}

/* RFC 4271 6.3 */
static void our_own_address_is_no_next_hop_unless_the_policy_names_it(void **state)
{
	static const char *const row[] = { "10.0.0.254", "127.0.0.1" };
	struct route_policy *named;
	struct prefix all;

	(void)state;
	prefix_parse("0.0.0.0/0", &all, NULL);
	named = route_policy_new(&(struct route_policy_config){ .next_hops = &all, .next_hop_count = 1 });
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct harness h;
		struct test_peer *a, *b;

		harness_init(&h, &config);
		a = harness_peer(&h, 1, CLIENT);
		a->cfg.import = named;
		harness_up(a);
		b = up(both(&h, 2, CLIENT));
		harness_announce(a, &(struct route){ .prefix = P1, .next_hop = row[i] });
		harness_settle(&h, 0);
		assert_int_equal(harness_held_count(b, P1), 1);
		/* the policy that named it is gone: what is held goes too */
		a->cfg.import = NULL;
		route_peer_set_config(a->p, &a->cfg);
		harness_settle(&h, 0);
		assert_int_equal(harness_held_count(b, P1), 0);
		harness_announce(a, &(struct route){ .prefix = P2, .next_hop = row[i] });
		harness_settle(&h, 0);
		assert_int_equal(harness_held_count(b, P2), 0);
		assert_int_equal(route_peer_counters(a->p)->rejected[ROUTE_REJECT_OWN_NEXT_HOP], 2);
		harness_fini(&h);
	}
	route_policy_free(named);
}

/* RFC 4271 6.3 */
static void an_external_neighbor_on_the_link_names_who_is_on_it_unless_the_policy_names_another(void **state)
{
	static const struct {
		const char *next_hop;
		bool shared, named; /* taken: by itself; where a policy names 172.16.0.0/12 */
	} row[] = { { NULL, true, false }, { "192.0.2.7", true, false }, { "172.16.5.5", false, true },
		{ "192.0.3.7", false, false } };
	struct route_policy *named;
	struct prefix far;

	(void)state;
	prefix_parse("172.16.0.0/12", &far, NULL);
	named = route_policy_new(&(struct route_policy_config){ .next_hops = &far, .next_hop_count = 1 });
	for (size_t i = 0; i < 2 * sizeof(row) / sizeof(row[0]); i++) {
		struct harness h;
		struct test_peer *a, *b;
		bool by_name = i % 2, taken = by_name ? row[i / 2].named : row[i / 2].shared;

		harness_init(&h, &config);
		a = harness_peer(&h, 1, EXTERNAL);
		a->cfg.import = by_name ? named : NULL;
		a->cfg.on_link_count = 1;
		prefix_parse("192.0.2.0/24", &a->cfg.on_link[0], NULL);
		harness_up(a);
		b = up(both(&h, 2, CLIENT));
		harness_announce(a,
			&(struct route){ .prefix = P1, .next_hop = row[i / 2].next_hop, .as_path = "65100" });
		harness_settle(&h, 0);
		assert_int_equal(harness_held_count(b, P1), taken);
		assert_int_equal(route_peer_counters(a->p)->rejected[ROUTE_REJECT_OFF_LINK_NEXT_HOP],
			!taken && !by_name);
		/* another policy is another judgement, and asks for what it admits */
		assert_int_equal(route_peer_admits_more(a->p, named), !by_name);
		a->cfg.import = NULL;
		route_peer_set_config(a->p, &a->cfg);
		harness_settle(&h, 0);
		assert_int_equal(harness_held_count(b, P1), taken && row[i / 2].shared);
		harness_fini(&h);
	}
	route_policy_free(named);
}

/* RFC 7606 5.1 */
static void routes_of_one_message_by_two_next_hops_have_each_its_own(void **state)
{
	char buf[PREFIX_TEXT_MAX];
	struct harness h;
	struct test_peer *a, *b;

	(void)state;
	harness_init(&h, &config);
	a = up(both(&h, 1, CLIENT));
	b = up(both(&h, 2, CLIENT));
	harness_announce(
		a, &(struct route){
			   .prefix = P1, .next_hop = "10.0.0.7", .apart = P2, .apart_next_hop = "10.0.0.8" });
	harness_settle(&h, 0);
	assert_string_equal(next_hop(b, P1, buf), "10.0.0.7");
	assert_string_equal(next_hop(b, P2, buf), "10.0.0.8");
	/* each is judged by its own */
	harness_announce(a,
		&(struct route){
			.prefix = P1, .next_hop = "10.0.0.7", .apart = P2, .apart_next_hop = "127.0.0.1" });
	harness_settle(&h, 0);
	assert_string_equal(next_hop(b, P1, buf), "10.0.0.7");
	assert_string_equal(next_hop(b, P2, buf), "none");
	harness_fini(&h);
}

/* RFC 8654 4 */
static void attributes_that_nothing_follows_from_make_room(void **state)
{
	struct harness h;
	struct test_peer *a, *small, *large;
	const uint32_t aggregate = BGP_HAS_ATOMIC_AGGREGATE | BGP_HAS_AGGREGATOR;

	(void)state;
	harness_init(&h, &config);
	a = up(both(&h, 1, CLIENT));
	small = up(both(&h, 2, CLIENT));
	large = both(&h, 3, CLIENT);
	large->n.max_tx = BGP_EXTENDED_MESSAGE_MAX;
	harness_up(large);
	/* 4096 with neither: 23 + 4 + 3 + 7 + 7 + 7 + 7 + 4 + 4 octets and the padding */
	harness_announce(a, &(struct route){ .prefix = P1, .padding = 4096 - 66, .aggregated = true });
	harness_announce(a, &(struct route){ .prefix = P2, .padding = 4096 - 66 - 14, .aggregated = true });
	harness_settle(&h, 0);
	assert_int_equal(h.oversized, 0);
	assert_int_equal(harness_held(small, P1, 0)->has & aggregate, 0);
	assert_int_equal(harness_held(small, P2, 0)->has & aggregate, aggregate);
	assert_int_equal(harness_held(large, P1, 0)->has & aggregate, aggregate);
	harness_announce(a, &(struct route){ .prefix = P1, .padding = 4096 - 65, .aggregated = true });
	harness_settle(&h, 0);
	assert_int_equal(h.oversized, 1);
	assert_int_equal(harness_held_count(small, P1), 0);
	harness_fini(&h);
}

/* RFC 7313 4 */
static void each_begin_of_a_peers_refresh_makes_all_it_told_stale(void **state)
{
	struct harness h;
	struct test_peer *a, *b;

	(void)state;
	harness_init(&h, &config);
	a = up(both(&h, 1, CLIENT));
	b = up(both(&h, 2, CLIENT));
	harness_announce(a, &(struct route){ .prefix = P1 });
	harness_announce(a, &(struct route){ .prefix = P2 });
	harness_announce(a, &(struct route){ .prefix = "10.1.3.0/24" });
	route_peer_refresh_begin(a->p, BGP_IPV4_UNICAST);
	harness_announce(a, &(struct route){ .prefix = P1 });
	harness_announce(a, &(struct route){ .prefix = "10.1.4.0/24" });
	route_peer_refresh_begin(a->p, BGP_IPV4_UNICAST);
	harness_announce(a, &(struct route){ .prefix = P2 });
	harness_settle(&h, 0);
	assert_int_equal(b->count, 4);
	route_peer_refresh_end(a->p, BGP_IPV4_UNICAST);
	harness_settle(&h, 0);
	assert_int_equal(b->count, 1);
	assert_int_equal(harness_held_count(b, P2), 1);
	assert_int_equal(route_peer_counters(a->p)->received[BGP_IPV4_UNICAST], 1);
	harness_fini(&h);
}

static void half_of_all_addresses_is_a_route(void **state)
{
	static const struct {
		const char *prefix;
		bool taken;
	} row[] = { { "0.0.0.0/0", true }, { "0.0.0.0/1", true }, { "0.0.0.0/7", true },
		{ "0.0.0.0/8", false }, { "0.1.0.0/16", false }, { "126.0.0.0/7", true },
		{ "127.0.0.0/8", false }, { "192.0.0.0/2", true }, { "224.0.0.0/3", false },
		{ "240.0.0.0/4", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct harness h;
		struct test_peer *a, *b;

		harness_init(&h, &config);
		a = up(both(&h, 1, CLIENT));
		b = up(both(&h, 2, CLIENT));
		harness_announce(a, &(struct route){ .prefix = row[i].prefix });
		harness_settle(&h, 0);
		assert_int_equal(b->count, row[i].taken);
		harness_fini(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_for_the_inside_does_not_leave),
		cmocka_unit_test(an_ipv6_next_hop_goes_with_ipv4_routes_only_where_that_was_agreed_on),
		cmocka_unit_test(a_next_hop_of_our_own_is_of_the_routes_family_or_the_route_is_not_sent),
		cmocka_unit_test(our_own_address_is_no_next_hop_unless_the_policy_names_it),
		cmocka_unit_test(
			an_external_neighbor_on_the_link_names_who_is_on_it_unless_the_policy_names_another),
		cmocka_unit_test(routes_of_one_message_by_two_next_hops_have_each_its_own),
		cmocka_unit_test(attributes_that_nothing_follows_from_make_room),
		cmocka_unit_test(each_begin_of_a_peers_refresh_makes_all_it_told_stale),
		cmocka_unit_test(half_of_all_addresses_is_a_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

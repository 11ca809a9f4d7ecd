/* Messages in words. */
#include "bgp/describe.h"

#include "unit/bgp/support.h"

static char said[1024];

static struct text begin(void)
{
	return text_init(said, sizeof(said));
}

static void an_open(void **state)
{
	struct bgp_open o = { .as = 65001,
		.hold_time_s = 90,
		.bgp_identifier = 0x0a000001,
		.caps = { .family = { true, true },
			.add_path = { BGP_ADD_PATH_BOTH, BGP_ADD_PATH_SEND },
			.as4 = true,
			.route_refresh = true,
			.fqdn = "pod-1" } };
	struct text t = begin();

	(void)state;
	bgp_describe_open(&o, &t);
	assert_string_equal(said,
		"AS 65001, id 10.0.0.1, hold time 90 s, ipv4-unicast (add-path send and receive), "
		"ipv6-unicast (add-path send), 4-octet AS, route-refresh, name \"pod-1\"");
}

static void what_was_agreed_on(void **state)
{
	struct bgp_negotiated n = { .family = { true },
		.add_path_tx = { true },
		.as4 = true,
		.route_refresh = true,
		.enhanced_route_refresh = true,
		.max_tx = 65535,
		.max_rx = 4096,
		.hold_time_s = 9 };
	struct text t = begin();

	(void)state;
	bgp_describe_negotiated(&n, &t);
	assert_string_equal(said,
		"hold time 9 s, ipv4-unicast (add-path to the peer), 4-octet AS, enhanced route-refresh, "
		"messages up to 65535 octets to the peer and 4096 from it");
}

static void describe_body(const char *withdrawn, const char *attrs, const char *nlri)
{
	struct bgp_negotiated n = { .family = { true, true }, .as4 = true };
	struct arena *arena = arena_new();
	struct octets o = { .len = 0 };
	struct text t = begin();
	struct bgp_update u;

	update_body(&o, withdrawn, attrs, nlri);
	bgp_update_decode(cursor_init(o.data, o.len), &n, false, arena, &u);
	bgp_describe_update(&u, &t);
	arena_free(arena);
}

#define ATTRS                                                                                                \
	"40 01 01 00"                                                                                        \
	"40 02 06 02 01 0000fde9"                                                                            \
	"40 03 04 0a000069"                                                                                  \
	"80 04 04 00000007"                                                                                  \
	"40 05 04 00000064"                                                                                  \
	"c0 08 04 fde90064"                                                                                  \
	"80 09 04 ac100107"                                                                                  \
	"80 0a 08 0a00006d 0a00006e"

static void an_update(void **state)
{
	(void)state;
	describe_body("18 0a0200", ATTRS, "18 0a0101 18 0a0102");
	assert_string_equal(said,
		"withdraws 1 ipv4-unicast 10.2.0.0/24; announces 2 ipv4-unicast 10.1.1.0/24 10.1.2.0/24, "
		"next hop 10.0.0.105, origin igp, AS path 65001, MED 7, local preference 100, "
		"originator 172.16.1.7, clusters 10.0.0.109 10.0.0.110, communities 65001:100");
	describe_body("", "", "");
	assert_string_equal(said, "End-of-RIB of ipv4-unicast");
}

static void long_lists_are_counted(void **state)
{
	(void)state;
	describe_body("08 01 08 02 08 03 08 04 08 05 08 06 08 07 08 08 08 09 08 0a", "", "");
	assert_string_equal(said,
		"withdraws 10 ipv4-unicast 1.0.0.0/8 2.0.0.0/8 3.0.0.0/8 4.0.0.0/8 5.0.0.0/8 6.0.0.0/8 "
		"7.0.0.0/8 8.0.0.0/8 and 2 more");
}

static void a_bad_update_says_what_becomes_of_it(void **state)
{
	(void)state;
	describe_body("", "40 01 01 07 40 02 00 40 03 04 0a000069 40 05 04 00000064", "18 0a0101");
	assert_non_null(strstr(said, "withdraws 1 ipv4-unicast 10.1.1.0/24; "));
	assert_non_null(strstr(said, ": treat-as-withdraw"));
}

static void routes_by_two_next_hops(void **state)
{
	(void)state;
	describe_body("", "40 01 01 00 40 02 00 40 03 04 0a000069 80 0e 0d 0001 01 04 0a00006a 00 18 0a0102",
		"18 0a0101");
	assert_string_equal(said, "announces 1 ipv4-unicast 10.1.1.0/24, next hop 10.0.0.105; announces 1 "
				  "ipv4-unicast 10.1.2.0/24, next hop 10.0.0.106, "
				  "origin igp");
}

/* What does not fit is cut, whatever stood in the buffer before. */
static void a_small_buffer(void **state)
{
	struct bgp_update u = { .end_of_rib = { true } };
	char buf[16];
	struct text t = text_init(buf, sizeof(buf));

	(void)state;
	text_add(&t, "UPDATE: ");
	bgp_describe_update(&u, &t);
	assert_string_equal(buf, "UPDATE: End-of-");
	assert_true(text_cut(&t));
}

static void a_refresh(void **state)
{
	struct text t = begin();

	(void)state;
	bgp_describe_refresh(&(struct bgp_refresh){ .afi = 2, .safi = 1, .subtype = BGP_REFRESH_BEGIN }, &t);
	text_add(&t, "; ");
	bgp_describe_refresh(&(struct bgp_refresh){ .afi = 25, .safi = 70, .subtype = 9 }, &t);
	assert_string_equal(said, "ipv6-unicast, begin; AFI 25 SAFI 70, subtype 9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open),
		cmocka_unit_test(what_was_agreed_on),
		cmocka_unit_test(an_update),
		cmocka_unit_test(long_lists_are_counted),
		cmocka_unit_test(a_bad_update_says_what_becomes_of_it),
		cmocka_unit_test(routes_by_two_next_hops),
		cmocka_unit_test(a_small_buffer),
		cmocka_unit_test(a_refresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

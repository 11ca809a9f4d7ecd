/* UPDATEs as a whole: their fields, families, add-path, next hops, End-of-RIB. Single attributes: test_attr.c. */
#include "bgp/message.h"
#include "unit/bgp/support.h"

#define ORIGIN "400101 00"
#define PATH   "400206 0201 0000fde8"
#define HOP    "400304 c0000201"
#define BASE   ORIGIN PATH HOP
#define NH6    "20010db8000000000000000000000001"
#define LL6    "fe800000000000000000000000000001"
#define P6     "40 20010db800010002"

enum { OK = BGP_VERDICT_OK, WITHDRAW = BGP_VERDICT_TREAT_AS_WITHDRAW, RESET = BGP_VERDICT_SESSION_RESET };
enum { NO_IPV4 = 1, NO_IPV6 = 2, ADD_PATH = 4, EXTENDED_NEXT_HOP = 8 };

struct update_vector {
	const char *what;
	unsigned how;
	const char *withdrawn, *attrs, *nlri;
	int verdict;
	uint8_t bad_attr, subcode;
	unsigned announced[2], gone[2]; /* per family */
};

static const struct update_vector vectors[] = {
	{ "one route", 0, "", BASE, "18 0a0100", OK, 0, 0, { 1 } },
	{ "four routes of all shapes", 0, "", BASE, "00 01 80 20 0a000001 19 0a000180", OK, 0, 0, { 4 } },
	{ "withdrawals alone", 0, "18 0a0100 08 0a", "", "", OK, 0, 0, { 0 }, { 2 } },
	{ "both in one message", 0, "18 0a0100", BASE, "18 0a0200", OK, 0, 0, { 1 }, { 1 } },
	{ "attributes without routes", 0, "", BASE, "", OK },

	{ "a prefix of 33 bits", 0, "", BASE, "21 0a01000000", RESET, 0, 10 },
	{ "a prefix cut short", 0, "", BASE, "18 0a01", RESET, 0, 10 },
	{ "a withdrawn prefix of 33 bits", 0, "21 0a01000000", "", "", RESET, 0, 10 },
	{ "a withdrawn prefix cut short", 0, "20 0a0100", "", "", RESET, 0, 10 },
	{ "a bad prefix goes before a bad attribute", 0, "", PATH HOP, "21 0a01000000", RESET, 0, 10 },
	{ "a bad attribute, withdrawals too", 0, "18 0a0300", PATH HOP, "18 0a0100 18 0a0200", WITHDRAW, 1, 0,
		{ 0 }, { 3 } },
	{ "a bad attribute, withdrawals only", 0, "18 0a0300", "800403 000000", "", RESET, 4, 5 },

	{ "IPv4 not agreed on: ignored", NO_IPV4, "18 0a0300", BASE, "18 0a0100", OK },
	{ "IPv4 not agreed on: not even read", NO_IPV4, "", BASE, "99 0a0100", OK },
	{ "IPv6", 0, "", ORIGIN PATH "800e1e 000201 10" NH6 "00" P6, "", OK, 0, 0, { 0, 1 } },
	{ "IPv6 with two next hops", 0, "", ORIGIN PATH "800e2e 000201 20" NH6 LL6 "00" P6, "", OK, 0, 0,
		{ 0, 1 } },
	{ "IPv6 first", 0, "", "800e1e 000201 10" NH6 "00" P6 ORIGIN PATH, "", OK, 0, 0, { 0, 1 } },
	{ "IPv6 beside IPv4", 0, "", BASE "800e1e 000201 10" NH6 "00" P6, "18 0a0100", OK, 0, 0, { 1, 1 } },
	{ "IPv6 beside IPv4, withdrawn with it", 0, "", HOP PATH "800e1e 000201 10" NH6 "00" P6, "18 0a0100",
		WITHDRAW, 1, 0, { 0 }, { 1, 1 } },
	{ "IPv6 without ORIGIN", 0, "", PATH "800e1e 000201 10" NH6 "00" P6, "", WITHDRAW, 1, 0, { 0 },
		{ 0, 1 } },
	{ "IPv6 without AS_PATH", 0, "", ORIGIN "800e1e 000201 10" NH6 "00" P6, "", WITHDRAW, 2, 0, { 0 },
		{ 0, 1 } },
	{ "IPv6 beside a meaningless NEXT_HOP", 0, "",
		ORIGIN PATH "400304 00000000 800e1e 000201 10" NH6 "00" P6, "", OK, 0, 0, { 0, 1 } },
	{ "MP_REACH_NLRI with wrong flags", 0, "", ORIGIN PATH "c00e1e 000201 10" NH6 "00" P6, "", WITHDRAW,
		14, 0, { 0 }, { 0, 1 } },
	{ "IPv6 next hop ::", 0, "", ORIGIN PATH "800e1e 000201 10 00000000000000000000000000000000 00" P6,
		"", WITHDRAW, 14, 0, { 0 }, { 0, 1 } },
	{ "next hop 0.1.2.3", 0, "", ORIGIN PATH "400304 00010203", "18 0a0100", WITHDRAW, 3, 0, { 0 },
		{ 1 } },
	{ "next hop 224.0.0.1", 0, "", ORIGIN PATH "400304 e0000001", "18 0a0100", WITHDRAW, 3, 0, { 0 },
		{ 1 } },
	{ "next hop 240.0.0.1", 0, "", ORIGIN PATH "400304 f0000001", "18 0a0100", WITHDRAW, 3, 0, { 0 },
		{ 1 } },
	{ "IPv6 next hop multicast", 0, "",
		ORIGIN PATH "800e1e 000201 10 ff020000000000000000000000000001 00" P6, "", WITHDRAW, 14, 0,
		{ 0 }, { 0, 1 } },
	{ "IPv6 next hop of 4 octets", 0, "", ORIGIN PATH "800e12 000201 04 c0000201 00" P6, "", RESET, 14,
		9 },
	{ "IPv6 next hop of 0 octets", 0, "", ORIGIN PATH "800e0e 000201 00 00" P6, "", RESET, 14, 9 },
	{ "IPv6 next hop beyond the end", 0, "", ORIGIN PATH "800e09 000201 10 c0000201 00", "", RESET, 14,
		9 },
	{ "IPv6 next hop up to the end", 0, "", ORIGIN PATH "800e14 000201 10" NH6, "", RESET, 14, 9 },
	{ "MP_REACH_NLRI of 4 octets", 0, "", BASE "800e04 000201 00", "18 0a0100", RESET, 14, 9 },
	{ "IPv6 prefix of 129 bits", 0, "",
		ORIGIN PATH "800e26 000201 10" NH6 "00 81 20010db800010002 000000000000000000", "", RESET, 14,
		9 },
	{ "IPv6 prefix cut short", 0, "", ORIGIN PATH "800e17 000201 10" NH6 "00 40 20", "", RESET, 14, 9 },
	{ "IPv6 not agreed on", NO_IPV6, "", ORIGIN PATH "800e1e 000201 10" NH6 "00" P6, "", OK },
	{ "IPv6 not agreed on, malformed", NO_IPV6, "", ORIGIN PATH "800e08 000201 10 00000000", "", OK },
	{ "a family nobody here speaks", 0, "", BASE "800e08 4004 47 01 00 00 00 00", "18 0a0100", OK, 0, 0,
		{ 1 } },
	{ "multicast", 0, "", ORIGIN PATH "800e0d 0001 02 04 c0000201 00 18 0a0100", "", OK },
	{ "a fault beside a family nobody here speaks", 0, "",
		ORIGIN PATH "800403 000000 800e05 4004 47 00 00", "", WITHDRAW, 4 },

	{ "IPv4 in MP_REACH_NLRI", 0, "", ORIGIN PATH "800e0d 000101 04 c0000201 00 18 0a0100", "", OK, 0, 0,
		{ 1 } },
	{ "IPv4 in both, one next hop", 0, "", BASE "800e0d 000101 04 c0000201 00 18 0a0100", "18 0a0200", OK,
		0, 0, { 2 } },
	{ "IPv4 in both, two next hops", 0, "", BASE "800e0d 000101 04 c0000202 00 18 0a0100", "18 0a0200",
		OK, 0, 0, { 1 } },
	{ "IPv4 in both, one next hop that is none", 0, "", BASE "800e0d 000101 04 00000000 00 18 0a0100",
		"18 0a0200", WITHDRAW, 14, 0, { 0 }, { 2 } },
	{ "IPv4 behind IPv6, not agreed on", 0, "", ORIGIN PATH "800e19 000101 10" NH6 "00 18 0a0100", "",
		RESET, 14, 9 },
	{ "IPv4 behind IPv6", EXTENDED_NEXT_HOP, "", ORIGIN PATH "800e19 000101 10" NH6 "00 18 0a0100", "",
		OK, 0, 0, { 1 } },
	{ "IPv4 behind two IPv6", EXTENDED_NEXT_HOP, "",
		ORIGIN PATH "800e29 000101 20" NH6 LL6 "00 18 0a0100", "", OK, 0, 0, { 1 } },
	{ "IPv4 next hop of 12 octets", 0, "",
		ORIGIN PATH "800e15 000101 0c 0000000000000000c0000201 00 18 0a0100", "", RESET, 14, 9 },

	{ "IPv6 withdrawn", 0, "", "800f0c 000201" P6, "", OK, 0, 0, { 0 }, { 0, 1 } },
	{ "IPv6 withdrawn, flags wrong", 0, "", "c00f0c 000201" P6, "", WITHDRAW, 15, 0, { 0 }, { 0, 1 } },
	{ "IPv4 withdrawn in MP_UNREACH_NLRI", 0, "08 0b", "800f05 000101 08 0a", "", OK, 0, 0, { 0 },
		{ 2 } },
	{ "IPv6 withdrawn beside a route", 0, "", BASE "800f0c 000201" P6, "18 0a0100", OK, 0, 0, { 1 },
		{ 0, 1 } },
	{ "IPv6 withdrawn beside a fault", 0, "", "800f0c 000201" P6 "800403 000000", "", RESET, 4, 5 },
	{ "MP_UNREACH_NLRI of 2 octets", 0, "", "800f02 0002", "", RESET, 15, 9 },
	{ "withdrawn IPv6 prefix of 129 bits", 0, "", "800f04 000201 81", "", RESET, 15, 9 },
	{ "withdrawn IPv6, not agreed on", NO_IPV6, "", "800f04 000201 81", "", OK },

	{ "add-path", ADD_PATH, "00000007 08 0b", BASE, "00000001 18 0a0100 00000002 18 0a0100", OK, 0, 0,
		{ 2 }, { 1 } },
	{ "add-path agreed on but not used", ADD_PATH, "", BASE, "18 0a0100", RESET, 0, 10 },
	{ "add-path, cut inside the identifier", ADD_PATH, "", BASE, "00000001 18 0a0100 0000", RESET, 0,
		10 },
	{ "add-path, nothing behind the identifier", ADD_PATH, "", BASE, "00000001", RESET, 0, 10 },
	{ "add-path, IPv6", ADD_PATH, "", ORIGIN PATH "800e22 000201 10" NH6 "00 00000009" P6, "", OK, 0, 0,
		{ 0, 1 } },
};

static struct bgp_negotiated session_of(unsigned how)
{
	struct bgp_negotiated n = plain_session();

	n.family[BGP_IPV4_UNICAST] = !(how & NO_IPV4);
	n.family[BGP_IPV6_UNICAST] = !(how & NO_IPV6);
	n.add_path_rx[0] = n.add_path_rx[1] = how & ADD_PATH;
	n.extended_next_hop = how & EXTENDED_NEXT_HOP;
	return n;
}

static void assert_result(const struct update_vector *v, const struct bgp_update *u)
{
	if ((int)u->verdict != v->verdict || u->bad_attr != v->bad_attr)
		fail_msg("%s: %s, attribute %u", v->what, bgp_verdict_text(u->verdict), u->bad_attr);
	assert_sound(u);
	if (v->verdict == RESET) {
		if (u->error->subcode != v->subcode)
			fail_msg("%s: subcode %u", v->what, u->error->subcode);
		return;
	}
	for (int f = 0; f < BGP_FAMILIES; f++) {
		if (u->announced[f].count != v->announced[f] || u->withdrawn[f].count != v->gone[f])
			fail_msg("%s: family %d: %zu announced, %zu withdrawn", v->what, f,
				u->announced[f].count, u->withdrawn[f].count);
		assert_false(u->end_of_rib[f]);
	}
}

static void every_message_gets_its_verdict(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		const struct update_vector *v = &vectors[i];
		struct bgp_negotiated n = session_of(v->how);
		static struct octets o;
		struct bgp_update u;
		uint8_t *copy;

		update_body(&o, v->withdrawn, v->attrs, v->nlri);
		copy = exact_copy(o.data, o.len);
		bgp_update_decode(cursor_init(copy, o.len), &n, false, arena, &u);
		assert_result(v, &u);
		free(copy);
		arena_reset(arena);
		decode_truncated(&o, &n, false);
	}
	arena_free(arena);
}

static void decode_hex(
	const char *body, const struct bgp_negotiated *n, struct arena *arena, struct bgp_update *u)
{
	static struct octets o;

	o.len = 0;
	add_hex(&o, body);
	bgp_update_decode(cursor_init(o.data, o.len), n, false, arena, u);
}

/* RFC 7606 5.1: in any combination */
static void ipv4_routes_by_two_next_hops_are_kept_apart(void **state)
{
	struct bgp_negotiated n = plain_session();
	struct arena *arena = arena_new();
	struct bgp_update u;
	static struct octets o;

	(void)state;
	n.extended_next_hop = true;
	for (int i = 0; i < 2; i++) {
		update_body(&o, "",
			i ? BASE "800e19 000101 10" NH6 "00 18 0a0100"
			  : BASE "800e0d 000101 04 c0000202 00 18 0a0100",
			"18 0a0200 18 0a0300");
		bgp_update_decode(cursor_init(o.data, o.len), &n, false, arena, &u);
		assert_int_equal(u.verdict, BGP_VERDICT_OK);
		assert_int_equal(u.announced[BGP_IPV4_UNICAST].count, 2);
		assert_int_equal(u.announced[BGP_IPV4_UNICAST].item[0].prefix.bytes[1], 2);
		assert_int_equal(u.next_hop[BGP_IPV4_UNICAST].len, 4);
		assert_int_equal(u.next_hop[BGP_IPV4_UNICAST].octets[3], 1);
		assert_int_equal(u.apart.count, 1);
		assert_int_equal(u.apart.item[0].prefix.bytes[1], 1);
		assert_int_equal(u.apart_next_hop.len, i ? 16 : 4);
	}
	/* one for both, and a malformed message, leave nothing apart */
	update_body(&o, "", BASE "800e0d 000101 04 c0000201 00 18 0a0100", "18 0a0200");
	bgp_update_decode(cursor_init(o.data, o.len), &n, false, arena, &u);
	assert_int_equal(u.announced[BGP_IPV4_UNICAST].count, 2);
	assert_int_equal(u.apart.count, 0);
	update_body(&o, "", BASE "c00801 00 800e0d 000101 04 c0000202 00 18 0a0100", "18 0a0200");
	bgp_update_decode(cursor_init(o.data, o.len), &n, false, arena, &u);
	assert_int_equal(u.verdict, BGP_VERDICT_TREAT_AS_WITHDRAW);
	assert_int_equal(u.withdrawn[BGP_IPV4_UNICAST].count, 2);
	assert_int_equal(u.apart.count, 0);
	arena_free(arena);
}

static void lengths_beyond_the_message_reset_the_session(void **state)
{
	static const char *const bodies[] = { "", "00", "0000", "000000", "0001 0000", "0005 0000 00",
		"0000 0001", "0000 0100 400101", "ffff ffff" };
	struct bgp_negotiated n = plain_session();
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct bgp_update u;

		decode_hex(bodies[i], &n, arena, &u);
		assert_int_equal(u.verdict, BGP_VERDICT_SESSION_RESET);
		assert_int_equal(u.error->subcode, BGP_UPDATE_MALFORMED_ATTRIBUTE_LIST);
		assert_int_equal(u.error->data_len, 0);
	}
	arena_free(arena);
}

static void the_faulty_attribute_is_the_data_of_a_reset(void **state)
{
	struct bgp_negotiated n = plain_session();
	struct arena *arena = arena_new();
	struct bgp_update u;

	(void)state;
	decode_hex("0000 0006 800403 000064", &n, arena, &u);
	assert_int_equal(u.error->subcode, BGP_UPDATE_ATTRIBUTE_LENGTH);
	assert_int_equal(u.error->data_len, 6);
	assert_memory_equal(u.error->data, "\x80\4\3\0\0\x64", 6);
	decode_hex("0000 0007 800e04 000201 00", &n, arena, &u);
	assert_int_equal(u.error->subcode, BGP_UPDATE_OPTIONAL_ATTRIBUTE);
	assert_int_equal(u.error->data_len, 7);
	assert_non_null(u.reason);
	arena_free(arena);
}

static void end_of_rib_is_recognized_per_family(void **state)
{
	static const struct {
		const char *body;
		bool ipv4, ipv6;
	} v[] = {
		{ "0000 0000", true, false },
		{ "0000 0006 800f03 000201", false, true },
		{ "0000 0007 900f0003 000201", false, true },
		{ "0000 0006 800f03 000101", true, false },
		{ "0000 0006 800f03 000185", false, false },
		{ "0000 000a 800f03 000201 40010100", false, false },
		{ "0002 080a 0006 800f03 000201", false, false },
		{ "0002 080a 0000", false, false },
		{ "0000 0004 40010100", false, false },
	};
	struct bgp_negotiated n = plain_session();
	struct arena *arena = arena_new();
	struct bgp_update u;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		decode_hex(v[i].body, &n, arena, &u);
		assert_int_equal(u.verdict, BGP_VERDICT_OK);
		assert_int_equal(u.end_of_rib[BGP_IPV4_UNICAST], v[i].ipv4);
		assert_int_equal(u.end_of_rib[BGP_IPV6_UNICAST], v[i].ipv6);
	}
	n.family[BGP_IPV4_UNICAST] = false;
	decode_hex("0000 0000", &n, arena, &u);
	assert_false(u.end_of_rib[BGP_IPV4_UNICAST]);
	arena_free(arena);
}

static void end_of_rib_comes_back_as_written(void **state)
{
	struct bgp_negotiated n = plain_session();
	struct arena *arena = arena_new();

	(void)state;
	for (int f = 0; f < BGP_FAMILIES; f++) {
		uint8_t buf[64];
		struct writer w = writer_init(buf, sizeof(buf));
		struct bgp_frame frame;
		struct bgp_error err;
		struct bgp_update u;

		bgp_update_encode_end_of_rib(&w, (enum bgp_family)f);
		assert_int_equal(bgp_frame_decode(buf, writer_len(&w), 4096, &frame, &err), BGP_FRAME_OK);
		assert_int_equal(frame.len, writer_len(&w));
		bgp_update_decode(frame.body, &n, false, arena, &u);
		assert_int_equal(u.end_of_rib[BGP_IPV4_UNICAST], f == BGP_IPV4_UNICAST);
		assert_int_equal(u.end_of_rib[BGP_IPV6_UNICAST], f == BGP_IPV6_UNICAST);
	}
	arena_free(arena);
}

static void host_bits_are_cleared(void **state)
{
	struct bgp_negotiated n = plain_session();
	struct arena *arena = arena_new();
	char text[PREFIX_TEXT_MAX];
	struct bgp_update u;

	(void)state;
	decode_hex("0009 19 0a0101ff 11 0a01ff 0000", &n, arena, &u);
	assert_int_equal(u.verdict, BGP_VERDICT_OK);
	assert_string_equal(prefix_format(&u.withdrawn[0].item[0].prefix, text), "10.1.1.128/25");
	assert_string_equal(prefix_format(&u.withdrawn[0].item[1].prefix, text), "10.1.128.0/17");
	arena_free(arena);
}

static void next_hops_are_kept_as_they_were(void **state)
{
	struct bgp_negotiated n = plain_session();
	struct arena *arena = arena_new();
	static struct octets o;
	struct bgp_update u;
	struct ip_addr a;
	struct bgp_next_hop back;
	char text[PREFIX_TEXT_MAX];

	(void)state;
	update_body(&o, "", BASE "800e2e 000201 20" NH6 LL6 "00" P6, "18 0a0100");
	bgp_update_decode(cursor_init(o.data, o.len), &n, false, arena, &u);
	assert_int_equal(u.next_hop[BGP_IPV6_UNICAST].len, 32);
	a = bgp_next_hop_addr(&u.next_hop[BGP_IPV6_UNICAST]);
	assert_string_equal(ip_addr_format(&a, text), "2001:db8::1");
	a = bgp_next_hop_addr(&u.next_hop[BGP_IPV4_UNICAST]);
	assert_string_equal(ip_addr_format(&a, text), "192.0.2.1");
	back = bgp_next_hop_from_addr(&a);
	assert_memory_equal(&back, &u.next_hop[BGP_IPV4_UNICAST], sizeof(back));
	back = (struct bgp_next_hop){ 0 };
	a = bgp_next_hop_addr(&back);
	assert_int_equal(a.family, IP_NONE);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_gets_its_verdict),
		cmocka_unit_test(ipv4_routes_by_two_next_hops_are_kept_apart),
		cmocka_unit_test(lengths_beyond_the_message_reset_the_session),
		cmocka_unit_test(the_faulty_attribute_is_the_data_of_a_reset),
		cmocka_unit_test(end_of_rib_is_recognized_per_family),
		cmocka_unit_test(end_of_rib_comes_back_as_written),
		cmocka_unit_test(host_bits_are_cleared),
		cmocka_unit_test(next_hops_are_kept_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

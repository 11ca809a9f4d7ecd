/* Each attribute, good and malformed in every way, in an UPDATE with one IPv4 route: which verdict follows. */
#include "unit/bgp/support.h"

#define ORIGIN "400101 00"
#define PATH   "400206 0201 0000fde8"
#define PATH2  "400204 0201 fde8"
#define HOP    "400304 c0000201"
#define BASE   ORIGIN PATH HOP
#define BASE2  ORIGIN PATH2 HOP
#define ROUTE  "18 0a0100"

enum { EBGP = 1, AS2 = 2 };
enum {
	OK = BGP_VERDICT_OK,
	DISCARD = BGP_VERDICT_ATTRIBUTE_DISCARD,
	WITHDRAW = BGP_VERDICT_TREAT_AS_WITHDRAW,
	RESET = BGP_VERDICT_SESSION_RESET,
};

struct attr_vector {
	const char *what;
	unsigned how;
	const char *attrs;
	int verdict;
	uint8_t bad_attr;
	uint8_t subcode; /* and data: of a session reset */
	const char *data;
};

static const struct attr_vector vectors[] = {
	{ "the mandatory ones", 0, BASE, OK },
	{ "the mandatory ones from outside", EBGP, BASE, OK },
	{ "the mandatory ones, 2 octets", AS2, BASE2, OK },
	{ "any order", 0, HOP PATH ORIGIN, OK },
	{ "extended length where none is needed", 0, "50010001 00" PATH HOP, OK },
	{ "the lower flag bits are ignored", 0, "4f0101 00" PATH HOP, OK },

	{ "ORIGIN missing", 0, PATH HOP, WITHDRAW, 1 },
	{ "ORIGIN 2", 0, "400101 02" PATH HOP, OK },
	{ "ORIGIN 3", 0, "400101 03" PATH HOP, WITHDRAW, 1 },
	{ "ORIGIN of 0 octets", 0, "400100" PATH HOP, WITHDRAW, 1 },
	{ "ORIGIN of 2 octets", 0, "400102 0000" PATH HOP, WITHDRAW, 1 },
	{ "ORIGIN optional", 0, "c00101 00" PATH HOP, WITHDRAW, 1 },
	{ "ORIGIN not transitive", 0, "000101 00" PATH HOP, WITHDRAW, 1 },
	{ "ORIGIN twice, the first counts", 0, ORIGIN "400101 09" PATH HOP, DISCARD, 1 },
	{ "ORIGIN twice, the first is bad", 0, "400101 09" ORIGIN PATH HOP, WITHDRAW, 1 },

	{ "AS_PATH missing", 0, ORIGIN HOP, WITHDRAW, 2 },
	{ "AS_PATH empty", 0, ORIGIN "400200" HOP, OK },
	{ "AS_PATH with a set", 0, ORIGIN "400210 0201 0000fde8 0102 00000001 00000002" HOP, OK },
	{ "AS_PATH with an unknown segment", 0, ORIGIN "400206 0501 0000fde8" HOP, WITHDRAW, 2 },
	{ "AS_PATH with segment type 0", 0, ORIGIN "400206 0001 0000fde8" HOP, WITHDRAW, 2 },
	{ "AS_PATH with an empty segment", 0, ORIGIN "400202 0200" HOP, WITHDRAW, 2 },
	{ "AS_PATH segment too long", 0, ORIGIN "400206 0202 0000fde8" HOP, WITHDRAW, 2 },
	{ "AS_PATH with an octet left", 0, ORIGIN "400207 0201 0000fde8 02" HOP, WITHDRAW, 2 },
	{ "AS_PATH with numbers of 2 octets", 0, ORIGIN PATH2 HOP, WITHDRAW, 2 },
	{ "AS_PATH with AS 0", 0, ORIGIN "40020a 0202 0000fde8 00000000" HOP, WITHDRAW, 2 },
	{ "AS_PATH with AS 0, 2 octets", AS2, ORIGIN "400204 0201 0000" HOP, WITHDRAW, 2 },
	{ "AS_PATH with a confederation inside", 0, ORIGIN "400206 0301 0000fde8" HOP, OK },
	{ "AS_PATH with a confederation outside", EBGP, ORIGIN "400206 0301 0000fde8" HOP, WITHDRAW, 2 },
	{ "AS_PATH with a confederation set outside", EBGP, ORIGIN "400206 0401 0000fde8" HOP, WITHDRAW, 2 },
	{ "AS_PATH optional", 0, ORIGIN "c00206 0201 0000fde8" HOP, WITHDRAW, 2 },
	{ "AS_PATH twice", 0, BASE "400200", DISCARD, 2 },

	{ "NEXT_HOP missing", 0, ORIGIN PATH, WITHDRAW, 3 },
	{ "NEXT_HOP of 3 octets", 0, ORIGIN PATH "400303 c00002", WITHDRAW, 3 },
	{ "NEXT_HOP of 16 octets", 0, ORIGIN PATH "400310 20010db8000000000000000000000001", WITHDRAW, 3 },
	{ "NEXT_HOP 0.0.0.0", 0, ORIGIN PATH "400304 00000000", WITHDRAW, 3 },
	{ "NEXT_HOP multicast", 0, ORIGIN PATH "400304 e0000005", WITHDRAW, 3 },
	{ "NEXT_HOP broadcast", 0, ORIGIN PATH "400304 ffffffff", WITHDRAW, 3 },
	{ "NEXT_HOP optional", 0, ORIGIN PATH "c00304 c0000201", WITHDRAW, 3 },

	{ "MED", 0, BASE "800404 00000064", OK },
	{ "MED of 3 octets", 0, BASE "800403 000064", WITHDRAW, 4 },
	{ "MED of 0 octets", 0, BASE "800400", WITHDRAW, 4 },
	{ "MED well-known", 0, BASE "400404 00000064", WITHDRAW, 4 },

	{ "LOCAL_PREF", 0, BASE "400504 00000064", OK },
	{ "LOCAL_PREF from outside", EBGP, BASE "400504 00000064", DISCARD, 5 },
	{ "LOCAL_PREF of 5 octets", 0, BASE "400505 0000006400", WITHDRAW, 5 },
	{ "LOCAL_PREF of 5 octets from outside", EBGP, BASE "400505 0000006400", DISCARD, 5 },
	{ "LOCAL_PREF optional", 0, BASE "c00504 00000064", WITHDRAW, 5 },

	{ "ATOMIC_AGGREGATE", 0, BASE "400600", OK },
	{ "ATOMIC_AGGREGATE with a value", 0, BASE "400601 00", DISCARD, 6 },
	{ "ATOMIC_AGGREGATE optional", 0, BASE "c00600", WITHDRAW, 6 },

	{ "AGGREGATOR", 0, BASE "c00708 0000fde8 01020304", OK },
	{ "AGGREGATOR, 2 octets", AS2, BASE2 "c00706 fde8 01020304", OK },
	{ "AGGREGATOR of 6 octets", 0, BASE "c00706 fde8 01020304", DISCARD, 7 },
	{ "AGGREGATOR of 8 octets, 2 octets", AS2, BASE2 "c00708 0000fde8 01020304", DISCARD, 7 },
	{ "AGGREGATOR of 7 octets", 0, BASE "c00707 00fde8 01020304", DISCARD, 7 },
	{ "AGGREGATOR of 0 octets", 0, BASE "c00700", DISCARD, 7 },
	{ "AGGREGATOR with AS 0", 0, BASE "c00708 00000000 01020304", DISCARD, 7 },
	{ "AGGREGATOR not transitive", 0, BASE "800708 0000fde8 01020304", WITHDRAW, 7 },

	{ "COMMUNITIES", 0, BASE "c00808 fde80064 ffffff01", OK },
	{ "COMMUNITIES of 0 octets", 0, BASE "c00800", WITHDRAW, 8 },
	{ "COMMUNITIES of 6 octets", 0, BASE "c00806 fde80064 ffff", WITHDRAW, 8 },
	{ "COMMUNITIES not transitive", 0, BASE "800804 fde80064", WITHDRAW, 8 },

	{ "ORIGINATOR_ID", 0, BASE "800904 01020304", OK },
	{ "ORIGINATOR_ID of 3 octets", 0, BASE "800903 010203", WITHDRAW, 9 },
	{ "ORIGINATOR_ID from outside", EBGP, BASE "800904 01020304", DISCARD, 9 },
	{ "ORIGINATOR_ID of 3 octets from outside", EBGP, BASE "800903 010203", DISCARD, 9 },
	{ "ORIGINATOR_ID transitive", 0, BASE "c00904 01020304", WITHDRAW, 9 },
	{ "CLUSTER_LIST", 0, BASE "800a08 01020304 05060708", OK },
	{ "CLUSTER_LIST of 0 octets", 0, BASE "800a00", WITHDRAW, 10 },
	{ "CLUSTER_LIST of 5 octets", 0, BASE "800a05 0102030405", WITHDRAW, 10 },
	{ "CLUSTER_LIST from outside", EBGP, BASE "800a05 0102030405", DISCARD, 10 },

	{ "EXTENDED_COMMUNITIES", 0, BASE "c01008 0002fde800000064", OK },
	{ "EXTENDED_COMMUNITIES of 0 octets", 0, BASE "c01000", WITHDRAW, 16 },
	{ "EXTENDED_COMMUNITIES of 7 octets", 0, BASE "c01007 0002fde8000000", WITHDRAW, 16 },
	{ "LARGE_COMMUNITIES", 0, BASE "c0200c 000000010000000200000003", OK },
	{ "LARGE_COMMUNITIES of 0 octets", 0, BASE "c02000", WITHDRAW, 32 },
	{ "IPV6_EXTENDED_COMMUNITIES of 0 octets", 0, BASE "c01900", WITHDRAW, 25 },
	{ "IPV6_EXTENDED_COMMUNITIES of 21 octets", 0,
		BASE "c01915 000220010000000000000000000000000001006400", WITHDRAW, 25 },
	{ "IPV6_EXTENDED_COMMUNITIES not transitive", 0,
		BASE "801914 0002200100000000000000000000000000010064", WITHDRAW, 25 },
	{ "LARGE_COMMUNITIES of 11 octets", 0, BASE "c0200b 0000000100000002000000", WITHDRAW, 32 },

	{ "AS4_PATH from a new peer", 0, BASE "c01106 0201 00010000", DISCARD, 17 },
	{ "AS4_AGGREGATOR from a new peer", 0, BASE "c01208 00010000 01020304", DISCARD, 18 },
	{ "AS4_PATH", AS2, BASE2 "c01106 0201 00010000", OK },
	{ "AS4_PATH of 0 octets", AS2, BASE2 "c01100", DISCARD, 17 },
	{ "AS4_PATH of 5 octets", AS2, BASE2 "c01105 0201 000100", DISCARD, 17 },
	{ "AS4_PATH with an empty segment", AS2, BASE2 "c01108 0200 0201 00010000", DISCARD, 17 },
	{ "AS4_PATH with an unknown segment", AS2, BASE2 "c01106 0901 00010000", DISCARD, 17 },
	{ "AS4_PATH with AS 0", AS2, BASE2 "c01106 0201 00000000", DISCARD, 17 },
	{ "AS4_PATH before AS_PATH", AS2, ORIGIN "c01106 0201 00010000" PATH2 HOP, OK },
	{ "AS4_PATH without AS_PATH", AS2, ORIGIN "c01106 0201 00010000" HOP, WITHDRAW, 2 },
	{ "AS4_AGGREGATOR of 6 octets", AS2, BASE2 "c01206 0000 01020304", DISCARD, 18 },
	{ "AS4_AGGREGATOR with AS 0", AS2, BASE2 "c01208 00000000 01020304", DISCARD, 18 },

	{ "unknown optional transitive", 0, BASE "c06303 010203", OK },
	{ "unknown optional not transitive", 0, BASE "806303 010203", OK },
	{ "unknown types 0, 128 and 255", 0, BASE "c00001 01 c08000 c0ff01 02", OK },
	{ "unknown twice", 0, BASE "c06301 01 c06301 02", DISCARD, 99 },
	{ "IPV6_EXTENDED_COMMUNITIES", 0, BASE "c01914 0002200100000000000000000000000000010064", OK },
	{ "unknown well-known", 0, BASE "406303 010203", RESET, 99, 2, "406303 010203" },
	{ "unknown well-known, neither bit", 0, BASE "006300", RESET, 99, 2, "006300" },
	{ "unknown well-known of type 0", 0, BASE "400000", RESET, 0, 2, "400000" },

	{ "an attribute beyond the end", 0, BASE "800404 0000", WITHDRAW, 4 },
	{ "a header of 1 octet", 0, BASE "80", WITHDRAW, 0 },
	{ "a header of 2 octets", 0, BASE "8004", WITHDRAW, 4 },
	{ "an extended header of 3 octets", 0, BASE "900400", WITHDRAW, 4 },
	{ "a mandatory attribute beyond the end", 0, ORIGIN PATH "400305 c0000201", WITHDRAW, 3 },

	{ "MP_REACH_NLRI twice", 0, BASE "800e05 0002 01 00 00 800e05 0002 01 00 00", RESET, 14, 1, "" },
	{ "MP_UNREACH_NLRI twice", 0, BASE "800f03 000201 800f03 000201", RESET, 15, 1, "" },
	{ "two faults, the worse counts", 0, BASE "400601 00 800403 000064 c00800", WITHDRAW, 4 },
};

static struct bgp_negotiated session_of(const struct attr_vector *v)
{
	struct bgp_negotiated n = plain_session();

	n.as4 = !(v->how & AS2);
	return n;
}

static void assert_verdict(const struct attr_vector *v, const struct bgp_update *u)
{
	size_t announced = u->announced[BGP_IPV4_UNICAST].count;

	if ((int)u->verdict != v->verdict || u->bad_attr != v->bad_attr)
		fail_msg("%s: %s, attribute %u", v->what, bgp_verdict_text(u->verdict), u->bad_attr);
	assert_sound(u);
	if (v->verdict == RESET) {
		struct octets data = { .len = 0 };

		add_hex(&data, v->data);
		if (u->error->subcode != v->subcode || u->error->data_len != data.len ||
			memcmp(u->error->data, data.data, data.len) != 0)
			fail_msg("%s: subcode %u with %u octets", v->what, u->error->subcode,
				u->error->data_len);
	} else if (announced != (v->verdict != WITHDRAW) ||
		   u->withdrawn[BGP_IPV4_UNICAST].count != (v->verdict == WITHDRAW)) {
		fail_msg("%s: %zu announced", v->what, announced);
	}
}

static void every_attribute_gets_its_verdict(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		const struct attr_vector *v = &vectors[i];
		struct bgp_negotiated n = session_of(v);
		static struct octets o;
		struct bgp_update u;
		uint8_t *copy;

		update_body(&o, "", v->attrs, ROUTE);
		copy = exact_copy(o.data, o.len);
		bgp_update_decode(cursor_init(copy, o.len), &n, v->how & EBGP, arena, &u);
		assert_verdict(v, &u);
		free(copy);
		arena_reset(arena);
		decode_truncated(&o, &n, v->how & EBGP);
	}
	arena_free(arena);
}

/* RFC 7606 4: the route behind the attributes is found whatever happens inside them, so no cut resets the session. */
static void attributes_cut_anywhere_never_reset_a_session_with_routes(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		const struct attr_vector *v = &vectors[i];
		struct bgp_negotiated n = session_of(v);
		static struct octets attrs, o;

		if (v->verdict == RESET)
			continue;
		attrs.len = 0;
		add_hex(&attrs, v->attrs);
		for (size_t cut = 0; cut < attrs.len; cut++) {
			struct bgp_update u;

			o.len = 0;
			add_u16(&o, 0);
			add_u16(&o, cut);
			memcpy(o.data + o.len, attrs.data, cut);
			o.len += cut;
			add_hex(&o, ROUTE);
			bgp_update_decode(cursor_init(o.data, o.len), &n, v->how & EBGP, arena, &u);
			assert_sound(&u);
			assert_int_not_equal(u.verdict, BGP_VERDICT_SESSION_RESET);
			assert_int_equal(u.announced[0].count + u.withdrawn[0].count, 1);
			arena_reset(arena);
		}
	}
	arena_free(arena);
}

/* RFC 7606 5.2: the same faults without a route to withdraw. */
static void a_fault_in_a_message_without_routes_resets_the_session(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		const struct attr_vector *v = &vectors[i];
		struct bgp_negotiated n = session_of(v);
		bool semantic = strstr(v->what, "missing") || strstr(v->what, "without") ||
				strstr(v->what, "0.0.0.0") || strstr(v->what, "multicast") ||
				strstr(v->what, "broadcast");
		static struct octets o;
		struct bgp_update u;

		if (semantic)
			continue;
		update_body(&o, "", v->attrs, "");
		bgp_update_decode(cursor_init(o.data, o.len), &n, v->how & EBGP, arena, &u);
		if ((int)u.verdict != (v->verdict == WITHDRAW ? RESET : v->verdict))
			fail_msg("%s: %s", v->what, bgp_verdict_text(u.verdict));
		assert_sound(&u);
		arena_reset(arena);
	}
	arena_free(arena);
}

static void values_arrive(void **state)
{
	struct bgp_negotiated n = plain_session();
	struct arena *arena = arena_new();
	const struct bgp_attrs *a;
	static struct octets o;
	struct bgp_update u;

	(void)state;
	update_body(&o, "",
		"400101 01" PATH HOP "800404 00000065 400504 00000066 400600 e00708 0000fde9 01020304"
		"c00808 fde80064 ffffff01 800904 0a000001 800a04 0a000002 f0100008 0002fde800000064"
		"c0200c 000000010000000200000003",
		ROUTE);
	bgp_update_decode(cursor_init(o.data, o.len), &n, false, arena, &u);
	a = &u.attrs;
	assert_int_equal(u.verdict, BGP_VERDICT_OK);
	assert_int_equal(a->has, BGP_HAS_UNKNOWN - 1);
	assert_int_equal(a->origin, BGP_ORIGIN_EGP);
	assert_int_equal(a->med, 101);
	assert_int_equal(a->local_pref, 102);
	assert_int_equal(a->aggregator.as, 65001);
	assert_int_equal(a->aggregator.bgp_identifier, 0x01020304);
	assert_int_equal(a->originator_id, 0x0a000001);
	assert_int_equal(a->cluster_list.len, 4);
	assert_true(a->aggregator_partial && a->extended_communities_partial);
	assert_false(a->communities_partial || a->large_communities_partial);
	assert_true(bgp_communities_contain(a->communities, BGP_COMMUNITY_NO_EXPORT));
	assert_false(bgp_communities_contain(a->communities, BGP_COMMUNITY_NO_ADVERTISE));
	assert_int_equal(a->large_communities.len, 12);
	assert_int_equal(u.next_hop[0].len, 4);
	assert_memory_equal(u.next_hop[0].octets, "\xc0\0\2\1", 4);
	arena_free(arena);
}

static void unknown_transitive_attributes_are_kept_sorted_and_partial(void **state)
{
	struct bgp_negotiated n = plain_session();
	struct arena *arena = arena_new();
	struct octets expected = { .len = 0 };
	static struct octets o;
	struct bgp_update u;

	(void)state;
	update_body(&o, "", "c0ff01 02 806401 09 d0630001 07 df0c0001 01" BASE "e00b00 c00000", ROUTE);
	bgp_update_decode(cursor_init(o.data, o.len), &n, true, arena, &u);
	add_hex(&expected, "e00000 e00b00 e00c01 01 e06301 07 e0ff01 02");
	assert_int_equal(u.verdict, BGP_VERDICT_OK);
	assert_true(u.attrs.has & BGP_HAS_UNKNOWN);
	assert_int_equal(u.attrs.unknown.len, expected.len);
	assert_memory_equal(u.attrs.unknown.data, expected.data, expected.len);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attribute_gets_its_verdict),
		cmocka_unit_test(attributes_cut_anywhere_never_reset_a_session_with_routes),
		cmocka_unit_test(a_fault_in_a_message_without_routes_resets_the_session),
		cmocka_unit_test(values_arrive),
		cmocka_unit_test(unknown_transitive_attributes_are_kept_sorted_and_partial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

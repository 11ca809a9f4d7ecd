/* AS paths: what decision needs of them, the two widths of AS numbers (RFC 6793), and text. */
#include "bgp/as_path.h"

#include "unit/bgp/support.h"

#define ORIGIN "400101 00"
#define HOP    "400304 c0000201"
#define ROUTE  "18 0a0100"

static struct bgp_octets view(const struct octets *o)
{
	return (struct bgp_octets){ .data = o->data, .len = (uint16_t)o->len };
}

static void assert_path_text(struct bgp_octets path, const char *expected)
{
	char buf[4096];

	assert_string_equal(bgp_as_path_format(path, buf, sizeof(buf)), expected);
}

static void decision_reads_a_path(void **state)
{
	static const struct {
		const char *hex, *text;
		unsigned length;
		uint32_t neighbor, origin;
	} v[] = {
		{ "", "", 0, 0, 0 },
		{ "0202 0000fde9 0000fdea", "65001 65002", 2, 65001, 65002 },
		{ "0201 fffffffe 0102 00000001 00000002", "4294967294 {1 2}", 2, 4294967294, 0 },
		{ "0102 00000001 00000002 0201 00000003", "{1 2} 3", 2, 0, 3 },
		{ "0302 00000001 00000002 0201 00000003", "(1 2) 3", 1, 3, 3 },
		{ "0402 00000001 00000002 0301 00000004 0201 00000003", "[1 2] (4) 3", 1, 3, 3 },
		{ "0301 00000001", "(1)", 0, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		struct octets o = { .len = 0 };

		add_hex(&o, v[i].hex);
		assert_null(bgp_as_path_check(view(&o), 4, true));
		assert_path_text(view(&o), v[i].text);
		assert_int_equal(bgp_as_path_length(view(&o)), v[i].length);
		assert_int_equal(bgp_as_path_neighbor(view(&o)), v[i].neighbor);
		assert_int_equal(bgp_as_path_origin(view(&o)), v[i].origin);
		assert_int_equal(bgp_as_path_contains(view(&o), 3), strchr(v[i].text, '3') != NULL);
		assert_false(bgp_as_path_contains(view(&o), 77));
	}
}

static void prepending_fills_a_segment_and_then_begins_another(void **state)
{
	struct arena *arena = arena_new();
	struct bgp_octets path = { 0 };
	struct octets set = { .len = 0 };

	(void)state;
	for (unsigned i = 1; i <= 600; i++) {
		path = bgp_as_path_prepend(path, i, arena);
		assert_null(bgp_as_path_check(path, 4, false));
		assert_int_equal(bgp_as_path_length(path), i);
		assert_int_equal(bgp_as_path_neighbor(path), i);
	}
	assert_int_equal(path.len, 3 * 2 + 600 * 4);
	assert_int_equal(bgp_as_path_origin(path), 1);
	add_hex(&set, "0101 00000005");
	assert_path_text(bgp_as_path_prepend(view(&set), 9, arena), "9 {5}");
	set.len = 0;
	add_hex(&set, "0301 00000005");
	assert_path_text(bgp_as_path_prepend(view(&set), 9, arena), "9 (5)");
	arena_free(arena);
}

static void a_widened_path_has_room_for_our_as(void **state)
{
	static struct octets o;
	struct arena *arena = arena_new();
	struct bgp_octets wide;

	(void)state;
	for (unsigned segment = 0; segment < 64; segment++) {
		o.data[o.len++] = BGP_AS_SEQUENCE;
		o.data[o.len++] = 255;
		for (unsigned i = 1; i <= 255; i++)
			add_u16(&o, i);
	}
	/* 64 * 1022 octets, and 2 + 4 * 29: 6 more fit */
	add_hex(&o, "021d");
	for (unsigned i = 1; i <= 29; i++)
		add_u16(&o, i);
	assert_true(bgp_as_path_widen(view(&o), arena, &wide));
	assert_int_equal(wide.len, 65526);
	wide = bgp_as_path_prepend(wide, 65021, arena);
	assert_int_equal(wide.len, 65532);
	assert_int_equal(bgp_as_path_neighbor(wide), 65021);
	o.data[o.len - 29 * 2 - 1] = 30;
	add_u16(&o, 30);
	assert_false(bgp_as_path_widen(view(&o), arena, &wide));
	arena_free(arena);
}

static void confederation_segments_are_left_behind(void **state)
{
	static const struct {
		const char *hex, *text;
	} v[] = {
		{ "", "" },
		{ "0301 00000001", "" },
		{ "0201 00000007", "7" },
		{ "0302 00000001 00000002 0201 00000003", "3" },
		{ "0201 00000003 0402 00000001 00000002 0102 00000004 00000005 0301 00000009", "3 {4 5}" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		struct octets o = { .len = 0 };

		add_hex(&o, v[i].hex);
		assert_path_text(bgp_as_path_leave_confederation(view(&o), arena), v[i].text);
	}
	arena_free(arena);
}

static void text_is_cut_where_the_buffer_ends(void **state)
{
	struct octets o = { .len = 0 };
	char buf[8];

	(void)state;
	add_hex(&o, "0203 0000fde9 0000fdea 0000fdeb");
	assert_string_equal(bgp_as_path_format(view(&o), buf, sizeof(buf)), "65001 6");
	assert_string_equal(bgp_as_path_format(view(&o), buf, 1), "");
}

struct merge_vector {
	const char *what, *attrs, *path;
	uint32_t aggregator; /* 0: none */
};

/* RFC 6793 4.2.3. 5ba0 is AS_TRANS. */
static const struct merge_vector merges[] = {
	{ "nothing to merge", "400206 0202 fde9 fdea", "65001 65002", 0 },
	{ "all of it", "400206 0202 5ba0 5ba0 c0110a 0202 00010001 00010002", "65537 65538", 0 },
	{ "an old AS in front", "400206 0202 fde9 5ba0 c01106 0201 00010002", "65001 65538", 0 },
	{ "two segments in front", "40020a 0201 fde9 0202 fdea 5ba0 c01106 0201 00010002",
		"65001 65002 65538", 0 },
	{ "AS4_PATH longer: ignored", "400204 0201 5ba0 c0110a 0202 00010001 00010002", "23456", 0 },
	{ "a set counts once", "40020c 0202 fde9 5ba0 0102 0001 0002 c0110a 0102 00010001 00010002",
		"65001 23456 {65537 65538}", 0 },
	{ "a set in front", "40020a 0102 0001 0002 0201 5ba0 c01106 0201 00010002", "{1 2} 65538", 0 },
	{ "a confederation in front stays", "400208 0301 0064 0201 5ba0 c01106 0201 00010002", "(100) 65538",
		0 },
	{ "a confederation in AS4_PATH goes", "400204 0201 5ba0 c0110c 0301 00000064 0201 00010002", "65538",
		0 },
	{ "both aggregators", "400204 0201 5ba0 c00706 5ba0 01020304 c01208 00010001 01020304", "23456",
		65537 },
	{ "an old aggregator makes the new ones stale",
		"400204 0201 5ba0 c00706 fde8 01020304 c01106 0201 00010002 c01208 00010001 01020304",
		"23456", 65000 },
	{ "AS4_AGGREGATOR alone", "400204 0201 5ba0 c01106 0201 00010002 c01208 00010001 01020304", "65538",
		0 },
	{ "AGGREGATOR alone", "400204 0201 5ba0 c00706 5ba0 01020304 c01106 0201 00010002", "65538", 23456 },
};

static void what_an_old_peer_says_twice_is_merged(void **state)
{
	struct bgp_negotiated n = plain_session();
	struct arena *arena = arena_new();

	(void)state;
	n.as4 = false;
	for (size_t i = 0; i < COUNT_OF(merges); i++) {
		const struct merge_vector *v = &merges[i];
		static struct octets o;
		struct bgp_update u;
		char attrs[512], text[256];

		snprintf(attrs, sizeof(attrs), "%s%s%s", ORIGIN, v->attrs, HOP);
		update_body(&o, "", attrs, ROUTE);
		bgp_update_decode(cursor_init(o.data, o.len), &n, false, arena, &u);
		if (u.verdict != BGP_VERDICT_OK ||
			strcmp(bgp_as_path_format(u.attrs.as_path, text, sizeof(text)), v->path) != 0 ||
			u.attrs.aggregator.as != v->aggregator)
			fail_msg("%s: %s, %s, aggregator %u", v->what, bgp_verdict_text(u.verdict), text,
				u.attrs.aggregator.as);
		decode_truncated(&o, &n, false);
		arena_reset(arena);
	}
	arena_free(arena);
}

static void assert_narrow(const char *path_hex, uint32_t aggregator, const char *expected_hex)
{
	struct octets path = { .len = 0 }, expected = { .len = 0 };
	const struct bgp_attr_opts old = { .as4 = false };
	struct bgp_attrs a = { .has = BGP_HAS_AS_PATH };
	uint8_t buf[4096];
	struct writer w = writer_init(buf, sizeof(buf));

	add_hex(&path, path_hex);
	add_hex(&expected, expected_hex);
	a.as_path = view(&path);
	if (aggregator) {
		a.has |= BGP_HAS_AGGREGATOR;
		a.aggregator = (struct bgp_aggregator){ aggregator, 0x01020304 };
	}
	bgp_attrs_encode(&w, &a, &old, NULL);
	assert_int_equal(writer_len(&w), expected.len);
	assert_memory_equal(buf, expected.data, expected.len);
}

static void an_old_peer_gets_as_trans_and_as4_attributes_only_when_needed(void **state)
{
	(void)state;
	assert_narrow("0202 0000fde9 0000fdea", 65000, "400206 0202 fde9 fdea c00706 fde8 01020304");
	assert_narrow("0202 00010001 0000fdea", 0, "400206 0202 5ba0 fdea c0110a 0202 00010001 0000fdea");
	assert_narrow("", 65537, "400200 c00706 5ba0 01020304 c01208 00010001 01020304");
	/* RFC 6793 3: confederation segments stay out of AS4_PATH, and alone they need none. */
	assert_narrow("0301 00010001 0201 00000001", 0, "400208 0301 5ba0 0201 0001");
	assert_narrow("0301 00000064 0201 00010001", 0, "400208 0301 0064 0201 5ba0 c01106 0201 00010001");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decision_reads_a_path),
		cmocka_unit_test(prepending_fills_a_segment_and_then_begins_another),
		cmocka_unit_test(a_widened_path_has_room_for_our_as),
		cmocka_unit_test(confederation_segments_are_left_behind),
		cmocka_unit_test(text_is_cut_where_the_buffer_ends),
		cmocka_unit_test(what_an_old_peer_says_twice_is_merged),
		cmocka_unit_test(an_old_peer_gets_as_trans_and_as4_attributes_only_when_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

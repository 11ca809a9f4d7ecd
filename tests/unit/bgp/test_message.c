#include "bgp/message.h"

#include "unit/bgp/support.h"

#define MARKER "ffffffffffffffffffffffffffffffff"

struct frame_vector {
	const char *what, *hex;
	size_t max_len;
	enum bgp_frame_result result;
	uint8_t subcode;
	const char *data;
};

static const struct frame_vector frames[] = {
	{ "a KEEPALIVE", MARKER "0013 04", 4096, BGP_FRAME_OK },
	{ "a KEEPALIVE with an octet too many", MARKER "0014 04 00", 4096, BGP_FRAME_BAD, 2, "0014" },
	{ "a header cut short", MARKER "0013", 4096, BGP_FRAME_INCOMPLETE },
	{ "the shortest UPDATE", MARKER "0017 02 00000000", 4096, BGP_FRAME_OK },
	{ "an UPDATE still on its way", MARKER "0017 02 0000", 4096, BGP_FRAME_INCOMPLETE },
	{ "an UPDATE below its minimum", MARKER "0016 02", 4096, BGP_FRAME_BAD, 2, "0016" },
	{ "an UPDATE of the greatest length", MARKER "1000 02", 4096, BGP_FRAME_INCOMPLETE },
	{ "an UPDATE one octet longer", MARKER "1001 02", 4096, BGP_FRAME_BAD, 2, "1001" },
	{ "a long UPDATE where agreed on", MARKER "ffff 02", 65535, BGP_FRAME_INCOMPLETE },
	{ "an OPEN", MARKER "001d 01 04fde8000901020304 00", 4096, BGP_FRAME_OK },
	{ "an OPEN below its minimum", MARKER "001c 01", 4096, BGP_FRAME_BAD, 2, "001c" },
	{ "a long OPEN stays refused", MARKER "1001 01", 65535, BGP_FRAME_BAD, 2, "1001" },
	{ "a NOTIFICATION below its minimum", MARKER "0014 03", 4096, BGP_FRAME_BAD, 2, "0014" },
	{ "a long NOTIFICATION where agreed on", MARKER "1001 03", 65535, BGP_FRAME_INCOMPLETE },
	{ "a length below the header's", MARKER "0012 04", 4096, BGP_FRAME_BAD, 2, "0012" },
	{ "type 0", MARKER "0013 00", 4096, BGP_FRAME_BAD, 3, "00" },
	{ "type 6", MARKER "0013 06", 4096, BGP_FRAME_BAD, 3, "06" },
	{ "type 255", MARKER "0013 ff", 4096, BGP_FRAME_BAD, 3, "ff" },
	{ "a bad length goes before a bad type", MARKER "0001 09", 4096, BGP_FRAME_BAD, 2, "0001" },
	{ "a broken marker", "fffffffffffffffffffffffffffffffe 0013 04", 4096, BGP_FRAME_BAD, 1, "" },
	{ "something else entirely", "474554202f20485454502f312e310d0a486f73", 4096, BGP_FRAME_BAD, 1, "" },
	{ "a short ROUTE-REFRESH is judged by its own rules", MARKER "0013 05", 4096, BGP_FRAME_OK },
};

static void frames_are_found_and_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(frames); i++) {
		const struct frame_vector *v = &frames[i];
		struct octets o = { .len = 0 }, data = { .len = 0 };
		struct bgp_frame f;
		struct bgp_error err = { 0 };
		uint8_t *copy;

		add_hex(&o, v->hex);
		copy = exact_copy(o.data, o.len);
		if (bgp_frame_decode(copy, o.len, v->max_len, &f, &err) != v->result)
			fail_msg("%s", v->what);
		if (v->result == BGP_FRAME_OK) {
			assert_int_equal(f.len, o.len);
			assert_int_equal(cursor_left(&f.body), o.len - 19);
		}
		if (v->result == BGP_FRAME_BAD) {
			add_hex(&data, v->data);
			assert_int_equal(err.code, BGP_ERR_HEADER);
			assert_int_equal(err.subcode, v->subcode);
			assert_int_equal(err.data_len, data.len);
			assert_memory_equal(err.data, data.data, data.len);
		}
		free(copy);
		for (size_t len = 0; len < o.len && len < 19; len++) {
			copy = exact_copy(o.data, len);
			assert_int_equal(
				bgp_frame_decode(copy, len, v->max_len, &f, &err), BGP_FRAME_INCOMPLETE);
			free(copy);
		}
	}
}

static void a_second_message_behind_the_first_is_left_alone(void **state)
{
	struct octets o = { .len = 0 };
	struct bgp_frame f;
	struct bgp_error err;

	(void)state;
	add_hex(&o, MARKER "0017 02 00000000" MARKER "0013 04");
	assert_int_equal(bgp_frame_decode(o.data, o.len, 4096, &f, &err), BGP_FRAME_OK);
	assert_int_equal(f.type, BGP_UPDATE);
	assert_int_equal(f.len, 23);
	assert_int_equal(bgp_frame_decode(o.data + 23, o.len - 23, 4096, &f, &err), BGP_FRAME_OK);
	assert_int_equal(f.type, BGP_KEEPALIVE);
}

static void keepalive_and_notification_come_back_as_written(void **state)
{
	uint8_t buf[4096];
	struct writer w = writer_init(buf, sizeof(buf));
	struct bgp_error e, back, err;
	struct bgp_frame f;

	(void)state;
	bgp_keepalive_encode(&w);
	assert_int_equal(writer_len(&w), 19);
	bgp_error_set(&e, BGP_ERR_OPEN, BGP_OPEN_UNSUPPORTED_VERSION, "\0\4", 2);
	bgp_notification_encode(&w, &e);
	assert_int_equal(bgp_frame_decode(buf + 19, writer_len(&w) - 19, 4096, &f, &err), BGP_FRAME_OK);
	bgp_notification_decode(f.body, &back);
	assert_int_equal(back.code, BGP_ERR_OPEN);
	assert_int_equal(back.subcode, BGP_OPEN_UNSUPPORTED_VERSION);
	assert_int_equal(back.data_len, 2);
	assert_memory_equal(back.data, "\0\4", 2);
	bgp_notification_decode(cursor_init(buf, 1), &back);
	assert_int_equal(back.code, 0);
	assert_int_equal(back.data_len, 0);
}

static void a_notification_with_all_the_data_it_can_hold_fits_a_message(void **state)
{
	uint8_t buf[4096], big[5000];
	struct writer w = writer_init(buf, sizeof(buf));
	struct bgp_error e;

	(void)state;
	memset(big, 7, sizeof(big));
	bgp_error_set(&e, BGP_ERR_UPDATE, BGP_UPDATE_ATTRIBUTE_LENGTH, big, sizeof(big));
	bgp_notification_encode(&w, &e);
	assert_true(writer_ok(&w));
	assert_int_equal(writer_len(&w), 4096);
}

static void a_refresh_comes_back_as_written(void **state)
{
	uint8_t buf[64];
	struct writer w = writer_init(buf, sizeof(buf));
	struct bgp_refresh r;
	struct bgp_frame f;
	struct bgp_error err;

	(void)state;
	bgp_refresh_encode(&w, BGP_IPV6_UNICAST, BGP_REFRESH_BEGIN);
	assert_int_equal(bgp_frame_decode(buf, writer_len(&w), 4096, &f, &err), BGP_FRAME_OK);
	assert_true(bgp_refresh_decode(f.body, true, &r, &err));
	assert_int_equal(r.afi, BGP_AFI_IPV6);
	assert_int_equal(r.safi, BGP_SAFI_UNICAST);
	assert_int_equal(r.subtype, BGP_REFRESH_BEGIN);
}

static void a_refresh_of_a_wrong_length_is_answered_with_the_whole_message(void **state)
{
	static const struct {
		const char *body;
		bool ok;
	} v[] = {
		{ "", false }, { "0001", false }, { "000100", false }, { "00010001", true },
		{ "00010001 01 40 0000", true },		   /* with an ORF part */
		{ "00010101 00", false },			   /* BoRR has no more */
		{ "00010201 00", false }, { "00010901 00", true }, /* unknown: for the caller to ignore */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		struct octets o = { .len = 0 };
		struct bgp_refresh r;
		struct bgp_error err = { 0 };
		uint8_t *copy;

		add_hex(&o, v[i].body);
		copy = exact_copy(o.data, o.len);
		assert_int_equal(bgp_refresh_decode(cursor_init(copy, o.len), true, &r, &err), v[i].ok);
		if (!v[i].ok) {
			assert_int_equal(err.code, BGP_ERR_ROUTE_REFRESH);
			assert_int_equal(err.subcode, BGP_ROUTE_REFRESH_INVALID_LENGTH);
			assert_int_equal(err.data_len, 19 + o.len);
			assert_int_equal(err.data[17], 19 + o.len);
			assert_int_equal(err.data[18], BGP_ROUTE_REFRESH);
			assert_memory_equal(err.data + 19, o.data, o.len);
		}
		/* To who has not offered RFC 7313 its error means nothing. */
		assert_int_equal(bgp_refresh_decode(cursor_init(copy, o.len), false, &r, &err), o.len >= 4);
		if (o.len < 4) {
			assert_int_equal(err.code, BGP_ERR_HEADER);
			assert_int_equal(err.subcode, BGP_HEADER_BAD_LENGTH);
			assert_int_equal(err.data_len, 2);
			assert_int_equal(err.data[1], 19 + o.len);
		}
		free(copy);
	}
}

static void assert_shutdown_text(uint8_t subcode, const char *hex, const char *expected)
{
	struct octets o = { .len = 0 };
	struct bgp_error e;
	char buf[256];

	add_hex(&o, hex);
	bgp_error_set(&e, BGP_ERR_CEASE, subcode, o.data, o.len);
	assert_string_equal(bgp_error_shutdown_text(&e, buf, sizeof(buf)), expected);
}

static void a_shutdown_text_is_printable_and_ends_where_it_says(void **state)
{
	struct bgp_error e;
	uint8_t data[256] = { 255 };
	char buf[256];

	(void)state;
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "03 627965 786978", "bye");
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_RESET, "ff 627965", "bye");
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "", "");
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "00 41", "");
	assert_shutdown_text(BGP_CEASE_OUT_OF_RESOURCES, "03 627965", "");
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "05 610a1b5b62", "a??[b");
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "02 c3bc", "\xc3\xbc");
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "03 61 c3bc", "a\xc3\xbc");
	/* overlong, surrogate, cut, C1 control, right-to-left override */
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "02 c0af", "??");
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "03 eda080", "???");
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "02 61c3", "a?");
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "02 c285", "?");
	assert_shutdown_text(BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, "03 e280ae", "?");
	memset(data + 1, 'x', 255);
	bgp_error_set(&e, BGP_ERR_CEASE, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, data, sizeof(data));
	assert_int_equal(strlen(bgp_error_shutdown_text(&e, buf, sizeof(buf))), 255);
}

static void every_number_has_words(void **state)
{
	(void)state;
	assert_string_equal(bgp_error_code_text(BGP_ERR_CEASE), "Cease");
	assert_string_equal(bgp_error_code_text(200), "Unknown Error");
	assert_string_equal(bgp_error_subcode_text(BGP_ERR_CEASE, BGP_CEASE_COLLISION_RESOLUTION),
		"Connection Collision Resolution");
	assert_string_equal(bgp_error_subcode_text(BGP_ERR_OPEN, 0), "Unspecific");
	assert_string_equal(bgp_error_subcode_text(BGP_ERR_OPEN, 99), "Unknown");
	for (int i = 0; i < 256; i++) {
		assert_non_null(bgp_error_code_text((uint8_t)i));
		assert_non_null(bgp_message_type_text((uint8_t)i));
		assert_non_null(bgp_attr_type_text((uint8_t)i));
		assert_non_null(bgp_origin_text((uint8_t)i));
	}
	assert_string_equal(bgp_verdict_text(BGP_VERDICT_TREAT_AS_WITHDRAW), "treat-as-withdraw");
	assert_string_equal(bgp_message_type_text(BGP_ROUTE_REFRESH), "ROUTE-REFRESH");
	assert_string_equal(bgp_attr_type_text(BGP_ATTR_AS_PATH), "AS_PATH");
	assert_string_equal(bgp_attr_type_text(11), "attribute");
	assert_string_equal(bgp_family_text(BGP_IPV6_UNICAST), "ipv6-unicast");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_found_and_refused),
		cmocka_unit_test(a_second_message_behind_the_first_is_left_alone),
		cmocka_unit_test(keepalive_and_notification_come_back_as_written),
		cmocka_unit_test(a_notification_with_all_the_data_it_can_hold_fits_a_message),
		cmocka_unit_test(a_refresh_comes_back_as_written),
		cmocka_unit_test(a_refresh_of_a_wrong_length_is_answered_with_the_whole_message),
		cmocka_unit_test(a_shutdown_text_is_printable_and_ends_where_it_says),
		cmocka_unit_test(every_number_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

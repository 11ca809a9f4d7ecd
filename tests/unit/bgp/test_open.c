#include "bgp/open.h"

#include "bgp/message.h"
#include "unit/bgp/support.h"

#define HEAD	"04 fde8 0009 01020304"
#define CAP_MP4 "0104 00010001"
#define CAP_MP6 "0104 00020001"

struct open_vector {
	const char *what, *body;
	bool ok;
	uint8_t subcode;
	const char *data;
};

static const struct open_vector vectors[] = {
	{ "no parameters", HEAD "00", true },
	{ "one capability", HEAD "08 0206 " CAP_MP4, true },
	{ "each capability in a parameter of its own", HEAD "10 0206 " CAP_MP4 "0206 " CAP_MP6, true },
	{ "an empty Capabilities parameter", HEAD "02 0200", true },
	{ "a capability twice", HEAD "0e 020c " CAP_MP4 CAP_MP4, true },
	{ "an unknown capability", HEAD "07 0205 c803010203", true },
	{ "hold time 0", "04 fde8 0000 01020304 00", true },
	{ "hold time 3", "04 fde8 0003 01020304 00", true },
	{ "the extended form", HEAD "ff ff 0009 02 0006 " CAP_MP4, true },
	{ "the extended form behind any other length", HEAD "01 ff 0009 02 0006 " CAP_MP4, true },
	{ "version 3", "03 fde8 0009 01020304 00", false, BGP_OPEN_UNSUPPORTED_VERSION, "0004" },
	{ "version 5", "05 fde8 0009 01020304 00", false, BGP_OPEN_UNSUPPORTED_VERSION, "0004" },
	{ "AS 0", "04 0000 0009 01020304 00", false, BGP_OPEN_BAD_PEER_AS, "" },
	{ "AS 0 in the capability", HEAD "08 0206 4104 00000000", false, BGP_OPEN_BAD_PEER_AS, "" },
	{ "hold time 1", "04 fde8 0001 01020304 00", false, BGP_OPEN_UNACCEPTABLE_HOLD_TIME, "0001" },
	{ "hold time 2", "04 fde8 0002 01020304 00", false, BGP_OPEN_UNACCEPTABLE_HOLD_TIME, "0002" },
	{ "identifier 0", "04 fde8 0009 00000000 00", false, BGP_OPEN_BAD_BGP_IDENTIFIER, "" },
	{ "an authentication parameter", HEAD "03 0101 00", false, BGP_OPEN_UNSUPPORTED_PARAMETER, "" },
	{ "parameter 255 behind another", HEAD "05 0200 ff0100", false, BGP_OPEN_UNSUPPORTED_PARAMETER, "" },
	{ "a length beyond the message", HEAD "05 0200", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "octets behind the parameters", HEAD "00 00", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "a parameter beyond the end", HEAD "03 0204 00", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "a parameter without a length", HEAD "01 02", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "a capability beyond its parameter", HEAD "04 0202 0104", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "a capability without a length", HEAD "03 0201 01", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "multiprotocol of 3 octets", HEAD "07 0205 0103 000100", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "route refresh with a value", HEAD "05 0203 0201 00", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "extended next hop of 5 octets", HEAD "09 0207 0505 0001000100", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "extended message with a value", HEAD "05 0203 0601 00", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "AS4 of 2 octets", HEAD "06 0204 4102 fde8", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "add-path of 3 octets", HEAD "07 0205 4503 000101", false, BGP_OPEN_UNSPECIFIC, "" },
	{ "add-path of no octets", HEAD "04 0202 4500", true },
	{ "extended next hop of no octets", HEAD "04 0202 0500", true },
	{ "a host name beyond its capability", HEAD "06 0204 4902 0561", true },
	{ "a software version beyond its capability", HEAD "06 0204 4b02 0561", true },
	{ "the extended form with a length that lies", HEAD "ff ff 0008 02 0006 " CAP_MP4, false,
		BGP_OPEN_UNSPECIFIC, "" },
	{ "the extended form with short lengths inside", HEAD "ff ff 0008 0206 " CAP_MP4, false,
		BGP_OPEN_UNSPECIFIC, "" },
};

static bool decode(const struct octets *o, size_t len, struct bgp_open *out, struct bgp_error *err)
{
	uint8_t *copy = exact_copy(o->data, len);
	bool ok = bgp_open_decode(cursor_init(copy, len), out, err);

	free(copy);
	return ok;
}

static void opens_are_taken_and_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		const struct open_vector *v = &vectors[i];
		struct octets o = { .len = 0 }, data = { .len = 0 };
		struct bgp_open open;
		struct bgp_error err = { 0 };

		add_hex(&o, v->body);
		if (decode(&o, o.len, &open, &err) != v->ok)
			fail_msg("%s", v->what);
		if (!v->ok) {
			add_hex(&data, v->data);
			if (err.code != BGP_ERR_OPEN || err.subcode != v->subcode ||
				err.data_len != data.len || memcmp(err.data, data.data, data.len) != 0)
				fail_msg("%s: %u/%u with %u octets", v->what, err.code, err.subcode,
					err.data_len);
		}
		for (size_t len = 0; len < o.len; len++)
			assert_false(decode(&o, len, &open, &err) && len < 10);
	}
}

static void every_capability_is_read(void **state)
{
	struct octets o = { .len = 0 };
	struct bgp_open open;
	struct bgp_error err;

	(void)state;
	add_hex(&o, HEAD "4d 024b" CAP_MP4 CAP_MP6 "0104 00010004" /* a family we do not speak */
			 "0200 4600 0600 0506 000100010002 4104 fffffffe"
			 "450c 00010101 00020103 00010402"
			 "490a 02 7231 06 612e6578 0a78 4b05 04 72726420 400200b4");
	assert_true(decode(&o, o.len, &open, &err));
	assert_int_equal(open.as, 4294967294);
	assert_int_equal(open.hold_time_s, 9);
	assert_int_equal(open.bgp_identifier, 0x01020304);
	assert_true(open.caps.any_multiprotocol);
	assert_true(open.caps.family[BGP_IPV4_UNICAST] && open.caps.family[BGP_IPV6_UNICAST]);
	assert_true(open.caps.route_refresh && open.caps.enhanced_route_refresh);
	assert_true(open.caps.graceful_restart);
	assert_true(open.caps.extended_message && open.caps.extended_next_hop && open.caps.as4);
	assert_int_equal(open.caps.add_path[BGP_IPV4_UNICAST], BGP_ADD_PATH_RECEIVE);
	assert_int_equal(open.caps.add_path[BGP_IPV6_UNICAST], BGP_ADD_PATH_BOTH);
	assert_string_equal(open.caps.fqdn, "r1.a.ex?x");
	assert_string_equal(open.caps.software, "rrd ");
}

static void an_add_path_mode_beyond_3_is_ignored(void **state)
{
	struct octets o = { .len = 0 };
	struct bgp_open open;
	struct bgp_error err;

	(void)state;
	add_hex(&o, HEAD "0c 020a 4508 00010104 00020100");
	assert_true(decode(&o, o.len, &open, &err));
	assert_int_equal(open.caps.add_path[BGP_IPV4_UNICAST], BGP_ADD_PATH_NONE);
	assert_int_equal(open.caps.add_path[BGP_IPV6_UNICAST], BGP_ADD_PATH_NONE);
	/* and all that stands in the same capability, but not what stands in another */
	o.len = 0;
	add_hex(&o, HEAD "12 0210 4508 00010103 00020104 4504 00020101");
	assert_true(decode(&o, o.len, &open, &err));
	assert_int_equal(open.caps.add_path[BGP_IPV4_UNICAST], BGP_ADD_PATH_NONE);
	assert_int_equal(open.caps.add_path[BGP_IPV6_UNICAST], BGP_ADD_PATH_RECEIVE);
}

static struct bgp_open full_open(void)
{
	struct bgp_open o = { .as = 4200000001, .hold_time_s = 90, .bgp_identifier = 0x0a00006d };

	o.caps = (struct bgp_caps){ .family = { true, true },
		.any_multiprotocol = true,
		.add_path = { BGP_ADD_PATH_BOTH, BGP_ADD_PATH_SEND },
		.route_refresh = true,
		.enhanced_route_refresh = true,
		.extended_message = true,
		.extended_next_hop = true,
		.as4 = true,
		.as4_number = 4200000001,
		.fqdn = "rr1.example.net",
		.software = "rrd 0.1.0" };
	return o;
}

static void assert_round_trip(const struct bgp_open *open)
{
	uint8_t buf[4096];
	struct writer w = writer_init(buf, sizeof(buf));
	struct bgp_open back;
	struct bgp_frame f;
	struct bgp_error err;

	bgp_open_encode(&w, open);
	assert_int_equal(bgp_frame_decode(buf, writer_len(&w), 4096, &f, &err), BGP_FRAME_OK);
	assert_int_equal(f.len, writer_len(&w));
	assert_true(bgp_open_decode(f.body, &back, &err));
	assert_int_equal(back.as, open->as);
	assert_int_equal(back.hold_time_s, open->hold_time_s);
	assert_int_equal(back.bgp_identifier, open->bgp_identifier);
	assert_memory_equal(back.caps.family, open->caps.family, sizeof(back.caps.family));
	assert_memory_equal(back.caps.add_path, open->caps.add_path, sizeof(back.caps.add_path));
	assert_int_equal(back.caps.route_refresh, open->caps.route_refresh);
	assert_int_equal(back.caps.enhanced_route_refresh, open->caps.enhanced_route_refresh);
	assert_int_equal(back.caps.extended_message, open->caps.extended_message);
	assert_int_equal(back.caps.extended_next_hop, open->caps.extended_next_hop);
	assert_int_equal(back.caps.as4_number, open->caps.as4_number);
	assert_string_equal(back.caps.fqdn, open->caps.fqdn);
	assert_string_equal(back.caps.software, open->caps.software);
}

static void an_open_comes_back_as_written(void **state)
{
	struct bgp_open o = full_open();

	(void)state;
	assert_round_trip(&o);
	memset(&o.caps, 0, sizeof(o.caps));
	o.as = 65021;
	assert_round_trip(&o);
}

static void capabilities_beyond_255_octets_take_the_extended_form(void **state)
{
	struct bgp_open o = full_open();
	uint8_t buf[4096];
	struct writer w = writer_init(buf, sizeof(buf));

	(void)state;
	memset(o.caps.software, 's', 254);
	memset(o.caps.fqdn, 'h', 253);
	assert_round_trip(&o);
	bgp_open_encode(&w, &o);
	assert_int_equal(buf[28], 255);
	assert_int_equal(buf[29], 255);
}

static void a_large_as_is_said_as_as_trans(void **state)
{
	struct bgp_open o = full_open();
	uint8_t buf[4096];
	struct writer w = writer_init(buf, sizeof(buf));

	(void)state;
	bgp_open_encode(&w, &o);
	assert_int_equal(buf[20] << 8 | buf[21], BGP_AS_TRANS);
}

static void both_sides_must_agree(void **state)
{
	struct bgp_open a = full_open(), b = full_open();
	struct bgp_negotiated n;

	(void)state;
	b.hold_time_s = 9;
	b.caps.add_path[BGP_IPV4_UNICAST] = BGP_ADD_PATH_RECEIVE;
	bgp_negotiate(&a, &b, &n);
	assert_true(n.family[BGP_IPV4_UNICAST] && n.family[BGP_IPV6_UNICAST]);
	assert_true(n.as4 && n.route_refresh && n.enhanced_route_refresh && n.extended_next_hop);
	assert_int_equal(n.max_tx, 65535);
	assert_int_equal(n.max_rx, 65535);
	assert_int_equal(n.hold_time_s, 9);
	assert_true(n.add_path_tx[BGP_IPV4_UNICAST]);
	assert_false(n.add_path_rx[BGP_IPV4_UNICAST]);
	/* both only send */
	assert_false(n.add_path_tx[BGP_IPV6_UNICAST] || n.add_path_rx[BGP_IPV6_UNICAST]);

	b.caps.extended_message = b.caps.as4 = b.caps.family[BGP_IPV6_UNICAST] = false;
	b.hold_time_s = 0;
	bgp_negotiate(&a, &b, &n);
	assert_false(n.as4 || n.family[BGP_IPV6_UNICAST]);
	assert_int_equal(n.max_tx, 4096);
	assert_int_equal(n.max_rx, 4096);
	assert_int_equal(n.hold_time_s, 0);
}

/* RFC 2918 4: who offered to serve requests must, and is the only one who must. */
static void a_peer_may_ask_though_it_cannot_be_asked(void **state)
{
	struct bgp_open a = full_open(), b = full_open();
	struct bgp_negotiated n;

	(void)state;
	b.caps.route_refresh = b.caps.enhanced_route_refresh = false;
	bgp_negotiate(&a, &b, &n);
	assert_false(n.route_refresh || n.enhanced_route_refresh);
	assert_true(n.route_refresh_rx);
	bgp_negotiate(&b, &a, &n);
	assert_false(n.route_refresh || n.enhanced_route_refresh || n.route_refresh_rx);
}

static void a_peer_without_multiprotocol_speaks_ipv4(void **state)
{
	struct bgp_open a = full_open(), b = full_open();
	struct bgp_negotiated n;

	(void)state;
	memset(&b.caps, 0, sizeof(b.caps));
	bgp_negotiate(&a, &b, &n);
	assert_true(n.family[BGP_IPV4_UNICAST]);
	assert_false(n.family[BGP_IPV6_UNICAST]);
	b.caps.any_multiprotocol = true;
	bgp_negotiate(&a, &b, &n);
	assert_false(n.family[BGP_IPV4_UNICAST]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_are_taken_and_refused),
		cmocka_unit_test(every_capability_is_read),
		cmocka_unit_test(an_add_path_mode_beyond_3_is_ignored),
		cmocka_unit_test(an_open_comes_back_as_written),
		cmocka_unit_test(capabilities_beyond_255_octets_take_the_extended_form),
		cmocka_unit_test(a_large_as_is_said_as_as_trans),
		cmocka_unit_test(both_sides_must_agree),
		cmocka_unit_test(a_peer_may_ask_though_it_cannot_be_asked),
		cmocka_unit_test(a_peer_without_multiprotocol_speaks_ipv4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

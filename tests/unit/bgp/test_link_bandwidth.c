/* The link bandwidth community: the octets of known values, what is refused, and which of several counts. */
#include "bgp/link_bandwidth.h"

#include "unit/bgp/support.h"

#include <math.h>

static struct bgp_octets view(const struct octets *o)
{
	return (struct bgp_octets){ .data = o->data, .len = (uint16_t)o->len };
}

static enum bgp_link_bandwidth_verdict find(const char *hex, struct bgp_link_bandwidth *out)
{
	struct octets o = { .len = 0 };
	uint8_t *copy;
	enum bgp_link_bandwidth_verdict v;

	add_hex(&o, hex);
	copy = exact_copy(o.data, o.len);
	v = bgp_link_bandwidth_find((struct bgp_octets){ copy, (uint16_t)o.len }, out);
	free(copy);
	return v;
}

static void known_values_have_known_octets(void **state)
{
	static const struct {
		uint32_t as;
		double octets_s;
		const char *hex;
	} v[] = {
		{ 65021, 125000000, "4004 fdfd 4cee6b28" }, /* 1 Gbit/s */
		{ 65021, 12500000, "4004 fdfd 4b3ebc20" },  /* 100 Mbit/s */
		{ 1, 1, "4004 0001 3f800000" },
		{ 65535, 0, "4004 ffff 00000000" },
		{ 4200000000, 1.5, "4004 5ba0 3fc00000" }, /* AS_TRANS */
		{ 65536, 1.5, "4004 5ba0 3fc00000" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		uint8_t buf[BGP_LINK_BANDWIDTH_LEN];
		struct writer w = writer_init(buf, sizeof(buf));
		struct octets expected = { .len = 0 };
		struct bgp_link_bandwidth back;

		add_hex(&expected, v[i].hex);
		bgp_link_bandwidth_encode(&w, v[i].as, v[i].octets_s);
		assert_true(writer_ok(&w));
		assert_int_equal(writer_len(&w), BGP_LINK_BANDWIDTH_LEN);
		assert_memory_equal(buf, expected.data, sizeof(buf));
		assert_int_equal(bgp_link_bandwidth_decode(buf, &back), BGP_LINK_BANDWIDTH_OK);
		assert_false(back.transitive);
		assert_int_equal(back.as, v[i].as > 65535 ? 23456 : v[i].as);
		assert_true((double)back.octets_s == v[i].octets_s);
	}
}

static void the_transitive_type_is_read_too(void **state)
{
	struct bgp_link_bandwidth b;

	(void)state;
	assert_int_equal(find("0004 fdfd 4cee6b28", &b), BGP_LINK_BANDWIDTH_OK);
	assert_true(b.transitive);
	assert_int_equal(b.as, 65021);
	assert_true(b.octets_s == 125000000);
}

static void what_is_no_bandwidth_is_invalid(void **state)
{
	static const char *const invalid[] = {
		"4004 fdfd 7fc00000", /* a quiet NaN */
		"4004 fdfd 7f800001", /* a signalling one */
		"4004 fdfd ffffffff", /* a negative one */
		"0004 fdfd 7f800000", /* infinite */
		"4004 fdfd ff800000", /* less than everything */
		"4004 fdfd bf800000", /* -1 */
		"4004 fdfd 80000001", /* as little below 0 as can be */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(invalid); i++) {
		struct bgp_link_bandwidth b;

		assert_int_equal(find(invalid[i], &b), BGP_LINK_BANDWIDTH_INVALID);
	}
}

static void nothing_at_all_is_a_value_and_so_is_its_negative(void **state)
{
	struct bgp_link_bandwidth b;

	(void)state;
	assert_int_equal(find("4004 fdfd 00000000", &b), BGP_LINK_BANDWIDTH_OK);
	assert_true(b.octets_s == 0);
	assert_int_equal(find("4004 fdfd 80000000", &b), BGP_LINK_BANDWIDTH_OK);
	assert_true(b.octets_s == 0);
	assert_int_equal(find("4004 fdfd 00000001", &b), BGP_LINK_BANDWIDTH_OK);
	assert_true(b.octets_s > 0);
	assert_int_equal(find("4004 fdfd 7f7fffff", &b), BGP_LINK_BANDWIDTH_OK);
	assert_true(isfinite(b.octets_s));
}

static void other_communities_are_not_taken_for_it(void **state)
{
	static const char *const others[] = {
		"", "0002 fdfd 00000064", "4005 fdfd 4cee6b28", /* other sub-types */
		"4104 fdfd 4cee6b28", "0204 fdfd 4cee6b28",	/* other types */
		"8004 fdfd 4cee6b28", "c004 fdfd 4cee6b28",	/* experimental */
		"4004 fdfd 4cee6b",				/* cut short */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		struct bgp_link_bandwidth b;

		assert_int_equal(find(others[i], &b), BGP_LINK_BANDWIDTH_NONE);
	}
}

static void of_several_the_smallest_counts_in_any_order(void **state)
{
	struct bgp_link_bandwidth b;

	(void)state;
	assert_int_equal(find("0002fdfd00000064 4004fdfd40000000 00040001 3f800000 4004fdfd40400000", &b),
		BGP_LINK_BANDWIDTH_OK);
	assert_true(b.octets_s == 1);
	assert_true(b.transitive);
	assert_int_equal(
		find("4004fdfd3f800000 4004fdfd40000000 0002fdfd00000064", &b), BGP_LINK_BANDWIDTH_OK);
	assert_true(b.octets_s == 1);
	assert_int_equal(find("4004fdfd3f800000 4004fdfd00000000", &b), BGP_LINK_BANDWIDTH_OK);
	assert_true(b.octets_s == 0);
}

static void one_invalid_among_good_ones_spoils_all(void **state)
{
	struct bgp_link_bandwidth b;

	(void)state;
	assert_int_equal(find("4004fdfd3f800000 4004fdfdbf800000", &b), BGP_LINK_BANDWIDTH_INVALID);
	assert_true(b.octets_s == -1);
	assert_int_equal(find("4004fdfdbf800000 4004fdfd3f800000", &b), BGP_LINK_BANDWIDTH_INVALID);
	assert_true(b.octets_s == -1);
}

static void people_read_it_in_octets_per_second(void **state)
{
	struct octets o = { .len = 0 };
	char buf[100];

	(void)state;
	add_hex(&o, "4004 fdfd 4cee6b28 0004 0001 00000000");
	assert_string_equal(bgp_extended_communities_format(view(&o), buf, sizeof(buf)),
		"bandwidth:65021:125000000 bandwidth:1:0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values_have_known_octets),
		cmocka_unit_test(the_transitive_type_is_read_too),
		cmocka_unit_test(what_is_no_bandwidth_is_invalid),
		cmocka_unit_test(nothing_at_all_is_a_value_and_so_is_its_negative),
		cmocka_unit_test(other_communities_are_not_taken_for_it),
		cmocka_unit_test(of_several_the_smallest_counts_in_any_order),
		cmocka_unit_test(one_invalid_among_good_ones_spoils_all),
		cmocka_unit_test(people_read_it_in_octets_per_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

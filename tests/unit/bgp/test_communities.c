/* The kinds of communities: which may leave the AS, which count once, and text. */
#include "unit/bgp/support.h"

static struct bgp_octets view(const struct octets *o)
{
	return (struct bgp_octets){ .data = o->data, .len = (uint16_t)o->len };
}

static void assert_octets(struct bgp_octets got, const char *hex)
{
	struct octets o = { .len = 0 };

	add_hex(&o, hex);
	assert_int_equal(got.len, o.len);
	assert_memory_equal(got.data, o.data, o.len);
}

static void communities_are_written_as_people_write_them(void **state)
{
	struct octets o = { .len = 0 };
	char buf[512];

	(void)state;
	add_hex(&o, "fde80064 ffffff01 ffffff02 ffffff03 ffff0000");
	assert_string_equal(bgp_communities_format(view(&o), buf, sizeof(buf)),
		"65000:100 no-export no-advertise no-export-subconfed graceful-shutdown");
	o.len = 0;
	add_hex(&o, "0002fde800000064 01030a0000010064 0202000100010064 4004fde84cbebc20 4300000000000001");
	assert_string_equal(bgp_extended_communities_format(view(&o), buf, sizeof(buf)),
		"rt:65000:100 soo:10.0.0.1:100 rt:65537:100 bandwidth:65000:100000000 0x"
		"4300000000000001" /* origin validation state: no name here */);
	o.len = 0;
	add_hex(&o, "fffffffe0000000200000003 000000010000000200000003");
	assert_string_equal(bgp_large_communities_format(view(&o), buf, sizeof(buf)), "4294967294:2:3 1:2:3");
	o.len = 0;
	add_hex(&o, "0002 20010db8000000000000000000000001 0064 4003 fd000000000000000000000000000009 0001");
	add_hex(&o, "0011 20010db8000000000000000000000001 0064");
	assert_string_equal(bgp_ipv6_extended_communities_format(view(&o), buf, sizeof(buf)),
		"rt:[2001:db8::1]:100 soo:[fd00::9]:1 0x001120010db80000000000000000000000010064");
	assert_string_equal(bgp_communities_format((struct bgp_octets){ 0 }, buf, sizeof(buf)), "");
}

/* RFC 4360 6: the bit 0x40 of the first octet. */
static void what_is_not_transitive_stays_inside(void **state)
{
	struct arena *arena = arena_new();
	struct octets o = { .len = 0 };

	(void)state;
	add_hex(&o, "4004fde84cbebc20 0002fde800000064 c000000000000001 8006000000000000 4300000000000001");
	assert_octets(bgp_extended_communities_transitive(view(&o), BGP_EXTENDED_COMMUNITY_LEN, arena),
		"0002fde800000064 8006000000000000");
	o.len = 8;
	assert_octets(bgp_extended_communities_transitive(view(&o), BGP_EXTENDED_COMMUNITY_LEN, arena), "");
	o.len = 0;
	add_hex(&o, "4002 20010db8000000000000000000000001 0064 0002 40010db8000000000000000000000001 0064");
	assert_octets(bgp_extended_communities_transitive(view(&o), BGP_IPV6_EXTENDED_COMMUNITY_LEN, arena),
		"0002 40010db8000000000000000000000001 0064");
	arena_free(arena);
}

/* RFC 8092 3 */
static void a_large_community_counts_once_where_it_stood_first(void **state)
{
	static const struct {
		const char *came, *stays;
	} v[] = {
		{ "", "" },
		{ "000000010000000200000003", "000000010000000200000003" },
		{ "000000010000000200000003 000000010000000200000003", "000000010000000200000003" },
		{ "000000090000000200000003 000000010000000200000003 000000090000000200000003"
		  "000000010000000200000004 000000010000000200000003",
			"000000090000000200000003 000000010000000200000003 000000010000000200000004" },
	};
	struct arena *arena = arena_new();
	static struct octets many;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		struct octets o = { .len = 0 };

		add_hex(&o, v[i].came);
		assert_octets(bgp_large_communities_unique(view(&o), arena), v[i].stays);
	}
	/* As many as an attribute can hold, a thousand different ones. */
	for (unsigned i = 0; i < 5461; i++) {
		memset(many.data + many.len, 0, BGP_LARGE_COMMUNITY_LEN);
		many.data[many.len + 3] = (uint8_t)(i % 1000 >> 8);
		many.data[many.len + 7] = (uint8_t)(i % 1000);
		many.len += BGP_LARGE_COMMUNITY_LEN;
	}
	assert_int_equal(
		bgp_large_communities_unique(view(&many), arena).len, 1000 * BGP_LARGE_COMMUNITY_LEN);
	assert_memory_equal(bgp_large_communities_unique(view(&many), arena).data, many.data,
		1000 * BGP_LARGE_COMMUNITY_LEN);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(communities_are_written_as_people_write_them),
		cmocka_unit_test(what_is_not_transitive_stays_inside),
		cmocka_unit_test(a_large_community_counts_once_where_it_stood_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The announcer's own local route, against a real kernel (lab.h). */
#include "lab.h"

#include "kernel/local_route.h"

#include <net/if.h>

static void the_local_route_is_removed_only_if_it_is_ours(void **state)
{
	static const char *const prefix[] = { "10.77.0.0/24", "2001:db8:77::/64" };
	static const char *const show[] = { "ip route show table local 10.77.0.0/24",
		"ip -6 route show table local 2001:db8:77::/64" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct local_route *r;
		char err[256] = "";
		struct prefix p;

		assert_true(prefix_parse(prefix[i], &p, NULL));
		r = local_route_add(&p, "lo", err, sizeof(err));
		assert_non_null(r);
		expect(show[i], "dev lo proto bgp");
		/* it has one announcer */
		assert_null(local_route_add(&p, "lo", err, sizeof(err)));
		assert_non_null(strstr(err, "another lb-announcer"));
		/* what somebody takes out comes back */
		assert_int_equal(local_route_mend(r, err, sizeof(err)), 0);
		ip("%s route del local %s dev lo table local", i ? "-6" : "", prefix[i]);
		assert_int_equal(local_route_mend(r, err, sizeof(err)), 1);
		expect(show[i], "dev lo proto bgp");
		local_route_del(r);
		assert_int_equal(count_in(show[i], "dev lo"), 0);
		/* the announcer was killed, the next one finds the route and ends in order */
		ip("%s route add local %s dev lo table local proto bgp", i ? "-6" : "", prefix[i]);
		r = local_route_add(&p, "lo", err, sizeof(err));
		assert_non_null(r);
		local_route_del(r);
		assert_int_equal(count_in(show[i], "dev lo"), 0);
		/* made by somebody else: stays his */
		ip("%s route add local %s dev lo table local", i ? "-6" : "", prefix[i]);
		r = local_route_add(&p, "lo", err, sizeof(err));
		assert_non_null(r);
		local_route_del(r);
		expect(show[i], "dev lo");
		ip("%s route del local %s dev lo table local", i ? "-6" : "", prefix[i]);
		r = local_route_add(&p, "a0", err, sizeof(err));
		assert_non_null(r);
		expect(show[i], "dev a0");
		ip("%s route del local %s dev a0 table local", i ? "-6" : "", prefix[i]);
		local_route_del(r);
		assert_null(local_route_add(&p, "eth7", err, sizeof(err)));
		assert_string_equal(err, "there is no interface eth7 in this network namespace");
	}
	local_route_del(NULL);
}

static void ones_own_address_towards_another(void **state)
{
	char name[IF_NAMESIZE];
	struct ip_addr to, own, want;

	(void)state;
	assert_true(ip_addr_parse("192.168.2.9", &to) && ip_addr_parse("192.168.2.1", &want));
	assert_true(local_route_source(&to, &own));
	assert_true(ip_addr_equal(&own, &want));
	assert_true(local_route_interface(&own, name));
	assert_string_equal(name, "b0");
	assert_true(ip_addr_parse("2001:db8:1::9", &to) && ip_addr_parse("2001:db8:1::1", &want));
	assert_true(local_route_source(&to, &own));
	assert_true(ip_addr_equal(&own, &want));
	assert_true(local_route_interface(&own, name));
	assert_string_equal(name, "a0");
	assert_true(ip_addr_parse("198.51.100.1", &to));
	assert_false(local_route_source(&to, &own));
	assert_false(local_route_interface(&to, name));
}

static void the_networks_that_we_are_on(void **state)
{
	static const char *const want[] = { "192.168.1.0/24", "192.168.2.0/24", "2001:db8:1::/64" };
	struct prefix found[16], p;
	size_t count = local_route_networks(found, 16);

	(void)state;
	assert_true(count >= 3 && count <= 16);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		size_t seen = 0;

		assert_true(prefix_parse(want[i], &p, NULL));
		for (size_t j = 0; j < count; j++)
			seen += prefix_equal(&found[j], &p);
		assert_int_equal(seen, 1);
	}
	for (size_t j = 0; j < count; j++)
		assert_false(found[j].family == IP_V4 ? found[j].bytes[0] == 127 : found[j].bytes[0] == 0xfe);
	/* more than there is room for */
	assert_int_equal(local_route_networks(found, 1), count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_local_route_is_removed_only_if_it_is_ours),
		cmocka_unit_test(ones_own_address_towards_another),
		cmocka_unit_test(the_networks_that_we_are_on),
	};

	return lab_is_possible() ? cmocka_run_group_tests(tests, make_namespace, NULL) : 77;
}

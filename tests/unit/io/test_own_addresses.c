/* The addresses of this host. What stands beside what on real interfaces: tests/rfc. */
#include "io/own_addresses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_true(ip_addr_parse(text, &a));
	return a;
}

static void loopback_addresses_are_ours_and_documentation_is_nobodys(void **state)
{
	struct io_own_addresses *own = io_own_addresses_new();
	struct ip_addr lo = addr("127.0.0.1"), other = addr("127.9.9.9"), foreign = addr("192.0.2.1");

	(void)state;
	assert_true(io_own_addresses_have(own, &lo, 0));
	assert_true(io_own_addresses_have(own, &other, 0));
	assert_false(io_own_addresses_have(own, &foreign, 0));
	io_own_addresses_free(own);
}

static void beside_an_address_stands_one_of_the_other_version_or_none(void **state)
{
	struct io_own_addresses *own = io_own_addresses_new();
	struct ip_addr lo = addr("127.0.0.1"), foreign = addr("192.0.2.1"), beside;

	(void)state;
	beside = io_own_addresses_beside(own, &lo, 0);
	/* a host without IPv6 has none */
	assert_true(beside.family == IP_NONE || (beside.family == IP_V6 && ip_addr_is_loopback(&beside)));
	assert_int_equal(io_own_addresses_beside(own, &foreign, 0).family, IP_NONE);
	io_own_addresses_free(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_addresses_are_ours_and_documentation_is_nobodys),
		cmocka_unit_test(beside_an_address_stands_one_of_the_other_version_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

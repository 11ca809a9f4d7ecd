/* What the kernel tells of segments that it threw away for their signature. */
#include "io/md5_drops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_three_are_found_by_their_names(void **state)
{
	struct io_md5_drops d;

	(void)state;
	assert_true(io_md5_drops_parse(
		"TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure Other\n"
		"TcpExt: 7 12 3 18446744073709551615 9\n"
		"IpExt: InNoRoutes TCPMD5NotFound\nIpExt: 1 2\n",
		&d));
	assert_int_equal(d.missing, 12);
	assert_int_equal(d.unexpected, 3);
	assert_true(d.wrong == UINT64_MAX);
}

static void a_kernel_that_does_not_tell_is_not_zero_but_unknown(void **state)
{
	static const char *const texts[] = { "", "TcpExt:", "TcpExt: TCPMD5NotFound\n",
		"TcpExt: A B\nTcpExt: 1 2\n", "IpExt: TCPMD5NotFound\nIpExt: 2\n",
		"TcpExt: TCPMD5NotFound\nTcpExt:\n" };
	struct io_md5_drops d;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(io_md5_drops_parse(texts[i], &d));
		assert_int_equal(d.missing + d.unexpected + d.wrong, 0);
	}
}

static void a_line_with_fewer_numbers_ends_there(void **state)
{
	struct io_md5_drops d;

	(void)state;
	assert_true(io_md5_drops_parse("TcpExt: TCPMD5NotFound TCPMD5Failure\nTcpExt: 5\n", &d));
	assert_int_equal(d.missing, 5);
	assert_int_equal(d.wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_three_are_found_by_their_names),
		cmocka_unit_test(a_kernel_that_does_not_tell_is_not_zero_but_unknown),
		cmocka_unit_test(a_line_with_fewer_numbers_ends_there),
	};

	return cmocka_run_group_tests_name("io/md5_drops", tests, NULL, NULL);
}

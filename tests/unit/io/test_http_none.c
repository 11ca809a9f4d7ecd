/* A build without libcurl. */
#include "io/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void there_is_no_client(void **state)
{
	struct io_loop *loop = io_loop_new();

	(void)state;
	assert_null(io_http_new(loop));
	assert_false(io_http_can_tls());
	assert_false(io_http_can_http2());
	io_http_free(NULL);
	io_http_cancel(NULL);
	io_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(there_is_no_client) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the tests of the HTTP client share: servers beside them, a loop and a client. */
#pragma once

#include "io/http.h"
#include "servers.h"

struct http_bench {
	struct servers *servers;
	struct io_loop *loop;
	struct io_http *http;
	struct ip_addr local;
	char ca[256], other_ca[256],
		ca_copy[256]; /* of the servers; of none; a file of the test's own with the first */
};

/* For cmocka: of the group, and of each test. */
int http_bench_start(void **state);
int http_bench_stop(void **state);
int http_bench_set_up(void **state);
int http_bench_tear_down(void **state);

#define HTTP_TEST(f) cmocka_unit_test_setup_teardown(f, http_bench_set_up, http_bench_tear_down)

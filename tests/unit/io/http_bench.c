#include "http_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

int http_bench_start(void **state)
{
	struct http_bench *b = calloc(1, sizeof(*b));

	b->servers = servers_start("io/http_servers.py");
	snprintf(b->ca, sizeof(b->ca), "%s", servers_file(b->servers, "ca.pem"));
	snprintf(b->other_ca, sizeof(b->other_ca), "%s", servers_file(b->servers, "other.pem"));
	snprintf(b->ca_copy, sizeof(b->ca_copy), "%s", servers_file(b->servers, "copy.pem"));
	assert_true(ip_addr_parse("127.0.0.1", &b->local));
	*state = b;
	return 0;
}

int http_bench_stop(void **state)
{
	struct http_bench *b = *state;

	if (!b) /* they did not start */
		return 0;
	servers_stop(b->servers);
	free(b);
	return 0;
}

int http_bench_set_up(void **state)
{
	struct http_bench *b = *state;

	b->loop = io_loop_new();
	b->http = io_http_new(b->loop);
	assert_non_null(b->http);
	return 0;
}

int http_bench_tear_down(void **state)
{
	struct http_bench *b = *state;

	io_http_free(b->http);
	io_loop_free(b->loop);
	return 0;
}

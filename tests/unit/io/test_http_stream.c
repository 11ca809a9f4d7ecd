/* Bodies told in pieces, and what else a request may ask for that only the engine over libcurl does. */
#include "io/tcp.h"
#include "http_bench.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG_US = 20000000, SHORT_US = 200000, WINDOW = 65536 };

/* What was told of one request. */
struct stream {
	struct http_bench *b;
	struct io_http_call *call;
	unsigned pieces, ends, empty;
	int status;
	uint64_t octets;
	size_t largest;
	uint64_t enough;  /* octets after which it is cancelled; 0: never */
	bool out_of_line; /* an octet of "0123456789..." is another one */
	char text[256];	  /* the beginning */
	enum io_http_error error;
	char why[256];
	uint64_t retry_after_s;
	size_t body_len;
};

static void piece(void *user, int status, const char *data, size_t len)
{
	struct stream *s = user;
	size_t had = strlen(s->text), left = sizeof(s->text) - 1 - had;

	assert_int_equal(s->ends, 0);
	assert_int_equal(data[len], '\0');
	s->pieces++;
	s->empty += !len;
	s->status = status;
	s->largest = len > s->largest ? len : s->largest;
	memcpy(s->text + had, data, len < left ? len : left);
	for (size_t i = 0; i < len; i++)
		s->out_of_line |= data[i] != '0' + (char)((s->octets + i) % 10);
	s->octets += len;
	if (!s->enough || s->octets < s->enough)
		return;
	io_http_cancel(s->call);
	io_loop_stop(s->b->loop);
}

static void done(void *user, const struct io_http_answer *a)
{
	struct stream *s = user;

	s->ends++;
	s->error = a->error;
	s->status = a->status;
	snprintf(s->why, sizeof(s->why), "%s", a->why);
	s->retry_after_s = a->retry_after_s;
	s->body_len = a->body_len;
	io_loop_stop(s->b->loop);
}

static struct io_http_request request_to(const struct http_bench *b, const char *server, const char *path)
{
	return (struct io_http_request){ .address = b->local,
		.port = servers_port(b->servers, server),
		.tls = strstr(server, "tls") != NULL,
		.host = "web.test",
		.method = "GET",
		.path = path,
		.timeout_us = LONG_US,
		.keep = WINDOW,
		.piece = piece };
}

static struct stream ask(struct http_bench *b, const struct io_http_request *r, uint64_t enough)
{
	struct stream s = { .b = b, .enough = enough };

	s.call = io_http_start(b->http, r, done, &s);
	io_loop_run(b->loop);
	return s;
}

static void pieces_come_before_the_end_and_are_not_kept(void **state)
{
	struct io_http_request r = request_to(*state, "plain", "/status/200");
	struct stream s = ask(*state, &r, 0);

	assert_int_equal(s.error, IO_HTTP_OK);
	assert_int_equal(s.status, 200);
	assert_in_range(s.pieces, 1, 2);
	assert_string_equal(s.text, "as you like\n");
	assert_int_equal(s.body_len, 0);
}

static void a_head_is_told_before_there_is_a_body(void **state)
{
	struct io_http_request r = request_to(*state, "plain", "/mute");
	struct stream s;

	r.timeout_us = SHORT_US;
	s = ask(*state, &r, 0);
	assert_int_equal(s.pieces, 1);
	assert_int_equal(s.empty, 1);
	assert_int_equal(s.error, IO_HTTP_TIMEOUT);
	assert_string_equal(s.why, "the answer began, but did not end within 0.2 s");
}

static void another_status_is_told_with_the_pieces(void **state)
{
	struct io_http_request r = request_to(*state, "plain", "/status/410");
	struct stream s = ask(*state, &r, 0);

	assert_int_equal(s.status, 410);
	assert_string_equal(s.text, "as you like\n");
}

/* Millions of octets through windows of many sizes: each comes once and in its place, and a window is not exceeded by more
 * than what libcurl hands over at a time. */
static void the_window_holds_and_nothing_is_lost(void **state)
{
	static const size_t windows[] = { 1, 1000, 4097, WINDOW };
	static const char *const servers[] = { "plain", "tls" };

	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 2; k++) {
			struct io_http_request r = request_to(*state, servers[k], "/huge");
			struct stream s;

			r.keep = windows[i];
			s = ask(*state, &r, 3000000);
			assert_false(s.out_of_line);
			assert_true(s.octets >= 3000000);
			assert_true(s.largest <= windows[i] + 16384);
			assert_int_equal(s.ends, 0);
		}
}

static void a_body_that_breaks_off_is_told_as_far_as_it_came(void **state)
{
	struct io_http_request r = request_to(*state, "plain", "/broken");
	struct stream s = ask(*state, &r, 0);

	assert_string_equal(s.text, "0123456789");
	assert_int_equal(s.error, IO_HTTP_PROTOCOL);
	assert_string_equal(s.why, "the answer broke off");
}

static void the_client_may_go_while_something_waits(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/huge");
	struct stream s = { .b = b };

	io_http_start(b->http, &r, done, &s);
	/* Each time the other one is enough, the first may have begun or not. */
	for (int i = 0; i < 1000 && !s.octets; i++)
		ask(b, &r, 100000);
	io_http_free(b->http);
	b->http = NULL;
	assert_true(s.octets > 0);
	assert_int_equal(s.ends, 0);
}

static void retry_after_is_read(void **state)
{
	struct io_http_request r = request_to(*state, "plain", "/retry");
	struct stream s = ask(*state, &r, 0);

	assert_int_equal(s.status, 503);
	assert_int_equal(s.retry_after_s, 7);
	r.path = "/status/503";
	assert_int_equal(ask(*state, &r, 0).retry_after_s, 0);
}

static void connecting_has_a_time_of_its_own(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "silent", "/x");
	struct stream s;

	r.tls = true;
	r.connect_timeout_us = SHORT_US;
	s = ask(b, &r, 0);
	assert_int_equal(s.error, IO_HTTP_TIMEOUT);
	assert_string_equal(s.why, "connected, but no TLS handshake within 0.2 s");
}

static void copy_file(const char *from, const char *to)
{
	char command[600];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static void authorities_may_be_read_for_each_connection(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "tls", "/status/200");

	r.verify = true;
	r.ca_file = b->ca_copy;
	r.ca_fresh = true;
	for (int i = 0; i < 4; i++) {
		struct stream s;

		copy_file(i % 2 ? b->ca : b->other_ca, b->ca_copy);
		s = ask(b, &r, 0);
		assert_int_equal(s.error, i % 2 ? IO_HTTP_OK : IO_HTTP_TLS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(pieces_come_before_the_end_and_are_not_kept),
		HTTP_TEST(a_head_is_told_before_there_is_a_body),
		HTTP_TEST(another_status_is_told_with_the_pieces),
		HTTP_TEST(the_window_holds_and_nothing_is_lost),
		HTTP_TEST(a_body_that_breaks_off_is_told_as_far_as_it_came),
		HTTP_TEST(the_client_may_go_while_something_waits),
		HTTP_TEST(retry_after_is_read),
		HTTP_TEST(connecting_has_a_time_of_its_own),
		HTTP_TEST(authorities_may_be_read_for_each_connection),
	};

	signal(SIGPIPE, SIG_IGN);
	if (!io_http_can_stream()) {
		fprintf(stderr, "this libcurl cannot tell bodies in pieces\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, http_bench_start, http_bench_stop);
}

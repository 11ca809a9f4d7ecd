/* Linked once with each engine; what the plain one does not speak is skipped with it. */
#include "io/tcp.h"
#include "http_bench.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG_US = 20000000, SHORT_US = 200000, KEEP = 100000 };

/* An answer that outlives its call. */
struct seen {
	struct io_loop *loop; /* to be stopped, or NULL */
	unsigned times;
	enum io_http_error error;
	char why[512], *body;
	int status, grpc_status;
	size_t body_len;
	bool body_cut;
	uint64_t duration_us;
};

static void answered(void *user, const struct io_http_answer *a)
{
	struct seen *s = user;

	s->times++;
	s->error = a->error;
	snprintf(s->why, sizeof(s->why), "%s", a->why);
	free(s->body);
	assert_int_equal(strlen(a->body), a->body_len); /* all bodies here are text */
	s->body = strdup(a->body);
	s->body_len = a->body_len;
	s->body_cut = a->body_cut;
	s->status = a->status;
	s->grpc_status = a->grpc_status;
	s->duration_us = a->duration_us;
	if (s->loop)
		io_loop_stop(s->loop);
}

static struct io_http_request request_to(const struct http_bench *b, const char *server, const char *path)
{
	uint16_t port = servers_port(b->servers, server);

	return (struct io_http_request){ .address = b->local,
		.port = port,
		.tls = strstr(server, "tls") != NULL,
		.version = strncmp(server, "h2", 2) ? IO_HTTP_1_1 : IO_HTTP_2,
		.method = "GET",
		.path = path,
		.timeout_us = LONG_US,
		.keep = KEEP };
}

static struct seen *ask(struct http_bench *b, const struct io_http_request *r)
{
	struct seen *s = calloc(1, sizeof(*s));

	s->loop = b->loop;
	assert_true(r->port != 0);
	io_http_start(b->http, r, answered, s);
	assert_int_equal(s->times, 0);
	io_loop_run(b->loop);
	assert_int_equal(s->times, 1);
	return s;
}

static void seen_free(struct seen *s)
{
	free(s->body);
	free(s);
}

/* Asks, and holds the end and its words against what is wanted; why may be a part. */
static void expect(
	struct http_bench *b, const struct io_http_request *r, enum io_http_error error, const char *why)
{
	struct seen *s = ask(b, r);

	if (s->error != error || !strstr(s->why, why) || (!why[0] && s->why[0]))
		fail_msg("error %d, \"%s\"; wanted %d, \"%s\"", s->error, s->why, error, why);
	seen_free(s);
}

static void assert_has(const struct seen *s, const char *line)
{
	if (!strstr(s->body, line))
		fail_msg("no \"%s\" in: %s", line, s->body);
}

/* --- HTTP/1.1 --- */

static void an_answer_comes_whole(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/a/../b?c=d%20e");
	struct seen *s = ask(b, &r);
	char host[64];

	snprintf(host, sizeof(host), "Host: 127.0.0.1:%u\n", r.port);
	assert_int_equal(s->error, IO_HTTP_OK);
	assert_string_equal(s->why, "");
	assert_int_equal(s->status, 200);
	assert_int_equal(s->grpc_status, -1);
	assert_false(s->body_cut);
	assert_in_range(s->duration_us, 1, LONG_US);
	assert_has(s, "GET /a/../b?c=d%20e HTTP/1.1\n"); /* as it was given, and not by the proxy of main() */
	assert_has(s, host);
	assert_has(s, "Connection: close\n");
	seen_free(s);
}

static void every_status_is_an_answer(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/status/503");
	struct seen *s = ask(b, &r);

	assert_int_equal(s->error, IO_HTTP_OK);
	assert_int_equal(s->status, 503);
	seen_free(s);
	r.path = "/redirect";
	s = ask(b, &r);
	assert_int_equal(s->status, 302);
	seen_free(s);
}

static void headers_method_and_body_are_sent(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/x");
	struct seen *s;

	r.host = "www.example.com";
	r.headers = (const char *const[]){ "User-Agent: tester", "X-One: 1", NULL };
	r.method = "PUT";
	r.body = "some body";
	r.body_len = 9;
	s = ask(b, &r);
	assert_has(s, "PUT /x HTTP/1.1\n");
	assert_has(s, "Host: www.example.com\n");
	assert_has(s, "User-Agent: tester\n");
	assert_has(s, "X-One: 1\n");
	assert_has(s, "body=some body\n");
	assert_null(strstr(s->body, "Expect"));
	assert_null(strstr(s->body, "urlencoded"));
	seen_free(s);
	r.method = "POST";
	s = ask(b, &r);
	assert_has(s, "POST /x HTTP/1.1\n");
	seen_free(s);
	r = request_to(b, "plain", "/x");
	r.method = "HEAD";
	s = ask(b, &r);
	assert_int_equal(s->status, 200);
	assert_int_equal(s->body_len, 0);
	seen_free(s);
}

static void ipv6(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain6", "/x");
	struct seen *s;
	char host[64];

	if (!r.port)
		skip();
	assert_true(ip_addr_parse("::1", &r.address));
	s = ask(b, &r);
	snprintf(host, sizeof(host), "Host: [::1]:%u\n", r.port);
	assert_has(s, host);
	seen_free(s);
}

static void the_source_is_as_wanted(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/x");
	struct seen *s;

	assert_true(ip_addr_parse("127.0.0.77", &r.source));
	s = ask(b, &r);
	assert_has(s, "from=127.0.0.77\n");
	seen_free(s);
	assert_true(ip_addr_parse("192.0.2.1", &r.source));
	expect(b, &r, IO_HTTP_FAILED, "no socket as wanted: Cannot assign requested address");
}

/* The one socket of ours whose peer has this port; -1: none. */
static int socket_to(uint16_t port)
{
	for (int fd = 3; fd < 200; fd++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		struct ip_addr a;
		uint16_t its_port;

		if (getpeername(fd, (struct sockaddr *)&ss, &len) == 0 &&
			ip_addr_from_sockaddr((struct sockaddr *)&ss, &a, &its_port) && its_port == port)
			return fd;
	}
	return -1;
}

static void run_for(struct http_bench *b, uint64_t us)
{
	struct io_timer *t = io_timer_new(b->loop, (void (*)(void *))io_loop_stop, b->loop);

	io_timer_set(t, us);
	io_loop_run(b->loop);
	io_timer_free(t);
}

static void its_socket_is_marked_and_not_inherited(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "silent", "/x");
	struct seen s = { 0 };
	int fd, mark = 0;
	socklen_t len = sizeof(mark);

	r.mark = 4711;
	if (geteuid())
		skip();
	io_http_start(b->http, &r, answered, &s);
	for (fd = -1; fd < 0 && !s.times; fd = socket_to(r.port))
		run_for(b, 1000);
	assert_true(fd >= 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len), 0);
	assert_int_equal(mark, 4711);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* The bench's end cancels it. */
}

/* --- bodies --- */

static void a_huge_body_is_cut_at_once(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/huge");
	struct seen *s;

	r.keep = 12345;
	s = ask(b, &r);
	assert_int_equal(s->error, IO_HTTP_OK);
	assert_int_equal(s->status, 200);
	assert_int_equal(s->body_len, 12345);
	assert_true(s->body_cut);
	assert_memory_equal(s->body + 12335, "5678901234", 10);
	seen_free(s);
	r.keep = 0;
	s = ask(b, &r);
	assert_int_equal(s->error, IO_HTTP_OK);
	assert_int_equal(s->body_len, 0);
	assert_true(s->body_cut);
	seen_free(s);
}

static void a_body_of_just_the_limit_is_not_cut(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/status/200");
	struct seen *s;

	r.keep = strlen("as you like\n");
	s = ask(b, &r);
	assert_string_equal(s->body, "as you like\n");
	assert_false(s->body_cut);
	seen_free(s);
}

/* --- silence and refusal --- */

static void silence_is_named_by_where_it_begins(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "silent", "/x");

	r.timeout_us = SHORT_US;
	expect(b, &r, IO_HTTP_TIMEOUT, "no answer within 0.2 s");
	r.tls = true;
	if (io_http_can_tls())
		expect(b, &r, IO_HTTP_TIMEOUT, "connected, but no TLS handshake within 0.2 s");
	r = request_to(b, "plain", "/late");
	r.timeout_us = SHORT_US;
	expect(b, &r, IO_HTTP_TIMEOUT, "no answer within 0.2 s");
	r.path = "/slow";
	expect(b, &r, IO_HTTP_TIMEOUT, "the answer began, but did not end within 0.2 s");
}

/* A listener whose queue is full drops what comes. */
static void a_connection_that_is_not_taken_is_a_timeout(void **state)
{
	struct http_bench *b = *state;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), full[4];
	struct sockaddr_storage ss;
	socklen_t len = ip_addr_to_sockaddr(&b->local, 0, &ss);
	struct io_http_request r = request_to(b, "plain", "/x");

	assert_int_equal(bind(listener, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(listen(listener, 0), 0);
	getsockname(listener, (struct sockaddr *)&ss, &len);
	assert_true(ip_addr_from_sockaddr((struct sockaddr *)&ss, &r.address, &r.port));
	for (int i = 0; i < 4; i++)
		full[i] = io_tcp_connect(&r.address, r.port, NULL);
	r.timeout_us = SHORT_US;
	expect(b, &r, IO_HTTP_TIMEOUT, "no connection within 0.2 s");
	for (int i = 0; i < 4; i++)
		close(full[i]);
	close(listener);
}

static uint16_t closed_port(const struct http_bench *b)
{
	int fd = io_tcp_listen(&b->local, 0);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct ip_addr a;
	uint16_t port;

	getsockname(fd, (struct sockaddr *)&ss, &len);
	assert_true(ip_addr_from_sockaddr((struct sockaddr *)&ss, &a, &port));
	close(fd);
	return port;
}

static void refusal_is_told_from_the_rest(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/x");

	r.port = closed_port(b);
	expect(b, &r, IO_HTTP_REFUSED, "connection refused");
	r = request_to(b, "closer", "/x");
	expect(b, &r, IO_HTTP_REFUSED, "the connection was closed without an answer");
	r = request_to(b, "reset", "/x");
	expect(b, &r, IO_HTTP_REFUSED, "connection reset");
	r = request_to(b, "plain", "/x");
	assert_true(ip_addr_parse("255.255.255.255", &r.address));
	expect(b, &r, IO_HTTP_UNREACHABLE, "Network is unreachable");
}

static void what_is_not_http_is_said(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "garbage", "/x");

	expect(b, &r, IO_HTTP_PROTOCOL, "not HTTP");
	r = request_to(b, "plain", "/broken");
	expect(b, &r, IO_HTTP_PROTOCOL, "the answer broke off");
	r = request_to(b, "garbage", "/x");
	r.version = IO_HTTP_2;
	if (io_http_can_http2())
		expect(b, &r, IO_HTTP_REFUSED, "does the server speak HTTP/2?");
}

static void piece(void *user, int status, const char *data, size_t len)
{
	fail_msg("told to %p: %d, %zu octets at %p", user, status, len, (const void *)data);
}

static void what_the_engine_does_not_speak_it_says(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request tls = request_to(b, "tls", "/x"), http2 = request_to(b, "plain", "/x"),
			       stream = http2;

	http2.version = IO_HTTP_2;
	if (!io_http_can_tls())
		expect(b, &tls, IO_HTTP_FAILED, "speaks neither TLS nor HTTP/2");
	if (!io_http_can_http2())
		expect(b, &http2, IO_HTTP_FAILED, "speaks neither TLS nor HTTP/2");
	stream.piece = piece;
	if (!io_http_can_stream())
		expect(b, &stream, IO_HTTP_FAILED, "takes no streams");
}

/* --- TLS --- */

static void skip_without(bool can)
{
	if (!can)
		skip();
}

static void certificates_are_verified_or_not(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "tls", "/x");
	struct seen *s;

	skip_without(io_http_can_tls());
	r.host = "web.test";
	s = ask(b, &r);
	assert_int_equal(s->error, IO_HTTP_OK);
	assert_has(s, "sni=web.test\n");
	seen_free(s);
	r.verify = true;
	expect(b, &r, IO_HTTP_TLS, "SSL certificate problem: unable to get local issuer certificate");
	r.ca_file = b->other_ca;
	expect(b, &r, IO_HTTP_TLS, "SSL certificate problem");
	r.ca_file = b->ca;
	expect(b, &r, IO_HTTP_OK, "");
	r.host = "another.test";
	expect(b, &r, IO_HTTP_TLS, "matches target host name 'another.test'");
	r.host = NULL;
	expect(b, &r, IO_HTTP_TLS, "matches target host name '127.0.0.1'");
	r.verify = false;
	s = ask(b, &r);
	assert_int_equal(s->error, IO_HTTP_OK);
	assert_has(s, "sni=None\n");
	seen_free(s);
	r.verify = true;
	r.ca_file = "/no/such/file";
	expect(b, &r, IO_HTTP_FAILED, "/no/such/file");
}

static double cpu_s(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)r.ru_utime.tv_sec + (double)r.ru_utime.tv_usec / 1e6;
}

/* To read all of them costs as much as ten requests. */
static void the_systems_authorities_are_not_read_for_each_request(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "tls", "/x");
	double began_s, unverified_s;
	struct stat st;

	skip_without(io_http_can_tls());
	if (stat("/etc/ssl/certs/ca-certificates.crt", &st) || st.st_size < 100000)
		skip();
	r.host = "web.test";
	began_s = cpu_s();
	for (int i = 0; i < 30; i++)
		expect(b, &r, IO_HTTP_OK, "");
	unverified_s = cpu_s() - began_s;
	r.verify = true;
	began_s = cpu_s();
	for (int i = 0; i < 30; i++)
		expect(b, &r, IO_HTTP_TLS, "unable to get local issuer certificate");
	assert_true(cpu_s() - began_s < 5 * unverified_s + 0.05);
}

static void sni_and_host_may_differ(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "tls", "/x");
	struct seen *s;

	skip_without(io_http_can_tls());
	r.host = "web.test";
	r.verify = true;
	r.ca_file = b->ca;
	r.headers = (const char *const[]){ "Host: shop.example.com", NULL };
	s = ask(b, &r);
	assert_int_equal(s->error, IO_HTTP_OK);
	assert_has(s, "sni=web.test\n");
	assert_has(s, "Host: shop.example.com\n");
	seen_free(s);
}

static void tls_to_a_server_without_it(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/x");

	skip_without(io_http_can_tls());
	r.tls = true;
	expect(b, &r, IO_HTTP_TLS, "TLS: ");
	r = request_to(b, "tls", "/x");
	r.tls = false;
	expect(b, &r, IO_HTTP_REFUSED, "connection");
}

/* --- HTTP/2 --- */

static void http2_with_trailers(void **state)
{
	struct http_bench *b = *state;
	const char *const servers[] = { "h2", "h2tls" };

	skip_without(io_http_can_http2());
	for (int i = 0; i < 2; i++) {
		struct io_http_request r = request_to(b, servers[i], "/hello");
		struct seen *s;

		if (!r.port)
			skip();
		s = ask(b, &r);
		assert_string_equal(s->why, "");
		assert_int_equal(s->error, IO_HTTP_OK);
		assert_int_equal(s->status, 200);
		assert_string_equal(s->body, "hello\n");
		assert_int_equal(s->grpc_status, 7);
		seen_free(s);
		r.method = "POST";
		r.body = "echo";
		r.body_len = 4;
		r.host = "web.test";
		r.verify = r.tls;
		r.ca_file = b->ca;
		r.headers = (const char *const[]){ "TE: trailers", "Content-Type: application/grpc", NULL };
		s = ask(b, &r);
		assert_string_equal(s->body, "echo");
		assert_int_equal(s->grpc_status, 7);
		seen_free(s);
	}
}

static void http2_where_there_is_none(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "tls", "/x");

	skip_without(io_http_can_http2());
	r.version = IO_HTTP_2;
	expect(b, &r, IO_HTTP_PROTOCOL, "the server does not speak HTTP/2");
	r = request_to(b, "plain", "/x");
	r.version = IO_HTTP_2;
	expect(b, &r, IO_HTTP_REFUSED, "does the server speak HTTP/2?");
}

static void a_grpc_status_may_stand_in_the_headers(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/grpc");
	struct seen *s = ask(b, &r);

	assert_int_equal(s->grpc_status, 12);
	seen_free(s);
}

/* --- connections --- */

static int connection_of(const struct seen *s)
{
	const char *at = strstr(s->body, "connection=");

	assert_non_null(at);
	return atoi(at + strlen("connection="));
}

static int connection_used(struct http_bench *b, const struct io_http_request *r)
{
	struct seen *s = ask(b, r);
	int number = connection_of(s);

	seen_free(s);
	return number;
}

static void connections_are_used_again_only_where_wanted(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request fresh = request_to(b, "plain", "/x"), kept = fresh, from = fresh;
	int first;

	skip_without(io_http_can_http2()); /* the plain engine keeps none */
	kept.reuse = true;
	first = connection_used(b, &kept);
	assert_int_equal(connection_used(b, &kept), first);
	assert_int_not_equal(connection_used(b, &fresh), first);
	from.reuse = true;
	assert_true(ip_addr_parse("127.0.0.77", &from.source));
	assert_int_not_equal(connection_used(b, &from), first);
	assert_int_equal(connection_used(b, &kept), first);
}

/* Connections of ours to this port that the kernel still remembers. */
static unsigned remembered(uint16_t port)
{
	FILE *f = fopen("/proc/net/tcp", "r");
	unsigned n = 0, remote, state;
	char line[512];

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " %*d: %*x:%*x %*x:%x %x", &remote, &state) == 2 && remote == port)
			n++;
	fclose(f);
	return n;
}

static void no_port_of_ours_is_held_up_afterwards(void **state)
{
	struct http_bench *b = *state;
	const char *const servers[] = { "plain", "h2", "tls" };

	for (int i = 0; i < 3; i++) {
		struct io_http_request r = request_to(b, servers[i], "/hello");
		unsigned before = remembered(r.port);

		if ((r.tls && !io_http_can_tls()) || (r.version == IO_HTTP_2 && !io_http_can_http2()))
			continue;
		for (int j = 0; r.port && j < 20; j++)
			expect(b, &r, IO_HTTP_OK, "");
		assert_in_range(remembered(r.port), 0, before);
	}
}

static void hundreds_at_once(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/status/200");
	struct seen *s = calloc(300, sizeof(*s));
	unsigned done = 0;

	for (int i = 0; i < 300; i++)
		io_http_start(b->http, &r, answered, &s[i]);
	for (int turn = 0; done < 300 && turn < 1000; turn++) {
		run_for(b, 10000);
		done = 0;
		for (int i = 0; i < 300; i++)
			done += s[i].times;
	}
	for (int i = 0; i < 300; i++) {
		assert_int_equal(s[i].times, 1);
		assert_string_equal(s[i].why, "");
		assert_int_equal(s[i].status, 200);
		free(s[i].body);
	}
	free(s);
}

/* --- what done may do --- */

struct chain {
	struct http_bench *b;
	struct io_http_request request;
	struct io_http_call *victim;
	struct seen victim_seen;
	unsigned times;
};

static void next_of_chain(void *user, const struct io_http_answer *a)
{
	struct chain *c = user;

	assert_int_equal(a->error, IO_HTTP_OK);
	assert_string_equal(a->body, "as you like\n");
	if (++c->times < 5) {
		io_http_start(c->b->http, &c->request, next_of_chain, c);
		return;
	}
	io_http_cancel(c->victim);
	io_http_free(c->b->http);
	c->b->http = NULL;
	io_loop_stop(c->b->loop);
}

static void done_may_begin_cancel_and_free(void **state)
{
	struct http_bench *b = *state;
	struct chain c = { .b = b, .request = request_to(b, "plain", "/status/200") };
	struct io_http_request silent = request_to(b, "silent", "/x");

	c.victim = io_http_start(b->http, &silent, answered, &c.victim_seen);
	io_http_start(b->http, &silent, answered, &c.victim_seen); /* goes with the client */
	io_http_start(b->http, &c.request, next_of_chain, &c);
	io_loop_run(b->loop);
	assert_int_equal(c.times, 5);
	run_for(b, 20000);
	assert_int_equal(c.victim_seen.times, 0);
}

static void a_cancelled_request_is_never_told(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/status/200"), bad = r;
	struct seen s = { 0 };

	io_http_cancel(io_http_start(b->http, &r, answered, &s));
	bad.port = closed_port(b);
	io_http_cancel(io_http_start(b->http, &bad, answered, &s));
	io_http_cancel(NULL);
	run_for(b, 50000);
	assert_int_equal(s.times, 0);
}

static void a_host_that_cannot_be_one_is_told_later(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "tls", "/x");

	skip_without(io_http_can_tls());
	r.host = "not a host";
	expect(b, &r, IO_HTTP_FAILED, "URL");
}

static void without_descriptors_it_fails_in_words(void **state)
{
	struct http_bench *b = *state;
	struct io_http_request r = request_to(b, "plain", "/x");
	struct rlimit before, few;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	expect(b, &r, IO_HTTP_FAILED, "no socket as wanted: Too many open files");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect(b, &r, IO_HTTP_OK, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(an_answer_comes_whole),
		HTTP_TEST(every_status_is_an_answer),
		HTTP_TEST(headers_method_and_body_are_sent),
		HTTP_TEST(ipv6),
		HTTP_TEST(the_source_is_as_wanted),
		HTTP_TEST(its_socket_is_marked_and_not_inherited),
		HTTP_TEST(a_huge_body_is_cut_at_once),
		HTTP_TEST(a_body_of_just_the_limit_is_not_cut),
		HTTP_TEST(silence_is_named_by_where_it_begins),
		HTTP_TEST(a_connection_that_is_not_taken_is_a_timeout),
		HTTP_TEST(refusal_is_told_from_the_rest),
		HTTP_TEST(what_is_not_http_is_said),
		HTTP_TEST(what_the_engine_does_not_speak_it_says),
		HTTP_TEST(certificates_are_verified_or_not),
		HTTP_TEST(the_systems_authorities_are_not_read_for_each_request),
		HTTP_TEST(sni_and_host_may_differ),
		HTTP_TEST(tls_to_a_server_without_it),
		HTTP_TEST(http2_with_trailers),
		HTTP_TEST(http2_where_there_is_none),
		HTTP_TEST(a_grpc_status_may_stand_in_the_headers),
		HTTP_TEST(connections_are_used_again_only_where_wanted),
		HTTP_TEST(no_port_of_ours_is_held_up_afterwards),
		HTTP_TEST(hundreds_at_once),
		HTTP_TEST(done_may_begin_cancel_and_free),
		HTTP_TEST(a_cancelled_request_is_never_told),
		HTTP_TEST(a_host_that_cannot_be_one_is_told_later),
		HTTP_TEST(without_descriptors_it_fails_in_words),
	};

	signal(SIGPIPE, SIG_IGN);
	/* Nothing may go this way. */
	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	setenv("https_proxy", "http://127.0.0.1:1/", 1);
	setenv("all_proxy", "http://127.0.0.1:1/", 1);
	return cmocka_run_group_tests(tests, http_bench_start, http_bench_stop);
}

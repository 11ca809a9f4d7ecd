#include "check/check.h"

#include "../io/servers.h"
#include "io/tcp.h"
#include "io/udp.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SHORT_MS = 200, LONG_MS = 10000 };

struct bench {
	struct servers *http_servers, *grpc_servers;
	struct check_env env;
	char ca[256], grpc_ca[256];
	struct ip_addr local;
	/* of the last run */
	struct check_result result;
	unsigned results;
};

static void told(void *user, const struct check_result *r)
{
	struct bench *b = user;

	b->result = *r;
	b->results++;
	io_loop_stop(b->env.loop);
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static struct config_check a_check(unsigned type)
{
	return (struct config_check){ .name = "test", .type = type, .timeout_ms = LONG_MS };
}

static struct check_target at(const struct bench *b, uint16_t port)
{
	return (struct check_target){ .addr = b->local,
		.port = port,
		.server = b->local,
		.server_port = 8080,
		.service = "web",
		.server_name = "web-1" };
}

/* Two runs of one check, to see that it can be used again, that both come to the same, and that it keeps no descriptor. */
static void expect(struct bench *b, const struct config_check *cfg, const struct check_target *t,
	enum check_outcome outcome, const char *why)
{
	struct check *c = check_new(&b->env, cfg, t, told, b);
	int before = descriptors();

	for (unsigned i = 1; i <= 2; i++) {
		b->results = 0;
		check_start(c);
		assert_true(check_running(c));
		assert_int_equal(b->results, 0);
		io_loop_run(b->env.loop);
		assert_false(check_running(c));
		assert_int_equal(b->results, 1);
		assert_int_equal(descriptors(), before);
		if (b->result.outcome != outcome || !strstr(b->result.why, why) ||
			(!why[0] && b->result.why[0]))
			fail_msg("%s, \"%s\"; expected %s, \"%s\"", check_outcome_text(b->result.outcome),
				b->result.why, check_outcome_text(outcome), why);
		assert_in_range(b->result.duration_us, 0, 2 * LONG_MS * 1000);
	}
	check_free(c);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct ip_addr a;
	uint16_t port;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	assert_true(ip_addr_from_sockaddr((struct sockaddr *)&ss, &a, &port));
	return port;
}

static uint16_t closed_port(const struct bench *b)
{
	int fd = io_tcp_listen(&b->local, 0);
	uint16_t port = port_of(fd);

	close(fd);
	return port;
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

/* --- TCP --- */

static void tcp(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_TCP);
	int listener = io_tcp_listen(&b->local, 0);
	struct check_target t = at(b, port_of(listener));

	expect(b, &cfg, &t, CHECK_PASSED, "");
	assert_true(b->result.duration_us > 0);
	assert_int_equal(remembered(t.port), 0); /* no port of ours is held up */
	assert_true(ip_addr_parse("192.0.2.1", &t.source));
	expect(b, &cfg, &t, CHECK_BROKEN, "the source address is not of this host");
	close(listener);
	t = at(b, closed_port(b));
	expect(b, &cfg, &t, CHECK_REFUSED, "connection refused");
	assert_true(ip_addr_parse("255.255.255.255", &t.addr));
	expect(b, &cfg, &t, CHECK_UNREACHABLE, "Network is unreachable");
}

/* A listener whose queue is full drops what comes. */
static void tcp_that_is_silent(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_TCP);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), full[4];
	struct sockaddr_storage ss;
	socklen_t len = ip_addr_to_sockaddr(&b->local, 0, &ss);
	struct check_target t;

	assert_int_equal(bind(listener, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(listen(listener, 0), 0);
	t = at(b, port_of(listener));
	for (int i = 0; i < 4; i++)
		full[i] = io_tcp_connect(&b->local, t.port, NULL);
	cfg.timeout_ms = SHORT_MS;
	expect(b, &cfg, &t, CHECK_TIMEOUT, "no connection within 0.2 s");
	assert_in_range(b->result.duration_us, SHORT_MS * 1000, 5 * SHORT_MS * 1000);
	for (int i = 0; i < 4; i++)
		close(full[i]);
	close(listener);
}

static void the_source_and_the_mark_are_used(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_TCP);
	int listener = io_tcp_listen(&b->local, 0), in;
	struct check_target t = at(b, port_of(listener));
	struct ip_addr remote, local;

	assert_true(ip_addr_parse("127.0.0.77", &t.source));
	t.mark = geteuid() ? 0 : 99;
	expect(b, &cfg, &t, CHECK_PASSED, "");
	in = io_tcp_accept(listener, &remote, &local);
	if (in >= 0) { /* it may be gone already: that is what an abort does */
		assert_true(ip_addr_equal(&remote, &t.source));
		close(in);
	}
	close(listener);
}

/* --- HTTP and HTTPS --- */

static void http_status(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_HTTP);
	struct config_status_range ranges[] = { { 200, 200 }, { 301, 302 } };
	struct check_target t = at(b, servers_port(b->http_servers, "plain"));

	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.path = "/status/204";
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.path = "/status/503";
	expect(b, &cfg, &t, CHECK_WRONG, "status 503, wanted 200-299");
	cfg.path = "/redirect";
	expect(b, &cfg, &t, CHECK_WRONG, "status 302, wanted 200-299");
	cfg.status = ranges;
	cfg.status_count = 2;
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.path = "/status/204";
	expect(b, &cfg, &t, CHECK_WRONG, "status 204, wanted 200, 301-302");
	cfg.status_count = 1;
	cfg.path = "/status/301";
	expect(b, &cfg, &t, CHECK_WRONG, "status 301, wanted 200");
	assert_int_equal(remembered(t.port), 0);
}

/* The server tells what it was asked. */
static void http_request(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_HTTP);
	struct check_target t = at(b, servers_port(b->http_servers, "plain"));

	cfg.path = "/healthz?deep=1";
	cfg.body = "GET /healthz?deep=1 HTTP/1.1\n";
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.method = "OPTIONS";
	expect(b, &cfg, &t, CHECK_WRONG, "the answer does not contain \"GET /healthz?deep=1 HTTP/1.1 \"");
	cfg.body = "OPTIONS /healthz";
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.method = "HEAD";
	cfg.body = NULL;
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.method = "GET";
	cfg.body = "Host: www.example.com\n";
	expect(b, &cfg, &t, CHECK_WRONG, "does not contain");
	cfg.host = "www.example.com";
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.body = "User-Agent: lb-ipvs-agent\n";
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.path = "/huge";
	cfg.body = "no such text";
	expect(b, &cfg, &t, CHECK_WRONG, "the answer's first 64 KiB does not contain \"no such text\"");
	cfg.body = "9012345";
	expect(b, &cfg, &t, CHECK_PASSED, "");
}

static void http_failures(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_HTTP);
	struct check_target t = at(b, closed_port(b));

	expect(b, &cfg, &t, CHECK_REFUSED, "connection refused");
	t = at(b, servers_port(b->http_servers, "closer"));
	expect(b, &cfg, &t, CHECK_REFUSED, "the connection was closed without an answer");
	t = at(b, servers_port(b->http_servers, "garbage"));
	expect(b, &cfg, &t, CHECK_WRONG, "not HTTP");
	t = at(b, servers_port(b->http_servers, "silent"));
	cfg.timeout_ms = SHORT_MS;
	expect(b, &cfg, &t, CHECK_TIMEOUT, "no answer within 0.2 s");
	assert_in_range(b->result.duration_us, SHORT_MS * 1000 - 1000, 5 * SHORT_MS * 1000);
	assert_true(ip_addr_parse("255.255.255.255", &t.addr));
	expect(b, &cfg, &t, CHECK_UNREACHABLE, "Network is unreachable");
	assert_true(ip_addr_parse("192.0.2.1", &t.source));
	expect(b, &cfg, &t, CHECK_BROKEN, "no socket as wanted: Cannot assign requested address");
}

/* Beyond what a build without libcurl can; its configuration has no such checks. */
static bool beyond(unsigned type)
{
	return (type == CONFIG_CHECK_HTTPS || type == CONFIG_CHECK_GRPC) && !io_http_can_tls();
}

static void https(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_HTTPS);
	struct check_target t = at(b, servers_port(b->http_servers, "tls"));

	if (beyond(cfg.type))
		skip();

	cfg.body = "sni=None";
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.verify = true;
	cfg.ca_file = b->ca;
	expect(b, &cfg, &t, CHECK_WRONG, "matches target host name '127.0.0.1'");
	cfg.host = "web.test";
	cfg.body = "sni=web.test";
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.host = "shop.example.com";
	expect(b, &cfg, &t, CHECK_WRONG, "matches target host name 'shop.example.com'");
	cfg.server_name = "web.test";
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.body = "Host: shop.example.com\n";
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.ca_file = NULL;
	expect(b, &cfg, &t, CHECK_WRONG, "SSL certificate problem: unable to get local issuer certificate");
	cfg.ca_file = "/no/such/file";
	expect(b, &cfg, &t, CHECK_BROKEN, "/no/such/file");
	t = at(b, servers_port(b->http_servers, "plain"));
	cfg.verify = false;
	expect(b, &cfg, &t, CHECK_WRONG, "TLS");
}

/* --- gRPC --- */

static void grpc_at(struct bench *b, const char *server, bool tls)
{
	struct config_check cfg = a_check(CONFIG_CHECK_GRPC);
	struct check_target t = at(b, servers_port(b->grpc_servers, server));

	cfg.tls = cfg.verify = tls;
	cfg.ca_file = b->grpc_ca;
	cfg.host = tls ? "web.test" : NULL;
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.grpc_service = "";
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.grpc_service = "good";
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.grpc_service = "bad";
	expect(b, &cfg, &t, CHECK_WRONG, "NOT_SERVING, wanted SERVING");
	cfg.grpc_service = "none";
	expect(b, &cfg, &t, CHECK_WRONG, "the server does not know the service \"none\" (gRPC status 5)");
	cfg.grpc_service = "slow";
	cfg.timeout_ms = SHORT_MS;
	expect(b, &cfg, &t, CHECK_TIMEOUT, "within 0.2 s"); /* by our clock or the server's */
}

static void grpc(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_GRPC);
	struct check_target t = at(b, servers_port(b->grpc_servers, "other"));

	if (beyond(CONFIG_CHECK_GRPC))
		skip();
	if (!t.port)
		skip(); /* no python3-grpcio */
	grpc_at(b, "grpc", false);
	grpc_at(b, "grpctls", true);
	expect(b, &cfg, &t, CHECK_WRONG, "the server has no grpc.health.v1.Health (gRPC status 12)");
}

/* What is there speaks HTTP, or HTTP/2, and not gRPC. */
static void grpc_to_others(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_GRPC);
	struct check_target t = at(b, servers_port(b->http_servers, "h2"));
	char name[2000];

	if (beyond(CONFIG_CHECK_GRPC))
		skip();
	if (t.port)
		expect(b, &cfg, &t, CHECK_WRONG, "gRPC status 7 (PERMISSION_DENIED)");
	t = at(b, servers_port(b->http_servers, "plain"));
	expect(b, &cfg, &t, CHECK_REFUSED, "does the server speak HTTP/2?");
	t = at(b, servers_port(b->http_servers, "tls"));
	cfg.tls = true;
	expect(b, &cfg, &t, CHECK_WRONG, "the server does not speak HTTP/2");
	t = at(b, closed_port(b));
	expect(b, &cfg, &t, CHECK_REFUSED, "connection refused");
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	cfg.grpc_service = name;
	expect(b, &cfg, &t, CHECK_BROKEN, "the service's name is too long");
}

/* --- UDP --- */

struct udp_server {
	int fd;
	struct io_watch *watch;
	char got[64];
	ssize_t got_len;
	const char *answer; /* NULL: silence */
};

static void asked(void *user, unsigned events)
{
	struct udp_server *s = user;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	(void)events;
	s->got_len = recvfrom(s->fd, s->got, sizeof(s->got), 0, (struct sockaddr *)&ss, &len);
	if (s->answer)
		assert_true(sendto(s->fd, s->answer, strlen(s->answer), 0, (struct sockaddr *)&ss, len) >= 0);
}

static struct check_target serve_udp(struct bench *b, struct udp_server *s)
{
	struct sockaddr_storage ss;
	socklen_t len = ip_addr_to_sockaddr(&b->local, 0, &ss);

	*s = (struct udp_server){ .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), .answer = "pong 42" };
	assert_int_equal(bind(s->fd, (struct sockaddr *)&ss, len), 0);
	s->watch = io_watch_new(b->env.loop, s->fd, asked, s);
	io_watch_set(s->watch, IO_READ);
	return at(b, port_of(s->fd));
}

static void udp_stop(struct udp_server *s)
{
	io_watch_free(s->watch);
	close(s->fd);
}

static void udp(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_UDP);
	struct udp_server s;
	struct check_target t = serve_udp(b, &s);

	cfg.send = "pi\0ng";
	cfg.send_len = 5;
	cfg.expect = "pong";
	cfg.expect_len = 4;
	expect(b, &cfg, &t, CHECK_PASSED, "");
	assert_int_equal(s.got_len, 5);
	assert_memory_equal(s.got, "pi\0ng", 5);
	cfg.expect = "42";
	cfg.expect_len = 2;
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.expect = "43";
	expect(b, &cfg, &t, CHECK_WRONG, "the answer of 7 octets does not contain what is expected");
	s.answer = "";
	expect(b, &cfg, &t, CHECK_WRONG, "the answer of 0 octets does not contain what is expected");
	cfg.expect_len = 0;
	expect(b, &cfg, &t, CHECK_PASSED, "");
	cfg.send = NULL;
	cfg.send_len = 0;
	cfg.expect = NULL;
	expect(b, &cfg, &t, CHECK_PASSED, "");
	assert_int_equal(s.got_len, 0);
	udp_stop(&s);
	expect(b, &cfg, &t, CHECK_REFUSED, "port unreachable: nobody listens there");
}

static void udp_and_silence(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_UDP);
	struct udp_server s;
	struct check_target t = serve_udp(b, &s);

	s.answer = NULL;
	cfg.timeout_ms = SHORT_MS;
	expect(b, &cfg, &t, CHECK_PASSED, ""); /* nothing was expected */
	assert_in_range(b->result.duration_us, SHORT_MS * 1000, 5 * SHORT_MS * 1000);
	cfg.expect = "";
	expect(b, &cfg, &t, CHECK_TIMEOUT, "no answer within 0.2 s");
	assert_true(ip_addr_parse("192.0.2.1", &t.source));
	expect(b, &cfg, &t, CHECK_BROKEN, "the source address is not of this host");
	udp_stop(&s);
}

/* --- commands --- */

static void command(void **state)
{
	struct bench *b = *state;
	struct config_check cfg = a_check(CONFIG_CHECK_COMMAND);
	struct check_target t = at(b, 1);
	const char *argv[] = { "/bin/sh", "-c", "exit 0", NULL };

	cfg.command = argv;
	expect(b, &cfg, &t, CHECK_PASSED, "");
	argv[2] = "echo disk full; echo and more; exit 7";
	expect(b, &cfg, &t, CHECK_WRONG, "exit status 7: disk full");
	assert_null(strstr(b->result.why, "more"));
	argv[2] = "printf 'a\\033[1mb'; exit 1";
	expect(b, &cfg, &t, CHECK_WRONG, "exit status 1: a [1mb");
	argv[2] = "exit 3";
	expect(b, &cfg, &t, CHECK_WRONG, "exit status 3");
	argv[2] = "kill -9 $$";
	expect(b, &cfg, &t, CHECK_WRONG, "killed by signal 9");
	argv[2] = "echo $LB_SERVICE $LB_SERVER_ADDRESS $LB_SERVER_PORT $LB_SERVER_NAME.; exit 1";
	expect(b, &cfg, &t, CHECK_WRONG, "exit status 1: web 127.0.0.1 8080 web-1.");
	t.server_name = NULL;
	expect(b, &cfg, &t, CHECK_WRONG, "exit status 1: web 127.0.0.1 8080 .");
	argv[2] = "sleep 100";
	cfg.timeout_ms = SHORT_MS;
	expect(b, &cfg, &t, CHECK_TIMEOUT, "no end after 0.2 s, killed");
	argv[0] = "/no/such/program";
	expect(b, &cfg, &t, CHECK_BROKEN, "cannot run /no/such/program: No such file or directory");
}

/* --- all kinds --- */

static void run_for(struct bench *b, uint64_t us)
{
	struct io_timer *t = io_timer_new(b->env.loop, (void (*)(void *))io_loop_stop, b->env.loop);

	io_timer_set(t, us);
	io_loop_run(b->env.loop);
	io_timer_free(t);
}

static void a_run_is_given_up_without_a_word(void **state)
{
	struct bench *b = *state;
	const unsigned kinds[] = { CONFIG_CHECK_TCP, CONFIG_CHECK_HTTP, CONFIG_CHECK_HTTPS, CONFIG_CHECK_GRPC,
		CONFIG_CHECK_UDP, CONFIG_CHECK_COMMAND };
	const char *const argv[] = { "/bin/sh", "-c", "sleep 5", NULL };
	struct check_target silent = at(b, servers_port(b->http_servers, "silent"));
	int before = descriptors();

	b->results = 0;
	for (int wait = 0; wait < 2; wait++) {
		for (int i = 0; i < 6; i++) {
			struct config_check cfg = a_check(kinds[i]);
			struct check *c;

			if (beyond(kinds[i]))
				continue;
			cfg.command = (const char **)argv;
			c = check_new(&b->env, &cfg, &silent, told, b);
			check_start(c);
			if (wait && kinds[i] != CONFIG_CHECK_TCP && kinds[i] != CONFIG_CHECK_UDP)
				run_for(b, 10000);
			check_free(c);
		}
	}
	/* One that has only to be told. */
	assert_true(ip_addr_parse("192.0.2.1", &silent.source));
	for (int i = 0; i < 6; i++) {
		struct config_check cfg = a_check(kinds[i]);
		struct check *c;

		cfg.command = (const char **)argv;
		c = check_new(&b->env, &cfg, &silent, told, b);
		check_start(c);
		check_free(c);
	}
	check_free(NULL);
	run_for(b, 50000);
	assert_int_equal(b->results, 0);
	assert_int_equal(descriptors(), before);
}

struct self {
	struct bench *b;
	struct check *check;
	unsigned runs;
};

static void again_and_then_free(void *user, const struct check_result *r)
{
	struct self *s = user;

	(void)r;
	if (++s->runs < 3) {
		check_start(s->check);
		return;
	}
	check_free(s->check);
	io_loop_stop(s->b->env.loop);
}

static void done_may_start_and_free_its_check(void **state)
{
	struct bench *b = *state;
	const unsigned kinds[] = { CONFIG_CHECK_TCP, CONFIG_CHECK_HTTP, CONFIG_CHECK_UDP,
		CONFIG_CHECK_COMMAND };
	const char *const argv[] = { "/bin/true", NULL };
	const char *const sources[] = { "127.0.0.1", "192.0.2.1" };
	struct check_target t = at(b, closed_port(b));

	for (int i = 0; i < 8; i++) {
		struct config_check cfg = a_check(kinds[i % 4]);
		struct self s = { .b = b };

		cfg.command = (const char **)argv;
		assert_true(ip_addr_parse(sources[i / 4], &t.source));
		s.check = check_new(&b->env, &cfg, &t, again_and_then_free, &s);
		check_start(s.check);
		io_loop_run(b->env.loop);
		assert_int_equal(s.runs, 3);
	}
}

static void without_a_client_http_is_broken(void **state)
{
	struct bench *b = *state;
	struct io_http *http = b->env.http;
	struct config_check cfg = a_check(CONFIG_CHECK_HTTP);
	struct check_target t = at(b, 1);

	b->env.http = NULL;
	expect(b, &cfg, &t, CHECK_BROKEN, "there is no HTTP client");
	cfg.type = CONFIG_CHECK_GRPC;
	expect(b, &cfg, &t, CHECK_BROKEN, "there is no HTTP client");
	b->env.http = http;
}

static void outcomes_have_names(void **state)
{
	(void)state;
	for (int o = CHECK_PASSED; o <= CHECK_BROKEN; o++)
		for (int other = CHECK_PASSED; other < o; other++)
			assert_string_not_equal(check_outcome_text((enum check_outcome)o),
				check_outcome_text((enum check_outcome)other));
	assert_string_equal(check_outcome_text(CHECK_TIMEOUT), "timeout");
}

/* --- */

static int set_up_servers(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->http_servers = servers_start("io/http_servers.py");
	b->grpc_servers = servers_start("check/grpc_server.py");
	snprintf(b->ca, sizeof(b->ca), "%s", servers_file(b->http_servers, "ca.pem"));
	snprintf(b->grpc_ca, sizeof(b->grpc_ca), "%s", servers_file(b->grpc_servers, "ca.pem"));
	assert_true(ip_addr_parse("127.0.0.1", &b->local));
	*state = b;
	return 0;
}

static int tear_down_servers(void **state)
{
	struct bench *b = *state;

	if (!b) /* they did not start */
		return 0;
	servers_stop(b->http_servers);
	servers_stop(b->grpc_servers);
	free(b);
	return 0;
}

static int set_up(void **state)
{
	struct bench *b = *state;

	b->env.loop = io_loop_new();
	b->env.user_agent = "User-Agent: lb-ipvs-agent";
	b->env.http = io_http_new(b->env.loop);
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	io_http_free(b->env.http);
	io_loop_free(b->env.loop);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tcp),
		TEST(tcp_that_is_silent),
		TEST(the_source_and_the_mark_are_used),
		TEST(http_status),
		TEST(http_request),
		TEST(http_failures),
		TEST(https),
		TEST(grpc),
		TEST(grpc_to_others),
		TEST(udp),
		TEST(udp_and_silence),
		TEST(command),
		TEST(a_run_is_given_up_without_a_word),
		TEST(done_may_start_and_free_its_check),
		TEST(without_a_client_http_is_broken),
		TEST(outcomes_have_names),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, set_up_servers, tear_down_servers);
}

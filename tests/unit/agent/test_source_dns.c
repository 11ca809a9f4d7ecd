/*
 * Servers by a name in the DNS: the real resolver library asks a small name server that runs on the test's own loop and
 * answers what each case wants. In a network and a mount namespace of its own, with a resolv.conf of its own. Needs root;
 * without it all is skipped.
 */
#include "source_bench.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PACKET_MAX = 512, HEADER_LEN = 12, ADDRS_MAX = 8, SCRIPT_MAX = 12, SILENT = 255 };

/* What is answered for one type of question. */
struct zone {
	unsigned code;				 /* ns_r_*, or SILENT */
	unsigned script[SCRIPT_MAX], script_len; /* codes of the first answers */
	const char *addr[ADDRS_MAX];
	unsigned asked;
	uint64_t asked_us;
};

struct place {
	struct bench *b;
	struct config_source cfg;
	int fd;
	struct io_watch *watch;
	struct zone v4, v6;
};

/* --- the name server --- */

static size_t question_len(const uint8_t *p, size_t len)
{
	size_t at = HEADER_LEN;

	while (at < len && p[at])
		at += p[at] + 1u;
	return at + 5;
}

static size_t put_answers(uint8_t *p, size_t at, const struct zone *z, unsigned type)
{
	size_t size = type == ns_t_a ? 4 : 16;

	for (size_t i = 0; i < ADDRS_MAX && z->addr[i]; i++) {
		const uint8_t head[] = { 0xc0, HEADER_LEN, 0, (uint8_t)type, 0, ns_c_in, 0, 0, 0, 0, 0,
			(uint8_t)size };

		memcpy(p + at, head, sizeof(head));
		assert_int_equal(
			inet_pton(type == ns_t_a ? AF_INET : AF_INET6, z->addr[i], p + at + sizeof(head)), 1);
		at += sizeof(head) + size;
		p[7]++;
	}
	return at;
}

static void serve(void *user, unsigned events)
{
	struct place *p = user;
	uint8_t packet[PACKET_MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(p->fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
	struct zone *z;
	unsigned type, code;
	size_t at;

	(void)events;
	assert_true(len > HEADER_LEN);
	at = question_len(packet, (size_t)len);
	type = packet[at - 3];
	z = type == ns_t_a ? &p->v4 : &p->v6;
	code = z->asked < z->script_len ? z->script[z->asked] : z->code;
	z->asked++;
	z->asked_us = io_loop_now_us(p->b->loop);
	if (code == SILENT)
		return;
	packet[2] = 0x81;
	packet[3] = (uint8_t)(0x80 | code);
	memset(packet + 6, 0, 6);
	if (code == ns_r_noerror)
		at = put_answers(packet, at, z, type);
	sendto(p->fd, packet, at, 0, (struct sockaddr *)&from, from_len);
}

static int setup(void **state)
{
	const struct sockaddr_in local = {
		.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	struct place *p = calloc(1, sizeof(*p));

	p->b = bench_new();
	p->b->env.resolver = io_worker_new(p->b->loop, "resolver");
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(p->fd, (const struct sockaddr *)&local, sizeof(local)), 0);
	p->watch = io_watch_new(p->b->loop, p->fd, serve, p);
	io_watch_set(p->watch, IO_READ);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	io_watch_free(p->watch);
	close(p->fd);
	bench_free(p->b);
	free(p);
	return 0;
}

/* An interval of 0 is no configuration: here it asks again at once. */
static void start(struct place *p, unsigned family, uint32_t interval_s)
{
	p->cfg = (struct config_source){ .kind = CONFIG_SOURCE_DNS,
		.dns = { .name = "web.test", .interval_s = interval_s, .family = family } };
	bench_source(p->b, &p->cfg);
}

static struct source_status status(const struct place *p)
{
	struct source_status s;

	source_status(p->b->source, &s);
	return s;
}

/* Runs until the zone was asked so many times more, and the last answer was taken. */
static void run_questions(struct place *p, struct zone *z, unsigned more)
{
	unsigned until = z->asked + more + 1;

	for (unsigned i = 0; z->asked < until; i++) {
		assert_true(i < 10000);
		bench_run(p->b, 1000);
	}
}

static void addresses_come_in_order_and_once(void **state)
{
	struct place *p = *state;

	p->v4 = (struct zone){ .addr = {
				       "172.16.1.9", "172.16.1.10", "0.0.0.0", "172.16.1.9", "224.0.0.1" } };
	start(p, IP_V4, 0);
	assert_int_equal(p->b->told, 0);
	bench_expect(p->b, "172.16.1.9 172.16.1.10 ");
	p->v4 = (struct zone){ .addr = { "172.16.1.10", "172.16.1.9" } };
	bench_expect_nothing(p->b);
	assert_true(p->v4.asked > 1);
	assert_int_equal(p->v6.asked, 0);
	p->v4 = (struct zone){ .addr = { "172.16.1.10", "172.16.1.8" } };
	bench_expect(p->b, "172.16.1.8 172.16.1.10 ");
	assert_string_equal(source_name(p->b->source), "dns web.test");
	assert_string_equal(status(p).error, "");
	assert_int_equal(status(p).changes, 1);
}

static void a_name_that_is_gone_empties_the_list_when_it_was_said_three_times(void **state)
{
	struct place *p = *state;
	unsigned before;

	p->v4 = (struct zone){ .addr = { "172.16.1.1" } };
	start(p, IP_V4, 0);
	bench_expect(p->b, "172.16.1.1 ");
	p->v4 = (struct zone){ .code = ns_r_nxdomain };
	before = p->v4.asked;
	bench_expect(p->b, "");
	assert_int_equal(p->v4.asked - before, 3);
	assert_int_equal(status(p).failures, 2);
	assert_string_equal(status(p).error, "");
	p->v4 = (struct zone){ .addr = { "172.16.1.2" } };
	bench_expect(p->b, "172.16.1.2 ");
	/* The same for a name that is there and has no such address. */
	p->v4 = (struct zone){ 0 };
	bench_expect(p->b, "");
	assert_int_equal(p->v4.asked, 3);
}

static void only_three_in_a_row_count(void **state)
{
	enum { YES = ns_r_noerror, NO = ns_r_nxdomain, FAILS = ns_r_servfail };
	struct place *p = *state;

	p->v4 = (struct zone){ .code = NO,
		.script = { YES, NO, NO, YES, NO, NO, FAILS, NO, NO, YES },
		.script_len = 10,
		.addr = { "172.16.1.1" } };
	start(p, IP_V4, 0);
	bench_expect(p->b, "172.16.1.1 ");
	bench_expect(p->b, "");
	/* A resolver that gets SERVFAIL may have asked more than once for it. */
	assert_in_range(p->v4.asked, 12, 14);
}

static void a_name_that_is_not_there_at_the_start_is_an_empty_list(void **state)
{
	struct place *p = *state;

	p->v4 = (struct zone){ .code = ns_r_nxdomain };
	start(p, IP_V4, 0);
	bench_expect(p->b, "");
	assert_int_equal(p->v4.asked, 3);
}

static void a_failure_keeps_the_list(void **state)
{
	struct place *p = *state;

	p->v4 = (struct zone){ .addr = { "172.16.1.1" } };
	start(p, IP_V4, 0);
	bench_expect(p->b, "172.16.1.1 ");
	p->v4 = (struct zone){ .code = ns_r_servfail };
	run_questions(p, &p->v4, 10);
	bench_expect_error(p->b, "no IPv4 address: Temporary failure in name resolution");
	assert_int_equal(p->b->told, 1);
	/* Nothing counts as "none" beside failures. */
	p->v4.code = ns_r_nxdomain;
	p->v4.asked = 0;
	bench_expect(p->b, "");
	assert_true(p->v4.asked >= 3);
	p->v4 = (struct zone){ .addr = { "172.16.1.2" } };
	bench_expect(p->b, "172.16.1.2 ");
}

static void a_failure_at_the_start_tells_nothing(void **state)
{
	struct place *p = *state;

	p->v4 = (struct zone){ .code = ns_r_servfail };
	start(p, IP_V4, 0);
	run_questions(p, &p->v4, 10);
	assert_false(status(p).told);
	assert_true(status(p).failures >= 10);
	p->v4 = (struct zone){ .addr = { "172.16.1.2" } };
	bench_expect(p->b, "172.16.1.2 ");
}

static void both_families_are_asked_for(void **state)
{
	struct place *p = *state;

	p->v4 = (struct zone){ .addr = { "172.16.1.1" } };
	p->v6 = (struct zone){ .addr = { "fd00::2", "fe80::1", "fd00::1" } };
	start(p, IP_NONE, 0);
	bench_expect(p->b, "172.16.1.1 fd00::1 fd00::2 ");
	/* The one fails, the other goes on. */
	p->v6 = (struct zone){ .code = ns_r_servfail };
	p->v4 = (struct zone){ .addr = { "172.16.1.3" } };
	bench_expect(p->b, "172.16.1.3 fd00::1 fd00::2 ");
	bench_expect_error(p->b, "no IPv6 address: ");
	run_questions(p, &p->v6, 5);
	assert_int_equal(p->b->told, 2);
	p->v6 = (struct zone){ .code = ns_r_nxdomain };
	bench_expect(p->b, "172.16.1.3 ");
	assert_true(p->v6.asked >= 3);
	p->v6 = (struct zone){ .addr = { "fd00::9" } };
	p->v4 = (struct zone){ .code = ns_r_nxdomain };
	bench_expect(p->b, "172.16.1.3 fd00::9 ");
	bench_expect(p->b, "fd00::9 ");
}

static void a_family_that_was_never_there_holds_up_nothing(void **state)
{
	struct place *p = *state;

	p->v4 = (struct zone){ .addr = { "172.16.1.1" } };
	start(p, IP_NONE, 0);
	bench_expect(p->b, "172.16.1.1 ");
	assert_int_equal(p->v6.asked, 1);
	assert_string_equal(status(p).error, "");
	source_free(p->b->source);
	/* A name server that cannot speak of it: a few questions, then the other one counts alone. */
	p->v6 = (struct zone){ .code = ns_r_servfail };
	start(p, IP_NONE, 0);
	bench_expect(p->b, "172.16.1.1 ");
	assert_true(p->v6.asked >= 3);
	assert_non_null(strstr(status(p).error, "no IPv6 address"));
}

static void ipv6_alone(void **state)
{
	struct place *p = *state;

	p->v6 = (struct zone){ .addr = { "fd00::1" } };
	start(p, IP_V6, 0);
	bench_expect(p->b, "fd00::1 ");
	assert_int_equal(p->v4.asked, 0);
}

static void the_next_question_comes_after_the_interval(void **state)
{
	struct place *p = *state;
	uint64_t first_us;

	p->v4 = (struct zone){ .addr = { "172.16.1.1" } };
	start(p, IP_V4, 1);
	bench_expect(p->b, "172.16.1.1 ");
	first_us = p->v4.asked_us;
	while (p->v4.asked < 2)
		bench_run(p->b, 10000);
	assert_in_range(p->v4.asked_us - first_us, 890000, 1600000);
}

static void a_source_may_go_while_its_name_is_asked_for(void **state)
{
	struct place *p = *state;

	p->v4 = (struct zone){ .code = SILENT };
	start(p, IP_V4, 0);
	while (!p->v4.asked)
		bench_run(p->b, 1000);
	source_free(p->b->source);
	/* The next one waits for the thread, is answered, and nobody hears of the first. */
	p->v4 = (struct zone){ .addr = { "172.16.1.2" } };
	start(p, IP_V4, 0);
	bench_expect(p->b, "172.16.1.2 ");
	/* And the loop may end with a question under way and another one waiting. */
	p->v4 = (struct zone){ .code = SILENT };
	run_questions(p, &p->v4, 0);
}

/* --- the namespace --- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A file of our own in the place of one of the system's; one that is not there leaves the library its default. */
static void replace(const char *system_file, const char *text)
{
	char path[] = "/tmp/source-dns-XXXXXX";
	int fd;

	if (access(system_file, F_OK) != 0)
		return;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	write_file(path, text);
	assert_int_equal(mount(path, system_file, NULL, MS_BIND, NULL), 0);
	assert_int_equal(unlink(path), 0);
}

static int make_namespace(void **state)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	(void)state;
	log_init("test_source_dns", LOG_TO_STDERR, LOG_LEVEL_ERROR);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		return -1;
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	replace("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
	replace("/etc/nsswitch.conf", "hosts: dns\n");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	close(fd);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_come_in_order_and_once),
		TEST(a_name_that_is_gone_empties_the_list_when_it_was_said_three_times),
		TEST(only_three_in_a_row_count),
		TEST(a_name_that_is_not_there_at_the_start_is_an_empty_list),
		TEST(a_failure_keeps_the_list),
		TEST(a_failure_at_the_start_tells_nothing),
		TEST(both_families_are_asked_for),
		TEST(a_family_that_was_never_there_holds_up_nothing),
		TEST(ipv6_alone),
		TEST(the_next_question_comes_after_the_interval),
		TEST(a_source_may_go_while_its_name_is_asked_for),
	};

	if (geteuid() != 0) {
		printf("skipped: needs root (a network and a mount namespace of its own)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, make_namespace, NULL);
}

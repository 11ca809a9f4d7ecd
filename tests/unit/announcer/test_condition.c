/* Conditions against real sockets and commands. */
#include "announcer/condition.h"

#include "base/text.h"
#include "io/tcp.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { INTERVAL_MS = 20, PATIENCE_US = 10000000 };

struct bench {
	struct check_env env;
	struct conditions *k;
	int listener;
	uint16_t port;
	char path[64]; /* of a file that the command looks for */
	unsigned changes;
	bool late;
};

static void changed(void *user)
{
	struct bench *b = user;

	b->changes++;
	io_loop_stop(b->env.loop);
}

static void too_late(void *user)
{
	struct bench *b = user;

	b->late = true;
	io_loop_stop(b->env.loop);
}

/* Until the conditions hold, or do not, as it is wanted. */
static void run_until(struct bench *b, bool hold)
{
	struct io_timer *t = io_timer_new(b->env.loop, too_late, b);

	io_timer_set(t, PATIENCE_US);
	while (!conditions_why_not(b->k) != hold || !conditions_known(b->k)) {
		io_loop_run(b->env.loop);
		if (b->late)
			fail_msg("waited in vain: %s", conditions_why_not(b->k));
	}
	io_timer_free(t);
}

static void listen_again(struct bench *b)
{
	struct ip_addr local;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	assert_true(ip_addr_parse("127.0.0.1", &local));
	b->listener = io_tcp_listen(&local, b->port);
	assert_true(b->listener >= 0);
	getsockname(b->listener, (struct sockaddr *)&ss, &len);
	assert_true(ip_addr_from_sockaddr((struct sockaddr *)&ss, &local, &b->port));
}

static struct config_check a_check(const char *name, unsigned type)
{
	return (struct config_check){ .name = name,
		.type = type,
		.interval_ms = INTERVAL_MS,
		.timeout_ms = 5000,
		.rise = 1,
		.fall = 1 };
}

static struct config_condition tcp(const struct bench *b)
{
	struct config_condition c = { a_check("tcp", CONFIG_CHECK_TCP), { 0 } };

	assert_true(ip_addr_parse("127.0.0.1", &c.address));
	c.check.port = b->port;
	return c;
}

static void start(struct bench *b, struct config_service *c, struct config_condition *list, size_t count)
{
	assert_true(prefix_parse("10.1.1.1/32", &c->prefix, NULL));
	c->conditions = list;
	c->condition_count = count;
	b->k = conditions_new(&b->env, c, changed, b);
}

static void none_hold_always(void **state)
{
	struct bench *b = *state;
	struct config_service c = { 0 };

	start(b, &c, NULL, 0);
	assert_null(b->k);
	assert_null(conditions_why_not(NULL));
	assert_true(conditions_known(NULL));
	assert_int_equal(conditions_count(NULL), 0);
}

static void nothing_holds_before_it_is_known(void **state)
{
	struct bench *b = *state;
	struct config_condition list[] = { tcp(b) };
	struct config_service c = { 0 };
	char why[64];

	start(b, &c, list, 1);
	snprintf(why, sizeof(why), "tcp 127.0.0.1:%u: not known yet", b->port);
	assert_string_equal(conditions_why_not(b->k), why);
	assert_false(conditions_known(b->k));
	run_until(b, true);
	assert_true(conditions_known(b->k));
	assert_int_equal(conditions_holding(b->k), 1);
}

static void it_says_what_does_not_hold_and_comes_back(void **state)
{
	struct bench *b = *state;
	struct config_condition list[] = { tcp(b) };
	struct config_service c = { 0 };
	char why[64];

	start(b, &c, list, 1);
	run_until(b, true);
	close(b->listener);
	run_until(b, false);
	snprintf(why, sizeof(why), "tcp 127.0.0.1:%u: connection refused", b->port);
	assert_string_equal(conditions_why_not(b->k), why);
	listen_again(b);
	run_until(b, true);
	assert_int_equal(b->changes, 3);
}

/* An operator is told the first of them, and that there are more. */
static void all_must_hold(void **state)
{
	struct bench *b = *state;
	const char *const look[] = { "/bin/sh", "-c",
		"test \"$LB_SERVICE\" = 10.1.1.1/32 && test -e \"$0\" || { echo no file; exit 3; }", b->path,
		NULL };
	const char *const never[] = { "/bin/false", NULL };
	struct config_condition list[] = { { a_check("look", CONFIG_CHECK_COMMAND), { 0 } }, tcp(b),
		{ a_check("never", CONFIG_CHECK_COMMAND), { 0 } } };
	struct config_service c = { 0 };

	list[0].check.command = (const char **)look;
	list[2].check.command = (const char **)never;
	start(b, &c, list, 3);
	run_until(b, false);
	assert_string_equal(conditions_why_not(b->k), "look /bin/sh: exit status 3: no file; and 1 more");
	assert_int_equal(conditions_holding(b->k), 1);
	conditions_free(b->k);

	start(b, &c, list, 2);
	run_until(b, false);
	assert_string_equal(conditions_why_not(b->k), "look /bin/sh: exit status 3: no file");
	close(creat(b->path, 0600));
	run_until(b, true);
	unlink(b->path);
	run_until(b, false);
}

static void ipv6_is_written_in_brackets(void **state)
{
	struct bench *b = *state;
	struct config_condition list[] = { tcp(b) };
	struct config_service c = { 0 };
	char target[32];

	assert_true(ip_addr_parse("::1", &list[0].address));
	start(b, &c, list, 1);
	snprintf(target, sizeof(target), "[::1]:%u", b->port);
	assert_string_equal(conditions_target(b->k, 0), target);
}

static void http_needs_a_client(void **state)
{
	struct config_condition list[] = { { a_check("tcp", CONFIG_CHECK_TCP), { 0 } },
		{ a_check("http", CONFIG_CHECK_HTTP), { 0 } } };
	struct config_service services[] = { { .condition_count = 0 },
		{ .conditions = list, .condition_count = 1 } };
	struct config_announcer c = { .services = services, .service_count = 2 };

	(void)state;
	assert_false(conditions_need_http(&c));
	services[1].condition_count = 2;
	assert_true(conditions_need_http(&c));
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->env.loop = io_loop_new();
	snprintf(b->path, sizeof(b->path), "/tmp/rrd-condition-%d", (int)getpid());
	listen_again(b);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	conditions_free(b->k);
	io_loop_free(b->env.loop);
	close(b->listener);
	free(b);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(none_hold_always),
		TEST(nothing_holds_before_it_is_known),
		TEST(it_says_what_does_not_hold_and_comes_back),
		TEST(all_must_hold),
		TEST(ipv6_is_written_in_brackets),
		TEST(http_needs_a_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

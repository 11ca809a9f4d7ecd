/* A link and a server in one loop: connecting, asking, losing each other; and what a server knows of its callers. */
#include "control/link.h"
#include "control/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAIT_US = 5000000 };

struct fixture {
	char dir[64], path[96];
	struct io_loop *loop;
	struct control_server *server;
	struct control_link *link;
	struct io_timer *over;
	bool (*until)(const struct fixture *f);
	/* Of the link. */
	unsigned ups, downs;
	char why[CONTROL_ERROR_MAX];
	char heard[512];
	/* Of the server. */
	struct control_caller *held;
	unsigned answers_done, callers_gone;
	struct io_unix_peer peer;
	bool has_own_group, has_other_group;
	char attached[32];
};

static void note(struct fixture *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct fixture *f, const char *fmt, ...)
{
	size_t at = strlen(f->heard);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->heard + at, sizeof(f->heard) - at, fmt, ap);
	va_end(ap);
}

static void look(struct fixture *f)
{
	if (f->until && f->until(f))
		io_loop_stop(f->loop);
}

/* --- commands --- */

static bool echo(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const char *text = row_get_text(args, "text");
	struct row *r;

	(void)user;
	if (!text) {
		snprintf(err, 256, "nothing to say");
		return false;
	}
	r = row_new();
	row_text(r, "text", text);
	control_answer_row(out, r);
	return true;
}

static struct row *next_held(void *state, char *err)
{
	struct fixture *f = state;

	(void)err;
	note(f, "pulled ");
	return NULL;
}

static void held_done(void *state)
{
	struct fixture *f = state;

	f->answers_done++;
	f->held = NULL;
}

static bool hold(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct fixture *f = user;

	(void)args;
	(void)err;
	*out = (struct control_answer){ .next = next_held, .done = held_done, .state = f };
	f->held = control_answer_caller(out);
	control_caller_hold(f->held);
	return true;
}

static void gone(void *state)
{
	struct fixture *f = state;

	f->callers_gone++;
	look(f);
}

static bool attach(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct fixture *f = user;
	struct control_caller *c = control_answer_caller(out);
	const struct io_unix_client *client = control_caller_client(c);

	(void)args;
	(void)err;
	snprintf(f->attached, sizeof(f->attached), "%s", control_caller_attached(c) ? "before" : "new");
	control_caller_attach(c, f, gone);
	io_unix_peer(client, &f->peer);
	f->has_own_group = io_unix_peer_has_group(client, getgid());
	f->has_other_group = io_unix_peer_has_group(client, 54321);
	control_answer_row(out, NULL);
	return true;
}

static const struct control_command commands[] = {
	{ OF_RRD, "echo", .own_check = true },
	{ OF_RRD, "hold", .own_check = true },
	{ OF_RRD, "attach", .own_check = true },
	{ .targets = 0 },
};

static const struct control_handler handlers[] = {
	{ "echo", echo },
	{ "hold", hold },
	{ "attach", attach },
	{ NULL, NULL },
};

/* --- the link's owner --- */

static void up(void *user)
{
	struct fixture *f = user;

	f->ups++;
	look(f);
}

static void down(void *user, const char *why)
{
	struct fixture *f = user;

	f->downs++;
	snprintf(f->why, sizeof(f->why), "%s", why);
	look(f);
}

static void answer(void *user, enum control_result result, const struct row *row, const char *err)
{
	struct fixture *f = user;

	if (result == CONTROL_ROW)
		note(f, "row:%s ", row_get_text(row, "text"));
	else if (result == CONTROL_END)
		note(f, "end ");
	else
		note(f, "%s:%.40s ", result == CONTROL_REFUSED ? "refused" : "broken", err);
	look(f);
}

static bool ask(struct fixture *f, const char *command, const char *text)
{
	struct row *r = row_new();

	row_text(r, "command", command);
	if (text)
		row_text(r, "text", text);
	return control_link_ask(f->link, r, answer, f);
}

static void waited_too_long(void *user)
{
	io_loop_stop(((struct fixture *)user)->loop);
}

static void wait_for(struct fixture *f, bool (*until)(const struct fixture *f))
{
	f->until = until;
	io_timer_set(f->over, WAIT_US);
	if (!until(f))
		io_loop_run(f->loop);
	f->until = NULL;
	if (!until(f))
		fail_msg("it did not come: ups %u, downs %u, \"%s\", heard \"%s\"", f->ups, f->downs, f->why,
			f->heard);
}

static void serve(struct fixture *f)
{
	const struct control_server_config cfg = { .targets = OF_RRD,
		.table = commands,
		.handlers = handlers,
		.user = f,
		.full = { f->path, (gid_t)-1 } };
	char err[256];

	f->server = control_server_new(f->loop, &cfg, err);
	if (!f->server)
		fail_msg("%s", err);
}

static void stop_serving(struct fixture *f)
{
	control_server_free(f->server);
	f->server = NULL;
}

static struct control_link *link_new(
	struct fixture *f, uint64_t retry_us, uint64_t retry_max_us, uint64_t eager_us)
{
	struct control_link_config cfg = { .daemon = "a friend",
		.path = f->path,
		.retry_us = retry_us,
		.retry_max_us = retry_max_us,
		.eager_us = eager_us,
		.silence_us = 300000,
		.up = up,
		.down = down,
		.user = f };

	return control_link_new(f->loop, &cfg);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/test_link.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->loop = io_loop_new();
	f->over = io_timer_new(f->loop, waited_too_long, f);
	f->link = link_new(f, 1000, 8000, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	control_link_free(f->link);
	control_server_free(f->server);
	io_timer_free(f->over);
	io_loop_free(f->loop);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* --- tests --- */

static bool is_up(const struct fixture *f)
{
	return control_link_is_up(f->link);
}

static bool is_down(const struct fixture *f)
{
	return f->downs && !control_link_is_up(f->link);
}

static bool nothing_waits(const struct fixture *f)
{
	return control_link_waiting(f->link) == 0;
}

static void serve_late(void *user)
{
	serve(user);
}

static void it_comes_when_the_other_does_and_says_once_what_is_wrong_until_then(void **state)
{
	struct fixture *f = *state;
	struct io_timer *later = io_timer_new(f->loop, serve_late, f);

	assert_false(ask(f, "echo", "too early"));
	wait_for(f, is_down);
	assert_non_null(strstr(f->why, f->path));
	assert_non_null(strstr(f->why, "cannot reach a friend"));
	assert_non_null(strstr(f->why, "is it running?"));
	assert_string_equal(control_link_why(f->link), f->why);
	/* Long enough for many attempts. */
	io_timer_set(later, 60000);
	wait_for(f, is_up);
	assert_int_equal(f->downs, 1);
	assert_int_equal(f->ups, 1);
	assert_string_equal(control_link_why(f->link), "");
	io_timer_free(later);
}

/* Doubled pauses would have it tried after 620 and then after 1260 milliseconds. */
static void an_eager_one_does_not_double_its_pauses(void **state)
{
	struct fixture *f = *state;
	struct io_timer *later = io_timer_new(f->loop, serve_late, f);
	uint64_t start_us = io_loop_now_us(f->loop);

	control_link_free(f->link);
	f->link = link_new(f, 20000, 1000000000, 5000000);
	io_timer_set(later, 700000);
	wait_for(f, is_up);
	assert_in_range(io_loop_now_us(f->loop) - start_us, 700000, 1200000);
	io_timer_free(later);
}

static bool is_up_again(const struct fixture *f)
{
	return f->ups == 2;
}

static void what_makes_no_sense_is_dropped_and_asked_anew(void **state)
{
	struct fixture *f = *state;

	control_link_drop(f->link, "nothing is there yet");
	serve(f);
	wait_for(f, is_up);
	assert_true(ask(f, "hold", NULL));
	control_link_drop(f->link, "half of it is missing");
	wait_for(f, is_up_again);
	assert_non_null(strstr(f->why, "lost a friend at "));
	assert_non_null(strstr(f->why, ": half of it is missing"));
	assert_non_null(strstr(f->heard, "broken:"));
}

static void answers_come_in_order_each_with_its_own_end(void **state)
{
	struct fixture *f = *state;

	serve(f);
	wait_for(f, is_up);
	assert_true(ask(f, "echo", "one"));
	assert_true(ask(f, "echo", NULL));
	assert_true(ask(f, "echo", "two"));
	assert_true(ask(f, "attach", NULL));
	assert_int_equal(control_link_waiting(f->link), 4);
	wait_for(f, nothing_waits);
	assert_string_equal(f->heard, "row:one end refused:nothing to say row:two end end ");
}

/* More than a server lets wait. */
static void many_requests_at_once_are_all_answered(void **state)
{
	struct fixture *f = *state;

	serve(f);
	wait_for(f, is_up);
	for (int i = 0; i < 60; i++)
		assert_true(ask(f, "echo", "x"));
	f->heard[0] = 0;
	wait_for(f, nothing_waits);
	assert_null(strstr(f->heard, "refused"));
	assert_int_equal(f->ups, 1);
}

static bool is_held(const struct fixture *f)
{
	return f->held;
}

static void poll_held(void *user)
{
	look(user);
}

static void wait_until_held(struct fixture *f)
{
	struct io_timer *t = io_timer_new(f->loop, poll_held, f);

	io_timer_set(t, 20000);
	wait_for(f, is_held);
	io_timer_free(t);
}

static void what_is_owed_when_the_other_goes_is_told_as_broken_and_it_comes_back(void **state)
{
	struct fixture *f = *state;

	serve(f);
	wait_for(f, is_up);
	ask(f, "hold", NULL);
	ask(f, "echo", "behind it");
	wait_until_held(f);
	stop_serving(f);
	assert_int_equal(f->answers_done, 1);
	wait_for(f, is_down);
	assert_int_equal(control_link_waiting(f->link), 0);
	assert_non_null(strstr(f->heard, "broken:"));
	assert_non_null(strstr(strstr(f->heard, "broken:") + 1, "broken:"));
	serve(f);
	wait_for(f, is_up);
	assert_int_equal(f->ups, 2);
	f->heard[0] = 0;
	ask(f, "echo", "again");
	wait_for(f, nothing_waits);
	assert_string_equal(f->heard, "row:again end ");
}

static void an_answer_that_never_comes_ends_the_connection(void **state)
{
	struct fixture *f = *state;

	serve(f);
	wait_for(f, is_up);
	ask(f, "hold", NULL);
	wait_for(f, nothing_waits);
	assert_non_null(strstr(f->heard, "broken:"));
	assert_non_null(strstr(f->why, "does not answer"));
	assert_null(strstr(f->heard, "pulled"));
	wait_for(f, is_up);
}

static void an_answer_that_is_held_comes_when_it_is_called_for(void **state)
{
	struct fixture *f = *state;

	serve(f);
	wait_for(f, is_up);
	ask(f, "hold", NULL);
	ask(f, "echo", "next");
	wait_until_held(f);
	assert_string_equal(f->heard, "");
	control_caller_resume(f->held);
	wait_for(f, nothing_waits);
	assert_string_equal(f->heard, "pulled end row:next end ");
	assert_int_equal(f->answers_done, 1);
	assert_int_equal(f->downs, 0);
}

static bool caller_is_gone(const struct fixture *f)
{
	return f->callers_gone;
}

static void the_server_knows_its_callers_and_when_they_go(void **state)
{
	struct fixture *f = *state;

	serve(f);
	wait_for(f, is_up);
	ask(f, "attach", NULL);
	wait_for(f, nothing_waits);
	assert_string_equal(f->attached, "new");
	assert_int_equal(f->peer.pid, getpid());
	assert_int_equal(f->peer.uid, getuid());
	assert_true(f->has_own_group);
	assert_false(f->has_other_group);
	ask(f, "attach", NULL);
	wait_for(f, nothing_waits);
	assert_string_equal(f->attached, "before");
	assert_int_equal(f->callers_gone, 0);
	control_link_free(f->link);
	f->link = NULL;
	wait_for(f, caller_is_gone);
	assert_int_equal(f->callers_gone, 1);
}

/* --- another server, that does not keep to the protocol --- */

static void *raw_opened(void *user, struct io_unix_client *c)
{
	(void)user;
	return c;
}

static void raw_line(void *client, const char *line, size_t len)
{
	(void)line;
	(void)len;
	io_unix_send(client, "hello\n", 6);
}

static void raw_nothing(void *client)
{
	(void)client;
}

static void a_server_that_talks_nonsense_is_left(void **state)
{
	static const struct io_unix_ops ops = { raw_opened, raw_line, raw_nothing, raw_nothing, raw_nothing };
	struct fixture *f = *state;
	struct io_unix_server *raw;
	int err;

	raw = io_unix_listen(f->loop, f->path, (gid_t)-1, &ops, f, &err);
	assert_non_null(raw);
	wait_for(f, is_up);
	ask(f, "echo", "?");
	wait_for(f, is_down);
	assert_non_null(strstr(f->heard, "broken:"));
	assert_non_null(strstr(f->why, "JSON"));
	io_unix_server_free(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			it_comes_when_the_other_does_and_says_once_what_is_wrong_until_then, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(an_eager_one_does_not_double_its_pauses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_makes_no_sense_is_dropped_and_asked_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			answers_come_in_order_each_with_its_own_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_requests_at_once_are_all_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_owed_when_the_other_goes_is_told_as_broken_and_it_comes_back, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			an_answer_that_never_comes_ends_the_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_answer_that_is_held_comes_when_it_is_called_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_server_knows_its_callers_and_when_they_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_server_that_talks_nonsense_is_left, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

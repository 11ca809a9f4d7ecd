#include "unit/control/support.h"

/* --- a program that can be watched --- */

struct snapshot {
	struct fixture *f;
	int64_t left;
};

static struct row *next_snapshot(void *state, char *err)
{
	struct snapshot *s = state;
	struct row *r;

	(void)err;
	if (s->left-- == 0)
		return NULL;
	r = row_new();
	row_text(r, "event", "there");
	row_text(r, "padding", "0123456789012345678901234567890123456789");
	s->f->produced++;
	return r;
}

static void snapshot_done(void *state)
{
	struct snapshot *s = state;

	s->f->done++;
	free(s);
}

/* First what is there, then what happens. */
static bool start_watch(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	(void)err;
	s->f = user;
	s->left = row_get_int(args, "snapshot", 0);
	s->f->started++;
	*out = (struct control_answer){ next_snapshot, snapshot_done, s, s->f->feed };
	return true;
}

static bool start_plain_watch(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct fixture *f = user;

	(void)args;
	(void)err;
	control_answer_feed(out, f->feed);
	return true;
}

static bool start_push(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct fixture *f = user;

	(void)args;
	(void)err;
	control_feed_push(f->feed, control_feed_row("pushed"));
	control_answer_row(out, NULL);
	return true;
}

/* An answer that waits before each of its rows, and then goes on with a feed of its own. */
struct slow {
	struct fixture *f;
	struct control_caller *caller;
	struct control_feed *feed;
	struct io_job *job;
	int64_t left;
	bool waited;
};

static void go_on(void *user)
{
	struct slow *s = user;

	control_caller_resume(s->caller);
}

static struct row *next_slow(void *state, char *err)
{
	struct slow *s = state;
	struct row *r;

	(void)err;
	s->waited = !s->waited;
	if (s->waited) {
		control_caller_hold(s->caller);
		io_job_post(s->job);
		return NULL;
	}
	if (s->left-- == 0)
		return NULL;
	r = row_new();
	row_int(r, "n", s->left);
	/* Behind the rows that are still to come. */
	control_feed_push(s->feed, control_feed_row("meanwhile"));
	return r;
}

static void slow_done(void *state)
{
	struct slow *s = state;

	s->f->done++;
	control_feed_free(s->feed);
	io_job_free(s->job);
	free(s);
}

static bool start_slow(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct slow *s = calloc(1, sizeof(*s));

	(void)args;
	(void)err;
	s->f = user;
	s->caller = control_answer_caller(out);
	s->feed = control_feed_new(0);
	s->job = io_job_new(s->f->loop, go_on, s);
	s->left = 2;
	s->f->started++;
	*out = (struct control_answer){ next_slow, slow_done, s, s->feed };
	return true;
}

static const struct control_command commands[] = {
	{ OF_RRD, "watch", .help = "what happens" },
	{ OF_RRD, "watch all", .help = "what is there, and what happens", .own_check = true },
	{ OF_RRD, "push", .help = "makes something happen", .changes = true },
	{ OF_RRD, "watch slowly", .help = "what takes its time" },
	{ .targets = 0 },
};

static const struct control_handler handlers[] = {
	{ "watch", start_plain_watch },
	{ "watch all", start_watch },
	{ "push", start_push },
	{ "watch slowly", start_slow },
	{ NULL, NULL },
};

static int set_up(void **state)
{
	return fixture_new(state, commands, handlers);
}

static void push_number(struct fixture *f, int64_t n)
{
	struct row *r = row_new();

	row_int(r, "n", n);
	control_feed_push(f->feed, r);
}

static int watcher(struct fixture *f, const char *request)
{
	int fd = client(f);

	put(f, fd, request);
	return fd;
}

static void expect(struct fixture *f, int fd, const char *line)
{
	char buf[512];

	assert_string_equal(get(f, fd, buf, sizeof(buf)), line);
}

/* Rows n = from..to in order. */
static void expect_numbers(struct fixture *f, int fd, int64_t from, int64_t to)
{
	char line[64];

	for (; from <= to; from++) {
		snprintf(line, sizeof(line), "{\"row\":{\"n\":%d}}", (int)from);
		expect(f, fd, line);
	}
}

static void wait_until_unwatched(struct fixture *f)
{
	for (int i = 0; i < 1000 && control_feed_wanted(f->feed); i++)
		run(f);
	assert_false(control_feed_wanted(f->feed));
}

/* --- tests --- */

static void every_watcher_is_told_what_happens_and_when_it_came_later_only_the_rest(void **state)
{
	struct fixture *f = *state;
	int a, b;

	assert_false(control_feed_wanted(f->feed));
	push_number(f, 0);
	a = watcher(f, "{\"command\":\"watch\"}\n");
	assert_true(control_feed_wanted(f->feed));
	push_number(f, 1);
	expect_numbers(f, a, 1, 1);
	b = watcher(f, "{\"command\":\"watch\"}\n");
	push_number(f, 2);
	push_number(f, 3);
	expect_numbers(f, b, 2, 3);
	expect_numbers(f, a, 2, 3);
	close(a);
	close(b);
	wait_until_unwatched(f);
}

static void what_happens_while_the_rows_before_are_told_comes_behind_them(void **state)
{
	struct fixture *f = *state;
	int fd = watcher(f, "{\"command\":\"watch all\",\"snapshot\":20000}\n");
	char buf[512];

	for (int i = 0; i < 50; i++)
		run(f);
	assert_in_range(f->produced, 100, 19000);
	push_number(f, 1);
	push_number(f, 2);
	for (int i = 0; i < 20000; i++)
		if (!strstr(get(f, fd, buf, sizeof(buf)), "\"there\""))
			fail_msg("row %d is %s", i, buf);
	expect_numbers(f, fd, 1, 2);
	push_number(f, 3);
	expect_numbers(f, fd, 3, 3);
	assert_int_equal(f->done, 0);
	close(fd);
	wait_until_unwatched(f);
	assert_int_equal(f->done, 1);
}

/* Pushes numbers while only the quick one reads, until the slow one must have lost some; returns the last. */
static int64_t outrun(struct fixture *f, int quick)
{
	int64_t n = 0;

	while (n < 60000) {
		for (int i = 0; i < 100; i++)
			push_number(f, ++n);
		expect_numbers(f, quick, n - 99, n);
	}
	return n;
}

static void a_slow_watcher_is_told_how_much_it_lost_and_the_others_lose_nothing(void **state)
{
	struct fixture *f = *state;
	int slow = watcher(f, "{\"command\":\"watch\"}\n"), quick = watcher(f, "{\"command\":\"watch\"}\n");
	int64_t last = outrun(f, quick), at = 0, lost = 0;
	char buf[512], why[128];

	while (at < last) {
		struct row *line;
		const struct row *row;

		get(f, slow, buf, sizeof(buf));
		line = row_parse(buf, strlen(buf), why, sizeof(why));
		row = row_get(line, "row");
		assert_non_null(row);
		if (row_get_bool(row, "lost", false)) {
			lost += row_get_int(row, "number", 0);
			at += row_get_int(row, "number", 0);
		} else {
			assert_int_equal(row_get_int(row, "n", 0), ++at);
		}
		row_free(line);
	}
	assert_int_equal(at, last);
	assert_in_range(lost, 1000, last);
	push_number(f, last + 1);
	expect_numbers(f, slow, last + 1, last + 1);
	expect_numbers(f, quick, last + 1, last + 1);
	close(slow);
	close(quick);
	wait_until_unwatched(f);
}

static void a_row_larger_than_the_bound_is_lost_and_said_to_be(void **state)
{
	struct fixture *f = *state;
	int fd = watcher(f, "{\"command\":\"watch\"}\n");
	char *big = calloc(1, 3 * FEED_OCTETS), *buf = calloc(1, 4 * FEED_OCTETS);

	/* What the way to the client holds is taken first: the next ones have to wait. */
	memset(big, 'x', 3 * FEED_OCTETS - 1);
	for (int i = 0; i < 3; i++) {
		struct row *r = row_new();

		row_text(r, "text", big);
		control_feed_push(f->feed, r);
	}
	assert_int_equal(strlen(get(f, fd, buf, 4 * FEED_OCTETS)), 3 * FEED_OCTETS - 1 + 19);
	expect(f, fd, "{\"row\":{\"lost\":true,\"number\":2}}");
	push_number(f, 4);
	expect_numbers(f, fd, 4, 4);
	free(big);
	free(buf);
	close(fd);
}

static void a_command_may_push_and_its_own_watcher_hears_it(void **state)
{
	struct fixture *f = *state;
	int watching = watcher(f, "{\"command\":\"watch\"}\n"), other = client(f);
	char buf[512];

	put(f, other, "{\"command\":\"push\"}\n");
	expect(f, other, "{\"end\":true}");
	get(f, watching, buf, sizeof(buf));
	/* {"row":{"time":"2026-11-23T10:11:12.345Z","event":"pushed"}} */
	assert_memory_equal(buf, "{\"row\":{\"time\":\"2", 17);
	assert_string_equal(buf + 39, "Z\",\"event\":\"pushed\"}}");
	/* A request behind a watch waits for its end. */
	put(f, watching, "{\"command\":\"push\"}\n");
	push_number(f, 1);
	expect_numbers(f, watching, 1, 1);
	close(watching);
	close(other);
}

static void closing_the_sending_side_ends_a_watch(void **state)
{
	struct fixture *f = *state;
	int fd = watcher(f, "{\"command\":\"watch all\"}\n");

	push_number(f, 1);
	expect_numbers(f, fd, 1, 1);
	shutdown(fd, SHUT_WR);
	assert_true(is_closed(f, fd));
	assert_false(control_feed_wanted(f->feed));
	assert_int_equal(f->done, 1);
	close(fd);
}

static void when_the_feed_goes_a_watch_has_an_end_and_the_client_goes_on(void **state)
{
	struct fixture *f = *state;
	int fd = watcher(f, "{\"command\":\"watch all\"}\n{\"command\":\"watch\"}\n");

	push_number(f, 1);
	control_feed_free(f->feed);
	f->feed = control_feed_new(FEED_OCTETS);
	expect_numbers(f, fd, 1, 1);
	/* The second request has asked for the same feed while it went. */
	expect(f, fd, "{\"end\":true}");
	expect(f, fd, "{\"end\":true}");
	assert_int_equal(f->done, 1);
	close(fd);
	run(f);
}

static void the_daemons_end_ends_a_watch_after_its_last_words(void **state)
{
	struct fixture *f = *state;
	int fd = watcher(f, "{\"command\":\"watch all\"}\n");

	push_number(f, 1);
	control_server_free(f->server);
	f->server = NULL;
	assert_false(control_feed_wanted(f->feed));
	assert_int_equal(f->done, 1);
	expect_numbers(f, fd, 1, 1);
	assert_true(is_closed(f, fd));
	push_number(f, 2);
	close(fd);
}

static void watchers_leave_room_for_others(void **state)
{
	struct fixture *f = *state;
	enum { WATCHERS = 64 };
	int fds[WATCHERS], one_more, fd;

	for (int i = 0; i < WATCHERS; i++)
		fds[i] = watcher(f, "{\"command\":\"watch all\"}\n");
	one_more = watcher(f, "{\"command\":\"watch all\"}\n");
	expect(f, one_more, "{\"error\":\"64 clients watch already: end one of them\"}");
	assert_int_equal(f->done, 1);
	push_number(f, 1);
	for (int i = 0; i < WATCHERS; i++)
		expect_numbers(f, fds[i], 1, 1);
	close(fds[0]);
	for (int i = 0; i < 1000 && f->done < 2; i++)
		run(f);
	fd = watcher(f, "{\"command\":\"watch all\"}\n");
	push_number(f, 2);
	expect_numbers(f, fd, 2, 2);
	for (int i = 1; i < WATCHERS; i++)
		close(fds[i]);
	close(one_more);
	close(fd);
	wait_until_unwatched(f);
}

static void an_answer_may_wait_between_its_rows_and_own_its_feed(void **state)
{
	struct fixture *f = *state;
	char buf[512];
	int fd = watcher(f, "{\"command\":\"watch slowly\"}\n");

	expect_numbers(f, fd, 1, 1);
	expect_numbers(f, fd, 0, 0);
	for (int i = 0; i < 2; i++)
		assert_non_null(strstr(get(f, fd, buf, sizeof(buf)), "\"event\":\"meanwhile\""));
	close(fd);
	for (int i = 0; i < 1000 && f->done < 1; i++)
		run(f);
	assert_int_equal(f->done, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_watcher_is_told_what_happens_and_when_it_came_later_only_the_rest),
		TEST(what_happens_while_the_rows_before_are_told_comes_behind_them),
		TEST(a_slow_watcher_is_told_how_much_it_lost_and_the_others_lose_nothing),
		TEST(a_row_larger_than_the_bound_is_lost_and_said_to_be),
		TEST(a_command_may_push_and_its_own_watcher_hears_it),
		TEST(closing_the_sending_side_ends_a_watch),
		TEST(when_the_feed_goes_a_watch_has_an_end_and_the_client_goes_on),
		TEST(the_daemons_end_ends_a_watch_after_its_last_words),
		TEST(watchers_leave_room_for_others),
		TEST(an_answer_may_wait_between_its_rows_and_own_its_feed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

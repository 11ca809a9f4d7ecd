#include "unit/control/support.h"

/* --- a program with a few commands --- */

struct count {
	struct fixture *f;
	int64_t next, last;
	bool fail_at_end;
	unsigned delay_us;
};

static struct row *next_number(void *state, char *err)
{
	struct count *c = state;
	struct row *r;

	if (c->next > c->last) {
		if (c->fail_at_end)
			snprintf(err, 256, "out of numbers");
		return NULL;
	}
	if (c->delay_us)
		usleep(c->delay_us);
	r = row_new();
	row_int(r, "n", c->next++);
	row_text(r, "padding", "0123456789012345678901234567890123456789");
	c->f->produced++;
	return r;
}

static void count_done(void *state)
{
	struct count *c = state;

	c->f->done++;
	free(c);
}

static bool start_count(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct count *c;

	if (row_get_int(args, "to", -1) < 0) {
		snprintf(err, 256, "\"to\" must be a number");
		return false;
	}
	c = calloc(1, sizeof(*c));
	c->f = user;
	c->next = 1;
	c->last = row_get_int(args, "to", 0);
	c->fail_at_end = row_get_bool(args, "fail", false);
	c->delay_us = (unsigned)row_get_int(args, "delay-us", 0);
	c->f->started++;
	*out = (struct control_answer){ next_number, count_done, c };
	return true;
}

static bool start_echo(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct row *r = row_new();

	(void)user;
	(void)err;
	row_text(r, "text", row_get_text(args, "text"));
	control_answer_row(out, r);
	return true;
}

/* A command that has to look for its answer longer than a piece may take. */
static bool start_slowly(void *user, const struct row *args, struct control_answer *out, char *err)
{
	usleep(20000);
	return start_echo(user, args, out, err);
}

static bool start_nothing(void *user, const struct row *args, struct control_answer *out, char *err)
{
	(void)user;
	(void)args;
	(void)err;
	control_answer_row(out, NULL);
	return true;
}

static const struct control_argument to_arguments[] = {
	{ .key = "to", .type = CONTROL_NUMBER, .required = true },
	{ .key = "fail", .type = CONTROL_FLAG },
	{ .key = "delay-us", .type = CONTROL_NUMBER },
	{ .key = NULL },
};

static const struct control_argument text_arguments[] = {
	{ .key = "text", .type = CONTROL_TEXT },
	{ .key = "address", .type = CONTROL_ADDRESS },
	{ .key = "prefix", .type = CONTROL_PREFIX },
	{ .key = "side", .type = CONTROL_WORD, .words = "in|out" },
	{ .key = NULL },
};

static const struct control_command commands[] = {
	{ OF_RRD, "help", .help = "lists" },
	{ OF_RRD, "version", .help = "tells" },
	{ OF_RRD, "show numbers", .help = "counts", .arguments = to_arguments },
	{ OF_RRD, "echo", .help = "says it again", .arguments = text_arguments },
	{ OF_RRD, "clear all", .help = "does nothing", .changes = true },
	{ OF_RRD, "ponder", .help = "says it later", .arguments = text_arguments },
	{ OF_AGENT, "drain", .help = "is another daemon's" },
	{ .targets = 0 },
};

static const struct control_handler handlers[] = {
	{ "show numbers", start_count },
	{ "echo", start_echo },
	{ "clear all", start_nothing },
	{ "ponder", start_slowly },
	{ NULL, NULL },
};

static int set_up(void **state)
{
	return fixture_new(state, commands, handlers);
}

static void a_request_gets_its_rows_and_one_end(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	char buf[512];

	put(f, fd, "{\"command\":\"echo\",\"text\":\"hello\"}\n");
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"row\":{\"text\":\"hello\"}}");
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"end\":true}");
	put(f, fd, "{\"command\":\"clear all\"}\n");
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"end\":true}");
	put(f, fd, "{\"command\":\"help\"}\n");
	assert_string_equal(get(f, fd, buf, sizeof(buf)),
		"{\"row\":{\"command\":\"help\",\"arguments\":\"\",\"help\":\"lists\",\"changes\":false,"
		"\"takes\":[]}}");
	get(f, fd, buf, sizeof(buf));
	assert_string_equal(get(f, fd, buf, sizeof(buf)),
		"{\"row\":{\"command\":\"show numbers\",\"arguments\":\"NUMBER [fail] "
		"[NUMBER]\",\"help\":\"counts\","
		"\"changes\":false,\"takes\":[{\"name\":\"to\",\"type\":\"number\",\"required\":true},"
		"{\"name\":\"fail\",\"type\":\"true or false\",\"required\":false},"
		"{\"name\":\"delay-us\",\"type\":\"number\",\"required\":false}]}}");
	get(f, fd, buf, sizeof(buf));
	get(f, fd, buf, sizeof(buf));
	get(f, fd, buf, sizeof(buf));
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"end\":true}");
	close(fd);
}

static void a_command_that_begins_slowly_is_answered_too(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	char buf[512];

	put(f, fd, "{\"command\":\"ponder\",\"text\":\"hm\"}\n");
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"row\":{\"text\":\"hm\"}}");
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"end\":true}");
	close(fd);
}

static void whatever_is_no_request_gets_one_error_and_the_client_stays(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "", "not JSON" },
		{ "garbage", "not JSON" },
		{ "{\"command\":", "not JSON" },
		{ "\xff\xfe\x80", "not JSON" },
		{ "[1,2]", "not a JSON object" },
		{ "17", "not JSON" },
		{ "{}", "no \\\"command\\\"" },
		{ "{\"command\":17}", "\\\"command\\\" is not text" },
		{ "{\"command\":null}", "\\\"command\\\" is not text" },
		{ "{\"command\":[\"echo\"]}", "\\\"command\\\" is not text" },
		{ "{\"command\":\"\"}", "unknown command" },
		{ "{\"command\":\"show number\"}", "did you mean \\\"show numbers\\\"?" },
		{ "{\"command\":\"ehco\"}", "did you mean \\\"echo\\\"?" },
		{ "{\"command\":\"make coffee\"}", "\\\"help\\\"} lists all" },
		{ "{\"command\":\"drain\"}", "unknown command" },
		{ "{\"command\":\"echo\",\"text\":\"\\u0000\"}", "not JSON" },
		{ "{\"command\":\"echo\",\"text\":\"a\",\"text\":\"b\"}", "not JSON: duplicate object key" },
	};
	struct fixture *f = *state;
	int fd = client(f);
	char buf[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(f, fd, cases[i].line);
		put(f, fd, "\n");
		get(f, fd, buf, sizeof(buf));
		assert_memory_equal(buf, "{\"error\":\"", 10);
		if (!strstr(buf, cases[i].says))
			fail_msg("%s: %s", cases[i].line, buf);
	}
	put(f, fd, "{\"command\":\"clear all\"}\n");
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"end\":true}");
	close(fd);
}

static void arguments_are_as_declared_or_refused_by_name(void **state)
{
	static const struct {
		const char *command, *arguments, *says; /* NULL: good */
	} cases[] = {
		{ "show numbers", "", "\\\"show numbers\\\" needs \\\"to\\\": a whole number, 0 or more" },
		{ "show numbers", ",\"to\":\"5\"", "\\\"to\\\" must be a whole number" },
		{ "show numbers", ",\"to\":1e99", "\\\"to\\\" must be a whole number" },
		{ "show numbers", ",\"to\":-1", "\\\"to\\\" must be a whole number" },
		{ "show numbers", ",\"to\":null", "\\\"to\\\" must be a whole number" },
		{ "show numbers", ",\"to\":0,\"fail\":\"true\"", "\\\"fail\\\" must be true or false" },
		{ "show numbers", ",\"to\":0,\"fail\":1", "\\\"fail\\\" must be true or false" },
		{ "show numbers", ",\"to\":0,\"fail\":[true]", "\\\"fail\\\" must be true or false" },
		{ "show numbers", ",\"to\":0,\"fail\":false", NULL },
		{ "show numbers", ",\"to\":0,\"fial\":true",
			"takes no \\\"fial\\\"; did you mean \\\"fail\\\"?" },
		{ "show numbers", ",\"to\":0,\"colour\":1",
			"takes no \\\"colour\\\"; it takes \\\"to\\\", \\\"fail\\\", \\\"delay-us\\\"" },
		{ "clear all", ",\"x\":{}", "\\\"clear all\\\" takes no \\\"x\\\"; it takes no arguments" },
		{ "echo", ",\"text\":17", "\\\"text\\\" must be text" },
		{ "echo", ",\"text\":[\"a\"]", "\\\"text\\\" must be text" },
		{ "echo", ",\"text\":{}", "\\\"text\\\" must be text" },
		{ "echo", ",\"text\":null", "\\\"text\\\" must be text" },
		{ "echo", ",\"text\":\"\"", NULL },
		{ "echo", ",\"address\":\"ten\"", "\\\"address\\\" must be an address as text" },
		{ "echo", ",\"address\":\"2001:db8::1\"", NULL },
		{ "echo", ",\"prefix\":\"10.0.0.1/8\"", "\\\"prefix\\\" must be a prefix as text" },
		{ "echo", ",\"prefix\":\"10.0.0.0/8\"", NULL },
		{ "echo", ",\"side\":\"i\"", "\\\"side\\\" must be one of in|out" },
		{ "echo", ",\"side\":\"in|out\"", "\\\"side\\\" must be one of in|out" },
		{ "echo", ",\"side\":\"\"", "\\\"side\\\" must be one of in|out" },
		{ "echo", ",\"side\":\"out\"", NULL },
		{ "clear all", ",\"protocol\":1", NULL },
		{ "clear all", ",\"protocol\":99",
			"this client speaks version 99 of the control protocol, rrd " },
		{ "clear all", ",\"protocol\":0", "\\\"protocol\\\" must be a number" },
		{ "clear all", ",\"protocol\":\"1\"", "\\\"protocol\\\" must be a number" },
	};
	struct fixture *f = *state;
	int fd = client(f);
	char buf[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(buf, sizeof(buf), "{\"command\":\"%s\"%s}\n", cases[i].command, cases[i].arguments);
		put(f, fd, buf);
		get(f, fd, buf, sizeof(buf));
		while (!cases[i].says && strncmp(buf, "{\"row\"", 6) == 0)
			get(f, fd, buf, sizeof(buf));
		if (!strstr(buf, cases[i].says ? cases[i].says : "{\"end\":true}"))
			fail_msg("%s%s: %s", cases[i].command, cases[i].arguments, buf);
	}
	close(fd);
}

static void who_asks_is_told_the_version(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	char buf[512];

	put(f, fd, "{\"command\":\"version\",\"protocol\":1}\n");
	get(f, fd, buf, sizeof(buf));
	assert_memory_equal(buf, "{\"row\":{\"program\":\"rrd\",\"version\":\"", 35);
	assert_non_null(strstr(buf, "\"protocol\":1,\"protocol-oldest\":1,\"read-only\":false}}"));
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"end\":true}");
	close(fd);
}

/* --- two sockets --- */

static bool move(struct fixture *f, const char *full, const char *read_only, char *err)
{
	struct control_socket to = { full, (gid_t)-1 }, also = { read_only, (gid_t)-1 };

	return control_server_move(f->server, &to, &also, err);
}

static void expect_answer(struct fixture *f, const char *path, const char *command, const char *says)
{
	char buf[512];
	int fd = io_unix_connect(path);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(-fd));
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	snprintf(buf, sizeof(buf), "{\"command\":\"%s\"}\n", command);
	put(f, fd, buf);
	if (!strstr(get(f, fd, buf, sizeof(buf)), says))
		fail_msg("%s %s: %s", path, command, buf);
	close(fd);
}

static void what_changes_something_is_refused_where_one_may_only_read(void **state)
{
	struct fixture *f = *state;
	char ro[128], other[128], err[256], why[256];

	snprintf(ro, sizeof(ro), "%s-ro", f->path);
	snprintf(other, sizeof(other), "%s-other", f->path);
	assert_true(move(f, f->path, ro, err));
	expect_answer(f, f->path, "clear all", "{\"end\":true}");
	expect_answer(f, ro, "echo", "{\"row\":");
	expect_answer(f, ro, "version", "\"read-only\":true");
	snprintf(err, sizeof(err),
		"\\\"clear all\\\" changes something and this socket is for reading only: ask at %s",
		f->path);
	expect_answer(f, ro, "clear all", err);
	/* Both move; then the one goes. */
	assert_true(move(f, other, f->path, err) || strstr(err, "another daemon listens"));
	snprintf(err, sizeof(err), "%s-two", f->path);
	assert_true(move(f, other, err, why));
	expect_answer(f, other, "clear all", "{\"end\":true}");
	expect_answer(f, err, "clear all", "for reading only");
	assert_true(io_unix_connect(ro) < 0 && io_unix_connect(f->path) < 0);
	assert_true(move(f, f->path, NULL, why));
	assert_true(io_unix_connect(err) < 0);
	expect_answer(f, f->path, "clear all", "{\"end\":true}");
}

static void a_move_that_fails_leaves_both_as_they_were(void **state)
{
	struct fixture *f = *state;
	char ro[128], err[256];

	snprintf(ro, sizeof(ro), "%s-ro", f->path);
	assert_false(move(f, "/nonexistent/dir/sock", ro, err));
	assert_non_null(strstr(err, "/nonexistent/dir/sock: the directory is missing"));
	assert_true(io_unix_connect(ro) < 0);
	expect_answer(f, f->path, "clear all", "{\"end\":true}");
	assert_true(move(f, f->path, ro, err));
	assert_false(move(f, f->path, "/nonexistent/dir/sock", err));
	assert_false(move(f, "/nonexistent/dir/sock", f->path, err));
	expect_answer(f, ro, "clear all", "for reading only");
	expect_answer(f, f->path, "clear all", "{\"end\":true}");
}

static void deep_nesting_is_an_error_like_any_other(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	enum { DEEP = 20000 };
	char *line = malloc(DEEP + 1), buf[512];

	memset(line, '[', DEEP);
	line[DEEP] = '\n';
	put_octets(f, fd, line, DEEP + 1);
	assert_non_null(strstr(get(f, fd, buf, sizeof(buf)), "nested deeper"));
	put(f, fd, "{\"command\":\"clear all\"}\n");
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"end\":true}");
	free(line);
	close(fd);
}

static void a_line_too_long_and_a_nul_cost_the_connection_after_a_word(void **state)
{
	struct fixture *f = *state;
	int fd = client(f), other = client(f);
	char *line = calloc(1, 2 * IO_UNIX_LINE_MAX), buf[512];

	memset(line, ' ', 2 * IO_UNIX_LINE_MAX);
	put_octets(f, fd, line, 2 * IO_UNIX_LINE_MAX);
	assert_string_equal(
		get(f, fd, buf, sizeof(buf)), "{\"error\":\"the line is too long: at most 65536 octets\"}");
	assert_true(is_closed(f, fd));
	put_octets(f, other, "{\"command\":\"echo\0\"}\n", 20);
	assert_non_null(strstr(get(f, other, buf, sizeof(buf)), "NUL"));
	assert_true(is_closed(f, other));
	free(line);
	close(fd);
	close(other);
}

/* Reads numbers from..to and the end. */
static void expect_numbers(struct fixture *f, int fd, int from, int to)
{
	char buf[512], expected[64];

	for (int i = from; i <= to; i++) {
		int len = snprintf(expected, sizeof(expected), "{\"row\":{\"n\":%d,", i);

		get(f, fd, buf, sizeof(buf));
		if (strncmp(buf, expected, (size_t)len) != 0)
			fail_msg("expected %s, got %s", expected, buf);
	}
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"end\":true}");
}

static void a_slow_reader_of_many_rows_costs_only_what_is_on_its_way(void **state)
{
	struct fixture *f = *state;
	int slow = client(f), quick = client(f);
	char buf[512];

	put(f, slow, "{\"command\":\"show numbers\",\"to\":100000}\n");
	for (int i = 0; i < 50; i++)
		run(f);
	/* One piece here and what the kernel takes: a few thousand rows of 100,000. */
	assert_in_range(f->produced, 100, 20000);
	put(f, quick, "{\"command\":\"echo\",\"text\":\"quick\"}\n");
	assert_string_equal(get(f, quick, buf, sizeof(buf)), "{\"row\":{\"text\":\"quick\"}}");
	expect_numbers(f, slow, 1, 100000);
	assert_int_equal(f->done, 1);
	close(slow);
	close(quick);
}

static void two_clients_are_served_at_once_and_apart(void **state)
{
	struct fixture *f = *state;
	int a = client(f), b = client(f);

	put(f, a, "{\"command\":\"show numbers\",\"to\":20000}\n");
	put(f, b, "{\"command\":\"show numbers\",\"to\":30000}\n");
	expect_numbers(f, a, 1, 20000);
	expect_numbers(f, b, 1, 30000);
	close(a);
	close(b);
}

static void a_slow_generator_yields_to_others(void **state)
{
	struct fixture *f = *state;
	int slow = client(f), quick = client(f);
	char buf[512];

	put(f, slow, "{\"command\":\"show numbers\",\"to\":300,\"delay-us\":1000}\n");
	put(f, quick, "{\"command\":\"echo\",\"text\":\"quick\"}\n");
	assert_string_equal(get(f, quick, buf, sizeof(buf)), "{\"row\":{\"text\":\"quick\"}}");
	assert_in_range(f->produced, 1, 200);
	expect_numbers(f, slow, 1, 300);
	close(slow);
	close(quick);
}

static void requests_sent_together_are_answered_in_order(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	char buf[512];

	put(f, fd,
		"{\"command\":\"show numbers\",\"to\":3000}\nnonsense\n{\"command\":\"show "
		"numbers\",\"to\":2}\n"
		"{\"command\":\"clear all\"}\n");
	expect_numbers(f, fd, 1, 3000);
	assert_non_null(strstr(get(f, fd, buf, sizeof(buf)), "not JSON"));
	expect_numbers(f, fd, 1, 2);
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"end\":true}");
	close(fd);
}

static void too_many_requests_at_once_end_the_connection(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);

	put(f, fd, "{\"command\":\"show numbers\",\"to\":100000}\n");
	for (int i = 0; i < 16; i++)
		put(f, fd, "{\"command\":\"clear all\"}\n");
	assert_int_equal(f->done, 0);
	put(f, fd, "{\"command\":\"clear all\"}\n");
	for (int i = 0; i < 4000 && f->done == 0; i++) {
		char buf[4096];

		if (recv(fd, buf, sizeof(buf), 0) == 0)
			break;
		run(f);
	}
	assert_int_equal(f->done, 1);
	assert_in_range(f->produced, 1, 99999);
	close(fd);
}

static void a_client_that_goes_away_ends_its_answer_once(void **state)
{
	struct fixture *f = *state;
	int fd = client(f), other = client(f);

	put(f, fd, "{\"command\":\"show numbers\",\"to\":100000}\n{\"command\":\"show numbers\",\"to\":9}\n");
	put(f, other, "{\"command\":\"show numbers\",\"to\":100000}\n");
	close(fd);
	for (int i = 0; i < 1000 && f->done == 0; i++)
		run(f);
	assert_int_equal(f->done, 1);
	assert_int_equal(
		f->started, 2); /* the one that waited was never started; tear_down ends the other's */
	close(other);
}

static void a_failure_in_mid_answer_is_told_instead_of_an_end(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	char buf[512];

	put(f, fd, "{\"command\":\"show numbers\",\"to\":1,\"fail\":true}\n");
	get(f, fd, buf, sizeof(buf));
	assert_string_equal(get(f, fd, buf, sizeof(buf)), "{\"error\":\"out of numbers\"}");
	close(fd);
}

static void a_socket_that_cannot_be_made_is_explained(void **state)
{
	struct fixture *f = *state;
	char err[256] = "";

	assert_null(serve_at(f->loop, f->path, commands, handlers, f, err));
	assert_non_null(strstr(err, f->path));
	assert_non_null(strstr(err, "another daemon listens there"));
	assert_null(serve_at(f->loop, "/nonexistent/dir/sock", commands, handlers, f, err));
	assert_non_null(strstr(err, "the directory is missing"));
}

/* --- the blocking client, against the server in a process of its own --- */

static pid_t serve(struct fixture *f)
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(20);
		io_loop_run(f->loop);
		_exit(0);
	}
	return pid;
}

static void the_client_reads_rows_ends_refusals_and_losses(void **state)
{
	struct fixture *f = *state;
	char dir[64], path[96], err[CONTROL_ERROR_MAX] = "";
	struct io_loop *parents = f->loop;
	struct control_server *server;
	struct control_client *c;
	const struct row *row;
	bool silent;
	struct row *request = row_new();
	int64_t n = 0;
	pid_t pid;

	/* A server of its own: the loop of a child must not share the parent's epoll. */
	snprintf(dir, sizeof(dir), "%s", f->dir);
	snprintf(path, sizeof(path), "%s/two", dir);
	f->loop = io_loop_new();
	server = serve_at(f->loop, path, commands, handlers, f, err);
	assert_non_null(server);
	pid = serve(f);

	c = control_client_new("rrd", path, 20, &silent, err);
	assert_non_null(c);
	row_text(request, "command", "show numbers");
	row_int(request, "to", 50000);
	assert_int_equal(control_client_send(c, request, err), CONTROL_SENT);
	while (control_client_next(c, &row, err) == CONTROL_ROW)
		assert_int_equal(row_get_int(row, "n", 0), ++n);
	assert_int_equal(n, 50000);
	row_text(request, "command", "shwo numbers");
	assert_int_equal(control_client_send(c, request, err), CONTROL_SENT);
	assert_int_equal(control_client_next(c, &row, err), CONTROL_REFUSED);
	assert_string_equal(err, "unknown command \"shwo numbers\"; did you mean \"show numbers\"?");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (control_client_send(c, request, err) == CONTROL_SENT) {
		control_server_free(server);
		server = NULL;
		assert_int_equal(control_client_next(c, &row, err), CONTROL_BROKEN);
	}
	assert_non_null(strstr(err, "lost rrd at "));
	control_client_free(c);
	control_server_free(server);
	row_free(request);
	io_loop_free(f->loop);
	f->loop = parents;
}

static void a_daemon_that_cannot_be_reached_is_explained(void **state)
{
	char err[CONTROL_ERROR_MAX];
	bool silent;

	(void)state;
	assert_null(control_client_new("rrd", "/nonexistent/rrd.sock", 1, &silent, err));
	assert_false(silent);
	assert_string_equal(
		err, "cannot reach rrd at /nonexistent/rrd.sock: No such file or directory; is it running?");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_gets_its_rows_and_one_end),
		TEST(a_command_that_begins_slowly_is_answered_too),
		TEST(whatever_is_no_request_gets_one_error_and_the_client_stays),
		TEST(arguments_are_as_declared_or_refused_by_name),
		TEST(who_asks_is_told_the_version),
		TEST(what_changes_something_is_refused_where_one_may_only_read),
		TEST(a_move_that_fails_leaves_both_as_they_were),
		TEST(deep_nesting_is_an_error_like_any_other),
		TEST(a_line_too_long_and_a_nul_cost_the_connection_after_a_word),
		TEST(a_slow_reader_of_many_rows_costs_only_what_is_on_its_way),
		TEST(two_clients_are_served_at_once_and_apart),
		TEST(a_slow_generator_yields_to_others),
		TEST(requests_sent_together_are_answered_in_order),
		TEST(too_many_requests_at_once_end_the_connection),
		TEST(a_client_that_goes_away_ends_its_answer_once),
		TEST(a_failure_in_mid_answer_is_told_instead_of_an_end),
		TEST(a_socket_that_cannot_be_made_is_explained),
		TEST(the_client_reads_rows_ends_refusals_and_losses),
		cmocka_unit_test(a_daemon_that_cannot_be_reached_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

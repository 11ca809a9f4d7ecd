/* Events and metrics as text, and a watch that is ended in several ways. */
#include "unit/rrctl/support.h"

#include "rrctl/change.h"
#include "rrctl/event.h"
#include "rrctl/exposition.h"

#include "control/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- events --- */

static void expect_event(const char *json, const char *line)
{
	struct row *r = parse(json);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	event_print(out, &view_events, r);
	fclose(out);
	assert_string_equal(text, line);
	free(text);
	row_free(r);
}

static void an_event_of_routes_says_what_its_columns_say(void **state)
{
	struct row *r = parse(
		"{\"time\":\"T\",\"event\":\"best\",\"prefix\":\"10.1.1.0/24\",\"next-hop\":\"10.0.0.5\","
		"\"from\":\"172.16.1.5\",\"path-id\":3,\"as-path\":\"\",\"origin\":\"igp\",\"was\":\"172.16."
		"2.5\","
		"\"text\":\"so it is\"}");
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	event_print(out, &view_route_events, r);
	fclose(out);
	assert_string_equal(
		text, "T best 10.1.1.0/24 from 172.16.1.5 id 3 via 10.0.0.5 was 172.16.2.5: so it is\n");
	free(text);
	row_free(r);
}

static void an_event_is_a_line_that_says_what_is_known(void **state)
{
	(void)state;
	expect_event("{\"time\":\"2026-11-23T10:11:12.345Z\",\"event\":\"server\",\"service\":\"web\","
		     "\"server\":\"172.16.1.5:80\",\"from\":\"up\",\"to\":\"draining\",\"reason\":"
		     "\"terminating\",\"text\":\"3 connections\"}",
		"2026-11-23T10:11:12.345Z server web 172.16.1.5:80: up -> draining (terminating), 3 "
		"connections\n");
	expect_event(
		"{\"time\":\"T\",\"event\":\"server\",\"service\":\"web\",\"server\":\"a\",\"from\":null,"
		"\"to\":\"up\",\"reason\":\"\"}",
		"T server web a: -> up\n");
	expect_event("{\"time\":\"T\",\"event\":\"source\",\"service\":\"web\",\"text\":\"no list\\u001b\"}",
		"T source web: no list?\n");
	expect_event("{\"time\":\"T\",\"event\":\"settled\",\"service\":\"web\"}", "T settled web\n");
	expect_event("{\"time\":\"T\",\"event\":\"route\",\"prefix\":\"10.0.0.0/8\",\"paths\":3}",
		"T route 10.0.0.0/8 3\n");
	expect_event("{\"lost\":true,\"number\":17}",
		"--- 17 events are missing here: they came faster than they were read\n");
}

/* --- changes --- */

static void expect_changes(const char *const *rows, const char *expected)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct change_list *l = change_list_new(out);

	for (; *rows; rows++) {
		struct row *r = parse(*rows);

		change_list_add(l, r);
		row_free(r);
	}
	change_list_end(l);
	change_list_free(l);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void changes_stand_under_what_they_touch(void **state)
{
	static const char *const
		none[] = { NULL },
		*const errors[] = { "{\"error\":\"f:1:2: no\"}", NULL },
		*const some[] = {
			"{\"apply\":\"live\",\"change\":\"log.level info -> debug\"}",
			"{\"apply\":\"live\",\"subject\":\"neighbor 10.0.0.9\",\"change\":\"added\"}",
			"{\"apply\":\"resets sessions\",\"subject\":\"neighbor 10.0.0.110\",\"change\":"
			"\"hold-time 9 -> 30\",\"effect\":\"resets this session\"}",
			NULL,
		};

	(void)state;
	expect_changes(none, "nothing changes\n");
	expect_changes(errors, "f:1:2: no\n");
	expect_changes(some,
		"live:\n  log.level info -> debug\n  neighbor 10.0.0.9: added\n"
		"resets sessions:\n  neighbor 10.0.0.110: hold-time 9 -> 30: resets this session\n");
}

static void a_reload_may_be_tried(void **state)
{
	(void)state;
	expect_parse(TARGET_RRD, "reload", "{\"command\":\"reload\"}");
	expect_parse(TARGET_RRD, "reload --dry-run", "{\"command\":\"reload\",\"dry-run\":true}");
	expect_parse(TARGET_RRD, "rel dry", "{\"command\":\"reload\",\"dry-run\":true}");
	expect_parse(TARGET_RRD, "reload now", "\"now\" is not understood here; only \"--dry-run\" is");
	expect_parse(TARGET_RRD, "show config all", "{\"command\":\"show config\",\"all\":true}");
	expect_parse(TARGET_NODE, "log level d", "{\"command\":\"log level\",\"level\":\"debug\"}");
	expect_parse(TARGET_AGENT, "log level loud",
		"\"loud\" is not understood here; only error|warning|info|debug are");
	expect_parse(TARGET_RRD, "log debug all", "{\"command\":\"log debug\",\"neighbors\":\"all\"}");
	expect_parse(TARGET_RRD, "log debug 10.0.0.0/8 on", "\"on\" is not understood here; only \"off\" is");
	expect_parse(TARGET_ANNOUNCER, "log debug fd00::1 off",
		"{\"command\":\"log debug\",\"neighbors\":\"fd00::1\",\"off\":true}");
	expect_parse(TARGET_RRD, "log debug 10.0.0.0.1",
		"\"10.0.0.0.1\" is neither an address nor a prefix, nor all");
}

/* --- metrics --- */

static void a_family_stands_together_under_one_head(void **state)
{
	static const char *const rows[] = {
		"{\"name\":\"up\",\"type\":\"gauge\",\"help\":\"Is "
		"it?\",\"labels\":{\"n\":\"1\"},\"value\":1}",
		"{\"name\":\"in_total\",\"type\":\"counter\",\"help\":\"A \\\\ and\\na \\\"line\\\".\","
		"\"labels\":{\"n\":\"1\",\"dir\":\"a\\\\b\\\"c\\nd\"},\"value\":9007199254740993}",
		"{\"name\":\"up\",\"type\":\"gauge\",\"help\":\"Is "
		"it?\",\"labels\":{\"n\":\"2\"},\"value\":0}",
		"{\"name\":\"size\",\"type\":\"gauge\",\"help\":\"\",\"labels\":{},\"value\":0.1}",
		"{\"name\":\"3 odd-names\",\"labels\":{\"x-y\":7},\"value\":null}",
		"{\"name\":\"size\",\"labels\":{\"big\":\"yes\"},\"value\":1e300}",
		"{\"name\":\"age\",\"type\":\"histogram\",\"help\":\"Of all.\",\"labels\":{\"le\":\"+Inf\"},"
		"\"sample\":\"bucket\",\"value\":5}",
		"{\"name\":\"age\",\"type\":\"histogram\",\"help\":\"Of all.\",\"labels\":{},"
		"\"sample\":\"count\",\"value\":5}",
		NULL,
	};
	struct exposition *e = exposition_new();
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	for (const char *const *r = rows; *r; r++) {
		struct row *row = parse(*r);

		exposition_add(e, row);
		row_free(row);
	}
	exposition_print(e, out);
	exposition_free(e);
	fclose(out);
	assert_string_equal(text, "# HELP up Is it?\n"
				  "# TYPE up gauge\n"
				  "up{n=\"1\"} 1\n"
				  "up{n=\"2\"} 0\n"
				  "# HELP in_total A \\\\ and\\na \"line\".\n"
				  "# TYPE in_total counter\n"
				  "in_total{n=\"1\",dir=\"a\\\\b\\\"c\\nd\"} 9007199254740993\n"
				  "# HELP size \n"
				  "# TYPE size gauge\n"
				  "size 0.1\n"
				  "size{big=\"yes\"} 1e+300\n"
				  "# HELP _3_odd_names \n"
				  "# TYPE _3_odd_names untyped\n"
				  "_3_odd_names{x_y=\"7\"} NaN\n"
				  "# HELP age Of all.\n"
				  "# TYPE age histogram\n"
				  "age_bucket{le=\"+Inf\"} 5\n"
				  "age_count 5\n");
	free(text);
}

static void no_samples_are_no_text(void **state)
{
	struct exposition *e = exposition_new();
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	exposition_print(e, out);
	exposition_free(e);
	fclose(out);
	assert_string_equal(text, "");
	free(text);
}

/* --- watch: a daemon and rrctl in processes of their own --- */

struct daemon {
	char dir[64], path[96];
	pid_t pid;
};

struct served {
	struct io_loop *loop;
	struct control_feed *feed;
	struct control_server *server;
	struct io_timer *timer;
};

/* One event in the beginning, then silence. */
static void tell(void *user)
{
	struct served *s = user;
	struct row *r = row_new();

	if (!control_feed_wanted(s->feed)) {
		io_timer_set(s->timer, 1000);
		row_free(r);
		return;
	}
	row_text(r, "event", "server");
	row_text(r, "to", "up");
	control_feed_push(s->feed, r);
}

static bool start_watch(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct served *s = user;

	(void)args;
	(void)err;
	control_answer_feed(out, s->feed);
	return true;
}

static const struct control_command watch_commands[] = { { OF_RRD, "version" }, { OF_RRD, "watch" },
	{ .targets = 0 } };
static const struct control_handler watch_handlers[] = { { "watch", start_watch }, { NULL, NULL } };

static void serve(const char *path, int ready)
{
	struct served s = { .loop = io_loop_new(), .feed = control_feed_new(0) };
	char err[256];

	alarm(20);
	s.server = serve_at(s.loop, path, watch_commands, watch_handlers, &s, err);
	s.timer = io_timer_new(s.loop, tell, &s);
	io_timer_set(s.timer, 0);
	if (s.server && write(ready, "r", 1) == 1)
		io_loop_run(s.loop);
	_exit(0);
}

static void start_daemon(struct daemon *d)
{
	int fds[2];
	char c;

	snprintf(d->dir, sizeof(d->dir), "/tmp/rrd-test-watch-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->path, sizeof(d->path), "%s/sock", d->dir);
	assert_int_equal(pipe(fds), 0);
	d->pid = fork();
	if (d->pid == 0)
		serve(d->path, fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	close(fds[1]);
}

static void end_daemon(struct daemon *d)
{
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
	unlink(d->path);
	rmdir(d->dir);
}

/* rrctl watch with its output and errors in a pipe. */
static pid_t start_watching(const struct daemon *d, FILE **out)
{
	char word[] = "watch", *argv[] = { word };
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		struct rrctl_opts opts = {
			.socket = d->path, .target = TARGET_AGENT, .out = fdopen(fds[1], "w")
		};

		alarm(20);
		close(fds[0]);
		opts.err = opts.out;
		_exit((int)rrctl_run(&opts, 1, argv) + (fflush(opts.out) ? 100 : 0));
	}
	close(fds[1]);
	*out = fdopen(fds[0], "r");
	return pid;
}

static void expect_line(FILE *in, const char *expected)
{
	char line[512] = "";

	if (!fgets(line, sizeof(line), in))
		line[0] = '\0';
	if (*expected ? !strstr(line, expected) : *line)
		fail_msg("expected \"%s\", got \"%s\"", expected, line);
}

static int exit_code(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void an_event_is_seen_at_once_and_an_interrupt_is_a_good_end(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct daemon d;
		FILE *out;
		pid_t pid;

		start_daemon(&d);
		pid = start_watching(&d, &out);
		expect_line(out, "server: -> up\n");
		kill(pid, signals[i]);
		assert_int_equal(exit_code(pid), RRCTL_OK);
		expect_line(out, "");
		fclose(out);
		end_daemon(&d);
	}
}

static void a_daemon_that_goes_away_is_told_and_is_no_good_end(void **state)
{
	struct daemon d;
	FILE *out;
	pid_t pid;

	(void)state;
	start_daemon(&d);
	pid = start_watching(&d, &out);
	expect_line(out, "server: -> up\n");
	kill(d.pid, SIGTERM);
	expect_line(out, "rrctl: lost lb-ipvs-agent at ");
	assert_int_equal(exit_code(pid), RRCTL_UNREACHABLE);
	fclose(out);
	end_daemon(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_of_routes_says_what_its_columns_say),
		cmocka_unit_test(an_event_is_a_line_that_says_what_is_known),
		cmocka_unit_test(changes_stand_under_what_they_touch),
		cmocka_unit_test(a_reload_may_be_tried),
		cmocka_unit_test(a_family_stands_together_under_one_head),
		cmocka_unit_test(no_samples_are_no_text),
		cmocka_unit_test(an_event_is_seen_at_once_and_an_interrupt_is_a_good_end),
		cmocka_unit_test(a_daemon_that_goes_away_is_told_and_is_no_good_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

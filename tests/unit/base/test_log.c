/* The log: what a line looks like for whom, and what happens when nobody takes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/log_format.h"
#include "base/log_sink.h"
#include "base/row.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1024 * 1024 };

/* --- formats --- */

static struct log_record record(const char *text, const struct log_about *about)
{
	return (struct log_record){ .program = "rrd",
		.pid = 42,
		.time = { 1764259929, 123456789 },
		.level = LOG_LEVEL_WARNING,
		.about = about,
		.text = text };
}

static struct row *as_json(const struct log_record *r)
{
	char buf[LOG_LINE_MAX], err[256];
	size_t len = log_format_line(r, LOG_FORMAT_JSON, buf);
	struct row *row;

	assert_int_equal(buf[len - 1], '\n');
	assert_null(memchr(buf, '\n', len - 1));
	row = row_parse(buf, len - 1, err, sizeof(err));
	if (!row)
		fail_msg("%s: %s", err, buf);
	return row;
}

static void a_line_for_people(void **state)
{
	struct log_record r = record(
		"neighbor 10.0.0.1: up", LOG_ABOUT("neighbor-up", .neighbor = "10.0.0.1"));
	char buf[LOG_LINE_MAX];

	(void)state;
	log_format_line(&r, LOG_FORMAT_TEXT, buf);
	assert_non_null(strstr(buf, ".123 rrd[42] warning: neighbor 10.0.0.1: up\n"));
}

static void a_line_as_json(void **state)
{
	struct log_record r = record("said \"C:\\\" and left",
		LOG_ABOUT("neighbor-down", .neighbor = "2001:db8::1", .peer_group = "k8s \"x\"",
			.prefix = "10.1.0.0/16", .service = "web", .server = "172.16.1.5:80"));
	struct row *row = as_json(&r);

	(void)state;
	assert_string_equal(row_get_text(row, "time"), "2025-11-27T16:12:09.123Z");
	assert_string_equal(row_get_text(row, "level"), "warning");
	assert_string_equal(row_get_text(row, "program"), "rrd");
	assert_int_equal(row_get_int(row, "pid", 0), 42);
	assert_string_equal(row_get_text(row, "event"), "neighbor-down");
	assert_string_equal(row_get_text(row, "neighbor"), "2001:db8::1");
	assert_string_equal(row_get_text(row, "peer-group"), "k8s \"x\"");
	assert_string_equal(row_get_text(row, "prefix"), "10.1.0.0/16");
	assert_string_equal(row_get_text(row, "service"), "web");
	assert_string_equal(row_get_text(row, "server"), "172.16.1.5:80");
	assert_string_equal(row_get_text(row, "message"), "said \"C:\\\" and left");
	row_free(row);
}

static void a_line_as_logfmt(void **state)
{
	struct log_record r = record("it said \"no\"", LOG_ABOUT("route-refused", .neighbor = "10.0.0.1"));
	char buf[LOG_LINE_MAX];

	(void)state;
	log_format_line(&r, LOG_FORMAT_LOGFMT, buf);
	assert_string_equal(buf,
		"time=2025-11-27T16:12:09.123Z level=warning program=rrd pid=42 event=route-refused "
		"neighbor=10.0.0.1 message=\"it said \\\"no\\\"\"\n");
}

static void a_datagram_for_the_journal(void **state)
{
	struct log_record r = record(
		"up", LOG_ABOUT("neighbor-up", .neighbor = "10.0.0.1", .peer_group = "k8s"));
	char buf[LOG_LINE_MAX];
	size_t len = log_format_journal(&r, buf);

	(void)state;
	assert_int_equal(len, strlen(buf));
	assert_string_equal(buf, "PRIORITY=4\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=rrd\nEVENT=neighbor-up\n"
				 "NEIGHBOR=10.0.0.1\nPEER_GROUP=k8s\nMESSAGE=up\n");
}

static void a_datagram_for_syslog(void **state)
{
	struct log_record r = record("up", NULL);
	char buf[LOG_LINE_MAX];

	(void)state;
	setenv("TZ", "UTC", 1);
	log_format_syslog(&r, LOG_FORMAT_TEXT, buf);
	assert_string_equal(buf, "<28>Nov 27 16:12:09 rrd[42]: up");
	log_format_syslog(&r, LOG_FORMAT_JSON, buf);
	assert_non_null(strstr(buf, "rrd[42]: @cee: {\"time\":"));
	assert_int_equal(buf[strlen(buf) - 1], '}');
}

/* A peer chose it: a second line, an escape sequence, a text that reads from right to left, no UTF-8 at all. */
static void nothing_is_forged(void **state)
{
	/* NOLINTNEXTLINE(misc-misleading-bidirectional): that is what it is about. */
	static const char bad[] = "a\nPRIORITY=0\r\x1b[2J\x7f\xc2\x9b\xe2\x80\xae\xff\xc3 end";
	struct log_record r = record(bad, LOG_ABOUT("x", .neighbor = "1.2.3.4\nMESSAGE=forged"));
	char buf[LOG_LINE_MAX];
	struct row *row = as_json(&r);

	(void)state;
	assert_string_equal(row_get_text(row, "message"), "a?PRIORITY=0??[2J????? end");
	row_free(row);
	log_format_line(&r, LOG_FORMAT_TEXT, buf);
	assert_ptr_equal(strchr(buf, '\n'), buf + strlen(buf) - 1);
	log_format_journal(&r, buf);
	assert_null(strstr(buf, "\nMESSAGE=forged"));
	assert_non_null(strstr(buf, "\nNEIGHBOR=1.2.3.4?MESSAGE=forged\n"));
}

/* What is too long is cut, and the object still closed; no character is cut in two. */
static void long_lines_are_whole(void **state)
{
	static const char *const pieces[] = { "\"", "\\", "x", "\xc3\xa4", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80" };
	char text[LOG_TEXT_MAX], field[512];

	(void)state;
	for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
		struct log_about a = { field, field, field, field, field, field };
		struct log_record r = record(text, &a);
		struct row *row;

		text[0] = field[0] = '\0';
		while (strlen(text) + strlen(pieces[p]) < sizeof(text))
			strcat(text, pieces[p]);
		while (strlen(field) + strlen(pieces[p]) < sizeof(field))
			strcat(field, pieces[p]);
		row = as_json(&r);
		assert_true(strlen(row_get_text(row, "message")) > 500);
		assert_non_null(row_get_text(row, "server"));
		row_free(row);
	}
}

/* --- where they go --- */

static int saved_stderr;

static int with_stderr(int fd)
{
	dup2(fd, STDERR_FILENO);
	close(fd);
	return 0;
}

static void give_stderr_back(void)
{
	dup2(saved_stderr, STDERR_FILENO);
}

static int keep_stderr(void **state)
{
	(void)state;
	saved_stderr = dup(STDERR_FILENO);
	return 0;
}

static int restore_stderr(void **state)
{
	(void)state;
	give_stderr_back();
	close(saved_stderr);
	log_flush();
	return 0;
}

/* What the reader finds, up to the point where nothing more waits on either side. */
static size_t read_all(int fd, char *out)
{
	size_t len = 0;
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	do {
		log_flush();
		n = read(fd, out + len, OUTPUT_MAX - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 || log_waiting());
	out[len] = '\0';
	return len;
}

/* Lines "line N" in their order, and where some are missing a line that says how many. Returns how many it saw. */
static unsigned check_order(char *out, unsigned *told)
{
	unsigned next = 0, seen = 0;

	*told = 0;
	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		char *text = strstr(line, "]");
		unsigned n, lost;

		assert_non_null(text);
		if (sscanf(text, "] info: line %u", &n) == 1) {
			assert_int_equal(n, next);
			next++;
			seen++;
		} else if (sscanf(text, "] warning: %u line", &lost) == 1) {
			*told += lost;
			next += lost;
		}
	}
	return seen;
}

static struct log_status status(void)
{
	struct log_status st;

	log_get_status(&st);
	return st;
}

static void fill_and_drain(int reader)
{
	struct log_status before = status(), after;
	char *out = malloc(OUTPUT_MAX);
	unsigned seen, told, written;

	for (written = 0; status().lost == before.lost; written++)
		log_info("line %u", written);
	for (unsigned i = 0; i < 500; i++)
		log_info("line %u", written++);
	after = status();
	assert_true(after.waiting > 100);
	assert_true(after.lost - before.lost >= 500);
	read_all(reader, out);
	log_info("line %u", written++);
	read_all(reader, out + strlen(out));
	seen = check_order(out, &told);
	assert_int_equal(seen + told, written);
	assert_int_equal(told, after.lost - before.lost);
	assert_int_equal(status().waiting, 0);
	free(out);
}

static void a_stopped_reader_of_a_pipe(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	with_stderr(fds[1]);
	fill_and_drain(fds[0]);
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	close(fds[0]);
}

static void a_stopped_reader_of_a_socket(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	with_stderr(fds[1]);
	fill_and_drain(fds[0]);
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	close(fds[0]);
}

/* Where the pipe cannot be opened anew it is asked before each line. */
static void a_pipe_that_cannot_be_opened_again(void **state)
{
	char line[200], out[128 * 1024];
	struct log_sink s = { .way = LOG_SINK_POLL };
	int fds[2], kept = 0;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	s.fd = fds[1];
	memset(line, 'x', sizeof(line));
	while (log_sink_put(&s, line, sizeof(line)) == 0)
		kept++;
	assert_int_equal(log_sink_put(&s, line, sizeof(line)), -ENOBUFS);
	assert_true(s.records > 0);
	assert_int_equal(log_sink_flush(&s), -EAGAIN);
	for (ssize_t n; kept > 0 && (n = read(fds[0], out, sizeof(out))) > 0;
		kept -= (int)(n / (ssize_t)sizeof(line))) {
		assert_int_equal(n % (ssize_t)sizeof(line), 0);
		log_sink_flush(&s);
	}
	assert_int_equal(kept, 0);
	assert_int_equal(log_sink_flush(&s), 0);
	log_sink_close(&s);
	close(fds[0]);
	close(fds[1]);
}

/* A terminal or a socket may take a part of a line: the rest comes before anything else, and once. */
static void a_record_that_is_taken_in_parts(void **state)
{
	struct log_sink s = { .fd = -1 };
	char record[10000], got[30000];
	size_t len = 0;
	int fds[2];

	(void)state;
	for (size_t i = 0; i < sizeof(record); i++)
		record[i] = (char)('a' + i % 26);
	assert_int_equal(pipe(fds), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fcntl(fds[1], F_SETPIPE_SZ, 4096);
	log_sink_use(&s, fds[1]);
	assert_int_equal(log_sink_put(&s, record, sizeof(record)), 0);
	assert_int_equal(log_sink_put(&s, "next", 4), 0);
	assert_int_equal(s.records, 2);
	assert_true(s.begun > 0);
	for (ssize_t n; (n = read(fds[0], got + len, sizeof(got) - len)) > 0; log_sink_flush(&s))
		len += (size_t)n;
	assert_int_equal(len, sizeof(record) + 4);
	assert_memory_equal(got, record, sizeof(record));
	assert_memory_equal(got + sizeof(record), "next", 4);
	log_sink_close(&s);
	close(fds[0]);
	close(fds[1]);
}

static void a_full_disk(void **state)
{
	struct log_status before = status();
	char *out = malloc(OUTPUT_MAX);
	unsigned told, written;
	int fds[2];

	(void)state;
	with_stderr(open("/dev/full", O_WRONLY));
	for (written = 0; status().lost == before.lost; written++)
		log_info("line %u", written);
	assert_int_equal(pipe(fds), 0);
	with_stderr(fds[1]);
	log_info("line %u", written++);
	log_flush();
	read_all(fds[0], out);
	assert_int_equal(check_order(out, &told) + told, written);
	assert_int_equal(status().lost - before.lost, told);
	close(fds[0]);
	free(out);
}

static void a_reader_that_is_gone(void **state)
{
	struct log_status before = status();
	char *out = malloc(OUTPUT_MAX);
	unsigned told;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	with_stderr(fds[1]);
	close(fds[0]);
	for (unsigned i = 0; i < 3; i++)
		log_info("line %u", i);
	assert_int_equal(status().lost - before.lost, 3);
	assert_false(log_waiting());
	assert_int_equal(pipe(fds), 0);
	with_stderr(fds[1]);
	log_info("line 3");
	read_all(fds[0], out);
	assert_int_equal(check_order(out, &told), 1);
	assert_int_equal(told, 3);
	close(fds[0]);
	free(out);
}

static int datagram_server(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void a_daemon_that_does_not_read(void **state)
{
	char dir[] = "/tmp/test_log.XXXXXX", path[64], line[32];
	struct log_sink s = { .fd = -1 };
	unsigned put = 0, got = 0;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	assert_int_equal(log_sink_connect(&s, path), -ENOENT);
	fd = datagram_server(path);
	assert_int_equal(log_sink_connect(&s, path), 0);
	for (; s.records < 100; put++) {
		snprintf(line, sizeof(line), "line %u", put);
		assert_int_equal(log_sink_put(&s, line, strlen(line)), 0);
	}
	for (; got < put; got++) {
		char expected[32];
		ssize_t n = recv(fd, line, sizeof(line), MSG_DONTWAIT);

		assert_true(n > 0);
		snprintf(expected, sizeof(expected), "line %u", got);
		assert_memory_equal(line, expected, (size_t)n);
		log_sink_flush(&s);
	}
	close(fd);
	assert_int_equal(log_sink_put(&s, "x", 1), -ECONNREFUSED);
	log_sink_close(&s);
	unlink(path);
	rmdir(dir);
}

/* --- what is written --- */

static void what_was_asked_for_is_written(void **state)
{
	char *out = malloc(OUTPUT_MAX);
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	with_stderr(fds[1]);
	log_about(LOG_LEVEL_DEBUG, LOG_ABOUT("a"), "not this");
	log_about(LOG_LEVEL_DEBUG, LOG_ABOUT("a", .asked_for = true), "but this");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("nor this");
	log_set_level(LOG_LEVEL_INFO);
	read_all(fds[0], out);
	assert_non_null(strstr(out, "debug: but this\n"));
	assert_null(strstr(out, "not this"));
	assert_null(strstr(out, "nor this"));
	close(fds[0]);
	free(out);
}

enum { THREADS = 4, LINES = 2000 };

static void *write_lines(void *number)
{
	for (int i = 0; i < LINES; i++)
		log_info("thread %d line %d end", *(int *)number, i);
	return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
	struct log_status before = status();
	int number[THREADS], fds[2], whole = 0;
	char *out = malloc(OUTPUT_MAX);
	pthread_t thread[THREADS];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	with_stderr(fds[1]);
	for (int i = 0; i < THREADS; i++) {
		number[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, write_lines, &number[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	read_all(fds[0], out);
	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		int t, n;
		char tail[8];

		if (strstr(line, "lost here"))
			continue;
		assert_int_equal(
			sscanf(strstr(line, "] info: "), "] info: thread %d line %d %3s", &t, &n, tail), 3);
		assert_string_equal(tail, "end");
		whole++;
	}
	assert_int_equal((uint64_t)whole + status().lost - before.lost, THREADS * LINES);
	close(fds[0]);
	free(out);
}

#define WITH_STDERR(test) cmocka_unit_test_setup_teardown(test, keep_stderr, restore_stderr)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_for_people),
		cmocka_unit_test(a_line_as_json),
		cmocka_unit_test(a_line_as_logfmt),
		cmocka_unit_test(a_datagram_for_the_journal),
		cmocka_unit_test(a_datagram_for_syslog),
		cmocka_unit_test(nothing_is_forged),
		cmocka_unit_test(long_lines_are_whole),
		WITH_STDERR(a_stopped_reader_of_a_pipe),
		WITH_STDERR(a_stopped_reader_of_a_socket),
		cmocka_unit_test(a_pipe_that_cannot_be_opened_again),
		cmocka_unit_test(a_record_that_is_taken_in_parts),
		WITH_STDERR(a_full_disk),
		WITH_STDERR(a_reader_that_is_gone),
		cmocka_unit_test(a_daemon_that_does_not_read),
		WITH_STDERR(what_was_asked_for_is_written),
		WITH_STDERR(lines_of_threads_do_not_mix),
	};

	signal(SIGPIPE, SIG_IGN);
	log_init("test", LOG_TO_STDERR, LOG_LEVEL_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

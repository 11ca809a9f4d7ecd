#include "io/unix.h"
#include "io/unix_path.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A server that notes what it hears, answers "ping" with "pong", and "flood" with many lines, piece by piece. */
struct fixture {
	char dir[64], path[96];
	struct io_loop *loop;
	struct io_unix_server *server;
	int opened, closed, too_long, lines;
	char heard[256];
	size_t most_unsent;
};

struct user {
	struct fixture *f;
	struct io_unix_client *c;
	int flood;
};

enum { FLOOD_LINES = 200000 };

static void *opened(void *user, struct io_unix_client *c)
{
	struct user *u = calloc(1, sizeof(*u));

	u->f = user;
	u->c = c;
	u->f->opened++;
	return u;
}

static void line(void *client_user, const char *text, size_t len)
{
	struct user *u = client_user;
	size_t at = strlen(u->f->heard);

	assert_int_equal(strlen(text), len);
	u->f->lines++;
	snprintf(u->f->heard + at, sizeof(u->f->heard) - at, "%.20s|", text);
	if (strcmp(text, "ping") == 0)
		io_unix_send(u->c, "pong\n", 5);
	if (strcmp(text, "bye") == 0) {
		io_unix_send(u->c, "farewell\n", 9);
		io_unix_close(u->c);
		io_unix_send(u->c, "never\n", 6);
	}
	if (strcmp(text, "flood") == 0) {
		u->flood = FLOOD_LINES;
		io_unix_send(u->c, "begin\n", 6);
	}
}

static void too_long(void *client_user)
{
	struct user *u = client_user;

	u->f->too_long++;
	io_unix_send(u->c, "too long\n", 9);
}

static void writable(void *client_user)
{
	struct user *u = client_user;

	assert_int_equal(io_unix_unsent(u->c), 0);
	for (int i = 0; i < 1000 && u->flood > 0; i++, u->flood--)
		io_unix_send(u->c, "0123456789\n", 11);
	if (io_unix_unsent(u->c) > u->f->most_unsent)
		u->f->most_unsent = io_unix_unsent(u->c);
}

static void closed(void *client_user)
{
	struct user *u = client_user;

	u->f->closed++;
	free(u);
}

static const struct io_unix_ops ops = { opened, line, too_long, writable, closed };

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int err;

	snprintf(f->dir, sizeof(f->dir), "/tmp/rrd-test-unix-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->loop = io_loop_new();
	f->server = io_unix_listen(f->loop, f->path, (gid_t)-1, &ops, f, &err);
	*state = f;
	return f->server ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int left;

	io_unix_server_free(f->server);
	left = lstat(f->path, &st) == 0;
	io_loop_free(f->loop);
	unlink(f->path);
	rmdir(f->dir);
	left |= f->opened != f->closed;
	free(f);
	return left;
}

static void stop(void *user)
{
	io_loop_stop(user);
}

/* Lets the loop run for a moment. */
static void run(struct fixture *f)
{
	struct io_timer *t = io_timer_new(f->loop, stop, f->loop);

	io_timer_set(t, 1000);
	io_loop_run(f->loop);
	io_timer_free(t);
}

static int client(struct fixture *f)
{
	int fd = io_unix_connect(f->path);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void put(struct fixture *f, int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	run(f);
}

static void put_octets(struct fixture *f, int fd, const char *data, size_t len)
{
	for (size_t sent = 0; sent < len;) {
		ssize_t n = send(fd, data + sent, len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		run(f);
	}
}

/* Runs the loop until want octets have come, or the other side has closed; returns how many came. */
static size_t get(struct fixture *f, int fd, char *buf, size_t want)
{
	size_t len = 0;

	for (int i = 0; i < 3000 && len < want; i++) {
		ssize_t n = recv(fd, buf + len, want - len, 0);

		if (n == 0)
			break;
		if (n > 0)
			len += (size_t)n;
		else
			run(f);
	}
	return len;
}

static void lines_are_whole_however_they_come(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	char buf[16];

	put(f, fd, "pi");
	assert_int_equal(f->lines, 0);
	put(f, fd, "ng\n\nabc\nd");
	put(f, fd, "ef\n");
	assert_string_equal(f->heard, "ping||abc|def|");
	assert_int_equal(get(f, fd, buf, 5), 5);
	assert_memory_equal(buf, "pong\n", 5);
	close(fd);
}

static void a_line_that_is_too_long_is_told_and_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	int fd = client(f), whole = client(f), other = client(f);
	char *big = malloc(IO_UNIX_LINE_MAX + 2), buf[64];

	memset(big, 'x', IO_UNIX_LINE_MAX + 2);
	big[IO_UNIX_LINE_MAX] = '\n';
	put_octets(f, fd, big, IO_UNIX_LINE_MAX + 1);
	assert_int_equal(f->lines, 1); /* just fits */
	assert_int_equal(f->too_long, 0);
	/* One more, at once with its end. */
	big[IO_UNIX_LINE_MAX] = 'x';
	big[IO_UNIX_LINE_MAX + 1] = '\n';
	put_octets(f, whole, big, IO_UNIX_LINE_MAX + 2);
	assert_int_equal(get(f, whole, buf, sizeof(buf)), 9);
	assert_int_equal(f->too_long, 1);
	assert_int_equal(f->lines, 1);
	/* One more, and no end in sight. */
	put_octets(f, fd, big, IO_UNIX_LINE_MAX + 1);
	assert_int_equal(get(f, fd, buf, sizeof(buf)), 9);
	assert_memory_equal(buf, "too long\n", 9);
	assert_int_equal(f->too_long, 2);
	assert_int_equal(f->closed, 2);
	put(f, other, "ping\n");
	assert_int_equal(get(f, other, buf, 5), 5);
	free(big);
	close(fd);
	close(whole);
	close(other);
}

static void what_was_sent_before_close_arrives_and_nothing_after(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	char buf[64];

	put(f, fd, "bye\nping\n");
	assert_int_equal(get(f, fd, buf, sizeof(buf)), 9);
	assert_memory_equal(buf, "farewell\n", 9);
	assert_string_equal(f->heard, "bye|");
	close(fd);
}

static void a_client_that_has_finished_sending_still_gets_its_answers(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	char *buf = malloc(FLOOD_LINES * 11 + 64);

	assert_int_equal(send(fd, "ping\nflood\n", 11, MSG_NOSIGNAL), 11);
	shutdown(fd, SHUT_WR);
	assert_int_equal(get(f, fd, buf, FLOOD_LINES * 11 + 64), FLOOD_LINES * 11 + 11);
	run(f);
	assert_int_equal(f->closed, 1);
	free(buf);
	close(fd);
}

static void a_slow_reader_costs_one_piece_of_memory_and_slows_nobody(void **state)
{
	struct fixture *f = *state;
	int slow = client(f), quick = client(f);
	char *buf = malloc(FLOOD_LINES * 11 + 64);

	put(f, slow, "flood\n");
	for (int i = 0; i < 20; i++)
		run(f);
	put(f, quick, "ping\n");
	assert_int_equal(get(f, quick, buf, 5), 5);
	assert_in_range(f->most_unsent, 11, 11000);
	assert_int_equal(get(f, slow, buf, FLOOD_LINES * 11 + 6), FLOOD_LINES * 11 + 6);
	assert_in_range(f->most_unsent, 11, 11000);
	free(buf);
	close(slow);
	close(quick);
}

static void a_client_that_vanishes_in_its_answer_is_forgotten(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);

	put(f, fd, "flood\n");
	close(fd);
	for (int i = 0; i < 1000 && f->closed == 0; i++)
		run(f);
	assert_int_equal(f->closed, 1);
}

static void the_socket_is_for_owner_and_group_only(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void a_socket_in_use_is_refused_and_a_file_left_alone(void **state)
{
	struct fixture *f = *state;
	struct io_unix_server *second;
	char path[128];
	int err, fd;

	assert_null(io_unix_listen(f->loop, f->path, (gid_t)-1, &ops, f, &err));
	assert_int_equal(err, -EADDRINUSE);

	snprintf(path, sizeof(path), "%s/other", f->dir);
	second = io_unix_listen(f->loop, path, (gid_t)-1, &ops, f, &err);
	assert_non_null(second);
	/* Another one puts its socket in the same place: ours must not remove it. */
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	io_unix_server_free(second);
	assert_int_equal(access(path, F_OK), 0);
	assert_null(io_unix_listen(f->loop, path, (gid_t)-1, &ops, f, &err));
	assert_int_equal(err, -EEXIST);
	close(fd);
	unlink(path);
	memset(path + strlen(path), 'x', sizeof(path) - strlen(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_null(io_unix_listen(f->loop, path, (gid_t)-1, &ops, f, &err));
	assert_int_equal(err, -ENAMETOOLONG);
	assert_int_equal(io_unix_connect("/nonexistent/socket"), -ENOENT);
}

/* The same answers as listening gives, and nothing is there afterwards. */
static void whether_a_socket_could_be_there_is_known_without_one(void **state)
{
	struct fixture *f = *state;
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/try", f->dir);
	assert_int_equal(io_unix_path_try(path, (gid_t)-1), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(io_unix_path_try(f->path, (gid_t)-1), -EADDRINUSE);
	assert_int_equal(io_unix_path_try("/nonexistent/socket", (gid_t)-1), -ENOENT);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(io_unix_path_try(path, (gid_t)-1), -EEXIST);
	unlink(path);
	memset(path + strlen(path), 'x', sizeof(path) - strlen(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(io_unix_path_try(path, (gid_t)-1), -ENAMETOOLONG);
	assert_int_equal(io_unix_path_try_group(getegid()), 0);
	if (geteuid() != 0)
		assert_int_equal(io_unix_path_try_group(0), -EPERM);
}

static void a_socket_nobody_listens_on_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct io_unix_server *second;
	char path[128], moved[128];
	int err;

	/* A path that stays behind: a server removes its own, so its socket is moved aside first. */
	snprintf(path, sizeof(path), "%s/a", f->dir);
	snprintf(moved, sizeof(moved), "%s/b", f->dir);
	second = io_unix_listen(f->loop, path, (gid_t)-1, &ops, f, &err);
	assert_non_null(second);
	assert_int_equal(rename(path, moved), 0);
	io_unix_server_free(second);
	assert_int_equal(io_unix_connect(moved), -ECONNREFUSED);
	assert_int_equal(io_unix_path_try(moved, (gid_t)-1), 0);
	assert_int_equal(access(moved, F_OK), 0);
	second = io_unix_listen(f->loop, moved, (gid_t)-1, &ops, f, &err);
	assert_non_null(second);
	io_unix_server_free(second);
	assert_int_equal(access(moved, F_OK), -1);
}

static void a_server_out_of_descriptors_waits_and_accepts_later(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	struct rlimit before, few;
	char buf[8];

	assert_int_equal(send(fd, "ping\n", 5, 0), 5);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	run(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(f->opened, 0);
	assert_int_equal(get(f, fd, buf, 5), 5);
	close(fd);
}

static void a_server_moves_and_its_clients_stay(void **state)
{
	struct fixture *f = *state;
	int fd = client(f), other;
	char buf[16], path[sizeof(f->path) + 8];
	struct stat st;

	put(f, fd, "ping\n");
	assert_int_equal(get(f, fd, buf, 5), 5);
	/* Where that cannot be, nothing changes. */
	assert_int_equal(io_unix_move(f->server, "/nowhere/at/all", (gid_t)-1), -ENOENT);
	assert_int_equal(lstat(f->path, &st), 0);
	snprintf(path, sizeof(path), "%s.moved", f->path);
	assert_int_equal(io_unix_move(f->server, path, (gid_t)-1), 0);
	assert_int_equal(lstat(f->path, &st), -1);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	put(f, fd, "ping\n");
	assert_int_equal(get(f, fd, buf, 5), 5);
	other = io_unix_connect(path);
	assert_true(other >= 0);
	put(f, other, "ping\n");
	assert_int_equal(recv(other, buf, 5, 0), 5);
	assert_int_equal(io_unix_move(f->server, f->path, (gid_t)-1), 0);
	assert_int_equal(lstat(path, &st), -1);
	close(fd);
	close(other);
	run(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_whole_however_they_come),
		TEST(a_line_that_is_too_long_is_told_and_ends_the_connection),
		TEST(what_was_sent_before_close_arrives_and_nothing_after),
		TEST(a_client_that_has_finished_sending_still_gets_its_answers),
		TEST(a_slow_reader_costs_one_piece_of_memory_and_slows_nobody),
		TEST(a_client_that_vanishes_in_its_answer_is_forgotten),
		TEST(the_socket_is_for_owner_and_group_only),
		TEST(a_socket_in_use_is_refused_and_a_file_left_alone),
		TEST(whether_a_socket_could_be_there_is_known_without_one),
		TEST(a_socket_nobody_listens_on_is_replaced),
		TEST(a_server_moves_and_its_clients_stay),
		TEST(a_server_out_of_descriptors_waits_and_accepts_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

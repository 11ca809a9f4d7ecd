#include "daemon/limit.h"
#include "daemon/lock.h"
#include "daemon/notify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static int make_dir(void **state)
{
	char *dir = strdup("/tmp/rrd-test-daemon-XXXXXX");

	*state = dir;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	int err = rmdir(*state);

	free(*state);
	return err;
}

static void the_limit_of_open_files_is_raised_to_what_is_allowed(void **state)
{
	struct rlimit r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	r.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	assert_int_equal(daemon_fd_limit(), r.rlim_max);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	assert_int_equal(r.rlim_cur, r.rlim_max);
}

static void a_second_daemon_is_refused_in_words(void **state)
{
	char path[64], err[256] = "", expected[256], text[32] = "";
	struct daemon_lock *lock;
	FILE *f;

	snprintf(path, sizeof(path), "%s/pid", (char *)*state);
	lock = daemon_lock_new("rrd", path, err, sizeof(err));
	assert_non_null(lock);
	assert_null(daemon_lock_new("rrd", path, err, sizeof(err)));
	snprintf(expected, sizeof(expected), "rrd is running already (process %ld holds %s): stop it first",
		(long)getpid(), path);
	assert_string_equal(err, expected);
	f = fopen(path, "r");
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_int_equal(atol(text), getpid());
	daemon_lock_free(lock);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_pid_file_left_behind_is_taken_over(void **state)
{
	char path[64], err[256] = "", text[32] = "";
	struct daemon_lock *lock;
	FILE *f;

	snprintf(path, sizeof(path), "%s/pid", (char *)*state);
	f = fopen(path, "w");
	fputs("99999999999999\nold rubbish\n", f);
	fclose(f);
	lock = daemon_lock_new("rrd", path, err, sizeof(err));
	assert_non_null(lock);
	f = fopen(path, "r");
	assert_non_null(fgets(text, sizeof(text), f));
	assert_int_equal(atol(text), getpid());
	assert_null(fgets(text, sizeof(text), f));
	fclose(f);
	daemon_lock_free(lock);
}

static void a_pid_file_that_cannot_be_made_is_named(void **state)
{
	char err[256] = "";

	(void)state;
	assert_null(daemon_lock_new("rrd", "/nonexistent/rrd.pid", err, sizeof(err)));
	assert_non_null(strstr(err, "/nonexistent/rrd.pid"));
	assert_non_null(strstr(err, strerror(ENOENT)));
}

static int manager(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	assert_int_equal(
		bind(fd, (struct sockaddr *)&sun, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	setenv("NOTIFY_SOCKET", path, 1);
	return fd;
}

static const char *told(int fd, char *buf, size_t size)
{
	ssize_t n = recv(fd, buf, size - 1, 0);

	assert_true(n >= 0);
	buf[n] = '\0';
	return buf;
}

static void the_service_manager_is_told_each_phase(void **state)
{
	char path[64], buf[256];
	int fd;

	snprintf(path, sizeof(path), "%s/notify", (char *)*state);
	fd = manager(path);
	assert_int_equal(daemon_notify(DAEMON_READY, "3 neighbors\nREADY=0"), 1);
	assert_string_equal(told(fd, buf, sizeof(buf)), "READY=1\nSTATUS=3 neighbors READY=0\n");
	assert_int_equal(daemon_notify_status("4 neighbors"), 1);
	assert_string_equal(told(fd, buf, sizeof(buf)), "STATUS=4 neighbors\n");
	assert_int_equal(daemon_notify(DAEMON_RELOADING, NULL), 1);
	assert_memory_equal(told(fd, buf, sizeof(buf)), "RELOADING=1\nMONOTONIC_USEC=", 27);
	assert_int_equal(daemon_notify(DAEMON_STOPPING, NULL), 1);
	assert_string_equal(told(fd, buf, sizeof(buf)), "STOPPING=1\n");
	close(fd);
	assert_int_equal(daemon_notify(DAEMON_STOPPING, NULL), -ECONNREFUSED);
	unlink(path);
}

static void an_abstract_socket_is_understood(void **state)
{
	char path[96], buf[64];
	int fd;

	snprintf(path, sizeof(path), "@%s/notify", (char *)*state);
	fd = manager(path);
	assert_int_equal(daemon_notify(DAEMON_READY, NULL), 1);
	assert_string_equal(told(fd, buf, sizeof(buf)), "READY=1\n");
	close(fd);
}

static void without_a_service_manager_nothing_happens(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(daemon_notify(DAEMON_READY, NULL), 0);
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(daemon_notify_status("x"), -EAFNOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_of_open_files_is_raised_to_what_is_allowed),
		cmocka_unit_test(a_second_daemon_is_refused_in_words),
		cmocka_unit_test(a_pid_file_left_behind_is_taken_over),
		cmocka_unit_test(a_pid_file_that_cannot_be_made_is_named),
		cmocka_unit_test(the_service_manager_is_told_each_phase),
		cmocka_unit_test(an_abstract_socket_is_understood),
		cmocka_unit_test(without_a_service_manager_nothing_happens),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

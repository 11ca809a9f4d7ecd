#include "daemon/limit.h"
#include "daemon/lock.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/privileges.h"
#include "daemon/pulse.h"
#include "daemon/user.h"

#include <errno.h>
#include <getopt.h>
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

/* --- the pulse --- */

struct heart {
	struct io_loop *loop;
	struct io_timer *end;
	unsigned asked;
	const char *says;
};

static void say(void *user, struct text *out)
{
	struct heart *h = user;

	h->asked++;
	text_add(out, "%s", h->says);
}

static void stop(void *user)
{
	io_loop_stop(((struct heart *)user)->loop);
}

static void live_for(struct heart *h, uint64_t us)
{
	io_timer_set(h->end, us);
	io_loop_run(h->loop);
}

static bool is_told(int fd, const char *what)
{
	char buf[256];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		return false;
	buf[n] = '\0';
	return strcmp(buf, what) == 0 || is_told(fd, what);
}

static void heart_init(struct heart *h, const char *says)
{
	*h = (struct heart){ .loop = io_loop_new(), .says = says };
	h->end = io_timer_new(h->loop, stop, h);
}

static void heart_fini(struct heart *h)
{
	io_timer_free(h->end);
	io_loop_free(h->loop);
}

static void the_status_is_told_at_once_and_then_when_it_changes(void **state)
{
	struct daemon_pulse *p;
	char path[64], buf[64];
	struct heart h;
	int fd;

	snprintf(path, sizeof(path), "%s/pulse", (char *)*state);
	fd = manager(path);
	heart_init(&h, "one");
	p = daemon_pulse_new(h.loop, say, &h);
	live_for(&h, 10000);
	assert_string_equal(told(fd, buf, sizeof(buf)), "STATUS=one\n");
	live_for(&h, 1100000);
	assert_int_equal(h.asked, 2);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), -1);
	h.says = "two";
	live_for(&h, 1100000);
	assert_string_equal(told(fd, buf, sizeof(buf)), "STATUS=two\n");
	daemon_pulse_free(p);
	heart_fini(&h);
	close(fd);
	unlink(path);
}

static void the_watchdog_hears_twice_as_often_as_it_asks(void **state)
{
	struct daemon_pulse *p;
	char path[64], pid[16];
	struct heart h;
	int fd;

	snprintf(path, sizeof(path), "%s/watchdog", (char *)*state);
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	fd = manager(path);
	setenv("WATCHDOG_USEC", "40000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	heart_init(&h, "");
	p = daemon_pulse_new(h.loop, say, &h);
	live_for(&h, 10000);
	assert_true(is_told(fd, "WATCHDOG=1\n"));
	live_for(&h, 100000);
	assert_true(is_told(fd, "WATCHDOG=1\n"));
	/* Pings do not make the status a burden. */
	assert_int_equal(h.asked, 1);
	daemon_pulse_free(p);
	while (is_told(fd, "WATCHDOG=1\n"))
		continue;
	/* Somebody else's watchdog. */
	setenv("WATCHDOG_PID", "1", 1);
	p = daemon_pulse_new(h.loop, say, &h);
	live_for(&h, 50000);
	assert_false(is_told(fd, "WATCHDOG=1\n"));
	daemon_pulse_free(p);
	heart_fini(&h);
	close(fd);
	unlink(path);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void without_a_service_manager_nobody_asks(void **state)
{
	struct daemon_pulse *p;
	struct heart h;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	heart_init(&h, "");
	p = daemon_pulse_new(h.loop, say, &h);
	live_for(&h, 10000);
	assert_int_equal(h.asked, 0);
	daemon_pulse_free(p);
	daemon_pulse_free(NULL);
	heart_fini(&h);
}

/* --- users --- */

static void users_are_found_by_name_and_by_number(void **state)
{
	struct daemon_user u;
	char err[256] = "";

	(void)state;
	assert_true(daemon_user_find("root", NULL, &u, err, sizeof(err)));
	assert_int_equal(u.uid, 0);
	assert_int_equal(u.gid, 0);
	assert_int_equal(u.groups[0], 0);
	free(u.groups);
	assert_true(daemon_user_find("0", "12345", &u, err, sizeof(err)));
	assert_int_equal(u.uid, 0);
	assert_int_equal(u.gid, 12345);
	assert_int_equal(u.groups[0], 12345);
	free(u.groups);
	assert_true(daemon_user_find("3999999999", "7", &u, err, sizeof(err)));
	assert_true(u.uid == 3999999999);
	assert_int_equal(u.group_count, 1);
	free(u.groups);
}

static void a_user_that_cannot_be_is_told(void **state)
{
	struct daemon_user u;
	char err[256] = "";

	(void)state;
	assert_false(daemon_user_find("no-such-user", NULL, &u, err, sizeof(err)));
	assert_non_null(strstr(err, "there is no user \"no-such-user\""));
	assert_false(daemon_user_find("3999999999", NULL, &u, err, sizeof(err)));
	assert_non_null(strstr(err, "add -g GROUP"));
	assert_false(daemon_user_find("root", "no-such-group", &u, err, sizeof(err)));
	assert_non_null(strstr(err, "there is no group \"no-such-group\""));
	/* (uid_t)-1 means "leave it" to the kernel. */
	assert_false(daemon_user_find("4294967295", "7", &u, err, sizeof(err)));
	assert_false(daemon_user_find("-1", "7", &u, err, sizeof(err)));
	assert_false(daemon_user_find("", "7", &u, err, sizeof(err)));
}

/* --- options --- */

static void the_command_line_names_user_group_and_pid_file(void **state)
{
	struct daemon_options o = { .config = "default" };
	char *argv[] = { (char[]){ "rrd" }, (char[]){ "-u" }, (char[]){ "someone" }, (char[]){ "--group" },
		(char[]){ "some" }, (char[]){ "-P" }, (char[]){ "/run/pid" }, NULL };

	(void)state;
	optind = 1;
	assert_int_equal(daemon_options_parse(&o, "rrd", 7, argv), DAEMON_OPTIONS_GO_ON);
	assert_string_equal(o.user, "someone");
	assert_string_equal(o.group, "some");
	assert_string_equal(o.pid_file, "/run/pid");
	assert_string_equal(o.config, "default");
}

static void a_group_without_a_user_is_a_mistake(void **state)
{
	struct daemon_options o = { .config = "default" };
	char *argv[] = { (char[]){ "rrd" }, (char[]){ "-g" }, (char[]){ "some" }, NULL };

	(void)state;
	optind = 1;
	assert_int_equal(daemon_options_parse(&o, "rrd", 3, argv), 2);
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
		cmocka_unit_test(the_status_is_told_at_once_and_then_when_it_changes),
		cmocka_unit_test(the_watchdog_hears_twice_as_often_as_it_asks),
		cmocka_unit_test(without_a_service_manager_nobody_asks),
		cmocka_unit_test(users_are_found_by_name_and_by_number),
		cmocka_unit_test(a_user_that_cannot_be_is_told),
		cmocka_unit_test(the_command_line_names_user_group_and_pid_file),
		cmocka_unit_test(a_group_without_a_user_is_a_mistake),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

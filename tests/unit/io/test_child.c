#include "io/child.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG_US = 20000000, KEEP = 1000 };

struct run {
	struct io_loop *loop;
	unsigned ends;
	bool started, timed_out;
	int status;
	char output[KEEP + 1], why[256];
	size_t output_len;
	uint64_t duration_us;
};

static void ended(void *user, const struct io_child_result *r)
{
	struct run *run = user;

	run->ends++;
	run->started = r->started;
	run->timed_out = r->timed_out;
	run->status = r->status;
	run->output_len = strlen(r->output);
	snprintf(run->output, sizeof(run->output), "%s", r->output);
	snprintf(run->why, sizeof(run->why), "%s", r->why);
	run->duration_us = r->duration_us;
	io_loop_stop(run->loop);
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static struct run run_it(const char *const *argv, const char *const *env, uint64_t timeout_us, size_t keep)
{
	struct run run = { .loop = io_loop_new() };
	int before = descriptors();

	io_child_start(run.loop, argv, env, timeout_us, keep, ended, &run);
	assert_int_equal(run.ends, 0); /* in a later turn, whatever happened */
	io_loop_run(run.loop);
	assert_int_equal(run.ends, 1);
	assert_int_equal(descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD); /* nothing was left uncollected */
	io_loop_free(run.loop);
	return run;
}

static struct run shell(const char *script, uint64_t timeout_us)
{
	return run_it((const char *[]){ "/bin/sh", "-c", script, NULL }, NULL, timeout_us, KEEP);
}

static void output_and_status_come_back(void **state)
{
	struct run r = shell("echo out; echo err >&2; exit 3", LONG_US);

	(void)state;
	assert_true(r.started && !r.timed_out);
	assert_int_equal(r.status, 3);
	assert_string_equal(r.output, "out\nerr\n");
	assert_string_equal(r.why, "exit status 3");
	r = shell(":", LONG_US);
	assert_int_equal(r.status, 0);
	assert_string_equal(r.output, "");
	assert_string_equal(r.why, "");
	assert_in_range(r.duration_us, 1, LONG_US);
}

static void a_signal_is_named(void **state)
{
	struct run r = shell("kill -SEGV $$", LONG_US);

	(void)state;
	assert_int_equal(r.status, 128 + SIGSEGV);
	assert_string_equal(r.why, "killed by signal 11 (Segmentation fault)");
}

static void a_program_that_is_not_there_is_said(void **state)
{
	struct run r = run_it((const char *[]){ "/no/such/program", NULL }, NULL, LONG_US, KEEP);

	(void)state;
	assert_false(r.started);
	assert_int_equal(r.status, 127);
	assert_string_equal(r.why, "cannot run /no/such/program: No such file or directory");
	r = run_it((const char *[]){ "/etc/passwd", NULL }, NULL, LONG_US, KEEP);
	assert_string_equal(r.why, "cannot run /etc/passwd: Permission denied");
}

static void the_environment_is_ours_with_additions(void **state)
{
	const char *const argv[] = { "/bin/sh", "-c", "echo $KEPT/$CHANGED/$ADDED", NULL };
	const char *const env[] = { "CHANGED=new", "ADDED=a b", NULL };
	struct run r;

	(void)state;
	setenv("KEPT", "kept", 1);
	setenv("CHANGED", "old", 1);
	r = run_it(argv, env, LONG_US, KEEP);
	assert_string_equal(r.output, "kept/new/a b\n");
}

/* Signals as they should be, no terminal, no descriptor of ours, a group of its own. */
static void the_child_starts_clean(void **state)
{
	struct run r;
	char group[64];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	r = shell("kill -PIPE $$; echo alive", LONG_US);
	assert_int_equal(r.status, 128 + SIGPIPE);
	signal(SIGPIPE, SIG_DFL);
	r = shell("ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> \\([^:]*\\).*/\\1 \\2/p'", LONG_US);
	assert_non_null(strstr(r.output, "0 /dev/null\n1 pipe\n2 pipe\n3 /proc"));
	assert_null(strstr(r.output, "\n4 "));
	r = shell("read -r _ _ _ _ group _ < /proc/$$/stat; echo $group $$", LONG_US);
	snprintf(group, sizeof(group), "%d %d\n", atoi(r.output), atoi(r.output));
	assert_string_equal(r.output, group);
}

static bool is_alive(int pid)
{
	char path[64], state = 'X';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(f);
	return state != 'Z' && state != 'X';
}

static void wait_until_dead(int pid)
{
	for (int i = 0; i < 1000 && is_alive(pid); i++)
		usleep(5000);
	assert_false(is_alive(pid));
}

static void at_its_limit_the_whole_group_is_killed(void **state)
{
	struct run r = shell("sleep 100 & echo $!; trap '' TERM; wait", 200000);

	(void)state;
	assert_true(r.started && r.timed_out);
	assert_int_equal(r.status, 128 + SIGKILL);
	assert_string_equal(r.why, "no end after 0.2 s, killed");
	assert_in_range(r.duration_us, 200000, 5000000);
	assert_true(atoi(r.output) > 0);
	wait_until_dead(atoi(r.output));
}

static void what_a_child_leaves_behind_goes_with_it(void **state)
{
	struct run r = shell("sleep 100 & echo $!", LONG_US);

	(void)state;
	assert_int_equal(r.status, 0);
	assert_in_range(r.duration_us, 1, 5000000); /* not held up by the pipe that it has open */
	wait_until_dead(atoi(r.output));
}

static void much_output_is_cut_and_holds_nobody(void **state)
{
	const char *const argv[] = { "/bin/sh", "-c",
		"i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789012345678; "
		"i=$((i+1)); done; exit 5",
		NULL };
	struct run r = run_it(argv, NULL, LONG_US, 100);

	(void)state;
	assert_int_equal(r.status, 5);
	assert_int_equal(r.output_len, 100);
	r = run_it(argv, NULL, LONG_US, 0);
	assert_int_equal(r.output_len, 0);
}

static void a_child_that_closes_its_output_is_waited_for(void **state)
{
	struct run r = shell("exec >/dev/null 2>&1; sleep 0.1; exit 4", LONG_US);

	(void)state;
	assert_int_equal(r.status, 4);
}

static void a_killed_child_is_forgotten(void **state)
{
	const char *const argv[] = { "/bin/sh", "-c", "sleep 100", NULL };
	const char *const missing[] = { "/no/such/program", NULL };
	struct run run = { .loop = io_loop_new() };
	struct io_timer *end = io_timer_new(run.loop, (void (*)(void *))io_loop_stop, run.loop);
	int before = descriptors();

	(void)state;
	io_child_kill(io_child_start(run.loop, argv, NULL, LONG_US, KEEP, ended, &run));
	io_child_kill(io_child_start(run.loop, missing, NULL, LONG_US, KEEP, ended, &run));
	io_child_kill(NULL);
	io_timer_set(end, 50000);
	io_loop_run(run.loop);
	assert_int_equal(run.ends, 0);
	assert_int_equal(descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	io_timer_free(end);
	io_loop_free(run.loop);
}

static void a_lost_end_is_said(void **state)
{
	struct run r;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	r = shell("exit 1", LONG_US);
	signal(SIGCHLD, SIG_DFL);
	assert_true(r.status); /* it may be gone before it can be watched, or after */
	assert_string_equal(r.why, "its end is lost: this process ignores SIGCHLD");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status_come_back),
		cmocka_unit_test(a_signal_is_named),
		cmocka_unit_test(a_program_that_is_not_there_is_said),
		cmocka_unit_test(the_environment_is_ours_with_additions),
		cmocka_unit_test(the_child_starts_clean),
		cmocka_unit_test(at_its_limit_the_whole_group_is_killed),
		cmocka_unit_test(what_a_child_leaves_behind_goes_with_it),
		cmocka_unit_test(much_output_is_cut_and_holds_nobody),
		cmocka_unit_test(a_child_that_closes_its_output_is_waited_for),
		cmocka_unit_test(a_killed_child_is_forgotten),
		cmocka_unit_test(a_lost_end_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

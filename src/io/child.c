/*
 * A child's life: started, watched through a pidfd until it has ended, its group killed, collected, told.
 *
 * The group is killed when its leader has ended, too, so that nothing of a command lives on between two runs. That is done
 * before the leader is collected: until then its number cannot belong to anybody else.
 *
 * A process that sits in the kernel (a dead file server) outlives SIGKILL. Nobody waits for it: after a moment it is told as
 * timed out, and the object stays behind, silent, to collect it if it ever ends.
 */
#include "io/child.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	READ_SIZE = 4096,
	LAST_READS_MAX = 32,	 /* twice a pipe's size */
	DIES_WITHIN_US = 500000, /* of SIGKILL */
	KILL_WAIT_MS = 20,
	WHY_MAX = 256,
};

#define LOST "its end is lost: this process ignores SIGCHLD"

struct io_child {
	struct io_loop *loop;
	pid_t pid;
	int pidfd, out; /* -1: none */
	struct io_watch *end_watch, *out_watch;
	struct io_timer *timer;
	struct io_job *failed; /* posted when it could not be started */
	uint64_t timeout_us, started_us;
	char *output;
	size_t output_len, keep;
	bool timed_out;
	void (*done)(void *user, const struct io_child_result *r); /* NULL: nobody wants to know */
	void *user;
	char why[WHY_MAX];
};

/* --- the program's environment --- */

static bool same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len) == 0 && b[len] == '=';
}

static bool is_replaced(const char *entry, const char *const *added)
{
	for (; added && *added; added++)
		if (same_name(*added, entry))
			return true;
	return false;
}

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* Our own with what is added; to be freed as one block. */
static const char **environment_with(const char *const *added)
{
	const char *const *own = (const char *const *)environ;
	const char **all = mem_alloc((count(own) + count(added) + 1) * sizeof(*all));
	size_t n = 0;

	for (; own && *own; own++)
		if (!is_replaced(*own, added))
			all[n++] = *own;
	for (; added && *added; added++)
		all[n++] = *added;
	all[n] = NULL;
	return all;
}

/* --- end --- */

static void close_output(struct io_child *c)
{
	io_watch_free(c->out_watch);
	c->out_watch = NULL;
	if (c->out >= 0)
		close(c->out);
	c->out = -1;
}

static void child_free(struct io_child *c)
{
	close_output(c);
	io_watch_free(c->end_watch);
	if (c->pidfd >= 0)
		close(c->pidfd);
	io_timer_free(c->timer);
	io_job_free(c->failed);
	free(c->output);
	free(c);
}

static void tell(struct io_child *c, bool started, int status)
{
	struct io_child_result r = { .started = started,
		.timed_out = c->timed_out,
		.status = status,
		.output = c->output,
		.why = c->why,
		.duration_us = io_loop_now_us(c->loop) - c->started_us };

	c->output[c->output_len] = '\0';
	if (c->done)
		c->done(c->user, &r);
	c->done = NULL;
}

/* What goes beyond keep is read too, so that the child never waits for us. As read(2). */
static ssize_t read_output(struct io_child *c)
{
	char scratch[READ_SIZE];
	size_t take = c->keep - c->output_len;
	ssize_t n = read(c->out, scratch, sizeof(scratch));

	if (n <= 0)
		return n;
	if ((size_t)n < take)
		take = (size_t)n;
	memcpy(c->output + c->output_len, scratch, take);
	c->output_len += take;
	return n;
}

static void output_ready(void *user, unsigned events)
{
	struct io_child *c = user;

	(void)events;
	if (read_output(c) == 0)
		close_output(c);
}

/* Into words; returns the status (128 when that is lost). */
static int describe_end(struct io_child *c, const siginfo_t *end)
{
	if (c->timed_out)
		snprintf(c->why, sizeof(c->why), "no end after %g s, killed", (double)c->timeout_us / 1e6);
	else if (!end->si_pid)
		snprintf(c->why, sizeof(c->why), LOST);
	else if (end->si_code != CLD_EXITED)
		snprintf(c->why, sizeof(c->why), "killed by signal %d (%s)", end->si_status,
			strsignal(end->si_status));
	else if (end->si_status)
		snprintf(c->why, sizeof(c->why), "exit status %d", end->si_status);
	return end->si_code == CLD_EXITED ? end->si_status : 128 + end->si_status;
}

/* False when it still runs. */
static bool collect(struct io_child *c, siginfo_t *end)
{
	memset(end, 0, sizeof(*end));
	if (waitid(P_PIDFD, (id_t)c->pidfd, end, WEXITED | WNOHANG) == 0)
		return end->si_pid != 0;
	/* ECHILD: the kernel kept nothing of it. */
	return errno == ECHILD;
}

static void child_ended(void *user, unsigned events)
{
	struct io_child *c = user;
	siginfo_t end;

	(void)events;
	kill(-c->pid, SIGKILL);
	for (int i = 0; c->out >= 0 && i < LAST_READS_MAX && read_output(c) > 0; i++)
		;
	if (!collect(c, &end))
		return;
	tell(c, true, describe_end(c, &end));
	child_free(c);
}

/* First the time given to the command, then the time given to the kernel to end it. */
static void time_is_over(void *user)
{
	struct io_child *c = user;

	if (!c->timed_out) {
		c->timed_out = true;
		kill(-c->pid, SIGKILL);
		io_timer_set(c->timer, DIES_WITHIN_US);
		return;
	}
	snprintf(c->why, sizeof(c->why), "no end after %g s, and it cannot be killed",
		(double)c->timeout_us / 1e6);
	close_output(c);
	tell(c, true, 128 + SIGKILL);
}

/* --- start --- */

static int spawn(struct io_child *c, const char *const *argv, const char *const *environment, int out)
{
	const short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	const char **all = environment_with(environment);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, every;
	int error;

	sigemptyset(&none);
	sigfillset(&every);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	/* What we ignore (SIGPIPE) a program would go on ignoring. */
	posix_spawnattr_setsigdefault(&attr, &every);
	posix_spawnattr_setflags(&attr, flags);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
	/* Ours are all close-on-exec, but we may have been born with others. */
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	error = posix_spawn(&c->pid, argv[0], &files, &attr, (char *const *)argv, (char *const *)all);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	free(all);
	return error;
}

/* Without a pidfd nobody would tell its end. */
static int open_pidfd(struct io_child *c)
{
	int error;

	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd >= 0)
		return 0;
	error = errno;
	/* Gone already, and its number may be a stranger's by now: the kernel collects children of who ignores SIGCHLD. */
	if (error == ESRCH)
		return error;
	kill(-c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	return error;
}

static int start(struct io_child *c, const char *const *argv, const char *const *environment)
{
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC))
		return errno;
	/* Only our end: a program does not expect that its output may not block. */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	c->out = ends[0];
	error = spawn(c, argv, environment, ends[1]);
	close(ends[1]);
	return error ? error : open_pidfd(c);
}

static void start_failed(void *user)
{
	struct io_child *c = user;

	tell(c, false, 127);
	child_free(c);
}

static void watch(struct io_child *c)
{
	c->end_watch = io_watch_new(c->loop, c->pidfd, child_ended, c);
	c->out_watch = io_watch_new(c->loop, c->out, output_ready, c);
	io_watch_set(c->end_watch, IO_READ);
	io_watch_set(c->out_watch, IO_READ);
	c->timer = io_timer_new(c->loop, time_is_over, c);
	io_timer_set(c->timer, c->timeout_us);
}

struct io_child *io_child_start(struct io_loop *loop, const char *const *argv, const char *const *environment,
	uint64_t timeout_us, size_t keep, void (*done)(void *user, const struct io_child_result *r),
	void *user)
{
	struct io_child *c = mem_calloc(1, sizeof(*c));
	int error;

	*c = (struct io_child){ .loop = loop,
		.pidfd = -1,
		.out = -1,
		.timeout_us = timeout_us,
		.started_us = io_loop_now_us(loop),
		.output = mem_alloc(keep + 1),
		.keep = keep,
		.done = done,
		.user = user };
	error = start(c, argv, environment);
	if (error) {
		if (error == ESRCH)
			snprintf(c->why, sizeof(c->why), LOST);
		else
			snprintf(c->why, sizeof(c->why), "cannot run %s: %s", argv[0], strerror(error));
		c->failed = io_job_new(loop, start_failed, c);
		io_job_post(c->failed);
	} else {
		watch(c);
	}
	return c;
}

void io_child_kill(struct io_child *c)
{
	struct pollfd end;
	siginfo_t ignored;

	if (!c)
		return;
	c->done = NULL;
	end = (struct pollfd){ .fd = c->pidfd, .events = POLLIN };
	if (!c->failed) {
		kill(-c->pid, SIGKILL);
		/* Nearly always at once; else child_ended() collects it. */
		poll(&end, 1, KILL_WAIT_MS);
		if (!collect(c, &ignored)) {
			close_output(c);
			io_timer_cancel(c->timer);
			return;
		}
	}
	child_free(c);
}

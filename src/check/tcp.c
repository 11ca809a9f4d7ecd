/*
 * TCP: can a connection be made?
 *
 * A connection that stands is aborted, not closed. A close would leave its port here in TIME_WAIT for a minute: one server
 * has 28,000 ports of ours to itself, but checks through a tunnel all go to one address, and beyond some 470 in a second there
 * would be none left; thousands of checks a second would keep hundreds of thousands of such connections in memory, here and
 * in every connection tracker and IPVS on the way. To the server it is a client that went away, which it must bear
 * anyway.
 */
#include "check/kind.h"
#include "base/mem.h"
#include "io/tcp.h"

#include <stdlib.h>
#include <unistd.h>

struct tcp_run {
	int fd;
	struct io_watch *watch;
	struct io_timer *timer;
};

static void stop(struct check *c)
{
	struct tcp_run *run = c->run;

	c->run = NULL;
	io_watch_free(run->watch);
	io_timer_free(run->timer);
	io_tcp_abort_on_close(run->fd);
	close(run->fd);
	free(run);
}

static void connected(void *user, unsigned events)
{
	struct check *c = user;
	struct tcp_run *run = c->run;
	int error = -io_tcp_connect_result(run->fd);
	enum check_outcome outcome = CHECK_PASSED;
	const char *why = "";

	(void)events;
	if (error)
		outcome = check_from_errno(error, &why);
	check_finish(c, outcome, "%s", why);
}

static void time_is_over(void *user)
{
	struct check *c = user;
	char limit[32];

	check_finish(c, CHECK_TIMEOUT, "no connection within %s", check_timeout_text(c, limit));
}

static void start(struct check *c)
{
	const struct io_tcp_opts opts = { .local = &c->target.source, .mark = c->target.mark };
	int fd = io_tcp_connect(&c->target.addr, c->target.port, &opts);
	enum check_outcome outcome;
	struct tcp_run *run;
	const char *why;

	if (fd < 0) {
		outcome = check_from_errno(-fd, &why);
		check_finish_later(c, outcome, "%s", why);
		return;
	}
	c->run = run = mem_calloc(1, sizeof(*run));
	run->fd = fd;
	run->watch = io_watch_new(c->env->loop, fd, connected, c);
	io_watch_set(run->watch, IO_WRITE);
	run->timer = io_timer_new(c->env->loop, time_is_over, c);
	io_timer_set(run->timer, check_timeout_us(c));
}

const struct check_kind check_kind_tcp = { start, stop };

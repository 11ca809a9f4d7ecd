/*
 * UDP: a datagram is sent, and an answer must contain what is expected.
 *
 * Without an expectation any answer will do, and so will silence: then only an ICMP error tells that nobody is there, and a run
 * that passes lasts the whole time-out. An answer that is not the one wanted ends the run: datagrams come from the server
 * alone, since the socket is connected.
 */
#include "check/kind.h"
#include "base/mem.h"
#include "io/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536 };

struct udp_run {
	int fd;
	struct io_watch *watch;
	struct io_timer *timer;
};

static void stop(struct check *c)
{
	struct udp_run *run = c->run;

	c->run = NULL;
	io_watch_free(run->watch);
	io_timer_free(run->timer);
	close(run->fd);
	free(run);
}

/* The words are TCP's. */
static const char *refused_words(enum check_outcome outcome, const char *why)
{
	return outcome == CHECK_REFUSED ? "port unreachable: nobody listens there" : why;
}

static void answered(void *user, unsigned events)
{
	struct check *c = user;
	struct udp_run *run = c->run;
	const struct config_check *cfg = c->cfg;
	enum check_outcome outcome;
	char answer[ANSWER_MAX];
	ssize_t len = recv(run->fd, answer, sizeof(answer), 0);
	const char *why;

	(void)events;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len < 0) {
		outcome = check_from_errno(errno, &why);
		check_finish(c, outcome, "%s", refused_words(outcome, why));
	} else if (!cfg->expect || check_contains(answer, (size_t)len, cfg->expect, cfg->expect_len)) {
		check_finish(c, CHECK_PASSED, "%s", "");
	} else {
		check_finish(
			c, CHECK_WRONG, "the answer of %zd octets does not contain what is expected", len);
	}
}

static void time_is_over(void *user)
{
	struct check *c = user;
	char limit[32];

	if (c->cfg->expect)
		check_finish(c, CHECK_TIMEOUT, "no answer within %s", check_timeout_text(c, limit));
	else
		check_finish(c, CHECK_PASSED, "%s", "");
}

/* 0 or an errno. */
static int ask(struct check *c, int *fd)
{
	int error;

	*fd = io_udp_connect(&c->target.addr, c->target.port, &c->target.source, c->target.mark);
	if (*fd < 0)
		return -*fd;
	if (send(*fd, c->cfg->send ? c->cfg->send : "", c->cfg->send_len, 0) >= 0)
		return 0;
	error = errno;
	close(*fd);
	return error;
}

static void start(struct check *c)
{
	enum check_outcome outcome;
	struct udp_run *run;
	const char *why;
	int fd, error = ask(c, &fd);

	if (error) {
		outcome = check_from_errno(error, &why);
		check_finish_later(c, outcome, "%s", refused_words(outcome, why));
		return;
	}
	c->run = run = mem_calloc(1, sizeof(*run));
	run->fd = fd;
	run->watch = io_watch_new(c->env->loop, fd, answered, c);
	io_watch_set(run->watch, IO_READ);
	run->timer = io_timer_new(c->env->loop, time_is_over, c);
	io_timer_set(run->timer, check_timeout_us(c));
}

const struct check_kind check_kind_udp = { start, stop };

/*
 * speaker: many BGP speakers in one process, as the benchmark's scripts say on standard input (script.c). Answers are JSON, a
 * line each.
 */
#include "speaker.h"

#include "base/mem.h"
#include "clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EVENTS_MOST = 256 };
#define KEEPALIVE_EVERY_NS UINT64_C(30000000000)

void speaker_watch(struct speaker *s, struct peer *p, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = p };

	/* HUP and ERR come unasked: watched is never 0 once a socket is known. */
	events |= EPOLLERR;
	if (p->watched == events)
		return;
	epoll_ctl(s->epoll_fd, p->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, p->fd, &e);
	p->watched = events;
}

static void each_peer(struct speaker *s, void (*what)(struct peer *p))
{
	for (struct group *g = s->groups; g; g = g->next) {
		for (uint32_t i = 0; i < g->count; i++)
			what(&g->peer[i]);
	}
}

static void retry(struct peer *p)
{
	if (p->retry_ns && p->retry_ns <= clock_ns())
		peer_connect(p);
}

/* An observer's hold time is short: its keepalives cannot wait for the others'. */
static void observe(struct peer *p)
{
	if (p->group->hold_time_s && p->group->hold_time_s < 30)
		peer_keepalive(p);
}

static uint64_t timers(struct speaker *s, uint64_t now_ns, uint64_t until_ns)
{
	enum { TICK_NS = 500000000 };

	if (now_ns >= s->keepalives_ns + KEEPALIVE_EVERY_NS) {
		each_peer(s, peer_keepalive);
		s->keepalives_ns = now_ns;
	}
	if (now_ns >= s->tick_ns + TICK_NS) {
		s->tick_ns = now_ns;
		each_peer(s, observe);
		if (s->retrying)
			each_peer(s, retry);
	}
	return s->tick_ns + TICK_NS < until_ns ? s->tick_ns + TICK_NS : until_ns;
}

void speaker_turn(struct speaker *s, uint64_t until_ns)
{
	struct epoll_event events[EVENTS_MOST];
	uint64_t now_ns = clock_ns(), due_ns = timers(s, now_ns, until_ns);
	uint64_t wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
	struct timespec wait = { (time_t)(wait_ns / 1000000000), (long)(wait_ns % 1000000000) };
	int n = epoll_pwait2(s->epoll_fd, events, EVENTS_MOST, &wait, NULL);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			peer_ready(events[i].data.ptr, events[i].events);
	}
}

int main(void)
{
	struct speaker s = { .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	struct epoll_event commands = { .events = EPOLLIN };
	struct rlimit files;
	int status;

	signal(SIGPIPE, SIG_IGN);
	/* Changes are paced in tens of microseconds. */
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	s.buffer = mem_alloc(SPEAKER_BUFFER + WIRE_MESSAGE_MAX);
	s.keepalives_ns = clock_ns();
	/* A script that is a file is always readable and not watched. */
	epoll_ctl(s.epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &commands);
	setvbuf(stdin, NULL, _IONBF, 0);
	status = script_run(&s, stdin);
	free(s.buffer);
	close(s.epoll_fd);
	return status;
}

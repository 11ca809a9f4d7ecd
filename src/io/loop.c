/*
 * The turn of the loop, over libevent's descriptors and signals.
 *
 * A turn: wait; read the clock; serve the descriptors that are ready; fire the timers that were due at the clock's
 * reading; run the jobs that were posted. Each phase is bounded, so none can starve another: input that never ends
 * does not keep a hold timer from firing, and a timer of delay zero that sets itself again lets input in between.
 *
 * Polling only puts watches into a queue of those that are ready, and they are served from its front until a share of
 * time is used up; the rest waits for the next turn, in front of what becomes ready meanwhile. So a thousand busy
 * sockets make many turns and not a long one. Until the queue is empty the kernel is not asked again for all that is
 * ready: it would tell of the same thousand in each turn. Urgent watches are looked at in each turn all the same, and have a queue, and a share, of their own: what a person
 * asks is answered within a turn, and cannot keep the others from theirs. A job that has much to do asks io_loop_share_used().
 *
 * Timers are kept here and not by libevent, whose priorities would let busy input hold them back for good: a binary
 * heap, and one timerfd for the earliest deadline. The timerfd is only moved when a deadline earlier than its own is
 * waited for, so pushing a timer forward (a hold timer with each message) is a few moves in memory and no system call,
 * at the price of waking up once for nothing. A timerfd has no slack: timers are on time when the daemon is idle.
 *
 * Invariant: before the wait either something is known to be waiting (then the wait returns at once), or the timerfd
 * is armed for the earliest deadline or before it.
 */
#include "io/loop.h"

#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	/* libevent asks the kernel for this many ready descriptors at first, and for twice as many after a full answer. */
	POLL_BATCH = 32,
	POLL_PASSES_MAX = 8,
	/* A timer that is this late was not held up by a turn's work: the process stood still. */
	STOOD_STILL_US = 100000,
	/* What the ready descriptors of either queue, or one job, may take of a turn: a whole turn stays well below the 100 ms
	 * that a keepalive or an answer may be late. */
	SHARE_US = 5000,
	LONG_TURN_US = 100000,
	LOG_RETRY_US = 200000,
	LOG_GO_ON_US = 5000, /* while somebody takes them */
	URGENT_LOOKS =
		64, /* urgent watches looked at by themselves; more are served as soon as all is polled again */
};

struct io_loop {
	struct event_base *base;
	struct event *timer_event;
	int timerfd;
	struct io_timer *log_retry; /* lines of the log that nobody took */
	uint64_t log_pause_us;
	uint64_t armed_us; /* what timerfd is set to; UINT64_MAX: not */
	uint64_t now_us;
	bool now_valid; /* now_us is this turn's time */
	bool stopping;
	unsigned polled;      /* events in the current pass */
	struct list ready[2]; /* watches to be served: ordinary ones, urgent ones */
	struct list urgent;   /* all urgent watches */
	uint64_t cpu_us;      /* at the end of the last turn */
	uint64_t share_us;    /* when the part of the turn in hand began */
	struct io_turn turn, longest;
	uint64_t long_turns;
	struct heap timers;
	struct list jobs;
};

struct io_timer {
	struct io_loop *loop;
	void (*fn)(void *user);
	void *user;
	struct heap_node node; /* by its deadline, in microseconds */
};

struct io_job {
	struct list link;
	struct io_loop *loop;
	void (*fn)(void *user);
	void *user;
};

struct io_watch {
	struct io_loop *loop;
	struct list link; /* while it is ready */
	struct list urgent_link;
	int fd;
	struct event *read_event, *write_event;
	unsigned events, ready;
	void (*fn)(void *user, unsigned events);
	void *user;
};

struct io_signal {
	struct io_loop *loop;
	struct event *event;
	void (*fn)(void *user);
	void *user;
};

static uint64_t read_clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t clock_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

/* Whichever callback comes first after the wait reads the clock for the whole turn. */
static void read_clock(struct io_loop *loop)
{
	if (loop->now_valid)
		return;
	loop->now_us = clock_us();
	loop->now_valid = true;
}

uint64_t io_loop_now_us(const struct io_loop *loop)
{
	return loop->now_valid ? loop->now_us : clock_us();
}

/* --- timers --- */

struct io_timer *io_timer_new(struct io_loop *loop, void (*fn)(void *user), void *user)
{
	struct io_timer *t = mem_calloc(1, sizeof(*t));

	t->loop = loop;
	t->fn = fn;
	t->user = user;
	return t;
}

void io_timer_free(struct io_timer *t)
{
	if (!t)
		return;
	io_timer_cancel(t);
	free(t);
}

void io_timer_set(struct io_timer *t, uint64_t delay_us)
{
	heap_set(&t->loop->timers, &t->node, io_loop_now_us(t->loop) + delay_us);
}

void io_timer_cancel(struct io_timer *t)
{
	heap_del(&t->loop->timers, &t->node);
}

bool io_timer_pending(const struct io_timer *t)
{
	return t->node.at != 0;
}

uint64_t io_timer_left_us(const struct io_timer *t)
{
	uint64_t now_us = io_loop_now_us(t->loop);

	return t->node.at && t->node.key > now_us ? t->node.key - now_us : 0;
}

/* The first, if it is due by then; or NULL. */
static struct heap_node *timer_due(const struct io_loop *loop, uint64_t now_us)
{
	struct heap_node *first = heap_first(&loop->timers);

	return first && first->key <= now_us ? first : NULL;
}

static void fire_timers(struct io_loop *loop)
{
	uint64_t end = loop->timers.seq;
	struct heap_node *first;

	while ((first = timer_due(loop, loop->now_us)) && first->seq < end) {
		struct io_timer *t = HEAP_ENTRY(first, struct io_timer, node);

		io_timer_cancel(t);
		t->fn(t->user);
	}
}

static void timerfd_ready(int fd, short what, void *user)
{
	struct io_loop *loop = user;
	uint64_t expirations;

	(void)what;
	read_clock(loop);
	if (read(fd, &expirations, sizeof(expirations)) > 0)
		loop->armed_us = UINT64_MAX;
}

static void arm_timerfd(struct io_loop *loop)
{
	const struct heap_node *first = heap_first(&loop->timers);
	uint64_t deadline_us;
	struct itimerspec when = { 0 };

	if (!first || first->key >= loop->armed_us)
		return;
	deadline_us = first->key;
	when.it_value.tv_sec = (time_t)(deadline_us / 1000000);
	when.it_value.tv_nsec = (long)(deadline_us % 1000000 * 1000);
	if (timerfd_settime(loop->timerfd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		loop->armed_us = deadline_us;
}

/* --- jobs --- */

struct io_job *io_job_new(struct io_loop *loop, void (*fn)(void *user), void *user)
{
	struct io_job *j = mem_calloc(1, sizeof(*j));

	j->loop = loop;
	j->fn = fn;
	j->user = user;
	return j;
}

void io_job_free(struct io_job *j)
{
	if (!j)
		return;
	list_del(&j->link);
	free(j);
}

void io_job_post(struct io_job *j)
{
	if (!list_linked(&j->link))
		list_add_tail(&j->loop->jobs, &j->link);
}

/* Runs what had been posted by now. A marker ends the round: what jobs post goes behind it. */
static void run_jobs(struct io_loop *loop)
{
	struct list marker = { 0 };

	list_add_tail(&loop->jobs, &marker);
	while (loop->jobs.next != &marker) {
		struct io_job *j = LIST_ENTRY(loop->jobs.next, struct io_job, link);

		list_del(&j->link);
		loop->share_us = clock_us();
		j->fn(j->user);
	}
	list_del(&marker);
}

/* --- descriptors --- */

static void set_ready(struct io_watch *w, unsigned events)
{
	w->ready |= events & w->events;
	if (w->ready && !list_linked(&w->link))
		list_add_tail(&w->loop->ready[list_linked(&w->urgent_link)], &w->link);
}

static void polled(struct io_watch *w, unsigned event)
{
	read_clock(w->loop);
	w->loop->polled++;
	set_ready(w, event);
}

static void read_ready(int fd, short what, void *user)
{
	(void)fd;
	(void)what;
	polled(user, IO_READ);
}

static void write_ready(int fd, short what, void *user)
{
	(void)fd;
	(void)what;
	polled(user, IO_WRITE);
}

static void look_at_urgent(struct io_loop *loop)
{
	struct io_watch *watch[URGENT_LOOKS];
	struct pollfd look[URGENT_LOOKS];
	nfds_t n = 0;

	LIST_FOREACH (l, &loop->urgent) {
		struct io_watch *w = LIST_ENTRY(l, struct io_watch, urgent_link);

		if (n == URGENT_LOOKS)
			break;
		if (!w->events)
			continue;
		look[n] = (struct pollfd){ .fd = w->fd };
		look[n].events |= w->events & IO_READ ? POLLIN : 0;
		look[n].events |= w->events & IO_WRITE ? POLLOUT : 0;
		watch[n++] = w;
	}
	if (n == 0 || poll(look, n, 0) <= 0)
		return;
	for (nfds_t i = 0; i < n; i++) {
		short what = look[i].revents;
		bool over = what & (POLLERR | POLLHUP);

		set_ready(watch[i],
			(what & POLLIN || over ? IO_READ : 0) | (what & POLLOUT || over ? IO_WRITE : 0));
	}
}

static void unready(struct io_watch *w, unsigned events)
{
	w->ready &= ~events;
	if (!w->ready)
		list_del(&w->link);
}

static bool any_ready(const struct io_loop *loop)
{
	return !list_empty(&loop->ready[false]) || !list_empty(&loop->ready[true]);
}

/* Serves what is ready now; no longer than a share of time when bounded. */
static void serve(struct io_loop *loop, struct list *ready, bool bounded)
{
	loop->share_us = clock_us();
	while (!list_empty(ready) && !(bounded && io_loop_share_used(loop))) {
		struct io_watch *w = LIST_ENTRY(ready->next, struct io_watch, link);
		unsigned event = w->ready & IO_READ ? IO_READ : IO_WRITE;

		unready(w, event);
		loop->turn.served++;
		w->fn(w->user, event);
	}
}

struct io_watch *io_watch_new(
	struct io_loop *loop, int fd, void (*fn)(void *user, unsigned events), void *user)
{
	struct io_watch *w = mem_calloc(1, sizeof(*w));

	w->loop = loop;
	w->fd = fd;
	w->fn = fn;
	w->user = user;
	w->read_event = event_new(loop->base, fd, EV_READ | EV_PERSIST, read_ready, w);
	w->write_event = event_new(loop->base, fd, EV_WRITE | EV_PERSIST, write_ready, w);
	return w;
}

void io_watch_free(struct io_watch *w)
{
	if (!w)
		return;
	list_del(&w->link);
	list_del(&w->urgent_link);
	event_free(w->read_event);
	event_free(w->write_event);
	free(w);
}

static void watch_one(struct event *e, bool before, bool after)
{
	if (before == after)
		return;
	if (after ? event_add(e, NULL) : event_del(e))
		log_error("cannot %s descriptor %d: %s", after ? "watch" : "stop watching",
			(int)event_get_fd(e), strerror(errno));
}

void io_watch_set(struct io_watch *w, unsigned events)
{
	watch_one(w->read_event, w->events & IO_READ, events & IO_READ);
	watch_one(w->write_event, w->events & IO_WRITE, events & IO_WRITE);
	w->events = events;
	unready(w, ~events);
}

void io_watch_set_urgent(struct io_watch *w)
{
	list_add_tail(&w->loop->urgent, &w->urgent_link);
}

/* --- signals --- */

static void signal_ready(int signo, short what, void *user)
{
	struct io_signal *s = user;

	(void)signo;
	(void)what;
	read_clock(s->loop);
	s->fn(s->user);
}

static void mask(int how, int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(how, &set, NULL);
}

struct io_signal *io_signal_new(struct io_loop *loop, int signo, void (*fn)(void *user), void *user)
{
	struct io_signal *s = mem_calloc(1, sizeof(*s));

	s->loop = loop;
	s->fn = fn;
	s->user = user;
	s->event = event_new(loop->base, signo, EV_SIGNAL | EV_PERSIST, signal_ready, s);
	if (event_add(s->event, NULL))
		log_error("cannot handle signal %d: %s", signo, strerror(errno));
	mask(SIG_UNBLOCK, signo);
	return s;
}

void io_signal_free(struct io_signal *s)
{
	if (!s)
		return;
	mask(SIG_BLOCK, (int)event_get_signal(s->event));
	event_free(s->event);
	free(s);
}

/* --- the loop --- */

static void retry_log(void *user)
{
	struct io_loop *loop = user;

	loop->log_pause_us = log_flush() ? LOG_GO_ON_US : LOG_RETRY_US;
}

struct io_loop *io_loop_new(void)
{
	struct io_loop *loop = mem_calloc(1, sizeof(*loop));
	struct event_config *cfg = event_config_new();

	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	loop->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	loop->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (!loop->base || loop->timerfd < 0) {
		log_error("cannot make an event loop: %s; is the limit of open files used up?",
			strerror(errno));
		abort();
	}
	loop->armed_us = UINT64_MAX;
	list_init(&loop->jobs);
	list_init(&loop->ready[false]);
	list_init(&loop->ready[true]);
	list_init(&loop->urgent);
	loop->timer_event = event_new(loop->base, loop->timerfd, EV_READ | EV_PERSIST, timerfd_ready, loop);
	event_add(loop->timer_event, NULL);
	loop->log_pause_us = LOG_RETRY_US;
	loop->log_retry = io_timer_new(loop, retry_log, loop);
	return loop;
}

void io_loop_free(struct io_loop *loop)
{
	if (!loop)
		return;
	io_timer_free(loop->log_retry);
	event_free(loop->timer_event);
	close(loop->timerfd);
	event_base_free(loop->base);
	heap_fini(&loop->timers);
	free(loop);
}

static void poll_once(struct io_loop *loop, bool wait)
{
	loop->polled = 0;
	event_base_loop(loop->base, EVLOOP_ONCE | (wait ? 0 : EVLOOP_NONBLOCK));
}

/*
 * After the process stood still, timers are overdue although the input that would have moved them is waiting: then all
 * is served. One pass may not have found all of it: passes go on while they come back full.
 */
static void serve_descriptors(struct io_loop *loop)
{
	bool stood_still = timer_due(loop, loop->now_us - STOOD_STILL_US);

	serve(loop, &loop->ready[true], true);
	serve(loop, &loop->ready[false], !stood_still);
	for (int pass = 1; pass < POLL_PASSES_MAX && loop->polled + 2 >= POLL_BATCH &&
			   timer_due(loop, loop->now_us - STOOD_STILL_US);
		pass++) {
		poll_once(loop, false);
		serve(loop, &loop->ready[false], false);
	}
}

bool io_loop_share_used(const struct io_loop *loop)
{
	return clock_us() - loop->share_us >= SHARE_US;
}

/* --- how long turns take --- */

static void end_of_turn(struct io_loop *loop, uint64_t served_us, uint64_t fired_us)
{
	struct io_turn *t = &loop->turn;
	uint64_t end_us = clock_us(), cpu_us = read_clock_us(CLOCK_THREAD_CPUTIME_ID);

	t->at_us = loop->now_us;
	t->us = end_us - loop->now_us;
	t->cpu_us = cpu_us - loop->cpu_us;
	loop->cpu_us = cpu_us;
	t->descriptors_us = served_us - loop->now_us;
	t->timers_us = fired_us - served_us;
	t->jobs_us = end_us - fired_us;
	loop->long_turns += t->us > LONG_TURN_US;
	if (t->us > loop->longest.us)
		loop->longest = *t;
}

const struct io_turn *io_loop_longest_turn(const struct io_loop *loop)
{
	return &loop->longest;
}

uint64_t io_loop_long_turns(const struct io_loop *loop)
{
	return loop->long_turns;
}

static void turn(struct io_loop *loop)
{
	bool wait = list_empty(&loop->jobs) && !any_ready(loop) && !timer_due(loop, io_loop_now_us(loop));
	uint64_t served_us, fired_us;

	if (wait)
		arm_timerfd(loop);
	loop->now_valid = false;
	loop->turn = (struct io_turn){ 0 };
	if (list_empty(&loop->ready[false]))
		poll_once(loop, wait);
	else
		look_at_urgent(loop);
	read_clock(loop);
	serve_descriptors(loop);
	served_us = clock_us();
	fire_timers(loop);
	fired_us = clock_us();
	run_jobs(loop);
	if (log_waiting() && !io_timer_pending(loop->log_retry))
		io_timer_set(loop->log_retry, loop->log_pause_us);
	end_of_turn(loop, served_us, fired_us);
}

void io_loop_run(struct io_loop *loop)
{
	while (!loop->stopping)
		turn(loop);
	loop->stopping = false;
	loop->now_valid = false;
}

void io_loop_stop(struct io_loop *loop)
{
	loop->stopping = true;
}

/*
 * The event loop, its timers and its jobs.
 *
 * One per program, one thread. The only user of libevent: nobody else sees it. Time is monotonic, in microseconds, and
 * is read once per turn of the loop, after the wait (io_loop_now_us), so that all that one turn does carries one time.
 *
 * A job is work to be done at the end of the current turn, after all sockets that were ready have been served: the
 * engine collects what came in and works once. A job that reposts itself runs again in the next turn, after new input
 * was looked at; that is how long work is cut in slices. Input that is ready is read before timers that are due are
 * fired (a daemon that was stopped reads what is waiting before it judges a timer).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct io_loop;

struct io_loop *io_loop_new(void);
void io_loop_free(struct io_loop *loop);
/* Runs until io_loop_stop(). */
void io_loop_run(struct io_loop *loop);
void io_loop_stop(struct io_loop *loop);
uint64_t io_loop_now_us(const struct io_loop *loop);
/* For what can go on in a later turn: true when the job in hand has used up its share of this one. Reads the clock. */
bool io_loop_share_used(const struct io_loop *loop);

/* One turn, from the end of its wait on. */
struct io_turn {
	uint64_t at_us, us;
	uint64_t cpu_us;			     /* much less than us: the machine had no time for us */
	uint64_t descriptors_us, timers_us, jobs_us; /* what of it went where */
	unsigned served;			     /* calls for descriptors */
};

/* The longest turn yet, and how many took more than 100 ms. */
const struct io_turn *io_loop_longest_turn(const struct io_loop *loop);
uint64_t io_loop_long_turns(const struct io_loop *loop);

/* --- timers: one-shot, owned by the caller's object through a pointer --- */
struct io_timer;

struct io_timer *io_timer_new(struct io_loop *loop, void (*fn)(void *user), void *user);
/* NULL is ignored, as in all _free functions. */
void io_timer_free(struct io_timer *t);
/* (Re)starts it. */
void io_timer_set(struct io_timer *t, uint64_t delay_us);
void io_timer_cancel(struct io_timer *t);
bool io_timer_pending(const struct io_timer *t);
/* Time until it fires; 0 when not pending or due. */
uint64_t io_timer_left_us(const struct io_timer *t);

/* --- jobs --- */
struct io_job;

struct io_job *io_job_new(struct io_loop *loop, void (*fn)(void *user), void *user);
void io_job_free(struct io_job *j);
/* Posting a posted job does nothing. A job may be posted from any callback of the loop's own thread. */
void io_job_post(struct io_job *j);

/* --- descriptors --- */
enum io_events { IO_READ = 1, IO_WRITE = 2 };

struct io_watch;

/* Does not own fd; free the watch before closing it. fn is called with what is ready, reading and writing one after the
 * other in calls of their own; errors and hang-ups are reported as what was asked for. */
struct io_watch *io_watch_new(
	struct io_loop *loop, int fd, void (*fn)(void *user, unsigned events), void *user);
void io_watch_free(struct io_watch *w);
/* What to wait for from now on, a mask of enum io_events; 0: nothing. Cheap when unchanged. */
void io_watch_set(struct io_watch *w, unsigned events);
/* From now on it is served in each turn before those that are not urgent: for what somebody waits for. */
void io_watch_set_urgent(struct io_watch *w);

/* --- signals --- */
struct io_signal;

/* fn is called from the loop. The signal may have been blocked until now, and one that waits is then delivered; after
 * io_signal_free() it is blocked again, so that a second one does not cut off the process's end. */
struct io_signal *io_signal_new(struct io_loop *loop, int signo, void (*fn)(void *user), void *user);
void io_signal_free(struct io_signal *s);

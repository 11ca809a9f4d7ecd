/*
 * A thread that carries out jobs which would hold the loop: the kernel's netlink answers, the resolver's.
 *
 * A job is any structure that begins with a struct io_work. It belongs to the worker from io_worker_submit() until its
 * done function is called, in the loop's thread and in the order of submission. run is called in the worker's thread and
 * must touch nothing but the job and what the program gave to this worker alone. The only user of threads besides
 * kernel/.
 */
#pragma once

#include "io/loop.h"

#include <stdbool.h>

struct io_worker;

struct io_work {
	struct io_work *next;
	void (*run)(struct io_work *w);	 /* in the worker's thread */
	void (*done)(struct io_work *w); /* in the loop's thread; the job is the caller's again */
};

/* name: shown by ps(1) as the thread's, at most 15 octets. NULL when no thread can be made (logged). */
struct io_worker *io_worker_new(struct io_loop *loop, const char *name);
/* Waits for the job under way, and calls drop (may be NULL) for it and all that were not begun or not given back; done is not
 * called any more. */
void io_worker_free(struct io_worker *w, void (*drop)(struct io_work *w));
void io_worker_submit(struct io_worker *w, struct io_work *work);
/* Waits at most timeout_ms for a job to come back and calls its done: for a program that ends and whose loop does not run any
 * more. False when none came. */
bool io_worker_wait(struct io_worker *w, unsigned timeout_ms);

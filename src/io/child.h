/*
 * A command run beside the loop: started without a shell, with a time limit, its end told in one call.
 *
 * The child leads a process group of its own, has /dev/null as its input, and its output is kept up to a limit. At its time
 * limit the whole group is killed, and so is what a child leaves behind when it ends. No signal handler and no wait() for
 * anybody else's children: a pidfd tells the end. The program must not ignore SIGCHLD. The loop is held until the program was
 * loaded, so it should lie on a local disk.
 */
#pragma once

#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io_child;

struct io_child_result {
	bool started;	    /* false: why says what the kernel said of the program */
	bool timed_out;	    /* and was killed */
	int status;	    /* exit status, or 128 + the signal that ended it; 127: not started */
	const char *output; /* both of its outputs together, NUL-terminated, cut at keep octets */
	const char *why;    /* in words, "" when it exited with 0 */
	uint64_t duration_us;
};

/* argv ends with NULL, argv[0] is an absolute path; environment: "NAME=value" added to our own, ends with NULL, or NULL. done
 * is called exactly once, in a later turn, unless io_child_kill() comes first; the child is gone when it returns. */
struct io_child *io_child_start(struct io_loop *loop, const char *const *argv, const char *const *environment,
	uint64_t timeout_us, size_t keep, void (*done)(void *user, const struct io_child_result *r),
	void *user);
/* Kills the group and forgets it. NULL is ignored. */
void io_child_kill(struct io_child *c);

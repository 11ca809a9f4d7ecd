/*
 * For the tests of kernel/ against a real kernel: a network namespace of the program's own, a FIB in its loop, and what the kernel has, read
 * with ip(8).
 *
 *	lo            up
 *	a0 == a1      192.168.1.1/24  2001:db8:1::1/64    next hops 192.168.1.2 .. and 2001:db8:1::2 ..
 *	b0 == b1      192.168.2.1/24  2001:db8:2::1/64
 */
#pragma once

#include "io/loop.h"
#include "kernel/fib.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ID_BASE = 70000, ID_COUNT = 1000, WAIT_MS = 5000, POLL_US = 2000 };

struct lab {
	struct io_loop *loop;
	struct fib *fib;
	struct io_timer *timer;
	bool (*until)(struct lab *lab);
	unsigned polls;
	bool reached;
	const char *prefix, *state; /* for until */
};

/* False, which is told, where this needs root or ip(8): the program then ends with 77. */
bool lab_is_possible(void);
struct fib_config config(void);
/* Output of a command, to be freed. */
char *output(const char *command);
/* ip(8) must do it. */
void ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
size_t count(const char *text, const char *what);
/* How often a command's output has the text. */
size_t count_in(const char *command, const char *what);
/* A command's output must have the text. */
void expect(const char *command, const char *what);
/* The id after "nhid " in the route's line; 0 when there is none. */
unsigned group_id(const char *prefix);
/* Turns the loop until fn says so; false when that takes too long. */
bool wait_until(struct lab *lab, bool (*fn)(struct lab *lab));
/* A FIB in a loop of its own. */
struct lab *lab_new(const struct fib_config *cfg);
void lab_free(struct lab *lab);
/* A number of fib_status(). */
int64_t status(const struct lab *lab, const char *key);
/* For wait_until(): nothing is under way. */
bool is_idle(struct lab *lab);
/* The row of a route, to be freed; NULL: there is none. */
struct row *row_of(const struct lab *lab, const char *prefix);
/* state NULL: no such route. */
void wait_state(struct lab *lab, const char *prefix, const char *state);
/* next_hops: "ADDR[*WEIGHT] ..."; NULL: no route. */
void wish(struct lab *lab, const char *prefix, const char *next_hops);
/* Until the kernel has all that is wished. */
void settle(struct lab *lab);
/* Until it does not say so any more. */
void wait_gone(struct lab *lab, const char *prefix, const char *text);
/* Until `ip route show` says so. */
void wait_kernel(struct lab *lab, const char *prefix, const char *text);
/* Next-hop objects of ours. */
size_t objects(void);
/* For cmocka: the network above. */
int make_namespace(void **state);

/*
 * The addresses of a name, found by the C library in a worker's thread, since it blocks.
 *
 * What may wait for an answer and knows no better than to take one of the addresses. (A list of servers by name asks more
 * closely: agent/source_dns.c.)
 */
#pragma once

#include "base/prefix.h"
#include "io/worker.h"

#include <stdbool.h>
#include <stddef.h>

struct io_resolve; /* a question under way */

/* Called once, in the loop's thread. count 0: there is none, and why says why. list is valid during the call. */
typedef void io_resolve_fn(void *user, const struct ip_addr *list, size_t count, const char *why);

/* In the order of the C library, each address once. */
struct io_resolve *io_resolve_start(struct io_worker *w, const char *name, io_resolve_fn *done, void *user);
/* done is not called any more. NULL is ignored. */
void io_resolve_cancel(struct io_resolve *q);
/* For io_worker_free(): frees a question of ours; false: it is none. */
bool io_resolve_drop(struct io_work *w);

/*
 * The kernel's routing table as we want it: routes of our protocol, table and metric, over next-hop groups.
 *
 * The program says for each prefix which next hops it wants (fib_set) and the FIB makes the kernel so. fib_set and
 * fib_del only note the wish; fib_commit() plans the operations for all wishes since the last commit (plan.h, pure) and
 * hands them to the executor, a thread of its own with a netlink socket (the kernel holds its caller for as long as
 * it works), whose results come back through the loop. A wish for a prefix whose last operation is still under way is
 * planned when it has come back: so a slow kernel merges changes instead of queueing them.
 */
#pragma once

#include "base/prefix.h"
#include "base/row.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIB_NEXT_HOPS_MAX = 256 };

struct fib_next_hop {
	struct ip_addr addr; /* of either family: IPv4 routes may have IPv6 next hops */
	uint16_t weight;     /* 1..255 */
};

struct fib_config {
	uint32_t table;				      /* 254: main */
	uint32_t metric;			      /* 20 */
	uint8_t protocol;			      /* 186: bgp */
	uint32_t next_hop_id_base, next_hop_id_count; /* the range of next-hop object ids that are ours */
	bool remove_on_exit;
};

struct fib;

/* Opens netlink and finds out what the kernel can do. NULL with a reason in err that says what to do. */
struct fib *fib_new(struct io_loop *loop, const struct fib_config *cfg, char *err, size_t err_size);
/* Finishes what is under way (bounded: 5 s), then removes or leaves all that is ours. */
void fib_free(struct fib *f);

/* nh: count >= 1, each address once, any order. Copied. */
void fib_set(struct fib *f, const struct prefix *p, const struct fib_next_hop *nh, size_t count);
void fib_del(struct fib *f, const struct prefix *p);
void fib_commit(struct fib *f);

/* For "show fib": a row per route after *at (NULL: from the first); returns the row or NULL at the end, and sets *at.
 * {"prefix","next-hops":[{"address","interface","weight"}],"group-id","state":"installed|pending|failed","error"} */
struct row *fib_row(const struct fib *f, struct prefix *at, bool first);
/* {"routes","groups","next-hops","pending","failed","kernel":"next-hop objects|classic multipath","operations",...} */
struct row *fib_status(const struct fib *f);

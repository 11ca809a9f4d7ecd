/*
 * A set of prefixes in the order of a routing table, for listings that stop and go on.
 *
 * The prefixes stay inside the caller's objects; the set holds pointers, and beside each a key of eight octets, in blocks of
 * some hundred, each block's first copied into an index. Adding or deleting one is a search by keys in the index and one in
 * a block, and does not wait for the memory of other prefixes. A listing names the prefix it came to, which may be
 * gone by then, and asks for the one after it.
 */
#pragma once

#include "base/prefix.h"

#include <stddef.h>

struct order {
	struct order_block *block; /* sorted; all non-empty */
	size_t count, size;	   /* blocks in use, and allocated */
};

/* An all-zero set is valid and empty. Does not touch the prefixes. */
void order_fini(struct order *o);
/* p must not be in the set, and must stay where it is and what it is until order_del. */
void order_add(struct order *o, const struct prefix *p);
/* Deletes the prefix equal to p, which must be in the set. */
void order_del(struct order *o, const struct prefix *p);
/* The least prefix greater than after, or (after NULL) the least of all; NULL at the end. */
const struct prefix *order_next(const struct order *o, const struct prefix *after);

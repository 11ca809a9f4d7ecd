/*
 * The seed of the kernel's hash over flows, which chooses among next hops.
 *
 * A router and a node that hash alike undo each other: the router sends a node only flows of one part of the hash, and the
 * node, by the same hash, all of these to one of its pods. Kernels that were left alone hash differently, each with a
 * random number of its own; those that share a kernel (containers as routers, nodes in network namespaces), or were given
 * one seed by an operator, do not. Linux 6.11 or newer has the setting, one for each network namespace and for both families.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NODE_SEED_KEY "net.ipv4.fib_multipath_hash_seed"

/* Where the seed is 0 and it is to be our own: sets a random one; logs what came of it. */
void node_seed_see_to(bool own);
/* "own", "the kernel's" or "not there", for show status. */
const char *node_seed_state(void);

/*
 * By which hash of a packet the node's kernel chooses among pods: one of its own.
 *
 * A router and a node that hash alike undo each other: the router sends a node only flows of one part of the hash, and the
 * node, by the same hash, all of these to one of its pods. Two things make them alike. Kernels hash with a random number
 * each; but those that share a kernel (network namespaces, containers as routers), or were given one seed, have the
 * same. And with policy 1 the kernel does not hash at all where a packet comes with a hash already, from the network card
 * (alike on cards with the same key) or, within one kernel, from the socket that sent it: no seed has a part in that.
 *
 * So the node hashes by chosen fields (policy 3: addresses, protocol, ports), which never takes a hash that is there, with a
 * seed of its own. Where somebody has chosen otherwise (policy 2 or 3, a seed that is not 0) that stays. The seed, one for
 * each network namespace and for both families, is in Linux 6.11 and newer; the fields in 5.14 and newer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NODE_HASH_SEED "net.ipv4.fib_multipath_hash_seed"

enum {
	NODE_HASH_POLICY = 3,
	NODE_HASH_FIELDS = 0x37, /* source, destination, protocol, both ports */
	NODE_HASH_WISHES_MAX = 5,
};

/* A setting that is not as it should be. */
struct node_hash_wish {
	const char *key;
	long value, wanted;
};

/* What is to be set for that, in order; their number. read: as kernel_sysctl_read(); seed: a random number, not 0. */
size_t node_hash_wishes(bool ipv4, bool ipv6, bool (*read)(const char *key, long *out), long seed,
	struct node_hash_wish out[NODE_HASH_WISHES_MAX]);
/* Sets it; says what cannot be set, and what to do. */
void node_hash_see_to(bool ipv4, bool ipv6);
/* Of the seed: "own", "the kernel's" or "not there", for show status. */
const char *node_hash_seed_state(void);

/*
 * A model of the table that the kernel's scheduler mh builds: pure.
 *
 * The kernel keeps one table of `size` slots per service, a prime, and rebuilds it whenever a destination is added, deleted or
 * changed. Each destination walks the slots in an order of its own: from offset, by steps of skip, both hashes of its
 * address and port. In rounds, newest destination first, each takes the next free slots on its way, as many in a row as its
 * weight is a multiple of the greatest common divisor of all weights (shifted right so far that the largest fits). The
 * weight that counts is the last one that was not zero: a destination that is drained keeps its slots. So the table follows from
 * the destinations, these weights and the *order of the list*, and from nothing else: two load balancers with the same
 * three have the same table.
 *
 * As on 64-bit kernels; 32-bit ones use another hash. Connection thresholds, which take a destination out for a while,
 * are not in the table.
 */
#pragma once

#include "base/prefix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipvs_mh_dest {
	struct ip_addr addr;
	uint16_t port;
	int32_t weight; /* the last that was not zero */
};

struct ipvs_mh_table {
	unsigned size;
	int32_t *slot;	    /* a place in the list of destinations, or -1 where there is none */
	uint64_t *identity; /* who that is, the same on every machine; 0: none */
};

/* Whether a kernel can have been built with this many slots. */
bool ipvs_mh_size_valid(unsigned size);

/* The table of a service of this family; dest oldest first. NULL when the kernel builds none: more destinations than slots, or no
 * such size. */
struct ipvs_mh_table *ipvs_mh_table_new(
	unsigned size, uint8_t family, const struct ipvs_mh_dest *dest, size_t count);
void ipvs_mh_table_free(struct ipvs_mh_table *t);
/* A hash of which server has which slot, never 0: equal on all load balancers with equal tables. */
uint64_t ipvs_mh_fingerprint(const struct ipvs_mh_table *t);
/* The share, 0..1, of slots that belong to another server in b than in a. 1 when either is NULL, 0 when both are. */
double ipvs_mh_difference(const struct ipvs_mh_table *a, const struct ipvs_mh_table *b);

/* The slot where the kernel looks a client up. port: the client's with mh-port, else 0. */
unsigned ipvs_mh_slot(unsigned size, uint8_t family, const struct ip_addr *client, uint16_t port);

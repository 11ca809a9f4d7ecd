/*
 * The routes of one peer that were refused last, each with the reason: a bounded memory.
 *
 * What is refused is not in the table, so this is all that can be told of it. A route refused again becomes the newest;
 * beyond the bound the oldest goes and is counted. Made when the first one is refused, so a peer that sends nothing wrong has
 * none. It does not learn that a route is taken later: who shows it looks whether the table has the path.
 */
#pragma once

#include "bgp/update.h"
#include "route/peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route_reject_entry {
	struct bgp_nlri nlri; /* with the peer's path identifier */
	struct ip_addr next_hop;
	enum route_reject why;
	uint64_t at_s;	 /* engine time */
	uint64_t number; /* counts up: the newer the larger */
};

struct route_rejects;

struct route_rejects *route_rejects_new(size_t max);
void route_rejects_free(struct route_rejects *r);
/* Fewer: the oldest go. 0: all. */
void route_rejects_set_max(struct route_rejects *r, size_t max);
/* e->number is set here. */
void route_rejects_add(struct route_rejects *r, const struct route_reject_entry *e);
/* The peer has withdrawn it. */
void route_rejects_del(struct route_rejects *r, const struct bgp_nlri *n);
/* All of a family whose number is not above. */
void route_rejects_del_until(struct route_rejects *r, uint8_t ip_family, uint64_t number);
/* The newest number; 0: none was added yet. */
uint64_t route_rejects_last(const struct route_rejects *r);
size_t route_rejects_count(const struct route_rejects *r);
/* How many had to go for newer ones. */
uint64_t route_rejects_dropped(const struct route_rejects *r);
size_t route_rejects_octets(const struct route_rejects *r);
/* Up to max of them whose number is below that, newest first. Returns how many. */
size_t route_rejects_get(
	const struct route_rejects *r, uint64_t below, struct route_reject_entry *out, size_t max);

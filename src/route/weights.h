/*
 * Weights: from the load balancers behind a prefix to next hops and their shares, by link bandwidth
 * (draft-ietf-idr-link-bandwidth, octets per second).
 *
 * A load balancer is an (originator, next hop): two pods on one node are two of them behind one next hop, and add up; one
 * pod heard through two reflectors is one of them, and if the two disagree the smaller bandwidth counts. The rules:
 *
 *   1. nobody says a bandwidth: each weighs 1
 *   2. weight = bandwidth / unit, at least 1. The unit is the configured one, doubled while a weight would pass 255; or
 *      the smallest power of two that keeps the largest at or under 255. The latter is changed only when forced: when
 *      the largest would pass 255, or has fallen so low that a change of 10 % would not show. Weights by an automatic
 *      unit are divided by what they have in common: equal ones are 1
 *   3. who says nothing weighs what the median of the others does
 *   4. who drains (bandwidth 0) weighs 1, and the others are scaled together so that the smallest is at least 50,
 *      as far as the largest stays at or under 255: their proportions hold in a drain too
 *   5. all drain: they stay, each weighs 1
 *   6. a bandwidth counts as changed when it differs from the one in effect by 10 % or more, and such changes take
 *      effect at most once a second; a drain at once, and so does who comes or goes
 *
 * Invariant: what is in effect (held) names the load balancers of the last update, sorted. Pure: time is an argument.
 */
#pragma once

#include "base/prefix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ROUTE_WEIGHT_MAX = 255,
	ROUTE_WEIGHT_BESIDE_DRAIN = 50,
	ROUTE_WEIGHT_INTERVAL_MS = 1000,
};

/* The bandwidth of who says none. */
#define ROUTE_BANDWIDTH_NONE (-1.0f)

struct route_balancer {
	struct ip_addr next_hop;
	uint32_t originator_id;
	float bandwidth; /* octets/s, finite; 0: drains; ROUTE_BANDWIDTH_NONE */
};

struct route_next_hop {
	struct ip_addr addr;
	uint16_t weight; /* 1..ROUTE_WEIGHT_MAX */
};

/* One prefix's share of memory: what is in effect. Starts all zero, ends with route_weights_fini(). */
struct route_weights {
	double unit; /* octets/s, chosen; 0: not yet */
	uint64_t moved_ms;
	struct route_balancer *held;
	size_t count;
};

void route_weights_fini(struct route_weights *w);

/* Sorts the list by next hop and originator and makes one of what was heard twice; returns how many are left. */
size_t route_balancers_merge(struct route_balancer *list, size_t count);
/* Does any of them say a bandwidth? */
bool route_balancers_weighted(const struct route_balancer *list, size_t count);

/* Takes a merged list over into what is in effect. Returns 0, or the time in
 * ms after which to ask again because a change has to wait. */
uint64_t route_weights_update(
	struct route_weights *w, const struct route_balancer *list, size_t count, uint64_t now_ms);
/* Next hops of what is in effect, sorted by address. unit: the configured one, 0: to be chosen. At most max of them (the lowest addresses where there are
 * more); returns how many. */
size_t route_weights_next_hops(struct route_weights *w, double unit, struct route_next_hop *out, size_t max);
/* The same of a merged list in which nobody says a bandwidth: rule 1, without state. */
size_t route_balancers_next_hops(
	const struct route_balancer *list, size_t count, struct route_next_hop *out, size_t max);

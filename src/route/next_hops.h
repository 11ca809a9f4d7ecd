/*
 * From the equal-cost set to what a router's kernel needs: next hops with weights.
 *
 * Load balancers are told apart by (originator, next hop): two pods on one node are two of them behind one next hop, so
 * it weighs 2; one pod heard through two reflectors is one, so it weighs 1. Pure.
 */
#pragma once

#include "route/decide.h"
#include "route/rib.h"

#include <stddef.h>
#include <stdint.h>

struct route_next_hop {
	struct ip_addr addr;
	uint16_t weight; /* load balancers behind it, at most 255 */
};

/* Decides the entry and fills out, sorted by address, with at most max next hops (the lowest addresses where there are
 * more); returns how many. 0: the prefix has no path. */
size_t route_next_hops(struct route_decide *d, struct route_entry *e, struct route_next_hop *out, size_t max);

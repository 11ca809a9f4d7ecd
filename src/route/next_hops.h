/* The load balancers behind a prefix: the equal-cost set as weights.h wants it. Pure. */
#pragma once

#include "route/decide.h"
#include "route/rib.h"
#include "route/weights.h"

#include <stddef.h>

/* Room, reused between prefixes; starts all zero, ends with route_balancers_fini(). */
struct route_balancers {
	struct route_balancer *item;
	size_t count, size;
};

void route_balancers_fini(struct route_balancers *b);

/* Decides the entry and fills b with its equal-cost paths, one each, not merged. Returns false when the prefix has no
 * path. *bad (may be NULL): a path among them whose link bandwidth is none, or NULL. */
bool route_balancers_of(struct route_decide *d, struct route_entry *e, struct route_balancers *b,
	const struct route_path **bad);

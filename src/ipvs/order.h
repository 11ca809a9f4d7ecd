/*
 * The order of a service's destinations in the kernel's list: pure.
 *
 * The schedulers that hash (mh, sh, dh) fill their tables in the order of the list, so load balancers that shall agree need
 * the same order: that of ipvs_dest_cmp. IPVS adds at one end only, and no operation moves. So the order of insertion shall
 * be canonical, and a destination gets to its place by being deleted and added again, and all that belong behind it after
 * it. What may stay is the longest beginning of the canonical order that lies in the list in ascending order already.
 */
#pragma once

#include "ipvs/plan.h"

#include <stdbool.h>
#include <stddef.h>

enum { IPVS_NO_PLACE = -1 };

/* Whether the list's order matters to this scheduler. */
bool ipvs_order_matters(const char *scheduler);
/* place[i]: where the i-th in canonical order was inserted (ascending, gaps do not matter), or IPVS_NO_PLACE when it is new. How many from the
 * beginning stay; those behind are new or have to be moved. */
size_t ipvs_order_keep(const int32_t *place, size_t count);
/* Whether those behind keep that are not new may be moved now. */
bool ipvs_order_may_move(const struct ipvs_plan_input *in, const int32_t *place, size_t keep);

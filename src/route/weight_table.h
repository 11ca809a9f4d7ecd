/*
 * The weights in effect of all prefixes that carry link bandwidth, and which of them wait for their second.
 *
 * A prefix without link bandwidth takes no memory here. Beside the FIB's reader of the change list: one owner, who gives
 * each changed prefix's load balancers and takes next hops, and asks for those that are due again.
 */
#pragma once

#include "route/weights.h"

struct route_weight_table;

struct route_weight_table *route_weight_table_new(void);
void route_weight_table_free(struct route_weight_table *t);
size_t route_weight_table_count(const struct route_weight_table *t);
size_t route_weight_table_bytes(const struct route_weight_table *t);

/* The next hops of a prefix by its load balancers, which are merged in place: as route_weights_next_hops(). unit: octets/s
 * for a weight of 1; 0: chosen for the prefix. None: the prefix is forgotten. */
size_t route_weight_table_next_hops(struct route_weight_table *t, const struct prefix *p, double unit,
	struct route_balancer *list, size_t count, uint64_t now_ms, struct route_next_hop *out, size_t max);
/* A prefix whose change has waited long enough: ask for its next hops now. False when there is none; *wait_ms is then the
 * time to the next, UINT64_MAX when nothing waits. A change waits at most a second. */
bool route_weight_table_due(
	struct route_weight_table *t, uint64_t now_ms, struct prefix *p, uint64_t *wait_ms);

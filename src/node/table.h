/*
 * Who takes the node's packets for which service, and what follows for the routes. Pure: time is an argument.
 *
 * A member says that a pod takes packets for a prefix. Any number of members may name one pod (an announcer that goes and the
 * one that comes, for a moment): it is one next hop, with the smaller capacity, until the last of them is gone. The
 * next hops of a prefix are
 *
 *	the pods that announce or drain, weighted by capacity as the router does it (route/weights.h: one that drains has the
 *	lowest weight, unless all do);
 *	where there is none, those that have withdrawn: packets on their way are still taken, but somebody else, who
 *	does announce, has all of them at once.
 *
 * What an earlier run of the program left in the kernel is told to node_table_found(), and is held: until each of those pods
 * is named by a member, or node_table_forget() ends the waiting, they keep the weights they were found with, so that a
 * restart moves no flow. A pod that was named in that time and is gone again is out of it at once.
 *
 * Whatever may change the next hops of a prefix puts it into the list that node_table_changed() takes from.
 */
#pragma once

#include "base/list.h"
#include "base/prefix.h"
#include "kernel/next_hop.h"
#include "node/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node_table;
struct node_service;

struct node_member {
	/* The owner's. */
	struct list owned;
	void *owner;
	uint64_t since_ms;
	char *problem; /* why it does not work; NULL: it does, as far as is known */
	bool works;    /* in this state it was seen to */
	/* The table's, to be read. */
	struct list link;
	struct node_service *service;
	struct ip_addr pod;
	enum node_state state;
	uint64_t capacity_bit_s;
};

struct node_table *node_table_new(void);
/* Frees its members too. */
void node_table_free(struct node_table *t);

/* A new member, withdrawn until it is set. */
struct node_member *node_table_add(
	struct node_table *t, const struct prefix *prefix, const struct ip_addr *pod, void *owner);
void node_table_set(
	struct node_table *t, struct node_member *m, enum node_state state, uint64_t capacity_bit_s);
void node_table_del(struct node_table *t, struct node_member *m);
const struct prefix *node_member_prefix(const struct node_member *m);
/* Whether packets may be sent to a pod has changed. */
void node_table_touch(struct node_table *t, const struct ip_addr *pod);

/* nh: at least one. */
void node_table_found(
	struct node_table *t, const struct prefix *prefix, const struct fib_next_hop *nh, size_t count);
/* What was found and nobody has named goes; returns how many next hops. */
size_t node_table_forget(struct node_table *t);

/* A prefix whose next hops may be others now, each once; false when there is none. */
bool node_table_changed(struct node_table *t, struct prefix *out);
/* A weight that had to wait (route/weights.h); *wait_ms: until the next, UINT64_MAX when nothing waits. */
bool node_table_due(struct node_table *t, uint64_t now_ms, struct prefix *out, uint64_t *wait_ms);
/* usable: packets may be sent to that pod. Returns the number of next hops, at most FIB_NEXT_HOPS_MAX. */
size_t node_table_next_hops(struct node_table *t, const struct prefix *prefix,
	bool (*usable)(void *user, const struct ip_addr *pod), void *user, uint64_t now_ms,
	struct fib_next_hop *out);

/* --- to be shown --- */

/* In the order of their first registration; NULL: from the first, and at the end. */
struct node_service *node_table_next(const struct node_table *t, const struct node_service *after);
const struct prefix *node_service_prefix(const struct node_service *s);
struct node_member *node_service_next(const struct node_service *s, const struct node_member *after);
/* The weight a pod has in the route, as node_table_next_hops() said last; 0: it has no part in it. */
uint16_t node_service_weight(const struct node_service *s, const struct ip_addr *pod);
/* The i-th next hop that was found and that nobody has named; false at the end. */
bool node_service_unclaimed(const struct node_service *s, size_t i, struct fib_next_hop *out);

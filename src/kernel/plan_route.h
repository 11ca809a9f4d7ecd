/*
 * The plan's routes: some hundred thousand small objects, so what is kept of each is kept in few octets.
 *
 * A route of IPv4 takes 24 octets in a pool and 9 to 12 in the index that finds it. It names its group, its set and its neighbors in a list
 * by
 * numbers; only while it is held on to after a restart is there more of it, elsewhere.
 */
#pragma once

#include "base/chain.h"
#include "base/hash.h"
#include "base/hash_index.h"
#include "base/number_set.h"
#include "kernel/plan.h"

struct plan_set;
struct plan_group;

enum plan_where { PLAN_NOWHERE, PLAN_WAITING, PLAN_REFUSED, PLAN_WHERE_COUNT };

enum { PLAN_AHEAD_MAX = 262144 };

/* 24 octets (IPv4) or 36 (IPv6). */
struct plan_route {
	struct chain_link link; /* in one of plan_routes' chains */
	uint32_t group;		/* its number; 0: the kernel has no such route */
	uint32_t wanted;	/* its number, or 0 */
	uint8_t len;
	uint8_t error;
	uint8_t where : 2; /* enum plan_where */
	bool ipv6 : 1, busy : 1, seen : 1, leftover : 1, force : 1;
	bool owned : 1;	    /* wished for once, or adopted: on_empty holds for it */
	bool empty : 1;	    /* to be there without next hops, by on_empty */
	bool foreign : 1;   /* another program has a route to its prefix too */
	bool resilient : 1; /* counted in plan.resilient */
	bool moving : 1;    /* in the list of these */
	bool withdrawn : 1; /* in the set of these */
	bool held : 1;	    /* there is a plan_hold */
	uint8_t addr[];	    /* 4 or 16 octets */
};

/* An adopted route, until plan_sweep(). */
struct plan_hold {
	struct hash_node node;
	const struct plan_route *route;
	struct plan_set *found, *wished; /* wished: or NULL */
};

struct plan_routes {
	struct pool pool;
	struct hash_index index;
	/* Routes that wait: to go from one group to another, for the change to be whole; for their operation. And those refused
	 * by the kernel. */
	struct chain moving, queue, refused;
	struct number_set withdrawn; /* those that wait to be taken out */
	uint32_t sweep;		     /* the next of them has this number or is the first behind */
	size_t ahead; /* how many more of the queue than of them have gone while some of them waited */
	size_t listed[PLAN_WHERE_COUNT];
	struct pool names; /* what numbers of groups and sets mean: pointers */
	struct hash holds;
};

void plan_routes_init(struct plan_routes *t);
void plan_routes_fini(struct plan_routes *t);

static inline uint8_t plan_route_family(const struct plan_route *r)
{
	return r->ipv6 ? IP_V6 : IP_V4;
}

static inline struct prefix plan_route_prefix(const struct plan_route *r)
{
	struct prefix p;

	prefix_set(&p, plan_route_family(r), r->len, r->addr);
	return p;
}

struct plan_route *plan_route_get(const struct plan *p, const struct prefix *prefix);
struct plan_route *plan_route_add(struct plan *p, const struct prefix *prefix);
void plan_route_free(struct plan *p, struct plan_route *r);
/* Walks all: *at is 0 at first; NULL at the end. None may be added or freed meanwhile. */
struct plan_route *plan_route_walk(const struct plan *p, size_t *at);

/* Puts it in a list, or in none, from wherever it is. One that waits keeps its turn. */
void plan_route_list(struct plan *p, struct plan_route *r, enum plan_where where);
/* The next that waits for its operation; NULL when there is none. First those that are to be in the kernel, in their turn; then the
 * withdrawn, from the first of the pool to the last and again from the first: nearly the order in which they were put in, in which the
 * kernel is quickest. When PLAN_AHEAD_MAX more of the former than of the latter have gone, they take turns. */
struct plan_route *plan_route_due(struct plan *p);
/* The first of a list, and the one behind; NULL at the end. */
struct plan_route *plan_route_first(const struct plan *p, const struct chain *list);
struct plan_route *plan_route_next(const struct plan *p, const struct plan_route *r);

/* The group it points at in the kernel; NULL: the kernel has no such route. */
struct plan_group *plan_route_group(const struct plan *p, const struct plan_route *r);
void plan_route_point(struct plan *p, struct plan_route *r, struct plan_group *g);
/* What it wants, or NULL. Setting takes over the caller's reference, and gives none back. */
struct plan_set *plan_route_wanted(const struct plan *p, const struct plan_route *r);
void plan_route_set_wanted(struct plan *p, struct plan_route *r, struct plan_set *s);
struct plan_hold *plan_route_hold(const struct plan *p, const struct plan_route *r);
struct plan_hold *plan_route_hold_add(struct plan *p, struct plan_route *r);
void plan_route_hold_free(struct plan *p, struct plan_route *r);

/* A number for a group or a set, by which routes name it. */
uint32_t plan_name_add(struct plan *p, void *object);
void plan_name_del(struct plan *p, uint32_t number);

/*
 * The plan: what we want in the kernel, what we have put there, and the operations that lead from one to the other.
 *
 * Owns three tables: routes (prefix -> wished set, actual group), groups (a set of (next hop, weight) under one id, shared
 * by all routes that have this set) and next hops (an address as BGP says it, and how it is reached). Makes no system
 * call and knows no clock: resolutions, results and the kernel's own doings are told to it.
 *
 * A turn: plan_run() writes the operations of one batch, somebody carries them out, plan_done() takes the results. Wishes and
 * news may come at any time. plan_run() states its effects as done and plan_done() takes back what failed, so the actual
 * state is never further from the kernel than what is under way.
 *
 * So that the kernel need not wait for the plan, plan_run() may be called again before plan_done(): batches are carried
 * out, and their results told, in the order in which they were written. What it writes then depends on none of the results
 * to come: operations of routes only, on routes that are in no batch under way, over groups that are confirmed, and only
 * while no batch under way changes a group or next hop and none is to be changed. All else waits for the last result.
 *
 * Rules:
 * - Every route points at a group object, also at a group of one. When in one commit all routes of a group go to one
 *   other set that has no group yet, the group is changed in place under its id; else each such route moves.
 * - A batch is ordered: next hops are added, groups added and changed, routes, groups deleted, next hops deleted.
 *   A group or next hop is deleted only in a batch after the one that left it without users, when the results of that
 *   one are known: a move that failed still finds the group it came from. So a route never points at a group that is not
 *   there, and no wished route with a usable next hop is ever absent once it is installed.
 * - Of routes, those that are to be in the kernel go before those that are to leave it, which wait for a bounded number of others. Among
 *   the former those first that were wished for first; the latter go by the place they were put in (plan_route_due()).
 * - Next hops that nobody wishes for any more are deleted before groups change where that is all the change their groups
 *   need (plan_leave.c): the kernel takes them out.
 * - A next hop that cannot be reached is left out of its groups; a route without a usable next hop is taken out. The
 *   object stays in the kernel as long as somebody wishes for it.
 * - An id is free again when the kernel has confirmed its deletion.
 * - Adoption: what the first listing finds is taken over with its ids, as if we had put it there. Until plan_sweep() a
 *   route found then wants what it was found with beside what is wished: it gains next hops, and loses those only that
 *   cannot be reached. A route nobody has wished for is a "leftover" and stays until plan_sweep() too.
 * - No operation is written for a group whose members the kernel has already.
 * - A route that is not ours is never replaced: a route with the key of another program's is added only where there is none.
 * - A resilient group belongs to one route, keeps its id as long as the route has a usable next hop, and its number of
 *   buckets is never changed. Past max_resilient of them, routes share hash-threshold groups as all others do.
 * - on_empty: what takes the place of a route whose last usable next hop is gone.
 * - Classic mode (a kernel without next-hop objects): groups are bookkeeping only, each route carries its next hops, and
 *   a change of a group rewrites its routes. (There the kernel itself may fail a single lookup of an IPv6 route at the
 *   moment it is replaced.)
 */
#pragma once

#include "base/prefix.h"
#include "kernel/next_hop.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* What the kernel is told to do with a flow when a group changes. */
struct plan_kind {
	bool resilient; /* else hash-threshold, and the rest is 0 */
	uint16_t buckets;
	uint32_t idle_timer_s, unbalanced_timer_s;
};

enum plan_on_empty { PLAN_REMOVE, PLAN_UNREACHABLE, PLAN_BLACKHOLE };

enum { PLAN_KINDS_MAX = 64 };

struct plan_config {
	uint32_t id_base, id_count; /* next-hop object ids that are ours; base at least 1 */
	bool classic;
	enum plan_on_empty on_empty;
	/* Kinds are named by their place here plus one; kind 0 is hash-threshold. Lives as long as the plan. */
	const struct plan_kind *kind;
	size_t kind_count, max_resilient;
};

enum plan_op_kind {
	PLAN_NEXT_HOP_SET,
	PLAN_GROUP_SET,
	PLAN_ROUTE_SET,
	PLAN_ROUTE_DEL,
	PLAN_GROUP_DEL,
	PLAN_NEXT_HOP_DEL,
};

/* A next hop in the kernel's terms. */
struct plan_hop {
	uint32_t id;
	uint32_t ifindex;
	struct ip_addr gateway;
	uint16_t weight;
};

struct plan_op {
	uint8_t kind;	/* enum plan_op_kind */
	uint8_t reject; /* of PLAN_ROUTE_SET: enum plan_on_empty; then it points at nothing */
	bool replace;	/* the kernel has it already; a route without it must not be there yet */
	uint16_t hop_count;
	struct prefix prefix;	     /* of routes */
	uint32_t id;		     /* of the next hop or group, or of the group the route points at */
	const struct plan_hop *hops; /* of a next hop (one), a group, or (classic mode only) a route */
	const struct plan_kind *group_kind; /* of PLAN_GROUP_SET; NULL: hash-threshold */
	int error;			    /* out: 0 or a negative errno */
	char *why;			    /* out: the kernel's own words, or NULL; freed with the batch */
	void *object, *before;		    /* the plan's own */
};

/* The operations in their order. Self-contained: another thread may read it while the plan goes on. */
struct plan_batch {
	struct plan_op *op;
	size_t count, size;
	struct arena *arena;
};

/* An all-zero batch is valid and empty. */
void plan_batch_fini(struct plan_batch *b);

struct plan;

struct plan *plan_new(const struct plan_config *cfg);
void plan_free(struct plan *p);

/* --- wishes: constant time each --- */

/* Wishes for these prefixes come next. A large table is not in the processor's caches: so its memory is waited for once for
 * all of them, instead of once for each. At most PLAN_EXPECT_MAX. */
enum { PLAN_EXPECT_MAX = 32 };
void plan_expect(const struct plan *p, const struct prefix *prefix, size_t count);
/* count 1..FIB_NEXT_HOPS_MAX, each address once, any order. False: its kind is resilient, but there are as many of these
 * as there may be; it has a hash-threshold group instead. */
bool plan_set(struct plan *p, const struct prefix *prefix, uint8_t kind, const struct fib_next_hop *nh,
	size_t count);
void plan_del(struct plan *p, const struct prefix *prefix);
/* Deletes all wishes, also for what is to stand in the place of routes without next hops. */
void plan_clear(struct plan *p);
/* Leftovers go, those known now and those found later; adopted routes lose what is not wished. */
void plan_sweep(struct plan *p);

/* --- next hops --- */

struct plan_resolution {
	bool reachable;
	uint32_t ifindex;
	char interface[IF_NAMESIZE];
	struct ip_addr gateway; /* the next hop itself when it is on-link */
	uint32_t metric;	/* of the route that leads there; 0 when it is on-link */
	const char *why;	/* when not reachable: a string that outlives the plan */
};

enum plan_ask { PLAN_ASK_NEW, PLAN_ASK_UNREACHABLE, PLAN_ASK_ALL };

/* The next hops in use that were never resolved / of which no way is known, the new ones among them / all: their number,
 * and their addresses in *out, which the caller frees. */
size_t plan_ask(const struct plan *p, enum plan_ask which, struct ip_addr **out);
/* While next hops are new, plan_run() must wait: it would take routes out that are not unreachable. */
bool plan_has_new(const struct plan *p);
/* Whether it is news. */
bool plan_resolve(struct plan *p, const struct ip_addr *addr, const struct plan_resolution *r);
/* After the plan_resolve() calls of one round, once. */
void plan_resolve_end(struct plan *p);

/* --- what the kernel was found to have; ids outside our range are ignored --- */

/* A listing of next-hop objects, and with_routes of all routes of ours, taken while no batch was under way. What is not
 * named until plan_listing_end() is not there. hop: one for a next hop, the members (id, weight) for a group. */
struct plan_found {
	uint32_t id;
	bool is_group, resilient;
	const struct plan_hop *hop;
	size_t count;
};

void plan_listing_begin(struct plan *p, bool with_routes);
void plan_found_object(struct plan *p, const struct plan_found *f);
/* Also outside a listing, for an event: a route of ours over next-hop object id (0: none, or not known), or that rejects. kind:
 * of the prefix, as for plan_set. */
void plan_found_route(
	struct plan *p, const struct prefix *prefix, uint32_t id, enum plan_on_empty reject, uint8_t kind);
void plan_listing_end(struct plan *p);
/* An event: somebody else took a route of ours out. */
void plan_lost_route(struct plan *p, const struct prefix *prefix);
/* Another program's route with the key of one of ours came or went. True if it is news of a route that we have or want. */
bool plan_foreign_route(struct plan *p, const struct prefix *prefix, bool there);
/* Classic mode: nothing is known of the routes' next hops any more (a link went down and up); they are written again. */
void plan_rewrite(struct plan *p);

/* --- planning --- */

/* Writes the next operations into an empty batch, at most max_routes route operations; false when there is none that need not
 * wait. whole: all wishes of a change are known; until then routes that would go from one group to another stay where they
 * are, because if all of them do, the group is changed instead. */
bool plan_run(struct plan *p, size_t max_routes, bool whole, struct plan_batch *b);
/* The results of a batch for which plan_run() was true. */
void plan_done(struct plan *p, const struct plan_batch *b);
/* Tries what failed once more with the next plan_run(). */
void plan_retry(struct plan *p);

/* --- to be shown --- */

enum plan_state { PLAN_INSTALLED, PLAN_PENDING, PLAN_FAILED, PLAN_LEFTOVER, PLAN_EMPTY };

/* --- how the buckets of resilient groups lie --- */

struct plan_bucket_count {
	uint32_t id; /* of a next hop */
	uint32_t buckets;
};

bool plan_has_resilient(const struct plan *p);
/* Some groups to be looked at, each in its turn; their number. */
size_t plan_ask_shares(struct plan *p, uint32_t *group_id, size_t max);
/* True when it is found out now that the group cannot follow: its buckets have lain wrong for so long that they cannot have
 * been idle. */
bool plan_share(struct plan *p, uint32_t group_id, const struct plan_bucket_count *hop, size_t count,
	uint64_t now_ms);

struct plan_hop_view {
	struct ip_addr addr, gateway;
	uint16_t weight;
	double wanted_percent; /* of the route's packets */
	double actual_percent; /* of the buckets of a resilient group; below 0: not known */
	const char *interface; /* NULL when not reachable */
	const char *why;       /* why it is not reachable, or NULL */
};

struct plan_view {
	struct prefix prefix;
	enum plan_state state;
	uint32_t group_id; /* 0: none */
	char error[256];   /* empty: none */
	bool resilient;	   /* the group in the kernel is */
	uint32_t stuck_s;  /* not 0: the group cannot follow, its buckets are not idle for that long */
	const void *set;   /* for plan_view_hop */
	const void *group;
	size_t hop_count;
};

/* A listing of the routes in the order of a routing table; they may come and go meanwhile. False at the end. */
struct plan_rows;
struct plan_rows *plan_rows_new(void);
void plan_rows_free(struct plan_rows *l);
bool plan_rows_next(const struct plan *p, struct plan_rows *l, struct plan_view *v);
/* That of a prefix; false when there is none. */
bool plan_view_get(const struct plan *p, const struct prefix *prefix, struct plan_view *v);
/* Of a group: its next hops and how many routes point at it; false when there is none. */
bool plan_view_group(const struct plan *p, uint32_t id, struct plan_view *v, size_t *routes);
struct plan_hop_view plan_view_hop(const struct plan_view *v, size_t i);

struct plan_stats {
	size_t routes, leftover_routes, groups, next_hops, unreachable, pending, failed, foreign;
	size_t resilient_groups, resilient_octets; /* of kernel memory */
};

struct plan_stats plan_stats(const struct plan *p);

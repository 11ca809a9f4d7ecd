/*
 * The plan's tables: what the files of the plan share, and nobody else.
 *
 * Ownership: a route that wants a set and a group that has one hold a reference on it; a set holds one on each of its
 * next hops. Groups and next hops that lose their last user are put in the idle lists and are only freed by plan_run()
 * and plan_done(), so the operations under way may point at them. The same holds for routes.
 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "kernel/plan.h"
#include "kernel/plan_route.h"

/* What groups and next hops have in common: an object of the kernel under an id. */
struct plan_object {
	struct hash_node by_id;
	struct list idle; /* in plan.idle_groups or plan.idle_next_hops */
	uint32_t id;	  /* 0: has none yet and is not in by_id */
	bool is_group;
	bool present;  /* the kernel has it */
	bool stale;    /* the kernel has something else under the id */
	bool busy;     /* in a batch under way */
	bool seen;     /* in the listing under way */
	bool leftover; /* found in the kernel, nobody's */
	uint8_t error; /* of its last operation, for plan_error_text */
};

struct plan_next_hop {
	struct plan_object object; /* first */
	struct hash_node by_addr;
	struct ip_addr addr;
	size_t refs;   /* sets it is a member of */
	bool known;    /* has been resolved, one way or the other */
	bool changed;  /* since the last plan_resolve_end */
	bool left;     /* its groups, by being deleted */
	bool detached; /* not in plan.next_hops: a leftover, or being deleted for good */
	bool found; /* made from an object of the kernel, under its gateway's address; nobody has wished for it */
	/* The next hop, with the same gateway, that was wished for and has the object now; a reference. */
	struct plan_next_hop *heir;
	struct plan_resolution resolution;
	struct plan_hop sent; /* what the kernel was told last */
};

struct plan_member {
	struct plan_next_hop *nh;
	uint16_t weight;
};

/* Interned: two sets never have the same members, kind and owner. */
struct plan_set {
	struct hash_node node;
	size_t refs;
	uint32_t name;		  /* its number, for routes */
	struct plan_group *group; /* or NULL */
	bool parked;		  /* a route was left out of the kernel because nothing was usable */
	uint8_t kind;
	const struct plan_route *owner; /* of a resilient group; else NULL */
	uint16_t count, usable;
	struct plan_member member[]; /* sorted by address */
};

struct plan_sent {
	uint32_t id;
	uint16_t weight;
};

struct plan_group {
	struct plan_object object; /* first */
	struct plan_set *set;	   /* NULL: a leftover, or about to be deleted */
	uint32_t name;		   /* its number, for routes */
	size_t refs;		   /* routes that point at it */
	struct list stale_link;	   /* in plan.stale_groups or plan.failed_groups */
	struct plan_sent *sent;	   /* the members the kernel has; NULL: not known */
	uint16_t sent_count;
	bool resilient; /* in the kernel, for good */
	/* Of a resilient group: its buckets by next hop, when they were seen last; NULL: never. */
	struct plan_bucket_count *share;
	uint16_t share_count;
	bool stuck;
	uint64_t unbalanced_ms; /* since when; 0: it is not */
	/* Scratch of one plan_run, valid when turn is the plan's. */
	uint64_t turn;
	size_t leaving;		 /* routes that want to go to another set */
	struct plan_set *target; /* where all of them want to go; NULL: to different ones */
	const struct plan_hop *hops;
	uint16_t hop_count;
};

enum { PLAN_ERRORS_MAX = 200 };
#define PLAN_FOREIGN "another program has a route to this prefix with the same metric in the table"
#define PLAN_NO_ID   "all next-hop ids of the configured range are in use: make it larger"

struct plan {
	struct plan_config cfg;
	struct plan_routes routes;
	struct hash sets, next_hops, objects;
	size_t busy;		/* routes in the batches under way */
	size_t under_way;	/* batches */
	bool objects_under_way; /* these change next hops or groups */
	struct list stale_groups, failed_groups;
	struct list idle_groups, idle_next_hops;
	struct plan_group strange; /* "a route of ours whose next hops we do not know" points here */
	struct plan_group reject;  /* a route without next hops, by on_empty, points here */
	/* The last wish for a shared group, and its set; NULL: none. Routes that share one come one after the other. */
	struct fib_next_hop last_wish[FIB_NEXT_HOPS_MAX];
	struct plan_set *last_set;
	size_t resilient; /* routes that want a resilient group */
	size_t foreign, found_next_hops;
	bool adopted;  /* the first listing is over */
	bool remerge;  /* what adopted routes want is to be put together anew */
	bool clearing; /* no route is wished any more, not even an empty one */
	size_t leftover_groups, leftover_routes, groups, new_next_hops;
	uint32_t last_id, last_share_id;
	uint64_t turn;
	bool swept;
	bool listing, listing_routes;
	bool undeleted;		     /* the kernel refused to delete something */
	bool next_hops_dirty;	     /* some next hop may need to be set */
	bool rescan;		     /* routes that are in no list may need an operation */
	struct plan_batch route_ops; /* scratch */
	char *error[PLAN_ERRORS_MAX];
	size_t error_count;
};

/* Texts of errors, kept once each. 0 is none. */
uint8_t plan_error_add(struct plan *p, const char *text);
const char *plan_error_text(const struct plan *p, uint8_t error);

struct plan_object *plan_object_get(const struct plan *p, uint32_t id);
/* Gives it a free id; false when the range is used up. */
bool plan_object_number(struct plan *p, struct plan_object *o);
void plan_object_enter(struct plan *p, struct plan_object *o, uint32_t id);
bool plan_id_is_ours(const struct plan *p, uint32_t id);

struct plan_set *plan_set_intern(struct plan *p, uint8_t kind, const struct plan_route *owner,
	const struct fib_next_hop *nh, size_t count);
/* The same of next hops; reorders m. */
struct plan_set *plan_set_intern_members(
	struct plan *p, uint8_t kind, const struct plan_route *owner, struct plan_member *m, size_t count);
/* The usable members in the kernel's terms; their number. */
size_t plan_set_hops(const struct plan_set *s, struct plan_hop out[FIB_NEXT_HOPS_MAX]);
bool plan_kind_is_resilient(const struct plan *p, uint8_t kind);
void plan_set_unref(struct plan *p, struct plan_set *s);

struct plan_group *plan_group_add(struct plan *p, struct plan_set *s);
/* Takes its set away. */
void plan_group_detach(struct plan *p, struct plan_group *g);
void plan_group_free(struct plan *p, struct plan_group *g);
void plan_group_mark_stale(struct plan *p, struct plan_group *g);
void plan_next_hop_free(struct plan *p, struct plan_next_hop *nh);
/* What cannot be put into the kernel counts as unreachable until it is resolved again. */
void plan_next_hop_refuse(struct plan *p, struct plan_next_hop *nh, uint8_t error);
void plan_object_idle(struct plan *p, struct plan_object *o);
/* A next hop at addr, not yet a member of anything. */
struct plan_next_hop *plan_next_hop_add(struct plan *p, const struct ip_addr *addr);
void plan_next_hop_unref(struct plan *p, struct plan_next_hop *nh);
void plan_object_leave(struct plan *p, struct plan_object *o);
/* What the kernel has in a group; count 0: not known. */
void plan_group_sent(struct plan_group *g, const struct plan_hop *hop, size_t count);
bool plan_group_has(const struct plan_group *g, const struct plan_hop *hop, size_t count);

/* --- plan_run.c --- */

/* Deletes one that nobody wishes for any more, for good; frees it when the kernel does not have it. */
void plan_next_hop_del(struct plan *p, struct plan_batch *b, struct plan_next_hop *nh);

/* --- plan_leave.c --- */

/* Deletes next hops that are to leave groups, where groups need nothing else to be what they are to be. */
void plan_leave_groups(struct plan *p, struct plan_batch *b);
/* The kernel refused that: what groups have is not known any more. */
void plan_leave_failed(struct plan *p);

/* --- plan_adopt.c --- */

/* Takes a set (a reference) as what the route wants. */
void plan_route_want(struct plan *p, struct plan_route *r, struct plan_set *s);
/* The wish of a route, or NULL; takes the reference. */
void plan_route_wish(struct plan *p, struct plan_route *r, struct plan_set *s);
void plan_adopt_object(struct plan *p, const struct plan_found *o);
/* A route of ours, found over a group: the group gets its set, and the route holds on to it. */
void plan_adopt_route(struct plan *p, struct plan_route *r, struct plan_group *g, uint8_t kind);
/* A resolved next hop without an object: takes that of one with the same gateway that was found. */
void plan_adopt_heir(struct plan *p, struct plan_next_hop *nh);
void plan_adopt_remerge(struct plan *p);
/* Ends the hold on a route. */
void plan_adopt_release(struct plan *p, struct plan_route *r);

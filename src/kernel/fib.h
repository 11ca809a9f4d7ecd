/*
 * The kernel's routing table as we want it: routes of our protocol, table and metric, over next-hop groups.
 *
 * The program says for each prefix which next hops it wants (fib_set) and the FIB makes the kernel so. fib_set and
 * fib_del only note the wish; fib_commit() plans the operations for all wishes since the last commit (plan.h, pure) and
 * hands them to the executor, a thread of its own with a netlink socket (the kernel holds its caller for as long as
 * it works), whose results come back through the loop. A wish for a prefix whose last operation is still under way is
 * planned when it has come back: so a slow kernel merges changes instead of queueing them.
 *
 * Commit a change whole: when all routes that share a group change alike between two commits, the group is changed in
 * place, which is one operation however many routes there are. Wishes that take no route from one group to another do not
 * wait for the commit.
 *
 * The FIB also follows the kernel: a next hop that becomes unreachable (resolve.h) is left out and comes back by itself,
 * and what the kernel or somebody else takes out of our routes, groups and next hops is put in again. What is there at
 * the start and ours (by table, protocol, metric and an id of our range) is adopted: until fib_sweep() such a route may
 * gain next hops, and loses only those that cannot be reached.
 */
#pragma once

#include "base/prefix.h"
#include "base/row.h"
#include "io/loop.h"
#include "kernel/next_hop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fib_on_empty { FIB_EMPTY_REMOVE, FIB_EMPTY_UNREACHABLE, FIB_EMPTY_BLACKHOLE };

enum fib_sysctls { FIB_SYSCTLS_CHECK, FIB_SYSCTLS_SET, FIB_SYSCTLS_IGNORE };

/* A prefix, and how long the prefixes inside it may be. */
struct fib_prefix_rule {
	struct prefix prefix;
	uint8_t ge, le;
};

/* The kind of next-hop groups for some prefixes; the first that fits decides, and hash-threshold where none does. */
struct fib_group {
	const struct fib_prefix_rule *rule;
	size_t rule_count;
	bool resilient; /* else hash-threshold */
	uint16_t buckets;
	uint32_t idle_timer_s, unbalanced_timer_s; /* unbalanced_timer_s 0: none */
};

/* How a next hop is reached. */
struct fib_reach {
	bool reachable;
	const char *why;	/* when not: a string that lives as long as the process; else NULL */
	const char *interface;	/* for the call; empty: not known */
	struct ip_addr gateway; /* the next hop itself when it is on-link */
	uint32_t metric;	/* of the route that leads there; 0 when it is on-link */
};

/* What the kernel has done for us. Of a group: all routes over it have its next hops now. */
enum fib_change_kind { FIB_INSTALLED, FIB_CHANGED, FIB_REMOVED, FIB_FAILED, FIB_GROUP_CHANGED };

struct fib_change {
	enum fib_change_kind kind;
	struct prefix prefix; /* not of a group */
	uint32_t group_id;    /* 0: none */
	const char *error;    /* of FIB_FAILED, for the call */
};

struct fib_config {
	uint32_t table;				      /* 254: main */
	uint32_t metric;			      /* 20 */
	uint8_t protocol;			      /* 186: bgp */
	uint32_t next_hop_id_base, next_hop_id_count; /* the range of next-hop object ids that are ours */
	bool remove_on_exit;
	bool resolve_via_default; /* the default route may lead to a next hop */
	bool force_classic;	  /* do without next-hop objects although the kernel has them */
	enum fib_on_empty on_empty;
	const struct fib_group *group; /* with all it points to, it must live as long as the FIB */
	size_t group_count, max_resilient_groups;
	uint32_t compare_interval_s; /* 0: what the kernel has is compared after events only */
	enum fib_sysctls sysctls;
	bool ipv4, ipv6;     /* whose sysctls matter */
	size_t event_octets; /* of the queue of the kernel's events; 0: the default */
	bool watch_only;     /* writes nothing: for fib_watch() alone */
	/* An answer about a next hop that is watched: the first, and each that differs from the one before. May be NULL. */
	void (*reached)(void *user, const struct ip_addr *addr, const struct fib_reach *reach);
	/* Something has come back from the kernel: what fib_look() tells may be new. May be NULL. */
	void (*turned)(void *user);
	/* Between fib_tell_changes(true) and (false). May be NULL. */
	void (*changed)(void *user, const struct fib_change *c);
	void *user;
};

/* How a route is. */
struct fib_look {
	bool settled;	 /* the kernel has what is wished, or nothing where nothing is */
	bool failed;	 /* it will not have it unless something changes; error says why */
	char error[256]; /* "" when there is nothing to say */
};

struct fib;

/* Makes sure that nobody else writes these routes, opens netlink and finds out what the kernel can do. NULL with a reason in err that says what to do. */
struct fib *fib_new(struct io_loop *loop, const struct fib_config *cfg, char *err, size_t err_size);
/* Settings that may change at any time. */
void fib_configure(struct fib *f, bool remove_on_exit, bool ipv4, bool ipv6);
/* Finishes what is under way (bounded: 5 s), then removes or leaves all that is ours. */
void fib_free(struct fib *f);

/* Wishes for these prefixes, at most FIB_EXPECT_MAX, come next. */
enum { FIB_EXPECT_MAX = 32 };
void fib_expect(const struct fib *f, const struct prefix *p, size_t count);
/* nh: 1..FIB_NEXT_HOPS_MAX of them, each address once, any order. Copied. */
void fib_set(struct fib *f, const struct prefix *p, const struct fib_next_hop *nh, size_t count);
void fib_del(struct fib *f, const struct prefix *p);
void fib_commit(struct fib *f);
/* More wishes are to come before the commit: begins with those that need not wait for it. */
void fib_proceed(struct fib *f);
/* The program wants to know how an address is reached, from the next fib_commit() on, whether or not a wish names it. */
void fib_watch(struct fib *f, const struct ip_addr *addr);
void fib_unwatch(struct fib *f, const struct ip_addr *addr);
/* Removes what is ours in the kernel and nobody has wished for: now, and what of this kind is found later. To be called
 * when all that will be wished has been wished. */
void fib_sweep(struct fib *f);

/* --- for whoever has to know that a route works --- */

void fib_look(const struct fib *f, const struct prefix *p, struct fib_look *out);
/* Asks the kernel, at once, by which route it would send to the first address of a prefix whose route is settled. False when
 * that is another program's: one that is longer or has a lower metric; what it is stands in why. */
bool fib_is_taken(const struct fib *f, const struct prefix *p, char *why, size_t why_size);
/* What the kernel has is known since the start. */
bool fib_is_listed(const struct fib *f);
/* Without next-hop objects it is not known where the routes of an earlier run lead: they are no leftovers to be read. */
bool fib_is_classic(const struct fib *f);
/* Listings of routes in the order of a routing table; routes may come and go meanwhile. */
struct fib_listing;
struct fib_listing *fib_listing_new(void);
void fib_listing_free(struct fib_listing *l);
/* Until fib_sweep(): the next route of an earlier run that nobody has wished for; its prefix in *p. Returns the number of
 * its next hops in nh (FIB_NEXT_HOPS_MAX); 0 at the end. */
size_t fib_leftover(const struct fib *f, struct fib_listing *l, struct prefix *p, struct fib_next_hop *nh);

/* For "show fib": the row of the next route, or NULL at the end.
 * {"prefix","next-hops":[{"address","interface","gateway","weight","wanted-percent","actual-percent","error"}],
 * "group-id","group-type","state","error","warning"}; gateway only when it is not the next hop itself; interface or error;
 * actual-percent as the kernel's buckets lie, or, of a hash-threshold group, what follows from the weights; state:
 * "installed", "pending", "failed" (error says why), "empty" (no next hop is left: packets are rejected), or "leftover" (of an
 * earlier run; not wished, not swept yet). An installed route may have an error: a next hop that had to be left out; and a warning:
 * the kernel is asked, row by row, whether another program's route hides it. */
struct row *fib_row(const struct fib *f, struct fib_listing *l);
/* The same of one prefix; NULL when there is none. */
struct row *fib_row_of(const struct fib *f, const struct prefix *p);
/* Of a group: {"group-id","routes","next-hops":[{"address","weight"}]}; NULL when there is none. */
struct row *fib_group_row(const struct fib *f, uint32_t group_id);
/* Somebody wants to know of each route that the kernel takes, or nobody any more. */
void fib_tell_changes(struct fib *f, bool tell);
/* {"kernel":"next-hop objects|classic multipath","table","metric","protocol","routes","leftover-routes","groups",
 * "next-hops","unreachable-next-hops","pending","failed","foreign-routes","operations","refused-operations","comparisons",
 * "overflows","swept","resilient-groups","max-resilient-groups","resilient-octets","resilient-refused",
 * "sysctls":[{"key","value","wanted","reason"}]} */
struct row *fib_status(const struct fib *f);
/* Routes of ours that the kernel has or is about to get. */
size_t fib_routes(const struct fib *f);

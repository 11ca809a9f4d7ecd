/*
 * The decision process: which path is best, which are as good, and why. RFC 4271 9.1.2.2, RFC 4456 9, RFC 5004 not used.
 *
 * A path whose next hop is not eligible (next_hop_table.h) takes no part in it, RFC 4271 9.1.2.
 *
 * The steps, each of which keeps only the paths that are best by its measure:
 *
 *   1. highest LOCAL_PREF (100 where missing; 0 with GRACEFUL_SHUTDOWN, RFC 8326)
 *   2. shortest AS_PATH                                  9.1.2.2 a
 *   3. lowest ORIGIN                                     9.1.2.2 b
 *   4. lowest MULTI_EXIT_DISC (0 where missing) among paths of one neighboring AS, or
 *      among all with always-compare-med                 9.1.2.2 c
 *      (from outside by a path that names none in front: the neighbor's)
 *   5. eBGP over iBGP                                    9.1.2.2 d
 *   6. lowest interior cost to the next hop              9.1.2.2 e
 *   7. lowest BGP Identifier, ORIGINATOR_ID in its place 9.1.2.2 f, RFC 4456 9
 *   8. shortest CLUSTER_LIST                             RFC 4456 9
 *   9. lowest peer address                               9.1.2.2 g
 *  10. lowest path identifier received                   several paths of one peer, RFC 7911
 *
 * Multipath: the equal-cost set is what is left after step 6 - equal LOCAL_PREF, AS_PATH length, ORIGIN, MED by its
 * rules, eBGP or iBGP, interior cost. iBGP paths may differ in AS_PATH; eBGP paths must come from one neighboring AS
 * unless as-path-relax is set. This paragraph is the only definition of multipath equality.
 *
 * Pure: works on an entry's paths, keeps nothing.
 */
#pragma once

#include "route/rib.h"

#include <stdbool.h>
#include <stddef.h>

struct route_decide_opts {
	bool always_compare_med;
	bool as_path_relax;
};

enum route_step {
	ROUTE_STEP_BEST,     /* not eliminated */
	ROUTE_STEP_NEXT_HOP, /* not eligible: before all steps */
	ROUTE_STEP_LOCAL_PREF,
	ROUTE_STEP_AS_PATH,
	ROUTE_STEP_ORIGIN,
	ROUTE_STEP_MED,
	ROUTE_STEP_EBGP,
	ROUTE_STEP_INTERIOR_COST,
	ROUTE_STEP_ROUTER_ID,
	ROUTE_STEP_CLUSTER_LIST,
	ROUTE_STEP_PEER_ADDRESS,
	ROUTE_STEP_PATH_ID,
};

/* Room for candidates, reused between decisions; starts all zero, ends with route_decide_fini(). */
struct route_decide {
	struct route_decide_opts opts;
	struct route_path **path;
	size_t count, size;
};

void route_decide_fini(struct route_decide *d);

/* Brings the entry up to date: the best path first in its list, ROUTE_ENTRY_HAS_BEST, ROUTE_PATH_MULTIPATH on the
 * equal-cost set. Returns the best path or NULL. Does nothing when the entry is decided already. */
struct route_path *route_decide(struct route_decide *d, struct route_entry *e);

/* The n best paths in order of preference into d->path[0..]; returns how many there are. Best by repeating the decision
 * without the ones found. */
size_t route_decide_rank(struct route_decide *d, struct route_entry *e, size_t n);

/* At which step a path was eliminated, against the entry's other paths. */
enum route_step route_decide_why(
	struct route_decide *d, struct route_entry *e, const struct route_path *path);
/* The same in words, with the values of the path and of the best one: "AS_PATH longer (3, best 2)". Returns buf. */
const char *route_decide_why_text(
	struct route_decide *d, struct route_entry *e, const struct route_path *path, char *buf, size_t size);

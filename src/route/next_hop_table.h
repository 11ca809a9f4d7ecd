/*
 * The next hops in use: each address that some attribute set names, and whether paths over it may be chosen.
 *
 * Owns one struct route_hop per address, alive as long as an attribute set refers to it; all paths of a set share it, so
 * a decision asks for it without a look-up. It does not resolve: what it is told (route_hops_tell) comes from the kernel's
 * routing table. Only what no kernel has to be asked for is judged here: 0/8, 127/8, multicast, :: and ::1 are nobody's
 * next hop. RFC 4271 9.1.2 and 9.1.2.1 (a path whose NEXT_HOP is not resolvable takes no part in the decision).
 *
 * Until the first answer a next hop counts as eligible: the FIB waits for the answer with its route anyway, and a path
 * that turns out well, as nearly all do, is not put off. Without checking (a reflector, whose routers know better) all
 * are eligible.
 *
 * Invariant: paths counts the references to the attribute sets that name it, so between two calls of the engine it is
 * the number of paths.
 */
#pragma once

#include "base/hash.h"
#include "base/prefix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROUTE_HOP_INTERFACE_MAX = 16 };

/* What is known of a next hop. */
struct route_reach {
	bool eligible;
	const char *why; /* not eligible: the reason, a string that lives as long as the process; else NULL */
	uint32_t interior_cost; /* metric of the route that leads there, 0 where it is on-link */
	struct ip_addr via;	/* the gateway when it is not on-link, else IP_NONE */
	char interface[ROUTE_HOP_INTERFACE_MAX]; /* empty: not known */
};

struct route_hop {
	struct hash_node node;
	struct ip_addr addr;
	uint32_t paths;
	bool known; /* there is an answer, or none is needed */
	struct route_reach reach;
	uint64_t changed; /* when its eligibility or cost changed last, in struct route_hops' count */
};

struct route_hops_ops {
	/* A next hop came into use that is to be resolved, or went out of use. May be NULL. */
	void (*used)(void *user, const struct ip_addr *addr);
	void (*unused)(void *user, const struct ip_addr *addr);
};

struct route_hops {
	bool check;
	struct route_hops_ops ops;
	void *user;
	struct hash table;
	uint64_t changes; /* of eligibility or cost, ever */
};

/* ops may be NULL. */
void route_hops_init(struct route_hops *h, bool check, const struct route_hops_ops *ops, void *user);
/* No attribute set may be left. */
void route_hops_fini(struct route_hops *h);

/* The hop of an address, with one reference for the caller. */
struct route_hop *route_hops_ref(struct route_hops *h, const struct ip_addr *addr);
const struct route_hop *route_hops_find(const struct route_hops *h, const struct ip_addr *addr);
/* Takes one reference away from a hop. */
void route_hops_unref(struct route_hops *h, struct route_hop *hop);
/* Takes an answer; true when a decision may now end otherwise. An address that is not in use is ignored. */
bool route_hops_tell(struct route_hops *h, const struct ip_addr *addr, const struct route_reach *reach);
/* "eligible", "ineligible"; "pending": no answer yet; "unchecked". */
const char *route_hop_state_text(const struct route_hops *h, const struct route_hop *hop);

/*
 * A neighbor as the engine sees it, for the life of one session: who it is, what it may send, what it has sent.
 *
 * Made when a session comes up and closed when it goes down. A closed peer lives on inside the engine until all its
 * paths have been withdrawn (a few thousand at a time), then it frees itself; the next session of the same neighbor is
 * another peer.
 */
#pragma once

#include "base/list.h"
#include "base/prefix.h"
#include "bgp/open.h"
#include "bgp/update.h"
#include "route/policy.h"

#include <stdbool.h>
#include <stdint.h>

enum route_peer_type { ROUTE_PEER_IBGP, ROUTE_PEER_IBGP_CLIENT, ROUTE_PEER_EBGP };

/* What a peer is sent of the paths of a prefix (RFC 7911 where more than one). */
enum route_send_mode {
	ROUTE_SEND_BEST,      /* one route per prefix, without path identifiers */
	ROUTE_SEND_ALL,	      /* every path whose next hop is eligible */
	ROUTE_SEND_BEST_N,    /* the N best */
	ROUTE_SEND_MULTIPATH, /* the equal-cost set */
};

enum { ROUTE_ON_LINK_MAX = 16 };

struct route_peer_config {
	struct ip_addr address;
	/* An external neighbor one hop away: the networks that we are on, where its next hops have to be. Without any a next hop may be
	 * anywhere. RFC 4271 6.3 */
	struct prefix on_link[ROUTE_ON_LINK_MAX];
	uint8_t on_link_count;
	/* Of our side of the session: the next hop where it becomes ours. IP_NONE: there is none that routes of the family
	 * could have, and none are sent. */
	struct ip_addr local[BGP_FAMILIES];
	uint32_t router_id; /* the neighbor's BGP Identifier */
	uint32_t peer_as;   /* and its AS */
	enum route_peer_type type;
	enum route_send_mode send_mode[BGP_FAMILIES];
	uint16_t send_n; /* for ROUTE_SEND_BEST_N */
	bool next_hop_self;
	uint32_t advertisement_interval_ms;
	uint32_t rejects_max; /* refused routes that are remembered */
	/* Borrowed; must live as long as the engine or until replaced. NULL: everything passes. */
	const struct route_policy *import, *export;
};

/* Why an announced route was not taken. */
enum route_reject {
	ROUTE_REJECT_PREFIX,
	ROUTE_REJECT_NEXT_HOP,
	ROUTE_REJECT_OWN_NEXT_HOP,
	ROUTE_REJECT_OFF_LINK_NEXT_HOP,
	ROUTE_REJECT_AS_LOOP,
	ROUTE_REJECT_ORIGINATOR_LOOP,
	ROUTE_REJECT_CLUSTER_LOOP,
	ROUTE_REJECT_MARTIAN,
	ROUTE_REJECT_MAX_PREFIXES,
	ROUTE_REJECTS,
};
const char *route_reject_text(enum route_reject r); /* "prefix not allowed", ... */

struct route_peer_counters {
	uint64_t rejected[ROUTE_REJECTS];
	uint64_t oversized; /* routes that did not fit into a message to this peer's group, RFC 4271 9.2 */
	uint32_t received[BGP_FAMILIES]; /* paths held now */
};

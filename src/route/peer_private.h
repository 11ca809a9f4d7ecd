/* The inside of a peer, for the files of this folder. */
#pragma once

#include "route/engine.h"
#include "route/group.h"
#include "route/rejects.h"
#include "bgp/queue.h"

struct route_peer {
	struct route_peer_config cfg;
	struct route_engine *engine;
	void *user;
	struct list link; /* among the engine's open or closed peers */
	bool closed;
	bool unserved; /* there was no room for an update group */
	bool regroup;  /* its settings have changed: it may be in the wrong groups */
	bool refilter; /* so has its import policy: what it holds has yet to pass it */
	struct bgp_negotiated negotiated;
	struct chain adj_rib_in[BGP_FAMILIES];
	struct route_member *member[BGP_FAMILIES]; /* NULL: the family is not sent */
	bool refreshing[BGP_FAMILIES];		   /* between the peer's BoRR and EoRR */
	struct bgp_queue queue;
	struct {
		struct route_member *member; /* NULL: the queue */
		size_t octets;
	} offered[BGP_FAMILIES + 2]; /* what the last fill pointed at, in order */
	int offers;
	struct route_peer_counters counters;
	struct prefix last_rejected;
	enum route_reject last_reject;
	struct route_rejects *rejects;	       /* NULL: nothing was refused yet */
	uint64_t rejects_before[BGP_FAMILIES]; /* the newest at the peer's BoRR */
};

/* Whether import takes routes with this next hop; *why: if not. */
bool route_peer_allows_next_hop(
	const struct route_peer *p, const struct ip_addr *next_hop, enum route_reject *why);
/* Counts and notes down a route that was not taken, or is no longer. */
void route_peer_reject(struct route_peer *p, const struct bgp_nlri *n, const struct ip_addr *next_hop,
	enum route_reject why);

/* The inside of the engine, for the files of this folder. */
#pragma once

#include "base/arena.h"
#include "route/engine.h"
#include "route/group.h"

/* The walk that finds the entries of next hops that have changed. */
struct route_hop_walk {
	bool under_way;
	enum bgp_family family;
	uint64_t at;
	uint64_t since; /* it looks for what changed after this, as struct route_hops counts */
	uint64_t until; /* changes when it started; later ones need another walk */
};

struct route_engine {
	struct route_engine_config cfg;
	struct route_engine_ops ops;
	void *user;
	struct route_hops hops;
	struct route_hop_walk hop_walk;
	struct route_attr_store *store;
	struct route_rib *rib[BGP_FAMILIES];
	struct list groups[BGP_FAMILIES];
	size_t group_count[BGP_FAMILIES];
	uint64_t group_ids[BGP_FAMILIES][ROUTE_GROUPS_MAX / 64]; /* in use */
	struct list peers, closed;
	struct route_decide decide;
	struct arena *arena;	/* for attributes on their way out */
	struct route_pack pack; /* for members' own queues */
};

/* The inside of the engine, for the files of this folder. */
#pragma once

#include "base/arena.h"
#include "route/engine.h"
#include "route/group.h"

/* A walk over the tables of both families, in slices. */
struct route_table_walk {
	bool under_way;
	enum bgp_family family;
	uint64_t at;
};

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
	struct list gone;	   /* closed peers without paths, of which the watch may have to tell yet */
	struct route_watch *watch; /* NULL: nobody watches */
	struct list movers;	   /* members on their way to another group */
	bool regroup;		   /* the settings of some peer have changed */
	bool graceful_shutdown;
	uint64_t now_s; /* when it was called last */
	/* All entries count as changed; held paths pass their peer's import policy again. */
	struct route_table_walk touch, refilter;
	struct route_decide decide;
	struct arena *arena;	/* for attributes on their way out */
	struct route_pack pack; /* for members' own queues */
};

/* --- engine.c --- */
/* A number for marks on paths; -1 when there is none left. */
int route_engine_take_group_id(struct route_engine *e, enum bgp_family f);
void route_engine_give_group_id(struct route_engine *e, enum bgp_family f, unsigned id);
void route_engine_key_of(const struct route_peer *p, enum bgp_family f, struct route_group_key *key);
struct route_group *route_engine_find_group(
	struct route_engine *e, enum bgp_family f, const struct route_group_key *key);
/* Made when there is none; NULL when no more groups are possible. */
struct route_group *route_engine_get_group(
	struct route_engine *e, enum bgp_family f, const struct route_group_key *key);

/* --- change.c --- */
/* A slice of what follows from changed settings; true when more is to be done. */
bool route_changes_work(struct route_engine *e);

#include "route/engine.h"

#include "base/mem.h"
#include "route/engine_private.h"
#include "route/peer_private.h"
#include "route/watch_private.h"

#include <stdlib.h>
#include <string.h>

enum {
	DRAIN_PATHS = 4096, /* paths of closed peers withdrawn per call */
	WALK_PARTS = 4096,
	STREAM_WINDOW = 8 * 1024 * 1024,
};

static void table_changed(void *user)
{
	struct route_engine *e = user;

	e->ops.wake(e->user);
}

struct route_engine *route_engine_new(
	const struct route_engine_config *cfg, const struct route_engine_ops *ops, void *user)
{
	struct route_engine *e = mem_calloc(1, sizeof(*e));

	e->cfg = *cfg;
	if (!e->cfg.walk_parts)
		e->cfg.walk_parts = WALK_PARTS;
	if (!e->cfg.stream_window)
		e->cfg.stream_window = STREAM_WINDOW;
	e->ops = *ops;
	e->user = user;
	route_hops_init(&e->hops, cfg->next_hop_check, &ops->next_hops, user);
	e->store = route_attr_store_new(&e->hops);
	e->decide.opts = cfg->decide;
	e->arena = arena_new();
	list_init(&e->peers);
	list_init(&e->closed);
	list_init(&e->gone);
	list_init(&e->movers);
	for (int f = 0; f < BGP_FAMILIES; f++) {
		e->rib[f] = route_rib_new((enum bgp_family)f, e->store, table_changed, e);
		list_init(&e->groups[f]);
	}
	return e;
}

struct route_rib *route_engine_rib(const struct route_engine *e, enum bgp_family family)
{
	return e->rib[family];
}

const struct route_engine_config *route_engine_config(const struct route_engine *e)
{
	return &e->cfg;
}

struct route_decide *route_engine_decide(struct route_engine *e)
{
	return &e->decide;
}

size_t route_engine_groups(const struct route_engine *e, enum bgp_family family)
{
	return e->group_count[family];
}

/* --- update groups --- */

int route_engine_take_group_id(struct route_engine *e, enum bgp_family f)
{
	for (int id = 0; id < ROUTE_GROUPS_MAX; id++) {
		uint64_t *word = &e->group_ids[f][id / 64], bit = 1ULL << (id % 64);

		if (!(*word & bit)) {
			*word |= bit;
			return id;
		}
	}
	return -1;
}

void route_engine_give_group_id(struct route_engine *e, enum bgp_family f, unsigned id)
{
	e->group_ids[f][id / 64] &= ~(1ULL << (id % 64));
}

void route_engine_key_of(const struct route_peer *p, enum bgp_family f, struct route_group_key *key)
{
	bool ours = p->cfg.next_hop_self || p->cfg.type == ROUTE_PEER_EBGP;

	memset(key, 0, sizeof(*key));
	key->type = p->cfg.type;
	key->send_mode = p->negotiated.add_path_tx[f] ? p->cfg.send_mode[f] : ROUTE_SEND_BEST;
	key->send_n = key->send_mode == ROUTE_SEND_BEST_N ? p->cfg.send_n : 0;
	key->as4 = p->negotiated.as4;
	key->max_len = p->negotiated.max_tx;
	key->extended_next_hop = f == BGP_IPV4_UNICAST && p->negotiated.extended_next_hop;
	key->next_hop_self = ours;
	if (ours)
		key->local = p->cfg.local[f];
	key->advertisement_interval_ms = p->cfg.advertisement_interval_ms;
	key->export = p->cfg.export;
	key->graceful_shutdown = p->engine->graceful_shutdown;
}

struct route_group *route_engine_find_group(
	struct route_engine *e, enum bgp_family f, const struct route_group_key *key)
{
	LIST_FOREACH (l, &e->groups[f]) {
		struct route_group *g = LIST_ENTRY(l, struct route_group, link);

		if (!g->retired && !g->yields && !g->superseded && route_group_key_equal(&g->key, key))
			return g;
	}
	return NULL;
}

struct route_group *route_engine_get_group(
	struct route_engine *e, enum bgp_family f, const struct route_group_key *key)
{
	struct route_group *g = route_engine_find_group(e, f, key);
	int id;

	if (g)
		return g;
	id = route_engine_take_group_id(e, f);
	if (id < 0)
		return NULL;
	g = route_group_new(e, e->rib[f], (unsigned)id, key);
	list_add_tail(&e->groups[f], &g->link);
	e->group_count[f]++;
	return g;
}

static void drop_group(struct route_engine *e, enum bgp_family f, struct route_group *g)
{
	route_engine_give_group_id(e, f, g->id);
	e->group_count[f]--;
	list_del(&g->link);
	route_group_free(g);
}

/* --- peers --- */

/* A family that is not sent still gets its End-of-RIB: the peer may be waiting for it. */
static void end_of_rib_only(struct route_peer *p, enum bgp_family f)
{
	struct writer w = writer_init(bgp_queue_room(&p->queue, BGP_MESSAGE_MAX), BGP_MESSAGE_MAX);

	bgp_update_encode_end_of_rib(&w, f);
	bgp_queue_commit(&p->queue, writer_len(&w));
}

static void join_group(struct route_peer *p, enum bgp_family f)
{
	struct route_group_key key;
	struct route_group *g = NULL;

	if (!route_policy_none(p->cfg.export)) {
		route_engine_key_of(p, f, &key);
		g = route_engine_get_group(p->engine, f, &key);
		p->unserved |= !g;
	}
	if (g)
		p->member[f] = route_member_new(g, p);
	else
		end_of_rib_only(p, f);
}

struct route_peer *route_peer_new(struct route_engine *e, const struct route_peer_config *cfg,
	const struct bgp_negotiated *n, void *peer_user)
{
	struct route_peer *p = mem_calloc(1, sizeof(*p));

	p->cfg = *cfg;
	p->engine = e;
	p->user = peer_user;
	p->negotiated = *n;
	bgp_queue_init(&p->queue);
	list_add_tail(&e->peers, &p->link);
	for (int f = 0; f < BGP_FAMILIES; f++) {
		if (n->family[f])
			join_group(p, (enum bgp_family)f);
	}
	e->ops.wake(e->user);
	e->ops.kick(peer_user);
	return p;
}

static void leave_group(struct route_peer *p, enum bgp_family f)
{
	struct route_member *m = p->member[f];
	struct route_group *g = m ? m->group : NULL;

	if (!m)
		return;
	route_member_free(m);
	p->member[f] = NULL;
	route_group_retire_if_idle(g);
}

void route_peer_close(struct route_peer *p)
{
	for (int f = 0; f < BGP_FAMILIES; f++)
		leave_group(p, (enum bgp_family)f);
	bgp_queue_fini(&p->queue);
	route_rejects_free(p->rejects);
	p->rejects = NULL;
	p->closed = true;
	p->user = NULL;
	list_del(&p->link);
	list_add_tail(&p->engine->closed, &p->link);
	p->engine->ops.wake(p->engine->user);
}

/* --- work --- */

/* Withdraws paths of closed peers; true when some are left. */
static bool drain_closed(struct route_engine *e)
{
	size_t budget = DRAIN_PATHS;

	LIST_FOREACH (pl, &e->closed) {
		struct route_peer *p = LIST_ENTRY(pl, struct route_peer, link);

		for (int f = 0; f < BGP_FAMILIES; f++) {
			struct chain *paths = &p->adj_rib_in[f];

			while (paths->first) {
				if (budget-- == 0)
					return true;
				route_rib_remove(e->rib[f], paths, route_rib_path(e->rib[f], paths->first));
			}
		}
		list_del(&p->link);
		if (e->watch)
			list_add_tail(&e->gone, &p->link);
		else
			free(p);
	}
	return false;
}

static uint64_t work_groups(struct route_engine *e, enum bgp_family f, uint64_t now_ms)
{
	uint64_t wait = UINT64_MAX;

	LIST_FOREACH (l, &e->groups[f]) {
		struct route_group *g = LIST_ENTRY(l, struct route_group, link);
		uint64_t w = route_group_work(g, now_ms);

		if (g->retired && w == UINT64_MAX)
			drop_group(e, f, g);
		else if (w < wait)
			wait = w;
	}
	route_rib_trim(e->rib[f]);
	return wait;
}

/* --- next hops --- */

const struct route_hops *route_engine_hops(const struct route_engine *e)
{
	return &e->hops;
}

void route_engine_tell_next_hop(
	struct route_engine *e, const struct ip_addr *addr, const struct route_reach *reach)
{
	if (route_hops_tell(&e->hops, addr, reach))
		e->ops.wake(e->user);
}

static void touch_if_changed(void *user, struct route_entry *entry)
{
	struct route_engine *e = user;

	ROUTE_EACH_PATH (p, &entry->paths) {
		if (p->flags & ROUTE_PATH_GONE || p->attrs->hop->changed <= e->hop_walk.since)
			continue;
		route_rib_touch(e->rib[e->hop_walk.family], entry);
		return;
	}
}

/* True when the walk, or another one, has to go on. */
static bool walk_hops(struct route_engine *e)
{
	struct route_hop_walk *w = &e->hop_walk;

	if (!w->under_way) {
		if (w->until == e->hops.changes)
			return false;
		*w = (struct route_hop_walk){ true, BGP_IPV4_UNICAST, 0, w->until, e->hops.changes };
	}
	for (unsigned i = 0; i < e->cfg.walk_parts; i++) {
		if (route_rib_walk(e->rib[w->family], &w->at, touch_if_changed, e))
			continue;
		w->at = 0;
		w->family = (enum bgp_family)(w->family + 1);
		w->under_way = w->family < BGP_FAMILIES;
		if (!w->under_way)
			return w->until != e->hops.changes;
	}
	return true;
}

uint64_t route_engine_work(struct route_engine *e, uint64_t now_ms)
{
	bool walking, changing;
	uint64_t wait;

	e->now_s = now_ms / 1000;
	walking = walk_hops(e);
	changing = route_changes_work(e);
	wait = drain_closed(e) || walking || changing ? 0 : UINT64_MAX;

	for (int f = 0; f < BGP_FAMILIES; f++) {
		uint64_t w = work_groups(e, (enum bgp_family)f, now_ms);

		if (w < wait)
			wait = w;
	}
	if (route_watch_work(e))
		wait = 0;
	return route_moves_work(e) || e->regroup ? 0 : wait;
}

bool route_engine_is_amid_change(const struct route_engine *e)
{
	return !list_empty(&e->closed) || e->hop_walk.under_way || e->hop_walk.until != e->hops.changes ||
	       e->touch.under_way || e->refilter.under_way;
}

void route_engine_free(struct route_engine *e)
{
	if (!e)
		return;
	e->ops.wake = NULL;
	e->hops.ops = (struct route_hops_ops){ NULL, NULL };
	route_watch_fini(e);
	LIST_FOREACH (l, &e->peers) {
		struct route_peer *p = LIST_ENTRY(l, struct route_peer, link);

		for (int f = 0; f < BGP_FAMILIES; f++)
			leave_group(p, (enum bgp_family)f);
		bgp_queue_fini(&p->queue);
		route_rejects_free(p->rejects);
		list_del(&p->link);
		list_add_tail(&e->closed, &p->link);
	}
	for (int f = 0; f < BGP_FAMILIES; f++) {
		LIST_FOREACH (l, &e->groups[f])
			drop_group(e, (enum bgp_family)f, LIST_ENTRY(l, struct route_group, link));
		LIST_FOREACH (pl, &e->closed) {
			struct route_peer *p = LIST_ENTRY(pl, struct route_peer, link);

			for (const struct route_path *path =
					route_rib_path(e->rib[f], p->adj_rib_in[f].first);
				path; path = route_rib_path(e->rib[f], path->peer_link.next))
				route_attrs_unref(e->store, path->attrs);
		}
		route_rib_free(e->rib[f]);
	}
	LIST_FOREACH (l, &e->closed)
		free(LIST_ENTRY(l, struct route_peer, link));
	route_attr_store_free(e->store);
	route_hops_fini(&e->hops);
	route_decide_fini(&e->decide);
	route_pack_fini(&e->pack);
	arena_free(e->arena);
	free(e);
}

void route_engine_memory(const struct route_engine *e,
	void (*fn)(void *user, const char *what, size_t objects, size_t octets), void *user)
{
	size_t entries = 0, paths = 0, tombstones = 0, octets = 0, groups = 0, streams = 0, states = 0;
	size_t rejects = 0, reject_octets = 0;

	for (int f = 0; f < BGP_FAMILIES; f++) {
		entries += route_rib_entries(e->rib[f]);
		paths += route_rib_paths(e->rib[f]);
		tombstones += route_rib_tombstones(e->rib[f]);
		octets += route_rib_bytes(e->rib[f]);
		states += route_sent_count(route_rib_sent(e->rib[f]));
		groups += e->group_count[f];
		LIST_FOREACH (l, (struct list *)(uintptr_t)&e->groups[f])
			streams += LIST_ENTRY(l, struct route_group, link)->stream.bytes;
	}
	fn(user, "prefixes", entries, octets);
	fn(user, "paths", paths, paths * sizeof(struct route_path));
	fn(user, "withdrawn paths not yet told to all", tombstones, tombstones * sizeof(struct route_path));
	fn(user, "attribute sets", route_attr_store_count(e->store), route_attr_store_bytes(e->store));
	fn(user, "next hops", e->hops.table.count, e->hops.table.count * sizeof(struct route_hop));
	LIST_FOREACH (l, (struct list *)(uintptr_t)&e->peers) {
		const struct route_peer *p = LIST_ENTRY(l, struct route_peer, link);

		rejects += p->rejects ? route_rejects_count(p->rejects) : 0;
		reject_octets += p->rejects ? route_rejects_octets(p->rejects) : 0;
	}
	fn(user, "refused routes remembered", rejects, reject_octets);
	fn(user, "update groups", groups, streams);
	fn(user, "sent states", states, 0);
}

/*
 * Settings that change while sessions are up.
 *
 * Nothing here takes effect inside the call: it is noted, and done in slices by route_changes_work(). So the settings of many
 * peers can change together, and a group all of whose members are to be told the same takes the new key itself; only
 * where they part do members move (move.c). What has been taken from a peer passes its new import policy in a walk over the
 * table; what was refused before nobody has, and the program asks the peer for it.
 */
#include "base/mem.h"
#include "route/engine_private.h"
#include "route/peer_private.h"

/* --- walks --- */

static void walk_begin(struct route_engine *e, struct route_table_walk *w)
{
	*w = (struct route_table_walk){ .under_way = true };
	e->ops.wake(e->user);
}

/* True when it goes on. */
static bool walk_slice(
	struct route_engine *e, struct route_table_walk *w, void (*fn)(void *user, struct route_entry *entry))
{
	for (unsigned i = 0; w->under_way && i < e->cfg.walk_parts; i++) {
		if (route_rib_walk(e->rib[w->family], &w->at, fn, e))
			continue;
		w->at = 0;
		w->family = (enum bgp_family)(w->family + 1);
		w->under_way = w->family < BGP_FAMILIES;
	}
	return w->under_way;
}

/* --- the decision --- */

static void touch(void *user, struct route_entry *entry)
{
	struct route_engine *e = user;

	if (route_paths_count(entry->paths))
		route_rib_touch(e->rib[e->touch.family], entry);
}

void route_engine_reevaluate(struct route_engine *e, const struct route_decide_opts *opts)
{
	e->cfg.decide = e->decide.opts = *opts;
	walk_begin(e, &e->touch);
}

void route_engine_set_identity(
	struct route_engine *e, uint32_t local_as, uint32_t router_id, uint32_t cluster_id)
{
	e->cfg.local_as = local_as;
	e->cfg.router_id = router_id;
	e->cfg.cluster_id = cluster_id;
}

/* --- import --- */

static void refilter_path(struct route_peer *p, enum bgp_family f, struct route_path *path)
{
	struct bgp_nlri n = { route_entry_prefix(path->entry), path->path_id_in };
	struct bgp_next_hop nh = route_attrs_next_hop(path->attrs);
	struct ip_addr next_hop = bgp_next_hop_addr(&nh);
	enum route_reject why;

	if (!route_peer_allows_next_hop(p, &next_hop, &why))
		route_peer_reject(p, &n, &next_hop, why);
	else if (!route_policy_allows_prefix(p->cfg.import, &n.prefix))
		route_peer_reject(p, &n, &next_hop, ROUTE_REJECT_PREFIX);
	else
		return;
	route_rib_remove(p->engine->rib[f], &p->adj_rib_in[f], path);
	p->counters.received[f]--;
}

static void refilter(void *user, struct route_entry *entry)
{
	struct route_engine *e = user;

	ROUTE_EACH_PATH (p, &entry->paths) {
		if (!(p->flags & ROUTE_PATH_GONE) && p->peer->refilter)
			refilter_path(p->peer, e->refilter.family, p);
	}
}

static void end_refilter(struct route_engine *e)
{
	LIST_FOREACH (l, &e->peers) {
		struct route_peer *p = LIST_ENTRY(l, struct route_peer, link);

		if (!p->refilter)
			continue;
		p->refilter = false;
		e->ops.refiltered(p->user);
	}
}

bool route_peer_over_limit(const struct route_peer *p, enum bgp_family *family)
{
	uint32_t max = route_policy_max_prefixes(p->cfg.import);

	for (int f = 0; max && f < BGP_FAMILIES; f++) {
		if (p->counters.received[f] <= max)
			continue;
		*family = (enum bgp_family)f;
		return true;
	}
	return false;
}

/* --- update groups --- */

/* The family was not sent, and is from now on: no table, no end of one, just routes. */
static bool join(struct route_peer *p, enum bgp_family f)
{
	struct route_group_key key;
	struct route_group *g;

	if (route_policy_none(p->cfg.export))
		return true;
	route_engine_key_of(p, f, &key);
	g = route_engine_get_group(p->engine, f, &key);
	if (!g)
		return false;
	p->member[f] = route_member_new(g, p);
	p->member[f]->end_of_rib = false;
	p->engine->ops.kick(p->user);
	return true;
}

/* Do all members of the group want this key? */
static bool is_unanimous(const struct route_group *g, enum bgp_family f, const struct route_group_key *key)
{
	LIST_FOREACH (l, (struct list *)(uintptr_t)&g->members) {
		const struct route_member *m = LIST_ENTRY(l, struct route_member, link);
		struct route_group_key wanted;

		route_engine_key_of(m->peer, f, &wanted);
		if (m->next || !route_group_key_equal(&wanted, key))
			return false;
	}
	return true;
}

/* Nobody comes or goes, and nobody is still told by it what another group will say. */
static bool is_settled(const struct route_group *g)
{
	return !g->expected && list_empty(&g->leavers);
}

/* The key that more than half of the members want, if there is one: who is not outvoted, counted again. */
static bool majority_key(const struct route_group *g, enum bgp_family f, struct route_group_key *key)
{
	struct route_group_key wanted;
	size_t votes = 0;

	*key = (struct route_group_key){ 0 };
	for (int round = 0; round < 2; round++) {
		votes = 0;
		LIST_FOREACH (l, (struct list *)(uintptr_t)&g->members) {
			route_engine_key_of(LIST_ENTRY(l, struct route_member, link)->peer, f, &wanted);
			if (round == 0 && votes == 0)
				*key = wanted;
			if (route_group_key_equal(&wanted, key))
				votes++;
			else if (round == 0)
				votes--;
		}
	}
	return 2 * votes > g->member_count;
}

/* Those who do not want the key that most want are to go. */
static void yield(struct route_group *g, enum bgp_family f, const struct route_group_key *key)
{
	g->yields = true;
	g->next_key = *key;
	LIST_FOREACH (l, &g->members) {
		struct route_peer *p = LIST_ENTRY(l, struct route_member, link)->peer;
		struct route_group_key wanted;

		route_engine_key_of(p, f, &wanted);
		p->regroup |= !route_group_key_equal(&wanted, key);
	}
}

static void yield_if_most_want(struct route_engine *e, struct route_group *g, enum bgp_family f)
{
	struct route_group_key key;
	struct route_group *other;

	if (g->retired || g->yields || g->superseded || !is_settled(g) || !majority_key(g, f, &key) ||
		route_group_key_equal(&key, &g->key))
		return;
	other = route_engine_find_group(e, f, &key);
	if (other ? other->member_count >= g->member_count || !is_settled(other) : is_unanimous(g, f, &key))
		return;
	/* Each of the others might need a group of its own. */
	if (e->group_count[f] + g->member_count / 2 < ROUTE_GROUPS_MAX)
		yield(g, f, &key);
}

/* Not before the other one's pass is over: while somebody waits for its end a pass does not wait for slow members. */
static void come_over_if_possible(struct route_engine *e, struct route_group *g, enum bgp_family f)
{
	const struct route_group *to = g->superseded ? route_engine_find_group(e, f, &g->key) : NULL;

	if (!to || to->walking)
		return;
	LIST_FOREACH (l, &g->members)
		LIST_ENTRY(l, struct route_member, link)->peer->regroup = true;
}

static void take_next_key(struct route_engine *e, struct route_group *g, enum bgp_family f)
{
	struct route_group *other;

	if (g->retired || !g->yields || !is_settled(g) || !is_unanimous(g, f, &g->next_key))
		return;
	other = route_engine_find_group(e, f, &g->next_key);
	if (other)
		other->superseded = true;
	g->yields = false;
	route_group_rekey(g, &g->next_key);
}

static bool regroup_member(struct route_peer *p, enum bgp_family f)
{
	struct route_member *m = p->member[f];
	struct route_group *g = m->group, *to;
	struct route_group_key key;

	route_engine_key_of(p, f, &key);
	if (!g->superseded && route_group_key_equal(g->yields ? &g->next_key : &g->key, &key)) {
		route_member_move(m, g);
		return true;
	}
	if (!g->yields && !g->superseded && is_settled(g) && !route_engine_find_group(p->engine, f, &key) &&
		is_unanimous(g, f, &key)) {
		route_group_rekey(g, &key);
		return true;
	}
	to = route_engine_get_group(p->engine, f, &key);
	if (!to)
		return false;
	route_member_move(m, to);
	return true;
}

static void regroup_peer(struct route_peer *p)
{
	bool served = true;

	for (int f = 0; f < BGP_FAMILIES; f++) {
		if (!p->negotiated.family[f])
			continue;
		served &= p->member[f] ? regroup_member(p, (enum bgp_family)f) : join(p, (enum bgp_family)f);
	}
	p->regroup = false;
	p->unserved |= !served;
	if (!served)
		p->engine->ops.unserved(p->user);
}

static void regroup(struct route_engine *e)
{
	e->regroup = false;
	for (int f = 0; f < BGP_FAMILIES; f++) {
		LIST_FOREACH (l, &e->groups[f]) {
			struct route_group *g = LIST_ENTRY(l, struct route_group, link);

			yield_if_most_want(e, g, (enum bgp_family)f);
			come_over_if_possible(e, g, (enum bgp_family)f);
		}
	}
	LIST_FOREACH (l, &e->peers) {
		struct route_peer *p = LIST_ENTRY(l, struct route_peer, link);

		if (p->regroup)
			regroup_peer(p);
	}
	for (int f = 0; f < BGP_FAMILIES; f++) {
		LIST_FOREACH (l, &e->groups[f])
			take_next_key(e, LIST_ENTRY(l, struct route_group, link), (enum bgp_family)f);
	}
}

/* --- for the program --- */

void route_peer_set_config(struct route_peer *p, const struct route_peer_config *cfg)
{
	struct route_peer_config *c = &p->cfg;
	struct route_engine *e = p->engine;
	bool import = c->import != cfg->import;

	for (int f = 0; f < BGP_FAMILIES; f++)
		c->send_mode[f] = cfg->send_mode[f];
	c->send_n = cfg->send_n;
	c->next_hop_self = cfg->next_hop_self;
	c->advertisement_interval_ms = cfg->advertisement_interval_ms;
	c->rejects_max = cfg->rejects_max;
	if (p->rejects)
		route_rejects_set_max(p->rejects, cfg->rejects_max);
	c->import = cfg->import;
	c->export = cfg->export;
	p->regroup = e->regroup = true;
	p->refilter |= import;
	if (import)
		walk_begin(e, &e->refilter);
	e->ops.wake(e->user);
}

void route_engine_set_graceful_shutdown(struct route_engine *e, bool on)
{
	if (e->graceful_shutdown == on)
		return;
	e->graceful_shutdown = on;
	e->regroup = true;
	LIST_FOREACH (l, &e->peers)
		LIST_ENTRY(l, struct route_peer, link)->regroup = true;
	e->ops.wake(e->user);
}

bool route_engine_graceful_shutdown(const struct route_engine *e)
{
	return e->graceful_shutdown;
}

bool route_engine_uses(const struct route_engine *e, const struct route_policy *policy)
{
	LIST_FOREACH (l, (struct list *)(uintptr_t)&e->peers) {
		const struct route_peer *p = LIST_ENTRY(l, struct route_peer, link);

		if (p->cfg.import == policy || p->cfg.export == policy)
			return true;
	}
	for (int f = 0; f < BGP_FAMILIES; f++) {
		LIST_FOREACH (l, (struct list *)(uintptr_t)&e->groups[f]) {
			const struct route_group *g = LIST_ENTRY(l, struct route_group, link);

			if (!g->retired && g->key.export == policy)
				return true;
		}
	}
	return false;
}

bool route_changes_work(struct route_engine *e)
{
	bool more = walk_slice(e, &e->touch, touch);

	if (e->regroup)
		regroup(e);
	if (!e->refilter.under_way)
		return more;
	if (walk_slice(e, &e->refilter, refilter))
		return true;
	end_refilter(e);
	return more;
}

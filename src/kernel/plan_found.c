/* What the kernel was found to have, or to have lost: listings, and events of other programs' doing. */
#include "base/mem.h"
#include "kernel/plan_store.h"

void plan_listing_begin(struct plan *p, bool with_routes)
{
	p->listing = true;
	p->listing_routes = with_routes;
	for (struct hash_node *n = hash_walk(&p->objects, NULL); n; n = hash_walk(&p->objects, n))
		HASH_ENTRY(n, struct plan_object, by_id)->seen = false;
	if (!with_routes)
		return;
	for (struct hash_node *n = hash_walk(&p->routes, NULL); n; n = hash_walk(&p->routes, n))
		HASH_ENTRY(n, struct plan_route, node)->seen = false;
}

static void add_leftover(struct plan *p, uint32_t id, bool is_group)
{
	struct plan_object *o;

	if (is_group) {
		o = &plan_group_add(p, NULL)->object;
		p->leftover_groups++;
	} else {
		struct plan_next_hop *nh = mem_calloc(1, sizeof(*nh));

		nh->detached = true;
		o = &nh->object;
	}
	o->is_group = is_group;
	o->present = o->seen = o->leftover = true;
	plan_object_enter(p, o, id);
	if (p->swept)
		plan_object_idle(p, o);
}

static bool has_members(const struct plan_set *s, const struct plan_hop *hop, size_t count)
{
	size_t at = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct plan_next_hop *nh = s->member[i].nh;

		if (!nh->resolution.reachable)
			continue;
		if (at == count || hop[at].id != nh->object.id || hop[at].weight != s->member[i].weight)
			return false;
		at++;
	}
	return at == count;
}

static void compare_group(struct plan *p, struct plan_group *g, const struct plan_hop *hop, size_t count)
{
	if (!g->set)
		return;
	if (!has_members(g->set, hop, count)) {
		plan_group_mark_stale(p, g);
		return;
	}
	g->object.stale = false;
	g->object.error = 0;
	list_del(&g->stale_link);
}

static void compare_next_hop(struct plan *p, struct plan_next_hop *nh, const struct plan_hop *hop)
{
	const struct plan_resolution *r = &nh->resolution;

	nh->object.stale = r->reachable &&
			   (hop->ifindex != r->ifindex || !ip_addr_equal(&hop->gateway, &r->gateway));
	if (nh->object.stale)
		p->next_hops_dirty = true;
}

void plan_found_object(struct plan *p, uint32_t id, bool is_group, const struct plan_hop *hop, size_t count)
{
	struct plan_object *o;

	if (!plan_id_is_ours(p, id))
		return;
	o = plan_object_get(p, id);
	if (!o) {
		add_leftover(p, id, is_group);
		return;
	}
	if (o->is_group != is_group)
		return;
	o->present = o->seen = true;
	if (o->leftover)
		return;
	if (is_group)
		compare_group(p, (struct plan_group *)o, hop, count);
	else
		compare_next_hop(p, (struct plan_next_hop *)o, hop);
}

static struct plan_group *group_of_id(struct plan *p, uint32_t id)
{
	struct plan_object *o = id ? plan_object_get(p, id) : NULL;

	return o && o->is_group ? (struct plan_group *)o : &p->strange;
}

void plan_found_route(struct plan *p, const struct prefix *prefix, uint32_t id)
{
	struct plan_route *r = plan_route_get(p, prefix);
	struct plan_group *g = p->cfg.classic ? &p->strange : group_of_id(p, id);

	if (!r) {
		r = plan_route_add(p, prefix);
		r->leftover = true;
		p->leftover_routes++;
	}
	r->seen = true;
	/* Next hops inside a route are not compared: what we wrote is believed to be there. */
	if (r->group == g || (p->cfg.classic && r->group && p->listing))
		return;
	plan_route_point(p, r, g);
	if (!r->leftover || p->swept)
		plan_route_list(p, r, PLAN_FRESH);
}

static void object_is_gone(struct plan *p, struct plan_object *o)
{
	o->present = false;
	if (o->is_group)
		p->rescan = true;
	else
		p->next_hops_dirty = true;
	if (o->leftover)
		plan_object_idle(p, o);
}

void plan_listing_end(struct plan *p)
{
	p->listing = false;
	for (struct hash_node *n = hash_walk(&p->objects, NULL); n; n = hash_walk(&p->objects, n)) {
		struct plan_object *o = HASH_ENTRY(n, struct plan_object, by_id);

		if (!o->seen && o->present && !p->cfg.classic)
			object_is_gone(p, o);
	}
	if (!p->listing_routes)
		return;
	for (struct hash_node *n = hash_walk(&p->routes, NULL); n; n = hash_walk(&p->routes, n)) {
		struct plan_route *r = HASH_ENTRY(n, struct plan_route, node);

		if (r->seen || !r->group)
			continue;
		plan_route_point(p, r, NULL);
		plan_route_list(p, r, PLAN_FRESH);
	}
}

void plan_lost_route(struct plan *p, const struct prefix *prefix)
{
	struct plan_route *r = plan_route_get(p, prefix);

	if (!r || !r->group)
		return;
	plan_route_point(p, r, NULL);
	plan_route_list(p, r, PLAN_FRESH);
}

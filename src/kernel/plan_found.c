/* What the kernel was found to have, or to have lost: listings, and events of other programs' doing. */
#include "base/mem.h"
#include "kernel/plan_store.h"

void plan_listing_begin(struct plan *p, bool with_routes)
{
	struct plan_route *r;

	p->listing = true;
	p->listing_routes = with_routes;
	for (struct hash_node *n = hash_walk(&p->objects, NULL); n; n = hash_walk(&p->objects, n))
		HASH_ENTRY(n, struct plan_object, by_id)->seen = false;
	if (!with_routes)
		return;
	for (size_t at = 0; (r = plan_route_walk(p, &at));)
		r->seen = false;
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

static void compare_group(struct plan *p, struct plan_group *g, const struct plan_found *o)
{
	struct plan_hop hop[FIB_NEXT_HOPS_MAX];

	plan_group_sent(g, o->hop, o->count);
	if (!g->set)
		return;
	if (!plan_group_has(g, hop, plan_set_hops(g->set, hop))) {
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

	nh->sent = *hop;
	nh->object.stale = r->reachable &&
			   (hop->ifindex != r->ifindex || !ip_addr_equal(&hop->gateway, &r->gateway));
	if (nh->object.stale)
		p->next_hops_dirty = true;
}

void plan_found_object(struct plan *p, const struct plan_found *f)
{
	struct plan_object *o;

	if (!plan_id_is_ours(p, f->id))
		return;
	o = plan_object_get(p, f->id);
	if (!o && !p->adopted && !p->cfg.classic) {
		plan_adopt_object(p, f);
		return;
	}
	if (!o) {
		add_leftover(p, f->id, f->is_group);
		return;
	}
	if (o->is_group != f->is_group)
		return;
	o->present = o->seen = true;
	if (o->leftover)
		return;
	if (f->is_group)
		compare_group(p, (struct plan_group *)o, f);
	else
		compare_next_hop(p, (struct plan_next_hop *)o, f->hop);
}

static struct plan_group *group_of_id(struct plan *p, uint32_t id)
{
	struct plan_object *o = id ? plan_object_get(p, id) : NULL;

	return o && o->is_group ? (struct plan_group *)o : &p->strange;
}

/* What a route that was found points at. */
static struct plan_group *target_of(struct plan *p, uint32_t id, enum plan_on_empty reject)
{
	if (reject)
		return reject == p->cfg.on_empty ? &p->reject : &p->strange;
	return p->cfg.classic ? &p->strange : group_of_id(p, id);
}

void plan_found_route(
	struct plan *p, const struct prefix *prefix, uint32_t id, enum plan_on_empty reject, uint8_t kind)
{
	struct plan_route *r = plan_route_get(p, prefix);
	struct plan_group *g = target_of(p, id, reject);

	if (!r) {
		r = plan_route_add(p, prefix);
		r->leftover = true;
		p->leftover_routes++;
	}
	r->seen = true;
	/* Next hops inside a route are not compared: what we wrote is believed to be there. */
	if (plan_route_group(p, r) == g || (p->cfg.classic && !reject && r->group && p->listing))
		return;
	plan_route_point(p, r, g);
	if (!p->adopted && p->listing) {
		r->owned = true;
		r->empty = g == &p->reject;
		/* It has a group now: what it waits for, if at all, is to move. */
		plan_route_list(p, r, PLAN_NOWHERE);
		plan_adopt_route(p, r, g, kind);
		/* What was found is what is wanted, as a rule. */
		if (r->where == PLAN_WAITING && r->wanted && g->set == plan_route_wanted(p, r))
			plan_route_list(p, r, PLAN_NOWHERE);
		else if (r->wanted || p->swept)
			plan_route_list(p, r, PLAN_WAITING);
		return;
	}
	if (!r->leftover || p->swept)
		plan_route_list(p, r, PLAN_WAITING);
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
	struct plan_route *r;

	p->listing = false;
	for (struct hash_node *n = hash_walk(&p->objects, NULL); n; n = hash_walk(&p->objects, n)) {
		struct plan_object *o = HASH_ENTRY(n, struct plan_object, by_id);

		if (!o->seen && o->present && !p->cfg.classic)
			object_is_gone(p, o);
	}
	if (!p->listing_routes)
		return;
	p->adopted = true;
	for (size_t at = 0; (r = plan_route_walk(p, &at));) {
		if (r->seen || !r->group)
			continue;
		plan_route_point(p, r, NULL);
		plan_route_list(p, r, PLAN_WAITING);
	}
}

void plan_lost_route(struct plan *p, const struct prefix *prefix)
{
	struct plan_route *r = plan_route_get(p, prefix);

	if (!r || !r->group)
		return;
	plan_route_point(p, r, NULL);
	plan_route_list(p, r, PLAN_WAITING);
}

bool plan_foreign_route(struct plan *p, const struct prefix *prefix, bool there)
{
	struct plan_route *r = plan_route_get(p, prefix);

	if (!r || r->foreign == there)
		return false;
	r->foreign = there;
	p->foreign += there ? 1 : (size_t)-1;
	if (!there && r->where == PLAN_REFUSED)
		plan_route_list(p, r, PLAN_WAITING);
	return true;
}

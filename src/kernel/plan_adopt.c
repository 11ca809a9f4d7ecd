/*
 * Adoption: what an earlier run left in the kernel becomes ours again, with its ids.
 *
 * Next hops are found under ids, as interface and gateway; nothing in the kernel tells the address BGP knew them by. So a
 * next-hop object that is found is entered as a next hop at its gateway's address, which is the same for one on-link. A
 * wish for that address then simply finds it. A next hop behind a router is recognized when it has been resolved
 * to the same gateway: it becomes the "heir" of the one that was found and takes the object over.
 *
 * A route that is found over a group of such next hops holds on to them (struct plan_hold): until plan_sweep() it wants the
 * union of what was found and what is wished, each next hop with the larger weight, because the wishes of a daemon
 * that has just started are incomplete until its peers have told everything.
 *
 * Invariant: route.wanted is hold.found united with hold.wished, or what is wished alone where there is no hold.
 */
#include "base/mem.h"
#include "kernel/plan_store.h"

#include <stdlib.h>

void plan_route_want(struct plan *p, struct plan_route *r, struct plan_set *s)
{
	bool resilient = s && plan_kind_is_resilient(p, s->kind), same;

	p->resilient += (size_t)resilient - r->resilient;
	r->resilient = resilient;
	same = plan_route_wanted(p, r) == s;
	plan_route_set_wanted(p, r, s);
	if (!same)
		plan_route_list(p, r, PLAN_WAITING);
}

static void set_leftover(struct plan *p, struct plan_route *r, bool leftover)
{
	p->leftover_routes += (size_t)leftover - r->leftover;
	r->leftover = leftover;
}

static void join(struct plan_member *m, size_t *count, const struct plan_member *one)
{
	for (size_t i = 0; i < *count; i++) {
		if (m[i].nh != one->nh)
			continue;
		if (m[i].weight < one->weight)
			m[i].weight = one->weight;
		return;
	}
	if (*count < FIB_NEXT_HOPS_MAX)
		m[(*count)++] = *one;
}

static struct plan_set *unite(struct plan *p, const struct plan_route *r)
{
	const struct plan_hold *hold = plan_route_hold(p, r);
	const struct plan_set *found = hold->found, *wished = hold->wished;
	uint8_t kind = wished ? wished->kind : found->kind;
	struct plan_member m[FIB_NEXT_HOPS_MAX];
	size_t count = 0;

	for (size_t i = 0; wished && i < wished->count; i++)
		join(m, &count, &wished->member[i]);
	for (size_t i = 0; i < found->count; i++) {
		struct plan_member one = found->member[i];

		if (one.nh->heir)
			one.nh = one.nh->heir;
		join(m, &count, &one);
	}
	return plan_set_intern_members(p, kind, plan_kind_is_resilient(p, kind) ? r : NULL, m, count);
}

void plan_route_wish(struct plan *p, struct plan_route *r, struct plan_set *s)
{
	struct plan_hold *hold = plan_route_hold(p, r);

	if (!hold) {
		if (s)
			set_leftover(p, r, false);
		plan_route_want(p, r, s);
		return;
	}
	if (hold->wished)
		plan_set_unref(p, hold->wished);
	hold->wished = s;
	set_leftover(p, r, !s);
	plan_route_want(p, r, unite(p, r));
}

void plan_adopt_release(struct plan *p, struct plan_route *r)
{
	struct plan_hold *hold = plan_route_hold(p, r);
	struct plan_set *found, *wished;

	if (!hold)
		return;
	found = hold->found;
	wished = hold->wished;
	plan_route_hold_free(p, r);
	plan_route_want(p, r, wished);
	plan_set_unref(p, found);
}

/* --- what is found --- */

static struct plan_next_hop *next_hop_without_object(const struct plan *p, const struct ip_addr *addr)
{
	for (struct hash_node *n = hash_first(&p->next_hops, ip_addr_hash(addr)); n; n = hash_next(n)) {
		struct plan_next_hop *nh = HASH_ENTRY(n, struct plan_next_hop, by_addr);

		if (ip_addr_equal(&nh->addr, addr) && !nh->object.id)
			return nh;
	}
	return NULL;
}

static void adopt_next_hop(struct plan *p, uint32_t id, const struct plan_hop *hop)
{
	struct plan_next_hop *nh = next_hop_without_object(p, &hop->gateway);

	if (!nh) {
		nh = plan_next_hop_add(p, &hop->gateway);
		nh->found = nh->object.leftover = true;
		p->found_next_hops++;
		/* A lookup cannot find the way to a link-local address: what was right stays right. */
		if (ip_addr_is_link_local(&hop->gateway)) {
			nh->resolution = (struct plan_resolution){
				.reachable = true, .ifindex = hop->ifindex, .gateway = hop->gateway
			};
			nh->known = true;
		}
	}
	nh->sent = *hop;
	nh->object.present = nh->object.seen = true;
	plan_object_enter(p, &nh->object, id);
	if (p->swept && nh->object.leftover)
		plan_object_idle(p, &nh->object);
}

void plan_adopt_object(struct plan *p, const struct plan_found *o)
{
	struct plan_group *g;

	if (!o->is_group) {
		adopt_next_hop(p, o->id, o->hop);
		return;
	}
	g = plan_group_add(p, NULL);
	p->leftover_groups++;
	g->object.present = g->object.seen = g->object.leftover = true;
	g->resilient = o->resilient;
	plan_group_sent(g, o->hop, o->count);
	plan_object_enter(p, &g->object, o->id);
	if (p->swept)
		plan_object_idle(p, &g->object);
}

/* The group's members as a set of next hops; NULL when it has some that we do not know. */
static struct plan_set *set_of(
	struct plan *p, const struct plan_group *g, uint8_t kind, const struct plan_route *owner)
{
	struct plan_member m[FIB_NEXT_HOPS_MAX];

	if (!g->sent_count)
		return NULL;
	for (size_t i = 0; i < g->sent_count; i++) {
		struct plan_object *o = plan_object_get(p, g->sent[i].id);

		if (!o || o->is_group || ((struct plan_next_hop *)o)->detached || !o->present)
			return NULL;
		o->leftover = false;
		m[i] = (struct plan_member){ (struct plan_next_hop *)o, g->sent[i].weight };
	}
	return plan_set_intern_members(p, kind, owner, m, g->sent_count);
}

static void give_set(struct plan *p, struct plan_group *g, struct plan_set *s)
{
	p->leftover_groups -= g->object.leftover;
	g->object.leftover = false;
	g->set = s;
	s->group = g;
	s->refs++;
}

void plan_adopt_route(struct plan *p, struct plan_route *r, struct plan_group *g, uint8_t kind)
{
	bool resilient = plan_kind_is_resilient(p, kind);
	struct plan_set *s, *wished = plan_route_wanted(p, r);
	struct plan_hold *hold;

	if (r->held)
		return;
	/* One that had no resilient group, perhaps because there were too many, does not take another one's place. */
	if (resilient && (!g->resilient || (!r->resilient && p->resilient >= p->cfg.max_resilient))) {
		resilient = false;
		kind = 0;
	}
	s = set_of(p, g, kind, resilient ? r : NULL);
	if (!s)
		return;
	if (!g->set && !s->group && g->resilient == resilient)
		give_set(p, g, s);
	if (p->swept) {
		plan_set_unref(p, s);
		return;
	}
	r->owned = true;
	hold = plan_route_hold_add(p, r);
	hold->found = s;
	hold->wished = wished;
	if (wished)
		wished->refs++;
	plan_route_want(p, r, unite(p, r));
}

/* --- heirs --- */

void plan_adopt_heir(struct plan *p, struct plan_next_hop *nh)
{
	const struct ip_addr *gateway = &nh->resolution.gateway;

	if (nh->object.id || !p->found_next_hops)
		return;
	for (struct hash_node *n = hash_first(&p->next_hops, ip_addr_hash(gateway)); n; n = hash_next(n)) {
		struct plan_next_hop *from = HASH_ENTRY(n, struct plan_next_hop, by_addr);
		struct plan_object *o = &from->object;
		uint32_t id = o->id;

		if (!from->found || !o->present || o->stale || from->sent.ifindex != nh->resolution.ifindex ||
			!ip_addr_equal(&from->sent.gateway, gateway))
			continue;
		plan_object_leave(p, o);
		o->id = 0;
		o->present = false;
		plan_object_enter(p, &nh->object, id);
		nh->object.present = true;
		nh->sent = from->sent;
		nh->object.stale = false;
		p->new_next_hops -= from->refs && !from->known;
		from->known = true;
		if (from->refs) {
			nh->refs++;
			from->heir = nh;
			p->last_set = NULL;
			p->remerge = true;
		} else {
			plan_object_idle(p, o);
		}
		return;
	}
}

void plan_adopt_remerge(struct plan *p)
{
	struct plan_route *r;

	if (!p->remerge)
		return;
	p->remerge = false;
	for (size_t at = 0; (r = plan_route_walk(p, &at));)
		if (r->held)
			plan_route_want(p, r, unite(p, r));
}

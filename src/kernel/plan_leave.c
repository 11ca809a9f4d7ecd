/*
 * Next hops that leave their groups by being deleted.
 *
 * When a group is replaced by one with fewer members, the kernel tells whoever listens of each route over it, with all
 * its next hops, before it does anything else (unless net.ipv4.nexthop_compat_mode is 0): with 64 next hops that took 7 us for
 * each route. When a next hop is deleted, the kernel takes it out of all its groups and tells of the groups alone. So next hops
 * that nobody wishes for any more, as that of a load balancer that died, are deleted in place of their groups' change.
 *
 * Only where their groups are then what is wanted, and what all groups have is known: no group may become empty, which would
 * take its routes along, and none may change twice, which would move flows of others to and fro.
 */
#include "kernel/plan_store.h"

/* So many at most are looked for in all groups; when there are more, or one must stay, all leave as others do. */
enum { LEAVING_MAX = 8 };

struct leaving {
	struct plan_next_hop *nh[LEAVING_MAX];
	size_t count;
	bool too_many;
};

static bool leaves(const struct leaving *l, uint32_t id)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->nh[i]->object.id == id)
			return true;
	return false;
}

static void consider(const struct plan *p, struct leaving *l, uint32_t id)
{
	struct plan_object *o = plan_object_get(p, id);
	struct plan_next_hop *nh = (struct plan_next_hop *)o;

	if (!o || o->is_group || nh->refs || !o->present || o->leftover || nh->detached || leaves(l, id))
		return;
	if (l->count == LEAVING_MAX)
		l->too_many = true;
	else
		l->nh[l->count++] = nh;
}

/* Those in groups that are about to change. */
static void collect(const struct plan *p, struct leaving *l)
{
	LIST_FOREACH (link, (struct list *)(uintptr_t)&p->stale_groups) {
		const struct plan_group *g = LIST_ENTRY(link, struct plan_group, stale_link);

		for (size_t i = 0; g->object.present && i < g->sent_count; i++)
			consider(p, l, g->sent[i].id);
	}
}

/* What is left, by order; their number. */
static uint16_t strike(const struct plan_group *g, const struct leaving *l, struct plan_sent *out)
{
	uint16_t count = 0;

	for (size_t i = 0; i < g->sent_count; i++)
		if (!leaves(l, g->sent[i].id))
			out[count++] = g->sent[i];
	return count;
}

/* Whether the group has none of them, or is what it is to be without them. */
static bool may_leave(const struct plan_group *g, const struct leaving *l)
{
	struct plan_sent left[FIB_NEXT_HOPS_MAX];
	struct plan_hop hop[FIB_NEXT_HOPS_MAX];
	struct plan_group then = { .sent = left };

	if (!g->sent_count)
		return false;
	then.sent_count = strike(g, l, left);
	if (then.sent_count == g->sent_count)
		return true;
	return then.sent_count && g->set && g->refs && plan_group_has(&then, hop, plan_set_hops(g->set, hop));
}

static struct plan_group *next_group(const struct plan *p, struct hash_node **at)
{
	while ((*at = hash_walk(&p->objects, *at))) {
		struct plan_object *o = HASH_ENTRY(*at, struct plan_object, by_id);

		if (o->is_group && o->present)
			return (struct plan_group *)o;
	}
	return NULL;
}

void plan_leave_groups(struct plan *p, struct plan_batch *b)
{
	struct leaving l = { .count = 0 };
	struct hash_node *at = NULL;
	struct plan_group *g;

	if (p->cfg.classic || p->strange.refs)
		return;
	collect(p, &l);
	if (!l.count || l.too_many)
		return;
	while ((g = next_group(p, &at)))
		if (!may_leave(g, &l))
			return;
	while ((g = next_group(p, &at)))
		g->sent_count = strike(g, &l, g->sent);
	for (size_t i = 0; i < l.count; i++) {
		l.nh[i]->left = true;
		plan_next_hop_del(p, b, l.nh[i]);
	}
}

void plan_leave_failed(struct plan *p)
{
	struct hash_node *at = NULL;
	struct plan_group *g;

	while ((g = next_group(p, &at))) {
		plan_group_sent(g, NULL, 0);
		if (g->set)
			plan_group_mark_stale(p, g);
	}
}

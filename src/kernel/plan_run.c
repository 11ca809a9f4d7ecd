/* From the tables to the operations of one batch: plan_run(), in the order of plan.h. */
#include "base/arena.h"
#include "base/mem.h"
#include "kernel/plan_store.h"

#include <stdlib.h>
#include <string.h>

void plan_batch_fini(struct plan_batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->op[i].why);
	free(b->op);
	arena_free(b->arena);
	*b = (struct plan_batch){ 0 };
}

static struct plan_op *add_op(struct plan_batch *b, enum plan_op_kind kind, void *object)
{
	struct plan_op *op;

	if (b->count == b->size) {
		b->size = b->size ? b->size * 2 : 16;
		b->op = mem_realloc(b->op, b->size * sizeof(*b->op));
	}
	op = &b->op[b->count++];
	*op = (struct plan_op){ .kind = (uint8_t)kind, .object = object };
	return op;
}

static struct plan_hop *hops_alloc(struct plan_batch *b, size_t count)
{
	if (!b->arena)
		b->arena = arena_new();
	return arena_alloc(b->arena, count * sizeof(struct plan_hop));
}

/* The usable members of the group's set, made once per turn and shared by all operations that need them. */
static void make_hops(struct plan *p, struct plan_batch *b, struct plan_group *g)
{
	struct plan_hop hop[FIB_NEXT_HOPS_MAX], *copy;

	if (g->turn == p->turn && g->hops)
		return;
	g->hop_count = (uint16_t)plan_set_hops(g->set, hop);
	copy = hops_alloc(b, g->hop_count);
	memcpy(copy, hop, g->hop_count * sizeof(*copy));
	g->hops = copy;
}

static void enter_turn(const struct plan *p, struct plan_group *g)
{
	if (g->turn == p->turn)
		return;
	g->turn = p->turn;
	g->leaving = 0;
	g->target = NULL;
	g->hops = NULL;
}

/* --- next hops --- */

static void set_next_hop(struct plan *p, struct plan_batch *b, struct plan_next_hop *nh)
{
	struct plan_object *o = &nh->object;
	struct plan_hop *hop;
	struct plan_op *op;

	if (!nh->refs || nh->heir || !nh->resolution.reachable || (o->present && !o->stale))
		return;
	if (!o->id && !plan_object_number(p, o)) {
		plan_next_hop_refuse(p, nh, plan_error_add(p, PLAN_NO_ID));
		return;
	}
	hop = hops_alloc(b, 1);
	*hop = (struct plan_hop){ o->id, nh->resolution.ifindex, nh->resolution.gateway, 1 };
	op = add_op(b, PLAN_NEXT_HOP_SET, nh);
	op->id = o->id;
	op->hops = hop;
	op->hop_count = 1;
	op->replace = o->present;
	o->present = true;
	o->stale = false;
	nh->sent = *hop;
}

static void set_next_hops(struct plan *p, struct plan_batch *b)
{
	if (!p->next_hops_dirty || p->cfg.classic)
		return;
	p->next_hops_dirty = false;
	for (struct hash_node *n = hash_walk(&p->next_hops, NULL); n; n = hash_walk(&p->next_hops, n))
		set_next_hop(p, b, HASH_ENTRY(n, struct plan_next_hop, by_addr));
	plan_resolve_end(p);
}

/* --- groups changed in place --- */

static void change_set(struct plan *p, struct plan_group *g, struct plan_set *to)
{
	/* The group that has the set now is without routes: it is on its way out, this one takes its place. */
	if (to->group)
		plan_group_detach(p, to->group);
	to->refs++;
	plan_group_detach(p, g);
	g->set = to;
	to->group = g;
	plan_group_mark_stale(p, g);
}

/* Whether the group may get the set: then its routes need not be touched. */
static bool may_become(const struct plan *p, const struct plan_group *g, const struct plan_set *to)
{
	return to->usable && g->object.present && (!to->group || !to->group->refs) &&
	       g->resilient == plan_kind_is_resilient(p, to->kind) &&
	       (!g->resilient || g->set->owner == to->owner);
}

static void count_leaving(struct plan *p, const struct plan_route *r)
{
	struct plan_group *g = plan_route_group(p, r);
	struct plan_set *wanted = plan_route_wanted(p, r);

	if (!g || !g->set || !wanted || g->set == wanted)
		return;
	enter_turn(p, g);
	if (!g->leaving)
		g->target = wanted;
	else if (g->target != wanted)
		g->target = NULL;
	g->leaving++;
}

/* All routes that move are known: they wait no longer than others, and groups they leave together change instead. */
static void change_groups(struct plan *p)
{
	struct plan_route *r;

	for (r = plan_route_first(p, &p->routes.moving); r; r = plan_route_next(p, r))
		count_leaving(p, r);
	for (r = plan_route_first(p, &p->routes.moving); r; r = plan_route_next(p, r)) {
		struct plan_group *g = plan_route_group(p, r);
		struct plan_set *to;

		r->moving = false;
		if (!g || g->turn != p->turn || g->leaving != g->refs)
			continue;
		to = g->target;
		g->leaving = 0;
		if (to && may_become(p, g, to))
			change_set(p, g, to);
	}
	chain_take_all(&p->routes.queue, &p->routes.pool, &p->routes.moving);
}

static void set_groups(struct plan *p, struct plan_batch *b)
{
	LIST_FOREACH (link, &p->stale_groups) {
		struct plan_group *g = LIST_ENTRY(link, struct plan_group, stale_link);
		struct plan_op *op;

		list_del(&g->stale_link);
		/* One without routes stays stale; it is set when a route comes to it. */
		if (!g->set || !g->refs || !g->set->usable)
			continue;
		enter_turn(p, g);
		make_hops(p, b, g);
		g->object.stale = false;
		if (g->object.present && plan_group_has(g, g->hops, g->hop_count)) {
			g->object.error = 0;
			continue;
		}
		plan_group_sent(g, g->hops, g->hop_count);
		g->unbalanced_ms = 0;
		g->stuck = false;
		op = add_op(b, PLAN_GROUP_SET, g);
		op->id = g->object.id;
		op->group_kind = g->resilient ? &p->cfg.kind[g->set->kind - 1] : NULL;
		op->hops = g->hops;
		op->hop_count = g->hop_count;
		op->replace = g->object.present;
		g->object.present = true;
		g->object.busy = true;
	}
}

/* --- routes --- */

/* Routes that need an operation now: their group is gone, or their set has become usable, or has ceased to be. */
static bool needs_look(const struct plan *p, const struct plan_route *r)
{
	const struct plan_set *wanted = plan_route_wanted(p, r);

	if (!wanted)
		return !r->group || !r->leftover || p->swept;
	return !r->group || !wanted->usable || plan_route_group(p, r) != wanted->group || r->force;
}

static void rescan(struct plan *p)
{
	struct plan_route *r;

	if (!p->rescan)
		return;
	p->rescan = false;
	for (size_t at = 0; (r = plan_route_walk(p, &at));) {
		struct plan_group *g = plan_route_group(p, r);

		if (g && !g->object.present)
			plan_route_point(p, r, NULL);
		else if (g)
			r->force |= p->cfg.classic && g->object.stale;
		if ((r->where == PLAN_NOWHERE || r->where == PLAN_REFUSED) && needs_look(p, r))
			plan_route_list(p, r, PLAN_WAITING);
	}
	if (!p->cfg.classic)
		return;
	for (struct hash_node *n = hash_walk(&p->objects, NULL); n; n = hash_walk(&p->objects, n))
		HASH_ENTRY(n, struct plan_object, by_id)->stale = false;
}

/* The group a route is to point at; NULL for none. False when it cannot be made. */
static bool target_of(struct plan *p, struct plan_route *r, struct plan_group **out)
{
	struct plan_set *s = plan_route_wanted(p, r);
	struct plan_group *g = plan_route_group(p, r);

	*out = NULL;
	if (!s || !s->usable) {
		if (s)
			s->parked = true;
		r->empty = p->cfg.on_empty && r->owned && !p->clearing && (s || g || r->empty);
		if (r->empty)
			*out = &p->reject;
		return true;
	}
	r->empty = false;
	/* A resilient group stays with its route, also when the change was not planned with others. */
	if (g && g->set && g->resilient && !s->group && may_become(p, g, s))
		change_set(p, g, s);
	*out = s->group ? s->group : plan_group_add(p, s);
	if (!*out)
		return false;
	enter_turn(p, *out);
	if (p->cfg.classic)
		(*out)->object.present = true;
	else if (!(*out)->object.present || (*out)->object.stale)
		plan_group_mark_stale(p, *out);
	return true;
}

static void write_route(struct plan *p, struct plan_batch *b, struct plan_route *r, struct plan_group *to)
{
	struct plan_op *op = add_op(&p->route_ops, to ? PLAN_ROUTE_SET : PLAN_ROUTE_DEL, r);

	/* In place: a copy of what was just put together is slow (base/prefix.h). */
	prefix_set(&op->prefix, plan_route_family(r), r->len, r->addr);
	op->before = plan_route_group(p, r);
	op->replace = op->before;
	if (to) {
		op->id = to->object.id;
		op->reject = to == &p->reject ? (uint8_t)p->cfg.on_empty : 0;
		if (p->cfg.classic && !op->reject) {
			make_hops(p, b, to);
			op->hops = to->hops;
			op->hop_count = to->hop_count;
		}
	}
	plan_route_point(p, r, to);
	r->force = false;
	r->busy = true;
	p->busy++;
}

static void take_route(struct plan *p, struct plan_batch *b, struct plan_route *r)
{
	struct plan_group *to, *from = plan_route_group(p, r);

	plan_route_list(p, r, PLAN_NOWHERE);
	if (!target_of(p, r, &to)) {
		r->error = plan_error_add(p, PLAN_NO_ID);
		plan_route_list(p, r, PLAN_REFUSED);
	} else if (r->foreign && from && to && from != to) {
		/* A replacement could hit the other program's. */
		r->error = plan_error_add(p, PLAN_FOREIGN);
		plan_route_list(p, r, PLAN_REFUSED);
	} else if (from != to || (r->force && to)) {
		write_route(p, b, r, to);
	} else if (!r->wanted && !from) {
		plan_route_free(p, r);
	} else {
		r->error = 0;
	}
}

/* Whether its operation needs nothing but what the kernel is known to have, and no result that is still to come. */
static bool may_go_ahead(const struct plan *p, const struct plan_route *r)
{
	const struct plan_set *s = plan_route_wanted(p, r);

	if (r->busy)
		return false;
	return !s || !s->usable || (s->group && s->group->object.present && !s->group->object.stale);
}

static void take_routes(struct plan *p, size_t max, struct plan_batch *b)
{
	struct plan_route *r;

	while (p->route_ops.count < max && (r = plan_route_due(p)) && (!p->under_way || may_go_ahead(p, r)))
		take_route(p, b, r);
}

static void append_route_ops(struct plan *p, struct plan_batch *b)
{
	struct plan_batch *r = &p->route_ops;

	if (!r->count)
		return;
	if (b->count + r->count > b->size) {
		b->size = b->count + r->count;
		b->op = mem_realloc(b->op, b->size * sizeof(*b->op));
	}
	memcpy(b->op + b->count, r->op, r->count * sizeof(*r->op));
	b->count += r->count;
	r->count = 0;
}

/* --- deletions --- */

static bool is_used(const struct plan_object *o)
{
	if (o->is_group)
		return ((const struct plan_group *)o)->refs > 0;
	return ((const struct plan_next_hop *)o)->refs > 0;
}

static void del_groups(struct plan *p, struct plan_batch *b, struct list *idle)
{
	LIST_FOREACH (link, idle) {
		struct plan_group *g = LIST_ENTRY(link, struct plan_group, object.idle);

		list_del(&g->object.idle);
		if (is_used(&g->object) || (g->object.leftover && g->object.present && !p->swept))
			continue;
		if (!g->object.present || p->cfg.classic) {
			plan_group_free(p, g);
			continue;
		}
		plan_group_detach(p, g);
		list_del(&g->stale_link);
		g->object.busy = true;
		add_op(b, PLAN_GROUP_DEL, g)->id = g->object.id;
	}
}

void plan_next_hop_del(struct plan *p, struct plan_batch *b, struct plan_next_hop *nh)
{
	struct plan_object *o = &nh->object;

	list_del(&o->idle);
	if (!nh->detached) {
		hash_del(&p->next_hops, &nh->by_addr);
		nh->detached = true;
	}
	if (o->present) {
		add_op(b, PLAN_NEXT_HOP_DEL, nh)->id = o->id;
		o->present = false;
	} else {
		plan_next_hop_free(p, nh);
	}
}

/* While some group may still have members it should not have, a next hop's deletion could empty it. */
static bool may_delete_next_hops(const struct plan *p)
{
	return list_empty(&p->failed_groups) && list_empty(&p->stale_groups);
}

static void del_next_hop(struct plan *p, struct plan_batch *b, struct plan_next_hop *nh)
{
	struct plan_object *o = &nh->object;

	if (is_used(o))
		return;
	if (o->leftover && o->present && (!p->swept || p->leftover_groups)) {
		if (p->swept)
			plan_object_idle(p, o);
		return;
	}
	if (o->present && !may_delete_next_hops(p)) {
		plan_object_idle(p, o);
		return;
	}
	plan_next_hop_del(p, b, nh);
}

/* Moves what is without users now to another list, and forgets the others. */
static void take_idle(struct list *from, struct list *to)
{
	list_init(to);
	LIST_FOREACH (link, from) {
		list_del(link);
		if (!is_used(LIST_ENTRY(link, struct plan_object, idle)))
			list_add_tail(to, link);
	}
}

static void run_once(struct plan *p, size_t max_routes, bool whole, struct plan_batch *b)
{
	struct list groups, next_hops;

	p->turn++;
	rescan(p);
	/* Only what was without users before this batch is deleted at its end. */
	take_idle(&p->idle_groups, &groups);
	take_idle(&p->idle_next_hops, &next_hops);
	set_next_hops(p, b);
	if (whole)
		change_groups(p);
	take_routes(p, max_routes, b);
	plan_leave_groups(p, b);
	set_groups(p, b);
	append_route_ops(p, b);
	del_groups(p, b, &groups);
	LIST_FOREACH (link, &next_hops) {
		list_del(link);
		del_next_hop(p, b, (struct plan_next_hop *)LIST_ENTRY(link, struct plan_object, idle));
	}
}

/* While the kernel works: routes alone, as long as everything else is at rest. */
static void run_ahead(struct plan *p, size_t max_routes, bool whole, struct plan_batch *b)
{
	if (p->cfg.classic || p->objects_under_way || p->rescan || (whole && p->routes.moving.first) ||
		p->next_hops_dirty || !list_empty(&p->stale_groups))
		return;
	p->turn++;
	take_routes(p, max_routes, b);
	append_route_ops(p, b);
}

static bool has_objects(const struct plan_batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->op[i].kind != PLAN_ROUTE_SET && b->op[i].kind != PLAN_ROUTE_DEL)
			return true;
	return false;
}

bool plan_run(struct plan *p, size_t max_routes, bool whole, struct plan_batch *b)
{
	if (p->under_way)
		run_ahead(p, max_routes, whole, b);
	/* What needs no operation may free what needs one: a route its set, a set its group, a group its next hops. */
	for (int i = 0; i < 4 && !b->count && !p->under_way; i++)
		run_once(p, max_routes, whole, b);
	if (!b->count)
		return false;
	p->objects_under_way |= has_objects(b);
	p->under_way++;
	return true;
}

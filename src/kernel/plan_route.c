#include "kernel/plan_route.h"

#include "base/mem.h"
#include "kernel/plan_store.h"

#include <stdlib.h>
#include <string.h>

enum {
	ADDR = offsetof(struct plan_route, addr),
	WALK_AHEAD = 16, /* a route that a walk comes to is fetched from memory so many slots before */
};

_Static_assert(ADDR == 20, "the memory of a route");

void plan_routes_init(struct plan_routes *t)
{
	*t = (struct plan_routes){ .listed = { 0 } };
	pool_init(&t->pool, ADDR + 4, ADDR + 16);
	pool_init(&t->names, sizeof(void *), 0);
	hash_index_init(&t->index);
}

void plan_routes_fini(struct plan_routes *t)
{
	pool_fini(&t->pool);
	pool_fini(&t->names);
	number_set_fini(&t->withdrawn);
	hash_index_fini(&t->index);
	hash_fini(&t->holds);
}

/* --- by prefix --- */

struct plan_route *plan_route_get(const struct plan *p, const struct prefix *prefix)
{
	uint32_t hash = prefix_hash(prefix), number;

	for (size_t i = hash_index_first(&p->routes.index, hash);
		(number = hash_index_at(&p->routes.index, i, hash)); i++) {
		struct plan_route *r = pool_at(&p->routes.pool, number);

		if (prefix_is(prefix, plan_route_family(r), r->len, r->addr))
			return r;
	}
	return NULL;
}

struct plan_route *plan_route_add(struct plan *p, const struct prefix *prefix)
{
	bool ipv6 = prefix->family == IP_V6;
	struct plan_route *r = pool_alloc(&p->routes.pool, ipv6);

	*r = (struct plan_route){ .len = prefix->len, .ipv6 = ipv6 };
	prefix_bytes_copy(r->addr, prefix);
	p->routes.listed[PLAN_NOWHERE]++;
	hash_index_add(&p->routes.index, pool_number(r), prefix_hash(prefix));
	return r;
}

void plan_route_free(struct plan *p, struct plan_route *r)
{
	uint32_t hash = prefix_bytes_hash(plan_route_family(r), r->len, r->addr);

	plan_route_list(p, r, PLAN_NOWHERE);
	p->routes.listed[PLAN_NOWHERE]--;
	p->leftover_routes -= r->leftover;
	p->foreign -= r->foreign;
	hash_index_remove(&p->routes.index, pool_number(r), hash);
	pool_free(&p->routes.pool, r);
}

struct plan_route *plan_route_walk(const struct plan *p, size_t *at)
{
	const struct hash_index *t = &p->routes.index;

	for (; *at < t->size; ++*at) {
		if (*at + WALK_AHEAD < t->size && t->slot[*at + WALK_AHEAD].number)
			__builtin_prefetch(pool_at(&p->routes.pool, t->slot[*at + WALK_AHEAD].number));
		if (t->slot[*at].number)
			return pool_at(&p->routes.pool, t->slot[(*at)++].number);
	}
	return NULL;
}

/* --- in lists --- */

static bool has_new(const struct plan_set *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (!s->member[i].nh->known)
			return true;
	return false;
}

/* Whether it would go from one group to another; one without a usable next hop is only taken out. */
static bool may_move(const struct plan *p, const struct plan_route *r)
{
	const struct plan_set *s = r->group ? plan_route_wanted(p, r) : NULL;

	return s && !p->cfg.classic && (s->usable || has_new(s));
}

/* The chain it is in; not for one of the withdrawn. */
static struct chain *chain_of(struct plan *p, const struct plan_route *r)
{
	return r->where == PLAN_REFUSED ? &p->routes.refused
	       : r->moving		? &p->routes.moving
					: &p->routes.queue;
}

static void leave_list(struct plan *p, struct plan_route *r, uint32_t number)
{
	struct plan_routes *t = &p->routes;
	struct chain *chain = chain_of(p, r);

	if (r->withdrawn) {
		number_set_remove(&t->withdrawn, number);
		t->ahead -= t->ahead > 0;
		return;
	}
	chain_del(chain, &t->pool, number);
	if (chain == &t->queue)
		t->ahead = t->withdrawn.count ? t->ahead + 1 : 0;
}

static void enter_list(struct plan *p, struct plan_route *r, uint32_t number)
{
	if (r->withdrawn)
		number_set_add(&p->routes.withdrawn, number);
	else
		chain_add_tail(chain_of(p, r), &p->routes.pool, number);
}

/* Whether it belongs to the withdrawn once it waits. One that waits for something else keeps its turn. */
static bool joins_withdrawn(const struct plan_route *r)
{
	bool waits_to_be_set = r->where == PLAN_WAITING && !r->moving && !r->withdrawn;

	return !r->wanted && !waits_to_be_set;
}

void plan_route_list(struct plan *p, struct plan_route *r, enum plan_where where)
{
	bool moves = where == PLAN_WAITING && may_move(p, r);
	bool withdrawn = where == PLAN_WAITING && joins_withdrawn(r);
	uint32_t number;

	if (r->where == where && moves >= r->moving && withdrawn == r->withdrawn)
		return;
	number = pool_number(r);
	if (r->where != PLAN_NOWHERE)
		leave_list(p, r, number);
	p->routes.listed[r->where]--;
	p->routes.listed[where]++;
	r->where = where;
	r->moving = moves;
	r->withdrawn = withdrawn;
	if (where != PLAN_NOWHERE)
		enter_list(p, r, number);
}

static struct plan_route *at(const struct plan *p, uint32_t number)
{
	return number ? pool_at(&p->routes.pool, number) : NULL;
}

struct plan_route *plan_route_first(const struct plan *p, const struct chain *list)
{
	return at(p, list->first);
}

struct plan_route *plan_route_next(const struct plan *p, const struct plan_route *r)
{
	return at(p, r->link.next);
}

struct plan_route *plan_route_due(struct plan *p)
{
	struct plan_routes *t = &p->routes;
	struct plan_route *r;

	if (t->withdrawn.count && (!t->queue.first || t->ahead >= PLAN_AHEAD_MAX)) {
		t->sweep = number_set_next(&t->withdrawn, t->sweep);
		return at(p, t->sweep);
	}
	r = plan_route_first(p, &t->queue);
	if (r)
		__builtin_prefetch(plan_route_next(p, r));
	return r;
}

/* --- groups and sets --- */

uint32_t plan_name_add(struct plan *p, void *object)
{
	void **name = pool_alloc(&p->routes.names, 0);

	*name = object;
	return pool_number(name);
}

static void *named(const struct plan *p, uint32_t number)
{
	return number ? *(void **)pool_at(&p->routes.names, number) : NULL;
}

void plan_name_del(struct plan *p, uint32_t number)
{
	pool_free(&p->routes.names, pool_at(&p->routes.names, number));
}

struct plan_group *plan_route_group(const struct plan *p, const struct plan_route *r)
{
	return named(p, r->group);
}

void plan_route_point(struct plan *p, struct plan_route *r, struct plan_group *g)
{
	struct plan_group *old = plan_route_group(p, r);

	if (old == g)
		return;
	r->group = g ? g->name : 0;
	if (g)
		g->refs++;
	if (old && --old->refs == 0 && old != &p->strange && old != &p->reject)
		plan_object_idle(p, &old->object);
}

struct plan_set *plan_route_wanted(const struct plan *p, const struct plan_route *r)
{
	return named(p, r->wanted);
}

void plan_route_set_wanted(struct plan *p, struct plan_route *r, struct plan_set *s)
{
	struct plan_set *old = plan_route_wanted(p, r);

	r->wanted = s ? s->name : 0;
	if (old)
		plan_set_unref(p, old);
}

/* --- what is held on to --- */

static uint32_t hold_hash(const struct plan_route *r)
{
	return hash_u64((uintptr_t)r);
}

struct plan_hold *plan_route_hold(const struct plan *p, const struct plan_route *r)
{
	for (struct hash_node *n = r->held ? hash_first(&p->routes.holds, hold_hash(r)) : NULL; n;
		n = hash_next(n)) {
		struct plan_hold *hold = HASH_ENTRY(n, struct plan_hold, node);

		if (hold->route == r)
			return hold;
	}
	return NULL;
}

struct plan_hold *plan_route_hold_add(struct plan *p, struct plan_route *r)
{
	struct plan_hold *hold = mem_calloc(1, sizeof(*hold));

	hold->route = r;
	r->held = true;
	hash_add(&p->routes.holds, &hold->node, hold_hash(r));
	return hold;
}

void plan_route_hold_free(struct plan *p, struct plan_route *r)
{
	struct plan_hold *hold = plan_route_hold(p, r);

	hash_del(&p->routes.holds, &hold->node);
	r->held = false;
	free(hold);
}

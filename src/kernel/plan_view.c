/* The plan's tables as an operator sees them. */
#include "kernel/plan_store.h"

#include <stdio.h>

/* Of the kernel, measured on Linux 6.18. */
enum { BUCKET_OCTETS = 32 };

static const struct plan_member *first_unreachable(const struct plan_set *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->member[i].nh->known && !s->member[i].nh->resolution.reachable)
			return &s->member[i];
	return NULL;
}

static enum plan_state state_of(const struct plan *p, const struct plan_route *r)
{
	const struct plan_group *g = plan_route_group(p, r);

	if (r->where == PLAN_REFUSED)
		return PLAN_FAILED;
	if (r->busy || r->where != PLAN_NOWHERE)
		return PLAN_PENDING;
	if (r->leftover)
		return PLAN_LEFTOVER;
	if (r->empty && g)
		return PLAN_EMPTY;
	if (!r->wanted)
		return PLAN_PENDING;
	if (!g)
		return PLAN_FAILED;
	if (g->object.busy)
		return PLAN_PENDING;
	return g->object.error ? PLAN_FAILED : PLAN_INSTALLED;
}

static void describe(const struct plan *p, const struct plan_route *r, struct plan_view *v)
{
	const struct plan_group *g = plan_route_group(p, r);
	const struct plan_set *wanted = plan_route_wanted(p, r);
	uint8_t error = r->where == PLAN_REFUSED ? r->error : g ? g->object.error : 0;
	const struct plan_member *m = wanted ? first_unreachable(wanted) : NULL;
	char addr[PREFIX_TEXT_MAX];

	v->error[0] = 0;
	if (error)
		snprintf(v->error, sizeof(v->error), "%s", plan_error_text(p, error));
	else if (r->foreign)
		snprintf(v->error, sizeof(v->error), "%s", PLAN_FOREIGN);
	else if (m)
		snprintf(v->error, sizeof(v->error), "next hop %s is unreachable: %s",
			ip_addr_format(&m->nh->addr, addr), m->nh->resolution.why);
}

static void view_route(const struct plan *p, const struct plan_route *r, struct plan_view *v)
{
	const struct plan_group *g = plan_route_group(p, r);
	const struct plan_set *wanted = plan_route_wanted(p, r);

	*v = (struct plan_view){
		.prefix = plan_route_prefix(r),
		.state = state_of(p, r),
		.group_id = g && !p->cfg.classic ? g->object.id : 0,
		.set = wanted,
		.hop_count = wanted ? wanted->count : 0,
	};
	if (g && g->set && g->set == wanted) {
		v->group = g;
		v->resilient = g->resilient;
		if (g->stuck)
			v->stuck_s = p->cfg.kind[g->set->kind - 1].idle_timer_s;
	}
	describe(p, r, v);
}

bool plan_view_get(const struct plan *p, const struct prefix *prefix, struct plan_view *v)
{
	const struct plan_route *r = plan_route_get(p, prefix);

	if (r)
		view_route(p, r, v);
	return r;
}

bool plan_view_group(const struct plan *p, uint32_t id, struct plan_view *v, size_t *routes)
{
	const struct plan_object *o = plan_object_get(p, id);
	const struct plan_group *g = o && o->is_group ? (const struct plan_group *)o : NULL;

	if (!g || !g->set)
		return false;
	*v = (struct plan_view){ .group_id = id,
		.set = g->set,
		.group = g,
		.hop_count = g->set->count,
		.resilient = g->resilient };
	*routes = g->refs;
	return true;
}

static double wanted_percent(const struct plan_set *s, const struct plan_member *m)
{
	double sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += s->member[i].nh->resolution.reachable ? s->member[i].weight : 0;
	return m->nh->resolution.reachable ? 100.0 * m->weight / sum : 0;
}

static double actual_percent(const struct plan_group *g, const struct plan_member *m)
{
	double sum = 0, mine = 0;

	if (!g || !g->share)
		return -1;
	for (size_t i = 0; i < g->share_count; i++) {
		sum += g->share[i].buckets;
		if (m->nh->object.id && g->share[i].id == m->nh->object.id)
			mine = g->share[i].buckets;
	}
	return 100.0 * mine / sum;
}

struct plan_hop_view plan_view_hop(const struct plan_view *v, size_t i)
{
	const struct plan_member *m = &((const struct plan_set *)v->set)->member[i];
	const struct plan_resolution *r = &m->nh->resolution;

	return (struct plan_hop_view){
		.addr = m->nh->addr,
		.gateway = r->gateway,
		.weight = m->weight,
		.wanted_percent = wanted_percent(v->set, m),
		.actual_percent = actual_percent(v->group, m),
		.interface = r->reachable ? r->interface : NULL,
		.why = r->reachable ? NULL : r->why,
	};
}

struct plan_stats plan_stats(const struct plan *p)
{
	struct plan_stats s = {
		.routes = p->routes.pool.count - p->leftover_routes,
		.leftover_routes = p->leftover_routes,
		.groups = p->groups,
		.foreign = p->foreign,
		.pending = p->routes.listed[PLAN_WAITING] + p->busy,
		.failed = p->routes.listed[PLAN_REFUSED],
	};

	for (struct hash_node *n = hash_walk(&p->next_hops, NULL); n; n = hash_walk(&p->next_hops, n)) {
		const struct plan_next_hop *nh = HASH_ENTRY(n, struct plan_next_hop, by_addr);

		s.next_hops++;
		s.unreachable += nh->known && !nh->resolution.reachable;
	}
	for (struct hash_node *n = p->resilient ? hash_walk(&p->objects, NULL) : NULL; n;
		n = hash_walk(&p->objects, n)) {
		const struct plan_object *o = HASH_ENTRY(n, struct plan_object, by_id);
		const struct plan_group *g = (const struct plan_group *)o;

		if (!o->is_group || !g->resilient || !g->set || !o->present)
			continue;
		s.resilient_groups++;
		s.resilient_octets += (size_t)p->cfg.kind[g->set->kind - 1].buckets * BUCKET_OCTETS;
	}
	return s;
}

#include "kernel/plan.h"

#include "base/mem.h"
#include "kernel/plan_store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RESULTS_AHEAD = 16 };

struct plan *plan_new(const struct plan_config *cfg)
{
	struct plan *p = mem_calloc(1, sizeof(*p));

	assert(cfg->id_base >= 1 && cfg->id_count >= 1);
	p->cfg = *cfg;
	p->last_id = cfg->id_count - 1;
	p->strange.object.present = p->strange.object.is_group = true;
	p->reject.object.present = p->reject.object.is_group = true;
	assert(cfg->kind_count <= PLAN_KINDS_MAX);
	plan_routes_init(&p->routes);
	p->strange.name = plan_name_add(p, &p->strange);
	p->reject.name = plan_name_add(p, &p->reject);
	list_init(&p->stale_groups);
	list_init(&p->failed_groups);
	list_init(&p->idle_groups);
	list_init(&p->idle_next_hops);
	return p;
}

/* Next hops whose deletion is under way are in objects only, those without an id in next_hops only. */
static void free_next_hops(struct plan *p)
{
	for (struct hash_node *n = hash_walk(&p->next_hops, NULL), *next; n; n = next) {
		next = hash_walk(&p->next_hops, n);
		hash_del(&p->next_hops, n);
		plan_next_hop_free(p, HASH_ENTRY(n, struct plan_next_hop, by_addr));
	}
	for (struct hash_node *n = hash_walk(&p->objects, NULL), *next; n; n = next) {
		next = hash_walk(&p->objects, n);
		plan_next_hop_free(p, (struct plan_next_hop *)HASH_ENTRY(n, struct plan_object, by_id));
	}
}

void plan_free(struct plan *p)
{
	struct plan_route *r;

	if (!p)
		return;
	for (size_t at = 0; (r = plan_route_walk(p, &at));) {
		plan_adopt_release(p, r);
		plan_route_set_wanted(p, r, NULL);
	}
	for (struct hash_node *n = hash_walk(&p->objects, NULL), *next; n; n = next) {
		struct plan_object *o = HASH_ENTRY(n, struct plan_object, by_id);

		next = hash_walk(&p->objects, n);
		if (o->is_group)
			plan_group_free(p, (struct plan_group *)o);
	}
	free_next_hops(p);
	hash_fini(&p->sets);
	hash_fini(&p->next_hops);
	hash_fini(&p->objects);
	plan_routes_fini(&p->routes);
	plan_batch_fini(&p->route_ops);
	for (size_t i = 0; i < p->error_count; i++)
		free(p->error[i]);
	free(p);
}

/* --- wishes --- */

void plan_expect(const struct plan *p, const struct prefix *prefix, size_t count)
{
	const struct hash_index *t = &p->routes.index;
	uint32_t hash[PLAN_EXPECT_MAX], number;

	assert(count <= PLAN_EXPECT_MAX);
	for (size_t i = 0; i < count; i++) {
		hash[i] = prefix_hash(&prefix[i]);
		hash_index_expect(t, hash[i]);
	}
	for (size_t i = 0; i < count; i++) {
		number = hash_index_at(t, hash_index_first(t, hash[i]), hash[i]);
		if (number)
			__builtin_prefetch(pool_at(&p->routes.pool, number));
	}
}

bool plan_set(struct plan *p, const struct prefix *prefix, uint8_t kind, const struct fib_next_hop *nh,
	size_t count)
{
	struct plan_route *r = plan_route_get(p, prefix);
	bool resilient = plan_kind_is_resilient(p, kind), fits;

	if (!r)
		r = plan_route_add(p, prefix);
	fits = !resilient || r->resilient || p->resilient < p->cfg.max_resilient;
	resilient &= fits;
	r->owned = true;
	plan_route_wish(p, r, plan_set_intern(p, resilient ? kind : 0, resilient ? r : NULL, nh, count));
	return fits;
}

void plan_del(struct plan *p, const struct prefix *prefix)
{
	struct plan_route *r = plan_route_get(p, prefix);

	if (r && (r->held || r->wanted))
		plan_route_wish(p, r, NULL);
}

void plan_clear(struct plan *p)
{
	struct plan_route *r;

	p->clearing = true;
	for (size_t at = 0; (r = plan_route_walk(p, &at));) {
		plan_adopt_release(p, r);
		if (r->wanted)
			plan_route_wish(p, r, NULL);
		r->empty = false;
		if (r->group && r->where == PLAN_NOWHERE)
			plan_route_list(p, r, PLAN_WAITING);
	}
}

void plan_sweep(struct plan *p)
{
	struct plan_route *r;

	p->swept = true;
	for (size_t at = 0; (r = plan_route_walk(p, &at));) {
		plan_adopt_release(p, r);
		if (r->leftover)
			plan_route_list(p, r, PLAN_WAITING);
	}
	for (struct hash_node *n = hash_walk(&p->objects, NULL); n; n = hash_walk(&p->objects, n)) {
		struct plan_object *o = HASH_ENTRY(n, struct plan_object, by_id);

		if (o->leftover)
			plan_object_idle(p, o);
	}
}

/* --- next hops --- */

static bool asked_for(const struct plan_next_hop *nh, enum plan_ask which)
{
	if (!nh->refs || nh->heir)
		return false;
	switch (which) {
	case PLAN_ASK_NEW:
		return !nh->known;
	case PLAN_ASK_UNREACHABLE:
		return !nh->resolution.reachable;
	case PLAN_ASK_ALL:
		return !nh->found || !ip_addr_is_link_local(&nh->addr);
	}
	return false;
}

size_t plan_ask(const struct plan *p, enum plan_ask which, struct ip_addr **out)
{
	size_t count = 0;

	*out = mem_alloc((p->next_hops.count + 1) * sizeof(**out));
	for (struct hash_node *n = hash_walk(&p->next_hops, NULL); n; n = hash_walk(&p->next_hops, n)) {
		const struct plan_next_hop *nh = HASH_ENTRY(n, struct plan_next_hop, by_addr);

		if (asked_for(nh, which))
			(*out)[count++] = nh->addr;
	}
	return count;
}

bool plan_has_new(const struct plan *p)
{
	return p->new_next_hops > 0;
}

static bool differ(const struct plan_resolution *a, const struct plan_resolution *b)
{
	if (!a->reachable || !b->reachable)
		return a->reachable != b->reachable || a->why != b->why;
	return a->ifindex != b->ifindex || !ip_addr_equal(&a->gateway, &b->gateway);
}

static void set_resolution(struct plan *p, struct plan_next_hop *nh, const struct plan_resolution *r)
{
	bool was = nh->resolution.reachable;

	nh->changed |= was != r->reachable;
	if (r->reachable) {
		if (nh->sent.ifindex != r->ifindex || !ip_addr_equal(&nh->sent.gateway, &r->gateway))
			nh->object.stale = true;
		/* Groups follow their next hops by themselves, classic routes do not. */
		nh->changed |= p->cfg.classic && differ(&nh->resolution, r);
	}
	nh->resolution = *r;
	p->next_hops_dirty = true;
}

void plan_next_hop_refuse(struct plan *p, struct plan_next_hop *nh, uint8_t error)
{
	struct plan_resolution r = { .why = plan_error_text(p, error) };

	set_resolution(p, nh, &r);
}

static bool resolve(struct plan *p, struct plan_next_hop *nh, const struct plan_resolution *r)
{
	bool news = !nh->known || differ(&nh->resolution, r);

	p->new_next_hops -= nh->refs && !nh->known;
	nh->known = nh->refs > 0;
	set_resolution(p, nh, r);
	if (nh->known && r->reachable)
		plan_adopt_heir(p, nh);
	return news;
}

bool plan_resolve(struct plan *p, const struct ip_addr *addr, const struct plan_resolution *r)
{
	bool news = false;

	/* One at an address, or several that were found with one gateway. */
	for (struct hash_node *n = hash_first(&p->next_hops, ip_addr_hash(addr)), *next; n; n = next) {
		struct plan_next_hop *nh = HASH_ENTRY(n, struct plan_next_hop, by_addr);

		next = hash_next(n);
		if (nh->refs && !nh->heir && ip_addr_equal(&nh->addr, addr))
			news |= resolve(p, nh, r);
	}
	return news;
}

static void update_set(struct plan *p, struct plan_set *s)
{
	uint16_t usable = 0;
	bool changed = false;

	for (size_t i = 0; i < s->count; i++) {
		usable += s->member[i].nh->resolution.reachable;
		changed |= s->member[i].nh->changed;
	}
	if (!changed)
		return;
	/* Routes that were left out come in, or routes that are in must go: they are found by a walk over all. */
	if (!s->usable != !usable && (s->parked || s->group))
		p->rescan = true;
	s->usable = usable;
	if (s->group && p->cfg.classic)
		s->group->object.stale = p->rescan = true;
	else if (s->group)
		plan_group_mark_stale(p, s->group);
}

void plan_resolve_end(struct plan *p)
{
	bool changed = false;

	plan_adopt_remerge(p);
	for (struct hash_node *n = hash_walk(&p->next_hops, NULL); n; n = hash_walk(&p->next_hops, n))
		changed |= HASH_ENTRY(n, struct plan_next_hop, by_addr)->changed;
	if (!changed)
		return;
	for (struct hash_node *n = hash_walk(&p->sets, NULL); n; n = hash_walk(&p->sets, n))
		update_set(p, HASH_ENTRY(n, struct plan_set, node));
	for (struct hash_node *n = hash_walk(&p->next_hops, NULL); n; n = hash_walk(&p->next_hops, n))
		HASH_ENTRY(n, struct plan_next_hop, by_addr)->changed = false;
}

void plan_rewrite(struct plan *p)
{
	if (!p->cfg.classic)
		return;
	for (struct hash_node *n = hash_walk(&p->objects, NULL); n; n = hash_walk(&p->objects, n))
		HASH_ENTRY(n, struct plan_object, by_id)->stale = true;
	p->rescan = true;
}

/* --- results --- */

static const char *words(const struct plan_op *op, char *buf, size_t size)
{
	if (op->kind == PLAN_ROUTE_SET && op->error == -EEXIST)
		return PLAN_FOREIGN;
	if (op->error == -EPERM)
		return "not permitted: CAP_NET_ADMIN is missing";
	return op->why && op->why[0] ? op->why : strerror_r(-op->error, buf, size);
}

static void next_hop_done(struct plan *p, const struct plan_op *op, uint8_t error)
{
	struct plan_next_hop *nh = op->object;

	if (op->kind == PLAN_NEXT_HOP_SET && error) {
		nh->object.present = op->replace;
		plan_next_hop_refuse(p, nh, error);
	} else if (op->kind == PLAN_NEXT_HOP_DEL) {
		nh->object.present = error;
		if (nh->detached && !error) {
			plan_next_hop_free(p, nh);
			return;
		}
		p->undeleted |= error != 0;
		if (nh->left)
			plan_leave_failed(p);
		nh->left = false;
	}
	nh->object.error = error;
}

static void group_done(struct plan *p, const struct plan_op *op, uint8_t error, bool again)
{
	struct plan_group *g = op->object;

	g->object.busy = false;
	g->object.error = error;
	if (op->kind == PLAN_GROUP_DEL) {
		if (!error) {
			plan_group_free(p, g);
			return;
		}
		g->object.present = true;
		p->undeleted = true;
	} else if (error) {
		g->object.present = op->replace;
		plan_group_sent(g, NULL, 0);
		plan_group_mark_stale(p, g);
		if (again)
			return;
		list_del(&g->stale_link);
		list_add_tail(&p->failed_groups, &g->stale_link);
	}
}

static void route_done(struct plan *p, const struct plan_op *op, uint8_t error, bool again)
{
	struct plan_route *r = op->object;
	struct plan_group *target = op->kind == PLAN_ROUTE_SET ? plan_route_group(p, r) : NULL;

	p->busy--;
	r->busy = false;
	if (error && target && target->object.error)
		error = target->object.error;
	if (op->kind == PLAN_ROUTE_SET && !op->replace && (!error || op->error == -EEXIST)) {
		p->foreign += (size_t)(error != 0) - r->foreign;
		r->foreign = error != 0;
	}
	r->error = error;
	if (error) {
		/* A group of classic mode may have changed since this route was last written. */
		r->force |= p->cfg.classic;
		/* An event may have told meanwhile what is there; then op->before is the past. */
		if (op->kind == PLAN_ROUTE_DEL ? !r->group : target && target->object.id == op->id)
			plan_route_point(p, r, op->before);
		if (r->where == PLAN_NOWHERE)
			plan_route_list(p, r, again ? PLAN_WAITING : PLAN_REFUSED);
	} else if (!r->wanted && !r->group && r->where == PLAN_NOWHERE) {
		plan_route_free(p, r);
	}
}

/* Some results on, a route is fetched from memory; half as far, where it stands in the table. */
static void expect_results(const struct plan *p, const struct plan_batch *b, size_t at)
{
	if (at + RESULTS_AHEAD < b->count)
		__builtin_prefetch(b->op[at + RESULTS_AHEAD].object);
	at += RESULTS_AHEAD / 2;
	if (at < b->count && b->op[at].kind == PLAN_ROUTE_DEL)
		hash_index_expect(&p->routes.index, prefix_hash(&b->op[at].prefix));
}

void plan_done(struct plan *p, const struct plan_batch *b)
{
	bool next_hop_failed = false;
	char buf[128];

	for (size_t i = 0; i < b->count; i++) {
		const struct plan_op *op = &b->op[i];
		uint8_t error = op->error ? plan_error_add(p, words(op, buf, sizeof(buf))) : 0;

		expect_results(p, b, i);
		switch ((enum plan_op_kind)op->kind) {
		case PLAN_NEXT_HOP_SET:
		case PLAN_NEXT_HOP_DEL:
			next_hop_failed |= error && op->kind == PLAN_NEXT_HOP_SET;
			next_hop_done(p, op, error);
			break;
		case PLAN_GROUP_SET:
		case PLAN_GROUP_DEL:
			group_done(p, op, error, next_hop_failed);
			break;
		case PLAN_ROUTE_SET:
		case PLAN_ROUTE_DEL:
			route_done(p, op, error, next_hop_failed);
			break;
		}
	}
	p->objects_under_way &= --p->under_way > 0;
	if (next_hop_failed)
		plan_resolve_end(p);
}

/* Objects without a table of their own but that of the ids: leftovers, and those whose deletion was refused. */
static void delete_again(struct plan *p)
{
	p->undeleted = false;
	for (struct hash_node *n = hash_walk(&p->objects, NULL); n; n = hash_walk(&p->objects, n)) {
		struct plan_object *o = HASH_ENTRY(n, struct plan_object, by_id);

		if (o->is_group ? !((struct plan_group *)o)->set : ((struct plan_next_hop *)o)->detached)
			plan_object_idle(p, o);
	}
}

void plan_retry(struct plan *p)
{
	struct plan_route *r;

	while ((r = plan_route_first(p, &p->routes.refused)))
		plan_route_list(p, r, PLAN_WAITING);
	LIST_FOREACH (link, &p->failed_groups)
		plan_group_mark_stale(p, LIST_ENTRY(link, struct plan_group, stale_link));
	if (p->undeleted)
		delete_again(p);
}

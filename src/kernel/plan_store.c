#include "kernel/plan_store.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

uint8_t plan_error_add(struct plan *p, const char *text)
{
	for (size_t i = 0; i < p->error_count; i++)
		if (strcmp(p->error[i], text) == 0)
			return (uint8_t)(i + 1);
	if (p->error_count == PLAN_ERRORS_MAX - 1)
		text = "the kernel refused it";
	if (p->error_count == PLAN_ERRORS_MAX)
		return PLAN_ERRORS_MAX;
	p->error[p->error_count++] = mem_strdup(text);
	return (uint8_t)p->error_count;
}

const char *plan_error_text(const struct plan *p, uint8_t error)
{
	return error ? p->error[error - 1] : NULL;
}

/* --- ids --- */

bool plan_id_is_ours(const struct plan *p, uint32_t id)
{
	return id >= p->cfg.id_base && id - p->cfg.id_base < p->cfg.id_count;
}

struct plan_object *plan_object_get(const struct plan *p, uint32_t id)
{
	for (struct hash_node *n = hash_first(&p->objects, hash_u64(id)); n; n = hash_next(n)) {
		struct plan_object *o = HASH_ENTRY(n, struct plan_object, by_id);

		if (o->id == id)
			return o;
	}
	return NULL;
}

void plan_object_enter(struct plan *p, struct plan_object *o, uint32_t id)
{
	o->id = id;
	hash_add(&p->objects, &o->by_id, hash_u64(id));
}

bool plan_object_number(struct plan *p, struct plan_object *o)
{
	uint32_t offset = p->last_id;

	/* Ids are given out in turn: one that was just freed is the last to come again. */
	if (p->objects.count >= p->cfg.id_count)
		return false;
	do
		offset = (offset + 1) % p->cfg.id_count;
	while (plan_object_get(p, p->cfg.id_base + offset));
	p->last_id = offset;
	plan_object_enter(p, o, p->cfg.id_base + offset);
	return true;
}

void plan_object_leave(struct plan *p, struct plan_object *o)
{
	if (o->id)
		hash_del(&p->objects, &o->by_id);
	list_del(&o->idle);
}

void plan_object_idle(struct plan *p, struct plan_object *o)
{
	if (!list_linked(&o->idle))
		list_add_tail(o->is_group ? &p->idle_groups : &p->idle_next_hops, &o->idle);
}

/* --- next hops --- */

struct plan_next_hop *plan_next_hop_add(struct plan *p, const struct ip_addr *addr)
{
	struct plan_next_hop *nh = mem_calloc(1, sizeof(*nh));

	nh->addr = *addr;
	p->last_set = NULL;
	hash_add(&p->next_hops, &nh->by_addr, ip_addr_hash(addr));
	return nh;
}

static void next_hop_ref(struct plan *p, struct plan_next_hop *nh)
{
	p->new_next_hops += !nh->refs && !nh->known;
	nh->refs++;
	p->next_hops_dirty = true;
}

/* The next hop a wish means. */
static struct plan_next_hop *next_hop_at(struct plan *p, const struct ip_addr *addr)
{
	for (struct hash_node *n = hash_first(&p->next_hops, ip_addr_hash(addr)); n; n = hash_next(n)) {
		struct plan_next_hop *nh = HASH_ENTRY(n, struct plan_next_hop, by_addr);

		if (!ip_addr_equal(&nh->addr, addr) || nh->heir)
			continue;
		p->found_next_hops -= nh->found;
		nh->found = nh->object.leftover = false;
		return nh;
	}
	return plan_next_hop_add(p, addr);
}

void plan_next_hop_unref(struct plan *p, struct plan_next_hop *nh)
{
	if (--nh->refs)
		return;
	p->new_next_hops -= !nh->known;
	/* Nobody asks for it any more; should it be wished for again, what was known is old. */
	nh->known = false;
	plan_object_idle(p, &nh->object);
	if (nh->heir)
		plan_next_hop_unref(p, nh->heir);
	nh->heir = NULL;
}

/* It must not be in next_hops any more. */
void plan_next_hop_free(struct plan *p, struct plan_next_hop *nh)
{
	plan_object_leave(p, &nh->object);
	p->found_next_hops -= nh->found;
	free(nh);
}

/* --- sets --- */

bool plan_kind_is_resilient(const struct plan *p, uint8_t kind)
{
	return kind && kind <= p->cfg.kind_count && p->cfg.kind[kind - 1].resilient && !p->cfg.classic;
}

/* Members of one address are told apart by the order in which they were found. */
static bool is_before(const struct plan_member *a, const struct plan_member *b)
{
	int order = ip_addr_cmp(&a->nh->addr, &b->nh->addr);

	return order ? order < 0 : (uintptr_t)a->nh < (uintptr_t)b->nh;
}

static void sort(struct plan_member *m, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct plan_member one = m[i];
		size_t at = i;

		for (; at > 0 && is_before(&one, &m[at - 1]); at--)
			m[at] = m[at - 1];
		m[at] = one;
	}
}

static uint32_t hash_of(const struct plan_member *m, size_t count, uint32_t seed)
{
	for (size_t i = 0; i < count; i++)
		seed = hash_bytes(&m[i].nh->addr, sizeof(m[i].nh->addr), seed ^ m[i].weight);
	return seed;
}

static bool equal(const struct plan_set *s, uint8_t kind, const struct plan_route *owner,
	const struct plan_member *m, size_t count)
{
	if (s->kind != kind || s->owner != owner || s->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (s->member[i].weight != m[i].weight || s->member[i].nh != m[i].nh)
			return false;
	return true;
}

struct plan_set *plan_set_intern_members(
	struct plan *p, uint8_t kind, const struct plan_route *owner, struct plan_member *m, size_t count)
{
	struct plan_set *s;
	uint32_t hash;

	sort(m, count);
	hash = hash_of(m, count, kind ^ hash_u64((uintptr_t)owner));
	for (struct hash_node *n = hash_first(&p->sets, hash); n; n = hash_next(n)) {
		s = HASH_ENTRY(n, struct plan_set, node);
		if (equal(s, kind, owner, m, count)) {
			s->refs++;
			return s;
		}
	}
	s = mem_calloc(1, sizeof(*s) + count * sizeof(s->member[0]));
	s->refs = 1;
	s->name = plan_name_add(p, s);
	s->kind = kind;
	s->owner = owner;
	s->count = (uint16_t)count;
	for (size_t i = 0; i < count; i++) {
		next_hop_ref(p, m[i].nh);
		s->member[i] = m[i];
		s->usable += m[i].nh->resolution.reachable;
	}
	hash_add(&p->sets, &s->node, hash);
	return s;
}

static bool is_last_wish(const struct plan *p, const struct fib_next_hop *nh, size_t count)
{
	if (!p->last_set || p->last_set->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (nh[i].weight != p->last_wish[i].weight ||
			!ip_addr_equal(&nh[i].addr, &p->last_wish[i].addr))
			return false;
	return true;
}

struct plan_set *plan_set_intern(struct plan *p, uint8_t kind, const struct plan_route *owner,
	const struct fib_next_hop *nh, size_t count)
{
	struct plan_member m[FIB_NEXT_HOPS_MAX];
	struct plan_set *s;

	assert(count >= 1 && count <= FIB_NEXT_HOPS_MAX);
	if (!owner && is_last_wish(p, nh, count)) {
		p->last_set->refs++;
		return p->last_set;
	}
	for (size_t i = 0; i < count; i++)
		m[i] = (struct plan_member){ next_hop_at(p, &nh[i].addr), nh[i].weight };
	s = plan_set_intern_members(p, plan_kind_is_resilient(p, kind) ? kind : 0, owner, m, count);
	if (!owner) {
		memcpy(p->last_wish, nh, count * sizeof(*nh));
		p->last_set = s;
	}
	return s;
}

size_t plan_set_hops(const struct plan_set *s, struct plan_hop out[FIB_NEXT_HOPS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct plan_next_hop *nh = s->member[i].nh;

		if (nh->resolution.reachable)
			out[count++] = (struct plan_hop){ .id = nh->object.id,
				.ifindex = nh->resolution.ifindex,
				.gateway = nh->resolution.gateway,
				.weight = s->member[i].weight };
	}
	return count;
}

void plan_set_unref(struct plan *p, struct plan_set *s)
{
	if (--s->refs)
		return;
	for (size_t i = 0; i < s->count; i++)
		plan_next_hop_unref(p, s->member[i].nh);
	hash_del(&p->sets, &s->node);
	if (p->last_set == s)
		p->last_set = NULL;
	plan_name_del(p, s->name);
	free(s);
}

/* --- groups --- */

struct plan_group *plan_group_add(struct plan *p, struct plan_set *s)
{
	struct plan_group *g = mem_calloc(1, sizeof(*g));

	g->object.is_group = true;
	if (s && !plan_object_number(p, &g->object)) {
		free(g);
		return NULL;
	}
	p->groups++;
	g->name = plan_name_add(p, g);
	if (!s)
		return g;
	g->resilient = plan_kind_is_resilient(p, s->kind);
	g->set = s;
	s->group = g;
	s->refs++;
	return g;
}

void plan_group_detach(struct plan *p, struct plan_group *g)
{
	struct plan_set *s = g->set;

	if (!s)
		return;
	g->set = NULL;
	s->group = NULL;
	plan_set_unref(p, s);
}

void plan_group_free(struct plan *p, struct plan_group *g)
{
	plan_group_detach(p, g);
	list_del(&g->stale_link);
	plan_object_leave(p, &g->object);
	p->groups--;
	p->leftover_groups -= g->object.leftover;
	plan_name_del(p, g->name);
	free(g->sent);
	free(g->share);
	free(g);
}

void plan_group_mark_stale(struct plan *p, struct plan_group *g)
{
	g->object.stale = true;
	list_del(&g->stale_link);
	list_add_tail(&p->stale_groups, &g->stale_link);
}

void plan_group_sent(struct plan_group *g, const struct plan_hop *hop, size_t count)
{
	free(g->sent);
	g->sent = count ? mem_alloc(count * sizeof(*g->sent)) : NULL;
	g->sent_count = (uint16_t)count;
	for (size_t i = 0; i < count; i++)
		g->sent[i] = (struct plan_sent){ hop[i].id, hop[i].weight };
}

static bool sent_has(const struct plan_group *g, const struct plan_hop *hop)
{
	for (size_t i = 0; i < g->sent_count; i++)
		if (g->sent[i].id == hop->id)
			return g->sent[i].weight == hop->weight;
	return false;
}

bool plan_group_has(const struct plan_group *g, const struct plan_hop *hop, size_t count)
{
	if (g->sent_count != count)
		return false;
	/* The order is the same, as a rule, but says nothing. */
	for (size_t i = 0; i < count; i++)
		if ((g->sent[i].id != hop[i].id || g->sent[i].weight != hop[i].weight) &&
			!sent_has(g, &hop[i]))
			return false;
	return true;
}

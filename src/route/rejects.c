#include "route/rejects.h"

#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"

#include <stdlib.h>

struct kept {
	struct list link; /* oldest first */
	struct hash_node node;
	struct route_reject_entry entry;
};

struct route_rejects {
	struct list kept;
	struct hash by_nlri;
	size_t max;
	uint64_t last, dropped;
};

struct route_rejects *route_rejects_new(size_t max)
{
	struct route_rejects *r = mem_calloc(1, sizeof(*r));

	list_init(&r->kept);
	r->max = max;
	return r;
}

static uint32_t hash_of(const struct bgp_nlri *n)
{
	return prefix_hash(&n->prefix) ^ hash_u64(n->path_id);
}

static struct kept *find(const struct route_rejects *r, const struct bgp_nlri *n)
{
	for (struct hash_node *i = hash_first(&r->by_nlri, hash_of(n)); i; i = hash_next(i)) {
		struct kept *k = HASH_ENTRY(i, struct kept, node);

		if (k->entry.nlri.path_id == n->path_id && prefix_equal(&k->entry.nlri.prefix, &n->prefix))
			return k;
	}
	return NULL;
}

static void take_out(struct route_rejects *r, struct kept *k)
{
	list_del(&k->link);
	hash_del(&r->by_nlri, &k->node);
}

static struct kept *oldest(struct route_rejects *r)
{
	return LIST_ENTRY(r->kept.next, struct kept, link);
}

void route_rejects_set_max(struct route_rejects *r, size_t max)
{
	r->max = max;
	while (r->by_nlri.count > max) {
		struct kept *k = oldest(r);

		take_out(r, k);
		free(k);
		r->dropped++;
	}
}

void route_rejects_free(struct route_rejects *r)
{
	if (!r)
		return;
	route_rejects_set_max(r, 0);
	hash_fini(&r->by_nlri);
	free(r);
}

void route_rejects_add(struct route_rejects *r, const struct route_reject_entry *e)
{
	struct kept *k = find(r, &e->nlri);

	if (r->max == 0)
		return;
	if (!k && r->by_nlri.count == r->max) {
		k = oldest(r);
		r->dropped++;
	}
	if (k)
		take_out(r, k);
	else
		k = mem_calloc(1, sizeof(*k));
	k->entry = *e;
	k->entry.number = ++r->last;
	list_add_tail(&r->kept, &k->link);
	hash_add(&r->by_nlri, &k->node, hash_of(&e->nlri));
}

void route_rejects_del(struct route_rejects *r, const struct bgp_nlri *n)
{
	struct kept *k = find(r, n);

	if (!k)
		return;
	take_out(r, k);
	free(k);
}

void route_rejects_del_until(struct route_rejects *r, uint8_t ip_family, uint64_t number)
{
	LIST_FOREACH (l, &r->kept) {
		struct kept *k = LIST_ENTRY(l, struct kept, link);

		if (k->entry.number > number)
			return;
		if (k->entry.nlri.prefix.family != ip_family)
			continue;
		take_out(r, k);
		free(k);
	}
}

uint64_t route_rejects_last(const struct route_rejects *r)
{
	return r->last;
}

size_t route_rejects_count(const struct route_rejects *r)
{
	return r->by_nlri.count;
}

uint64_t route_rejects_dropped(const struct route_rejects *r)
{
	return r->dropped;
}

size_t route_rejects_octets(const struct route_rejects *r)
{
	return r->by_nlri.count * sizeof(struct kept) + r->by_nlri.size * sizeof(struct hash_node *);
}

size_t route_rejects_get(
	const struct route_rejects *r, uint64_t below, struct route_reject_entry *out, size_t max)
{
	size_t count = 0;

	for (const struct list *l = r->kept.prev; l != &r->kept && count < max; l = l->prev) {
		const struct kept *k = LIST_ENTRY((uintptr_t)l, const struct kept, link);

		if (k->entry.number < below)
			out[count++] = k->entry;
	}
	return count;
}

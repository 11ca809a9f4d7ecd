#include "route/weight_table.h"

#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"

#include <stdlib.h>

struct weighted {
	struct hash_node node;
	struct list waiting; /* in the order of coming, which is about that of being due */
	uint64_t due_ms;
	struct prefix prefix;
	struct route_weights weights;
};

struct route_weight_table {
	struct hash prefixes;
	struct list waiting;
	size_t balancers;
};

struct route_weight_table *route_weight_table_new(void)
{
	struct route_weight_table *t = mem_calloc(1, sizeof(*t));

	list_init(&t->waiting);
	return t;
}

static void forget(struct route_weight_table *t, struct weighted *w)
{
	t->balancers -= w->weights.count;
	hash_del(&t->prefixes, &w->node);
	list_del(&w->waiting);
	route_weights_fini(&w->weights);
	free(w);
}

void route_weight_table_free(struct route_weight_table *t)
{
	if (!t)
		return;
	for (struct hash_node *n = hash_walk(&t->prefixes, NULL), *next; n; n = next) {
		next = hash_walk(&t->prefixes, n);
		forget(t, HASH_ENTRY(n, struct weighted, node));
	}
	hash_fini(&t->prefixes);
	free(t);
}

size_t route_weight_table_count(const struct route_weight_table *t)
{
	return t->prefixes.count;
}

size_t route_weight_table_bytes(const struct route_weight_table *t)
{
	return t->prefixes.count * sizeof(struct weighted) + t->balancers * sizeof(struct route_balancer) +
	       t->prefixes.size * sizeof(void *);
}

static struct weighted *find(const struct route_weight_table *t, const struct prefix *p, uint32_t hash)
{
	for (struct hash_node *n = hash_first(&t->prefixes, hash); n; n = hash_next(n)) {
		struct weighted *w = HASH_ENTRY(n, struct weighted, node);

		if (prefix_equal(&w->prefix, p))
			return w;
	}
	return NULL;
}

static struct weighted *add(struct route_weight_table *t, const struct prefix *p, uint32_t hash)
{
	struct weighted *w = mem_calloc(1, sizeof(*w));

	w->prefix = *p;
	hash_add(&t->prefixes, &w->node, hash);
	return w;
}

static void update(struct route_weight_table *t, struct weighted *w, const struct route_balancer *list,
	size_t count, uint64_t now_ms)
{
	uint64_t wait_ms;

	t->balancers -= w->weights.count;
	wait_ms = route_weights_update(&w->weights, list, count, now_ms);
	t->balancers += count;
	list_del(&w->waiting);
	if (!wait_ms)
		return;
	w->due_ms = now_ms + wait_ms;
	list_add_tail(&t->waiting, &w->waiting);
}

size_t route_weight_table_next_hops(struct route_weight_table *t, const struct prefix *p, double unit,
	struct route_balancer *list, size_t count, uint64_t now_ms, struct route_next_hop *out, size_t max)
{
	uint32_t hash = prefix_hash(p);
	struct weighted *w = find(t, p, hash);
	size_t n;

	count = route_balancers_merge(list, count);
	if (!w && route_balancers_weighted(list, count))
		w = add(t, p, hash);
	if (!w)
		return route_balancers_next_hops(list, count, out, max);
	update(t, w, list, count, now_ms);
	n = route_weights_next_hops(&w->weights, unit, out, max);
	if (!list_linked(&w->waiting) && !route_balancers_weighted(w->weights.held, w->weights.count))
		forget(t, w);
	return n;
}

bool route_weight_table_due(
	struct route_weight_table *t, uint64_t now_ms, struct prefix *p, uint64_t *wait_ms)
{
	struct weighted *w;

	*wait_ms = UINT64_MAX;
	if (list_empty(&t->waiting))
		return false;
	w = LIST_ENTRY(t->waiting.next, struct weighted, waiting);
	*wait_ms = w->due_ms > now_ms ? w->due_ms - now_ms : 0;
	if (*wait_ms)
		return false;
	list_del(&w->waiting);
	*p = w->prefix;
	return true;
}

#include "kernel/watch.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct watched {
	struct hash_node node;
	struct ip_addr addr;
	bool known;
	unsigned round; /* the last one it was asked about in */
	struct plan_resolution last;
};

static struct watched *find(const struct watch_list *w, const struct ip_addr *addr)
{
	for (struct hash_node *n = hash_first(&w->table, ip_addr_hash(addr)); n; n = hash_next(n)) {
		struct watched *x = HASH_ENTRY(n, struct watched, node);

		if (ip_addr_equal(&x->addr, addr))
			return x;
	}
	return NULL;
}

void watch_add(struct watch_list *w, const struct ip_addr *addr)
{
	struct watched *x;

	if (find(w, addr))
		return;
	x = mem_calloc(1, sizeof(*x));
	x->addr = *addr;
	hash_add(&w->table, &x->node, ip_addr_hash(addr));
	w->unknown++;
}

static void forget(struct watch_list *w, struct watched *x)
{
	w->unknown -= !x->known;
	w->unreachable -= x->known && !x->last.reachable;
	hash_del(&w->table, &x->node);
	free(x);
}

void watch_del(struct watch_list *w, const struct ip_addr *addr)
{
	struct watched *x = find(w, addr);

	if (x)
		forget(w, x);
}

bool watch_has(const struct watch_list *w, const struct ip_addr *addr)
{
	return find(w, addr);
}

void watch_list_fini(struct watch_list *w)
{
	for (struct hash_node *n = hash_walk(&w->table, NULL), *next; n; n = next) {
		next = hash_walk(&w->table, n);
		forget(w, HASH_ENTRY(n, struct watched, node));
	}
	hash_fini(&w->table);
}

static bool is_due(const struct watched *x, enum plan_ask which)
{
	return !x->known || which == PLAN_ASK_ALL || (which == PLAN_ASK_UNREACHABLE && !x->last.reachable);
}

size_t watch_ask(struct watch_list *w, enum plan_ask which, struct ip_addr **list, size_t count)
{
	w->round++;
	for (size_t i = 0; i < count; i++) {
		struct watched *x = find(w, &(*list)[i]);

		if (x)
			x->round = w->round;
	}
	*list = mem_realloc(*list, (count + w->table.count + 1) * sizeof(**list));
	for (struct hash_node *n = hash_walk(&w->table, NULL); n; n = hash_walk(&w->table, n)) {
		struct watched *x = HASH_ENTRY(n, struct watched, node);

		if (x->round != w->round && is_due(x, which))
			(*list)[count++] = x->addr;
	}
	return count;
}

static bool differ(const struct plan_resolution *a, const struct plan_resolution *b)
{
	if (a->reachable != b->reachable)
		return true;
	if (!a->reachable)
		return a->why != b->why;
	return a->metric != b->metric || a->ifindex != b->ifindex ||
	       !ip_addr_equal(&a->gateway, &b->gateway) || strcmp(a->interface, b->interface) != 0;
}

bool watch_resolve(struct watch_list *w, const struct ip_addr *addr, const struct plan_resolution *r)
{
	struct watched *x = find(w, addr);

	if (!x || (x->known && !differ(&x->last, r)))
		return false;
	w->unknown -= !x->known;
	w->unreachable -= x->known && !x->last.reachable;
	x->known = true;
	x->last = *r;
	w->unreachable += !r->reachable;
	return true;
}

/*
 * The plan's routes in the order of a routing table, for listings that stop and go on.
 *
 * Listings are rare and routes are many, so nothing is kept sorted: a listing picks the some thousand routes that come next out of
 * all, in one pass, and again when these were taken. It holds prefixes, which may be gone by then.
 */
#include "base/mem.h"
#include "kernel/plan_store.h"

#include <stdlib.h>

enum { PAGE = 4096, TWO_PAGES = 2 * PAGE };

/* The key is never greater for a lesser prefix. Of IPv4 it is all there is; of IPv6 the first 63 bits. */
struct place {
	uint64_t key;
	struct prefix prefix;
};

struct plan_rows {
	bool over;
	struct place last; /* what the listing has come to; before it begins, less than all */
	size_t next, count;
	struct prefix page[PAGE];
};

struct plan_rows *plan_rows_new(void)
{
	return mem_calloc(1, sizeof(struct plan_rows));
}

void plan_rows_free(struct plan_rows *l)
{
	free(l);
}

static uint64_t key_of(const struct plan_route *r)
{
	uint64_t key = 0;

	for (size_t i = 0; i < (r->ipv6 ? sizeof(key) : 4); i++)
		key = key << 8 | r->addr[i];
	return r->ipv6 ? 1ull << 63 | key >> 1 : key << 8 | r->len;
}

static int place_cmp(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return prefix_cmp(&a->prefix, &b->prefix);
}

/* Sorts what was found; how many of it are the next ones. */
static size_t best_of(struct place *found, size_t count)
{
	qsort(found, count, sizeof(*found), place_cmp);
	return count < PAGE ? count : PAGE;
}

/* The next ones are always among the first half; the other takes what may be better than the last of these. */
static size_t find_next(const struct plan *p, const struct place *last, struct place *found)
{
	struct place limit = { UINT64_MAX, { .family = UINT8_MAX } };
	struct plan_route *r;
	size_t count = 0;

	for (size_t at = 0; (r = plan_route_walk(p, &at));) {
		struct place one = { .key = key_of(r) };

		if (one.key < last->key || one.key > limit.key)
			continue;
		one.prefix = plan_route_prefix(r);
		if (place_cmp(&one, last) <= 0 || place_cmp(&one, &limit) >= 0)
			continue;
		found[count++] = one;
		if (count == TWO_PAGES) {
			count = best_of(found, count);
			limit = found[count - 1];
		}
	}
	return best_of(found, count);
}

static void turn_page(const struct plan *p, struct plan_rows *l)
{
	struct place *found = mem_alloc(TWO_PAGES * sizeof(*found));

	l->next = 0;
	l->count = find_next(p, &l->last, found);
	for (size_t i = 0; i < l->count; i++)
		l->page[i] = found[i].prefix;
	if (l->count)
		l->last = found[l->count - 1];
	l->over = l->count < PAGE;
	free(found);
}

bool plan_rows_next(const struct plan *p, struct plan_rows *l, struct plan_view *v)
{
	for (;;) {
		while (l->next < l->count)
			if (plan_view_get(p, &l->page[l->next++], v))
				return true;
		if (l->over)
			return false;
		turn_page(p, l);
	}
}

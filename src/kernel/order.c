#include "kernel/order.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { ORDER_BLOCK = 256 };

struct order_block {
	struct prefix first; /* a copy of *at[0]: the search in the index touches nothing else */
	uint16_t count;
	const struct prefix **at;
};

void order_fini(struct order *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->block[i].at);
	free(o->block);
	*o = (struct order){ 0 };
}

/* The last block whose first prefix is not greater than p; 0 when all are. */
static size_t find_block(const struct order *o, const struct prefix *p)
{
	size_t low = 0, high = o->count;

	while (low + 1 < high) {
		size_t middle = (low + high) / 2;

		if (prefix_cmp(&o->block[middle].first, p) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* How many prefixes of the block are less than p. */
static size_t find_in_block(const struct order_block *b, const struct prefix *p)
{
	size_t low = 0, high = b->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (prefix_cmp(b->at[middle], p) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct order_block *insert_block(struct order *o, size_t i)
{
	if (o->count == o->size) {
		o->size = o->size ? o->size * 2 : 8;
		o->block = mem_realloc(o->block, o->size * sizeof(*o->block));
	}
	memmove(&o->block[i + 1], &o->block[i], (o->count - i) * sizeof(*o->block));
	o->block[i] = (struct order_block){ .at = mem_alloc(ORDER_BLOCK * sizeof(*o->block[i].at)) };
	o->count++;
	return &o->block[i];
}

/* A block full at its end is most often filled in order: the next prefix then starts a block of its own. */
static size_t split_block(struct order *o, size_t i, size_t at)
{
	size_t keep = at == ORDER_BLOCK ? ORDER_BLOCK : ORDER_BLOCK / 2;
	struct order_block *right = insert_block(o, i + 1), *left = &o->block[i];

	right->count = (uint16_t)(left->count - keep);
	memcpy(right->at, left->at + keep, right->count * sizeof(*right->at));
	left->count = (uint16_t)keep;
	if (right->count)
		right->first = *right->at[0];
	return at > keep || keep == ORDER_BLOCK ? i + 1 : i;
}

void order_add(struct order *o, const struct prefix *p)
{
	size_t i = find_block(o, p), at;
	struct order_block *b;

	if (!o->count)
		insert_block(o, 0);
	at = find_in_block(&o->block[i], p);
	if (o->block[i].count == ORDER_BLOCK) {
		i = split_block(o, i, at);
		at = find_in_block(&o->block[i], p);
	}
	b = &o->block[i];
	memmove(b->at + at + 1, b->at + at, (b->count - at) * sizeof(*b->at));
	b->at[at] = p;
	b->count++;
	if (at == 0)
		b->first = *p;
}

void order_del(struct order *o, const struct prefix *p)
{
	size_t i = find_block(o, p), at = find_in_block(&o->block[i], p);
	struct order_block *b = &o->block[i];

	b->count--;
	memmove(b->at + at, b->at + at + 1, (b->count - at) * sizeof(*b->at));
	if (!b->count) {
		free(b->at);
		o->count--;
		memmove(b, b + 1, (o->count - i) * sizeof(*b));
	} else if (at == 0) {
		b->first = *b->at[0];
	}
}

const struct prefix *order_next(const struct order *o, const struct prefix *after)
{
	size_t i, at;

	if (!o->count)
		return NULL;
	if (!after)
		return o->block[0].at[0];
	i = find_block(o, after);
	at = find_in_block(&o->block[i], after);
	if (at < o->block[i].count && prefix_equal(o->block[i].at[at], after))
		at++;
	if (at < o->block[i].count)
		return o->block[i].at[at];
	return i + 1 < o->count ? o->block[i + 1].at[0] : NULL;
}

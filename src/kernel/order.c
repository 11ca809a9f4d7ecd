#include "kernel/order.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { ORDER_BLOCK = 256 };

/* A prefix with its key beside it: a search touches a prefix itself only where keys are equal. */
struct order_item {
	uint64_t key;
	const struct prefix *prefix;
};

struct order_block {
	struct order_item first; /* a copy of item[0]: the search in the index touches nothing else */
	uint16_t count;
	struct order_item *item;
};

/* Never greater for a lesser prefix. Of IPv4 it is all there is; of IPv6 the first 63 bits. */
static uint64_t key_of(const struct prefix *p)
{
	uint64_t key = 0;

	for (size_t i = 0; i < sizeof(key); i++)
		key = key << 8 | p->bytes[i];
	return p->family == IP_V4 ? key >> 24 | p->len : 1ull << 63 | key >> 1;
}

static struct order_item item_of(const struct prefix *p)
{
	return (struct order_item){ key_of(p), p };
}

static int item_cmp(const struct order_item *a, const struct order_item *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->prefix->family == IP_V4 ? 0 : prefix_cmp(a->prefix, b->prefix);
}

void order_fini(struct order *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->block[i].item);
	free(o->block);
	*o = (struct order){ 0 };
}

/* The last block whose first prefix is not greater; 0 when all are. */
static size_t find_block(const struct order *o, const struct order_item *wanted)
{
	size_t low = 0, high = o->count;

	while (low + 1 < high) {
		size_t middle = (low + high) / 2;

		if (item_cmp(&o->block[middle].first, wanted) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* How many prefixes of the block are less. */
static size_t find_in_block(const struct order_block *b, const struct order_item *wanted)
{
	size_t low = 0, high = b->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (item_cmp(&b->item[middle], wanted) < 0)
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
	o->block[i] = (struct order_block){ .item = mem_alloc(ORDER_BLOCK * sizeof(*o->block[i].item)) };
	o->count++;
	return &o->block[i];
}

/* A block full at its end is most often filled in order: the next prefix then starts a block of its own. */
static size_t split_block(struct order *o, size_t i, size_t at)
{
	size_t keep = at == ORDER_BLOCK ? ORDER_BLOCK : ORDER_BLOCK / 2;
	struct order_block *right = insert_block(o, i + 1), *left = &o->block[i];

	right->count = (uint16_t)(left->count - keep);
	memcpy(right->item, left->item + keep, right->count * sizeof(*right->item));
	left->count = (uint16_t)keep;
	if (right->count)
		right->first = right->item[0];
	return at > keep || keep == ORDER_BLOCK ? i + 1 : i;
}

void order_add(struct order *o, const struct prefix *p)
{
	struct order_item item = item_of(p);
	size_t i = find_block(o, &item), at;
	struct order_block *b;

	if (!o->count)
		insert_block(o, 0);
	at = find_in_block(&o->block[i], &item);
	if (o->block[i].count == ORDER_BLOCK) {
		i = split_block(o, i, at);
		at = find_in_block(&o->block[i], &item);
	}
	b = &o->block[i];
	memmove(b->item + at + 1, b->item + at, (b->count - at) * sizeof(*b->item));
	b->item[at] = item;
	b->count++;
	if (at == 0)
		b->first = item;
}

void order_del(struct order *o, const struct prefix *p)
{
	struct order_item item = item_of(p);
	size_t i = find_block(o, &item), at = find_in_block(&o->block[i], &item);
	struct order_block *b = &o->block[i];

	b->count--;
	memmove(b->item + at, b->item + at + 1, (b->count - at) * sizeof(*b->item));
	if (!b->count) {
		free(b->item);
		o->count--;
		memmove(b, b + 1, (o->count - i) * sizeof(*b));
	} else if (at == 0) {
		b->first = b->item[0];
	}
}

const struct prefix *order_next(const struct order *o, const struct prefix *after)
{
	struct order_item item;
	size_t i, at;

	if (!o->count)
		return NULL;
	if (!after)
		return o->block[0].item[0].prefix;
	item = item_of(after);
	i = find_block(o, &item);
	at = find_in_block(&o->block[i], &item);
	if (at < o->block[i].count && prefix_equal(o->block[i].item[at].prefix, after))
		at++;
	if (at < o->block[i].count)
		return o->block[i].item[at].prefix;
	return i + 1 < o->count ? o->block[i + 1].item[0].prefix : NULL;
}

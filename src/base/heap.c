#include "base/heap.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>

static bool before(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

static void place(struct heap *h, size_t i, struct heap_node *n)
{
	h->node[i] = n;
	n->at = i + 1;
}

static void up(struct heap *h, size_t i, struct heap_node *n)
{
	for (; i > 0 && before(n, h->node[(i - 1) / 2]); i = (i - 1) / 2)
		place(h, i, h->node[(i - 1) / 2]);
	place(h, i, n);
}

static void down(struct heap *h, size_t i, struct heap_node *n)
{
	for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
		if (child + 1 < h->count && before(h->node[child + 1], h->node[child]))
			child++;
		if (before(n, h->node[child]))
			break;
		place(h, i, h->node[child]);
	}
	place(h, i, n);
}

/* n has a new key, or takes the place i of another. */
static void settle(struct heap *h, size_t i, struct heap_node *n)
{
	if (i > 0 && before(n, h->node[(i - 1) / 2]))
		up(h, i, n);
	else
		down(h, i, n);
}

void heap_fini(struct heap *h)
{
	free(h->node);
	*h = (struct heap){ 0 };
}

void heap_set(struct heap *h, struct heap_node *n, uint64_t key)
{
	n->key = key;
	n->seq = h->seq++;
	if (n->at) {
		settle(h, n->at - 1, n);
		return;
	}
	if (h->count == h->size) {
		h->size = h->size ? 2 * h->size : 64;
		h->node = mem_realloc(h->node, h->size * sizeof(struct heap_node *));
	}
	up(h, h->count++, n);
}

void heap_del(struct heap *h, struct heap_node *n)
{
	struct heap_node *last;

	if (!n->at)
		return;
	last = h->node[--h->count];
	if (last != n)
		settle(h, n->at - 1, last);
	n->at = 0;
}

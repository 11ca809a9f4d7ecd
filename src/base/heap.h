/*
 * A binary heap of what is due when, the smallest key first; its nodes live inside the caller's objects.
 *
 * Owns only its array, which grows by doubling and never shrinks. Of two nodes with one key the one that was set first comes first.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct heap_node {
	uint64_t key;
	uint64_t seq;
	size_t at; /* 1 + its place; 0: in no heap */
};

/* All zero is valid and empty. */
struct heap {
	struct heap_node **node;
	size_t count, size;
	uint64_t seq; /* of the next that is set */
};

#define HEAP_ENTRY(n, type, member) ((type *)(void *)((char *)(n)-offsetof(type, member)))

/* Frees the array, not the nodes. */
void heap_fini(struct heap *h);
/* Puts the node in, or to where it belongs with another key. */
void heap_set(struct heap *h, struct heap_node *n, uint64_t key);
/* A node that is in none is left alone. */
void heap_del(struct heap *h, struct heap_node *n);
/* NULL: empty. */
static inline struct heap_node *heap_first(const struct heap *h)
{
	return h->count ? h->node[0] : NULL;
}

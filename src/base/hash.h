/*
 * Hash functions, and a hash table whose nodes live inside the caller's objects.
 *
 * The table owns only its bucket array. It grows by doubling when it is full and never shrinks. Equality is the
 * caller's: hash_first/hash_next yield the nodes with a given hash value and the caller compares keys.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fast, well mixed, not keyed: do not use it where an attacker gains by collisions he can compute offline
 * without a bound on the table's size. */
uint32_t hash_bytes(const void *data, size_t len, uint32_t seed);

static inline uint32_t hash_u64(uint64_t v)
{
	v ^= v >> 33;
	v *= 0xff51afd7ed558ccdULL;
	v ^= v >> 33;
	v *= 0xc4ceb9fe1a85ec53ULL;
	return (uint32_t)(v ^ v >> 33);
}

struct hash_node {
	struct hash_node *next;
	uint32_t hash;
};

struct hash {
	struct hash_node **bucket;
	size_t size;  /* buckets, a power of two, or 0 */
	size_t count; /* nodes */
};

#define HASH_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* An all-zero table is valid and empty. Frees the buckets, not the nodes. */
void hash_fini(struct hash *h);
void hash_add(struct hash *h, struct hash_node *node, uint32_t hash);
/* The node must be in the table. */
void hash_del(struct hash *h, struct hash_node *node);
struct hash_node *hash_first(const struct hash *h, uint32_t hash);
/* A search for this hash, an addition or a deletion comes soon: begins to fetch from memory where it starts. */
static inline void hash_expect(const struct hash *h, uint32_t hash)
{
	if (h->size)
		__builtin_prefetch(&h->bucket[hash & (h->size - 1)]);
}
struct hash_node *hash_next(const struct hash_node *node);
/* Walks all nodes: NULL starts, NULL ends. The node returned may be deleted after its successor was asked for. */
struct hash_node *hash_walk(const struct hash *h, const struct hash_node *node);

#include "base/hash.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t h, uint64_t v)
{
	__uint128_t m = (__uint128_t)(h ^ v) * 0x9e3779b97f4a7c15ULL;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint32_t hash_bytes(const void *data, size_t len, uint32_t seed)
{
	const uint8_t *p = data;
	uint64_t h = seed ^ (uint64_t)len << 32 ^ 0x2545f4914f6cdd1dULL, v;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = mix(h, v);
	}
	if (len) {
		v = 0;
		memcpy(&v, p, len);
		h = mix(h, v);
	}
	return hash_u64(h);
}

void hash_fini(struct hash *h)
{
	free(h->bucket);
	*h = (struct hash){ 0 };
}

static void hash_grow(struct hash *h)
{
	size_t size = h->size ? h->size * 2 : 8;
	struct hash_node **bucket = mem_calloc(size, sizeof(struct hash_node *));

	for (size_t i = 0; i < h->size; i++) {
		for (struct hash_node *n = h->bucket[i], *next; n; n = next) {
			next = n->next;
			n->next = bucket[n->hash & (size - 1)];
			bucket[n->hash & (size - 1)] = n;
		}
	}
	free(h->bucket);
	h->bucket = bucket;
	h->size = size;
}

void hash_add(struct hash *h, struct hash_node *node, uint32_t hash)
{
	struct hash_node **b;

	if (h->count >= h->size)
		hash_grow(h);
	b = &h->bucket[hash & (h->size - 1)];
	node->hash = hash;
	node->next = *b;
	*b = node;
	h->count++;
}

void hash_del(struct hash *h, struct hash_node *node)
{
	struct hash_node **p = &h->bucket[node->hash & (h->size - 1)];

	while (*p != node)
		p = &(*p)->next;
	*p = node->next;
	h->count--;
}

static struct hash_node *same_hash(struct hash_node *n, uint32_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct hash_node *hash_first(const struct hash *h, uint32_t hash)
{
	return h->size ? same_hash(h->bucket[hash & (h->size - 1)], hash) : NULL;
}

struct hash_node *hash_next(const struct hash_node *node)
{
	return same_hash(node->next, node->hash);
}

struct hash_node *hash_walk(const struct hash *h, const struct hash_node *node)
{
	size_t i = 0;

	if (node) {
		if (node->next)
			return node->next;
		i = (node->hash & (h->size - 1)) + 1;
	}
	for (; i < h->size; i++)
		if (h->bucket[i])
			return h->bucket[i];
	return NULL;
}

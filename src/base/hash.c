#include "base/hash.h"

#include "base/mem.h"
#include "base/pages.h"

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

/* Tables from this size on are in pages of their own, which growing does not copy. */
enum { PAGED_OCTETS = 1 << 16 };

static size_t octets(size_t buckets)
{
	return buckets * sizeof(struct hash_node *);
}

static bool is_paged(size_t buckets)
{
	return octets(buckets) >= PAGED_OCTETS;
}

void hash_fini(struct hash *h)
{
	if (is_paged(h->size))
		pages_free(h->bucket, octets(h->size));
	else
		free(h->bucket);
	*h = (struct hash){ 0 };
}

/* The new buckets, behind the others, are empty. */
static struct hash_node **resize(struct hash_node **bucket, size_t old, size_t size)
{
	struct hash_node **paged;

	if (!is_paged(size)) {
		bucket = mem_realloc(bucket, octets(size));
		memset(bucket + old, 0, octets(size - old));
		return bucket;
	}
	if (is_paged(old))
		return pages_resize(bucket, octets(old), octets(size));
	paged = pages_resize(NULL, 0, octets(size));
	memcpy(paged, bucket, octets(old));
	free(bucket);
	return paged;
}

/* Nodes stay in their bucket or go to the one that stands as far behind it as there were buckets before. */
static void split(struct hash *h, size_t i, size_t old)
{
	struct hash_node **stays = &h->bucket[i], **goes = &h->bucket[i + old];

	for (struct hash_node *n = *stays; n; n = n->next) {
		struct hash_node ***end = n->hash & old ? &goes : &stays;

		**end = n;
		*end = &n->next;
	}
	*stays = *goes = NULL;
}

static void hash_grow(struct hash *h)
{
	size_t old = h->size, size = old ? old * 2 : 8;

	h->bucket = resize(h->bucket, old, size);
	h->size = size;
	for (size_t i = 0; i < old; i++)
		split(h, i, old);
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

/*
 * Finds objects that have numbers (pool.h) by the hash of their keys. Owns its slots alone; keys and equality are the caller's.
 *
 * Slots are sorted by the hash value they hold: each is at the place that stands for its share of all values, or a little
 * behind where that is taken. So finding compares neighbors without touching an object (each is a cache miss), and a
 * position in a walk is simply the hash value it has come to, whatever is added, removed or grown meanwhile.
 *
 * Growing is done in place and little by little, from the end to the front, with each addition: hash values from
 * `edge` on have their places among `goal`, the lesser ones still among `places`. As goal is not less, slots are in order as a
 * whole, and what finds, adds and removes need not know more than where the place of a hash value is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* number 0: free. */
struct hash_slot {
	uint32_t hash;
	uint32_t number;
};

struct hash_index {
	struct hash_slot *slot;
	size_t count;
	size_t places, goal; /* the same while it does not grow */
	uint64_t edge;
	size_t size; /* slots: the places, and what those at the end need behind them; the last is always free */
	unsigned turn; /* additions since growing went on */
};

void hash_index_init(struct hash_index *t);
void hash_index_fini(struct hash_index *t);
size_t hash_index_octets(const struct hash_index *t);
void hash_index_add(struct hash_index *t, uint32_t number, uint32_t hash);
/* It must be in it. */
void hash_index_remove(struct hash_index *t, uint32_t number, uint32_t hash);

/* Where a search for this hash begins to read. */
static inline size_t hash_index_place(const struct hash_index *t, uint32_t hash)
{
	return hash * (uint64_t)(hash < t->edge ? t->places : t->goal) >> 32;
}

/* The least hash value with this place or a later one; 2^32 and more behind the last. */
uint64_t hash_index_place_begin(const struct hash_index *t, size_t place);

/* The first slot that is free or whose hash is not less. */
static inline size_t hash_index_first(const struct hash_index *t, uint32_t hash)
{
	size_t i = hash_index_place(t, hash);

	while (t->slot[i].number && t->slot[i].hash < hash)
		i++;
	return i;
}

/* Walks the numbers with that hash: begins with i = hash_index_first(), ends with 0; the next is at i + 1. */
static inline uint32_t hash_index_at(const struct hash_index *t, size_t i, uint32_t hash)
{
	return t->slot[i].hash == hash ? t->slot[i].number : 0;
}

/* A search for this hash comes soon: begins to fetch from memory what it reads first. */
static inline void hash_index_expect(const struct hash_index *t, uint32_t hash)
{
	__builtin_prefetch(&t->slot[hash_index_place(t, hash)]);
}

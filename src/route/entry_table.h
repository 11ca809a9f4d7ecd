/*
 * The entries of one family's table, by prefix. Owns the slots, not the entries.
 *
 * Slots are sorted by the hash value they hold: each is at the place that stands for its share of all values, or a little
 * behind where that is taken. So finding and growing compare and copy neighbors without touching an entry (each is a cache miss), growing
 * is one pass from front to back, and a position in a walk is simply the hash value it has come to, whatever is added, removed
 * or grown meanwhile.
 */
#pragma once

#include "base/prefix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route_entry;

/* Packed: 12 octets. entry NULL: free. */
struct route_entry_slot {
	uint32_t hash;
	struct route_entry *entry;
} __attribute__((packed));

struct route_entry_table {
	struct route_entry_slot *slot;
	size_t places;
	size_t size; /* slots: the places, and what those at the end need behind them; the last is always free */
	size_t count;
};

void route_entry_table_init(struct route_entry_table *t);
void route_entry_table_fini(struct route_entry_table *t);
size_t route_entry_table_octets(const struct route_entry_table *t);

/* hash: prefix_hash() of the prefix in all of these. */
struct route_entry *route_entry_table_find(
	const struct route_entry_table *t, const struct prefix *p, uint32_t hash);
/* The prefix must not be in it. */
void route_entry_table_add(struct route_entry_table *t, struct route_entry *e, uint32_t hash);
/* The entry must be in it. */
void route_entry_table_remove(struct route_entry_table *t, const struct route_entry *e, uint32_t hash);

/* Where a find of this hash begins to read. */
static inline size_t route_entry_table_place(const struct route_entry_table *t, uint32_t hash)
{
	return (uint64_t)hash * t->places >> 32;
}
/* The least hash value with this place; 2^32 behind the last. */
static inline uint64_t route_entry_table_place_begin(const struct route_entry_table *t, size_t place)
{
	return (((uint64_t)place << 32) + t->places - 1) / t->places;
}

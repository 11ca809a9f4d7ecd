#include "route/entry_table.h"

#include "base/mem.h"
#include "route/rib.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES_FIRST = 64, BEHIND_FIRST = 8 };

_Static_assert(sizeof(struct route_entry_slot) == 12, "the memory of a prefix");

void route_entry_table_init(struct route_entry_table *t)
{
	*t = (struct route_entry_table){ .places = PLACES_FIRST, .size = PLACES_FIRST + BEHIND_FIRST };
	t->slot = mem_calloc(t->size, sizeof(*t->slot));
}

void route_entry_table_fini(struct route_entry_table *t)
{
	free(t->slot);
	t->slot = NULL;
}

size_t route_entry_table_octets(const struct route_entry_table *t)
{
	return t->size * sizeof(*t->slot);
}

/* The first slot that is free or whose hash is not less. */
static size_t lower_bound(const struct route_entry_table *t, uint32_t hash)
{
	size_t i = route_entry_table_place(t, hash);

	while (t->slot[i].entry && t->slot[i].hash < hash)
		i++;
	return i;
}

static bool entry_is(const struct route_entry *e, const struct prefix *p)
{
	return e->len == p->len && memcmp(e->addr, p->bytes, ip_family_bytes(e->family)) == 0;
}

struct route_entry *route_entry_table_find(
	const struct route_entry_table *t, const struct prefix *p, uint32_t hash)
{
	for (size_t i = lower_bound(t, hash); t->slot[i].entry && t->slot[i].hash == hash; i++)
		if (entry_is(t->slot[i].entry, p))
			return t->slot[i].entry;
	return NULL;
}

static void more_behind(struct route_entry_table *t)
{
	size_t size = t->places + (t->size - t->places) * 2;

	t->slot = mem_realloc(t->slot, size * sizeof(*t->slot));
	memset(&t->slot[t->size], 0, (size - t->size) * sizeof(*t->slot));
	t->size = size;
}

/* Makes slot i free, moving what stands there and behind it up to the next free slot. */
static void open_up(struct route_entry_table *t, size_t i)
{
	size_t end = i;

	while (t->slot[end].entry)
		end++;
	memmove(&t->slot[i + 1], &t->slot[i], (end - i) * sizeof(*t->slot));
	if (end + 1 == t->size)
		more_behind(t);
}

/* By half only, since what is free counts for every prefix. Slots being in order, each goes to its place or right behind the
 * one before it. */
static void grow(struct route_entry_table *t)
{
	struct route_entry_table old = *t;
	size_t next = 0, place;

	t->places += t->places / 2;
	t->size = t->places + BEHIND_FIRST;
	t->slot = mem_calloc(t->size, sizeof(*t->slot));
	for (size_t i = 0; i < old.size; i++) {
		if (!old.slot[i].entry)
			continue;
		place = route_entry_table_place(t, old.slot[i].hash);
		if (next < place)
			next = place;
		t->slot[next++] = old.slot[i];
		if (next == t->size)
			more_behind(t);
	}
	free(old.slot);
}

void route_entry_table_add(struct route_entry_table *t, struct route_entry *e, uint32_t hash)
{
	size_t i;

	if (t->count >= t->places / 8 * 7)
		grow(t);
	i = lower_bound(t, hash);
	open_up(t, i);
	t->slot[i] = (struct route_entry_slot){ hash, e };
	t->count++;
}

void route_entry_table_remove(struct route_entry_table *t, const struct route_entry *e, uint32_t hash)
{
	size_t i = lower_bound(t, hash), end;

	while (t->slot[i].entry != e)
		i++;
	/* What is behind its place moves up. */
	for (end = i + 1; t->slot[end].entry && route_entry_table_place(t, t->slot[end].hash) < end;)
		end++;
	memmove(&t->slot[i], &t->slot[i + 1], (end - i - 1) * sizeof(*t->slot));
	t->slot[end - 1] = (struct route_entry_slot){ 0, NULL };
	t->count--;
}

#include "base/hash_index.h"

#include "base/mem.h"
#include "base/pages.h"

#include <stdlib.h>
#include <string.h>

enum {
	BEHIND_FIRST = 8,
	PLACES_FIRST = 64,
	/* So many slots for so many additions: done with before the old places are much fuller than when it began. */
	STEP_SLOTS = 1024,
	STEP_EVERY = 32,
};

static size_t octets(size_t slots)
{
	return slots * sizeof(struct hash_slot);
}

void hash_index_init(struct hash_index *t)
{
	*t = (struct hash_index){
		.places = PLACES_FIRST, .goal = PLACES_FIRST, .size = PLACES_FIRST + BEHIND_FIRST
	};
	t->slot = pages_resize(NULL, 0, octets(t->size));
}

void hash_index_fini(struct hash_index *t)
{
	pages_free(t->slot, octets(t->size));
	*t = (struct hash_index){ 0 };
}

size_t hash_index_octets(const struct hash_index *t)
{
	return octets(t->size);
}

static uint64_t begin_among(size_t places, size_t place)
{
	return (((uint64_t)place << 32) + places - 1) / places;
}

uint64_t hash_index_place_begin(const struct hash_index *t, size_t place)
{
	uint64_t begin = begin_among(t->places, place);

	if (begin < t->edge)
		return begin;
	begin = begin_among(t->goal, place);
	return begin < t->edge ? t->edge : begin;
}

static void resize(struct hash_index *t, size_t size)
{
	t->slot = pages_resize(t->slot, octets(t->size), octets(size));
	t->size = size;
}

/* Makes slot i free, moving what stands there and behind it up to the next free slot. */
static void open_up(struct hash_index *t, size_t i)
{
	size_t end = i;

	while (t->slot[end].number)
		end++;
	memmove(&t->slot[i + 1], &t->slot[i], octets(end - i));
	if (end + 1 == t->size)
		resize(t, t->goal + (t->size - t->goal) * 2);
}

static void put(struct hash_index *t, struct hash_slot s)
{
	size_t i = hash_index_first(t, s.hash);

	open_up(t, i);
	t->slot[i] = s;
}

/* Many, in their order, where there was room made for them: each goes to its place or right behind the one before it. */
static void put_all(struct hash_index *t, const struct hash_slot *s, size_t count)
{
	size_t i = 0, next = 0, place;

	for (; i < count; i++) {
		place = hash_index_place(t, s[i].hash);
		if (next < place)
			next = place;
		if (t->slot[next].number || next + 1 == t->size)
			break;
		t->slot[next++] = s[i];
	}
	for (; i < count; i++)
		put(t, s[i]);
}

/* By a quarter only, since what is free counts for every object. */
static void begin_to_grow(struct hash_index *t)
{
	t->goal = t->places + t->places / 4;
	t->edge = 1ull << 32;
	if (t->size < t->goal + BEHIND_FIRST)
		resize(t, t->goal + BEHIND_FIRST);
}

/* Moves the edge down to where slots are free, and what is behind it to its new place. What has grown into the part that was done
 * before is taken along, so that there is free space behind what is moved. */
static void grow_some(struct hash_index *t)
{
	size_t end = hash_index_place(t, (uint32_t)(t->edge - 1)) + 1,
	       begin = end > STEP_SLOTS ? end - STEP_SLOTS : 0;
	struct hash_slot *moved;
	size_t count = 0;

	while (begin && t->slot[begin - 1].number)
		begin--;
	while (t->slot[end].number)
		end++;
	moved = mem_alloc(octets(end - begin));
	for (size_t i = begin; i < end; i++)
		if (t->slot[i].number)
			moved[count++] = t->slot[i];
	memset(&t->slot[begin], 0, octets(end - begin));
	t->edge = begin ? begin_among(t->places, begin) : 0;
	if (!begin)
		t->places = t->goal;
	put_all(t, moved, count);
	free(moved);
}

void hash_index_add(struct hash_index *t, uint32_t number, uint32_t hash)
{
	if (t->edge && ++t->turn % STEP_EVERY == 0)
		grow_some(t);
	else if (!t->edge && t->count >= t->places / 8 * 7)
		begin_to_grow(t);
	put(t, (struct hash_slot){ hash, number });
	t->count++;
}

void hash_index_remove(struct hash_index *t, uint32_t number, uint32_t hash)
{
	size_t i = hash_index_first(t, hash), end;

	while (t->slot[i].number != number)
		i++;
	/* What is behind its place moves up. */
	for (end = i + 1; t->slot[end].number && hash_index_place(t, t->slot[end].hash) < end;)
		end++;
	memmove(&t->slot[i], &t->slot[i + 1], octets(end - i - 1));
	t->slot[end - 1] = (struct hash_slot){ 0, 0 };
	t->count--;
}

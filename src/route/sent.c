#include "route/sent.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	WORDS = ROUTE_GROUPS_MAX / 64,
	UNUSED_MAX = 256, /* states kept although no path is in them */
};

struct sets {
	uint64_t current[WORDS], stale[WORDS];
};

struct state {
	struct hash_node node;
	uint32_t number;
	size_t paths; /* in this state; state 0 does not count */
	struct sets sets;
};

struct route_sent {
	struct hash by_sets;
	struct state **state; /* by number; NULL: the number is free */
	size_t count, size;   /* numbers ever given out, and room for them */
	size_t known, used;   /* states there are, and those with paths; without state 0 */
};

static struct state *find(const struct route_sent *s, const struct sets *sets, uint32_t hash)
{
	for (struct hash_node *n = hash_first(&s->by_sets, hash); n; n = hash_next(n)) {
		struct state *st = HASH_ENTRY(n, struct state, node);

		if (memcmp(&st->sets, sets, sizeof(*sets)) == 0)
			return st;
	}
	return NULL;
}

/* A number nobody has: one whose state was forgotten, or a new one. */
static uint32_t free_number(struct route_sent *s)
{
	for (uint32_t i = 0; s->known + 1 < s->count && i < s->count; i++)
		if (!s->state[i])
			return i;
	if (s->count == s->size) {
		s->size = s->size ? s->size * 2 : 16;
		s->state = mem_realloc(s->state, s->size * sizeof(struct state *));
	}
	return (uint32_t)s->count++;
}

static void forget_unused(struct route_sent *s)
{
	for (size_t i = 1; i < s->count; i++) {
		if (!s->state[i] || s->state[i]->paths)
			continue;
		hash_del(&s->by_sets, &s->state[i]->node);
		free(s->state[i]);
		s->state[i] = NULL;
		s->known--;
	}
}

static struct state *intern(struct route_sent *s, const struct sets *sets)
{
	uint32_t hash = hash_bytes(sets, sizeof(*sets), 0);
	struct state *st = find(s, sets, hash);

	if (st)
		return st;
	if (s->known > s->used + UNUSED_MAX)
		forget_unused(s);
	st = mem_calloc(1, sizeof(*st));
	st->sets = *sets;
	st->number = free_number(s);
	s->state[st->number] = st;
	s->known += st->number != 0;
	hash_add(&s->by_sets, &st->node, hash);
	return st;
}

/* Moves one path. The state it comes from is still in use while its successor is looked for. */
static uint32_t move(struct route_sent *s, uint32_t from, const struct sets *sets)
{
	struct state *to = intern(s, sets);

	if (to->number == from)
		return from;
	if (to->number && to->paths++ == 0)
		s->used++;
	if (from && --s->state[from]->paths == 0)
		s->used--;
	return to->number;
}

struct route_sent *route_sent_new(void)
{
	struct route_sent *s = mem_calloc(1, sizeof(*s));

	intern(s, &(struct sets){ { 0 }, { 0 } });
	return s;
}

void route_sent_free(struct route_sent *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		free(s->state[i]);
	free(s->state);
	hash_fini(&s->by_sets);
	free(s);
}

size_t route_sent_count(const struct route_sent *s)
{
	return s->used;
}

static bool has(const uint64_t *set, unsigned group)
{
	return set[group / 64] >> (group % 64) & 1;
}

bool route_sent_current(const struct route_sent *s, uint32_t state, unsigned group)
{
	return has(s->state[state]->sets.current, group);
}

bool route_sent_any(const struct route_sent *s, uint32_t state, unsigned group)
{
	return has(s->state[state]->sets.current, group) || has(s->state[state]->sets.stale, group);
}

uint32_t route_sent_set(struct route_sent *s, uint32_t state, unsigned group)
{
	struct sets sets = s->state[state]->sets;

	sets.current[group / 64] |= 1ULL << (group % 64);
	sets.stale[group / 64] &= ~(1ULL << (group % 64));
	return move(s, state, &sets);
}

uint32_t route_sent_clear(struct route_sent *s, uint32_t state, unsigned group)
{
	struct sets sets = s->state[state]->sets;

	if (!route_sent_any(s, state, group))
		return state;
	sets.current[group / 64] &= ~(1ULL << (group % 64));
	sets.stale[group / 64] &= ~(1ULL << (group % 64));
	return move(s, state, &sets);
}

uint32_t route_sent_outdate(struct route_sent *s, uint32_t state)
{
	struct sets sets = s->state[state]->sets;

	if (state == 0)
		return 0;
	for (int i = 0; i < WORDS; i++) {
		sets.stale[i] |= sets.current[i];
		sets.current[i] = 0;
	}
	return move(s, state, &sets);
}

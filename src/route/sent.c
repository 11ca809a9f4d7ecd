#include "route/sent.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = ROUTE_GROUPS_MAX / 64 };

struct sets {
	uint64_t current[WORDS], stale[WORDS];
};

struct state {
	struct hash_node node;
	uint32_t number;
	struct sets sets;
};

struct route_sent {
	struct hash by_sets;
	struct state **state; /* by number */
	size_t count, size;
};

static uint32_t intern(struct route_sent *s, const struct sets *sets)
{
	uint32_t hash = hash_bytes(sets, sizeof(*sets), 0);
	struct state *st;

	for (struct hash_node *n = hash_first(&s->by_sets, hash); n; n = hash_next(n)) {
		st = HASH_ENTRY(n, struct state, node);
		if (memcmp(&st->sets, sets, sizeof(*sets)) == 0)
			return st->number;
	}
	if (s->count == s->size) {
		s->size = s->size ? s->size * 2 : 16;
		s->state = mem_realloc(s->state, s->size * sizeof(struct state *));
	}
	st = mem_calloc(1, sizeof(*st));
	st->sets = *sets;
	st->number = (uint32_t)s->count;
	s->state[s->count++] = st;
	hash_add(&s->by_sets, &st->node, hash);
	return st->number;
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
	return s->count;
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
	return intern(s, &sets);
}

uint32_t route_sent_clear(struct route_sent *s, uint32_t state, unsigned group)
{
	struct sets sets = s->state[state]->sets;

	if (!route_sent_any(s, state, group))
		return state;
	sets.current[group / 64] &= ~(1ULL << (group % 64));
	sets.stale[group / 64] &= ~(1ULL << (group % 64));
	return intern(s, &sets);
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
	return intern(s, &sets);
}

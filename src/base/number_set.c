#include "base/number_set.h"

#include "base/mem.h"
#include "base/pool.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BITS = 64, WORDS = POOL_PIECE / POOL_UNIT / WORD_BITS, SUMMARY = WORDS / WORD_BITS };

/* All zero while nothing is in it. */
struct number_set_piece {
	uint32_t count;
	uint64_t summary[SUMMARY]; /* which words are not 0 */
	uint64_t word[WORDS];
};

void number_set_fini(struct number_set *s)
{
	for (uint32_t i = 0; i < s->pieces; i++)
		free(s->piece[i]);
	free(s->piece);
	free(s->spare);
	*s = (struct number_set){ 0 };
}

static uint64_t bit(size_t at)
{
	return 1ull << at % WORD_BITS;
}

static void extend(struct number_set *s, uint32_t pieces)
{
	s->piece = mem_realloc(s->piece, pieces * sizeof(struct number_set_piece *));
	memset(s->piece + s->pieces, 0, (pieces - s->pieces) * sizeof(struct number_set_piece *));
	s->pieces = pieces;
}

static struct number_set_piece *piece_for(struct number_set *s, uint32_t index)
{
	if (index >= s->pieces)
		extend(s, index + 1);
	if (!s->piece[index]) {
		s->piece[index] = s->spare ? s->spare : mem_calloc(1, sizeof(struct number_set_piece));
		s->spare = NULL;
	}
	return s->piece[index];
}

void number_set_add(struct number_set *s, uint32_t number)
{
	struct number_set_piece *p = piece_for(s, pool_piece_of(number));
	size_t place = pool_place_of(number), word = place / WORD_BITS;

	assert(!(p->word[word] & bit(place)));
	p->word[word] |= bit(place);
	p->summary[word / WORD_BITS] |= bit(word);
	p->count++;
	s->count++;
}

void number_set_remove(struct number_set *s, uint32_t number)
{
	struct number_set_piece **at = &s->piece[pool_piece_of(number)], *p = *at;
	size_t place = pool_place_of(number), word = place / WORD_BITS;

	assert(p->word[word] & bit(place));
	p->word[word] &= ~bit(place);
	if (!p->word[word])
		p->summary[word / WORD_BITS] &= ~bit(word);
	s->count--;
	if (--p->count)
		return;
	*at = NULL;
	if (s->spare)
		free(p);
	else
		s->spare = p;
}

/* The first bit that is set from this one on, which may be the one behind the last word; false: none. */
static bool find_bit(const uint64_t *word, size_t words, size_t from, size_t *found)
{
	size_t i = from / WORD_BITS;
	uint64_t left = i < words ? word[i] & ~(bit(from) - 1) : 0;

	while (!left && ++i < words)
		left = word[i];
	if (left)
		*found = i * WORD_BITS + (size_t)__builtin_ctzll(left);
	return left;
}

/* The same in a piece, without a look at words that are 0. */
static bool find_place(const struct number_set_piece *p, size_t from, size_t *found)
{
	size_t word = from / WORD_BITS;

	if (find_bit(&p->word[word], 1, from % WORD_BITS, found)) {
		*found += word * WORD_BITS;
		return true;
	}
	return find_bit(p->summary, SUMMARY, word + 1, &word) &&
	       find_bit(p->word, WORDS, word * WORD_BITS, found);
}

uint32_t number_set_next(const struct number_set *s, uint32_t from)
{
	uint32_t index = pool_piece_of(from);
	size_t place = pool_place_of(from);

	if (!s->count)
		return 0;
	while (index >= s->pieces || !s->piece[index] || !find_place(s->piece[index], place, &place)) {
		index = index + 1 < s->pieces ? index + 1 : 0;
		place = 0;
	}
	return index << 16 | (uint32_t)place;
}

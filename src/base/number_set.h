/*
 * A set of objects of one pool, by their numbers (pool.h), which are found in the order in which they lie in memory: so a walk along
 * the set is one along the memory, whatever the order in which they were put in.
 *
 * A piece of the pool from which some are in it takes 8 KiB, a bit for each unit, and in a second level one for each
 * word that is not 0. The objects need not be in use.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct number_set_piece;

/* All zero: empty. */
struct number_set {
	size_t count;
	struct number_set_piece **piece; /* as the pool's directory; NULL: none of it */
	uint32_t pieces;
	struct number_set_piece *spare; /* an empty one, or NULL */
};

/* Frees its memory and leaves it empty. */
void number_set_fini(struct number_set *s);
/* It must not be in it. */
void number_set_add(struct number_set *s, uint32_t number);
/* It must be in it. */
void number_set_remove(struct number_set *s, uint32_t number);
/* The least that is not less than from; where there is none, the least of all; 0 when it is empty. */
uint32_t number_set_next(const struct number_set *s, uint32_t from);

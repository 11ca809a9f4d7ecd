/*
 * Objects that have numbers of 32 bits, for whoever keeps so many references that pointers are too large.
 *
 * A number is not 0 and is valid for the object's life, and so is its address. Objects of one pool have one of a few sizes. They lie in
 * pieces aligned to their own size; a number is the piece and the object's place in it, counted in units of 4 octets. So the
 * way from a number to an object is a look into a small directory, and the way back a look at the piece's head.
 *
 * Each piece has its own list of free objects: one that becomes empty goes back to the system, all but one of each size.
 * Objects are not cleared.
 */
#pragma once

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

enum { POOL_SIZES = 2, POOL_UNIT = 4, POOL_PIECE = 65536 * POOL_UNIT };

struct pool_size {
	uint32_t octets;	  /* of an object */
	struct list room;	  /* pieces that have some */
	struct pool_piece *spare; /* the empty one that is kept, or NULL */
};

struct pool {
	size_t count; /* objects in use */
	size_t bytes; /* octets they take, and those that are free between them */
	struct pool_piece **piece;
	uint32_t pieces, allocated; /* of the directory: in use, vacant ones included, and in all */
	uint32_t vacant;
	struct pool_size size[POOL_SIZES];
};

/* The piece an object lies in, by its number. A new object is in the last piece, unless others have left room for it. */
static inline uint32_t pool_piece_of(uint32_t number)
{
	return number >> 16;
}

/* Its place in the piece, in units. */
static inline uint32_t pool_place_of(uint32_t number)
{
	return number & 0xffff;
}

/* Of an object in use. */
static inline void *pool_at(const struct pool *p, uint32_t number)
{
	return (uint8_t *)p->piece[pool_piece_of(number)] + (size_t)pool_place_of(number) * POOL_UNIT;
}

/* Objects of two sizes, or one (other: 0), multiples of 4; where one is a multiple of 8, so are the addresses. The pool must
 * stay where it is. */
void pool_init(struct pool *p, size_t size, size_t other);
/* Frees everything. */
void pool_fini(struct pool *p);
/* which: 0 for objects of size, 1 for those of the other. */
void *pool_alloc(struct pool *p, unsigned which);
void pool_free(struct pool *p, void *object);
/* Of an object in any pool. */
uint32_t pool_number(const void *object);

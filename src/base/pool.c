#include "base/pool.h"

#include "base/mem.h"
#include "base/pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_MAX = 65536, ALIGN = 8 };

/* The head of a piece. Places are in units from its begin, so no object has place 0. */
struct pool_piece {
	struct list link; /* in pool_size.room while it has room */
	uint32_t index, count;
	uint16_t which;
	uint16_t free;	/* the first of those that were freed; 0: none */
	uint32_t fresh; /* octets from the begin on that have been used; behind are objects never used */
};

void pool_init(struct pool *p, size_t size, size_t other)
{
	*p = (struct pool){ 0 };
	assert(size % POOL_UNIT == 0 && other % POOL_UNIT == 0);
	p->size[0].octets = (uint32_t)size;
	p->size[1].octets = (uint32_t)other;
	for (size_t i = 0; i < POOL_SIZES; i++)
		list_init(&p->size[i].room);
}

void pool_fini(struct pool *p)
{
	for (uint32_t i = 0; i < p->pieces; i++)
		pages_free(p->piece[i], p->piece[i] ? POOL_PIECE : 0);
	free(p->piece);
	pool_init(p, p->size[0].octets, p->size[1].octets);
}

/* A place in the directory for one more. */
static uint32_t enter(struct pool *p)
{
	uint32_t at = 0;

	if (p->vacant) {
		p->vacant--;
		while (p->piece[at])
			at++;
		return at;
	}
	if (p->pieces == PIECES_MAX)
		mem_exhausted(POOL_PIECE);
	if (p->pieces == p->allocated) {
		p->allocated = p->allocated ? p->allocated * 2 : 4;
		p->piece = mem_realloc(p->piece, p->allocated * sizeof(struct pool_piece *));
	}
	return p->pieces++;
}

static void clear(struct pool_piece *piece)
{
	piece->free = 0;
	piece->fresh = (sizeof(*piece) + ALIGN - 1) / ALIGN * ALIGN;
}

static struct pool_piece *add_piece(struct pool *p, unsigned which)
{
	struct pool_piece *piece = pages_alloc_aligned(POOL_PIECE);

	piece->index = enter(p);
	piece->which = (uint16_t)which;
	clear(piece);
	p->piece[piece->index] = piece;
	list_add_tail(&p->size[which].room, &piece->link);
	return piece;
}

static bool is_full(const struct pool_piece *piece, uint32_t octets)
{
	return !piece->free && piece->fresh + octets > POOL_PIECE;
}

void *pool_alloc(struct pool *p, unsigned which)
{
	struct pool_size *s = &p->size[which];
	struct pool_piece *piece = list_empty(&s->room) ? add_piece(p, which)
							: LIST_ENTRY(s->room.next, struct pool_piece, link);
	uint8_t *object;

	if (piece->free) {
		object = (uint8_t *)piece + (size_t)piece->free * POOL_UNIT;
		memcpy(&piece->free, object, sizeof(piece->free));
	} else {
		object = (uint8_t *)piece + piece->fresh;
		piece->fresh += s->octets;
		p->bytes += s->octets;
	}
	p->count++;
	if (piece->count++ == 0 && piece == s->spare)
		s->spare = NULL;
	if (is_full(piece, s->octets))
		list_del(&piece->link);
	return object;
}

static struct pool_piece *piece_of(const void *object)
{
	return (struct pool_piece *)((uintptr_t)object & ~(uintptr_t)(POOL_PIECE - 1));
}

static uint16_t place_of(const void *object)
{
	return (uint16_t)(((uintptr_t)object & (POOL_PIECE - 1)) / POOL_UNIT);
}

uint32_t pool_number(const void *object)
{
	return piece_of(object)->index << 16 | place_of(object);
}

/* The one that is kept is the last to be used. */
static void became_empty(struct pool *p, struct pool_size *s, struct pool_piece *piece)
{
	p->bytes -= piece->fresh;
	clear(piece);
	p->bytes += piece->fresh;
	list_del(&piece->link);
	if (!s->spare) {
		s->spare = piece;
		list_add_tail(&s->room, &piece->link);
		return;
	}
	p->piece[piece->index] = NULL;
	p->vacant++;
	pages_free(piece, POOL_PIECE);
}

void pool_free(struct pool *p, void *object)
{
	struct pool_piece *piece = piece_of(object);
	struct pool_size *s = &p->size[piece->which];

	memcpy(object, &piece->free, sizeof(piece->free));
	piece->free = place_of(object);
	p->count--;
	if (!list_linked(&piece->link))
		list_add_after(&s->room, &piece->link);
	if (--piece->count == 0)
		became_empty(p, s, piece);
}

#include "base/slab.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB_ALIGN = 8, SLAB_FIRST = 16, SLAB_PIECE_MAX = 256 * 1024 };

struct slab_piece {
	struct slab_piece *next;
	size_t objects;
	_Alignas(16) uint8_t data[];
};

void slab_init(struct slab *s, size_t size)
{
	if (size < sizeof(void *))
		size = sizeof(void *);
	*s = (struct slab){ .size = (size + SLAB_ALIGN - 1) / SLAB_ALIGN * SLAB_ALIGN };
}

void slab_fini(struct slab *s)
{
	while (s->piece) {
		struct slab_piece *next = s->piece->next;

		free(s->piece);
		s->piece = next;
	}
	slab_init(s, s->size);
}

static void add_piece(struct slab *s)
{
	size_t objects = s->piece ? s->piece->objects * 2 : SLAB_FIRST;
	struct slab_piece *piece;

	if (objects * s->size > SLAB_PIECE_MAX)
		objects = SLAB_PIECE_MAX / s->size;
	piece = mem_alloc(sizeof(*piece) + objects * s->size);
	piece->next = s->piece;
	piece->objects = objects;
	s->piece = piece;
	s->fresh = objects;
	s->bytes += sizeof(*piece) + objects * s->size;
}

void *slab_alloc(struct slab *s)
{
	void *p = s->free;

	s->count++;
	if (p) {
		memcpy(&s->free, p, sizeof(void *));
		return p;
	}
	if (!s->fresh)
		add_piece(s);
	return s->piece->data + s->size * (s->piece->objects - s->fresh--);
}

void slab_free(struct slab *s, void *object)
{
	memcpy(object, &s->free, sizeof(void *));
	s->free = object;
	if (--s->count == 0)
		slab_fini(s);
}

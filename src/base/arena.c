#include "base/arena.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>

enum { ARENA_BLOCK = 16 * 1024, ARENA_ALIGN = 16 };

struct block {
	struct block *next;
	size_t size, used; /* of data[] */
	_Alignas(ARENA_ALIGN) uint8_t data[];
};

struct arena {
	struct block *block; /* the one in use; older ones behind it */
	size_t bytes;
};

struct arena *arena_new(void)
{
	return mem_calloc(1, sizeof(struct arena));
}

static void free_blocks(struct arena *a, struct block *b)
{
	while (b) {
		struct block *next = b->next;

		a->bytes -= b->size;
		free(b);
		b = next;
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	free_blocks(a, a->block);
	free(a);
}

static struct block *add_block(struct arena *a, size_t size)
{
	size_t grown = a->block ? a->block->size * 2 : ARENA_BLOCK;
	struct block *b;

	if (size < grown)
		size = grown;
	b = mem_alloc(sizeof(*b) + size);
	b->next = a->block;
	b->size = size;
	b->used = 0;
	a->bytes += size;
	a->block = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct block *b = a->block;
	void *p;

	size = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
	if (!b || b->size - b->used < size)
		b = add_block(a, size);
	p = b->data + b->used;
	b->used += size;
	return p;
}

void arena_reset(struct arena *a)
{
	if (!a->block)
		return;
	free_blocks(a, a->block->next);
	a->block->next = NULL;
	a->block->used = 0;
}

size_t arena_bytes(const struct arena *a)
{
	return a->bytes;
}

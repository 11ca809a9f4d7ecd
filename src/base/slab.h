/*
 * Objects of one size, allocated from larger pieces and counted.
 *
 * Freed objects are kept for the next allocation; the pieces go back to the system with slab_fini(), or at once when
 * the last object is freed. Objects are not cleared.
 */
#pragma once

#include <stddef.h>

struct slab {
	size_t size;  /* octets per object */
	size_t count; /* objects in use */
	size_t bytes; /* octets held from the system */
	struct slab_piece *piece;
	void *free;
	size_t fresh; /* never used objects left in the newest piece */
};

void slab_init(struct slab *s, size_t size);
void slab_fini(struct slab *s);
void *slab_alloc(struct slab *s);
void slab_free(struct slab *s, void *object);

/*
 * Memory for everything parsed from one message: many small allocations, freed all at once.
 *
 * arena_reset() keeps the largest block, so a loop that parses message after message stops allocating. Pointers are
 * valid until the next reset.
 */
#pragma once

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);
/* size octets aligned for any type, not cleared; never NULL. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
void arena_reset(struct arena *a);
/* Octets held from the system. */
size_t arena_bytes(const struct arena *a);

#include "numbers.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>

/* A slot holds the prefix in its upper 40 bits and the number plus one in the lower 24. */
enum { NUMBER_BITS = 24, SLOTS_FIRST = 1 << 10 };

static uint64_t key_of(uint32_t address, uint8_t len)
{
	return ((uint64_t)address << 8 | len) << NUMBER_BITS;
}

void numbers_fini(struct numbers *n)
{
	free(n->slot);
	*n = (struct numbers){ 0 };
}

static uint64_t *find(const struct numbers *n, uint64_t key)
{
	uint32_t i = hash_u64(key) & n->mask;

	while (n->slot[i] && (n->slot[i] ^ key) >> NUMBER_BITS)
		i = (i + 1) & n->mask;
	return &n->slot[i];
}

static void grow(struct numbers *n)
{
	struct numbers old = *n;

	n->mask = old.slot ? old.mask * 2 + 1 : SLOTS_FIRST - 1;
	n->slot = mem_calloc(n->mask + 1u, sizeof(*n->slot));
	for (uint32_t i = 0; old.slot && i <= old.mask; i++) {
		if (old.slot[i])
			*find(n, old.slot[i] >> NUMBER_BITS << NUMBER_BITS) = old.slot[i];
	}
	free(old.slot);
}

uint32_t numbers_add(struct numbers *n, uint32_t address, uint8_t len)
{
	uint64_t *slot;

	if (!n->slot || n->count > n->mask / 2)
		grow(n);
	slot = find(n, key_of(address, len));
	if (!*slot)
		*slot = key_of(address, len) | ++n->count;
	return (uint32_t)(*slot & ((1u << NUMBER_BITS) - 1)) - 1;
}

uint32_t numbers_look_up(const struct numbers *n, uint32_t address, uint8_t len)
{
	uint64_t slot = *find(n, key_of(address, len));

	return slot ? (uint32_t)(slot & ((1u << NUMBER_BITS) - 1)) - 1 : NUMBERS_NONE;
}

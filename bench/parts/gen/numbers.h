/*
 * Every prefix of a run has a number, so that a receiver's table is a field of bits. Either the prefixes are successive /24s,
 * or they are those of a captured session, found by hash.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NUMBERS_NONE = UINT32_MAX };

struct numbers {
	uint32_t first, count; /* successive /24s from the address first */
	uint64_t *slot;	       /* or, where not NULL: address, length and number; 0: free */
	uint32_t mask;
};

void numbers_fini(struct numbers *n);
/* The number of a prefix of a captured session, given to it when it is new. */
uint32_t numbers_add(struct numbers *n, uint32_t address, uint8_t len);
uint32_t numbers_look_up(const struct numbers *n, uint32_t address, uint8_t len);

static inline uint32_t numbers_find(const struct numbers *n, uint32_t address, uint8_t len)
{
	uint32_t number = (address - n->first) >> 8;

	if (n->slot)
		return numbers_look_up(n, address, len);
	return len == 24 && number < n->count ? number : NUMBERS_NONE;
}

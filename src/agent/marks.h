/* Firewall marks for checks through the tunnel: numbers from a first one upwards, each in use once, the lowest free one first. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Starts with first and limit set and all else zero. */
struct marks {
	uint32_t first;
	uint32_t limit; /* how many there may be, a multiple of 64 */
	uint64_t *used; /* a bit for each */
	size_t words;
};

void marks_fini(struct marks *m);
/* 0 when all are in use. */
uint32_t marks_get(struct marks *m);
/* A mark that came from marks_get(). */
void marks_put(struct marks *m, uint32_t mark);

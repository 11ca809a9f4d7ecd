/*
 * How much of a service's capacity its healthy servers stand for, in quarters. Pure.
 *
 * Rounded up, and at least one while it is announced. Less is told at once: the servers that are left have it to bear. More
 * is told only when it has held for a while, so that a server that comes and goes does not move connections each time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SHARE_WHOLE = 4, SHARE_RAISE_MS = 5000 };

struct share {
	unsigned quarters;	  /* in effect, 1..SHARE_WHOLE; 0: nothing is known yet */
	uint64_t higher_since_ms; /* more than that is true; 0: it is not */
	unsigned higher;
};

unsigned share_of(uint64_t healthy, uint64_t servers);
/* True when another one is in effect now. */
bool share_step(struct share *s, unsigned quarters, uint64_t now_ms);
/* Milliseconds until share_step() may have something to do with what it was told last; -1: never. */
int64_t share_wait_ms(const struct share *s, uint64_t now_ms);

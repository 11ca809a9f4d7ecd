/*
 * Health from results: pure, time is an argument.
 *
 * A server is up after `rise` results in a row that passed, and down after `fall` in a row that did not. Before the first of the
 * two it is as `initial` says (or as the kernel had it, after a restart of the agent). When the next run is due is told too:
 * runs of all checks are spread over the interval by a hash of what is checked, so that thousands do not come at once, and
 * stay where they are in it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct health {
	bool up;
	bool known;	   /* a verdict of the check's own has been reached */
	uint16_t in_a_row; /* results that speak against `up`, or for it while !known */
	uint64_t runs, failures, changes;
	uint64_t since_us; /* of the last change of up */
};

void health_init(struct health *h, bool up, uint64_t now_us);
/* True when up changed. */
bool health_result(struct health *h, bool passed, uint16_t rise, uint16_t fall, uint64_t now_us);
/* Time until the run after next_of: phase is any hash. The first run after a start comes within min(interval, 1 s),
 * spread, so that a new server is known soon. */
uint64_t health_first_us(uint32_t phase, uint64_t interval_us);
uint64_t health_next_us(uint32_t phase, uint64_t interval_us, uint64_t now_us);

/*
 * Health from results: pure, time is an argument.
 *
 * A server is up after `rise` results in a row that passed, and down after `fall` in a row that did not. Before the first of the
 * two it is as it was said at the start (by configuration, or as the kernel had it after a restart of the agent). When the next
 * run is due is told too: runs of all checks are spread over the interval by a hash of what is checked, so that thousands
 * do not come at once, and stay where they are in it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct health {
	bool up;
	bool known;	   /* a verdict of the check's own has been reached */
	bool passed;	   /* the last result */
	uint16_t in_a_row; /* results like the last one, up to it */
	uint64_t runs, failures, changes;
	uint64_t since_us; /* of the last change of up */
};

void health_init(struct health *h, bool up, uint64_t now_us);
/* Does the last result speak against what holds? A verdict is under way then. */
bool health_in_doubt(const struct health *h);
/* True when up changed. */
bool health_result(struct health *h, bool passed, uint16_t rise, uint16_t fall, uint64_t now_us);
/* phase is any hash of what is checked. Time until the first run: less than min(interval, 1 s), spread, so that a new server is
 * known soon. */
uint64_t health_first_us(uint32_t phase, uint64_t interval_us);
/* Time until the next run, at least a tenth of the interval and at most 1.1 of it: now and then one comes early or late, to get
 * to its place. */
uint64_t health_next_us(uint32_t phase, uint64_t interval_us, uint64_t now_us);

/*
 * How many packets all sessions may want, and by what their intervals are multiplied where they want more. Pure.
 *
 * Counted is what would be sent and heard in a second if both ends had what they asked for. The factor is the least whole number that keeps
 * the bound; it becomes smaller only when that leaves a tenth to spare, so that a session which comes and goes at the edge does not have
 * all others change their intervals each time.
 */
#pragma once

#include "bfd/machine.h"

#include <stdint.h>

enum { BFD_FACTOR_MAX = 1000 };

/* All zero: no sessions. */
struct bfd_budget {
	uint64_t packets; /* in 1000 seconds */
	uint32_t factor;  /* 0 as 1 */
};

void bfd_budget_add(struct bfd_budget *b, const struct bfd_intervals *wanted);
/* As it was added. */
void bfd_budget_del(struct bfd_budget *b, const struct bfd_intervals *wanted);
/* Finds the factor anew and returns it. limit: packets in a second; 0: no bound. */
uint32_t bfd_budget_settle(struct bfd_budget *b, uint32_t limit);
/* What a session that wants this gets. */
struct bfd_intervals bfd_budget_apply(const struct bfd_budget *b, const struct bfd_intervals *wanted);

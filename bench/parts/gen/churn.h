/*
 * Changes of single paths, each with its number in MULTI_EXIT_DISC, and how long each took to its receivers.
 *
 * A daemon may leave out a change that a newer one of the same path has overtaken: whoever receives the newer one is as far
 * as if it had received both, so the older one counts as received then.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Logarithmic, 32 steps to each doubling: at most 3 % wrong. */
enum { CHURN_STEPS = 32, CHURN_BUCKETS = 64 * CHURN_STEPS };

struct churn {
	uint32_t sent, room; /* changes are numbered from 1 */
	uint32_t base; /* added to the number on the wire: changes of an earlier run are other changes */
	uint64_t *sent_ns;
	uint32_t *before; /* the change of the same path that this one replaces; 0: none */
	uint32_t *last;	  /* by path */
};

struct churn_view {
	const struct churn *churn; /* NULL: nothing is measured */
	uint8_t *seen;
	uint32_t received, overtaken;
	uint64_t worst_ns;
	uint32_t *bucket;
};

void churn_init(struct churn *c, uint32_t paths, uint32_t changes);
void churn_fini(struct churn *c);
/* The next change, of that path, sent now; what stands for it on the wire. Room must be left. */
uint32_t churn_next(struct churn *c, uint32_t path, uint64_t now_ns);

void churn_view_init(struct churn_view *v, const struct churn *c);
void churn_view_fini(struct churn_view *v);
void churn_view_change(struct churn_view *v, uint32_t med, uint64_t now_ns);

static inline void churn_view_seen(struct churn_view *v, uint32_t med, uint64_t now_ns)
{
	if (v->churn)
		churn_view_change(v, med, now_ns);
}

/* The smallest time that at least that many of a thousand changes did not exceed. */
uint64_t churn_quantile_ns(const uint32_t *bucket, unsigned thousandths);

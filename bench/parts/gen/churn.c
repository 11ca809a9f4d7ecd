#include "churn.h"

#include "base/mem.h"

#include <stdlib.h>

void churn_init(struct churn *c, uint32_t paths, uint32_t changes)
{
	*c = (struct churn){ .room = changes, .base = c->base + c->sent };
	c->sent_ns = mem_calloc(changes + 1u, sizeof(*c->sent_ns));
	c->before = mem_calloc(changes + 1u, sizeof(*c->before));
	c->last = mem_calloc(paths, sizeof(*c->last));
}

void churn_fini(struct churn *c)
{
	free(c->sent_ns);
	free(c->before);
	free(c->last);
	c->sent_ns = NULL;
	c->before = c->last = NULL;
}

uint32_t churn_next(struct churn *c, uint32_t path, uint64_t now_ns)
{
	uint32_t number = ++c->sent;

	c->sent_ns[number] = now_ns;
	c->before[number] = c->last[path];
	c->last[path] = number;
	return c->base + number;
}

void churn_view_init(struct churn_view *v, const struct churn *c)
{
	churn_view_fini(v);
	v->churn = c;
	v->seen = mem_calloc(c->room + 1u, 1);
	v->bucket = mem_calloc(CHURN_BUCKETS, sizeof(*v->bucket));
}

void churn_view_fini(struct churn_view *v)
{
	free(v->seen);
	free(v->bucket);
	*v = (struct churn_view){ 0 };
}

/* Times under CHURN_STEPS ns are their own bucket; above, the highest bits choose. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned log;

	if (ns < CHURN_STEPS)
		return (unsigned)ns;
	log = 63u - (unsigned)__builtin_clzll(ns);
	return (log - 4) * CHURN_STEPS + (unsigned)(ns >> (log - 5)) - CHURN_STEPS;
}

static uint64_t bucket_end_ns(unsigned bucket)
{
	unsigned log = bucket / CHURN_STEPS;

	if (log == 0)
		return bucket;
	return ((uint64_t)(bucket % CHURN_STEPS + CHURN_STEPS + 1) << (log - 1)) - 1;
}

void churn_view_change(struct churn_view *v, uint32_t med, uint64_t now_ns)
{
	const struct churn *c = v->churn;
	uint32_t change = med > c->base ? med - c->base : 0;
	bool is_first = true;

	while (change && change <= c->sent && !v->seen[change]) {
		uint64_t ns = now_ns - c->sent_ns[change];

		v->seen[change] = 1;
		v->received++;
		v->overtaken += !is_first;
		v->bucket[bucket_of(ns)]++;
		if (ns > v->worst_ns)
			v->worst_ns = ns;
		is_first = false;
		change = c->before[change];
	}
}

uint64_t churn_quantile_ns(const uint32_t *bucket, unsigned thousandths)
{
	uint64_t total = 0, sum = 0;

	for (unsigned i = 0; i < CHURN_BUCKETS; i++)
		total += bucket[i];
	for (unsigned i = 0; i < CHURN_BUCKETS; i++) {
		sum += bucket[i];
		if (sum && sum * 1000 >= total * thousandths)
			return bucket_end_ns(i);
	}
	return 0;
}

#include "check/health.h"

enum { FIRST_WITHIN_US = 1000000 };

void health_init(struct health *h, bool up, uint64_t now_us)
{
	*h = (struct health){ .up = up, .since_us = now_us };
}

bool health_in_doubt(const struct health *h)
{
	return h->in_a_row && h->passed != h->up;
}

bool health_result(struct health *h, bool passed, uint16_t rise, uint16_t fall, uint64_t now_us)
{
	h->runs++;
	h->failures += !passed;
	if (passed != h->passed)
		h->in_a_row = 0;
	h->passed = passed;
	if (h->in_a_row < UINT16_MAX)
		h->in_a_row++;
	if (h->in_a_row < (passed ? rise : fall))
		return false;
	h->known = true;
	if (h->up == passed)
		return false;
	h->up = passed;
	h->changes++;
	h->since_us = now_us;
	return true;
}

/* The place of phase in a span of time. In two steps, since a span may have more than 32 bits. */
static uint64_t place(uint32_t phase, uint64_t span_us)
{
	return (span_us >> 32) * phase + ((span_us & UINT32_MAX) * phase >> 32);
}

uint64_t health_first_us(uint32_t phase, uint64_t interval_us)
{
	return place(phase, interval_us < FIRST_WITHIN_US ? interval_us : FIRST_WITHIN_US);
}

uint64_t health_next_us(uint32_t phase, uint64_t interval_us, uint64_t now_us)
{
	uint64_t here_us, wait_us;

	if (!interval_us)
		return 0;
	here_us = now_us % interval_us;
	wait_us = (place(phase, interval_us) + interval_us - here_us) % interval_us;
	return wait_us < interval_us / 10 || !wait_us ? wait_us + interval_us : wait_us;
}

#include "bfd/budget.h"

enum { PERIOD_S = 1000 };

static uint64_t packets_of(const struct bfd_intervals *i)
{
	const uint64_t period_us = PERIOD_S * UINT64_C(1000000);

	return period_us / i->desired_min_tx_us + period_us / i->required_min_rx_us;
}

void bfd_budget_add(struct bfd_budget *b, const struct bfd_intervals *wanted)
{
	b->packets += packets_of(wanted);
}

void bfd_budget_del(struct bfd_budget *b, const struct bfd_intervals *wanted)
{
	b->packets -= packets_of(wanted);
}

static uint32_t needed(uint64_t packets, uint64_t limit)
{
	uint64_t factor = (packets + limit - 1) / limit;

	return factor < 1 ? 1 : factor > BFD_FACTOR_MAX ? BFD_FACTOR_MAX : (uint32_t)factor;
}

uint32_t bfd_budget_settle(struct bfd_budget *b, uint32_t limit)
{
	uint32_t least = limit ? needed(b->packets, limit * (uint64_t)PERIOD_S) : 1,
		 roomy = limit ? needed(b->packets, limit * (uint64_t)PERIOD_S * 9 / 10) : 1;

	if (least > b->factor)
		b->factor = least;
	else if (roomy < b->factor)
		b->factor = roomy;
	return b->factor;
}

static uint32_t times(uint32_t us, uint32_t factor)
{
	uint64_t product = (uint64_t)us * factor;

	return product > UINT32_MAX ? UINT32_MAX : (uint32_t)product;
}

struct bfd_intervals bfd_budget_apply(const struct bfd_budget *b, const struct bfd_intervals *wanted)
{
	struct bfd_intervals i = *wanted;
	uint32_t factor = b->factor ? b->factor : 1;

	i.desired_min_tx_us = times(i.desired_min_tx_us, factor);
	i.required_min_rx_us = times(i.required_min_rx_us, factor);
	return i;
}

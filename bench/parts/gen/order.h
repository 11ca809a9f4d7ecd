/* An order that looks random: numbers 0..count-1 in steps of a stride that has no divisor in common with count. */
#pragma once

#include <stdint.h>

static inline uint32_t order_common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static inline uint32_t order_stride(uint32_t count)
{
	uint32_t stride = (uint32_t)((uint64_t)count * 618 / 1000) | 1;

	while (order_common_divisor(stride, count) != 1)
		stride += 2;
	return stride;
}

static inline uint32_t order_at(uint32_t i, uint32_t stride, uint32_t count)
{
	return (uint32_t)((uint64_t)i * stride % count);
}

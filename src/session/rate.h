/* So many events in a second, evenly or a second's worth at once. A number and a clock: when the events that were let through
 * would all have been due at the even rate. Starts all zero. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SESSION_RATE_WINDOW_US = 1000000 };

struct session_rate {
	uint64_t due_us;
};

/* May one more pass at now_us? per_s 0: always. */
static inline bool session_rate_pass(struct session_rate *r, uint32_t per_s, uint64_t now_us)
{
	uint64_t each_us, due_us = r->due_us > now_us ? r->due_us : now_us;

	if (per_s == 0)
		return true;
	each_us = per_s < SESSION_RATE_WINDOW_US ? SESSION_RATE_WINDOW_US / per_s : 1;
	if (due_us + each_us > now_us + SESSION_RATE_WINDOW_US)
		return false;
	r->due_us = due_us + each_us;
	return true;
}

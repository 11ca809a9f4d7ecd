#include "route/pace.h"

enum { NEAR_PART = 8, FAR_PART = 4, PATIENCE_MS = 100, MOVES_WITHIN_MS = 20, LOOK_MS = 2 };

size_t route_pace_near(size_t window)
{
	return window / NEAR_PART;
}

uint64_t route_pace_wait(
	struct route_pace *p, const struct route_pace_look *look, size_t window, uint64_t now_ms)
{
	if (look->behind <= route_pace_near(window))
		p->state = ROUTE_PACE_FREE;
	if (p->state == ROUTE_PACE_FREE && look->behind > window / FAR_PART)
		*p = (struct route_pace){ now_ms, now_ms, look->positions, ROUTE_PACE_WAITS };
	if (p->state != ROUTE_PACE_WAITS)
		return 0;
	if (p->positions != look->positions) {
		p->positions = look->positions;
		p->moved_ms = now_ms;
	}
	if (now_ms - p->begin_ms < PATIENCE_MS && now_ms - p->moved_ms < MOVES_WITHIN_MS)
		return LOOK_MS;
	p->state = ROUTE_PACE_SPENT;
	return 0;
}

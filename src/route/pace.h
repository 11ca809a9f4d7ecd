/*
 * The pace of a group: it waits a little for those who read its stream more slowly.
 *
 * A group writes as soon as one of its members can take more. A member that is too far behind has to leave the stream and is served by
 * itself, which costs much more than the stream; when many read at nearly the same speed, one that is ahead of all must not
 * drive them all out. So the group stops writing while somebody is far behind and gets on, until all are near again.
 *
 * Nobody waits for long: after 100 ms, or 20 ms in which none of those behind has read anything, the group goes on, and does
 * not wait again until all are near. Who is slower than that leaves the stream, as does who reads nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct route_pace {
	uint64_t begin_ms, moved_ms; /* of the wait, and of the last reading of one behind */
	uint64_t positions;	     /* the sum of those behind, at the last look */
	enum { ROUTE_PACE_FREE, ROUTE_PACE_WAITS, ROUTE_PACE_SPENT } state;
};

/* How it looks to the group: the octets by which the last reader is behind, and the sum of the positions of all that are not near. */
struct route_pace_look {
	size_t behind;
	uint64_t positions;
};

/* Readers that are at most so far behind are near. window: what the stream may hold for the slow. */
size_t route_pace_near(size_t window);
/* 0: write on; else the milliseconds until the next look is due. */
uint64_t route_pace_wait(
	struct route_pace *p, const struct route_pace_look *look, size_t window, uint64_t now_ms);

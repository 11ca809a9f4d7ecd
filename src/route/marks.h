/*
 * What one peer still has to be told: a set of (prefix, path identifier), all of one family.
 *
 * A mark says "look again", not what: when it is served, the peer gets the path as it is then, or its withdrawal. So
 * however much changes meanwhile, the set is never larger than the table. The peer may so be told to forget a path it was
 * never told of, which came and went meanwhile; that harms nobody.
 */
#pragma once

#include "base/prefix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route_mark {
	struct prefix prefix;
	uint32_t path_id;
};

struct route_marks;

struct route_marks *route_marks_new(void);
void route_marks_free(struct route_marks *m);
void route_marks_add(struct route_marks *m, const struct prefix *p, uint32_t path_id);
/* Takes one out; false when there is none. */
bool route_marks_take(struct route_marks *m, struct route_mark *out);
size_t route_marks_count(const struct route_marks *m);
size_t route_marks_bytes(const struct route_marks *m);

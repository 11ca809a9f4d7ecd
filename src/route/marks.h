/*
 * What one peer still has to be told: a set of (prefix, path identifier).
 *
 * A mark says "look again", not what: when it is served, the peer gets the path as it is then, or its withdrawal. So
 * however much changes meanwhile, the set is never larger than the table. A mark is `fresh` when the peer has never
 * been told of the path: if the path is gone when the mark is served, there is nothing to say.
 */
#pragma once

#include "base/prefix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route_mark {
	struct prefix prefix;
	uint32_t path_id;
	bool fresh;
};

struct route_marks;

struct route_marks *route_marks_new(void);
void route_marks_free(struct route_marks *m);
void route_marks_add(struct route_marks *m, const struct prefix *p, uint32_t path_id, bool fresh);
/* Takes one out; false when there is none. */
bool route_marks_take(struct route_marks *m, struct route_mark *out);
/* From now on the peer may have been told of any of them: none is fresh. */
void route_marks_age(struct route_marks *m);
size_t route_marks_count(const struct route_marks *m);
size_t route_marks_bytes(const struct route_marks *m);

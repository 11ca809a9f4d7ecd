/*
 * What has been sent of a path: the Adj-RIB-Out of all update groups, as one small number per path.
 *
 * A state is a pair of sets of update groups: those that were sent the path as it is now (current), and those that were
 * sent an earlier version of it (stale). Paths hold the number of their state; states are interned, and since groups
 * read the same changes in the same order there are only a few. State 0 is the empty one: nobody was sent anything. Each
 * transition moves one path from its old state to the new one, so it is known which states are in use; when many are
 * not, they are forgotten and their numbers used again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROUTE_GROUPS_MAX = 256 }; /* update groups of one family */

struct route_sent;

struct route_sent *route_sent_new(void);
void route_sent_free(struct route_sent *s);
/* States in use, the empty one not counted. */
size_t route_sent_count(const struct route_sent *s);

bool route_sent_current(const struct route_sent *s, uint32_t state, unsigned group);
/* Current or stale. */
bool route_sent_any(const struct route_sent *s, uint32_t state, unsigned group);
/* Transitions of one path: the group was sent it; was sent its withdrawal; it changed. Each returns the new state. */
uint32_t route_sent_set(struct route_sent *s, uint32_t state, unsigned group);
uint32_t route_sent_clear(struct route_sent *s, uint32_t state, unsigned group);
uint32_t route_sent_outdate(struct route_sent *s, uint32_t state);

/*
 * Watching the table: what happens to paths and to the best of each prefix, path by path.
 *
 * A reader of the change list sees how an entry is now; what is new in it is found like what an update group has to send: the
 * watch has two marks on paths (sent.h), one for "told of", one for "told of as the best". So it keeps nothing per path, and
 * a withdrawn path stays as a tombstone until it has been told of. Nothing is marked and nothing read while nobody watches.
 *
 * It begins with a pass over the table that marks all there is without telling of it; ready() is called after that, and from
 * then on each change is told once, in slices of route_engine_work(). Changes of one path between two looks are one.
 *
 * The paths of a session that is over go in slices, and a new session of the same neighbor may bring the same ones meanwhile: so they
 * count as withdrawn as soon as somebody looks at their prefix.
 *
 * Invariant: a peer lives on, though closed, until the watch has read what became of its paths.
 */
#pragma once

#include "route/engine.h"

#include <stdbool.h>

enum route_watch_event {
	ROUTE_WATCH_ADDED,
	ROUTE_WATCH_CHANGED,   /* other attributes */
	ROUTE_WATCH_WITHDRAWN, /* the path may have no attributes any more */
	ROUTE_WATCH_BEST,      /* path: the new best one, NULL: there is none; old: the one before, or NULL */
};

struct route_watch_ops {
	/* The peer of path and of old is there for the call, also when the path is withdrawn. */
	void (*event)(void *user, enum route_watch_event what, struct route_entry *e,
		const struct route_path *path, const struct route_path *old);
	void (*ready)(void *user);
};

/* One for each engine at most. Begins; false when there are no marks left (ROUTE_GROUPS_MAX update groups). */
bool route_engine_watch(struct route_engine *e, const struct route_watch_ops *ops, void *user);
/* Ends; the marks go in slices. */
void route_engine_unwatch(struct route_engine *e);
/* Whoever shows an entry beside the events calls this first: what has happened to it is told now, and what is told later has
 * happened after this. Frees tombstones of it. */
void route_engine_watch_look(struct route_engine *e, struct route_entry *entry);
/* Whether the path counts as being there. */
bool route_watch_shows(const struct route_path *p);
bool route_engine_watch_ready(const struct route_engine *e);

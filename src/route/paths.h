/*
 * The paths of one prefix, the best first where one is known.
 *
 * One path is held as it is. Several are in a contiguous list beside a tag each, a few bits of the hash of what names a
 * path (its peer and path identifier), so finding one among thousands reads a few cache lines in a row instead of every path.
 * Takes one pointer in the entry and 8 octets for each path in a list.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route_path;
struct route_peer;

/* User addresses have 48 bits on the machines we know; route_paths_add() makes sure. */
struct route_path_slot {
	uint64_t tag : 16;
	uint64_t path : 48;
};

struct route_path_list {
	uint32_t count, size;
	struct route_path_slot slot[];
};

/* All zero: none. Odd: the address of a list, plus 1. */
struct route_paths {
	uintptr_t ref;
};

static inline struct route_path_list *route_paths_list(struct route_paths p)
{
	return p.ref & 1 ? (struct route_path_list *)(p.ref - 1) : NULL;
}

static inline size_t route_paths_count(struct route_paths p)
{
	return p.ref & 1 ? route_paths_list(p)->count : p.ref != 0;
}

static inline struct route_path *route_paths_at(struct route_paths p, size_t i)
{
	return (struct route_path *)(p.ref & 1 ? (uintptr_t)route_paths_list(p)->slot[i].path : p.ref);
}

/* The step of ROUTE_EACH_PATH; fetches ahead, since each path is somewhere else in memory. */
static inline struct route_path *route_paths_next(const struct route_paths *p, size_t *left)
{
	enum { AHEAD = 8 };

	if (*left == 0)
		return NULL;
	--*left;
	if (*left >= AHEAD)
		__builtin_prefetch(route_paths_at(*p, *left - AHEAD));
	return route_paths_at(*p, *left);
}

/* Walks from the last to the first; the path at hand may be removed, nothing may be added. NOLINTBEGIN(bugprone-macro-parentheses):
 * the first is a name. */
#define ROUTE_EACH_PATH(path, paths)                                                                         \
	for (size_t path##_left = route_paths_count(*(paths)), path##_once = 1; path##_once;                 \
		path##_once = 0)                                                                             \
		for (struct route_path * path; ((path) = route_paths_next(paths, &path##_left));)
/* NOLINTEND(bugprone-macro-parentheses) */

/* The peer's path that is not a tombstone. */
struct route_path *route_paths_find(
	const struct route_paths *p, const struct route_peer *peer, uint32_t path_id_in);
/* What that may be, from what can be told without reading a path: it may be a tombstone, or another's. NULL: there is none, or it is not
 * among the first. */
struct route_path *route_paths_likely(
	const struct route_paths *p, const struct route_peer *peer, uint32_t path_id_in);
void route_paths_add(struct route_paths *p, struct route_path *path);
/* The last takes the place of the one removed. */
void route_paths_remove(struct route_paths *p, const struct route_path *path);
void route_paths_to_front(struct route_paths *p, const struct route_path *path);
/* Octets of the list. */
size_t route_paths_octets(const struct route_paths *p);
/* Frees the list, not the paths. */
void route_paths_fini(struct route_paths *p);

/*
 * How the rows of an answer are shown: as a table with columns, or as a sheet of "key: value".
 *
 * A table shows the keys it has columns for and ignores all others; --json shows everything. The rows and their keys:
 *
 * show neighbors: address, as, state, since-ms (in this state), router-id, peer-group, dynamic, received and advertised
 *	(prefixes), description, last-error.
 * show neighbor, show status: a sheet, whatever is in them.
 * show routes: one row per path, paths of one prefix together: prefix, best, multipath, next-hop, from, originator-id,
 *	path-id, local-pref, med, as-path, origin, age-ms, communities.
 * show route: the same and cluster-list, why.
 * show fib: prefix, next-hops (a list of address, interface, weight, wanted-percent, actual-percent, error), state, group-id,
 *	group-type, error, warning.
 * show nexthops: address, state, reason, via, interface, cost, paths.
 * show ranges: prefix, peer-group, limit, neighbors, refused, last-refused, two-speakers.
 * show memory: what, objects, octets.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum column_kind {
	COLUMN_TEXT,	 /* text or a list of texts */
	COLUMN_NUMBER,	 /* right-aligned */
	COLUMN_DURATION, /* milliseconds */
	COLUMN_FLAGS,	 /* of a path: "*>" best, "*=" in the multipath set */
};

struct column {
	const char *key;
	const char *header;
	enum column_kind kind;
	bool once;    /* blank when the same as in the row above */
	bool flex;    /* may be cut to make the table fit */
	bool element; /* the key of an element of the view's list, not of the row */
};

struct view {
	const struct column *columns; /* ends with a NULL key; NULL: a sheet */
	const struct column *more;    /* columns to the right of them, or NULL */
	const char *list;	      /* a line for each element of this list; NULL: a line for each row */
};

extern const struct view view_neighbors, view_routes, view_route, view_fib, view_next_hops, view_ranges,
	view_memory, view_sheet;

/*
 * A walk over the table that makes rows, for an answer of any length.
 *
 * Rows of one small part of the table are made at a time, so an answer holds only a few; what the table does meanwhile does
 * not disturb the walk. Where it finds nothing for long it waits for another turn of the loop, so that a needle in a million
 * routes does not stall the daemon either.
 */
#pragma once

#include "base/prefix.h"
#include "base/row.h"
#include "bgp/proto.h"
#include "control/server.h"
#include "route/rib.h"

#include <stdbool.h>

struct rrd;
struct table_rows;

/* entry: calls table_rows_add() for each row that the entry gives; user is its own. */
struct table_rows *table_rows_new(
	struct rrd *r, void (*entry)(void *user, struct table_rows *t, struct route_entry *e), void *user);
void table_rows_free(struct table_rows *t);
/* Only prefixes inside the filter; without longer only that one. Before the first row. */
void table_rows_filter(struct table_rows *t, const struct prefix *filter, bool longer);
/* Takes row over. */
void table_rows_add(struct table_rows *t, struct row *row);
/* Whether the rows of the entry have been made: what happens to it from now on they do not have. While an entry is at hand it
 * counts as passed. */
bool table_rows_passed(const struct table_rows *t, const struct route_entry *e);
/* The next row (the caller's), or NULL at the end; or NULL and the caller is held (control_caller_hold()): the walk goes on
 * then with control_caller_resume(), which this calls. *over: it is the end. */
struct row *table_rows_next(struct table_rows *t, struct control_caller *caller, bool *over);

/*
 * Rows as a table.
 *
 * Widths come from the first rows, which are held back; from then on rows are printed as they come, and one that is
 * wider pushes its neighbours to the right. So an answer of a million rows needs no memory to speak of.
 */
#pragma once

#include "base/row.h"
#include "rrctl/view.h"

#include <stdio.h>

struct table;

/* width: of the terminal, in characters; 0: no limit. */
struct table *table_new(FILE *out, const struct view *view, unsigned width);
/* Headers and what is well or wrong in color. */
void table_set_color(struct table *t);
void table_add(struct table *t, const struct row *r);
/* Prints what is held back, and at least the headers. */
void table_end(struct table *t);
void table_free(struct table *t);

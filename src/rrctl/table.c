#include "rrctl/table.h"

#include "base/mem.h"
#include "rrctl/cell.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 16, HELD_LINES = 500, GAP = 2, FLEX_MIN = 8 };

struct line {
	char *cells[COLUMNS_MAX];
};

struct table {
	FILE *out;
	const struct view *view;
	const struct column *column[COLUMNS_MAX];
	unsigned columns, width;
	size_t widths[COLUMNS_MAX];
	char *above[COLUMNS_MAX]; /* the last value of each column that is printed once */
	struct line *held;
	size_t held_len;
	bool streaming;
};

static void add_columns(struct table *t, const struct column *c)
{
	for (; c && c->key && t->columns < COLUMNS_MAX; c++, t->columns++) {
		t->column[t->columns] = c;
		t->widths[t->columns] = strlen(c->header);
	}
}

struct table *table_new(FILE *out, const struct view *view, unsigned width)
{
	struct table *t = mem_calloc(1, sizeof(*t));

	t->out = out;
	t->view = view;
	t->width = width;
	add_columns(t, view->columns);
	add_columns(t, view->more);
	t->held = mem_calloc(HELD_LINES, sizeof(*t->held));
	return t;
}

static void line_free(struct line *l)
{
	for (unsigned i = 0; i < COLUMNS_MAX; i++)
		free(l->cells[i]);
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->held_len; i++)
		line_free(&t->held[i]);
	for (unsigned i = 0; i < COLUMNS_MAX; i++)
		free(t->above[i]);
	free(t->held);
	free(t);
}

/* --- widths --- */

static size_t total_width(const struct table *t)
{
	size_t total = GAP * (t->columns - 1);

	for (unsigned i = 0; i < t->columns; i++)
		total += t->widths[i];
	return total;
}

static bool may_shrink(const struct table *t, unsigned i)
{
	return t->column[i]->flex && t->widths[i] > FLEX_MIN && t->widths[i] > strlen(t->column[i]->header);
}

/* Takes from the widest of the columns that may be cut, until the table fits or none has more to give. */
static void fit(struct table *t)
{
	while (t->width && total_width(t) > t->width) {
		int widest = -1;

		for (unsigned i = 0; i < t->columns; i++)
			if (may_shrink(t, i) && (widest < 0 || t->widths[i] > t->widths[widest]))
				widest = (int)i;
		if (widest < 0)
			return;
		t->widths[widest]--;
	}
}

static void measure(struct table *t)
{
	for (size_t l = 0; l < t->held_len; l++)
		for (unsigned i = 0; i < t->columns; i++)
			if (cell_width(t->held[l].cells[i]) > t->widths[i])
				t->widths[i] = cell_width(t->held[l].cells[i]);
	fit(t);
}

/* --- printing --- */

static bool right_aligned(const struct column *c)
{
	return c->kind == COLUMN_NUMBER;
}

static void print_cells(struct table *t, char *const *cells)
{
	size_t owed = 0; /* blanks that are printed only if something follows */

	for (unsigned i = 0; i < t->columns; i++) {
		size_t width = cell_width(cells[i]);
		size_t pad = width < t->widths[i] ? t->widths[i] - width : 0;

		if (width > 0) {
			owed += right_aligned(t->column[i]) ? pad : 0;
			fprintf(t->out, "%*s%s", (int)owed, "", cells[i]);
			owed = right_aligned(t->column[i]) ? 0 : pad;
		} else {
			owed += pad;
		}
		owed += GAP;
	}
	fputc('\n', t->out);
}

static void print_line(struct table *t, struct line *l)
{
	for (unsigned i = 0; i < t->columns; i++)
		if (t->width && t->column[i]->flex)
			cell_cut(l->cells[i], t->widths[i]);
	print_cells(t, l->cells);
	line_free(l);
}

static void print_held(struct table *t)
{
	char *headers[COLUMNS_MAX];

	measure(t);
	for (unsigned i = 0; i < t->columns; i++)
		headers[i] = mem_strdup(t->column[i]->header);
	print_cells(t, headers);
	for (unsigned i = 0; i < t->columns; i++)
		free(headers[i]);
	for (size_t i = 0; i < t->held_len; i++)
		print_line(t, &t->held[i]);
	t->held_len = 0;
	t->streaming = true;
}

/* --- rows to lines --- */

static char *value_text(const struct column *c, const struct row *r)
{
	char *text = NULL;

	switch (c->kind) {
	case COLUMN_FLAGS:
		return mem_strdup(row_get_bool(r, "best", false)	? "*>"
				  : row_get_bool(r, "multipath", false) ? "*="
									: "");
	case COLUMN_DURATION:
		text = cell_duration(r, c->key);
		break;
	case COLUMN_TEXT:
	case COLUMN_NUMBER:
		text = cell_text(r, c->key);
		break;
	}
	return text ? text : mem_strdup("-");
}

static bool same_as_above(struct table *t, unsigned column, const char *text)
{
	bool same = t->above[column] && strcmp(t->above[column], text) == 0;

	if (!same) {
		free(t->above[column]);
		t->above[column] = mem_strdup(text);
	}
	return same;
}

/* element: NULL when the view has no list or the list is empty; first: the row's first line. */
static void add_line(struct table *t, const struct row *r, const struct row *element, bool first)
{
	struct line l = { 0 };

	for (unsigned i = 0; i < t->columns; i++) {
		const struct column *c = t->column[i];

		if (c->element)
			l.cells[i] = element ? value_text(c, element) : mem_strdup("-");
		else
			l.cells[i] = first ? value_text(c, r) : mem_strdup("");
		if (c->once && first && same_as_above(t, i, l.cells[i]))
			l.cells[i][0] = '\0';
	}
	if (t->streaming) {
		print_line(t, &l);
		return;
	}
	t->held[t->held_len++] = l;
	if (t->held_len == HELD_LINES)
		print_held(t);
}

void table_add(struct table *t, const struct row *r)
{
	const struct row *list = t->view->list ? row_get(r, t->view->list) : NULL;

	add_line(t, r, row_list_get(list, 0), true);
	for (size_t i = 1; i < row_list_size(list); i++)
		add_line(t, r, row_list_get(list, i), false);
}

void table_end(struct table *t)
{
	if (!t->streaming)
		print_held(t);
}

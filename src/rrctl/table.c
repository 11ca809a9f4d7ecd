#include "rrctl/table.h"

#include "base/mem.h"
#include "rrctl/cell.h"
#include "rrctl/color.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	COLUMNS_MAX = 24,
	KEY_MAX = 48,
	HELD_LINES = 500,
	GAP = 2,
	INDENT = 4,	/* of what stands below a row */
	FLEX_MIN = 8,	/* what a column that may be cut keeps at least */
	FLEX_WORTH = 24 /* and what it keeps as long as others can be left out instead */
};

struct line {
	char *cells[COLUMNS_MAX];
};

struct table {
	FILE *out;
	const struct view *view;
	const struct column *column[COLUMNS_MAX];
	unsigned columns, width;
	size_t widths[COLUMNS_MAX];
	bool hidden[COLUMNS_MAX];
	bool below[COLUMNS_MAX];  /* hidden, but printed below each row */
	char *above[COLUMNS_MAX]; /* the last value of each column that is printed once */
	struct line *held;
	size_t held_len;
	bool streaming, color;
	char *note;
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

void table_set_color(struct table *t)
{
	t->color = true;
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
	free(t->note);
	free(t);
}

/* --- widths --- */

/* flex_max: how much of a column that may be cut counts. */
static size_t total_width(const struct table *t, size_t flex_max)
{
	size_t total = 0;

	for (unsigned i = 0; i < t->columns; i++)
		if (!t->hidden[i])
			total += GAP +
				 (t->column[i]->flex && t->widths[i] > flex_max ? flex_max : t->widths[i]);
	return total - (total ? GAP : 0);
}

/* Leaves out the most dispensable column that is still there. False when there is none. */
static bool hide_one(struct table *t)
{
	int found = -1;

	for (unsigned i = 0; i < t->columns; i++)
		if (!t->hidden[i] && t->column[i]->spare &&
			(found < 0 || t->column[i]->spare > t->column[found]->spare))
			found = (int)i;
	if (found >= 0)
		t->hidden[found] = true;
	return found >= 0;
}

static bool may_shrink(const struct table *t, unsigned i)
{
	return !t->hidden[i] && t->column[i]->flex && t->widths[i] > FLEX_MIN &&
	       t->widths[i] > strlen(t->column[i]->header);
}

/* A text that says why is worth nothing when it is cut. */
static void put_below(struct table *t)
{
	if (total_width(t, SIZE_MAX) <= t->width)
		return;
	for (unsigned i = 0; i < t->columns; i++)
		if (t->column[i]->below && !t->hidden[i])
			t->hidden[i] = t->below[i] = true;
}

/* Leaves out what is dispensable, then takes from the widest of the columns that may be cut, until the table fits or none
 * has more to give. */
static void fit(struct table *t)
{
	while (total_width(t, FLEX_WORTH) > t->width && hide_one(t))
		;
	while (total_width(t, SIZE_MAX) > t->width) {
		int widest = -1;

		for (unsigned i = 0; i < t->columns; i++)
			if (may_shrink(t, i) && (widest < 0 || t->widths[i] > t->widths[widest]))
				widest = (int)i;
		if (widest < 0)
			return;
		t->widths[widest]--;
	}
}

static bool is_empty(const struct table *t, unsigned column)
{
	for (size_t l = 0; l < t->held_len; l++) {
		const char *cell = t->held[l].cells[column];

		if (*cell && strcmp(cell, "-") != 0)
			return false;
	}
	return true;
}

/* all: no more rows will come than those that are held. */
static void measure(struct table *t, bool all)
{
	for (size_t l = 0; l < t->held_len; l++)
		for (unsigned i = 0; i < t->columns; i++)
			if (cell_width(t->held[l].cells[i]) > t->widths[i])
				t->widths[i] = cell_width(t->held[l].cells[i]);
	if (!t->width)
		return;
	for (unsigned i = 0; i < t->columns; i++)
		t->hidden[i] = all && t->column[i]->rare && is_empty(t, i);
	put_below(t);
	fit(t);
}

/* --- printing --- */

static bool right_aligned(const struct column *c)
{
	return c->kind >= COLUMN_NUMBER && c->kind <= COLUMN_OCTETS;
}

static void print_cell(const struct table *t, unsigned column, const char *text, bool header)
{
	const char *color = !t->color ? NULL
			    : header  ? color_of_headers
				      : color_of_cell(t->column[column], text);

	fprintf(t->out, "%s%s%s", color ? color : "", text, color ? color_off : "");
}

static void print_cells(struct table *t, char *const *cells, bool header)
{
	size_t owed = 0; /* blanks that are printed only if something follows */

	for (unsigned i = 0; i < t->columns; i++) {
		size_t width = cell_width(cells[i]);
		size_t pad = width < t->widths[i] ? t->widths[i] - width : 0;

		if (t->hidden[i])
			continue;
		if (width > 0) {
			owed += right_aligned(t->column[i]) ? pad : 0;
			fprintf(t->out, "%*s", (int)owed, "");
			print_cell(t, i, cells[i], header);
			owed = right_aligned(t->column[i]) ? 0 : pad;
		} else {
			owed += pad;
		}
		owed += GAP;
	}
	fputc('\n', t->out);
}

/* "    HEADER: the words of the text", over as many lines as it takes. */
static void print_below(const struct table *t, unsigned column, char *text)
{
	const char *color = t->color ? color_of_cell(t->column[column], text) : NULL;
	size_t at = INDENT + strlen(t->column[column]->header) + 1;
	char *rest = NULL;

	if (!*text || strcmp(text, "-") == 0)
		return;
	fprintf(t->out, "%*s%s:%s", INDENT, "", t->column[column]->header, color ? color : "");
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		size_t width = cell_width(word);
		bool fits = at + 1 + width <= t->width;

		if (fits)
			fputc(' ', t->out);
		else
			fprintf(t->out, "\n%*s", INDENT, "");
		fputs(word, t->out);
		at = (fits ? at + 1 : INDENT) + width;
	}
	fprintf(t->out, "%s\n", color ? color_off : "");
}

static void print_line(struct table *t, struct line *l)
{
	for (unsigned i = 0; i < t->columns; i++)
		if (t->width && t->column[i]->flex && !t->below[i])
			cell_cut(l->cells[i], t->widths[i]);
	print_cells(t, l->cells, false);
	for (unsigned i = 0; i < t->columns; i++)
		if (t->below[i])
			print_below(t, i, l->cells[i]);
	line_free(l);
}

static void print_held(struct table *t, bool all)
{
	char *headers[COLUMNS_MAX] = { 0 };

	measure(t, all);
	for (unsigned i = 0; i < t->columns; i++)
		headers[i] = mem_strdup(t->column[i]->header);
	print_cells(t, headers, true);
	for (unsigned i = 0; i < t->columns; i++)
		free(headers[i]);
	for (size_t i = 0; i < t->held_len; i++)
		print_line(t, &t->held[i]);
	t->held_len = 0;
	t->streaming = true;
}

/* --- rows to lines --- */

static char *flags_text(const struct row *r)
{
	return mem_strdup(row_get_bool(r, "best", false)	? "*>"
			  : row_get_bool(r, "multipath", false) ? "*="
								: "");
}

static char *of_text(const struct column *c, const struct row *r)
{
	char *part = cell_text(r, c->key), *whole = cell_text(r, c->other), *text = NULL;

	if (part && whole)
		text = mem_printf("%s/%s", part, whole);
	free(part);
	free(whole);
	return text;
}

static char *health_text(const struct column *c, const struct row *r)
{
	const char *state = row_get_bool(r, c->key, false) ? "up" : "down";

	if (!row_has(r, c->key))
		return NULL;
	return mem_printf(row_get_bool(r, c->other, true) ? "%s" : "(%s)", state);
}

static char *claim_text(const struct column *c, const struct row *r)
{
	char *text = cell_text(r, c->key), *claim;

	if (!text || row_get_bool(r, c->other, true))
		return text;
	claim = mem_printf("(%s)", text);
	free(text);
	return claim;
}

/* Text alone where a daemon does not say when. */
static char *error_text(const struct column *c, const struct row *r)
{
	char ago_key[KEY_MAX], over_key[KEY_MAX], *text = cell_text(r, c->key), *ago, *all;
	bool over;

	snprintf(ago_key, sizeof(ago_key), "%s-ago-ms", c->key);
	snprintf(over_key, sizeof(over_key), "%s-over", c->key);
	ago = cell_milliseconds(r, ago_key);
	over = row_get_bool(r, over_key, false);
	all = text ? mem_printf("%s%s%s%s%s", over ? "(" : "", ago ? ago : "", ago ? " ago: " : "", text,
			     over ? ")" : "")
		   : NULL;
	free(ago);
	free(text);
	return all;
}

static char *value_text(const struct column *c, const struct row *r)
{
	switch (c->kind) {
	case COLUMN_FLAGS:
		return flags_text(r);
	case COLUMN_DURATION:
		return cell_milliseconds(r, c->key);
	case COLUMN_MICROSECONDS:
		return cell_microseconds(r, c->key);
	case COLUMN_PERCENT:
		return cell_percent(r, c->key);
	case COLUMN_COUNT:
		return cell_scaled(r, c->key, "");
	case COLUMN_OCTETS:
		return cell_scaled(r, c->key, "B");
	case COLUMN_OF:
		return of_text(c, r);
	case COLUMN_HEALTH:
		return health_text(c, r);
	case COLUMN_CLAIM:
		return claim_text(c, r);
	case COLUMN_ERROR:
		return error_text(c, r);
	case COLUMN_TEXT:
	case COLUMN_NUMBER:
		return cell_text(r, c->key);
	}
	return NULL;
}

static char *value_or_dash(const struct column *c, const struct row *r)
{
	char *text = value_text(c, r);

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
	bool same = first; /* so far, in the columns that are printed once */

	for (unsigned i = 0; i < t->columns; i++) {
		const struct column *c = t->column[i];

		if (c->element)
			l.cells[i] = element ? value_or_dash(c, element) : mem_strdup("-");
		else
			l.cells[i] = first ? value_or_dash(c, r) : mem_strdup("");
		if (c->once && first)
			same = same_as_above(t, i, l.cells[i]) && same;
		if (c->once && same)
			l.cells[i][0] = '\0';
	}
	if (t->streaming) {
		print_line(t, &l);
		return;
	}
	t->held[t->held_len++] = l;
	if (t->held_len == HELD_LINES)
		print_held(t, false);
}

static void add_row(struct table *t, const struct row *r)
{
	const struct row *list = t->view->list ? row_get(r, t->view->list) : NULL;

	add_line(t, r, row_list_get(list, 0), true);
	for (size_t i = 1; i < row_list_size(list); i++)
		add_line(t, r, row_list_get(list, i), false);
}

void table_add(struct table *t, const struct row *r)
{
	if (t->view->note && row_has(r, t->view->note)) {
		free(t->note);
		t->note = cell_text(r, t->view->note);
		return;
	}
	add_row(t, r);
}

void table_end(struct table *t)
{
	if (!t->streaming)
		print_held(t, true);
	if (t->note)
		fprintf(t->out, "%s\n", t->note);
}

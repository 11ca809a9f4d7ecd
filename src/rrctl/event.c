#include "rrctl/event.h"

#include "rrctl/cell.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct line {
	FILE *out;
	const struct row *row;
	bool begun;
};

static bool has_its_place(const char *key)
{
	static const char *const keys[] = { "from", "to", "reason", "text" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static void print_subject(void *user, const char *key, const char *value)
{
	struct line *l = user;
	char *text = has_its_place(key) ? NULL : cell_text(l->row, key);

	(void)value;
	if (text)
		fprintf(l->out, "%s%s", l->begun ? " " : "", text);
	l->begun = l->begun || text;
	free(text);
}

/* " FROM -> TO (REASON), TEXT", as far as it is known. */
static void print_change(const struct line *l)
{
	char *from = cell_text(l->row, "from"), *to = cell_text(l->row, "to"),
	     *reason = cell_text(l->row, "reason"), *text = cell_text(l->row, "text");

	if (from || to || reason || text)
		fputc(':', l->out);
	if (from)
		fprintf(l->out, " %s", from);
	if (to)
		fprintf(l->out, " -> %s", to);
	if (reason)
		fprintf(l->out, " (%s)", reason);
	if (text)
		fprintf(l->out, "%s %s", from || to || reason ? "," : "", text);
	free(from);
	free(to);
	free(reason);
	free(text);
}

static void print_value(FILE *out, const char *before, const struct row *r, const char *key)
{
	char *text = cell_text(r, key);

	if (text && *text)
		fprintf(out, "%s%s", before, text);
	free(text);
}

static void print_columns(FILE *out, const struct view *view, const struct row *r)
{
	print_value(out, "", r, "time");
	print_value(out, " ", r, "event");
	for (const struct column *c = view->columns; c->key; c++) {
		char before[32];

		snprintf(before, sizeof(before), "%s%s ", *c->header ? " " : "", c->header);
		print_value(out, before, r, c->key);
	}
	print_value(out, ": ", r, "text");
	fputc('\n', out);
}

void event_print(FILE *out, const struct view *view, const struct row *r)
{
	struct line l = { .out = out, .row = r };

	if (row_get_bool(r, "lost", false)) {
		fprintf(out, "--- %lld events are missing here: they came faster than they were read\n",
			(long long)row_get_int(r, "number", 0));
		return;
	}
	if (view->columns) {
		print_columns(out, view, r);
		return;
	}
	row_each(r, print_subject, &l);
	print_change(&l);
	fputc('\n', out);
}

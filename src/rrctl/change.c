#include "rrctl/change.h"

#include "base/mem.h"
#include "rrctl/cell.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct change_list {
	FILE *out;
	char *apply; /* of the heading; NULL: none yet */
	bool any;
};

struct change_list *change_list_new(FILE *out)
{
	struct change_list *l = mem_calloc(1, sizeof(*l));

	l->out = out;
	return l;
}

void change_list_free(struct change_list *l)
{
	if (!l)
		return;
	free(l->apply);
	free(l);
}

static void print_heading(struct change_list *l, const char *apply)
{
	if (l->apply && strcmp(l->apply, apply) == 0)
		return;
	free(l->apply);
	l->apply = mem_strdup(apply);
	fprintf(l->out, "%s:\n", apply);
}

/* The text of a key and what stands around it, where there is one. */
static void print_part(
	FILE *out, const char *before, const struct row *r, const char *key, const char *behind)
{
	char *text = cell_text(r, key);

	if (text)
		fprintf(out, "%s%s%s", before, text, behind);
	free(text);
}

void change_list_add(struct change_list *l, const struct row *r)
{
	const char *apply = row_get_text(r, "apply");

	l->any = true;
	if (row_has(r, "error")) {
		print_part(l->out, "", r, "error", "\n");
		return;
	}
	print_heading(l, apply ? apply : "changes");
	print_part(l->out, "  ", r, "subject", ":");
	print_part(l->out, row_has(r, "subject") ? " " : "  ", r, "change", "");
	print_part(l->out, ": ", r, "effect", "");
	fputc('\n', l->out);
}

void change_list_end(const struct change_list *l)
{
	if (!l->any)
		fprintf(l->out, "nothing changes\n");
}

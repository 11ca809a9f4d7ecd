#include "rrctl/change.h"

#include "base/mem.h"

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

void change_list_add(struct change_list *l, const struct row *r)
{
	const char *error = row_get_text(r, "error"), *apply = row_get_text(r, "apply"),
		   *subject = row_get_text(r, "subject"), *change = row_get_text(r, "change"),
		   *effect = row_get_text(r, "effect");

	l->any = true;
	if (error) {
		fprintf(l->out, "%s\n", error);
		return;
	}
	print_heading(l, apply ? apply : "changes");
	fprintf(l->out, "  %s%s%s%s%s\n", subject ? subject : "", subject ? ": " : "", change ? change : "",
		effect ? ": " : "", effect ? effect : "");
}

void change_list_end(const struct change_list *l)
{
	if (!l->any)
		fprintf(l->out, "nothing changes\n");
}

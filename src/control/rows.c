#include "control/rows.h"

#include "base/mem.h"

#include <stdlib.h>

struct control_rows {
	struct row **row;
	size_t count, size, next;
};

struct control_rows *control_rows_new(void)
{
	return mem_calloc(1, sizeof(struct control_rows));
}

void control_rows_add(struct control_rows *r, struct row *row)
{
	if (r->count == r->size) {
		r->size = r->size ? r->size * 2 : 64;
		r->row = mem_realloc(r->row, r->size * sizeof(struct row *));
	}
	r->row[r->count++] = row;
}

static struct row *next(void *state, char *err)
{
	struct control_rows *r = state;

	(void)err;
	return r->next < r->count ? r->row[r->next++] : NULL;
}

static void done(void *state)
{
	struct control_rows *r = state;

	while (r->next < r->count)
		row_free(r->row[r->next++]);
	free(r->row);
	free(r);
}

void control_answer_rows(struct control_answer *out, struct control_rows *r)
{
	out->next = next;
	out->done = done;
	out->state = r;
}

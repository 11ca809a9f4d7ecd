#include "control/help.h"

#include "base/mem.h"

#include <stdlib.h>

struct help {
	const struct control_command *next;
	unsigned targets;
};

static struct row *argument_row(const struct control_argument *a)
{
	struct row *row = row_new();

	row_text(row, "name", a->key);
	row_text(row, "type", control_type_text(a->type));
	if (a->words)
		row_text(row, "words", a->words);
	row_bool(row, "required", a->required);
	return row;
}

static struct row *command_row(const struct control_command *k)
{
	struct row *row = row_new(), *takes = row_new_list();
	char syntax[CONTROL_SYNTAX_MAX] = "";

	for (const struct control_argument *a = k->arguments; a && a->key; a++)
		row_append(takes, argument_row(a));
	row_text(row, "command", k->name);
	row_text(row, "arguments", control_command_syntax(k, syntax));
	row_text(row, "help", k->help);
	row_bool(row, "changes", k->changes);
	row_put(row, "takes", takes);
	return row;
}

static struct row *next_help(void *state, char *err)
{
	struct help *h = state;

	(void)err;
	while (h->next->targets && !(h->next->targets & h->targets))
		h->next++;
	return h->next->targets ? command_row(h->next++) : NULL;
}

void control_answer_help(struct control_answer *out, const struct control_command *table, unsigned targets)
{
	struct help *h = mem_calloc(1, sizeof(*h));

	h->next = table;
	h->targets = targets;
	*out = (struct control_answer){ next_help, free, h };
}

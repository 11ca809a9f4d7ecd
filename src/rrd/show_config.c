/* The answers about the configuration: show config, and reload with what it changes. */
#include "base/mem.h"
#include "config/write.h"
#include "rrd/reload.h"
#include "rrd/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- rows that were made at once, and perhaps an error behind them --- */

struct told {
	struct row **row;
	size_t next, count;
	char *error;
};

static void add(struct told *t, struct row *r)
{
	t->row = mem_realloc(t->row, (t->count + 1) * sizeof(struct row *));
	t->row[t->count++] = r;
}

static struct row *next(void *state, char *err)
{
	struct told *t = state;

	err[0] = 0;
	if (t->next < t->count)
		return t->row[t->next++];
	if (t->error)
		snprintf(err, SHOW_ERROR_MAX, "%s", t->error);
	return NULL;
}

static void done(void *state)
{
	struct told *t = state;

	while (t->next < t->count)
		row_free(t->row[t->next++]);
	free(t->row);
	free(t->error);
	free(t);
}

/* A row {KEY: LINE} for each line of a text. */
static void add_lines(struct told *t, const char *key, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		char *line = mem_printf("%.*s", (int)len, text);
		struct row *r = row_new();

		row_text(r, key, line);
		add(t, r);
		free(line);
		text += len + (text[len] == '\n');
	}
}

/* --- show config --- */

bool show_config(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct told *t = mem_calloc(1, sizeof(*t));
	const struct rrd *r = user;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)err;
	if (!f)
		abort();
	config_write(f, &config_rrd_schema, r->cfg, r->cfg->root, row_get_bool(args, "all", false));
	fclose(f);
	add_lines(t, "line", text);
	free(text);
	*out = (struct control_answer){ next, done, t };
	return true;
}

/* --- reload --- */

bool reload(void *user, const struct row *args, struct control_answer *out, char *err)
{
	bool dry_run = row_get_bool(args, "dry-run", false);
	struct reload_result result;
	struct told *t;

	(void)err;
	t = mem_calloc(1, sizeof(*t));
	reload_result_init(&result);
	rrd_reload(user, dry_run, &result);
	for (size_t i = 0; result.plan && i < result.plan->count; i++)
		add(t, reload_plan_line_row(&result.plan->line[i]));
	if (result.errors)
		add_lines(t, "error", result.errors);
	if (result.refused && result.errors)
		t->error = mem_strdup(
			dry_run ? "the file is wrong" : "the file is wrong; nothing was changed");
	else if (result.refused)
		t->error = mem_printf("%s%s",
			dry_run ? "a reload would be refused: " : "nothing was changed: ", result.refused);
	reload_result_fini(&result);
	*out = (struct control_answer){ next, done, t };
	return true;
}

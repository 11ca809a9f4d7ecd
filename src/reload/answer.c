/* The answers about the configuration: show config, and reload with what it changes. */
#include "base/mem.h"
#include "config/write.h"
#include "reload/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_ERROR_MAX = 256 };

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
		snprintf(err, ANSWER_ERROR_MAX, "%s", t->error);
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

bool reload_show_config(const struct config_schema *schema, const void *cfg, const struct config_node *root,
	const struct row *args, struct control_answer *out)
{
	struct told *t = mem_calloc(1, sizeof(*t));
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	config_write(f, schema, cfg, root, row_get_bool(args, "all", false));
	fclose(f);
	add_lines(t, "line", text);
	free(text);
	*out = (struct control_answer){ next, done, t };
	return true;
}

/* --- reload --- */

static char *error_of(const struct reload_result *result, bool dry_run)
{
	if (result->errors)
		return mem_strdup(dry_run ? "the file is wrong" : "the file is wrong; nothing was changed");
	return mem_printf(
		"%s%s", dry_run ? "a reload would be refused: " : "nothing was changed: ", result->refused);
}

bool reload_answer(struct reload *r, const struct row *args, struct control_answer *out, char *err)
{
	bool dry_run = row_get_bool(args, "dry-run", false);
	struct reload_result result;
	struct told *t;

	/* Who writes it otherwise must not get the reload itself. */
	if (row_has(args, "dry-run") && dry_run != row_get_bool(args, "dry-run", true)) {
		snprintf(err, ANSWER_ERROR_MAX, "\"dry-run\" is true or false");
		return false;
	}
	t = mem_calloc(1, sizeof(*t));
	reload_run(r, dry_run, &result);
	for (size_t i = 0; result.plan && i < result.plan->count; i++)
		add(t, reload_line_row(&result.plan->line[i]));
	if (result.errors)
		add_lines(t, "error", result.errors);
	if (result.refused)
		t->error = error_of(&result, dry_run);
	reload_result_fini(&result);
	*out = (struct control_answer){ next, done, t };
	return true;
}

void reload_status(const struct reload *r, struct row *row)
{
	row_int(row, "reloads", (int64_t)r->done);
	row_int(row, "reloads-refused", (int64_t)r->refused);
	row_text(row, "reload-error", r->error);
}

void reload_status_text(const struct reload *r, struct text *out)
{
	if (r->error)
		text_add(out, "; the last reload was refused: %.120s", r->error);
}

#include "changes.h"

#include "config/diff.h"
#include "config/write.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *changes_load(const struct changes *c, const char *text)
{
	struct config_errors *errs = config_errors_new();
	void *cfg = c->parse(text, strlen(text), "t", errs);

	if (!cfg) {
		char *errors = config_errors_format(errs);

		print_error("%s", errors);
		free(errors);
		fail();
	}
	config_errors_free(errs);
	return cfg;
}

static struct config_diff diff_of(const struct changes *c, const void *a, const void *b)
{
	struct config_diff d;

	config_diff_init(&d);
	config_diff(&d, c->schema, a, b);
	return d;
}

char *changes_told(const struct changes *c, const char *before, const char *after)
{
	void *a = changes_load(c, before), *b = changes_load(c, after);
	struct config_diff d = diff_of(c, a, b);
	char *text = calloc(1, 4096);
	struct text t = text_init(text, 4096);

	for (size_t i = 0; i < d.count; i++)
		text_add(&t, "%s: %s (%s)\n", d.item[i].path, d.item[i].words,
			config_apply_text(d.item[i].apply));
	config_diff_fini(&d);
	c->free(a);
	c->free(b);
	return text;
}

/* The text with one change, which must name one place. */
static char *changed(const struct changes *all, const struct change *c)
{
	const char *at = strstr(all->text, c->from);
	char *text = NULL;

	if (!at || strstr(at + 1, c->from))
		fail_msg("%s: \"%s\" is not in the text once", c->path, c->from);
	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - all->text), all->text, c->to,
			    at + strlen(c->from)) > 0);
	return text;
}

/* Does the path of a change belong to a row of the printed schema? */
static bool is_of_row(const char *path, const char *row)
{
	for (; *row && *path; row++, path++) {
		if (*row == '[') {
			path = strchr(path, ']');
			row++;
		} else if (strncmp(row, "NAME", 4) == 0) {
			path += strcspn(path, ".") - 1;
			row += 3;
		} else if (*row == '*') {
			return true;
		} else if (*row != *path) {
			return false;
		}
		if (!path)
			return false;
	}
	return !*row && !*path;
}

static const struct change *change_of(const struct changes *all, const char *path, size_t len)
{
	for (size_t i = 0; i < all->count; i++)
		if (strlen(all->list[i].path) == len && strncmp(all->list[i].path, path, len) == 0)
			return &all->list[i];
	return NULL;
}

static bool is_element(const struct change *c)
{
	return strcmp(c->words, "added") == 0;
}

/* An element that is renamed comes and goes: its key rows have no change of their own. */
static bool is_the_change(const struct change *c, const struct config_change *got)
{
	if (!is_element(c))
		return strcmp(got->words, c->words) == 0 && is_of_row(got->path, c->path);
	return strcmp(got->words, c->words) == 0 && strncmp(got->path, c->path, strcspn(c->path, "[")) == 0;
}

static bool is_untried(const struct changes *all, const char *line, size_t path)
{
	for (const char *const *end = all->untried; *end; end++)
		if (strlen(*end) <= path && strncmp(line + path - strlen(*end), *end, strlen(*end)) == 0)
			return true;
	return false;
}

static void tell_all(const struct config_diff *d)
{
	for (size_t i = 0; i < d->count; i++)
		print_error("%s: %s\n", d->item[i].path, d->item[i].words);
}

static void check_change(const struct change *c, const char *apply, const struct config_diff *d)
{
	size_t found = 0;

	for (size_t i = 0; i < d->count; i++) {
		if (!is_the_change(c, &d->item[i]))
			continue;
		found++;
		if (apply && strcmp(apply, config_apply_text(d->item[i].apply)) != 0)
			fail_msg("%s: the row says \"%s\", the change \"%s\"", c->path, apply,
				config_apply_text(d->item[i].apply));
	}
	if (found != 1 || d->count != 1 + (size_t)is_element(c) + c->more) {
		tell_all(d);
		fail_msg("%s: told %zu times, with %zu changes in all", c->path, found, d->count);
	}
}

/* The line of the printed schema tells what the change is to touch. */
static bool check_row(const struct changes *all, const char *line, const void *before)
{
	size_t path = strcspn(line, "\t"), type = strcspn(line + path + 1, "\t");
	const struct change *c = change_of(all, line, path);
	char *text, *apply;
	struct config_diff d;
	void *after;

	if (!c && is_untried(all, line, path))
		return false;
	if (!c)
		fail_msg("no change is tried of %.*s", (int)path, line);
	text = changed(all, c);
	after = changes_load(all, text);
	apply = strndup(line + path + 1, type);
	d = diff_of(all, before, after);
	check_change(c, line[path - 1] == '*' ? NULL : strrchr(apply, ';') + 2, &d);
	config_diff_fini(&d);
	all->free(after);
	free(apply);
	free(text);
	return true;
}

void changes_check(const struct changes *c)
{
	void *before = changes_load(c, c->text);
	char *lines = config_schema_print(c->schema), *save = NULL;
	size_t rows = 0;

	for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		rows += check_row(c, line, before);
	assert_int_equal(rows, c->count);
	free(lines);
	c->free(before);
}

char *changes_written(const struct changes *c, const void *cfg, bool all)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	config_write(out, c->schema, cfg, c->root(cfg), all);
	fclose(out);
	return text;
}

static void says_the_same(const struct changes *c, const char *text, bool all)
{
	void *a = changes_load(c, text), *b;
	char *again = changes_written(c, a, all);
	size_t different = 0;
	struct config_diff d;

	b = changes_load(c, again);
	d = diff_of(c, a, b);
	for (size_t i = 0; i < d.count; i++) {
		const char *key = strrchr(d.item[i].path, '.');

		if (key && strcmp(key, ".password") == 0)
			continue;
		print_error("%s: %s\n%s", d.item[i].path, d.item[i].words, again);
		different++;
	}
	assert_int_equal(different, 0);
	config_diff_fini(&d);
	c->free(a);
	c->free(b);
	free(again);
}

static void of_file(const struct changes *c, const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		fail_msg("cannot open %s", path);
	assert_true(getdelim(&text, &size, 0, f) > 0);
	fclose(f);
	says_the_same(c, text, false);
	says_the_same(c, text, true);
	free(text);
}

void changes_written_reads_the_same(const struct changes *c, const char *files)
{
	const char *src = getenv("srcdir");
	char *pattern = NULL;
	glob_t found;

	says_the_same(c, c->text, false);
	says_the_same(c, c->text, true);
	assert_true(asprintf(&pattern, "%s/tests/conf/good/%s*.conf", src ? src : ".", files) > 0);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		of_file(c, found.gl_pathv[i]);
	globfree(&found);
	free(pattern);
}

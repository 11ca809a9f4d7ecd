#include "rrctl/sheet.h"

#include "base/mem.h"
#include "base/text.h"
#include "rrctl/cell.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 2, KEY_MAX = 64 };

struct level {
	FILE *out;
	const struct row *row;
	const struct label *labels;
	int indent;
	size_t key_width; /* of the longest key with a value of its own */
};

static void print_level(const struct level *above, const struct row *r);

static bool ends_with(const char *key, const char *unit)
{
	size_t len = strlen(key), unit_len = strlen(unit);

	return len > unit_len && strcmp(key + len - unit_len, unit) == 0;
}

/* A time by the key's ending: the duration, and the key without its unit in name. */
static char *duration(const struct row *r, const char *key, char *name)
{
	int64_t value = row_get_int(r, key, -1);
	bool us = ends_with(key, "-us") || strcmp(key, "us") == 0, ms = ends_with(key, "-ms"),
	     s = ends_with(key, "-s");
	char buf[32];

	if (value < 0 || strlen(key) >= KEY_MAX || !(us || ms || s))
		return NULL;
	snprintf(name, KEY_MAX, "%.*s", (int)strlen(key) - (s ? 2 : 3), key);
	if (value == 0)
		return mem_strdup("0 s");
	if (us)
		return cell_microseconds(r, key);
	return mem_strdup(text_duration(buf, (unsigned long long)value * (ms ? 1 : 1000)));
}

/* The value as text, NULL when there is none or it is printed as a level of its own; what it is called in name. */
static char *scalar(const struct level *l, const char *key, char *name)
{
	const char *label = label_of(l->labels, key);
	char *text = duration(l->row, key, name);

	if (!text)
		snprintf(name, KEY_MAX, "%s", key);
	if (label)
		snprintf(name, KEY_MAX, "%s", label);
	return text ? text : cell_text(l->row, key);
}

static void measure_key(void *user, const char *key, const char *value)
{
	struct level *l = user;
	char name[KEY_MAX], *text = scalar(l, key, name);

	(void)value;
	if (text && strlen(name) > l->key_width)
		l->key_width = strlen(name);
	free(text);
}

static void print_list(const struct level *l, const char *key, const struct row *list)
{
	fprintf(l->out, "%*s%s:\n", l->indent, "", key);
	for (size_t i = 0; i < row_list_size(list); i++) {
		if (i > 0)
			fputc('\n', l->out);
		print_level(l, row_list_get(list, i));
	}
}

static void print_key(void *user, const char *key, const char *value)
{
	const struct level *l = user;
	const struct row *inner = row_get(l->row, key);
	char name[KEY_MAX], *text = scalar(l, key, name);

	if (text) {
		fprintf(l->out, "%*s%s:%*s %s\n", l->indent, "", name, (int)(l->key_width - strlen(name)), "",
			text);
	} else if (inner && value[0] == '[' && row_list_size(inner) > 0) {
		print_list(l, name, inner);
	} else if (inner && strcmp(value, "{}") != 0 && value[0] == '{') {
		fprintf(l->out, "%*s%s:\n", l->indent, "", name);
		print_level(l, inner);
	}
	free(text);
}

static void print_rows(struct level l)
{
	row_each(l.row, measure_key, &l);
	row_each(l.row, print_key, &l);
}

static void print_level(const struct level *above, const struct row *r)
{
	print_rows((struct level){
		.out = above->out, .row = r, .labels = above->labels, .indent = above->indent + INDENT });
}

void sheet_print(FILE *out, const struct row *r, const struct label *labels)
{
	print_rows((struct level){ .out = out, .row = r, .labels = labels });
}

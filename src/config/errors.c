#include "config/errors.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct error {
	unsigned line, column;
	size_t number; /* in the order they were found */
	char *text;
};

struct config_errors {
	char *file;
	struct error list[CONFIG_ERRORS_MAX];
	size_t count;  /* found; more than CONFIG_ERRORS_MAX are not kept */
	size_t before; /* count when the file was named */
};

struct config_errors *config_errors_new(void)
{
	struct config_errors *e = mem_calloc(1, sizeof(*e));

	e->file = mem_strdup("");
	return e;
}

static size_t kept(const struct config_errors *e)
{
	return e->count < CONFIG_ERRORS_MAX ? e->count : CONFIG_ERRORS_MAX;
}

void config_errors_free(struct config_errors *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < kept(e); i++)
		free(e->list[i].text);
	free(e->file);
	free(e);
}

void config_errors_set_file(struct config_errors *e, const char *name)
{
	free(e->file);
	e->file = mem_strdup(name);
	e->before = e->count;
}

size_t config_errors_count(const struct config_errors *e)
{
	return e->count;
}

static int by_place(const void *pa, const void *pb)
{
	const struct error *a = pa, *b = pb;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return a->number < b->number ? -1 : 1;
}

char *config_errors_format(const struct config_errors *e)
{
	struct error sorted[CONFIG_ERRORS_MAX];
	size_t n = kept(e), size = 100;
	struct text t;
	char *buf;

	memcpy(sorted, e->list, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_place);
	for (size_t i = 0; i < n; i++)
		size += strlen(sorted[i].text) + 1;
	buf = mem_alloc(size);
	t = text_init(buf, size);
	for (size_t i = 0; i < n; i++)
		text_add(&t, "%s\n", sorted[i].text);
	if (e->count > n)
		text_add(&t, "and %zu more errors\n", e->count - n);
	return buf;
}

void config_errors_tell(struct config_errors *e)
{
	char *text = config_errors_format(e);

	fputs(text, stderr);
	free(text);
	config_errors_free(e);
}

/* What holds for many is said once: a key of the defaults that is wrong for each of a thousand services. */
static bool is_known(const struct config_errors *e, const char *text)
{
	for (size_t i = e->before; i < kept(e); i++)
		if (strcmp(e->list[i].text, text) == 0)
			return true;
	return false;
}

static void add(struct config_errors *e, unsigned line, unsigned column, const char *path, const char *fmt,
	va_list ap)
{
	char place[32] = "", what[1024];
	char *text;

	if (!e)
		return;
	vsnprintf(what, sizeof(what), fmt, ap);
	if (line)
		snprintf(place, sizeof(place), ":%u:%u", line, column);
	text = mem_printf("%s%s: %s%s%s", e->file, place, path, *path ? ": " : "", what);
	if (!is_known(e, text) && e->count++ < CONFIG_ERRORS_MAX)
		e->list[e->count - 1] = (struct error){
			.line = line, .column = column, .number = e->count, .text = text
		};
	else
		free(text);
}

void config_error_value(struct config_errors *e, const struct config_node *n, const char *fmt, ...)
{
	char path[CONFIG_PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	add(e, n->line, n->column, config_node_path(n, path), fmt, ap);
	va_end(ap);
}

void config_error_key(struct config_errors *e, const struct config_node *n, const char *fmt, ...)
{
	char path[CONFIG_PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	add(e, n->key ? n->key_line : n->line, n->key ? n->key_column : n->column, config_node_path(n, path),
		fmt, ap);
	va_end(ap);
}

void config_error_missing(
	struct config_errors *e, const struct config_node *n, const char *key, const char *fmt, ...)
{
	const struct config_node child = { .key = key, .parent = n };
	char path[CONFIG_PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	add(e, n->key ? n->key_line : n->line, n->key ? n->key_column : n->column,
		config_node_path(&child, path), fmt, ap);
	va_end(ap);
}

void config_error_place(struct config_errors *e, unsigned line, unsigned column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(e, line, column, "", fmt, ap);
	va_end(ap);
}

const char *config_open_error(int error, char buf[CONFIG_OPEN_ERROR_MAX])
{
	if (error != EACCES)
		return strerror(error);
	snprintf(buf, CONFIG_OPEN_ERROR_MAX, "%s: user %u may not read it, or not enter its directory",
		strerror(error), (unsigned)geteuid());
	return buf;
}

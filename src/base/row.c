#include "base/row.h"

#include "base/mem.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_DEPTH_MAX = 32 };

/* struct row is the library's value under another name: it is never defined. */
static json_t *value_of(const struct row *r)
{
	return (json_t *)(uintptr_t)r;
}

static struct row *row_of(json_t *v)
{
	return (struct row *)v;
}

struct row *row_new(void)
{
	return row_of(json_object());
}

struct row *row_new_list(void)
{
	return row_of(json_array());
}

void row_free(struct row *r)
{
	json_decref(value_of(r));
}

static json_t *text_value(const char *text)
{
	json_t *v;
	char *copy;

	if (!text)
		return json_null();
	v = json_string(text);
	if (v)
		return v;
	copy = mem_strdup(text);
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	v = json_string(copy);
	free(copy);
	return v;
}

void row_text(struct row *r, const char *key, const char *text)
{
	json_object_set_new(value_of(r), key, text_value(text));
}

void row_printf(struct row *r, const char *key, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	row_text(r, key, text);
	free(text);
}

void row_int(struct row *r, const char *key, int64_t v)
{
	json_object_set_new(value_of(r), key, json_integer(v));
}

void row_real(struct row *r, const char *key, double v)
{
	json_object_set_new(value_of(r), key, json_real(v));
}

void row_bool(struct row *r, const char *key, bool v)
{
	json_object_set_new(value_of(r), key, json_boolean(v));
}

void row_put(struct row *r, const char *key, struct row *child)
{
	json_object_set_new(value_of(r), key, value_of(child));
}

void row_append(struct row *list, struct row *child)
{
	json_array_append_new(value_of(list), value_of(child));
}

void row_append_text(struct row *list, const char *text)
{
	json_array_append_new(value_of(list), text_value(text));
}

void row_append_int(struct row *list, int64_t v)
{
	json_array_append_new(value_of(list), json_integer(v));
}

char *row_format(const struct row *r)
{
	return json_dumps(value_of(r), JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

/* The library recurses once per level; so the depth is counted before it sees the line. */
static bool too_deep(const char *line, size_t len)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (in_string) {
			if (line[i] == '\\')
				i++;
			else
				in_string = line[i] != '"';
		} else if (line[i] == '"') {
			in_string = true;
		} else if (line[i] == '{' || line[i] == '[') {
			if (++depth > ROW_DEPTH_MAX)
				return true;
		} else if (line[i] == '}' || line[i] == ']') {
			depth--;
		}
	}
	return false;
}

struct row *row_parse(const char *line, size_t len, char *err, size_t err_size)
{
	json_error_t e;
	json_t *v;

	if (too_deep(line, len)) {
		snprintf(err, err_size, "nested deeper than %d levels", ROW_DEPTH_MAX);
		return NULL;
	}
	v = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e);
	if (!v) {
		snprintf(err, err_size, "not JSON: %s (column %d)", e.text, e.column);
		return NULL;
	}
	if (!json_is_object(v)) {
		snprintf(err, err_size, "not a JSON object");
		json_decref(v);
		return NULL;
	}
	return row_of(v);
}

const char *row_get_text(const struct row *r, const char *key)
{
	return json_string_value(json_object_get(value_of(r), key));
}

int64_t row_get_int(const struct row *r, const char *key, int64_t otherwise)
{
	json_t *v = json_object_get(value_of(r), key);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

double row_get_real(const struct row *r, const char *key, double otherwise)
{
	json_t *v = json_object_get(value_of(r), key);

	return json_is_number(v) ? json_number_value(v) : otherwise;
}

bool row_get_bool(const struct row *r, const char *key, bool otherwise)
{
	json_t *v = json_object_get(value_of(r), key);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

bool row_has(const struct row *r, const char *key)
{
	return json_object_get(value_of(r), key) != NULL;
}

const struct row *row_get(const struct row *r, const char *key)
{
	json_t *v = json_object_get(value_of(r), key);

	return json_is_object(v) || json_is_array(v) ? row_of(v) : NULL;
}

size_t row_list_size(const struct row *r)
{
	return json_array_size(value_of(r));
}

const struct row *row_list_get(const struct row *r, size_t i)
{
	return row_of(json_array_get(value_of(r), i));
}

const char *row_list_get_text(const struct row *r, size_t i)
{
	return json_string_value(json_array_get(value_of(r), i));
}

void row_each(const struct row *r, void (*fn)(void *user, const char *key, const char *value), void *user)
{
	const char *key;
	json_t *v;

	json_object_foreach(value_of(r), key, v)
	{
		char *text = json_is_string(v) ? mem_strdup(json_string_value(v))
					       : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY |
								       JSON_REAL_PRECISION(15));

		fn(user, key, text);
		free(text);
	}
}

/*
 * A row: an ordered set of named values that becomes one JSON object on one line.
 *
 * What the control socket speaks, in both directions. A thin layer over a JSON library, so that nobody else knows
 * which one. A row owns everything added to it. Text that is not UTF-8 is added with its odd octets replaced by '?'.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row; /* an object, or (row_list) an array */

struct row *row_new(void);
struct row *row_new_list(void);
void row_free(struct row *r);

/* Adders on an object; key: a string that outlives the call. A NULL text adds null. */
void row_text(struct row *r, const char *key, const char *text);
void row_printf(struct row *r, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void row_int(struct row *r, const char *key, int64_t v);
void row_real(struct row *r, const char *key, double v);
void row_bool(struct row *r, const char *key, bool v);
/* Adds child under key and takes it over. */
void row_put(struct row *r, const char *key, struct row *child);
/* Adders on a list. row_append takes child over. */
void row_append(struct row *list, struct row *child);
void row_append_text(struct row *list, const char *text);
void row_append_int(struct row *list, int64_t v);

/* The line without its newline; the caller frees it. */
char *row_format(const struct row *r);

/* Parses one line. NULL, and a reason in err, unless it is one JSON object at most 32 levels deep in which no key stands
 * twice. */
struct row *row_parse(const char *line, size_t len, char *err, size_t err_size);

/* Readers. NULL or the default when the key is missing or of another type. Borrowed from the row. */
const char *row_get_text(const struct row *r, const char *key);
int64_t row_get_int(const struct row *r, const char *key, int64_t otherwise);
double row_get_real(const struct row *r, const char *key, double otherwise);
bool row_get_bool(const struct row *r, const char *key, bool otherwise);
bool row_has(const struct row *r, const char *key);
/* An object or list under key; NULL otherwise. Valid as long as r. */
const struct row *row_get(const struct row *r, const char *key);
/* Lists: number of elements (0 when r is no list), and the i-th as object/list or as text. */
size_t row_list_size(const struct row *r);
const struct row *row_list_get(const struct row *r, size_t i);
const char *row_list_get_text(const struct row *r, size_t i);
/* Calls fn for each key of an object in order, value formatted as text (strings without quotes, others as JSON). */
void row_each(const struct row *r, void (*fn)(void *user, const char *key, const char *value), void *user);

/* Values of a row as text for a terminal. */
#pragma once

#include "base/row.h"

#include <stddef.h>

/* The text of a value: yes and no, lists with commas between their texts; NULL when missing, null or empty. What could
 * steer the terminal (control characters a peer put into a text) is replaced by '?'. The caller frees it. */
char *cell_text(const struct row *r, const char *key);
/* As a duration; NULL when missing or negative. The caller frees it. */
char *cell_milliseconds(const struct row *r, const char *key);
char *cell_microseconds(const struct row *r, const char *key);
/* A share in three digits: 33.3. NULL when missing. The caller frees it. */
char *cell_percent(const struct row *r, const char *key);
/* A large number in three digits, with a unit or "": 12.3 MB. NULL when missing or negative. The caller frees it. */
char *cell_scaled(const struct row *r, const char *key, const char *unit);
/* Columns a text takes: its characters, UTF-8 counted as one each. */
size_t cell_width(const char *text);
/* Cuts to a width, the last character a '+' that says so. */
void cell_cut(char *text, size_t width);

/*
 * Everything that is wrong with a configuration file, collected, so that one look at the file mends it all.
 *
 * A line reads FILE:LINE:COLUMN: PATH.TO.KEY: what is wrong, and what would be right. Lines are given back in the order
 * of their places; the same line of a file is kept once. At most CONFIG_ERRORS_MAX are kept; the rest are counted.
 */
#pragma once

#include "config/node.h"

#include <stddef.h>

enum { CONFIG_ERRORS_MAX = 100, CONFIG_OPEN_ERROR_MAX = 128 };

struct config_errors;

struct config_errors *config_errors_new(void);
void config_errors_free(struct config_errors *e);
/* The name that stands before line and column of what is added from now on; copied. */
void config_errors_set_file(struct config_errors *e, const char *name);
size_t config_errors_count(const struct config_errors *e);
/* All lines, each ended by a newline; "" when there are none. The caller frees the text. */
char *config_errors_format(const struct config_errors *e);
/* Writes them to standard error, and frees e. */
void config_errors_tell(struct config_errors *e);

/* Why a file was not opened: errno in words, and whose rights were too few. Returns buf or a text of libc's. */
const char *config_open_error(int error, char buf[CONFIG_OPEN_ERROR_MAX]);

/* Adders; e may be NULL: then nobody wants to know. Text of the file goes through config_quote() first. */
/* About a node's value. */
void config_error_value(struct config_errors *e, const struct config_node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* About the key it stands under (or, for an element of a list, the element). */
void config_error_key(struct config_errors *e, const struct config_node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* About a key that is not there: key of the map n. */
void config_error_missing(struct config_errors *e, const struct config_node *n, const char *key,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* About a place that has no node. line 0: about the file. */
void config_error_place(struct config_errors *e, unsigned line, unsigned column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

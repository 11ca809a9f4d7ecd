/* Every row of a table changed alone: what the comparison tells, and that it touches what the row says. */
#pragma once

#include "config/errors.h"
#include "config/schema.h"

#include <stddef.h>

struct change {
	const char *path;      /* as the printed schema has it */
	const char *from, *to; /* in the text */
	const char *words;
	size_t more; /* further differences that follow from it */
};

struct changes {
	const struct config_schema *schema;
	void *(*parse)(const char *text, size_t len, const char *name, struct config_errors *errs);
	void (*free)(void *cfg);
	const struct config_node *(*root)(const void *cfg);
	const char *text; /* in which every key stands once */
	const struct change *list;
	size_t count;
	const char *const *untried; /* ends of paths that no change is tried of; ends with NULL */
};

/* Fails where a row is not tried, or something else is told. */
void changes_check(const struct changes *c);
void *changes_load(const struct changes *c, const char *text);
/* What differs between two texts: "PATH: WORDS (APPLY)", a line each. The caller frees it. */
char *changes_told(const struct changes *c, const char *before, const char *after);
/* A configuration written out, with and without what it does not set. The caller frees it. */
char *changes_written(const struct changes *c, const void *cfg, bool all);
/* What is written reads the same, but for passwords: of the text, and of all good files of tests/conf whose names begin so. */
void changes_written_reads_the_same(const struct changes *c, const char *files);

/* Rows from JSON, tables and command lines as text. */
#pragma once

#include "control/server.h"
#include "rrctl/command.h"
#include "rrctl/rrctl.h"
#include "rrctl/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline struct row *parse(const char *json)
{
	char err[128] = "";
	struct row *r = row_parse(json, strlen(json), err, sizeof(err));

	if (!r)
		fail_msg("%s: %s", json, err);
	return r;
}

/* The table of some rows (the last one NULL), as text. */
static inline void expect_table(
	const struct view *view, unsigned width, const char *const *rows, const char *expected)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct table *t = table_new(out, view, width);

	for (; *rows; rows++) {
		struct row *r = parse(*rows);

		table_add(t, r);
		row_free(r);
	}
	table_end(t);
	table_free(t);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static inline void expect_parse(enum target target, const char *line, const char *expected)
{
	char *copy = strdup(line), *argv[16], err[COMMAND_ERROR_MAX] = "", *got;
	struct row *request = NULL;
	int argc = 0;

	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	if (command_parse(target, argc, argv, &request, err)) {
		got = row_format(request);
		assert_string_equal(got, expected);
		free(got);
	} else {
		assert_string_equal(err, expected);
	}
	row_free(request);
	free(copy);
}

/* A daemon with some handlers; its commands are declared without arguments that would be checked. */
static inline struct control_server *serve_at(struct io_loop *loop, const char *path,
	const struct control_command *table, const struct control_handler *handlers, void *user, char *err)
{
	const struct control_server_config cfg = { .program = "rrd",
		.targets = OF_RRD,
		.table = table,
		.handlers = handlers,
		.user = user,
		.full = { path, (gid_t)-1 } };

	return control_server_new(loop, &cfg, err);
}

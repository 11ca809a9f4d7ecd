#include "rrctl/rrctl.h"

#include "control/client.h"
#include "rrctl/command.h"
#include "rrctl/sheet.h"
#include "rrctl/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void print_json(FILE *out, const struct row *r)
{
	char *line = row_format(r);

	fprintf(out, "%s\n", line);
	free(line);
}

/* Prints row after row; the result is the one that ended it. */
static enum control_result print_answer(
	const struct rrctl_opts *opts, const struct view *view, struct control_client *c, char *err)
{
	struct table *t = view->columns && !opts->json ? table_new(opts->out, view, opts->width) : NULL;
	enum control_result result;
	const struct row *row;

	while ((result = control_client_next(c, &row, err)) == CONTROL_ROW && !ferror(opts->out)) {
		if (opts->json)
			print_json(opts->out, row);
		else if (t)
			table_add(t, row);
		else
			sheet_print(opts->out, row);
	}
	/* A refusal instead of rows needs no headers. */
	if (t && result == CONTROL_END)
		table_end(t);
	table_free(t);
	return result;
}

static enum rrctl_exit ask(const struct rrctl_opts *opts, const struct command *command,
	const struct row *request, struct control_client *c)
{
	char err[CONTROL_ERROR_MAX];
	enum control_result result = CONTROL_BROKEN;

	if (control_client_send(c, request, err))
		result = print_answer(opts, command->view, c, err);
	if (fflush(opts->out) || ferror(opts->out)) {
		fprintf(opts->err, "rrctl: cannot write the answer: %s\n", strerror(errno));
		return RRCTL_REFUSED;
	}
	if (result == CONTROL_END)
		return RRCTL_OK;
	fprintf(opts->err, "rrctl: %s\n", err);
	return result == CONTROL_REFUSED ? RRCTL_REFUSED : RRCTL_UNREACHABLE;
}

enum rrctl_exit rrctl_run(const struct rrctl_opts *opts, int argc, char **argv)
{
	const char *daemon = opts->announcer ? "lb-announcer" : "rrd", *path = opts->socket;
	char err[COMMAND_ERROR_MAX];
	const struct command *command;
	struct control_client *c;
	struct row *request;
	enum rrctl_exit result = RRCTL_UNREACHABLE;

	command = command_parse(argc, argv, &request, err);
	if (!command) {
		fprintf(opts->err, "rrctl: %s\n", err);
		return RRCTL_USAGE;
	}
	if (!path)
		path = opts->announcer ? RUNSTATEDIR "/rrd/lb-announcer.sock" : RUNSTATEDIR "/rrd/rrd.sock";
	c = control_client_new(daemon, path, err);
	if (c)
		result = ask(opts, command, request, c);
	else
		fprintf(opts->err, "rrctl: %s (-s names another socket)\n", err);
	control_client_free(c);
	row_free(request);
	return result;
}

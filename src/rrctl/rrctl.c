#include "rrctl/rrctl.h"

#include "control/client.h"
#include "rrctl/change.h"
#include "rrctl/command.h"
#include "rrctl/event.h"
#include "rrctl/exposition.h"
#include "rrctl/sheet.h"
#include "rrctl/table.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char wait_longer[] = " (-t SECONDS waits longer)";

static void print_json(FILE *out, const struct row *r)
{
	char *line = row_format(r);

	fprintf(out, "%s\n", line);
	free(line);
}

/* --- rows, as the command shows them --- */

struct output {
	const struct rrctl_opts *opts;
	const struct view *view;
	/* NULL where the rows are not shown so. */
	struct table *table;
	struct exposition *exposition;
	struct change_list *changes;
};

static void output_init(struct output *o, const struct rrctl_opts *opts, const struct view *view)
{
	*o = (struct output){ .opts = opts, .view = view };
	if (opts->json)
		return;
	if (view->columns && view->kind == VIEW_ROWS)
		o->table = table_new(opts->out, view, opts->width);
	if (o->table && opts->color)
		table_set_color(o->table);
	if (view->kind == VIEW_METRICS)
		o->exposition = exposition_new();
	if (view->kind == VIEW_CHANGES)
		o->changes = change_list_new(opts->out);
}

static void output_fini(struct output *o)
{
	table_free(o->table);
	exposition_free(o->exposition);
	change_list_free(o->changes);
}

static void print_row(const struct output *o, const struct row *r)
{
	if (o->opts->json)
		print_json(o->opts->out, r);
	else if (o->table)
		table_add(o->table, r);
	else if (o->exposition)
		exposition_add(o->exposition, r);
	else if (o->changes)
		change_list_add(o->changes, r);
	else if (o->view->kind == VIEW_LINES)
		fprintf(o->opts->out, "%s\n", row_get_text(r, "line") ? row_get_text(r, "line") : "");
	else if (o->view->kind == VIEW_EVENTS)
		event_print(o->opts->out, o->view, r);
	else
		sheet_print(o->opts->out, r, o->view->labels);
}

static void print_end(const struct output *o)
{
	if (o->table)
		table_end(o->table);
	if (o->exposition)
		exposition_print(o->exposition, o->opts->out);
	if (o->changes)
		change_list_end(o->changes);
}

/* --- watching --- */

static void leave(int signo)
{
	(void)signo;
	_exit(RRCTL_OK);
}

/* The process may be ended by a signal only while it waits for the next row and all others are printed: so no line is
 * cut, and no signal comes too early to be seen. */
static void interruptible(bool yes)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(yes ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

static void begin_watching(void)
{
	const struct sigaction action = { .sa_handler = leave };

	interruptible(false);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static enum control_result next_event(FILE *out, struct control_client *c, const struct row **row, char *err)
{
	enum control_result result;

	fflush(out);
	interruptible(true);
	result = control_client_next(c, row, err);
	interruptible(false);
	return result;
}

/* --- asking --- */

/* Prints row after row; the result is the one that ended it. */
static enum control_result print_answer(
	const struct rrctl_opts *opts, const struct view *view, struct control_client *c, char *err)
{
	bool watch = view->kind == VIEW_EVENTS;
	enum control_result result = CONTROL_BROKEN;
	const struct row *row;
	struct output o;

	output_init(&o, opts, view);
	if (watch)
		begin_watching();
	while (!ferror(opts->out)) {
		result = watch ? next_event(opts->out, c, &row, err) : control_client_next(c, &row, err);
		if (result != CONTROL_ROW)
			break;
		print_row(&o, row);
	}
	/* A refusal instead of rows needs no headers. */
	if (result == CONTROL_END)
		print_end(&o);
	output_fini(&o);
	return result;
}

/* Events may be hours away, so first something is asked to which there is an answer at once; then it may be silent. */
static enum control_result is_there(struct control_client *c, char *err)
{
	struct row *request = row_new();
	enum control_result result;
	const struct row *row;

	row_text(request, "command", "version");
	result = control_client_send(c, request, err);
	row_free(request);
	while (result == CONTROL_SENT || result == CONTROL_ROW)
		result = control_client_next(c, &row, err);
	control_client_set_limit(c, 0);
	return result;
}

static enum rrctl_exit exit_of(enum control_result result)
{
	switch (result) {
	case CONTROL_END:
		return RRCTL_OK;
	case CONTROL_REFUSED:
		return RRCTL_REFUSED;
	case CONTROL_SILENT:
		return RRCTL_SILENT;
	case CONTROL_SENT:
	case CONTROL_ROW:
	case CONTROL_BROKEN:
		break;
	}
	return RRCTL_UNREACHABLE;
}

static enum rrctl_exit ask(const struct rrctl_opts *opts, const struct control_command *command,
	const struct row *request, struct control_client *c)
{
	const struct view *view = command_view(command);
	char err[CONTROL_ERROR_MAX];
	enum control_result result = view->kind == VIEW_EVENTS ? is_there(c, err) : CONTROL_END;

	if (result == CONTROL_END)
		result = control_client_send(c, request, err);
	if (result == CONTROL_SENT)
		result = print_answer(opts, view, c, err);
	if (fflush(opts->out) || ferror(opts->out)) {
		fprintf(opts->err, "rrctl: cannot write the answer: %s\n", strerror(errno));
		return RRCTL_REFUSED;
	}
	if (result != CONTROL_END)
		fprintf(opts->err, "rrctl: %s%s\n", err, result == CONTROL_SILENT ? wait_longer : "");
	return exit_of(result);
}

enum rrctl_exit rrctl_run(const struct rrctl_opts *opts, int argc, char **argv)
{
	const char *path = opts->socket ? opts->socket : target_socket(opts->target);
	char err[COMMAND_ERROR_MAX];
	const struct control_command *command;
	struct control_client *c;
	struct row *request;
	enum rrctl_exit result;
	bool silent;

	command = command_parse(opts->target, argc, argv, &request, err);
	if (!command) {
		fprintf(opts->err, "rrctl: %s\n", err);
		return RRCTL_USAGE;
	}
	row_int(request, "protocol", CONTROL_PROTOCOL);
	c = control_client_new(target_name(opts->target), path, opts->limit_s, &silent, err);
	result = c ? ask(opts, command, request, c) : silent ? RRCTL_SILENT : RRCTL_UNREACHABLE;
	if (!c)
		fprintf(opts->err, "rrctl: %s%s\n", err, silent ? wait_longer : " (-s names another socket)");
	control_client_free(c);
	row_free(request);
	return result;
}

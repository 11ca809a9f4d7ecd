/*
 * What may be said on the command line, as one table: which daemons know it, words, arguments, help, the request they
 * become, how the answer looks. --help and the usage messages are printed from it.
 *
 * The daemon that is asked decides what the words mean: two daemons may have the same words with other arguments.
 *
 * Words may be shortened as long as one command remains: among those whose words begin like the given ones and which can
 * take the given number of arguments, the one with most words written out wins.
 */
#pragma once

#include "base/row.h"
#include "rrctl/target.h"
#include "rrctl/view.h"

#include <stdbool.h>
#include <stdio.h>

enum { COMMAND_ERROR_MAX = 512 };

/* Beside the targets: words that may not be shortened, because a slip would cost a session. */
enum { COMMAND_WRITTEN_OUT = 1 << 16 };

struct command {
	unsigned targets;      /* mask of enum target_mask: who knows it; COMMAND_WRITTEN_OUT */
	const char *words;     /* "show neighbor", also what the daemon is asked */
	const char *arguments; /* "ADDRESS" */
	const char *help;
	int min_args, max_args; /* max_args -1: any number */
	/* Adds the arguments to the request; false, and what is wrong in err. NULL when it takes none. */
	bool (*add)(struct row *request, int argc, char **argv, char *err);
	const struct view *view;
};

extern const struct command commands[]; /* ends with NULL words */

/* The command of argv for this daemon, and its request (the caller's). NULL, and what is wrong in err
 * (COMMAND_ERROR_MAX octets). */
const struct command *command_parse(
	enum target target, int argc, char **argv, struct row **request, char *err);
/* The table for humans, by daemon. */
void command_help(FILE *out);

/*
 * What may be said on the command line: the commands of the catalog (control/catalog.h) that have a view here, which is how their
 * answer looks. --help, the usage messages and the completion of words come from there.
 *
 * The daemon that is asked decides what the words mean: two daemons may have the same words with other arguments.
 *
 * Words may be shortened as long as one command remains: among those whose words begin like the given ones and which can
 * take the given number of arguments, the one with most words written out wins.
 */
#pragma once

#include "control/command.h"
#include "rrctl/view.h"

#include <stdbool.h>
#include <stdio.h>

enum { COMMAND_ERROR_MAX = 512 };

/* The command of argv for this daemon, and its request (the caller's). NULL, and what is wrong in err
 * (COMMAND_ERROR_MAX octets). */
const struct control_command *command_parse(
	enum target target, int argc, char **argv, struct row **request, char *err);
/* How its answer looks; NULL: it is not for people. */
const struct view *command_view(const struct control_command *c);
/* Do the command's words, each perhaps shortened, stand at the beginning of argv? */
struct command_match {
	int words;	 /* how many words of argv are the command's own */
	int written_out; /* how many of them are not shortened */
};
bool command_match(const struct control_command *c, int argc, char **argv, struct command_match *out);
/* All for humans, by daemon. */
void command_help(FILE *out);

/*
 * What stands behind a command's words, checked and put into its request.
 *
 * The arguments stand in the order of the command's declaration (control/command.h). One that may be left out is passed over
 * when the next word is none of its kind but may be meant as a later one: "drain web-1 service web" has no time.
 */
#pragma once

#include "control/command.h"

#include <stdbool.h>

enum { ARGUMENT_ERROR_MAX = 512 };

/* False, and what is wrong in err (ARGUMENT_ERROR_MAX octets). */
bool arguments_parse(const struct control_command *k, struct row *request, int argc, char **argv, char *err);
/* How many words the command takes behind its own: the fewest, and the most (-1: any number). */
int arguments_min(const struct control_command *k);
int arguments_max(const struct control_command *k);
/* Whether the word, perhaps shortened, is this flag or this argument's keyword. */
bool argument_is_word(const struct control_argument *a, const char *given);
/* How many words at argv are an argument's, as far as can be told without a look at their values; 0: it is passed over. */
int argument_words(const struct control_argument *a, int argc, char **argv);

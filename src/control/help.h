/* The answer to "help": a row for each command. */
#pragma once

#include "control/command.h"
#include "control/server.h"

/* The table outlives the answer. */
void control_answer_help(struct control_answer *out, const struct control_command *table, unsigned targets);

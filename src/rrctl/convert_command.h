/* rrctl convert: the one command that asks no daemon. */
#pragma once

/* argv[0] is the command's own word. The result is the process's. */
int convert_command(int argc, char **argv);

/*
 * What may stand next on the command line, for the shells (contrib/completion).
 *
 * Words of commands come from the catalog and need no daemon. Values that only the daemon knows, such as its neighbors'
 * addresses, are asked of it, and are missing where it does not answer soon.
 */
#pragma once

#include <stdio.h>

/* argv: what stands behind "rrctl", of which the last word (perhaps empty) is the one to be completed. Writes a line for each
 * candidate: the word, and where it is known a tab and what it means. */
void complete(FILE *out, int argc, char **argv);

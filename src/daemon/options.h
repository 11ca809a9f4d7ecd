/* The command line that all daemons share: [-c FILE] [-t], and --version and --help; for some also --check. */
#pragma once

#include <stdbool.h>

struct daemon_options {
	const char *config; /* the file to read */
	bool test;	    /* check it and exit */
	bool check;	    /* look at what is around the program, too, and exit */
	bool can_check;	    /* the program has --check */
	const char *more;   /* lines of the help that are the program's own, or NULL */
};

enum { DAEMON_OPTIONS_GO_ON = -1 };

/* out->config holds the default on entry, can_check and more are the program's. Answers --version, --help and mistakes itself: returns the exit status then, else
 * DAEMON_OPTIONS_GO_ON. */
int daemon_options_parse(struct daemon_options *out, const char *program, int argc, char **argv);

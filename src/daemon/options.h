/* The command line that all daemons share: [-c FILE] [-t], and --version and --help. */
#pragma once

#include <stdbool.h>

struct daemon_options {
	const char *config; /* the file to read */
	bool test;	    /* check it and exit */
};

enum { DAEMON_OPTIONS_GO_ON = -1 };

/* out->config holds the default on entry. Answers --version, --help and mistakes itself: returns the exit status then, else
 * DAEMON_OPTIONS_GO_ON. */
int daemon_options_parse(struct daemon_options *out, const char *program, int argc, char **argv);

/* One command: asks the daemon and prints what it says. */
#pragma once

#include "control/target.h"

#include <stdbool.h>
#include <stdio.h>

enum rrctl_exit {
	RRCTL_OK = 0,
	RRCTL_REFUSED = 1,
	RRCTL_USAGE = 2,
	RRCTL_UNREACHABLE = 3,
	RRCTL_PARTLY = 4,
	RRCTL_SILENT = 5
};

enum { RRCTL_LIMIT_S = 10, RRCTL_LIMIT_MAX_S = 86400 };

struct rrctl_opts {
	const char *socket; /* NULL: the daemon's usual one */
	enum target target; /* who is asked */
	unsigned limit_s;   /* how long the daemon may be silent; 0: as long as it takes */
	bool json;
	unsigned width; /* of the terminal; 0: no limit */
	bool color;
	FILE *out, *err;
};

/* A command that watches ends the process with 0 when it is interrupted (SIGINT, SIGTERM). */
enum rrctl_exit rrctl_run(const struct rrctl_opts *opts, int argc, char **argv);

/* The configuration read again: what would change, or the change itself. */
#pragma once

#include "rrd/reload_plan.h"
#include "rrd/rrd.h"

struct reload_result {
	struct reload_plan *plan; /* NULL: the file is wrong */
	char *errors;		  /* all of them, a line each; NULL: none */
	char *refused;		  /* why nothing was changed, or would be, in a line; NULL: it was not */
};

void reload_result_init(struct reload_result *out);
void reload_result_fini(struct reload_result *out);

/* All of the file, or, when anything is wrong with it or cannot be done, nothing: false then. Never from a callback of a
 * session. */
bool rrd_reload(struct rrd *r, bool dry_run, struct reload_result *out);
/* Why nobody can connect there. The caller frees it. */
char *reload_listen_error(const struct config_listen *l, int err);

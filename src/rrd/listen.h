/*
 * Where neighbors can connect, from one configuration to another.
 *
 * to: the configuration that comes, while r->cfg is the one in use. Reasons in *why are to be freed.
 */
#pragma once

#include "rrd/rrd.h"

/* Why nobody can connect there. The caller frees it. */
char *listen_error(const struct config_listen *l, int err);
/* Whether listen_prepare() would do, as far as can be seen without closing what is open now. */
bool listen_check(const struct rrd *r, const struct config_rrd *to, char **why);
/* Opens what is new, and closes what is in the way of that. False, and all is as it was, when one cannot be opened. */
bool listen_prepare(struct rrd *r, const struct config_rrd *to, char **why);
/* As the configuration in use has it: what was opened closes, what was closed opens. */
void listen_restore(struct rrd *r, const struct config_rrd *to);
/* What is not wanted any more. */
void listen_close(struct rrd *r, const struct config_rrd *to);

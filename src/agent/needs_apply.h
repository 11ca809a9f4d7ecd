/*
 * The kernel's settings held as needs.h wants them: read, set where that is allowed, looked at again now and then since
 * anybody may change them.
 *
 * A difference is logged when it is found, mended or changes, not each time. needs_advice() has for what could not be set
 * all that an operator must write where.
 */
#pragma once

#include "agent/needs.h"
#include "base/row.h"
#include "base/text.h"

struct needs_found {
	struct need need;
	bool there;	 /* the kernel has such a setting */
	bool right;	 /* now */
	bool logged;	 /* as it is now */
	bool may_be_set; /* needs_apply() would; told by needs_look() */
	long value;	 /* as last read */
	int error;	 /* of the attempt to set it, a negative errno; 0: none, or not tried */
};

struct needs_state {
	struct needs_found list[NEEDS_MAX];
	size_t count;
};

/* Reads each; sets those that are wrong if cfg->sysctls.set says so; logs. To be called at start, after IPVS was first
 * spoken to (its settings appear with its module), and after a reload. state need not be initialised. False when one that is
 * necessary is wrong. */
bool needs_apply(const struct config_agent *cfg, struct needs_state *state);
/* The same again, for what others have changed meanwhile; only what is new is logged. */
bool needs_check(const struct config_agent *cfg, struct needs_state *state);
/* Reads, and neither sets nor logs. */
bool needs_look(const struct config_agent *cfg, struct needs_state *state);

/* One line of words about one that is not right: what it is, should be, and why. */
void needs_describe(const struct needs_found *f, struct text *out);
/* For all that are not right and cannot be set: what to write where, several lines. Nothing when there are none. */
void needs_advice(const struct needs_state *state, struct text *out);
/* A list "sysctls" in r of those that are not right; nothing when all are. Returns their number; r may be NULL. */
size_t needs_wrong(const struct needs_state *state, struct row *r);

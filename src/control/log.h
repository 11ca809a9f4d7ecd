/*
 * The commands about the log, which all daemons have.
 *
 * show log: level, target, format, fallback (syslog or the journal cannot be reached: bool), lines, lines-waiting,
 *	lines-lost; of programs with neighbors debug-neighbors, a list of prefixes.
 * log level: {"level": WORD}; a row that tells level and was.
 * log debug: {"neighbors": an address, a prefix or "all"; "off": bool}; the row of show log.
 */
#pragma once

#include "base/prefix.h"
#include "control/server.h"

#include <stddef.h>

/* Handlers for programs without neighbors; user is not used. */
bool control_show_log(void *user, const struct row *args, struct control_answer *out, char *err);
bool control_log_level(void *user, const struct row *args, struct control_answer *out, char *err);

/* The row of show log, with the neighbors that are debugged where there are such (NULL, 0). */
struct row *control_log_row(const struct prefix *debugged, size_t count);
/* What show status says of it. */
void control_log_put_status(struct row *status);

enum { CONTROL_DEBUGGED_MAX = 256 };

/* Neighbors that are to be debugged. */
struct control_debugged {
	struct prefix prefix[CONTROL_DEBUGGED_MAX];
	size_t count;
};

/* What "log debug" makes of those that are now. "all" is every address of both families. False with a reason in err. */
bool control_log_debug(const struct row *args, const struct prefix *now, size_t count,
	struct control_debugged *out, char *err);

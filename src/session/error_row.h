/* What daemons tell of a session's last error, the same in all of them: what it was, when, and whether it is over. */
#pragma once

#include "base/row.h"
#include "session/session.h"

/*
 * Puts into r: last-error (text, "" when there was none); and where there was one last-error-ago-ms, and last-error-over (bool):
 * the session has come up since. An error of another connection while the session is up is not over by that.
 */
void session_error_row(struct row *r, const struct session *s, uint64_t now_us);

#include "session/error_row.h"

void session_error_row(struct row *r, const struct session *s, uint64_t now_us)
{
	uint64_t at_us = session_last_error_us(s);
	bool up = session_state(s) == SESSION_ESTABLISHED;

	row_text(r, "last-error", session_last_error(s));
	if (at_us == 0)
		return;
	row_int(r, "last-error-ago-ms", (int64_t)(now_us / 1000 - at_us / 1000));
	row_bool(r, "last-error-over", up && at_us <= session_since_us(s));
}

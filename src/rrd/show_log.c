#include "rrd/show.h"

#include "control/log.h"

bool show_log(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct rrd *r = user;
	size_t count;
	const struct prefix *list = session_debug_list(r->sessions, &count);

	(void)args;
	(void)err;
	control_answer_row(out, control_log_row(list, count));
	return true;
}

bool debug_neighbors(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct rrd *r = user;
	struct control_debugged to;
	size_t count;
	const struct prefix *now = session_debug_list(r->sessions, &count);

	if (!control_log_debug(args, now, count, &to, err))
		return false;
	session_debug_set(r->sessions, to.prefix, to.count);
	return show_log(user, args, out, err);
}

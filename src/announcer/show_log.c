#include "announcer/announcer.h"

#include "control/log.h"

bool announcer_show_log(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct announcer *a = user;
	size_t count;
	const struct prefix *list = session_debug_list(a->sessions, &count);

	(void)args;
	(void)err;
	control_answer_row(out, control_log_row(list, count));
	return true;
}

bool announcer_log_debug(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct announcer *a = user;
	struct control_debugged to;
	size_t count;
	const struct prefix *now = session_debug_list(a->sessions, &count);

	if (!control_log_debug(args, now, count, &to, err))
		return false;
	session_debug_set(a->sessions, to.prefix, to.count);
	return announcer_show_log(user, args, out, err);
}

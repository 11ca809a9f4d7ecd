#include "agent/server.h"

static bool enter(struct server_life *s, enum server_state state, enum server_reason reason, uint64_t now_us)
{
	bool changed = s->state != state || s->reason != reason;

	if (s->state != state) {
		s->since_us = now_us;
		s->idle_once = false;
	}
	s->state = state;
	s->reason = reason;
	return changed;
}

void server_init(struct server_life *s, bool found, uint64_t now_us)
{
	*s = (struct server_life){ .state = found ? SERVER_CHECKING : SERVER_GONE, .since_us = now_us };
}

static enum server_reason reason_to_leave(const struct server_facts *f)
{
	if (!f->listed)
		return SERVER_REMOVED;
	if (f->drained)
		return SERVER_COMMAND;
	return f->terminating ? SERVER_TERMINATING : SERVER_NO_REASON;
}

static bool leave(struct server_life *s, enum server_leave how, enum server_reason reason, uint64_t drain_us,
	uint64_t now_us)
{
	/* What drains keeps its clock, whatever else happens to it; what is gone stays gone. */
	if (s->state == SERVER_GONE || s->state == SERVER_DRAINING)
		return enter(s, s->state, reason, now_us);
	if (how == SERVER_LEAVE_CUT)
		return enter(s, SERVER_GONE, reason, now_us);
	s->deadline_us = now_us + drain_us;
	return enter(s, SERVER_DRAINING, reason, now_us);
}

bool server_update(
	struct server_life *s, const struct server_facts *f, const struct server_policy *p, uint64_t now_us)
{
	enum server_reason reason = reason_to_leave(f);

	if (reason)
		return leave(s, p->on_removal, reason, p->drain_us, now_us);
	if (f->healthy)
		return enter(s, SERVER_UP, SERVER_NO_REASON, now_us);
	if (!f->known)
		return enter(s, SERVER_CHECKING, SERVER_NO_REASON, now_us);
	/* One that drained for another reason and is wanted again waits for its health in its place. */
	if (p->on_failure == SERVER_LEAVE_KEEP || (s->reason && s->reason != SERVER_FAILED))
		return enter(s, SERVER_DOWN, SERVER_FAILED, now_us);
	return leave(s, p->on_failure, SERVER_FAILED, p->drain_us, now_us);
}

void server_set_deadline(struct server_life *s, uint64_t deadline_us)
{
	s->deadline_us = deadline_us;
}

bool server_counted(struct server_life *s, uint32_t connections, int32_t weight, uint64_t now_us)
{
	if (s->state != SERVER_DRAINING)
		return false;
	if (connections || weight) {
		s->idle_once = false;
		return false;
	}
	if (!s->idle_once) {
		s->idle_once = true;
		return false;
	}
	return enter(s, SERVER_GONE, s->reason, now_us);
}

bool server_tick(struct server_life *s, uint64_t now_us)
{
	return s->state == SERVER_DRAINING && now_us >= s->deadline_us &&
	       enter(s, SERVER_GONE, s->reason, now_us);
}

bool server_present(const struct server_life *s)
{
	return s->state != SERVER_GONE;
}

bool server_takes(const struct server_life *s)
{
	return s->state == SERVER_UP;
}

const char *server_state_text(enum server_state s)
{
	static const char *const text[SERVER_STATES] = { "checking", "up", "down", "draining", "gone" };

	return text[s];
}

const char *server_reason_text(enum server_reason r)
{
	static const char *const text[] = { "", "failed", "terminating", "removed", "command" };

	return text[r];
}

#include "announcer/drain.h"

enum { LOOK_AGAIN_MS = 2 }; /* whether what was queued has been sent */

void drain_init(struct drain *d, uint64_t now_ms, uint64_t time_ms, uint64_t linger_ms)
{
	*d = (struct drain){ .time_ms = time_ms, .linger_ms = linger_ms, .since_ms = now_ms };
}

static void enter(struct drain *d, enum drain_state state, uint64_t now_ms)
{
	d->state = state;
	d->since_ms = now_ms;
}

enum drain_action drain_start(struct drain *d, uint64_t now_ms, uint64_t time_ms)
{
	if (d->state == DRAIN_DRAINING) {
		d->until_ms = now_ms + time_ms;
		return DRAIN_NOTHING;
	}
	if (d->state != DRAIN_ANNOUNCING)
		return DRAIN_NOTHING;
	/* Without time there is no need to say first what is taken back in the same breath. */
	enter(d, time_ms ? DRAIN_DRAINING : DRAIN_WITHDRAWN, now_ms);
	d->until_ms = now_ms + time_ms;
	d->quiet = quiet_since(now_ms, d->quiet.report);
	return time_ms ? DRAIN_ANNOUNCE : DRAIN_WITHDRAW;
}

bool drain_undo(struct drain *d, uint64_t now_ms, enum drain_action *action)
{
	*action = DRAIN_NOTHING;
	if (d->ending)
		return false;
	if (d->state != DRAIN_ANNOUNCING) {
		enter(d, DRAIN_ANNOUNCING, now_ms);
		*action = DRAIN_ANNOUNCE;
	}
	return true;
}

enum drain_action drain_end(struct drain *d, uint64_t now_ms, bool anybody)
{
	uint64_t until;

	if (d->ending) {
		d->hurried = true;
		return DRAIN_NOTHING;
	}
	d->ending = true;
	if (d->state == DRAIN_ANNOUNCING)
		return drain_start(d, now_ms, anybody ? d->time_ms : 0);
	/* A drain that was begun by hand counts; it may have been given more time than there is now. */
	until = anybody ? d->since_ms + d->time_ms : now_ms;
	if (d->state == DRAIN_DRAINING && until < d->until_ms)
		d->until_ms = until;
	return DRAIN_NOTHING;
}

void drain_hasten(struct drain *d, uint64_t now_ms)
{
	if (d->state == DRAIN_DRAINING && now_ms < d->until_ms)
		d->until_ms = now_ms;
}

void drain_report(struct drain *d, unsigned report, uint64_t active, uint64_t now_ms)
{
	if (quiet_look(&d->quiet, report, active, now_ms))
		drain_hasten(d, now_ms);
}

/* When the present state is to be left; UINT64_MAX: not by itself. */
static uint64_t due_ms(const struct drain *d)
{
	switch (d->state) {
	case DRAIN_DRAINING:
		return d->hurried ? 0 : d->until_ms;
	case DRAIN_WITHDRAWN:
		if (d->ending)
			return d->hurried ? 0 : d->since_ms + d->linger_ms;
		break;
	case DRAIN_ANNOUNCING:
	case DRAIN_LEAVING:
		break;
	}
	return UINT64_MAX;
}

/* Withdrawals that do not get out are not waited for without end. */
static bool held_up(const struct drain *d, uint64_t now_ms, bool all_said)
{
	return d->state == DRAIN_WITHDRAWN && !all_said &&
	       now_ms < d->since_ms + (d->hurried ? 0 : d->linger_ms) + DRAIN_PATIENCE_MS;
}

enum drain_action drain_step(struct drain *d, uint64_t now_ms, bool all_said)
{
	if (now_ms < due_ms(d) || held_up(d, now_ms, all_said))
		return DRAIN_NOTHING;
	if (d->state == DRAIN_DRAINING) {
		enter(d, DRAIN_WITHDRAWN, now_ms);
		return DRAIN_WITHDRAW;
	}
	enter(d, DRAIN_LEAVING, now_ms);
	return DRAIN_CEASE;
}

int64_t drain_wait_ms(const struct drain *d, uint64_t now_ms, bool all_said)
{
	uint64_t due = due_ms(d);

	if (d->state == DRAIN_LEAVING)
		return LOOK_AGAIN_MS;
	if (due == UINT64_MAX)
		return -1;
	if (now_ms < due)
		return (int64_t)(due - now_ms);
	return held_up(d, now_ms, all_said) ? LOOK_AGAIN_MS : 0;
}

bool drain_late(const struct drain *d, uint64_t now_ms)
{
	return d->state == DRAIN_LEAVING && now_ms >= d->since_ms + DRAIN_PATIENCE_MS;
}

const char *drain_state_text(enum drain_state s)
{
	switch (s) {
	case DRAIN_ANNOUNCING:
		return "announcing";
	case DRAIN_DRAINING:
		return "draining";
	case DRAIN_WITHDRAWN:
		return "withdrawn";
	case DRAIN_LEAVING:
		return "leaving";
	}
	return "";
}

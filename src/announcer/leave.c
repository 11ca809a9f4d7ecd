/* How the announcer carries out what drain.c decides: told by signals and by rrctl, it tells the neighbors. */
#include "announcer/announcer.h"

#include "base/log.h"
#include "daemon/notify.h"

static bool all_said(const struct announcer *a)
{
	for (size_t i = 0; i < a->cfg->neighbor_count; i++)
		if (a->speakers[i].up && a->speakers[i].queue.octets)
			return false;
	return true;
}

static bool anybody_up(const struct announcer *a)
{
	for (size_t i = 0; i < a->cfg->neighbor_count; i++)
		if (a->speakers[i].up)
			return true;
	return false;
}

static bool anybody_connected(const struct announcer *a)
{
	for (size_t i = 0; i < a->cfg->neighbor_count; i++)
		if (session_connected(a->speakers[i].session))
			return true;
	return false;
}

static void carry_out(struct announcer *a, enum drain_action action)
{
	if (action == DRAIN_WITHDRAW)
		log_info("withdrawing %zu services", a->cfg->service_count);
	for (size_t i = 0; i < a->cfg->neighbor_count; i++) {
		struct speaker *s = &a->speakers[i];

		if (action == DRAIN_ANNOUNCE)
			speaker_announce_all(s);
		else if (action == DRAIN_WITHDRAW)
			speaker_withdraw_all(s);
		else if (action == DRAIN_CEASE)
			session_stop(s->session, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, NULL);
	}
}

/* Goes on for as long as there is something to do now, and sets the timer for what comes later. */
static void go_on(struct announcer *a)
{
	uint64_t now_ms = announcer_now_ms(a);
	enum drain_action action;
	int64_t wait_ms;

	while ((action = drain_step(&a->drain, now_ms, all_said(a))) != DRAIN_NOTHING)
		carry_out(a, action);
	announcer_node_routes_update(a);
	if (a->drain.state == DRAIN_LEAVING &&
		(drain_late(&a->drain, now_ms) ||
			(!anybody_connected(a) && session_io_lingering(a->sessions) == 0))) {
		io_loop_stop(a->loop);
		return;
	}
	wait_ms = drain_wait_ms(&a->drain, now_ms, all_said(a));
	if (wait_ms < 0)
		io_timer_cancel(a->drain_timer);
	else
		io_timer_set(a->drain_timer, (uint64_t)wait_ms * 1000);
}

void announcer_drain_timer(void *user)
{
	go_on(user);
}

static const char *how(const struct announcer *a)
{
	return a->cfg->drain.method == CONFIG_DRAIN_WEIGHT ? "link bandwidth 0" : "GRACEFUL_SHUTDOWN";
}

void announcer_end(void *user)
{
	struct announcer *a = user;
	enum drain_action action = drain_end(&a->drain, announcer_now_ms(a), anybody_up(a));

	if (a->drain.hurried)
		log_info("told to end again: not waiting any more");
	else
		log_info("told to end");
	daemon_notify(DAEMON_STOPPING, NULL);
	if (a->drain.state == DRAIN_DRAINING && !a->drain.hurried)
		log_info("draining with %s, %u s at most", how(a), a->cfg->drain.time_s);
	carry_out(a, action);
	go_on(a);
}

bool announcer_drain(struct announcer *a, uint64_t time_ms)
{
	if (a->drain.ending)
		return false;
	log_info("told to drain with %s, for %.3f s", how(a), (double)time_ms / 1000);
	carry_out(a, drain_start(&a->drain, announcer_now_ms(a), time_ms));
	go_on(a);
	return true;
}

bool announcer_undrain(struct announcer *a)
{
	enum drain_action action;

	if (!drain_undo(&a->drain, announcer_now_ms(a), &action))
		return false;
	log_info("told not to drain any more: announcing %zu services", a->cfg->service_count);
	carry_out(a, action);
	go_on(a);
	return true;
}

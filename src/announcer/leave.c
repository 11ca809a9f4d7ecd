/* How the announcer carries out what drain.c decides: told by signals and by rrctl, it tells the neighbors. */
#include "announcer/announcer.h"

#include "base/log.h"
#include "control/feed.h"
#include "daemon/notify.h"

#include <stdlib.h>

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

static void tell_of_drain(const struct announcer *a)
{
	struct row *r;

	if (!control_feed_wanted(a->feed))
		return;
	r = control_feed_row("drain");
	row_text(r, "to", drain_state_text(a->drain.state));
	control_feed_push(a->feed, r);
}

static void carry_out(struct announcer *a, enum drain_action action)
{
	if (action == DRAIN_NOTHING)
		return;
	tell_of_drain(a);
	if (action == DRAIN_WITHDRAW)
		log_info("withdrawing %zu services", a->cfg->service_count);
	announcer_say(a);
	for (size_t i = 0; action == DRAIN_CEASE && i < a->cfg->neighbor_count; i++)
		session_stop(a->speakers[i].session, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, NULL);
}

/* Goes on for as long as there is something to do now, and sets the timer for what comes later. */
static void go_on(struct announcer *a)
{
	uint64_t now_ms = announcer_now_ms(a);
	enum drain_action action;
	int64_t wait_ms;

	if (!announcer_says_anything(a))
		drain_hasten(&a->drain, now_ms);
	while ((action = drain_step(&a->drain, now_ms, all_said(a))) != DRAIN_NOTHING)
		carry_out(a, action);
	announcer_tell_agent(a);
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

/* Connections of what is announced, in the newest report. False: there is none that tells. */
static bool count_active(const struct announcer *a, unsigned *report, uint64_t *active)
{
	struct gate_word *words = announcer_words(a);
	bool counted = true;

	*active = 0;
	for (size_t i = 0; i < a->cfg->service_count; i++) {
		struct gate_facts f;

		if (a->services[i].told.voice == VOICE_SILENT)
			continue;
		announcer_facts(a, &a->services[i], words, &f);
		*report = f.report;
		*active += f.active;
		counted &= f.counted;
	}
	free(words);
	return counted;
}

void announcer_drain_look(struct announcer *a)
{
	unsigned report = 0;
	uint64_t active;

	if (count_active(a, &report, &active))
		drain_report(&a->drain, report, active, announcer_now_ms(a));
	go_on(a);
}

/* Withdrawn is what the reflectors have been sent, not what is on its way to them. */
void announcer_tell_agent(struct announcer *a)
{
	if (!a->agent)
		return;
	if (a->drain.state == DRAIN_LEAVING)
		agent_link_say(a->agent, drain_state_text(DRAIN_LEAVING));
	else if (announcer_says_anything(a))
		agent_link_say(a->agent,
			drain_state_text(announcer_says_full(a) ? DRAIN_ANNOUNCING : DRAIN_DRAINING));
	else if (all_said(a))
		agent_link_say(a->agent, drain_state_text(DRAIN_WITHDRAWN));
}

static const char *how(const struct announcer *a)
{
	return a->cfg->drain.method == CONFIG_DRAIN_WEIGHT ? "link bandwidth 0" : "GRACEFUL_SHUTDOWN";
}

void announcer_end(void *user)
{
	struct announcer *a = user;
	enum drain_action action = drain_end(
		&a->drain, announcer_now_ms(a), anybody_up(a) && announcer_says_anything(a));

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

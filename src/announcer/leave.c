/* How the announcer carries out what drain.c decides: told by signals and by rrctl, it tells the neighbors. */
#include "announcer/announcer.h"

#include "base/log.h"
#include "control/feed.h"
#include "daemon/notify.h"

#include <stdlib.h>

enum { CLOUD_LOOK_US = 20000 }; /* whether the commands have ended, when nothing else is waited for */

bool announcer_all_sent(const struct announcer *a)
{
	for (size_t i = 0; i < a->speaker_count; i++)
		if (a->speakers[i]->up && a->speakers[i]->queue.octets)
			return false;
	return true;
}

bool announcer_anybody_up(const struct announcer *a)
{
	for (size_t i = 0; i < a->speaker_count; i++)
		if (a->speakers[i]->up)
			return true;
	return false;
}

static bool anybody_connected(const struct announcer *a)
{
	for (size_t i = 0; i < a->speaker_count; i++)
		if (session_connected(a->speakers[i]->session))
			return true;
	return false;
}

static bool neighbors_are_gone(const struct announcer *a, uint64_t now_ms)
{
	return drain_late(&a->drain, now_ms) ||
	       (!anybody_connected(a) && session_io_lingering(a->sessions) == 0);
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
		log_info("withdrawing %zu services", a->service_count);
	announcer_say(a);
	for (size_t i = 0; action == DRAIN_CEASE && i < a->speaker_count; i++)
		session_stop(a->speakers[i]->session, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN, NULL);
}

/* Goes on for as long as there is something to do now, and sets the timer for what comes later. */
static void go_on(struct announcer *a)
{
	uint64_t now_ms = announcer_now_ms(a);
	enum drain_action action;
	int64_t wait_ms;

	if (!announcer_says_anything(a))
		drain_hasten(&a->drain, now_ms);
	while ((action = drain_step(&a->drain, now_ms, announcer_all_sent(a))) != DRAIN_NOTHING)
		carry_out(a, action);
	announcer_node_routes_update(a);
	announcer_tell_agent(a);
	if (a->drain.state == DRAIN_LEAVING && neighbors_are_gone(a, now_ms)) {
		if (announcer_cloud_may_go(a))
			io_loop_stop(a->loop);
		else
			io_timer_set(a->drain_timer, CLOUD_LOOK_US);
		return;
	}
	wait_ms = drain_wait_ms(&a->drain, now_ms, announcer_all_sent(a));
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
	for (size_t i = 0; i < a->service_count; i++) {
		struct gate_facts f;

		if (a->services[i]->told.voice == VOICE_SILENT)
			continue;
		announcer_facts(a, a->services[i], words, &f);
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
	if (a->drain.state == DRAIN_LEAVING && announcer_cloud_may_go(a))
		agent_link_say(a->agent, drain_state_text(DRAIN_LEAVING));
	else if (announcer_says_anything(a))
		agent_link_say(a->agent,
			drain_state_text(announcer_says_full(a) ? DRAIN_ANNOUNCING : DRAIN_DRAINING));
	else if (!announcer_cloud_told(a))
		agent_link_say(a->agent, drain_state_text(DRAIN_DRAINING));
	else if (announcer_all_sent(a))
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
		&a->drain, announcer_now_ms(a), announcer_anybody_up(a) && announcer_says_anything(a));

	if (a->drain.hurried)
		log_info("told to end again: not waiting any more");
	else
		log_info("told to end");
	daemon_notify(DAEMON_STOPPING, NULL);
	if (a->drain.state == DRAIN_DRAINING && !a->drain.hurried)
		log_info("draining with %s, %u s at most", how(a), a->cfg->drain.time_s);
	carry_out(a, action);
	announcer_hurry_commands(a);
	go_on(a);
}

const char *announcer_drain_reason(const struct announcer *a)
{
	if (a->drain.ending)
		return "told to end";
	return a->drained_by_file ? "the drain file is there" : "told to drain";
}

bool announcer_drain(struct announcer *a, uint64_t time_ms)
{
	if (a->drain.ending)
		return false;
	a->drained_by_file = false;
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
	log_info("told not to drain any more: announcing %zu services", a->service_count);
	a->drained_by_file = false;
	carry_out(a, action);
	go_on(a);
	return true;
}

static void file_is_there(struct announcer *a)
{
	const struct config_drain *d = &a->cfg->drain;

	if (a->drain.state != DRAIN_ANNOUNCING) {
		log_info("%s is there: draining already", d->file);
		return;
	}
	log_info("%s is there: draining with %s, for %u s", d->file, how(a), d->time_s);
	a->drained_by_file = true;
	carry_out(a, drain_start(&a->drain, announcer_now_ms(a), d->time_s * UINT64_C(1000)));
	go_on(a);
}

/* A drain that somebody else began, or took over, is not the file's to end. */
static void file_is_gone(struct announcer *a)
{
	const char *file = a->cfg->drain.file ? a->cfg->drain.file : "the drain file";
	enum drain_action action;

	if (!a->drained_by_file || !drain_undo(&a->drain, announcer_now_ms(a), &action)) {
		log_info("%s is gone: it is not what we drain for", file);
		return;
	}
	log_info("%s is gone: announcing %zu services", file, a->service_count);
	a->drained_by_file = false;
	carry_out(a, action);
	go_on(a);
}

void announcer_drain_file(void *user, bool there)
{
	struct announcer *a = user;

	if (a->drain.ending)
		return;
	if (there)
		file_is_there(a);
	else
		file_is_gone(a);
}

void announcer_set_drain_file(struct announcer *a, struct drain_file *f)
{
	bool there = f && drain_file_there(f);

	drain_file_free(a->drain_file);
	a->drain_file = f;
	if (there || a->drained_by_file)
		announcer_drain_file(a, there);
}

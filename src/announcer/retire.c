/*
 * Services that are not configured any more, on their way out.
 *
 * One that a reload has removed leaves as the whole announcer does at its end (drain.h): new connections are turned away for
 * drain.time, or until nobody is connected; then it is withdrawn, its command is told, and after drain.linger its routes
 * go. Until then it keeps the configuration that it was removed from.
 */
#include "announcer/announcer.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_US = 20000 }; /* whether its command has ended, when nothing else is waited for */

void announcer_retire(struct announcer *a, struct service *sv)
{
	char text[PREFIX_TEXT_MAX];

	sv->retired = true;
	drain_init(&sv->leave, announcer_now_ms(a), a->cfg->drain.time_s * UINT64_C(1000),
		a->cfg->drain.linger_s * UINT64_C(1000));
	drain_end(&sv->leave, announcer_now_ms(a), announcer_anybody_up(a) && sv->told.voice != VOICE_SILENT);
	log_about(LOG_LEVEL_INFO, LOG_ABOUT("service", .service = prefix_format(&sv->cfg->prefix, text)),
		"service %s: not configured any more: %s", text,
		sv->leave.state == DRAIN_DRAINING ? "draining" : "withdrawing");
	announcer_retire_look(a);
}

void announcer_reinstate(struct announcer *a, struct service *sv)
{
	char text[PREFIX_TEXT_MAX];

	(void)a;
	log_about(LOG_LEVEL_INFO, LOG_ABOUT("service", .service = prefix_format(&sv->cfg->prefix, text)),
		"service %s: configured again", text);
	sv->retired = false;
	sv->leave = (struct drain){ 0 };
}

void announcer_retire_look(struct announcer *a)
{
	for (size_t i = 0; i < a->service_count; i++)
		if (a->services[i]->retired)
			io_timer_set(a->retire_timer, 0);
}

static void count_connections(const struct announcer *a, struct service *sv, uint64_t now_ms)
{
	struct gate_word *words = announcer_words(a);
	struct gate_facts f;

	announcer_facts(a, sv, words, &f);
	if (f.counted)
		drain_report(&sv->leave, f.report, f.active, now_ms);
	free(words);
}

/* Microseconds until there may be more to do; false: it is done. */
static bool go_on(struct announcer *a, struct service *sv, uint64_t now_ms, uint64_t *wait_us)
{
	bool all_sent = announcer_all_sent(a);
	int64_t wait_ms;

	count_connections(a, sv, now_ms);
	if (sv->told.voice == VOICE_SILENT)
		drain_hasten(&sv->leave, now_ms);
	while (drain_step(&sv->leave, now_ms, all_sent) != DRAIN_NOTHING) {
		announcer_say(a);
		all_sent = announcer_all_sent(a);
	}
	if (sv->leave.state == DRAIN_LEAVING && announcer_command_may_go(a, sv, sv->leave.since_ms))
		return false;
	wait_ms = drain_wait_ms(&sv->leave, now_ms, all_sent);
	if (sv->leave.state == DRAIN_LEAVING)
		*wait_us = LOOK_US;
	else if (wait_ms >= 0)
		*wait_us = (uint64_t)wait_ms * 1000;
	return true;
}

void announcer_drop_config(const struct announcer *a, const struct config_announcer *of)
{
	for (size_t i = 0; i < a->service_count; i++)
		if (a->services[i]->of == of)
			return;
	if (of != a->cfg)
		config_announcer_free((struct config_announcer *)(uintptr_t)of);
}

static void end(struct announcer *a, size_t i)
{
	struct service *sv = a->services[i];
	const struct config_announcer *of = sv->of;
	char text[PREFIX_TEXT_MAX];

	log_about(LOG_LEVEL_INFO, LOG_ABOUT("service", .service = prefix_format(&sv->cfg->prefix, text)),
		"service %s: gone", text);
	memmove(&a->services[i], &a->services[i + 1], (--a->service_count - i) * sizeof(struct service *));
	service_free(sv);
	announcer_drop_config(a, of);
}

void announcer_retire_timer(void *user)
{
	struct announcer *a = user;
	uint64_t now_ms = announcer_now_ms(a), next_us = UINT64_MAX;

	announcer_say(a);
	for (size_t i = 0; i < a->service_count;) {
		uint64_t wait_us = UINT64_MAX;

		if (!a->services[i]->retired || go_on(a, a->services[i], now_ms, &wait_us))
			i++;
		else
			end(a, i);
		next_us = wait_us < next_us ? wait_us : next_us;
	}
	announcer_node_routes_update(a);
	announcer_tell_agent(a);
	if (next_us != UINT64_MAX)
		io_timer_set(a->retire_timer, next_us);
}

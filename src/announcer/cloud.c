/*
 * The services' commands (on-change): from what neighbors are told, or would be, to active and inactive.
 *
 * A service is active until it is withdrawn: clouds have one route and no weights, so while it drains there is nobody else for
 * its connections. At the start nothing is said before something is known: a predecessor's route may still be good.
 */
#include "announcer/announcer.h"

#include "base/log.h"

#include <stdlib.h>

static const char start[] = "start", health[] = "health", drain[] = "drain", undrain[] = "undrain",
		  reload[] = "reload", end[] = "end";

/* That it is not announced is more than a first guess. */
static bool is_judged(const struct announcer *a, const struct service *sv)
{
	struct gate_word *words;
	struct gate_facts f;
	bool known;

	if (!conditions_known(sv->conditions))
		return false;
	if (!a->agent || sv->held_back || a->drain.state != DRAIN_ANNOUNCING)
		return true;
	words = announcer_words(a);
	announcer_facts(a, sv, words, &f);
	known = f.heard;
	for (size_t i = 0; i < f.word_count; i++)
		known &= words[i].known;
	free(words);
	return known;
}

static const char *reason(const struct announcer *a, const struct service *sv, bool active)
{
	const char *before = on_change_reason(sv->on_change);

	if (!active && a->drain.ending)
		return end;
	if (!active && sv->retired)
		return reload;
	if (!active && a->drain.state != DRAIN_ANNOUNCING)
		return drain;
	if (!before)
		return start;
	if (active && before == reload)
		return reload;
	return active && before == drain ? undrain : health;
}

void announcer_tell_cloud(struct announcer *a, struct service *sv)
{
	bool active = sv->told.voice != VOICE_SILENT;

	if (!sv->on_change)
		return;
	if (!active && !on_change_reason(sv->on_change) && !is_judged(a, sv))
		return;
	on_change_set(sv->on_change, active, reason(a, sv, active));
}

bool announcer_cloud_told(const struct announcer *a)
{
	for (size_t i = 0; i < a->service_count; i++)
		if (a->services[i]->on_change && !hook_settled(on_change_hook(a->services[i]->on_change)))
			return false;
	return true;
}

bool announcer_command_may_go(const struct announcer *a, const struct service *sv, uint64_t since_ms)
{
	const struct on_change *o = sv->on_change;
	uint64_t now_ms = announcer_now_ms(a);

	if (!o || now_ms >= since_ms + sv->cfg->on_change.timeout_s * UINT64_C(1000))
		return true;
	return hook_settled(on_change_hook(o)) && now_ms >= on_change_settled_ms(o) + a->drain.linger_ms;
}

bool announcer_cloud_may_go(const struct announcer *a)
{
	for (size_t i = 0; !a->drain.hurried && i < a->service_count; i++)
		if (!announcer_command_may_go(a, a->services[i], a->drain.since_ms))
			return false;
	return true;
}

/* --- start and end --- */

static void ended(void *user)
{
	announcer_drain_look(user);
}

void announcer_configure_command(struct announcer *a, struct service *sv)
{
	const struct on_change_of of = { .service = sv->cfg,
		.next_hop = &sv->next_hop,
		.pod = identity_pod(&a->id, sv->cfg->prefix.family),
		.node = identity_node(&a->id, sv->cfg->prefix.family) };

	if (!sv->cfg->on_change.command) {
		on_change_free(sv->on_change);
		sv->on_change = NULL;
	} else if (sv->on_change) {
		on_change_configure(sv->on_change, &of);
	} else {
		sv->on_change = on_change_new(a->loop, &of, ended, a);
	}
}

void announcer_hurry_commands(struct announcer *a)
{
	for (size_t i = 0; i < a->service_count; i++)
		if (a->services[i]->on_change)
			on_change_hurry(a->services[i]->on_change);
}

void announcer_end_commands(struct announcer *a)
{
	for (size_t i = 0; i < a->service_count; i++) {
		struct on_change *o = a->services[i]->on_change;
		char text[PREFIX_TEXT_MAX];

		if (o && !hook_settled(on_change_hook(o)))
			log_about(LOG_LEVEL_ERROR,
				LOG_ABOUT("on-change",
					.service = prefix_format(&a->services[i]->cfg->prefix, text)),
				"service %s: on-change inactive: given up: %s", text,
				on_change_why(o)[0] ? on_change_why(o) : "it has not ended in time");
		on_change_free(o);
		a->services[i]->on_change = NULL;
	}
}

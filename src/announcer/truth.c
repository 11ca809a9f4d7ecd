/* From what is known of the services to what the neighbors are told: facts into the gates, their states out as words. */
#include "announcer/announcer.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/row_net.h"
#include "control/feed.h"

#include <stdlib.h>
#include <string.h>

enum { MARGIN_MS = 1000 }; /* from the withdrawal until the agent's rules go: packets are on their way */

/* --- facts --- */

struct gate_word *announcer_words(const struct announcer *a)
{
	size_t count = 0;

	while (a->agent && agent_link_service(a->agent, count))
		count++;
	return mem_calloc(count + 1, sizeof(struct gate_word));
}

static bool concerns(const struct config_service *c, const struct agent_service *s)
{
	for (size_t i = 0; i < c->agent_service_count; i++)
		if (strcmp(c->agent_services[i], s->name) == 0)
			return true;
	return !c->agent_service_count && s->address.family && prefix_contains_addr(&c->prefix, &s->address);
}

/* A service that the agent was told to forget is on its way out: only its connections count. */
static void take_words(const struct announcer *a, const struct config_service *c, struct gate_word *words,
	struct gate_facts *f)
{
	const struct agent_service *s;

	f->counted = f->heard;
	for (size_t i = 0; (s = agent_link_service(a->agent, i)); i++) {
		if (!concerns(c, s))
			continue;
		f->active += s->active;
		f->counted &= s->known;
		if (s->configured)
			words[f->word_count++] = (struct gate_word){ .name = s->name,
				.known = s->known,
				.servers = s->servers,
				.healthy = s->healthy };
	}
	f->words = words;
	for (size_t i = 0; i < c->agent_service_count && !f->missing; i++) {
		bool found = false;

		for (size_t k = 0; k < f->word_count; k++)
			found |= strcmp(words[k].name, c->agent_services[i]) == 0;
		if (!found)
			f->missing = c->agent_services[i];
	}
}

void announcer_facts(
	const struct announcer *a, const struct service *sv, struct gate_word *words, struct gate_facts *out)
{
	static const struct agent_status nobody;
	const struct agent_status *st = a->agent ? agent_link_status(a->agent) : &nobody;

	*out = (struct gate_facts){ .held_back = sv->held_back,
		.heard = st->heard,
		.away = st->why,
		.leaving = st->leaving,
		.leaving_until_ms = st->leaving_until_ms > MARGIN_MS ? st->leaving_until_ms - MARGIN_MS : 0,
		.report = st->report };
	if (a->agent)
		take_words(a, sv->cfg, words, out);
}

static struct gate_policy policy(const struct announcer *a, const struct config_service *c)
{
	return (struct gate_policy){ .bound = a->cfg->agent.socket != NULL,
		.drains = a->cfg->drain.time_s > 0,
		.grace_ms = a->cfg->agent.grace_s * UINT64_C(1000),
		.return_delay_ms = c->return_delay_s * UINT64_C(1000),
		.need = c->min_healthy,
		.need_return = c->min_healthy_return };
}

/* --- what is said --- */

struct told announcer_wish(const struct announcer *a, const struct service *sv)
{
	bool draining = a->drain.state == DRAIN_DRAINING || sv->leave.state == DRAIN_DRAINING ||
			sv->gate.state == GATE_DRAINING;
	bool announces = a->drain.state <= DRAIN_DRAINING && sv->leave.state <= DRAIN_DRAINING;

	if (!announces || sv->gate.state == GATE_CLOSED)
		return (struct told){ VOICE_SILENT, 0 };
	return (struct told){ draining ? VOICE_DRAINING : VOICE_FULL, sv->share.quarters };
}

/* What is sent to the node must find its way to the pod. */
static struct told wanted(const struct announcer *a, const struct service *sv)
{
	if (a->node_client && !announcer_has_node_route(a, sv))
		return (struct told){ VOICE_SILENT, 0 };
	return announcer_wish(a, sv);
}

void announcer_say(struct announcer *a)
{
	for (size_t i = 0; i < a->service_count; i++) {
		struct service *sv = a->services[i];
		struct told now = wanted(a, sv);
		bool same = now.voice == sv->told.voice && now.quarters == sv->told.quarters &&
			    !(sv->stale && now.voice != VOICE_SILENT);

		if (now.voice != sv->told.voice)
			sv->told_since_ms = announcer_now_ms(a);
		sv->told = now;
		sv->stale = false;
		for (size_t k = 0; !same && k < a->speaker_count; k++)
			speaker_tell(a->speakers[k], sv);
		announcer_tell_cloud(a, sv);
	}
}

static bool says(const struct announcer *a, enum voice least)
{
	for (size_t i = 0; i < a->service_count; i++)
		if (a->services[i]->told.voice >= least)
			return true;
	return false;
}

bool announcer_says_anything(const struct announcer *a)
{
	return says(a, VOICE_DRAINING);
}

bool announcer_says_full(const struct announcer *a)
{
	return says(a, VOICE_FULL);
}

/* --- events --- */

const char *announcer_gate_text(const struct service *sv)
{
	static const char *const text[] = { "withdrawn", "draining", "announced" };

	return text[sv->gate.state];
}

static void tell_of_state(const struct announcer *a, const struct service *sv, const char *from)
{
	char prefix[PREFIX_TEXT_MAX];
	struct row *r;

	prefix_format(&sv->cfg->prefix, prefix);
	log_about(LOG_LEVEL_INFO, LOG_ABOUT("service", .service = prefix), "service %s: %s -> %s: %s", prefix,
		from, announcer_gate_text(sv), sv->gate.why);
	if (!control_feed_wanted(a->feed))
		return;
	r = control_feed_row("service");
	row_text(r, "service", prefix);
	row_text(r, "from", from);
	row_text(r, "to", announcer_gate_text(sv));
	row_text(r, "text", sv->gate.why);
	control_feed_push(a->feed, r);
}

static void tell_of_share(const struct announcer *a, const struct service *sv, const struct gate_word *worst)
{
	char prefix[PREFIX_TEXT_MAX];
	struct row *r;

	prefix_format(&sv->cfg->prefix, prefix);
	log_about(LOG_LEVEL_INFO, LOG_ABOUT("capacity", .service = prefix),
		"service %s: %u %% of its capacity: %.64s: %u of %u servers healthy", prefix,
		sv->share.quarters * 100 / SHARE_WHOLE, worst->name, worst->healthy, worst->servers);
	if (!control_feed_wanted(a->feed))
		return;
	r = control_feed_row("capacity");
	row_text(r, "service", prefix);
	row_printf(r, "to", "%u%%", sv->share.quarters * 100 / SHARE_WHOLE);
	row_printf(r, "text", "%.64s: %u of %u servers healthy", worst->name, worst->healthy, worst->servers);
	control_feed_push(a->feed, r);
}

/* --- the judgement --- */

/* While nobody knows, what was last known of the servers goes on. */
static void judge_share(struct announcer *a, struct service *sv, const struct gate_facts *f, uint64_t now_ms)
{
	const struct gate_word *worst = gate_worst(f);
	unsigned before = sv->share.quarters;

	if (!sv->cfg->capacity_by_health) {
		sv->share.quarters = SHARE_WHOLE;
		return;
	}
	if (!f->heard || !worst || !worst->known)
		return;
	/* What returns begins anew: it has no traffic that a change could move. */
	if (sv->gate.state == GATE_CLOSED)
		sv->share = (struct share){ 0 };
	if (share_step(&sv->share, share_of(worst->healthy, worst->servers), now_ms) && before &&
		sv->gate.state != GATE_CLOSED)
		tell_of_share(a, sv, worst);
}

static void judge(struct announcer *a, struct service *sv, struct gate_word *words, uint64_t now_ms)
{
	struct gate_policy p = policy(a, sv->cfg);
	const char *from = announcer_gate_text(sv);
	struct gate_facts f;

	sv->held_back = conditions_why_not(sv->conditions);
	announcer_facts(a, sv, words, &f);
	judge_share(a, sv, &f, now_ms);
	if (gate_step(&sv->gate, &p, &f, now_ms) && (p.bound || sv->conditions || sv->gate.changes > 1))
		tell_of_state(a, sv, from);
}

static uint64_t soonest(uint64_t next_ms, const struct service *sv, uint64_t now_ms)
{
	int64_t wait_ms = share_wait_ms(&sv->share, now_ms);

	if (sv->gate.next_ms < next_ms)
		next_ms = sv->gate.next_ms;
	if (wait_ms >= 0 && now_ms + (uint64_t)wait_ms < next_ms)
		next_ms = now_ms + (uint64_t)wait_ms;
	return next_ms;
}

/* The link has logged it. */
static void tell_of_agent(struct announcer *a)
{
	const struct agent_status *st = a->agent ? agent_link_status(a->agent) : NULL;
	struct row *r;

	if (!st || st->heard == a->agent_heard)
		return;
	a->agent_heard = st->heard;
	if (!control_feed_wanted(a->feed))
		return;
	r = control_feed_row("agent");
	row_text(r, "from", st->heard ? "away" : "heard");
	row_text(r, "to", st->heard ? "heard" : "away");
	row_text(r, "text", st->why);
	control_feed_push(a->feed, r);
}

void announcer_judge(void *user)
{
	struct announcer *a = user;
	struct gate_word *words = announcer_words(a);
	uint64_t now_ms = announcer_now_ms(a), next_ms = UINT64_MAX;

	for (size_t i = 0; i < a->service_count; i++) {
		judge(a, a->services[i], words, now_ms);
		next_ms = soonest(next_ms, a->services[i], now_ms);
	}
	free(words);
	tell_of_agent(a);
	announcer_say(a);
	announcer_retire_look(a);
	announcer_drain_look(a);
	if (next_ms == UINT64_MAX)
		io_timer_cancel(a->gate_timer);
	else
		io_timer_set(a->gate_timer, next_ms > now_ms ? (next_ms - now_ms) * 1000 : 0);
}

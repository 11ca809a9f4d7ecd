/*
 * What lb-announcer is told of the services' health, and what it tells of itself.
 *
 * `health` answers with a row for each service and a beat, and goes on with a row for each change and a beat every second, so
 * that silence means something:
 *
 *	{"event": "health", "service", "key", "address", "known", "configured", "servers", "healthy", "active"}
 *	{"event": "gone", "service", "key"}
 *	{"event": "beat", "ready", "leaving", "wait-ms"}
 *
 * known: its servers have been listed (or, while the source is away, taken from the kernel) and the kernel has had them; configured: false of a service that is on its way out.
 * active: connections worth waiting for, when they were last counted. ready: rows for all services have been given. leaving: told to
 * end, and the rules go when nobody announces any more, or in wait-ms. An agent whose rules stay when it ends never says
 * so: it may be back before anybody needs it.
 *
 * `announcer STATE` is said over a connection that stays open: its end is the announcer's end. Rules and checks outlive
 * the announcement: an agent that is told to end waits until nobody announces any more. While it does, and while an
 * announcer drains, connections are counted before each beat, four times a second, since somebody waits for their end.
 */
#include "agent/agent.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/row_net.h"
#include "control/feed.h"
#include "control/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BEAT_US = 1000000,
	BEAT_OFTEN_US = 250000,
	COUNT_LOOK_US = 10000,	/* whether the kernel has answered */
	COUNT_MAX_US = 1000000, /* for it to do so */
	ERROR_MAX = 256,
};

/* A connection over which an announcer has told its state. */
struct announcer {
	struct list link;
	struct agent *agent;
	bool announces, drains;
};

/* --- health --- */

/* A verdict is worth nothing before the kernel has the rule. Later the executor's intermediate states are nobody's affair. */
static bool established(struct service *s)
{
	struct ipvs_view view;

	if (!s->established && (s->told || s->assumed)) {
		ipvs_view(s->agent->ipvs, &s->wish.key, &view);
		s->established = view.present && view.settled;
	}
	return s->established;
}

static struct service_report look(struct service *s)
{
	struct service_sum sum;

	service_sum(s, &sum);
	return (struct service_report){ .made = true,
		.known = established(s) || !s->cfg,
		.configured = s->cfg,
		.servers = (uint32_t)sum.wanted,
		.healthy = (uint32_t)sum.serving,
		.active = sum.busy };
}

static struct row *service_row(const struct service *s)
{
	struct row *r = control_feed_row("health");
	char key[IPVS_KEY_TEXT_MAX];

	row_text(r, "service", s->name);
	row_text(r, "key", ipvs_key_format(&s->wish.key, key));
	row_addr(r, "address", &s->wish.key.addr);
	row_bool(r, "known", s->reported.known);
	row_bool(r, "configured", s->reported.configured);
	row_int(r, "servers", s->reported.servers);
	row_int(r, "healthy", s->reported.healthy);
	row_int(r, "active", (int64_t)s->reported.active);
	return r;
}

/* Connections come and go: of them alone only a beat tells. */
static bool differ(const struct service_report *a, const struct service_report *b, bool active_too)
{
	return a->made != b->made || a->known != b->known || a->configured != b->configured ||
	       a->servers != b->servers || a->healthy != b->healthy || (active_too && a->active != b->active);
}

static void push(struct service *s, bool active_too)
{
	struct service_report now = look(s);

	if (!differ(&now, &s->reported, active_too))
		return;
	s->reported = now;
	if (control_feed_wanted(s->agent->reports))
		control_feed_push(s->agent->reports, service_row(s));
}

void report_service(struct service *s)
{
	push(s, false);
}

void report_service_seen(struct service *s)
{
	s->counting = false;
	push(s, false);
	/* That all is as wished is found at the end of this turn. */
	if (!s->reported.known)
		io_timer_set(s->agent->beat, COUNT_LOOK_US);
}

void report_service_gone(struct service *s)
{
	char key[IPVS_KEY_TEXT_MAX];
	struct row *r;

	if (!control_feed_wanted(s->agent->reports))
		return;
	r = control_feed_row("gone");
	row_text(r, "service", s->name);
	row_text(r, "key", ipvs_key_format(&s->wish.key, key));
	control_feed_push(s->agent->reports, r);
}

static struct row *beat_row(const struct agent *a)
{
	struct row *r = control_feed_row("beat");

	row_bool(r, "ready", a->ready);
	row_bool(r, "leaving", a->ending);
	if (a->ending)
		row_int(r, "wait-ms", (int64_t)(agent_wait_us(a) / 1000));
	return r;
}

static bool somebody_drains(const struct agent *a)
{
	LIST_FOREACH (link, &a->announcers)
		if (LIST_ENTRY(link, struct announcer, link)->drains)
			return true;
	return false;
}

/* --- counting --- */

static void count_connections(struct agent *a)
{
	a->count_asked_us = agent_now_us(a);
	LIST_FOREACH (link, &a->services) {
		struct service *s = LIST_ENTRY(link, struct service, link);

		s->counting = true;
		ipvs_count(a->ipvs, &s->wish.key);
	}
}

static bool counting(const struct agent *a)
{
	if (agent_now_us(a) >= a->count_asked_us + COUNT_MAX_US)
		return false;
	LIST_FOREACH (link, &a->services)
		if (LIST_ENTRY(link, struct service, link)->counting)
			return true;
	return false;
}

void report_beat(struct agent *a)
{
	bool often = a->ending || somebody_drains(a);

	LIST_FOREACH (link, &a->services)
		push(LIST_ENTRY(link, struct service, link), true);
	if (control_feed_wanted(a->reports))
		control_feed_push(a->reports, beat_row(a));
	/* For the next one. */
	if (often && !a->removing)
		count_connections(a);
	io_timer_set(a->beat, often ? BEAT_OFTEN_US : BEAT_US);
}

/* Whoever waits for the last connection must not be told of a time before he waited. */
static void beat(void *user)
{
	struct agent *a = user;

	if (counting(a))
		io_timer_set(a->beat, COUNT_LOOK_US);
	else
		report_beat(a);
}

void report_beat_counted(struct agent *a)
{
	count_connections(a);
	io_timer_set(a->beat, COUNT_LOOK_US);
}

bool report_health(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct control_rows *rows = control_rows_new();
	struct agent *a = user;

	(void)args;
	(void)err;
	LIST_FOREACH (link, &a->services) {
		struct service *s = LIST_ENTRY(link, struct service, link);

		/* What has changed is news for the others too. */
		push(s, true);
		control_rows_add(rows, service_row(s));
	}
	control_rows_add(rows, beat_row(a));
	control_answer_rows(out, rows);
	out->feed = a->reports;
	return true;
}

/* --- announcers --- */

static void gone(void *attached)
{
	struct announcer *n = attached;
	struct agent *a = n->agent;

	log_info("lb-announcer has closed its connection");
	list_del(&n->link);
	free(n);
	agent_announcers_changed(a);
}

static struct announcer *announcer_of(struct agent *a, struct control_caller *caller)
{
	struct announcer *n = control_caller_attached(caller);

	if (n)
		return n;
	n = mem_calloc(1, sizeof(*n));
	n->agent = a;
	list_add_tail(&a->announcers, &n->link);
	control_caller_attach(caller, n, gone);
	return n;
}

bool report_announcer(void *user, const struct row *args, struct control_answer *out, char *err)
{
	static const struct {
		const char *name;
		bool announces, drains;
	} states[] = { { "announcing", true, false }, { "draining", true, true },
		{ "withdrawn", false, false }, { "leaving", false, false } };
	const char *name = row_get_text(args, "state");
	struct agent *a = user;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct announcer *n;

		if (!name || strcmp(name, states[i].name) != 0)
			continue;
		log_info("lb-announcer says: %s", name);
		n = announcer_of(a, control_answer_caller(out));
		n->announces = states[i].announces;
		n->drains = states[i].drains;
		if (n->drains)
			report_beat_counted(a);
		control_answer_row(out, NULL);
		agent_announcers_changed(a);
		return true;
	}
	snprintf(err, ERROR_MAX, "state must be one of announcing, draining, withdrawn, leaving");
	return false;
}

bool report_nobody_announces(const struct agent *a)
{
	LIST_FOREACH (link, &a->announcers)
		if (LIST_ENTRY(link, struct announcer, link)->announces)
			return false;
	return true;
}

/* --- start and end --- */

void report_start(struct agent *a)
{
	a->reports = control_feed_new(0);
	a->beat = io_timer_new(a->loop, beat, a);
	io_timer_set(a->beat, BEAT_US);
}

void report_stop(struct agent *a)
{
	control_feed_free(a->reports);
	io_timer_free(a->beat);
}

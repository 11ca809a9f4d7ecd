/* What happens, told once: a line in the log, and a row for everybody who watches. */
#include "agent/agent.h"

#include "base/log.h"
#include "control/feed.h"

#include <stdio.h>

static struct row *row_of(const struct agent *a, const char *event, const struct service *s)
{
	struct row *r;

	if (!control_feed_wanted(a->feed))
		return NULL;
	r = control_feed_row(event);
	if (s)
		row_text(r, "service", s->name);
	return r;
}

void event_member(const struct member *m, const char *from, const char *why)
{
	const char *to = server_state_text(m->life.state), *reason = server_reason_text(m->life.reason);
	const struct service *s = m->service;
	char text[MEMBER_TEXT_MAX];
	struct row *r = row_of(s->agent, "server", s);

	member_text(m, text);
	log_about(LOG_LEVEL_INFO, LOG_ABOUT("server", .service = s->name, .server = text),
		"%s: %s%s%s%s: %s -> %s%s%s%s%s%s", s->name, text, m->name ? " (" : "",
		m->name ? m->name : "", m->name ? ")" : "", from, to, *reason ? " (" : "", reason,
		*why ? ", " : "", why, *reason ? ")" : "");
	if (!r)
		return;
	row_text(r, "server", text);
	row_text(r, "name", m->name);
	row_text(r, "from", from);
	row_text(r, "to", to);
	row_text(r, "reason", reason);
	row_text(r, "text", why);
	control_feed_push(s->agent->feed, r);
}

void event_check(const struct member *m, const struct probe_view *p)
{
	const struct service *s = m->service;
	char text[MEMBER_TEXT_MAX];
	struct row *r = row_of(s->agent, "check", s);

	member_text(m, text);
	log_about(LOG_LEVEL_DEBUG, LOG_ABOUT("check", .service = s->name, .server = text),
		"%s: %s: check %s: %s%s%s", s->name, text, p->cfg->name, p->health->up ? "up" : "down",
		*p->why ? ": " : "", p->why);
	if (!r)
		return;
	row_text(r, "server", text);
	row_text(r, "check", p->cfg->name);
	row_text(r, "to", p->health->up ? "up" : "down");
	row_text(r, "text", p->why);
	control_feed_push(s->agent->feed, r);
}

void event_source(const struct service *s, const char *error)
{
	struct row *r = row_of(s->agent, "source", s);

	if (!r)
		return;
	row_text(r, "to", *error ? "failed" : "good");
	row_text(r, "text", error);
	control_feed_push(s->agent->feed, r);
}

void event_drift(const struct service *s, uint64_t repairs)
{
	struct row *r = row_of(s->agent, "drift", s);

	log_about(LOG_LEVEL_WARNING, LOG_ABOUT("drift", .service = s->name),
		"%s: somebody else changed it in the kernel: mended (%llu differences so far)", s->name,
		(unsigned long long)repairs);
	if (!r)
		return;
	row_int(r, "repairs", (int64_t)repairs);
	control_feed_push(s->agent->feed, r);
}

void event_settled(const struct agent *a)
{
	struct row *r = row_of(a, "settled", NULL);

	if (r)
		control_feed_push(a->feed, r);
}

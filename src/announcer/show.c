#include "announcer/announcer.h"

#include "base/mem.h"
#include "base/row_net.h"
#include "bgp/message.h"
#include "config.h"
#include "control/log.h"
#include "daemon/limit.h"
#include "session/error_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOW_ERROR_MAX = 256 };

/* An answer that goes through an array of the announcer, a row each. */
struct index_rows {
	const struct announcer *a;
	size_t next;
	struct row *(*row)(const struct announcer *a, size_t i);
	size_t count;
};

static struct row *next_index(void *state, char *err)
{
	struct index_rows *s = state;

	err[0] = 0;
	return s->next < s->count ? s->row(s->a, s->next++) : NULL;
}

static bool by_index(const struct announcer *a, size_t count,
	struct row *(*row)(const struct announcer *a, size_t i), struct control_answer *out)
{
	struct index_rows *s = mem_calloc(1, sizeof(*s));

	*s = (struct index_rows){ a, 0, row, count };
	*out = (struct control_answer){ next_index, free, s };
	return true;
}

static struct row *speaker_row(const struct announcer *a, const struct speaker *s)
{
	const struct bgp_open *open = session_remote_open(s->session);
	struct row *r = row_new();

	row_addr(r, "address", &s->cfg->address);
	if (s->cfg->description)
		row_text(r, "description", s->cfg->description);
	row_int(r, "as", s->cfg->peer_as);
	if (open)
		row_ipv4(r, "router-id", open->bgp_identifier);
	row_text(r, "state", session_state_text(session_state(s->session)));
	row_int(r, "since-ms", (int64_t)(announcer_now_ms(a) - session_since_us(s->session) / 1000));
	row_bool(r, "dynamic", false);
	row_int(r, "received", 0);
	row_int(r, "advertised", (int64_t)speaker_announced(s));
	session_error_row(r, s->session, io_loop_now_us(a->loop));
	row_bool(r, "shutdown", session_is_shut_down(s->session));
	if (session_is_shut_down(s->session))
		row_text(r, "admin", "shutdown");
	if (s->guard)
		row_text(r, "bfd", guard_state_text(s->guard));
	return r;
}

static struct row *neighbor_row(const struct announcer *a, size_t i)
{
	return speaker_row(a, a->speakers[i]);
}

static bool show_neighbors(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct announcer *a = user;

	(void)args;
	(void)err;
	return by_index(a, a->speaker_count, neighbor_row, out);
}

static struct speaker *find(struct announcer *a, const struct row *args, char *err)
{
	const char *text = row_get_text(args, "address");
	struct ip_addr address;

	if (!text || !ip_addr_parse(text, &address)) {
		snprintf(err, SHOW_ERROR_MAX, "%s is not an address", text ? text : "nothing");
		return NULL;
	}
	for (size_t i = 0; i < a->speaker_count; i++)
		if (ip_addr_equal(&a->speakers[i]->cfg->address, &address))
			return a->speakers[i];
	snprintf(err, SHOW_ERROR_MAX, "there is no neighbor %s: see show neighbors", text);
	return NULL;
}

static bool show_neighbor(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct announcer *a = user;
	struct speaker *s = find(a, args, err);
	const struct session_counters *c;
	const struct bgp_negotiated *n;
	struct ip_addr local;
	struct row *r;

	if (!s)
		return false;
	c = session_counters(s->session);
	n = session_negotiated(s->session);
	local = session_local_addr(s->session);
	r = speaker_row(a, s);
	row_addr(r, "local-address", &local);
	row_int(r, "local-as", a->cfg->router.as);
	if (n)
		row_int(r, "hold-time-s", n->hold_time_s);
	row_int(r, "flaps", (int64_t)c->flaps);
	row_int(r, "octets-received", (int64_t)c->rx_octets);
	row_int(r, "octets-sent", (int64_t)c->tx_octets);
	control_answer_row(out, r);
	return true;
}

/* What internal neighbors are told of it now, or would be. */
static void row_attrs(struct row *r, const struct announcer *a, const struct service *sv)
{
	struct path_speaker to = { .local_as = a->cfg->router.as, .quarters = sv->told.quarters };
	const struct config_service *c = sv->cfg;
	struct arena *arena = arena_new();
	struct bgp_attrs attrs;
	char text[256];

	if (a->speaker_count)
		to = speaker_path(a->speakers[0], sv);
	to.peer_as = to.local_as;
	if (sv->told.voice == VOICE_SILENT)
		to.quarters = sv->share.quarters ? sv->share.quarters : SHARE_WHOLE;
	path_attrs(c, &to, arena, &attrs);
	row_int(r, "local-pref", attrs.local_pref);
	if (attrs.has & BGP_HAS_MED)
		row_int(r, "med", attrs.med);
	if (attrs.has & BGP_HAS_COMMUNITIES)
		row_text(r, "communities", bgp_communities_format(attrs.communities, text, sizeof(text)));
	row_text(r, "extended-communities",
		bgp_extended_communities_format(attrs.extended_communities, text, sizeof(text)));
	arena_free(arena);
}

int64_t announcer_told_to(const struct announcer *a, const struct service *sv)
{
	int64_t told = 0;

	for (size_t k = 0; k < a->speaker_count; k++)
		told += speaker_announces(a->speakers[k], sv);
	return told;
}

static struct row *route_row(const struct announcer *a, size_t i)
{
	const struct service *sv = a->services[i];
	struct row *r = row_new();

	row_prefix(r, "prefix", &sv->cfg->prefix);
	row_bool(r, "best", sv->told.voice != VOICE_SILENT);
	row_bool(r, "multipath", false);
	row_addr(r, "next-hop", &sv->next_hop);
	row_text(r, "from", "local");
	row_attrs(r, a, sv);
	row_text(r, "as-path", "");
	row_text(r, "origin", "igp");
	row_bool(r, "local-route", sv->local_route != NULL);
	row_bool(r, "node-route", announcer_has_node_route(a, sv));
	row_int(r, "announced-to", announcer_told_to(a, sv));
	return r;
}

static bool show_routes(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct announcer *a = user;

	(void)args;
	(void)err;
	return by_index(a, a->service_count, route_row, out);
}

/* --- what it follows --- */

static const char *voice_text(enum voice v)
{
	static const char *const text[] = { "withdrawn", "draining", "announced" };

	return text[v];
}

/* What the service's state says is so at the other end, too. Where no neighbor is configured nobody is to be told. */
static bool is_effective(const struct announcer *a, const struct service *sv)
{
	return a->speaker_count == 0 || (announcer_told_to(a, sv) > 0) == (sv->told.voice != VOICE_SILENT);
}

const char *announcer_reason(const struct announcer *a, const struct service *sv)
{
	const char *why_not = conditions_why_not(sv->conditions); /* newer than what the gate heard */

	if (sv->retired)
		return "not configured any more";
	if (!is_effective(a, sv))
		return "no neighbor is up for it, so nobody is told: see show neighbors";
	if (announcer_wish(a, sv).voice != sv->told.voice)
		return "the node's route does not lead here yet";
	if (a->drain.state == DRAIN_ANNOUNCING || sv->gate.state == GATE_CLOSED)
		return sv->gate.state == GATE_CLOSED && why_not ? why_not : sv->gate.why;
	return announcer_drain_reason(a);
}

static void row_waits(struct row *r, const struct gate *g, uint64_t now_ms)
{
	if (g->next_ms != UINT64_MAX)
		row_int(r, g->state == GATE_CLOSED ? "returns-ms" : "left-ms",
			g->next_ms > now_ms ? (int64_t)(g->next_ms - now_ms) : 0);
}

static void row_words(struct row *r, const struct gate_facts *f)
{
	const struct gate_word *worst = gate_worst(f);
	struct row *names = row_new_list();

	for (size_t i = 0; i < f->word_count; i++)
		row_append_text(names, f->words[i].name);
	row_put(r, "virtual-services", names);
	if (!worst)
		return;
	row_bool(r, "known", worst->known);
	row_int(r, "healthy", worst->healthy);
	row_int(r, "servers", worst->servers);
	row_int(r, "active", (int64_t)f->active);
}

static void row_conditions(struct row *r, const struct service *sv)
{
	if (!sv->conditions)
		return;
	row_int(r, "holding", (int64_t)conditions_holding(sv->conditions));
	row_int(r, "conditions", (int64_t)conditions_count(sv->conditions));
}

static void row_on_change(struct row *r, const struct service *sv, uint64_t now_ms)
{
	static const char *const text[] = { "unknown", "inactive", "active" };
	const struct hook *h;
	int64_t wait_ms;

	if (!sv->on_change)
		return;
	h = on_change_hook(sv->on_change);
	wait_ms = hook_wait_ms(h, now_ms);
	row_text(r, "command", h->running ? "running" : hook_settled(h) ? text[h->told] : "failed");
	if (wait_ms >= 0 && h->failures) {
		row_int(r, "command-again-ms", wait_ms);
		row_text(r, "command-why", on_change_why(sv->on_change));
	}
}

static struct row *service_row(const struct announcer *a, size_t i)
{
	const struct service *sv = a->services[i];
	struct gate_word *words = announcer_words(a);
	uint64_t now_ms = announcer_now_ms(a);
	struct row *r = row_new();
	struct gate_facts f;
	char text[PREFIX_TEXT_MAX];

	announcer_facts(a, sv, words, &f);
	row_text(r, "service", prefix_format(&sv->cfg->prefix, text));
	row_text(r, "state", voice_text(sv->told.voice));
	row_bool(r, "effective", is_effective(a, sv));
	row_int(r, "announced-to", announcer_told_to(a, sv));
	row_int(r, "neighbors", (int64_t)a->speaker_count);
	row_int(r, "since-ms", (int64_t)(now_ms - sv->told_since_ms));
	row_int(r, "capacity-percent", sv->told.quarters * 100 / SHARE_WHOLE);
	row_text(r, "agent", !a->agent ? "none" : !f.heard ? "away" : f.leaving ? "leaving" : "heard");
	row_words(r, &f);
	row_conditions(r, sv);
	row_on_change(r, sv, now_ms);
	row_waits(r, &sv->gate, now_ms);
	row_int(r, "changes", (int64_t)sv->gate.changes);
	row_text(r, "reason", announcer_reason(a, sv));
	free(words);
	return r;
}

static bool show_services(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct announcer *a = user;

	(void)args;
	(void)err;
	return by_index(a, a->service_count, service_row, out);
}

static bool show_agent(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct announcer *a = user;
	const struct agent_status *st;
	uint64_t now_ms = announcer_now_ms(a);
	struct row *r;

	(void)args;
	if (!a->agent) {
		snprintf(err, SHOW_ERROR_MAX,
			"the announcer is bound to no agent: agent.socket is not configured");
		return false;
	}
	st = agent_link_status(a->agent);
	r = row_new();
	row_text(r, "socket", a->cfg->agent.socket);
	row_text(r, "state", st->heard ? "heard" : "away");
	row_int(r, "since-ms", (int64_t)(now_ms - st->since_ms));
	row_text(r, "reason", st->heard ? NULL : st->why);
	row_bool(r, "leaving", st->leaving);
	if (st->leaving)
		row_int(r, "leaving-left-ms",
			st->leaving_until_ms > now_ms ? (int64_t)(st->leaving_until_ms - now_ms) : 0);
	row_text(r, "told", agent_link_told(a->agent));
	row_int(r, "reports", st->report);
	row_int(r, "losses", (int64_t)st->losses);
	control_answer_row(out, r);
	return true;
}

static bool watch(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct announcer *a = user;

	(void)args;
	(void)err;
	control_answer_feed(out, a->feed);
	return true;
}

static void row_drain(struct row *r, const struct announcer *a)
{
	const struct drain *d = &a->drain;
	uint64_t now_ms = announcer_now_ms(a);
	int64_t left_ms = drain_wait_ms(d, now_ms, true);

	row_text(r, "state", drain_state_text(d->state));
	row_int(r, "state-since-ms", (int64_t)(now_ms - d->since_ms));
	if (left_ms >= 0 && d->state != DRAIN_LEAVING)
		row_int(r, "state-left-ms", left_ms);
	row_bool(r, "told-to-end", d->ending);
}

static bool show_status(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct announcer *a = user;
	struct row *r = row_new();

	(void)args;
	(void)err;
	row_text(r, "program", "lb-announcer");
	row_text(r, "version", PACKAGE_VERSION);
	row_int(r, "as", a->cfg->router.as);
	row_ipv4(r, "router-id", a->id.router_id);
	for (int i = 0; i < 2; i++) {
		row_addr(r, i ? "pod-ipv6" : "pod-ipv4", &a->id.pod[i]);
		row_addr(r, i ? "node-ipv6" : "node-ipv4", &a->id.node[i]);
	}
	row_int(r, "uptime-ms", (int64_t)(announcer_now_ms(a) - a->started_ms));
	reload_status(&a->reload, r);
	control_log_put_status(r);
	row_drain(r, a);
	control_answer_row(out, r);
	return true;
}

static bool show_memory(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct row *r = row_new();

	(void)user;
	(void)args;
	(void)err;
	row_text(r, "what", "the whole process");
	row_int(r, "objects", 1);
	row_int(r, "octets", (int64_t)daemon_resident_octets());
	control_answer_row(out, r);
	return true;
}

static bool clear_neighbor(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const char *address = row_get_text(args, "address"), *text = row_get_text(args, "text");
	bool all = address && strcmp(address, "all") == 0;
	struct announcer *a = user;
	struct speaker *s = all ? NULL : find(a, args, err);

	control_answer_row(out, NULL);
	for (size_t i = 0; all && i < a->speaker_count; i++)
		session_reset(a->speakers[i]->session, text);
	if (s)
		session_reset(s->session, text);
	return all || s;
}

static bool shutdown_neighbor(void *user, const struct row *args, struct control_answer *out, char *err)
{
	enum { TEXT_MAX = 255 }; /* RFC 9003, octets */
	const char *text = row_get_text(args, "text");
	struct speaker *s = find(user, args, err);

	if (s && text && strlen(text) > TEXT_MAX) {
		snprintf(err, SHOW_ERROR_MAX, "the text is too long: at most %d octets", (int)TEXT_MAX);
		return false;
	}
	control_answer_row(out, NULL);
	if (s)
		session_shutdown(s->session, text);
	return s != NULL;
}

static bool enable_neighbor(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct speaker *s = find(user, args, err);

	control_answer_row(out, NULL);
	if (s && !session_is_shut_down(s->session)) {
		snprintf(err, SHOW_ERROR_MAX, "it is not shut down: see show neighbors");
		return false;
	}
	if (s)
		session_enable(s->session);
	return s != NULL;
}

enum { DRAIN_TIME_MAX_S = 7 * 24 * 3600 };

static bool no_more(char *err)
{
	snprintf(err, SHOW_ERROR_MAX, "lb-announcer has been told to end: it drains, withdraws and goes");
	return false;
}

static bool drain(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct announcer *a = user;
	int64_t time_s = row_get_int(args, "time-s", a->cfg->drain.time_s);

	if (time_s < 0 || time_s > DRAIN_TIME_MAX_S) {
		snprintf(err, SHOW_ERROR_MAX, "the time to drain is out of range: 0..%d seconds",
			(int)DRAIN_TIME_MAX_S);
		return false;
	}
	control_answer_row(out, NULL);
	return announcer_drain(a, (uint64_t)time_s * 1000) || no_more(err);
}

static bool undrain(void *user, const struct row *args, struct control_answer *out, char *err)
{
	(void)args;
	control_answer_row(out, NULL);
	return announcer_undrain(user) || no_more(err);
}

static bool show_config(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct announcer *a = user;

	(void)err;
	return reload_show_config(&config_announcer_schema, a->cfg, a->cfg->root, args, out);
}

static bool reload(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct announcer *a = user;

	return reload_answer(&a->reload, args, out, err);
}

static bool show_bfd(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct announcer *a = user;

	(void)args;
	(void)err;
	return guards_show(a->guards, out);
}

static bool watch_bfd(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct announcer *a = user;

	(void)args;
	(void)err;
	return guards_watch(a->guards, out);
}

const struct control_handler announcer_handlers[] = {
	{ "show neighbors", show_neighbors },
	{ "show neighbor", show_neighbor },
	{ "show routes", show_routes },
	{ "show services", show_services },
	{ "show agent", show_agent },
	{ "show ready", announcer_show_ready },
	{ "watch", watch },
	{ "show memory", show_memory },
	{ "show bfd", show_bfd },
	{ "watch bfd", watch_bfd },
	{ "show status", show_status },
	{ "metrics", announcer_metrics },
	{ "clear neighbor", clear_neighbor },
	{ "drain", drain },
	{ "undrain", undrain },
	{ "show config", show_config },
	{ "show log", announcer_show_log },
	{ "log level", control_log_level },
	{ "log debug", announcer_log_debug },
	{ "reload", reload },
	{ "shutdown", shutdown_neighbor },
	{ "enable", enable_neighbor },
	{ NULL, NULL },
};

/* What `rrctl -i` may ask; the keys of the rows are listed in rrctl/view.h. */
#include "agent/agent.h"

#include "base/mem.h"
#include "base/row_net.h"
#include "config.h"
#include "control/log.h"
#include "control/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOW_ERROR_MAX = 256 };

/* Calls fn for the service that is asked for, or for all. */
static bool for_services(struct agent *a, const struct row *args, struct control_answer *out, char *err,
	void (*fn)(struct control_rows *r, const struct service *s))
{
	const char *name = row_get_text(args, "service");
	struct service *only = name ? agent_service(a, name) : NULL;
	struct control_rows *r;

	if (name && !only) {
		snprintf(err, SHOW_ERROR_MAX, "there is no service \"%.64s\": see show services", name);
		return false;
	}
	r = control_rows_new();
	LIST_FOREACH (link, &a->services) {
		const struct service *s = LIST_ENTRY(link, struct service, link);

		if (only && s != only)
			continue;
		fn(r, s);
		/* The next look shall be a fresh one. */
		ipvs_count(a->ipvs, &s->wish.key);
	}
	control_answer_rows(out, r);
	return true;
}

/* --- services --- */

static const char *forward_text(const struct service *s)
{
	static const char *const text[] = { "nat", "dr", "tun" };

	return s->cfg ? text[s->cfg->forward] : "";
}

static struct row *flags_row(const struct ipvs_service *w)
{
	bool mh = strcmp(w->scheduler, "mh") == 0;
	struct row *list = row_new_list();

	if (w->flags & IPVS_SCHED_1)
		row_append_text(list, mh ? "mh-fallback" : "sh-fallback");
	if (w->flags & IPVS_SCHED_2)
		row_append_text(list, mh ? "mh-port" : "sh-port");
	if (w->flags & IPVS_PERSISTENT)
		row_append_text(list, "persistent");
	if (w->flags & IPVS_ONE_PACKET)
		row_append_text(list, "one-packet");
	return list;
}

static void row_fingerprint(struct row *r, const struct ipvs_view *v)
{
	if (v->fingerprint)
		row_printf(r, "fingerprint", "%016llx", (unsigned long long)v->fingerprint);
	row_real(r, "moved-percent", v->moved * 100);
	row_bool(r, "ordered", v->ordered);
}

static void row_counts(struct row *r, const struct service_sum *sum)
{
	row_int(r, "servers", (int64_t)sum->members);
	row_int(r, "up", (int64_t)sum->state[SERVER_UP]);
	row_int(r, "draining", (int64_t)sum->state[SERVER_DRAINING]);
	row_int(r, "down", (int64_t)(sum->state[SERVER_DOWN] + sum->state[SERVER_CHECKING]));
	row_int(r, "active", (int64_t)sum->active);
	row_int(r, "inactive", (int64_t)sum->inactive);
	row_int(r, "connections", (int64_t)sum->connections);
	row_int(r, "packets-in", (int64_t)sum->packets_in);
	row_int(r, "octets-in", (int64_t)sum->octets_in);
	row_int(r, "packets-out", (int64_t)sum->packets_out);
	row_int(r, "octets-out", (int64_t)sum->octets_out);
}

static void service_row(struct control_rows *rows, const struct service *s)
{
	struct source_status status = { .error = "" };
	struct row *r = row_new();
	char key[IPVS_KEY_TEXT_MAX];
	struct service_sum sum;
	struct ipvs_view view;

	ipvs_view(s->agent->ipvs, &s->wish.key, &view);
	service_sum(s, &sum);
	if (s->source)
		source_status(s->source, &status);
	row_text(r, "service", s->name);
	row_text(r, "key", ipvs_key_format(&s->wish.key, key));
	row_text(r, "scheduler", s->wish.scheduler);
	row_put(r, "flags", flags_row(&s->wish));
	row_text(r, "forward", forward_text(s));
	row_bool(r, "leaving", !s->cfg);
	row_counts(r, &sum);
	row_bool(r, "in-kernel", view.present);
	row_bool(r, "settled", view.settled);
	row_fingerprint(r, &view);
	row_int(r, "repairs", (int64_t)view.repairs);
	row_text(r, "source", s->source ? source_name(s->source) : "");
	row_text(r, "source-error", status.error);
	row_text(r, "error", view.error);
	control_rows_add(rows, r);
}

static bool show_services(void *user, const struct row *args, struct control_answer *out, char *err)
{
	return for_services(user, args, out, err, service_row);
}

/* --- servers --- */

static struct row *member_row(const struct member *m)
{
	uint64_t now_us = agent_now_us(m->service->agent);
	char text[MEMBER_TEXT_MAX];
	struct row *r = row_new();

	row_text(r, "service", m->service->name);
	row_text(r, "server", member_text(m, text));
	row_text(r, "name", m->name);
	row_text(r, "state", server_state_text(m->life.state));
	row_text(r, "reason", server_reason_text(m->life.reason));
	row_int(r, "since-ms", (int64_t)((now_us - m->life.since_us) / 1000));
	if (m->life.state == SERVER_DRAINING)
		row_int(r, "left-ms",
			m->life.deadline_us > now_us ? (int64_t)((m->life.deadline_us - now_us) / 1000) : 0);
	if (m->in_kernel)
		row_int(r, "weight", m->kernel_weight);
	row_int(r, "wanted-weight", server_takes(&m->life) ? m->weight : 0);
	row_int(r, "active", m->counts.active);
	row_int(r, "inactive", m->counts.inactive);
	row_int(r, "connections", (int64_t)m->counts.connections);
	row_int(r, "octets-in", (int64_t)m->counts.octets_in);
	row_int(r, "octets-out", (int64_t)m->counts.octets_out);
	row_bool(r, "in-kernel", m->in_kernel);
	return r;
}

static void member_rows(struct control_rows *rows, const struct service *s)
{
	size_t count;
	struct member **m = service_sorted(s, &count);

	for (size_t i = 0; i < count; i++)
		control_rows_add(rows, member_row(m[i]));
	free(m);
}

static bool show_servers(void *user, const struct row *args, struct control_answer *out, char *err)
{
	return for_services(user, args, out, err, member_rows);
}

/* --- checks --- */

static struct row *probe_row(const struct member *m, const struct probe *p)
{
	static const char *const types[] = { "tcp", "http", "https", "grpc", "udp", "command" };
	uint64_t now_us = agent_now_us(m->service->agent);
	char text[MEMBER_TEXT_MAX];
	struct row *r = row_new();
	struct probe_view v;

	probe_view(p, &v);
	row_text(r, "service", m->service->name);
	row_text(r, "server", member_text(m, text));
	row_text(r, "check", v.cfg->name);
	row_text(r, "type", types[v.cfg->type]);
	row_bool(r, "through-tunnel", v.cfg->through_tunnel);
	row_bool(r, "up", v.health->up);
	row_bool(r, "known", v.health->known);
	row_bool(r, "unprepared", v.unprepared);
	if (v.ran) {
		row_text(r, "last", check_outcome_text(v.outcome));
		row_text(r, "why", v.why);
		row_int(r, "last-ms", (int64_t)((now_us - v.ended_us) / 1000));
		row_int(r, "duration-us", (int64_t)v.duration_us);
	}
	row_int(r, "runs", (int64_t)v.health->runs);
	row_int(r, "failures", (int64_t)v.health->failures);
	row_int(r, "changes", (int64_t)v.health->changes);
	row_int(r, "in-a-row", v.health->in_a_row);
	row_int(r, "next-ms", (int64_t)(v.next_us / 1000));
	return r;
}

static void check_rows(struct control_rows *rows, const struct service *s)
{
	size_t count;
	struct member **m = service_sorted(s, &count);

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < m[i]->probe_count; k++)
			control_rows_add(rows, probe_row(m[i], m[i]->probes[k]));
	free(m);
}

static bool show_checks(void *user, const struct row *args, struct control_answer *out, char *err)
{
	return for_services(user, args, out, err, check_rows);
}

/* --- table --- */

static void table_rows(struct control_rows *rows, const struct service *s)
{
	struct ipvs_view view;
	const int32_t *slot;
	size_t slots = ipvs_slots(s->agent->ipvs, &s->wish.key, &slot), *taken;

	ipvs_view(s->agent->ipvs, &s->wish.key, &view);
	if (!slots)
		return;
	taken = mem_calloc(view.count + 1, sizeof(*taken));
	for (size_t i = 0; i < slots; i++)
		if (slot[i] >= 0)
			taken[slot[i]]++;
	for (size_t i = 0; i < view.count; i++) {
		struct member m = { .dest = view.dests[i].dest };
		char text[MEMBER_TEXT_MAX];
		struct row *r = row_new();

		row_text(r, "service", s->name);
		row_fingerprint(r, &view);
		row_int(r, "slots", (int64_t)slots);
		row_text(r, "server", member_text(&m, text));
		row_int(r, "weight", view.dests[i].dest.weight);
		row_int(r, "slot-count", (int64_t)taken[i]);
		row_real(r, "share-percent", 100.0 * (double)taken[i] / (double)slots);
		control_rows_add(rows, r);
	}
	free(taken);
}

static bool show_table(void *user, const struct row *args, struct control_answer *out, char *err)
{
	return for_services(user, args, out, err, table_rows);
}

/* --- sources and the agent itself --- */

static void row_kubernetes(struct row *r, const struct service *s)
{
	uint64_t now_us = agent_now_us(s->agent);
	struct row *troubles;
	struct kube_view v;

	if (!source_kubernetes_view(s->source, &v))
		return;
	row_text(r, "watch", kube_state_text(v.state));
	if (v.heard_us)
		row_int(r, "heard-ms", (int64_t)((now_us - v.heard_us) / 1000));
	if (v.retry_us)
		row_int(r, "retry-ms", (int64_t)(v.retry_us / 1000));
	row_int(r, "slices", (int64_t)v.size.slices);
	row_int(r, "endpoints", (int64_t)v.size.endpoints);
	row_int(r, "lists", (int64_t)v.lists);
	row_int(r, "events", (int64_t)v.events);
	troubles = row_new();
	for (int t = 0; t < KUBE_TROUBLES; t++)
		row_int(troubles, kube_trouble_text((enum kube_trouble)t), (int64_t)v.troubles[t]);
	row_put(r, "troubles", troubles);
}

static void source_row(struct control_rows *rows, const struct service *s)
{
	struct row *r = row_new();
	struct source_status st;
	size_t listed = 0;

	if (!s->source)
		return row_free(r);
	for (struct hash_node *n = hash_walk(&s->members, NULL); n; n = hash_walk(&s->members, n))
		listed += HASH_ENTRY(n, struct member, node)->listed;
	source_status(s->source, &st);
	row_text(r, "service", s->name);
	row_text(r, "source", source_name(s->source));
	row_bool(r, "told", st.told);
	row_bool(r, "assumed", s->assumed);
	row_int(r, "servers", (int64_t)listed);
	row_int(r, "changes", (int64_t)st.changes);
	row_int(r, "failures", (int64_t)st.failures);
	row_text(r, "error", st.error);
	if (st.told)
		row_int(r, "since-ms", (int64_t)((agent_now_us(s->agent) - st.since_us) / 1000));
	row_kubernetes(r, s);
	control_rows_add(rows, r);
}

static bool show_sources(void *user, const struct row *args, struct control_answer *out, char *err)
{
	return for_services(user, args, out, err, source_row);
}

static bool show_status(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct agent *a = user;
	struct row *r = row_new();
	size_t services = 0, members = 0, up = 0;
	const char *wrong = masquerade_error(a->masquerade);

	(void)args;
	(void)err;
	LIST_FOREACH (link, &a->services) {
		struct service_sum sum;

		service_sum(LIST_ENTRY(link, struct service, link), &sum);
		services++;
		members += sum.members;
		up += sum.state[SERVER_UP];
	}
	row_text(r, "program", "lb-ipvs-agent");
	row_text(r, "version", PACKAGE_VERSION);
	row_int(r, "uptime-ms", (int64_t)((agent_now_us(a) - a->started_us) / 1000));
	row_bool(r, "preserve-connections", a->cfg->preserve_connections);
	row_bool(r, "ready", a->ready);
	row_bool(r, "settled", agent_settled(a));
	row_text(r, "masquerade-error",
		*masquerade_error(a->masquerade) ? masquerade_error(a->masquerade) : NULL);
	row_int(r, "services", (int64_t)services);
	row_int(r, "servers", (int64_t)members);
	row_int(r, "servers-up", (int64_t)up);
	reload_status(&a->reload, r);
	control_log_put_status(r);
	row_text(r, "masquerade-error", *wrong ? wrong : NULL);
	needs_wrong(&a->needs, r);
	control_answer_row(out, r);
	return true;
}

/* Whether the kernel has what is wanted. */
static bool show_ready(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct agent *a = user;
	const char *wrong = masquerade_error(a->masquerade);
	struct row *r;

	(void)args;
	if (!a->ready || !agent_settled(a)) {
		snprintf(err, SHOW_ERROR_MAX, "%.200s",
			*wrong	    ? wrong
			: !a->ready ? "the kernel's table is not in the agent's hands yet"
				    : "the kernel does not have all that is wanted yet: see show services");
		return false;
	}
	r = row_new();
	row_bool(r, "ready", true);
	control_answer_row(out, r);
	return true;
}

/* --- what changes something --- */

static bool is_meant(const struct member *m, const char *server)
{
	char text[MEMBER_TEXT_MAX], addr[PREFIX_TEXT_MAX];

	return strcmp(member_text(m, text), server) == 0 ||
	       strcmp(ip_addr_format(&m->dest.addr, addr), server) == 0 ||
	       (m->name && strcmp(m->name, server) == 0);
}

/* Calls fn for each member that is meant, of one service or (NULL) of all; their number. */
static size_t each_meant(struct agent *a, const struct service *only, const struct row *args,
	void (*fn)(struct member *m, const struct row *args))
{
	const char *server = row_get_text(args, "server");
	size_t found = 0;

	LIST_FOREACH (link, &a->services) {
		struct service *s = LIST_ENTRY(link, struct service, link);
		size_t count;
		struct member **m;

		if (!server || (only && s != only))
			continue;
		m = service_sorted(s, &count);
		for (size_t i = 0; i < count; i++) {
			if (!is_meant(m[i], server))
				continue;
			found++;
			fn(m[i], args);
		}
		free(m);
	}
	return found;
}

static bool change(struct agent *a, const struct row *args, struct control_answer *out, char *err,
	void (*fn)(struct member *m, const struct row *args))
{
	const char *server = row_get_text(args, "server"), *name = row_get_text(args, "service");
	const struct service *only = name ? agent_service(a, name) : NULL;
	struct row *r;
	size_t found;

	if (name && !only) {
		snprintf(err, SHOW_ERROR_MAX, "there is no service \"%.64s\": see show services", name);
		return false;
	}
	found = each_meant(a, only, args, fn);
	if (!found) {
		snprintf(err, SHOW_ERROR_MAX, "there is no server \"%.64s\": see show servers",
			server ? server : "");
		return false;
	}
	r = row_new();
	row_int(r, "servers", (int64_t)found);
	control_answer_row(out, r);
	return true;
}

enum { DRAIN_TIME_MAX_S = 7 * 24 * 3600 };

static void drain_member(struct member *m, const struct row *args)
{
	member_drain(m, true, (uint64_t)row_get_int(args, "time-s", 0) * 1000000);
}

static void undrain_member(struct member *m, const struct row *args)
{
	(void)args;
	member_drain(m, false, 0);
}

static void check_member(struct member *m, const struct row *args)
{
	(void)args;
	for (size_t i = 0; i < m->probe_count; i++)
		probe_hurry(m->probes[i]);
}

static bool drain(void *user, const struct row *args, struct control_answer *out, char *err)
{
	int64_t time_s = row_get_int(args, "time-s", 0);

	if (time_s < 0 || time_s > DRAIN_TIME_MAX_S) {
		snprintf(err, SHOW_ERROR_MAX, "the time to drain is out of range: 0..%d seconds",
			(int)DRAIN_TIME_MAX_S);
		return false;
	}
	return change(user, args, out, err, drain_member);
}

static bool undrain(void *user, const struct row *args, struct control_answer *out, char *err)
{
	return change(user, args, out, err, undrain_member);
}

static bool check(void *user, const struct row *args, struct control_answer *out, char *err)
{
	return change(user, args, out, err, check_member);
}

static bool show_config(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct agent *a = user;

	(void)err;
	return reload_show_config(&config_agent_schema, a->cfg, a->cfg->root, args, out);
}

static bool reload(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct agent *a = user;

	return reload_answer(&a->reload, args, out, err);
}

static bool watch(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct agent *a = user;

	(void)args;
	(void)err;
	control_answer_feed(out, a->feed);
	return true;
}

const struct control_handler agent_handlers[] = {
	{ "show services", show_services },
	{ "show servers", show_servers },
	{ "show checks", show_checks },
	{ "show table", show_table },
	{ "show sources", show_sources },
	{ "show status", show_status },
	{ "show ready", show_ready },
	{ "health", report_health },
	{ "announcer", report_announcer },
	{ "watch", watch },
	{ "metrics", agent_metrics },
	{ "drain", drain },
	{ "undrain", undrain },
	{ "check", check },
	{ "reload", reload },
	{ "show config", show_config },
	{ "show log", control_show_log },
	{ "log level", control_log_level },
	{ NULL, NULL },
};

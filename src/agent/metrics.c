/* The command "metrics": everything the agent counts. */
#include "control/metrics.h"

#include "agent/agent.h"
#include "base/log.h"
#include "base/mem.h"
#include "config.h"
#include "daemon/limit.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNTER(symbol, name, help)                                                                          \
	static const struct metrics_family symbol = { name, METRICS_COUNTER, help }
#define GAUGE(symbol, name, help) static const struct metrics_family symbol = { name, METRICS_GAUGE, help }

/* --- the agent --- */

GAUGE(info, "lb_ipvs_agent_info", "1; the labels say what runs.");
GAUGE(uptime, "lb_ipvs_agent_uptime_seconds", "Time since the start.");
COUNTER(log_lines_lost, "lb_ipvs_agent_log_lines_lost_total",
	"Lines of the log that were lost because nobody took them.");
GAUGE(resident, "lb_ipvs_agent_resident_memory_bytes", "Memory that the process really uses.");
GAUGE(settled, "lb_ipvs_agent_settled", "1 while the kernel is as wished.");
GAUGE(wrong_sysctls, "lb_ipvs_agent_wrong_sysctls",
	"Settings of the kernel that are not as the services need.");
COUNTER(reloads, "lb_ipvs_agent_reloads_total", "Reloads by their result.");

static void add_agent(struct metrics *m, const struct agent *a)
{
	metrics_add(m, &info, 1, "version", PACKAGE_VERSION, NULL);
	metrics_add_real(m, &uptime, (double)(agent_now_us(a) - a->started_us) / 1000000, NULL);
	metrics_add(m, &resident, daemon_resident_octets(), NULL);
	metrics_add(m, &log_lines_lost, log_lost(), NULL);
	metrics_add(m, &settled, agent_settled(a), NULL);
	metrics_add(m, &wrong_sysctls, needs_wrong(&a->needs, NULL), NULL);
	metrics_add(m, &reloads, a->reload.done, "result", "done", NULL);
	metrics_add(m, &reloads, a->reload.refused, "result", "refused", NULL);
}

/* --- services --- */

GAUGE(servers, "lb_ipvs_agent_servers", "Servers of a service by state.");
GAUGE(service_settled, "lb_ipvs_agent_service_settled", "1 while the kernel has the service as wished.");
GAUGE(service_ordered, "lb_ipvs_agent_service_ordered", "1 while its list is in canonical order.");
GAUGE(fingerprint, "lb_ipvs_agent_service_table_fingerprint",
	"1; the label is equal on load balancers whose tables are.");
GAUGE(moved, "lb_ipvs_agent_service_table_moved_ratio", "Share of slots that the last change moved.");
COUNTER(repairs, "lb_ipvs_agent_service_repairs_total", "Differences made by others and mended.");
GAUGE(source_good, "lb_ipvs_agent_source_up", "1 while the source can tell the servers.");
COUNTER(source_changes, "lb_ipvs_agent_source_changes_total",
	"Lists told that differed from the one before.");
COUNTER(source_failures, "lb_ipvs_agent_source_failures_total", "Times the source could not tell.");

GAUGE(watching, "lb_ipvs_agent_kubernetes_watching", "1 while the API is watched.");
GAUGE(heard, "lb_ipvs_agent_kubernetes_last_heard_seconds",
	"Time since the API said something: an event, a bookmark, a list.");
GAUGE(slices, "lb_ipvs_agent_kubernetes_slices", "EndpointSlices of the service.");
GAUGE(endpoints, "lb_ipvs_agent_kubernetes_endpoints", "Endpoints in them, those that stand twice twice.");
COUNTER(events, "lb_ipvs_agent_kubernetes_events_total", "Events of the watch, bookmarks too.");
COUNTER(lists, "lb_ipvs_agent_kubernetes_lists_total", "Lists that came whole; all after the first: again.");
COUNTER(troubles, "lb_ipvs_agent_kubernetes_errors_total", "Troubles with the API by kind.");

static void add_kubernetes(struct metrics *m, const struct service *s)
{
	struct kube_view v;

	if (!source_kubernetes_view(s->source, &v))
		return;
	metrics_add(m, &watching, v.state == KUBE_WATCH, "service", s->name, NULL);
	if (v.heard_us)
		metrics_add_real(m, &heard, (double)(agent_now_us(s->agent) - v.heard_us) / 1000000,
			"service", s->name, NULL);
	metrics_add(m, &slices, v.size.slices, "service", s->name, NULL);
	metrics_add(m, &endpoints, v.size.endpoints, "service", s->name, NULL);
	metrics_add(m, &events, v.events, "service", s->name, NULL);
	metrics_add(m, &lists, v.lists, "service", s->name, NULL);
	for (int t = 0; t < KUBE_TROUBLES; t++)
		metrics_add(m, &troubles, v.troubles[t], "service", s->name, "kind",
			kube_trouble_text((enum kube_trouble)t), NULL);
}

static void add_source(struct metrics *m, const struct service *s)
{
	struct source_status st;

	if (!s->source)
		return;
	source_status(s->source, &st);
	metrics_add(m, &source_good, st.told && !*st.error, "service", s->name, NULL);
	metrics_add(m, &source_changes, st.changes, "service", s->name, NULL);
	metrics_add(m, &source_failures, st.failures, "service", s->name, NULL);
	add_kubernetes(m, s);
}

static void add_service(struct metrics *m, const struct service *s)
{
	struct service_sum sum;
	struct ipvs_view view;
	char text[32];

	service_sum(s, &sum);
	for (int st = 0; st < SERVER_STATES; st++)
		metrics_add(m, &servers, sum.state[st], "service", s->name, "state",
			server_state_text((enum server_state)st), NULL);
	ipvs_view(s->agent->ipvs, &s->wish.key, &view);
	metrics_add(m, &service_settled, view.settled, "service", s->name, NULL);
	metrics_add(m, &service_ordered, view.ordered, "service", s->name, NULL);
	metrics_add(m, &repairs, view.repairs, "service", s->name, NULL);
	if (view.fingerprint) {
		snprintf(text, sizeof(text), "%016llx", (unsigned long long)view.fingerprint);
		metrics_add(m, &fingerprint, 1, "service", s->name, "fingerprint", text, NULL);
		metrics_add_real(m, &moved, view.moved, "service", s->name, NULL);
	}
	add_source(m, s);
}

/* --- servers --- */

GAUGE(up, "lb_ipvs_agent_server_up", "1 while the server takes connections.");
GAUGE(weight, "lb_ipvs_agent_server_weight", "Its weight in the kernel.");
GAUGE(active, "lb_ipvs_agent_server_active_connections", "Established connections.");
GAUGE(inactive, "lb_ipvs_agent_server_inactive_connections", "Connections in other states, and UDP.");
COUNTER(connections, "lb_ipvs_agent_server_connections_total", "Connections scheduled to it.");
COUNTER(packets, "lb_ipvs_agent_server_packets_total", "Packets by direction.");
COUNTER(octets, "lb_ipvs_agent_server_bytes_total", "Octets by direction.");
GAUGE(check_up, "lb_ipvs_agent_check_up", "1 while the check says that the server is good.");
GAUGE(check_time, "lb_ipvs_agent_check_duration_seconds", "Time that its last run took.");
COUNTER(check_runs, "lb_ipvs_agent_check_runs_total", "Runs by their result.");

static void add_probe(struct metrics *m, const char *service, const char *server, const struct probe *p)
{
	struct probe_view v;

	probe_view(p, &v);
#define LABELS "service", service, "server", server, "check", v.cfg->name
	metrics_add(m, &check_up, v.health->up, LABELS, NULL);
	metrics_add_real(m, &check_time, (double)v.duration_us / 1000000, LABELS, NULL);
	metrics_add(m, &check_runs, v.health->runs - v.health->failures, LABELS, "result", "passed", NULL);
	metrics_add(m, &check_runs, v.health->failures, LABELS, "result", "failed", NULL);
#undef LABELS
}

static void add_member(struct metrics *m, const struct member *member)
{
	const char *service = member->service->name;
	const struct ipvs_counts *c = &member->counts;
	char server[MEMBER_TEXT_MAX];

	member_text(member, server);
#define LABELS "service", service, "server", server
	metrics_add(m, &up, server_takes(&member->life), LABELS, NULL);
	metrics_add(m, &weight, (uint64_t)member->kernel_weight, LABELS, NULL);
	metrics_add(m, &active, c->active, LABELS, NULL);
	metrics_add(m, &inactive, c->inactive, LABELS, NULL);
	metrics_add(m, &connections, c->connections, LABELS, NULL);
	metrics_add(m, &packets, c->packets_in, LABELS, "direction", "in", NULL);
	metrics_add(m, &packets, c->packets_out, LABELS, "direction", "out", NULL);
	metrics_add(m, &octets, c->octets_in, LABELS, "direction", "in", NULL);
	metrics_add(m, &octets, c->octets_out, LABELS, "direction", "out", NULL);
#undef LABELS
	for (size_t i = 0; i < member->probe_count; i++)
		add_probe(m, service, server, member->probes[i]);
}

/* --- all of it, a service in each step: an answer outlives services that go meanwhile --- */

struct walk {
	const struct agent *agent;
	size_t next;
};

static const struct service *service_at(const struct agent *a, size_t i)
{
	LIST_FOREACH (link, &a->services)
		if (!i--)
			return LIST_ENTRY(link, struct service, link);
	return NULL;
}

static bool more(void *state, struct metrics *m)
{
	struct walk *w = state;
	const struct service *s = service_at(w->agent, w->next);
	struct member **members;
	size_t count;

	if (!w->next)
		add_agent(m, w->agent);
	w->next++;
	if (!s)
		return false;
	add_service(m, s);
	members = service_sorted(s, &count);
	for (size_t i = 0; i < count; i++)
		add_member(m, members[i]);
	free(members);
	return service_at(w->agent, w->next) != NULL;
}

bool agent_metrics(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct walk *w = mem_calloc(1, sizeof(*w));

	(void)args;
	(void)err;
	w->agent = user;
	metrics_answer(out, more, w, free);
	return true;
}

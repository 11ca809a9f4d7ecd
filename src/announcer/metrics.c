/* The command "metrics": everything the announcer counts. */
#include "control/metrics.h"

#include "announcer/announcer.h"
#include "base/log.h"
#include "bgp/message.h"
#include "config.h"
#include "daemon/limit.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNTER(symbol, name, help)                                                                          \
	static const struct metrics_family symbol = { name, METRICS_COUNTER, help }
#define GAUGE(symbol, name, help) static const struct metrics_family symbol = { name, METRICS_GAUGE, help }

/* --- the announcer --- */

GAUGE(info, "lb_announcer_info", "1; the labels say what runs.");
GAUGE(uptime, "lb_announcer_uptime_seconds", "Time since the start.");
COUNTER(log_lines_lost, "lb_announcer_log_lines_lost_total",
	"Lines of the log that were lost because nobody took them.");
GAUGE(resident, "lb_announcer_resident_memory_bytes", "Memory that the process really uses.");
GAUGE(states, "lb_announcer_state", "1 for the state it is in, 0 for the others.");
GAUGE(state_since, "lb_announcer_state_since_seconds", "Time in this state.");
GAUGE(state_left, "lb_announcer_state_left_seconds", "Time until this state is over; -1: it stays.");
COUNTER(reloads, "lb_announcer_reloads_total", "Reloads by their result.");
GAUGE(told_to_end, "lb_announcer_told_to_end", "1 when it was told to end.");

static void add_state(struct metrics *m, const struct announcer *a)
{
	const struct drain *d = &a->drain;
	uint64_t now_ms = announcer_now_ms(a);
	int64_t left_ms = d->state == DRAIN_LEAVING ? -1 : drain_wait_ms(d, now_ms, true);

	for (int st = DRAIN_ANNOUNCING; st <= DRAIN_LEAVING; st++)
		metrics_add(m, &states, d->state == (enum drain_state)st, "state",
			drain_state_text((enum drain_state)st), NULL);
	metrics_add_real(m, &state_since, (double)(now_ms - d->since_ms) / 1000, NULL);
	metrics_add_real(m, &state_left, left_ms < 0 ? -1 : (double)left_ms / 1000, NULL);
	metrics_add(m, &told_to_end, d->ending, NULL);
}

static void add_announcer(struct metrics *m, const struct announcer *a)
{
	struct ip_addr id = ip_addr_v4(a->id.router_id);
	char text[PREFIX_TEXT_MAX], as[16];

	snprintf(as, sizeof(as), "%u", a->cfg->router.as);
	metrics_add(m, &info, 1, "version", PACKAGE_VERSION, "router_id", ip_addr_format(&id, text), "as", as,
		NULL);
	metrics_add_real(m, &uptime, (double)(announcer_now_ms(a) - a->started_ms) / 1000, NULL);
	metrics_add(m, &resident, daemon_resident_octets(), NULL);
	metrics_add(m, &reloads, a->reload.done, "result", "done", NULL);
	metrics_add(m, &reloads, a->reload.refused, "result", "refused", NULL);
	metrics_add(m, &log_lines_lost, log_lost(), NULL);
	add_state(m, a);
}

/* --- services --- */

GAUGE(announced_to, "lb_announcer_service_neighbors", "Neighbors that are told of the service.");
GAUGE(service_states, "lb_announcer_service_state", "1 for what all neighbors are told, 0 for the others.");
GAUGE(gate, "lb_announcer_service_works", "1 when by all that is known it may be announced.");
COUNTER(changes, "lb_announcer_service_changes_total",
	"Times it was found to work, to leave or not to work.");
GAUGE(capacity, "lb_announcer_service_capacity_ratio", "Share of its capacity that neighbors are told of.");
GAUGE(healthy, "lb_announcer_service_healthy_servers",
	"Healthy servers of the virtual service that has the smallest share of them.");
GAUGE(servers, "lb_announcer_service_servers", "Servers that it shall have.");
GAUGE(active, "lb_announcer_service_active_connections",
	"Connections worth waiting for, as lb-ipvs-agent last reported them.");
GAUGE(local_routes, "lb_announcer_service_local_route", "1 when the pod's route to the service is ours.");
GAUGE(node_routes, "lb_announcer_service_node_route",
	"1 when the node's route leads to the pod, by our doing.");

static void add_health(
	struct metrics *m, const struct announcer *a, const struct service *s, const char *prefix)
{
	struct gate_word *words = announcer_words(a);
	const struct gate_word *worst;
	struct gate_facts f;

	announcer_facts(a, s, words, &f);
	worst = gate_worst(&f);
	if (worst && worst->known) {
		metrics_add(m, &healthy, worst->healthy, "service", prefix, NULL);
		metrics_add(m, &servers, worst->servers, "service", prefix, NULL);
		metrics_add(m, &active, f.active, "service", prefix, NULL);
	}
	free(words);
}

static void add_gate(
	struct metrics *m, const struct announcer *a, const struct service *s, const char *prefix)
{
	static const char *const voices[] = { "withdrawn", "draining", "announced" };

	for (int v = VOICE_SILENT; v <= VOICE_FULL; v++)
		metrics_add(m, &service_states, s->told.voice == (enum voice)v, "service", prefix, "state",
			voices[v], NULL);
	metrics_add(m, &gate, s->gate.state == GATE_OPEN, "service", prefix, NULL);
	metrics_add(m, &changes, s->gate.changes, "service", prefix, NULL);
	metrics_add_real(m, &capacity, (double)s->told.quarters / SHARE_WHOLE, "service", prefix, NULL);
	add_health(m, a, s, prefix);
}

/* --- conditions and commands --- */

GAUGE(condition_up, "lb_announcer_condition_up", "1 while the condition holds.");
GAUGE(condition_time, "lb_announcer_condition_duration_seconds", "Time that its last run took.");
COUNTER(condition_runs, "lb_announcer_condition_runs_total", "Runs by their result.");
GAUGE(command_told, "lb_announcer_command_told",
	"1 when on-change has told of the newest state; 0: it runs, or failed and will run again.");
COUNTER(command_runs, "lb_announcer_command_runs_total", "Runs of on-change by their result.");

static void add_conditions(struct metrics *m, const struct service *s, const char *prefix)
{
	for (size_t i = 0; i < conditions_count(s->conditions); i++) {
		struct probe_view v;

		conditions_view(s->conditions, i, &v);
		metrics_add(
			m, &condition_up, v.health->up, "service", prefix, "condition", v.cfg->name, NULL);
		metrics_add_real(m, &condition_time, (double)v.duration_us / 1000000, "service", prefix,
			"condition", v.cfg->name, NULL);
		metrics_add(m, &condition_runs, v.health->runs - v.health->failures, "service", prefix,
			"condition", v.cfg->name, "result", "passed", NULL);
		metrics_add(m, &condition_runs, v.health->failures, "service", prefix, "condition",
			v.cfg->name, "result", "failed", NULL);
	}
}

static void add_command(struct metrics *m, const struct service *s, const char *prefix)
{
	const struct hook *h;

	if (!s->on_change)
		return;
	h = on_change_hook(s->on_change);
	metrics_add(m, &command_told, hook_settled(h), "service", prefix, NULL);
	metrics_add(m, &command_runs, h->runs - h->failed - (h->running != HOOK_UNKNOWN), "service", prefix,
		"result", "done", NULL);
	metrics_add(m, &command_runs, h->failed, "service", prefix, "result", "failed", NULL);
}

/* --- the agent --- */

GAUGE(agent_up, "lb_announcer_agent_up", "1 while lb-ipvs-agent is heard; without agent there is none.");
GAUGE(agent_since, "lb_announcer_agent_since_seconds", "Time since it was heard first, or last.");
GAUGE(agent_leaving, "lb_announcer_agent_leaving", "1 when it says that it has been told to end.");
COUNTER(agent_reports, "lb_announcer_agent_reports_total", "Reports heard, about one a second.");
COUNTER(agent_losses, "lb_announcer_agent_losses_total", "Times it was heard, and then not any more.");

static void add_agent(struct metrics *m, const struct announcer *a)
{
	const struct agent_status *st;

	if (!a->agent)
		return;
	st = agent_link_status(a->agent);
	metrics_add(m, &agent_up, st->heard, NULL);
	metrics_add_real(m, &agent_since, (double)(announcer_now_ms(a) - st->since_ms) / 1000, NULL);
	metrics_add(m, &agent_leaving, st->leaving, NULL);
	metrics_add(m, &agent_reports, st->report, NULL);
	metrics_add(m, &agent_losses, st->losses, NULL);
}

static void add_services(struct metrics *m, const struct announcer *a)
{
	for (size_t i = 0; i < a->service_count; i++) {
		const struct service *s = a->services[i];
		char prefix[PREFIX_TEXT_MAX];
		uint64_t told = 0;

		for (size_t k = 0; k < a->speaker_count; k++)
			told += speaker_announces(a->speakers[k], s);
		prefix_format(&s->cfg->prefix, prefix);
		metrics_add(m, &announced_to, told, "service", prefix, NULL);
		add_gate(m, a, s, prefix);
		add_conditions(m, s, prefix);
		add_command(m, s, prefix);
		metrics_add(m, &local_routes, s->local_route != NULL, "service", prefix, NULL);
		metrics_add(m, &node_routes, announcer_has_node_route(a, s), "service", prefix, NULL);
	}
}

/* --- neighbors --- */

GAUGE(neighbors, "lb_announcer_neighbors", "Neighbors by the state of their session.");
GAUGE(up, "lb_announcer_neighbor_up", "1 while the session is established.");
GAUGE(since, "lb_announcer_neighbor_since_seconds", "Time since the session came up, or went down.");
GAUGE(advertised, "lb_announcer_neighbor_advertised_prefixes", "Services it is told of.");
COUNTER(established, "lb_announcer_neighbor_established_total", "Times its session came up.");
COUNTER(flaps, "lb_announcer_neighbor_flaps_total", "Times its session went down.");
COUNTER(messages, "lb_announcer_neighbor_messages_total",
	"Messages by direction and type; UPDATEs sent are not counted.");
COUNTER(traffic, "lb_announcer_neighbor_bytes_total", "Octets of all messages by direction.");

static void add_messages(struct metrics *m, const char *address, const struct session_counters *c)
{
	for (unsigned t = BGP_OPEN; t <= BGP_ROUTE_REFRESH; t++) {
		const char *type = bgp_message_type_text((uint8_t)t);

		metrics_add(m, &messages, c->rx_messages[t], "neighbor", address, "direction", "in", "type",
			type, NULL);
		if (t != BGP_UPDATE)
			metrics_add(m, &messages, c->tx_messages[t], "neighbor", address, "direction", "out",
				"type", type, NULL);
	}
	metrics_add(m, &traffic, c->rx_octets, "neighbor", address, "direction", "in", NULL);
	metrics_add(m, &traffic, c->tx_octets, "neighbor", address, "direction", "out", NULL);
}

static void add_neighbor(struct metrics *m, const struct speaker *s)
{
	const struct session_counters *c = session_counters(s->session);
	uint64_t now_ms = announcer_now_ms(s->announcer), since_ms = session_since_us(s->session) / 1000;
	char address[PREFIX_TEXT_MAX];

	ip_addr_format(&s->cfg->address, address);
	metrics_add(m, &up, session_state(s->session) == SESSION_ESTABLISHED, "neighbor", address, NULL);
	metrics_add_real(m, &since, (double)(now_ms - since_ms) / 1000, "neighbor", address, NULL);
	metrics_add(m, &advertised, speaker_announced(s), "neighbor", address, NULL);
	metrics_add(m, &established, c->established, "neighbor", address, NULL);
	metrics_add(m, &flaps, c->flaps, "neighbor", address, NULL);
	add_messages(m, address, c);
}

static void add_neighbors(struct metrics *m, const struct announcer *a)
{
	uint64_t in_state[SESSION_STATES] = { 0 };

	for (size_t i = 0; i < a->speaker_count; i++) {
		in_state[session_state(a->speakers[i]->session)]++;
		add_neighbor(m, a->speakers[i]);
	}
	for (int st = 0; st < SESSION_STATES; st++)
		metrics_add(m, &neighbors, in_state[st], "state", session_state_text((enum session_state)st),
			NULL);
}

/* --- the command --- */

/* All at once: an announcer has few services and few neighbors. */
static bool more(void *state, struct metrics *m)
{
	const struct announcer *a = state;

	add_announcer(m, a);
	add_agent(m, a);
	add_services(m, a);
	add_neighbors(m, a);
	guards_add_metrics(m, a->guards);
	return false;
}

bool announcer_metrics(void *user, const struct row *args, struct control_answer *out, char *err)
{
	(void)args;
	(void)err;
	metrics_answer(out, more, user, NULL);
	return true;
}

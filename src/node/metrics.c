/* The command "metrics": everything lb-announcer --node counts. */
#include "control/metrics.h"

#include "base/log.h"
#include "base/row.h"
#include "config.h"
#include "daemon/limit.h"
#include "node/node.h"

#define COUNTER(symbol, name, help)                                                                          \
	static const struct metrics_family symbol = { name, METRICS_COUNTER, help }
#define GAUGE(symbol, name, help) static const struct metrics_family symbol = { name, METRICS_GAUGE, help }

GAUGE(info, "lb_announcer_node_info", "1; the label says what runs.");
GAUGE(uptime, "lb_announcer_node_uptime_seconds", "Time since the start.");
COUNTER(log_lines_lost, "lb_announcer_node_log_lines_lost_total",
	"Lines of the log that were lost because nobody took them.");
GAUGE(resident, "lb_announcer_node_resident_memory_bytes", "Memory that the process really uses.");
COUNTER(reloads, "lb_announcer_node_reloads_total", "Reloads by their result.");
COUNTER(registered, "lb_announcer_node_registrations_total", "Pods that were registered for a service.");
COUNTER(gone, "lb_announcer_node_lost_registrations_total",
	"Registrations taken out because their connection ended.");
COUNTER(refused, "lb_announcer_node_refused_requests_total", "Requests of announcers that were refused.");
GAUGE(pods, "lb_announcer_node_service_pods", "Registrations of a service by what the pod does with it.");
GAUGE(problems, "lb_announcer_node_service_problems", "Registrations of a service that do not work.");
GAUGE(unclaimed, "lb_announcer_node_service_unclaimed_next_hops",
	"Next hops of an earlier run that no pod has registered yet.");
GAUGE(routes, "lb_announcer_node_routes", "Routes in the kernel, or on the way there.");
GAUGE(failed, "lb_announcer_node_failed_routes", "Routes that the kernel refused.");
GAUGE(foreign, "lb_announcer_node_foreign_routes", "Other programs' routes in the place of ours.");
COUNTER(operations, "lb_announcer_node_operations_total", "Changes asked of the kernel.");
COUNTER(refusals, "lb_announcer_node_refused_operations_total", "Changes that the kernel refused.");

static void add_service(struct metrics *m, const struct node_service *s)
{
	uint64_t in_state[NODE_STATES] = { 0 }, bad = 0, waiting = 0;
	char prefix[PREFIX_TEXT_MAX];
	struct fib_next_hop nh;

	prefix_format(node_service_prefix(s), prefix);
	for (struct node_member *k = NULL; (k = node_service_next(s, k));) {
		in_state[k->state]++;
		bad += k->problem != NULL;
	}
	while (node_service_unclaimed(s, waiting, &nh))
		waiting++;
	for (enum node_state st = NODE_ANNOUNCING; st < NODE_STATES; st++)
		metrics_add(m, &pods, in_state[st], "service", prefix, "state", node_state_text(st), NULL);
	metrics_add(m, &problems, bad, "service", prefix, NULL);
	metrics_add(m, &unclaimed, waiting, "service", prefix, NULL);
}

static void add_fib(struct metrics *m, const struct node *n)
{
	struct row *r = fib_status(n->fib);

	metrics_add(m, &routes, (uint64_t)row_get_int(r, "routes", 0), NULL);
	metrics_add(m, &failed, (uint64_t)row_get_int(r, "failed", 0), NULL);
	metrics_add(m, &foreign, (uint64_t)row_get_int(r, "foreign-routes", 0), NULL);
	metrics_add(m, &operations, (uint64_t)row_get_int(r, "operations", 0), NULL);
	metrics_add(m, &refusals, (uint64_t)row_get_int(r, "refused-operations", 0), NULL);
	row_free(r);
}

/* All at once: a node has few pods. */
static bool more(void *state, struct metrics *m)
{
	const struct node *n = state;

	metrics_add(m, &info, 1, "version", PACKAGE_VERSION, NULL);
	metrics_add_real(m, &uptime, (double)(node_now_ms(n) - n->started_ms) / 1000, NULL);
	metrics_add(m, &resident, daemon_resident_octets(), NULL);
	metrics_add(m, &reloads, n->reload.done, "result", "done", NULL);
	metrics_add(m, &reloads, n->reload.refused, "result", "refused", NULL);
	metrics_add(m, &log_lines_lost, log_lost(), NULL);
	metrics_add(m, &registered, n->registered, NULL);
	metrics_add(m, &gone, n->gone, NULL);
	metrics_add(m, &refused, n->refused, NULL);
	for (struct node_service *s = NULL; (s = node_table_next(n->table, s));)
		add_service(m, s);
	add_fib(m, n);
	return false;
}

bool node_metrics(void *user, const struct row *args, struct control_answer *out, char *err)
{
	(void)args;
	(void)err;
	metrics_answer(out, more, user, NULL);
	return true;
}

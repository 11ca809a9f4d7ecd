/*
 * The command "metrics": everything the daemon counts. What concerns the whole comes first, then range by range and
 * neighbor by neighbor, a few samples at a time.
 */
#include "control/metrics.h"

#include "base/log.h"
#include "base/mem.h"
#include "bgp/message.h"
#include "config.h"
#include "daemon/limit.h"
#include "io/md5_drops.h"
#include "rrd/neighbor.h"
#include "rrd/show.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNTER(symbol, name, help)                                                                          \
	static const struct metrics_family symbol = { name, METRICS_COUNTER, help }
#define GAUGE(symbol, name, help) static const struct metrics_family symbol = { name, METRICS_GAUGE, help }

/* --- the daemon --- */

GAUGE(info, "rrd_info", "1; the labels say what runs.");
GAUGE(uptime, "rrd_uptime_seconds", "Time since the start.");
GAUGE(loaded, "rrd_configuration_age_seconds", "Time since the configuration in use was read.");
COUNTER(reloads, "rrd_reloads_total", "Reloads by their result.");
COUNTER(log_lines_lost, "rrd_log_lines_lost_total",
	"Lines of the log that were lost because nobody took them.");
GAUGE(resident, "rrd_resident_memory_bytes", "Memory that the process really uses.");
GAUGE(objects, "rrd_memory_objects", "What the tables hold, in objects.");
GAUGE(octets, "rrd_memory_bytes", "What the tables hold, in octets.");
GAUGE(prefixes, "rrd_prefixes", "Prefixes in the table.");
GAUGE(paths, "rrd_paths", "Paths in the table.");
GAUGE(tombstones, "rrd_withdrawn_paths", "Withdrawn paths that some neighbor has not been told of yet.");
GAUGE(groups, "rrd_update_groups", "Groups of neighbors that are told the same.");
COUNTER(oversized, "rrd_oversized_total", "Routes that did not fit into a message to somebody.");
GAUGE(longest_turn, "rrd_longest_turn_seconds", "The longest time that one turn of the loop took.");
COUNTER(long_turns, "rrd_long_turns_total", "Turns of the loop that took more than 100 ms.");

static void add_memory(void *user, const char *what, size_t object_count, size_t octet_count)
{
	metrics_add(user, &objects, object_count, "what", what, NULL);
	metrics_add(user, &octets, octet_count, "what", what, NULL);
}

static void add_daemon(struct metrics *m, const struct rrd *r)
{
	struct ip_addr id = ip_addr_v4(r->cfg->router.router_id);
	char text[PREFIX_TEXT_MAX], as[16];

	snprintf(as, sizeof(as), "%u", r->cfg->router.as);
	metrics_add(m, &info, 1, "version", PACKAGE_VERSION, "router_id", ip_addr_format(&id, text), "as", as,
		NULL);
	metrics_add_real(m, &uptime, (double)(rrd_now_ms(r) - r->started_ms) / 1000, NULL);
	metrics_add_real(m, &loaded, (double)(rrd_now_ms(r) - r->loaded_ms) / 1000, NULL);
	metrics_add(m, &reloads, r->reload.done, "result", "done", NULL);
	metrics_add(m, &reloads, r->reload.refused, "result", "refused", NULL);
	metrics_add(m, &resident, daemon_resident_octets(), NULL);
	route_engine_memory(r->engine, add_memory, m);
	for (int f = 0; f < BGP_FAMILIES; f++) {
		const char *family = bgp_family_text((enum bgp_family)f);
		const struct route_rib *rib = route_engine_rib(r->engine, (enum bgp_family)f);

		metrics_add(m, &prefixes, route_rib_entries(rib), "family", family, NULL);
		metrics_add(m, &paths, route_rib_paths(rib), "family", family, NULL);
		metrics_add(m, &tombstones, route_rib_tombstones(rib), "family", family, NULL);
		metrics_add(m, &groups, route_engine_groups(r->engine, (enum bgp_family)f), "family", family,
			NULL);
	}
	metrics_add(m, &oversized, r->oversized, NULL);
	metrics_add_real(m, &longest_turn, (double)io_loop_longest_turn(r->loop)->us / 1e6, NULL);
	metrics_add(m, &long_turns, io_loop_long_turns(r->loop), NULL);
	metrics_add(m, &log_lines_lost, log_lost(), NULL);
}

/* --- all neighbors --- */

GAUGE(neighbors, "rrd_neighbors", "Neighbors by the state of their session.");
COUNTER(refused, "rrd_connections_refused_total", "Connections from addresses that may not come, by reason.");
GAUGE(waiting, "rrd_waiting_neighbors", "Dynamic neighbors that are not up yet.");
COUNTER(gave_way, "rrd_gave_way_total", "Dynamic neighbors not up yet that made room for the next.");
COUNTER(timed_out, "rrd_open_timeouts_total", "Connections that did not come up in their time.");
COUNTER(accept_errors, "rrd_accept_errors_total", "Connections lost for want of descriptors or memory.");
COUNTER(md5_drops, "rrd_md5_drops_total",
	"Segments that the kernel threw away for their TCP-MD5 signature, in the network namespace, by what "
	"it was.");
COUNTER(same_id, "rrd_same_router_id_total", "Times a neighbor came up with the router id of another.");

static void add_neighbors(struct metrics *m, const struct rrd *r)
{
	const struct session_neighbors_counters *c = session_neighbors_counters(r->neighbors);
	uint64_t in_state[2][SESSION_STATES] = { 0 };
	struct ip_addr at;

	for (struct session *s = NULL; (s = session_neighbors_next(r->neighbors, s ? &at : NULL));) {
		const struct neighbor *n = session_user(s);

		at = session_config(s)->remote;
		in_state[n->range != NULL][session_state(s)]++;
	}
	for (int dynamic = 0; dynamic < 2; dynamic++)
		for (int st = 0; st < SESSION_STATES; st++)
			metrics_add(m, &neighbors, in_state[dynamic][st], "state",
				session_state_text((enum session_state)st), "kind",
				dynamic ? "dynamic" : "static", NULL);
	metrics_add(m, &refused, c->unknown_source, "reason", "unknown source", NULL);
	metrics_add(m, &refused, c->own_address, "reason", "own address", NULL);
	metrics_add(m, &refused, c->over_limit, "reason", "limit of the range", NULL);
	metrics_add(m, &refused, c->too_fast, "reason", "rate of the range", NULL);
	metrics_add(m, &refused, c->from_afar, "reason", "low TTL", NULL);
	metrics_add(m, &refused, c->shut_down, "reason", "shutdown", NULL);
	metrics_add(m, &waiting, session_neighbors_waiting(r->neighbors), NULL);
	metrics_add(m, &gave_way, c->gave_way, NULL);
	metrics_add(m, &timed_out, c->timed_out, NULL);
	metrics_add(m, &accept_errors, c->accept_errors, NULL);
	metrics_add(m, &same_id, c->same_id, NULL);
}

/* Nothing where the kernel does not count them. */
static void add_md5_drops(struct metrics *m)
{
	struct io_md5_drops d;

	if (!io_md5_drops_read(&d))
		return;
	metrics_add(m, &md5_drops, d.missing, "signature", "missing", NULL);
	metrics_add(m, &md5_drops, d.unexpected, "signature", "unexpected", NULL);
	metrics_add(m, &md5_drops, d.wrong, "signature", "wrong", NULL);
}

/* --- next hops --- */

GAUGE(next_hops, "rrd_next_hops", "Next hops of all paths by state.");
COUNTER(next_hop_changes, "rrd_next_hop_changes_total", "Times a next hop changed in eligibility or cost.");

static void add_next_hops(struct metrics *m, const struct rrd *r)
{
	const struct route_hops *hops = route_engine_hops(r->engine);
	enum { PENDING, ELIGIBLE, INELIGIBLE, STATES };
	uint64_t in_state[STATES] = { 0 };

	for (struct hash_node *n = hash_walk(&hops->table, NULL); n; n = hash_walk(&hops->table, n)) {
		const struct route_hop *h = HASH_ENTRY(n, struct route_hop, node);

		in_state[!h->known ? PENDING : h->reach.eligible ? ELIGIBLE : INELIGIBLE]++;
	}
	metrics_add(m, &next_hops, in_state[PENDING], "state", "pending", NULL);
	metrics_add(m, &next_hops, in_state[ELIGIBLE], "state", "eligible", NULL);
	metrics_add(m, &next_hops, in_state[INELIGIBLE], "state", "ineligible", NULL);
	metrics_add(m, &next_hop_changes, hops->changes, NULL);
}

/* --- the kernel's table --- */

struct fib_family {
	const char *key; /* of fib_status() */
	struct metrics_family family;
};

static const struct fib_family fib_families[] = {
	{ "routes", { "rrd_fib_routes", METRICS_GAUGE, "Routes that the kernel shall have." } },
	{ "leftover-routes", { "rrd_fib_leftover_routes", METRICS_GAUGE,
				     "Routes of an earlier run, not announced anew." } },
	{ "groups", { "rrd_fib_groups", METRICS_GAUGE, "Groups of next hops." } },
	{ "next-hops", { "rrd_fib_next_hops", METRICS_GAUGE, "Next hops of these routes." } },
	{ "unreachable-next-hops",
		{ "rrd_fib_unreachable_next_hops", METRICS_GAUGE, "Those that cannot be reached." } },
	{ "pending", { "rrd_fib_pending_routes", METRICS_GAUGE, "Routes on their way to the kernel." } },
	{ "failed", { "rrd_fib_failed_routes", METRICS_GAUGE, "Routes that the kernel refused." } },
	{ "foreign-routes",
		{ "rrd_fib_foreign_routes", METRICS_GAUGE, "Routes of others in the place of ours." } },
	{ "operations", { "rrd_fib_operations_total", METRICS_COUNTER, "Operations asked of the kernel." } },
	{ "refused-operations",
		{ "rrd_fib_refused_operations_total", METRICS_COUNTER, "Operations that it refused." } },
	{ "comparisons", { "rrd_fib_comparisons_total", METRICS_COUNTER,
				 "Times the kernel's table was compared with what it shall be." } },
	{ "overflows", { "rrd_fib_overflows_total", METRICS_COUNTER,
			       "Times events of the kernel were lost and its table was read anew." } },
	{ "resilient-groups", { "rrd_fib_resilient_groups", METRICS_GAUGE, "Groups that are resilient." } },
	{ "max-resilient-groups",
		{ "rrd_fib_max_resilient_groups", METRICS_GAUGE, "How many of them there may be." } },
	{ "resilient-octets",
		{ "rrd_fib_resilient_bytes", METRICS_GAUGE, "Memory of the kernel that they take." } },
	{ "resilient-refused", { "rrd_fib_resilient_refused_total", METRICS_COUNTER,
				       "Groups that should be resilient and are not." } },
};

GAUGE(swept, "rrd_fib_swept", "1 when what an earlier run left has been removed.");
GAUGE(wrong_sysctls, "rrd_fib_wrong_sysctls", "Settings of the kernel that are not as they should be.");

static void add_fib(struct metrics *m, const struct rrd *r)
{
	struct row *status;

	if (!r->fib)
		return;
	status = fib_status(r->fib);
	for (size_t i = 0; i < sizeof(fib_families) / sizeof(fib_families[0]); i++)
		if (row_has(status, fib_families[i].key))
			metrics_add(m, &fib_families[i].family,
				(uint64_t)row_get_int(status, fib_families[i].key, 0), NULL);
	metrics_add(m, &swept, row_get_bool(status, "swept", false), NULL);
	metrics_add(m, &wrong_sysctls, row_list_size(row_get(status, "sysctls")), NULL);
	row_free(status);
}

/* --- a range --- */

GAUGE(range_neighbors, "rrd_range_neighbors", "Neighbors that came by this range and are here.");
GAUGE(range_limit, "rrd_range_limit", "How many of them there may be.");
COUNTER(range_refused, "rrd_range_refused_total", "Connections refused because there were as many.");
COUNTER(range_too_fast, "rrd_range_too_fast_total", "Connections refused because of limit-rate.");
GAUGE(range_waiting, "rrd_range_waiting_neighbors", "Of its neighbors, those that are not up yet.");
COUNTER(range_gave_way, "rrd_range_gave_way_total", "Its neighbors not up yet that made room for the next.");
COUNTER(range_failed, "rrd_range_failures_total",
	"Times that somebody of it was refused, did not come up or went down in error.");
COUNTER(range_timed_out, "rrd_range_open_timeouts_total",
	"Its neighbors that did not come up in their time.");

#define RANGE_LABELS "range", range, "peer_group", c->peer_group, NULL

static void add_range(struct metrics *m, const struct session_range_info *i)
{
	const struct config_range *c = i->range_user;
	char range[PREFIX_TEXT_MAX];

	prefix_format(&i->prefix, range);
	metrics_add(m, &range_neighbors, i->neighbors, RANGE_LABELS);
	metrics_add(m, &range_limit, i->limit, RANGE_LABELS);
	metrics_add(m, &range_refused, i->refused, RANGE_LABELS);
	metrics_add(m, &range_too_fast, i->too_fast, RANGE_LABELS);
	metrics_add(m, &range_waiting, i->waiting, RANGE_LABELS);
	metrics_add(m, &range_gave_way, i->gave_way, RANGE_LABELS);
	metrics_add(m, &range_timed_out, i->timed_out, RANGE_LABELS);
	metrics_add(m, &range_failed, i->failed, RANGE_LABELS);
}

/* --- a neighbor --- */

GAUGE(up, "rrd_neighbor_up", "1 while the session is established.");
GAUGE(since, "rrd_neighbor_since_seconds", "Time since the session came up, or went down.");
GAUGE(received, "rrd_neighbor_received_prefixes", "Paths held from this neighbor.");
GAUGE(advertised, "rrd_neighbor_advertised_prefixes", "Routes that it holds from us.");
COUNTER(established, "rrd_neighbor_established_total", "Times its session came up.");
COUNTER(flaps, "rrd_neighbor_flaps_total", "Times its session went down.");
COUNTER(messages, "rrd_neighbor_messages_total",
	"Messages by direction and type; UPDATEs sent are not counted.");
COUNTER(traffic, "rrd_neighbor_bytes_total", "Octets of all messages by direction.");
COUNTER(discards, "rrd_neighbor_attribute_discards_total", "UPDATEs with an attribute that was discarded.");
COUNTER(withdraws, "rrd_neighbor_treat_as_withdraw_total",
	"UPDATEs so wrong that their routes were withdrawn.");
COUNTER(rejected, "rrd_neighbor_rejected_total", "Announced routes that were not taken, by reason.");
COUNTER(too_big, "rrd_neighbor_oversized_total", "Routes that did not fit into a message to it.");
COUNTER(speakers, "rrd_neighbor_two_speakers_total", "Times a second speaker was behind its address.");

struct neighbor_labels {
	char address[PREFIX_TEXT_MAX];
	const char *peer_group;
};

#define LABELS(l) "neighbor", (l)->address, "peer_group", (l)->peer_group

static void add_messages(struct metrics *m, const struct neighbor_labels *l, const struct session_counters *c)
{
	for (unsigned t = BGP_OPEN; t <= BGP_ROUTE_REFRESH; t++) {
		const char *type = bgp_message_type_text((uint8_t)t);

		metrics_add(
			m, &messages, c->rx_messages[t], LABELS(l), "direction", "in", "type", type, NULL);
		if (t != BGP_UPDATE)
			metrics_add(m, &messages, c->tx_messages[t], LABELS(l), "direction", "out", "type",
				type, NULL);
	}
	metrics_add(m, &traffic, c->rx_octets, LABELS(l), "direction", "in", NULL);
	metrics_add(m, &traffic, c->tx_octets, LABELS(l), "direction", "out", NULL);
}

static void add_routes(struct metrics *m, const struct neighbor_labels *l, const struct neighbor *n)
{
	for (int f = 0; f < BGP_FAMILIES; f++) {
		const char *family = bgp_family_text((enum bgp_family)f);

		metrics_add(m, &received, n->peer ? route_peer_counters(n->peer)->received[f] : 0, LABELS(l),
			"family", family, NULL);
		metrics_add(m, &advertised, n->peer ? route_peer_advertised(n->peer, (enum bgp_family)f) : 0,
			LABELS(l), "family", family, NULL);
	}
	for (int why = 0; why < ROUTE_REJECTS; why++)
		metrics_add(m, &rejected, neighbor_rejected(n, (enum route_reject)why), LABELS(l), "reason",
			route_reject_text((enum route_reject)why), NULL);
	metrics_add(m, &too_big, n->oversized + (n->peer ? route_peer_counters(n->peer)->oversized : 0),
		LABELS(l), NULL);
}

static void add_neighbor(struct metrics *m, const struct rrd *r, const struct session *s)
{
	const struct session_counters *c = session_counters(s);
	const struct neighbor *n = session_user(s);
	struct neighbor_labels l = { .peer_group = n->peer_group ? n->peer_group : "" };
	uint64_t since_ms = session_since_us(s) / 1000;

	ip_addr_format(&session_config(s)->remote, l.address);
	metrics_add(m, &up, session_state(s) == SESSION_ESTABLISHED, LABELS(&l), NULL);
	metrics_add_real(m, &since, (double)(rrd_now_ms(r) - since_ms) / 1000, LABELS(&l), NULL);
	metrics_add(m, &established, c->established, LABELS(&l), NULL);
	metrics_add(m, &flaps, c->flaps, LABELS(&l), NULL);
	metrics_add(m, &discards, c->attribute_discard, LABELS(&l), NULL);
	metrics_add(m, &withdraws, c->treat_as_withdraw, LABELS(&l), NULL);
	metrics_add(m, &speakers, session_two_speakers(s, NULL), LABELS(&l), NULL);
	add_messages(m, &l, c);
	add_routes(m, &l, n);
}

/* --- the command --- */

/* Where the answer is: ranges and neighbors are found again by their keys, whatever came or went. */
struct walk {
	const struct rrd *rrd;
	bool begun, ranges_over;
	struct prefix range;
	struct ip_addr neighbor;
};

static bool more(void *state, struct metrics *m)
{
	struct walk *w = state;
	const struct rrd *r = w->rrd;
	struct session_range_info range;
	const struct session *s;

	if (!w->begun) {
		add_daemon(m, r);
		add_neighbors(m, r);
		add_md5_drops(m);
		add_next_hops(m, r);
		add_fib(m, r);
		guards_add_metrics(m, r->guards);
		w->begun = true;
		return true;
	}
	if (!w->ranges_over && session_neighbors_next_range(
				       r->neighbors, w->range.family == IP_NONE ? NULL : &w->range, &range)) {
		w->range = range.prefix;
		add_range(m, &range);
		return true;
	}
	w->ranges_over = true;
	s = session_neighbors_next(r->neighbors, w->neighbor.family == IP_NONE ? NULL : &w->neighbor);
	if (!s)
		return false;
	w->neighbor = session_config(s)->remote;
	add_neighbor(m, r, s);
	return true;
}

bool show_metrics(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct walk *w = mem_calloc(1, sizeof(*w));

	(void)args;
	(void)err;
	w->rrd = user;
	metrics_answer(out, more, w, free);
	return true;
}

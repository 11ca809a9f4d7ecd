#include "rrctl/view.h"

#include <stddef.h>

static const struct column neighbor_columns[] = {
	{ .key = "address", .header = "ADDRESS" },
	{ .key = "as", .header = "AS", .kind = COLUMN_NUMBER },
	{ .key = "state", .header = "STATE" },
	{ .key = "since-ms", .header = "SINCE", .kind = COLUMN_DURATION },
	{ .key = "router-id", .header = "ROUTER-ID", .spare = 3 },
	{ .key = "peer-group", .header = "GROUP", .spare = 1 },
	{ .key = "dynamic", .header = "DYNAMIC", .spare = 4 },
	{ .key = "received", .header = "RECEIVED", .kind = COLUMN_NUMBER },
	{ .key = "advertised", .header = "ADVERTISED", .kind = COLUMN_NUMBER },
	{ .key = "bfd", .header = "BFD", .rare = true },
	{ .key = "admin", .header = "ADMIN", .rare = true },
	{ .key = "description", .header = "DESCRIPTION", .flex = true, .rare = true, .spare = 2 },
	{ .key = "last-error",
		.header = "LAST-ERROR",
		.kind = COLUMN_ERROR,
		.flex = true,
		.below = true,
		.rare = true },
	{ NULL },
};

static const struct column path_columns[] = {
	{ .key = "best", .header = "", .kind = COLUMN_FLAGS },
	{ .key = "prefix", .header = "PREFIX", .once = true },
	{ .key = "next-hop", .header = "NEXT-HOP" },
	{ .key = "from", .header = "FROM", .spare = 1 },
	{ .key = "originator-id", .header = "ORIGINATOR", .spare = 4 },
	{ .key = "path-id", .header = "ID", .kind = COLUMN_NUMBER, .spare = 5 },
	{ .key = "local-pref", .header = "PREF", .kind = COLUMN_NUMBER, .spare = 2 },
	{ .key = "med", .header = "MED", .kind = COLUMN_NUMBER, .rare = true, .spare = 6 },
	{ .key = "as-path", .header = "AS-PATH", .flex = true, .rare = true },
	{ .key = "origin", .header = "ORIGIN", .spare = 7 },
	{ .key = "age-ms", .header = "AGE", .kind = COLUMN_DURATION },
	{ .key = "communities", .header = "COMMUNITIES", .flex = true, .rare = true, .spare = 3 },
	{ NULL },
};

static const struct column adj_columns[] = {
	{ .key = "prefix", .header = "PREFIX", .once = true },
	{ .key = "path-id", .header = "ID", .kind = COLUMN_NUMBER },
	{ .key = "next-hop", .header = "NEXT-HOP" },
	{ .key = "from", .header = "FROM", .spare = 1 },
	{ .key = "originator-id", .header = "ORIGINATOR", .spare = 2 },
	{ .key = "local-pref", .header = "PREF", .kind = COLUMN_NUMBER },
	{ .key = "med", .header = "MED", .kind = COLUMN_NUMBER, .rare = true, .spare = 4 },
	{ .key = "as-path", .header = "AS-PATH", .flex = true },
	{ .key = "origin", .header = "ORIGIN", .spare = 5 },
	{ .key = "age-ms", .header = "AGE", .kind = COLUMN_DURATION, .spare = 6 },
	{ .key = "communities", .header = "COMMUNITIES", .flex = true, .rare = true },
	{ .key = "extended-communities", .header = "EXTENDED", .flex = true, .rare = true, .spare = 3 },
	{ .key = "ipv6-extended-communities", .header = "EXTENDED6", .flex = true, .rare = true, .spare = 3 },
	{ .key = "large-communities", .header = "LARGE", .flex = true, .rare = true, .spare = 7 },
	{ .key = "cluster-list", .header = "CLUSTERS", .flex = true, .rare = true, .spare = 8 },
	{ NULL },
};

static const struct column rejected_columns[] = {
	{ .key = "prefix", .header = "PREFIX" },
	{ .key = "path-id", .header = "ID", .kind = COLUMN_NUMBER, .spare = 2 },
	{ .key = "next-hop", .header = "NEXT-HOP", .spare = 1 },
	{ .key = "age-ms", .header = "AGE", .kind = COLUMN_DURATION },
	{ .key = "reason", .header = "REASON", .flex = true, .below = true },
	{ NULL },
};

static const struct column refresh_columns[] = {
	{ .key = "address", .header = "ADDRESS" },
	{ .key = "in", .header = "IN", .rare = true },
	{ .key = "out", .header = "OUT", .rare = true },
	{ NULL },
};

static const struct column neighbor_event_columns[] = {
	{ .key = "address", .header = "" },
	{ .key = "as", .header = "AS" },
	{ .key = "router-id", .header = "id" },
	{ .key = "peer-group", .header = "group" },
	{ .key = "state", .header = "" },
	{ NULL },
};

static const struct column route_event_columns[] = {
	{ .key = "prefix", .header = "" },
	{ .key = "from", .header = "from" },
	{ .key = "path-id", .header = "id" },
	{ .key = "next-hop", .header = "via" },
	{ .key = "local-pref", .header = "pref" },
	{ .key = "med", .header = "med" },
	{ .key = "as-path", .header = "as-path" },
	{ .key = "communities", .header = "communities" },
	{ .key = "was", .header = "was" },
	{ NULL },
};

static const struct column fib_event_columns[] = {
	{ .key = "prefix", .header = "" },
	{ .key = "group-id", .header = "group" },
	{ .key = "routes", .header = "routes" },
	{ .key = "via", .header = "via" },
	{ NULL },
};

static const struct column why_columns[] = {
	{ .key = "cluster-list", .header = "CLUSTERS", .flex = true, .rare = true, .spare = 6 },
	{ .key = "why", .header = "WHY" },
	{ NULL },
};

static const struct column fib_columns[] = {
	{ .key = "prefix", .header = "PREFIX", .once = true },
	{ .key = "address", .header = "NEXT-HOP", .element = true },
	{ .key = "interface", .header = "INTERFACE", .element = true },
	{ .key = "weight", .header = "WEIGHT", .kind = COLUMN_NUMBER, .element = true },
	{ .key = "wanted-percent", .header = "WANTED%", .kind = COLUMN_PERCENT, .element = true },
	{ .key = "actual-percent", .header = "ACTUAL%", .kind = COLUMN_PERCENT, .element = true },
	{ .key = "error", .header = "PROBLEM", .flex = true, .element = true, .rare = true },
	{ .key = "state", .header = "STATE" },
	{ .key = "group-id", .header = "GROUP", .kind = COLUMN_NUMBER, .spare = 2 },
	{ .key = "group-type", .header = "TYPE", .spare = 1 },
	{ .key = "error", .header = "ERROR", .flex = true, .below = true, .rare = true },
	{ .key = "warning", .header = "WARNING", .flex = true, .below = true, .rare = true },
	{ NULL },
};

static const struct column next_hop_columns[] = {
	{ .key = "address", .header = "ADDRESS" },
	{ .key = "state", .header = "STATE" },
	{ .key = "interface", .header = "INTERFACE" },
	{ .key = "via", .header = "VIA" },
	{ .key = "cost", .header = "COST", .kind = COLUMN_NUMBER },
	{ .key = "paths", .header = "PATHS", .kind = COLUMN_NUMBER },
	{ .key = "reason", .header = "REASON", .flex = true, .below = true, .rare = true },
	{ NULL },
};

static const struct column range_columns[] = {
	{ .key = "prefix", .header = "PREFIX" },
	{ .key = "peer-group", .header = "GROUP" },
	{ .key = "limit", .header = "LIMIT", .kind = COLUMN_NUMBER },
	{ .key = "neighbors", .header = "NEIGHBORS", .kind = COLUMN_NUMBER },
	{ .key = "refused", .header = "REFUSED", .kind = COLUMN_NUMBER },
	{ .key = "last-refused", .header = "LAST-REFUSED", .rare = true, .spare = 7 },
	{ .key = "failed", .header = "FAILED", .kind = COLUMN_NUMBER },
	{ .key = "last-failed", .header = "LAST-FAILED", .rare = true },
	{ .key = "waiting", .header = "WAITING", .kind = COLUMN_NUMBER, .spare = 2 },
	{ .key = "gave-way", .header = "GAVE-WAY", .kind = COLUMN_NUMBER, .spare = 3 },
	{ .key = "timed-out", .header = "TIMED-OUT", .kind = COLUMN_NUMBER, .spare = 4 },
	{ .key = "limit-rate", .header = "PER-S", .kind = COLUMN_NUMBER, .spare = 6 },
	{ .key = "too-fast", .header = "TOO-FAST", .kind = COLUMN_NUMBER, .spare = 5 },
	{ .key = "two-speakers", .header = "TWO-SPEAKERS", .kind = COLUMN_NUMBER, .spare = 1 },
	{ NULL },
};

static const struct column failure_columns[] = {
	{ .key = "address", .header = "ADDRESS" },
	{ .key = "range", .header = "RANGE", .spare = 2 },
	{ .key = "ago-ms", .header = "AGO", .kind = COLUMN_DURATION },
	{ .key = "times", .header = "TIMES", .kind = COLUMN_NUMBER, .spare = 1 },
	{ .key = "state", .header = "STATE", .rare = true },
	{ .key = "reason", .header = "REASON", .flex = true, .below = true },
	{ NULL },
};

static const struct column memory_columns[] = {
	{ .key = "what", .header = "WHAT" },
	{ .key = "objects", .header = "OBJECTS", .kind = COLUMN_NUMBER },
	{ .key = "octets", .header = "OCTETS", .kind = COLUMN_OCTETS },
	{ NULL },
};

static const struct column service_columns[] = {
	{ .key = "service", .header = "SERVICE" },
	{ .key = "key", .header = "KEY" },
	{ .key = "scheduler", .header = "SCHED" },
	{ .key = "flags", .header = "FLAGS", .rare = true, .spare = 9 },
	{ .key = "forward", .header = "FWD" },
	{ .key = "up", .other = "servers", .header = "UP", .kind = COLUMN_OF },
	{ .key = "draining", .header = "DRAIN", .kind = COLUMN_NUMBER },
	{ .key = "down", .header = "DOWN", .kind = COLUMN_NUMBER, .spare = 1 },
	{ .key = "active", .header = "ACTIVE", .kind = COLUMN_COUNT },
	{ .key = "inactive", .header = "INACT", .kind = COLUMN_COUNT, .spare = 6 },
	{ .key = "connections", .header = "CONNS", .kind = COLUMN_COUNT, .spare = 2 },
	{ .key = "packets-in", .header = "PKTS-IN", .kind = COLUMN_COUNT, .spare = 12 },
	{ .key = "octets-in", .header = "IN", .kind = COLUMN_OCTETS, .spare = 3 },
	{ .key = "packets-out", .header = "PKTS-OUT", .kind = COLUMN_COUNT, .spare = 13 },
	{ .key = "octets-out", .header = "OUT", .kind = COLUMN_OCTETS, .spare = 4 },
	{ .key = "settled", .header = "SETTLED", .spare = 5 },
	{ .key = "ordered", .header = "ORDERED", .spare = 8 },
	{ .key = "fingerprint", .header = "TABLE", .rare = true, .spare = 10 },
	{ .key = "moved-percent", .header = "MOVED%", .kind = COLUMN_PERCENT, .rare = true, .spare = 11 },
	{ .key = "source", .header = "SOURCE", .flex = true, .spare = 7 },
	{ .key = "source-error", .header = "SOURCE-ERROR", .flex = true, .below = true, .rare = true },
	{ .key = "error", .header = "ERROR", .flex = true, .below = true, .rare = true },
	{ NULL },
};

static const struct column announced_columns[] = {
	{ .key = "service", .header = "SERVICE" },
	{ .key = "state", .other = "effective", .header = "STATE", .kind = COLUMN_CLAIM },
	{ .key = "announced-to", .other = "neighbors", .header = "TOLD", .kind = COLUMN_OF },
	{ .key = "since-ms", .header = "SINCE", .kind = COLUMN_DURATION },
	{ .key = "healthy", .other = "servers", .header = "HEALTHY", .kind = COLUMN_OF },
	{ .key = "capacity-percent", .header = "CAPACITY%", .kind = COLUMN_NUMBER, .spare = 1 },
	{ .key = "active", .header = "ACTIVE", .kind = COLUMN_COUNT, .spare = 2 },
	{ .key = "agent", .header = "AGENT" },
	{ .key = "holding", .other = "conditions", .header = "CONDITIONS", .kind = COLUMN_OF, .rare = true },
	{ .key = "command", .header = "COMMAND", .rare = true },
	{ .key = "command-again-ms", .header = "AGAIN", .kind = COLUMN_DURATION, .rare = true },
	{ .key = "command-why", .header = "FAILED", .flex = true, .below = true, .rare = true },
	{ .key = "left-ms", .header = "LEFT", .kind = COLUMN_DURATION, .rare = true },
	{ .key = "returns-ms", .header = "RETURNS", .kind = COLUMN_DURATION, .rare = true },
	{ .key = "virtual-services", .header = "OF", .flex = true, .rare = true, .spare = 4 },
	{ .key = "changes", .header = "CHANGES", .kind = COLUMN_NUMBER, .spare = 3 },
	{ .key = "reason", .header = "REASON", .flex = true, .below = true },
	{ NULL },
};

static const struct column server_columns[] = {
	{ .key = "service", .header = "SERVICE", .once = true },
	{ .key = "server", .header = "SERVER" },
	{ .key = "name", .header = "NAME", .flex = true, .rare = true, .spare = 1 },
	{ .key = "state", .header = "STATE" },
	{ .key = "reason", .header = "REASON", .rare = true },
	{ .key = "since-ms", .header = "SINCE", .kind = COLUMN_DURATION },
	{ .key = "left-ms", .header = "LEFT", .kind = COLUMN_DURATION, .rare = true },
	{ .key = "weight", .header = "WEIGHT", .kind = COLUMN_NUMBER },
	{ .key = "wanted-weight", .header = "WANTED", .kind = COLUMN_NUMBER, .spare = 6 },
	{ .key = "active", .header = "ACTIVE", .kind = COLUMN_COUNT },
	{ .key = "inactive", .header = "INACT", .kind = COLUMN_COUNT, .spare = 4 },
	{ .key = "connections", .header = "CONNS", .kind = COLUMN_COUNT, .spare = 2 },
	{ .key = "octets-in", .header = "IN", .kind = COLUMN_OCTETS, .spare = 3 },
	{ .key = "octets-out", .header = "OUT", .kind = COLUMN_OCTETS, .spare = 5 },
	{ .key = "in-kernel", .header = "IN-KERNEL", .spare = 7 },
	{ NULL },
};

static const struct column check_columns[] = {
	{ .key = "service", .header = "SERVICE", .once = true },
	{ .key = "server", .header = "SERVER", .once = true },
	{ .key = "check", .header = "CHECK" },
	{ .key = "type", .header = "TYPE", .spare = 3 },
	{ .key = "up", .other = "known", .header = "STATE", .kind = COLUMN_HEALTH },
	{ .key = "last", .header = "LAST" },
	{ .key = "last-ms", .header = "AGO", .kind = COLUMN_DURATION, .spare = 1 },
	{ .key = "duration-us", .header = "TOOK", .kind = COLUMN_MICROSECONDS },
	{ .key = "runs", .header = "RUNS", .kind = COLUMN_COUNT, .spare = 4 },
	{ .key = "failures", .header = "FAILED", .kind = COLUMN_COUNT, .spare = 2 },
	{ .key = "changes", .header = "CHANGES", .kind = COLUMN_COUNT, .spare = 5 },
	{ .key = "in-a-row", .header = "IN-A-ROW", .kind = COLUMN_NUMBER, .spare = 7 },
	{ .key = "next-ms", .header = "NEXT", .kind = COLUMN_DURATION, .spare = 6 },
	{ .key = "why", .header = "WHY", .flex = true, .below = true, .rare = true },
	{ NULL },
};

static const struct column table_columns[] = {
	{ .key = "service", .header = "SERVICE", .once = true },
	{ .key = "fingerprint", .header = "FINGERPRINT", .once = true },
	{ .key = "slots", .header = "SLOTS", .kind = COLUMN_NUMBER, .once = true, .spare = 1 },
	{ .key = "moved-percent", .header = "MOVED%", .kind = COLUMN_PERCENT, .once = true },
	{ .key = "ordered", .header = "ORDERED", .once = true, .spare = 2 },
	{ .key = "server", .header = "SERVER" },
	{ .key = "weight", .header = "WEIGHT", .kind = COLUMN_NUMBER },
	{ .key = "slot-count", .header = "OF-SLOTS", .kind = COLUMN_NUMBER },
	{ .key = "share-percent", .header = "SHARE%", .kind = COLUMN_PERCENT },
	{ NULL },
};

static const struct column source_columns[] = {
	{ .key = "service", .header = "SERVICE" },
	{ .key = "source", .header = "SOURCE", .flex = true },
	{ .key = "told", .header = "TOLD" },
	{ .key = "servers", .header = "SERVERS", .kind = COLUMN_NUMBER },
	{ .key = "since-ms", .header = "SINCE", .kind = COLUMN_DURATION },
	{ .key = "watch", .header = "WATCH", .rare = true, .spare = 3 },
	{ .key = "heard-ms", .header = "HEARD", .kind = COLUMN_DURATION, .rare = true, .spare = 4 },
	{ .key = "changes", .header = "CHANGES", .kind = COLUMN_NUMBER, .spare = 2 },
	{ .key = "failures", .header = "FAILURES", .kind = COLUMN_NUMBER, .spare = 1 },
	{ .key = "error", .header = "ERROR", .flex = true, .below = true, .rare = true },
	{ NULL },
};

static const struct column node_service_columns[] = {
	{ .key = "prefix", .header = "PREFIX", .once = true },
	{ .key = "pod", .header = "POD" },
	{ .key = "name", .header = "NAME", .flex = true, .rare = true },
	{ .key = "state", .header = "STATE" },
	{ .key = "since-ms", .header = "SINCE", .kind = COLUMN_DURATION },
	{ .key = "capacity", .header = "BIT/S", .kind = COLUMN_COUNT },
	{ .key = "weight", .header = "WEIGHT", .kind = COLUMN_NUMBER },
	{ .key = "pid", .header = "PID", .kind = COLUMN_NUMBER, .spare = 1 },
	{ .key = "problem", .header = "PROBLEM", .flex = true, .below = true, .rare = true },
	{ NULL },
};

static const struct column bfd_columns[] = {
	{ .key = "address", .header = "ADDRESS" },
	{ .key = "local-address", .header = "LOCAL", .spare = 3 },
	{ .key = "state", .header = "STATE" },
	{ .key = "since-ms", .header = "SINCE", .kind = COLUMN_DURATION },
	{ .key = "tx-interval-us", .header = "INTERVAL", .kind = COLUMN_MICROSECONDS },
	{ .key = "detection-time-us", .header = "DETECTION", .kind = COLUMN_MICROSECONDS },
	{ .key = "multihop", .header = "MULTIHOP", .spare = 2 },
	{ .key = "failures", .header = "FAILURES", .kind = COLUMN_NUMBER },
	{ .key = "diagnostic", .header = "DIAGNOSTIC", .flex = true, .spare = 1 },
	{ .key = "error", .header = "ERROR", .flex = true, .below = true, .rare = true },
	{ NULL },
};

static const struct column bfd_event_columns[] = {
	{ .key = "time" },
	{ .key = "event" },
	{ .key = "address" },
	{ .key = "peer-group" },
	{ .key = "diagnostic" },
	{ NULL },
};

const struct view view_neighbors = { .columns = neighbor_columns };
const struct view view_routes = { .columns = path_columns };
const struct view view_route = { .columns = path_columns, .more = why_columns };
const struct view view_received = { .columns = adj_columns };
const struct view view_advertised = { .columns = adj_columns };
const struct view view_rejected = { .columns = rejected_columns, .note = "note" };
const struct view view_refresh = { .columns = refresh_columns };
const struct view view_neighbor_events = { .columns = neighbor_event_columns, .kind = VIEW_EVENTS };
const struct view view_route_events = { .columns = route_event_columns, .kind = VIEW_EVENTS };
const struct view view_fib_events = { .columns = fib_event_columns, .kind = VIEW_EVENTS };
const struct view view_node_services = { .columns = node_service_columns };
const struct view view_fib = { .columns = fib_columns, .list = "next-hops" };
const struct view view_next_hops = { .columns = next_hop_columns };
const struct view view_ranges = { .columns = range_columns };
const struct view view_failures = { .columns = failure_columns, .note = "note" };
const struct view view_bfd = { .columns = bfd_columns };
const struct view view_bfd_events = { .columns = bfd_event_columns, .kind = VIEW_EVENTS };
const struct view view_memory = { .columns = memory_columns };
const struct view view_services = { .columns = service_columns };
const struct view view_announced = { .columns = announced_columns };
const struct view view_servers = { .columns = server_columns };
const struct view view_checks = { .columns = check_columns };
const struct view view_table = { .columns = table_columns };
const struct view view_sources = { .columns = source_columns };
const struct view view_events = { .kind = VIEW_EVENTS };
const struct view view_metrics = { .kind = VIEW_METRICS };
const struct view view_changes = { .kind = VIEW_CHANGES };
const struct view view_lines = { .kind = VIEW_LINES };
const struct view view_sheet = { 0 };
const struct view view_status = { .labels = status_labels };

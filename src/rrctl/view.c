#include "rrctl/view.h"

#include <stddef.h>

static const struct column neighbor_columns[] = {
	{ .key = "address", .header = "ADDRESS" },
	{ .key = "as", .header = "AS", .kind = COLUMN_NUMBER },
	{ .key = "state", .header = "STATE" },
	{ .key = "since-ms", .header = "SINCE", .kind = COLUMN_DURATION },
	{ .key = "router-id", .header = "ROUTER-ID" },
	{ .key = "peer-group", .header = "GROUP" },
	{ .key = "dynamic", .header = "DYNAMIC" },
	{ .key = "received", .header = "RECEIVED", .kind = COLUMN_NUMBER },
	{ .key = "advertised", .header = "ADVERTISED", .kind = COLUMN_NUMBER },
	{ .key = "description", .header = "DESCRIPTION", .flex = true },
	{ .key = "last-error", .header = "LAST-ERROR", .flex = true },
	{ NULL },
};

static const struct column path_columns[] = {
	{ .key = "best", .header = "", .kind = COLUMN_FLAGS },
	{ .key = "prefix", .header = "PREFIX", .once = true },
	{ .key = "next-hop", .header = "NEXT-HOP" },
	{ .key = "from", .header = "FROM" },
	{ .key = "originator-id", .header = "ORIGINATOR" },
	{ .key = "path-id", .header = "ID", .kind = COLUMN_NUMBER },
	{ .key = "local-pref", .header = "PREF", .kind = COLUMN_NUMBER },
	{ .key = "med", .header = "MED", .kind = COLUMN_NUMBER },
	{ .key = "as-path", .header = "AS-PATH", .flex = true },
	{ .key = "origin", .header = "ORIGIN" },
	{ .key = "age-ms", .header = "AGE", .kind = COLUMN_DURATION },
	{ .key = "communities", .header = "COMMUNITIES", .flex = true },
	{ NULL },
};

static const struct column why_columns[] = {
	{ .key = "cluster-list", .header = "CLUSTERS", .flex = true },
	{ .key = "why", .header = "WHY" },
	{ NULL },
};

static const struct column fib_columns[] = {
	{ .key = "prefix", .header = "PREFIX", .once = true },
	{ .key = "address", .header = "NEXT-HOP", .element = true },
	{ .key = "interface", .header = "INTERFACE", .element = true },
	{ .key = "weight", .header = "WEIGHT", .kind = COLUMN_NUMBER, .element = true },
	{ .key = "wanted-percent", .header = "WANTED%", .kind = COLUMN_NUMBER, .element = true },
	{ .key = "actual-percent", .header = "ACTUAL%", .kind = COLUMN_NUMBER, .element = true },
	{ .key = "error", .header = "PROBLEM", .flex = true, .element = true },
	{ .key = "state", .header = "STATE" },
	{ .key = "group-id", .header = "GROUP", .kind = COLUMN_NUMBER },
	{ .key = "group-type", .header = "TYPE" },
	{ .key = "error", .header = "ERROR", .flex = true },
	{ .key = "warning", .header = "WARNING", .flex = true },
	{ NULL },
};

static const struct column next_hop_columns[] = {
	{ .key = "address", .header = "ADDRESS" },
	{ .key = "state", .header = "STATE" },
	{ .key = "interface", .header = "INTERFACE" },
	{ .key = "via", .header = "VIA" },
	{ .key = "cost", .header = "COST", .kind = COLUMN_NUMBER },
	{ .key = "paths", .header = "PATHS", .kind = COLUMN_NUMBER },
	{ .key = "reason", .header = "REASON", .flex = true },
	{ NULL },
};

static const struct column range_columns[] = {
	{ .key = "prefix", .header = "PREFIX" },
	{ .key = "peer-group", .header = "GROUP" },
	{ .key = "limit", .header = "LIMIT", .kind = COLUMN_NUMBER },
	{ .key = "neighbors", .header = "NEIGHBORS", .kind = COLUMN_NUMBER },
	{ .key = "refused", .header = "REFUSED", .kind = COLUMN_NUMBER },
	{ .key = "last-refused", .header = "LAST-REFUSED" },
	{ .key = "two-speakers", .header = "TWO-SPEAKERS", .kind = COLUMN_NUMBER },
	{ NULL },
};

static const struct column memory_columns[] = {
	{ .key = "what", .header = "WHAT" },
	{ .key = "objects", .header = "OBJECTS", .kind = COLUMN_NUMBER },
	{ .key = "octets", .header = "OCTETS", .kind = COLUMN_NUMBER },
	{ NULL },
};

const struct view view_neighbors = { .columns = neighbor_columns };
const struct view view_routes = { .columns = path_columns };
const struct view view_route = { .columns = path_columns, .more = why_columns };
const struct view view_fib = { .columns = fib_columns, .list = "next-hops" };
const struct view view_next_hops = { .columns = next_hop_columns };
const struct view view_ranges = { .columns = range_columns };
const struct view view_memory = { .columns = memory_columns };
const struct view view_sheet = { 0 };

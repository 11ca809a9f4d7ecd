#include "config/rrd.h"

#include "config/scalar.h"
#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>

enum { RANGE_MIN_HOLD_TIME_S = 3 };

#define ROUTER(member) .offset = offsetof(struct config_router, member)
static const struct config_field router_fields[] = {
	{ "as", CONFIG_SCALAR, &config_as, ROUTER(as), .required = true, .apply = CONFIG_RESET_SESSION,
		.doc = "the number of our own autonomous system" },
	{ "router-id", CONFIG_SCALAR, &config_router_id, ROUTER(router_id), .required = true,
		.apply = CONFIG_RESET_SESSION,
		.doc = "our BGP Identifier, unique in the AS: an IPv4 address of this host" },
	{ "cluster-id", CONFIG_SCALAR, &config_router_id, ROUTER(cluster_id), .def_doc = "the router-id",
		.apply = CONFIG_RESET_SESSION,
		.doc = "the identifier of our cluster (RFC 4456); the same on reflectors that share their "
		       "clients" },
	{ "always-compare-med", CONFIG_SCALAR, &config_bool, ROUTER(always_compare_med), .def = "false",
		.apply = CONFIG_REEVALUATE,
		.doc = "compare the MED of paths from different neighboring ASes too" },
	{ "as-path-relax", CONFIG_SCALAR, &config_bool, ROUTER(as_path_relax), .def = "false",
		.apply = CONFIG_REEVALUATE,
		.doc = "let external paths of the same length share a multipath route though their AS paths "
		       "differ" },
	{ "multipath-max", CONFIG_SCALAR, &config_u16, ROUTER(multipath_max), .min = 1, .max = 256,
		.def = "64", .apply = CONFIG_REEVALUATE, .doc = "the most next hops of one route" },
	{ "next-hop-check", CONFIG_SCALAR, &config_bool, ROUTER(next_hop_check),
		.def_doc = "the value of fib.enabled", .apply = CONFIG_RESTART,
		.doc = "leave paths out of the decision, and tell them to nobody, whose next hop this host "
		       "cannot reach" },
	{ NULL },
};
static const struct config_schema router_schema = { sizeof(struct config_router), router_fields };

#define LISTEN(member) .offset = offsetof(struct config_listen, member)
static const struct config_field listen_fields[] = {
	{ "address", CONFIG_SCALAR, &config_addr, LISTEN(address), .required = true, .key = true,
		.apply = CONFIG_LIVE,
		.doc = "an address of this host; 0.0.0.0 or \"::\" for all of its family" },
	{ "port", CONFIG_SCALAR, &config_u16, LISTEN(port), .min = 1, .max = 65535, .def = "179", .key = true,
		.apply = CONFIG_LIVE, .doc = "the TCP port" },
	{ NULL },
};
static const struct config_schema listen_schema = { sizeof(struct config_listen), listen_fields };

static const struct config_field no_fields[] = { { NULL } };
static const struct config_schema group_schema = { sizeof(struct config_group), no_fields,
	.include = &config_peer_schema, .include_offset = offsetof(struct config_group, peer) };

#define RANGE(member) .offset = offsetof(struct config_range, member)
static const struct config_field range_fields[] = {
	{ "prefix", CONFIG_SCALAR, &config_prefix, RANGE(prefix), .required = true, .key = true,
		.apply = CONFIG_LIVE,
		.doc = "the addresses from which anybody may connect; the longest prefix decides" },
	{ "peer-group", CONFIG_SCALAR, &config_name, RANGE(peer_group), .max = 64, .required = true,
		.apply = CONFIG_LIVE, .doc = "the group whose keys hold for them" },
	{ "limit", CONFIG_SCALAR, &config_u32, RANGE(limit), .min = 1, .max = 1000000, .def = "4096",
		.apply = CONFIG_LIVE, .doc = "the most neighbors of this range at one time" },
	{ "limit-rate", CONFIG_SCALAR, &config_u32, RANGE(limit_rate), .max = 1000000, .def = "0",
		.apply = CONFIG_LIVE,
		.doc = "the most new neighbors of this range in a second; what comes beyond it is reset at "
		       "once; 0: any number" },
	CONFIG_PASSWORD_ROWS(offsetof(struct config_range, password), CONFIG_LIVE),
	{ NULL },
};
static const struct config_schema range_schema = { sizeof(struct config_range), range_fields };

#define NEIGHBOR(member) .offset = offsetof(struct config_neighbor, member)
static const struct config_field neighbor_fields[] = {
	{ "address", CONFIG_SCALAR, &config_addr, NEIGHBOR(address), .required = true, .key = true,
		.apply = CONFIG_LIVE, .doc = "the neighbor's address" },
	{ "peer-group", CONFIG_SCALAR, &config_name, NEIGHBOR(peer_group), .max = 64, .def_doc = "none",
		.apply = CONFIG_LIVE,
		.doc = "the group whose keys hold where the neighbor says nothing else" },
	{ NULL },
};
static const struct config_schema neighbor_schema = { sizeof(struct config_neighbor), neighbor_fields,
	.include = &config_peer_schema, .include_offset = offsetof(struct config_neighbor, peer),
	.include_doc = "any key of a peer group; default the group's\twhat holds for this neighbor alone" };

#define FIB(member) .offset = offsetof(struct config_fib, member)
static const struct config_word on_empty_words[] = { { "remove", CONFIG_ON_EMPTY_REMOVE },
	{ "unreachable", CONFIG_ON_EMPTY_UNREACHABLE }, { "blackhole", CONFIG_ON_EMPTY_BLACKHOLE },
	{ NULL } };

#define FIB_GROUP(member) .offset = offsetof(struct config_fib_group, member)
static const struct config_field fib_group_fields[] = {
	{ "prefixes", CONFIG_LIST, &config_rule, FIB_GROUP(rules),
		.count_offset = offsetof(struct config_fib_group, rule_count), .min = 1, .required = true,
		.apply = CONFIG_RESTART,
		.doc = "the prefixes whose groups are of this kind; the first element that fits decides" },
	{ "type", CONFIG_SCALAR, &config_enum, .words = config_group_type_words, FIB_GROUP(type),
		.def = "hash-threshold", .apply = CONFIG_RESTART,
		.doc = "what the kernel does with flows when the next hops change: hash-threshold follows at "
		       "once and moves some, resilient keeps a flow where it is and moves only idle "
		       "buckets" },
	{ "buckets", CONFIG_SCALAR, &config_u16, FIB_GROUP(buckets), .min = 1, .max = 32768, .def = "4096",
		.apply = CONFIG_RESTART,
		.doc = "of a resilient group; 32 octets of kernel memory each; never changed in a group that "
		       "is there" },
	{ "idle-timer", CONFIG_SCALAR, &config_u32, FIB_GROUP(idle_timer_s), .min = 1, .max = 86400,
		.def = "120", .apply = CONFIG_RESTART,
		.doc = "seconds without a packet after which a bucket may be moved" },
	{ "unbalanced-timer", CONFIG_SCALAR, &config_u32, FIB_GROUP(unbalanced_timer_s), .min = 0,
		.max = 86400, .def = "0", .apply = CONFIG_RESTART,
		.doc = "seconds after which busy buckets are moved too, breaking flows; 0: never" },
	{ "link-bandwidth-unit", CONFIG_SCALAR, &config_u32, FIB_GROUP(link_bandwidth_unit), .min = 0,
		.max = UINT32_MAX, .def = "0", .apply = CONFIG_RESTART,
		.doc = "the link bandwidth, in octets per second, that makes a weight of 1 for these "
		       "prefixes; "
		       "0: as fib.link-bandwidth-unit says" },
	{ NULL },
};
static const struct config_schema fib_group_schema = { sizeof(struct config_fib_group), fib_group_fields };

static const struct config_field fib_fields[] = {
	{ "enabled", CONFIG_SCALAR, &config_bool, FIB(enabled), .def = "false", .apply = CONFIG_RESTART,
		.doc = "put the routes into the kernel's table: the router's role" },
	{ "table", CONFIG_SCALAR, &config_table, FIB(table), .def = "main", .apply = CONFIG_RESTART,
		.doc = "the kernel's routing table" },
	{ "metric", CONFIG_SCALAR, &config_u32, FIB(metric), .min = 1, .max = UINT32_MAX, .def = "20",
		.apply = CONFIG_RESTART,
		.doc = "the metric of our routes; the kernel prefers the lower one" },
	{ "protocol", CONFIG_SCALAR, &config_protocol, FIB(protocol), .def = "bgp", .apply = CONFIG_RESTART,
		.doc = "the protocol our routes carry; with table and metric it tells which routes are "
		       "ours" },
	{ "next-hop-id-base", CONFIG_SCALAR, &config_u32, FIB(next_hop_id_base), .min = 1, .max = UINT32_MAX,
		.def = "1000000000", .apply = CONFIG_RESTART,
		.doc = "the first of the kernel's next-hop ids that are ours" },
	{ "next-hop-id-count", CONFIG_SCALAR, &config_u32, FIB(next_hop_id_count), .min = 1024,
		.max = UINT32_MAX, .def = "1000000", .apply = CONFIG_RESTART, .doc = "how many of them" },
	{ "groups", CONFIG_LIST, .schema = &fib_group_schema, FIB(groups),
		.count_offset = offsetof(struct config_fib, group_count), .apply = CONFIG_RESTART },
	{ "max-resilient-groups", CONFIG_SCALAR, &config_u32, FIB(max_resilient_groups), .min = 0,
		.max = 65536, .def = "256", .apply = CONFIG_RESTART,
		.doc = "the most resilient groups; the routes of further prefixes share hash-threshold "
		       "groups, "
		       "with a warning" },
	{ "resolve-via-default", CONFIG_SCALAR, &config_bool, FIB(resolve_via_default), .def = "false",
		.apply = CONFIG_RESTART, .doc = "let the default route lead to next hops" },
	{ "on-empty", CONFIG_SCALAR, &config_enum, .words = on_empty_words, FIB(on_empty), .def = "remove",
		.apply = CONFIG_RESTART,
		.doc = "what takes the place of a route whose last usable next hop is gone: nothing, or a "
		       "route "
		       "that rejects or drops its packets until a path comes or the daemon ends" },
	{ "restart-time", CONFIG_SCALAR, &config_u32, FIB(restart_time_s), .min = 0, .max = 86400,
		.def = "60", .apply = CONFIG_LIVE,
		.doc = "seconds after which what an earlier run left is removed unless it was announced "
		       "anew; "
		       "at once when every configured neighbor has told all it has (End-of-RIB)" },
	{ "compare-interval", CONFIG_SCALAR, &config_u32, FIB(compare_interval_s), .min = 0, .max = 86400,
		.def = "60", .apply = CONFIG_RESTART,
		.doc = "seconds between two comparisons of the kernel's routes with ours; 0: only after "
		       "events" },
	{ "sysctls", CONFIG_SCALAR, &config_enum, .words = config_sysctls_words, FIB(sysctls), .def = "check",
		.apply = CONFIG_RESTART,
		.doc = "tell which of the kernel's settings a router of this kind needs are wrong, or set "
		       "them, or ignore them" },
	{ "on-exit", CONFIG_SCALAR, &config_enum, .words = config_on_exit_words, FIB(on_exit),
		.def = "remove", .apply = CONFIG_LIVE,
		.doc = "what becomes of our routes when the daemon ends in order" },
	{ "link-bandwidth-unit", CONFIG_SCALAR, &config_u32, FIB(link_bandwidth_unit), .min = 0,
		.max = UINT32_MAX, .def = "0", .apply = CONFIG_RESTART,
		.doc = "the link bandwidth, in octets per second, that makes a weight of 1; 0: the smallest "
		       "power of two for each route that keeps the largest weight at or under 255" },
	{ NULL },
};
static const struct config_schema fib_schema = { sizeof(struct config_fib), fib_fields };

static const struct config_field control_fields[] = {
	{ "socket", CONFIG_SCALAR, &config_path, .offset = offsetof(struct config_control, socket), .min = 2,
		.max = CONFIG_SOCKET_PATH_MAX, .def = RUNSTATEDIR "/rrd/rrd.sock",
		.def_doc = "rrd/rrd.sock in the run-time directory", .apply = CONFIG_LIVE,
		.doc = "where rrctl finds the daemon" },
	CONFIG_CONTROL_ROWS(CONFIG_LIVE),
	{ NULL },
};
static const struct config_schema control_schema = { sizeof(struct config_control), control_fields };

#define RRD(member)	  .offset = offsetof(struct config_rrd, member)
#define RRD_COUNT(member) .count_offset = offsetof(struct config_rrd, member)
static const struct config_field rrd_fields[] = {
	{ "router", CONFIG_STRUCT, .schema = &router_schema, RRD(router), .required = true,
		.doc = "who we are (as, router-id)" },
	{ "listen", CONFIG_LIST, .schema = &listen_schema, RRD(listen), RRD_COUNT(listen_count) },
	{ "peer-groups", CONFIG_MAP, .schema = &group_schema, RRD(groups), RRD_COUNT(group_count) },
	{ "dynamic-neighbors", CONFIG_LIST, .schema = &range_schema, RRD(ranges), RRD_COUNT(range_count) },
	{ "neighbors", CONFIG_LIST, .schema = &neighbor_schema, RRD(neighbors), RRD_COUNT(neighbor_count) },
	{ "fib", CONFIG_STRUCT, .schema = &fib_schema, RRD(fib) },
	{ "bfd", CONFIG_STRUCT, .schema = &config_bfd_daemon_schema, RRD(bfd) },
	{ "control", CONFIG_STRUCT, .schema = &control_schema, RRD(control) },
	{ "log", CONFIG_STRUCT, .schema = &config_speaker_log_schema, RRD(log) },
	{ NULL },
};
const struct config_schema config_rrd_schema = { sizeof(struct config_rrd), rrd_fields };

/* Without "listen" the daemon listens on everything; "listen: []" is for one that only connects. */
static void default_listen(struct config_rrd *c)
{
	struct config_listen *l = arena_alloc(c->arena, 2 * sizeof(*l));

	memset(l, 0, 2 * sizeof(*l));
	l[0].address.family = IP_V4;
	l[1].address.family = IP_V6;
	l[0].port = l[1].port = BGP_PORT;
	c->listen = l;
	c->listen_count = 2;
}

static const struct config_group *find_group(const struct config_rrd *c, const char *name)
{
	for (size_t i = 0; name && i < c->group_count; i++)
		if (strcmp(c->groups[i].head.name, name) == 0)
			return &c->groups[i];
	return NULL;
}

/* Default, then group, then the peer's own keys. What is wrong with them was said when each was read. */
static void merge(
	struct config_rrd *c, const char *group_name, const struct config_node *own, struct config_peer *out)
{
	struct config_reader quiet = { .arena = c->arena, .features = config_features() };
	const struct config_group *group = find_group(c, group_name);

	config_schema_init(&quiet, &config_peer_schema, out);
	if (group)
		config_schema_apply(&quiet, &config_peer_schema, group->head.node, out);
	if (own)
		config_schema_apply(&quiet, &config_peer_schema, own, out);
	if (out->as.kind == CONFIG_PEER_AS_INTERNAL)
		out->as.number = c->router.as;
}

static void fill_in(struct config_rrd *c, const struct config_node *root)
{
	const struct config_node *listen = config_node_get(root, "listen");

	if (!c->router.cluster_id)
		c->router.cluster_id = c->router.router_id;
	if (!config_node_get(config_node_get(root, "router"), "next-hop-check"))
		c->router.next_hop_check = c->fib.enabled;
	if (!listen || config_node_is_empty(listen))
		default_listen(c);
	for (size_t i = 0; i < c->group_count; i++)
		merge(c, c->groups[i].head.name, NULL, &c->groups[i].peer);
	for (size_t i = 0; i < c->range_count; i++) {
		struct config_range *range = &c->ranges[i];
		const struct config_group *group = find_group(c, range->peer_group);

		merge(c, range->peer_group, NULL, &range->peer);
		if (range->password.len)
			range->peer.password = range->password;
		if (!config_node_get(group ? group->head.node : NULL, "min-hold-time"))
			range->peer.min_hold_time_s = RANGE_MIN_HOLD_TIME_S;
	}
	for (size_t i = 0; i < c->neighbor_count; i++) {
		struct config_neighbor *n = &c->neighbors[i];

		merge(c, n->peer_group, n->head.node, &n->peer);
	}
}

struct config_rrd *config_rrd_parse(
	const char *text, size_t len, const char *name, struct config_errors *errs)
{
	struct config_reader r = { .arena = arena_new(), .errs = errs, .features = config_features() };
	size_t before = config_errors_count(errs);
	struct config_rrd *c = arena_alloc(r.arena, sizeof(*c));
	const struct config_node *root;

	config_errors_set_file(errs, name);
	root = config_yaml_parse(r.arena, text, len, errs);
	if (root) {
		config_schema_read(&r, &config_rrd_schema, root, c);
		c->arena = r.arena;
		c->root = root;
		fill_in(c, root);
		config_control_check(&c->control, root, errs);
		config_rrd_check(c, root, errs);
	}
	if (config_errors_count(errs) == before)
		return c;
	arena_free(r.arena);
	return NULL;
}

struct config_rrd *config_rrd_load(const char *path, struct config_errors *errs)
{
	struct config_rrd *c = NULL;
	size_t len;
	char *text;

	config_errors_set_file(errs, path);
	text = config_file_read(path, &len, errs);
	if (text)
		c = config_rrd_parse(text, len, path, errs);
	free(text);
	return c;
}

void config_rrd_free(struct config_rrd *c)
{
	if (c)
		arena_free(c->arena);
}

#include "config/node_routes.h"

#include "config/scalar.h"
#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>

#define GROUP(member) .offset = offsetof(struct config_node_group, member)
static const struct config_field group_fields[] = {
	{ "type", CONFIG_SCALAR, &config_enum, .words = config_group_type_words, GROUP(type),
		.def = "hash-threshold", .apply = CONFIG_RESTART,
		.doc = "what the kernel does with flows when the pods of a service change: hash-threshold "
		       "follows at once and moves some, resilient keeps a flow where it is and moves only "
		       "idle buckets" },
	{ "buckets", CONFIG_SCALAR, &config_u16, GROUP(buckets), .min = 1, .max = 32768, .def = "1024",
		.apply = CONFIG_RESTART,
		.doc = "of a resilient group; 32 octets of kernel memory each; never changed in a group that "
		       "is there" },
	{ "idle-timer", CONFIG_SCALAR, &config_u32, GROUP(idle_timer_s), .min = 1, .max = 86400, .def = "120",
		.apply = CONFIG_RESTART,
		.doc = "seconds without a packet after which a bucket may be moved" },
	{ "unbalanced-timer", CONFIG_SCALAR, &config_u32, GROUP(unbalanced_timer_s), .min = 0, .max = 86400,
		.def = "0", .apply = CONFIG_RESTART,
		.doc = "seconds after which busy buckets are moved too, breaking flows; 0: never" },
	{ NULL },
};
static const struct config_schema group_schema = { sizeof(struct config_node_group), group_fields };

static const struct config_word hash_words[] = { { "own", CONFIG_HASH_OWN }, { "keep", CONFIG_HASH_KEEP },
	{ NULL } };

#define NODE(member)	   .offset = offsetof(struct config_node_settings, member)
#define NODE_COUNT(member) .count_offset = offsetof(struct config_node_settings, member)
static const struct config_field node_fields[] = {
	{ "socket", CONFIG_SCALAR, &config_path, NODE(socket), .min = 2, .max = CONFIG_SOCKET_PATH_MAX,
		.def = RUNSTATEDIR "/rrd-node/node.sock",
		.def_doc = "rrd-node/node.sock in the run-time directory", .apply = CONFIG_LIVE,
		.doc = "where the announcers of this node's pods register" },
	{ "socket-group", CONFIG_SCALAR, &config_name, NODE(socket_group), .max = 32, .def_doc = "none",
		.apply = CONFIG_LIVE,
		.doc = "the group that may use it, by name or number, beside root and the daemon's own "
		       "user" },
	{ "services", CONFIG_LIST, &config_prefix, NODE(services), NODE_COUNT(service_count), .min = 1,
		.required = true, .apply = CONFIG_LIVE,
		.doc = "what may be registered: these prefixes and those inside them" },
	{ "pods", CONFIG_LIST, &config_prefix, NODE(pods), NODE_COUNT(pod_count), .min = 1, .required = true,
		.apply = CONFIG_LIVE, .doc = "where packets may be sent: the ranges of this node's pods" },
	{ "table", CONFIG_SCALAR, &config_table, NODE(table), .def = "main", .apply = CONFIG_RESTART,
		.doc = "the kernel's routing table" },
	{ "metric", CONFIG_SCALAR, &config_u32, NODE(metric), .min = 1, .max = UINT32_MAX, .def = "10",
		.apply = CONFIG_RESTART,
		.doc = "the metric of our routes; the kernel prefers the lower one, and rrd's are 20" },
	{ "protocol", CONFIG_SCALAR, &config_protocol, NODE(protocol), .def = "bgp", .apply = CONFIG_RESTART,
		.doc = "the protocol our routes carry; with table and metric it tells which routes are "
		       "ours" },
	{ "next-hop-id-base", CONFIG_SCALAR, &config_u32, NODE(next_hop_id_base), .min = 1, .max = UINT32_MAX,
		.def = "1010000000", .apply = CONFIG_RESTART,
		.doc = "the first of the kernel's next-hop ids that are ours; rrd's begin at 1000000000" },
	{ "next-hop-id-count", CONFIG_SCALAR, &config_u32, NODE(next_hop_id_count), .min = 1024,
		.max = UINT32_MAX, .def = "65536", .apply = CONFIG_RESTART, .doc = "how many of them" },
	{ "group", CONFIG_STRUCT, .schema = &group_schema, NODE(group) },
	{ "restart-time", CONFIG_SCALAR, &config_u32, NODE(restart_time_s), .min = 0, .max = 3600, .def = "5",
		.apply = CONFIG_LIVE,
		.doc = "seconds after which next hops of an earlier run go unless an announcer has "
		       "registered "
		       "them anew" },
	{ "compare-interval", CONFIG_SCALAR, &config_u32, NODE(compare_interval_s), .min = 0, .max = 86400,
		.def = "60", .apply = CONFIG_RESTART,
		.doc = "seconds between two comparisons of the kernel's routes with ours; 0: only after "
		       "events" },
	{ "sysctls", CONFIG_SCALAR, &config_enum, .words = config_sysctls_words, NODE(sysctls),
		.def = "check", .apply = CONFIG_RESTART,
		.doc = "tell which of the kernel's settings a node of this kind needs are wrong, or set "
		       "them, "
		       "or ignore them" },
	{ "hash", CONFIG_SCALAR, &config_enum, .words = hash_words, NODE(hash), .def = "own",
		.apply = CONFIG_RESTART,
		.doc = "by which hash the kernel chooses among pods; own: of addresses and ports, with a "
		       "random "
		       "seed, so that it is another than that of the router before the node; keep: as the "
		       "kernel "
		       "is set" },
	{ "on-exit", CONFIG_SCALAR, &config_enum, .words = config_on_exit_words, NODE(on_exit), .def = "keep",
		.apply = CONFIG_LIVE, .doc = "what becomes of our routes when the daemon ends in order" },
	{ NULL },
};
static const struct config_schema node_schema = { sizeof(struct config_node_settings), node_fields };

static const struct config_field control_fields[] = {
	{ "socket", CONFIG_SCALAR, &config_path, .offset = offsetof(struct config_control, socket), .min = 2,
		.max = CONFIG_SOCKET_PATH_MAX, .def = RUNSTATEDIR "/rrd/lb-announcer-node.sock",
		.def_doc = "rrd/lb-announcer-node.sock in the run-time directory", .apply = CONFIG_LIVE,
		.doc = "where rrctl finds the daemon" },
	CONFIG_CONTROL_ROWS(CONFIG_LIVE),
	{ NULL },
};
static const struct config_schema control_schema = { sizeof(struct config_control), control_fields };

#define ROUTES(member) .offset = offsetof(struct config_node_routes, member)
static const struct config_field fields[] = {
	{ "node", CONFIG_STRUCT, .schema = &node_schema, ROUTES(node), .required = true,
		.doc = "the routes and for whom they are" },
	{ "control", CONFIG_STRUCT, .schema = &control_schema, ROUTES(control) },
	{ "log", CONFIG_STRUCT, .schema = &config_log_schema, ROUTES(log) },
	{ NULL },
};
const struct config_schema config_node_routes_schema = { sizeof(struct config_node_routes), fields };

/* --- what no key alone can tell --- */

static bool has_family(const struct prefix *list, size_t count, uint8_t family)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].family == family)
			return true;
	return false;
}

/* A service whose pods could have no address of its kind. */
static void check_families(
	const struct config_node_settings *n, const struct config_node *node, struct config_errors *errs)
{
	const struct config_node *at = config_node_get(node, "services");

	/* Each value stands where its text does only if all of them could be read. */
	if (!n->pod_count || !at || at->count != n->service_count)
		return;
	for (const struct config_node *e = at->first; e; e = e->next) {
		const struct prefix *p = &n->services[e->index];

		if (!has_family(n->pods, n->pod_count, p->family))
			config_error_value(errs, e,
				"an IPv%d service, but no IPv%d range in pods: its route could lead nowhere",
				p->family, p->family);
	}
}

static void check(
	const struct config_node_routes *c, const struct config_node *root, struct config_errors *errs)
{
	const struct config_node *node = config_node_get(root, "node");
	const struct config_node *socket = config_node_find(root, "control.socket");
	const struct config_node *base = config_node_get(node, "next-hop-id-base");
	uint64_t end = (uint64_t)c->node.next_hop_id_base + c->node.next_hop_id_count - 1;

	config_control_check(&c->control, root, errs);
	check_families(&c->node, node, errs);
	if (end > UINT32_MAX)
		config_error_value(errs, base ? base : config_node_get(node, "next-hop-id-count"),
			"the ids would end at %llu; they must end at 4294967295 or before",
			(unsigned long long)end);
	if (socket && c->node.socket && c->control.socket && strcmp(c->node.socket, c->control.socket) == 0)
		config_error_value(errs, socket,
			"the announcers' socket (node.socket) is the same; rrctl needs one of its own");
}

struct config_node_routes *config_node_routes_parse(
	const char *text, size_t len, const char *name, struct config_errors *errs)
{
	struct config_reader r = { .arena = arena_new(), .errs = errs, .features = config_features() };
	size_t before = config_errors_count(errs);
	struct config_node_routes *c = arena_alloc(r.arena, sizeof(*c));
	const struct config_node *root;

	config_errors_set_file(errs, name);
	root = config_yaml_parse(r.arena, text, len, errs);
	if (root) {
		config_schema_read(&r, &config_node_routes_schema, root, c);
		c->arena = r.arena;
		c->root = root;
		check(c, root, errs);
	}
	if (config_errors_count(errs) == before)
		return c;
	arena_free(r.arena);
	return NULL;
}

struct config_node_routes *config_node_routes_load(const char *path, struct config_errors *errs)
{
	struct config_node_routes *c = NULL;
	size_t len;
	char *text;

	config_errors_set_file(errs, path);
	text = config_file_read(path, &len, errs);
	if (text)
		c = config_node_routes_parse(text, len, path, errs);
	free(text);
	return c;
}

bool config_node_has_services(const struct config_node_settings *n, uint8_t family)
{
	return has_family(n->services, n->service_count, family);
}

void config_node_routes_free(struct config_node_routes *c)
{
	if (c)
		arena_free(c->arena);
}

#include "config/agent.h"

#include "config/agent_service.h"
#include "config/agent_types.h"
#include "config/scalar.h"
#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT(member) .offset = offsetof(struct config_ipvs_timeouts, member)
static const struct config_field timeouts_fields[] = {
	{ "tcp", CONFIG_SCALAR, &config_seconds32, TIMEOUT(tcp_s), .max = 2678400, .def = "0",
		.apply = CONFIG_LIVE,
		.doc = "silence after which IPVS forgets an established TCP connection; 0: as the kernel has "
		       "it (900)" },
	{ "tcp-fin", CONFIG_SCALAR, &config_seconds32, TIMEOUT(tcp_fin_s), .max = 2678400, .def = "0",
		.apply = CONFIG_LIVE, .doc = "the same after a FIN; 0: as the kernel has it (120)" },
	{ "udp", CONFIG_SCALAR, &config_seconds32, TIMEOUT(udp_s), .max = 2678400, .def = "0",
		.apply = CONFIG_LIVE, .doc = "the same for UDP; 0: as the kernel has it (300)" },
	{ NULL },
};
static const struct config_schema timeouts_schema = { sizeof(struct config_ipvs_timeouts), timeouts_fields };

#define VS(member) .offset = offsetof(struct config_vs_sysctls, member), .def = "auto", .apply = CONFIG_LIVE
static const struct config_field sysctls_fields[] = {
	{ "set", CONFIG_SCALAR, &config_bool, .offset = offsetof(struct config_vs_sysctls, set),
		.def = "true", .apply = CONFIG_LIVE,
		.doc = "write the settings of net.ipv4.vs that are wrong; false: only tell them" },
	{ "conntrack", CONFIG_SCALAR, &config_switch, VS(conntrack),
		.doc = "let netfilter follow IPVS's connections; auto: 1 with masquerade, 0 with "
		       "preserve-connections, else as it is" },
	{ "expire-nodest-conn", CONFIG_SCALAR, &config_switch, VS(expire_nodest_conn),
		.doc = "end the connections of a server that was deleted at once; auto: 1 where a service "
		       "cuts, 0 with mh, else as it is" },
	{ "expire-quiescent-template", CONFIG_SCALAR, &config_switch, VS(expire_quiescent_template),
		.doc = "let persistent clients leave a server of weight 0; auto: 1 where a service is "
		       "persistent, else as it is" },
	{ "conn-reuse-mode", CONFIG_SCALAR, &config_reuse_mode, VS(conn_reuse_mode),
		.doc = "what happens when a client uses a port again; auto: what this kernel needs" },
	{ "sloppy-tcp", CONFIG_SCALAR, &config_switch, VS(sloppy_tcp),
		.doc = "take TCP connections on in their middle; auto: 1 with preserve-connections, else as "
		       "it is" },
	{ "sloppy-sctp", CONFIG_SCALAR, &config_switch, VS(sloppy_sctp),
		.doc = "the same for SCTP; auto: 1 with preserve-connections, else as it is" },
	{ "schedule-icmp", CONFIG_SCALAR, &config_switch, VS(schedule_icmp),
		.doc = "send ICMP errors of connections not known here to their server; auto: 1 with "
		       "preserve-connections, else as it is" },
	{ NULL },
};
static const struct config_schema sysctls_schema = { sizeof(struct config_vs_sysctls), sysctls_fields };

/* The kernel's table sizes, by CONFIG_IP_VS_MH_TAB_INDEX 8 to 17. */
static const struct config_word mh_table_sizes[] = { { "251", 251 }, { "509", 509 }, { "1021", 1021 },
	{ "2039", 2039 }, { "4093", 4093 }, { "8191", 8191 }, { "16381", 16381 }, { "32749", 32749 },
	{ "65521", 65521 }, { "131071", 131071 }, { NULL } };

#define IPVS(member) .offset = offsetof(struct config_ipvs, member)
static const struct config_word exit_words[] = { { "remove", CONFIG_EXIT_REMOVE },
	{ "keep", CONFIG_EXIT_KEEP }, { NULL } };

static const struct config_field ipvs_fields[] = {
	{ "compare-interval", CONFIG_SCALAR, &config_seconds32, IPVS(compare_s), .max = 86400, .def = "2",
		.apply = CONFIG_LIVE,
		.doc = "the time between two comparisons of the kernel's services with ours, which repair "
		       "what "
		       "others changed; 0: never" },
	{ "state-file", CONFIG_SCALAR, &config_path, IPVS(state_file), .min = 2, .max = 4095,
		.def = RUNSTATEDIR "/rrd/lb-ipvs-agent.state",
		.def_doc = "rrd/lb-ipvs-agent.state in the run-time directory", .apply = CONFIG_LIVE,
		.doc = "remembers over a restart which of the kernel's services are ours" },
	{ "mh-table-size", CONFIG_SCALAR, &config_enum, .words = mh_table_sizes, IPVS(mh_table_size),
		.def = "4093", .apply = CONFIG_LIVE,
		.doc = "of the kernel's mh tables, as it was built (CONFIG_IP_VS_MH_TAB_INDEX)" },
	{ "on-exit", CONFIG_SCALAR, &config_enum, .words = exit_words, IPVS(on_exit), .def = "remove",
		.apply = CONFIG_LIVE,
		.doc = "what becomes of our services in the kernel when the agent is told to end; keep: they "
		       "go on without checks, and the next agent takes them over" },
	{ "exit-wait", CONFIG_SCALAR, &config_seconds32, IPVS(exit_wait_s), .max = 3600, .def = "25",
		.apply = CONFIG_LIVE,
		.doc = "when told to end: the longest time that rules and checks stay until lb-announcer has "
		       "withdrawn; keep it under the pod's grace period" },
	{ "check-mark", CONFIG_SCALAR, &config_mark, IPVS(check_mark), .min = 1,
		.max = UINT32_MAX - CONFIG_CHECK_MARKS + 1, .def = "0x10000", .apply = CONFIG_RESTART,
		.doc = "the first of 65536 firewall marks for checks through the tunnel; nobody else may use "
		       "them here" },
	{ NULL },
};
static const struct config_schema ipvs_schema = { sizeof(struct config_ipvs), ipvs_fields };

static const struct config_field control_fields[] = {
	{ "socket", CONFIG_SCALAR, &config_path, .offset = offsetof(struct config_control, socket), .min = 2,
		.max = CONFIG_SOCKET_PATH_MAX, .def = RUNSTATEDIR "/rrd/lb-ipvs-agent.sock",
		.def_doc = "rrd/lb-ipvs-agent.sock in the run-time directory", .apply = CONFIG_LIVE,
		.doc = "where rrctl finds the daemon" },
	CONFIG_CONTROL_ROWS(CONFIG_LIVE),
	{ NULL },
};
static const struct config_schema control_schema = { sizeof(struct config_control), control_fields };

#define AGENT(member) .offset = offsetof(struct config_agent, member)
static const struct config_field agent_fields[] = {
	{ "preserve-connections", CONFIG_SCALAR, &config_bool, AGENT(preserve_connections), .def = "false",
		.apply = CONFIG_LIVE,
		.doc = "adding, draining or losing one of several load balancers breaks no connection; what "
		       "stands in the way is an error" },
	{ "masquerade", CONFIG_SCALAR, &config_bool, AGENT(masquerade), .def = "false", .apply = CONFIG_LIVE,
		.doc = "nat: rewrite the client's address to ours, so that answers come back through us "
		       "(iptables -m ipvs)" },
	{ "defaults", CONFIG_STRUCT, .schema = &config_defaults_schema, AGENT(defaults) },
	{ "services", CONFIG_LIST, .schema = &config_service_schema, AGENT(services),
		.count_offset = offsetof(struct config_agent, service_count), .required = true,
		.doc = "the virtual services; [] for none" },
	{ "timeouts", CONFIG_STRUCT, .schema = &timeouts_schema, AGENT(timeouts) },
	{ "sysctls", CONFIG_STRUCT, .schema = &sysctls_schema, AGENT(sysctls) },
	{ "ipvs", CONFIG_STRUCT, .schema = &ipvs_schema, AGENT(ipvs) },
	{ "kubernetes", CONFIG_STRUCT, .schema = &config_kubernetes_schema, AGENT(kubernetes) },
	{ "control", CONFIG_STRUCT, .schema = &control_schema, AGENT(control) },
	{ "log", CONFIG_STRUCT, .schema = &config_log_schema, AGENT(log) },
	{ NULL },
};
const struct config_schema config_agent_schema = { sizeof(struct config_agent), agent_fields };

struct config_agent *config_agent_parse(
	const char *text, size_t len, const char *name, struct config_errors *errs)
{
	struct config_reader r = { .arena = arena_new(), .errs = errs, .features = config_features() };
	size_t before = config_errors_count(errs);
	struct config_agent *c = arena_alloc(r.arena, sizeof(*c));
	const struct config_node *root;

	config_errors_set_file(errs, name);
	root = config_yaml_parse(r.arena, text, len, errs);
	if (root) {
		config_schema_read(&r, &config_agent_schema, root, c);
		c->arena = r.arena;
		c->root = root;
		for (size_t i = 0; i < c->service_count; i++)
			config_service_merge(c, config_node_get(root, "defaults"), &c->services[i]);
		config_control_check(&c->control, root, errs);
		config_agent_check(c, root, errs);
	}
	if (config_errors_count(errs) == before)
		return c;
	arena_free(r.arena);
	return NULL;
}

struct config_agent *config_agent_load(const char *path, struct config_errors *errs)
{
	struct config_agent *c = NULL;
	size_t len;
	char *text;

	config_errors_set_file(errs, path);
	text = config_file_read(path, &len, errs);
	if (text)
		c = config_agent_parse(text, len, path, errs);
	free(text);
	return c;
}

void config_agent_free(struct config_agent *c)
{
	if (c)
		arena_free(c->arena);
}

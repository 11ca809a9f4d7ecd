#include "config/agent_service.h"

#include "base/text.h"
#include "config/agent_types.h"
#include "config/scalar.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { KEY_NAME_MAX = PREFIX_TEXT_MAX + 20 };

#define TUNNEL(member) .offset = offsetof(struct config_tunnel, member)
static const struct config_word tunnel_types[] = { { "ipip", CONFIG_TUNNEL_IPIP },
	{ "gue", CONFIG_TUNNEL_GUE }, { "gre", CONFIG_TUNNEL_GRE }, { NULL } };
static const struct config_word tunnel_checksums[] = { { "none", CONFIG_TUNNEL_NO_CHECKSUM },
	{ "csum", CONFIG_TUNNEL_CHECKSUM }, { "remcsum", CONFIG_TUNNEL_REMOTE_CHECKSUM }, { NULL } };
static const struct config_field tunnel_fields[] = {
	{ "type", CONFIG_SCALAR, &config_enum, .words = tunnel_types, TUNNEL(type), .def = "ipip",
		.apply = CONFIG_LIVE,
		.doc = "what packets to the servers are wrapped in: IP in IP, or GUE or GRE where the kernel "
		       "has them (5.2, 5.3)" },
	{ "port", CONFIG_SCALAR, &config_u16, TUNNEL(port), .max = 65535, .def = "0", .apply = CONFIG_LIVE,
		.doc = "the UDP port that the servers take GUE on" },
	{ "checksum", CONFIG_SCALAR, &config_enum, .words = tunnel_checksums, TUNNEL(checksum), .def = "none",
		.apply = CONFIG_LIVE,
		.doc = "the checksum of GUE's UDP header, or GRE's own; remcsum: GUE's remote checksum "
		       "offload" },
	{ NULL },
};
static const struct config_schema tunnel_schema = { sizeof(struct config_tunnel), tunnel_fields };

#define PERSISTENCE(member) .offset = offsetof(struct config_persistence, member)
static const struct config_field persistence_fields[] = {
	{ "timeout", CONFIG_SCALAR, &config_seconds32, PERSISTENCE(timeout_s), .max = 2678400, .def = "0",
		.apply = CONFIG_LIVE,
		.doc = "how long a client stays with its server after its last connection; 0: not "
		       "persistent" },
	{ "prefix-length", CONFIG_SCALAR, &config_u8, PERSISTENCE(prefix_len), .max = 128, .def = "0",
		.apply = CONFIG_LIVE,
		.doc = "the part of the address that counts as one client; 0: all of it" },
	{ "engine", CONFIG_SCALAR, &config_engine, PERSISTENCE(engine), .def = "none", .apply = CONFIG_LIVE,
		.doc = "sip: what counts as one client is the Call-ID of SIP over UDP" },
	{ NULL },
};
static const struct config_schema persistence_schema = { sizeof(struct config_persistence),
	persistence_fields };

static const struct config_field no_fields[] = { { NULL } };
static const struct config_schema static_server_schema = { sizeof(struct config_static_server), no_fields,
	.include = &config_endpoint_schema,
	.include_offset = offsetof(struct config_static_server, endpoint) };

#define DNS(member) .offset = offsetof(struct config_source_dns, member)
static const struct config_field dns_fields[] = {
	{ "name", CONFIG_SCALAR, &config_dns_name, DNS(name), .required = true, .apply = CONFIG_LIVE,
		.doc = "each address of this name is a server; in Kubernetes that of a headless service" },
	{ "interval", CONFIG_SCALAR, &config_seconds32, DNS(interval_s), .min = 1, .max = 86400, .def = "5",
		.apply = CONFIG_LIVE, .doc = "the time between two questions" },
	{ "family", CONFIG_SCALAR, &config_enum, .words = config_any_families, DNS(family), .def = "any",
		.apply = CONFIG_LIVE,
		.doc = "which addresses are taken; any: the service's family, and with tun both" },
	{ NULL },
};
static const struct config_schema dns_schema = { sizeof(struct config_source_dns), dns_fields };

#define SOURCE(member) .offset = offsetof(struct config_source, member)
static const struct config_field source_fields[] = {
	{ "servers", CONFIG_LIST, .schema = &static_server_schema, SOURCE(servers),
		.count_offset = offsetof(struct config_source, server_count) },
	{ "file", CONFIG_SCALAR, &config_path, SOURCE(file), .min = 2, .max = 4095, .def_doc = "none",
		.apply = CONFIG_LIVE,
		.doc = "an endpoint file, watched; it may come later, and a broken one changes nothing" },
	{ "directory", CONFIG_SCALAR, &config_path, SOURCE(directory), .min = 2, .max = 4095,
		.def_doc = "none", .apply = CONFIG_LIVE,
		.doc = "all endpoint files (*.yaml, *.yml, *.json) in a directory, watched" },
	{ "dns", CONFIG_STRUCT, .schema = &dns_schema, SOURCE(dns) },
	{ "kubernetes", CONFIG_STRUCT, .schema = &config_source_kubernetes_schema, SOURCE(kubernetes),
		.needs = CONFIG_FEATURE_LIBCURL },
	{ NULL },
};
static const struct config_schema source_schema = { sizeof(struct config_source), source_fields };

#define DRAIN(member) .offset = offsetof(struct config_server_drain, member)
static const struct config_word failure_words[] = { { "auto", CONFIG_LEAVE_AUTO },
	{ "keep", CONFIG_LEAVE_KEEP }, { "drain", CONFIG_LEAVE_DRAIN }, { "cut", CONFIG_LEAVE_CUT },
	{ NULL } };
static const struct config_word udp_words[] = { { "drain", CONFIG_LEAVE_DRAIN }, { "cut", CONFIG_LEAVE_CUT },
	{ NULL } };
static const struct config_field drain_fields[] = {
	{ "time", CONFIG_SCALAR, &config_seconds32, DRAIN(time_s), .max = 604800, .def = "60",
		.apply = CONFIG_LIVE,
		.doc = "the longest time in which a server that leaves keeps its connections; then it is "
		       "deleted" },
	{ "on-failure", CONFIG_SCALAR, &config_enum, .words = failure_words, DRAIN(on_failure), .def = "auto",
		.apply = CONFIG_LIVE,
		.doc = "what becomes of a server whose check fails; keep: weight 0 in its place; drain: "
		       "weight "
		       "0, then deleted; cut: deleted at once; auto: cut for UDP without "
		       "preserve-connections, else keep" },
	{ "udp", CONFIG_SCALAR, &config_enum, .words = udp_words, DRAIN(udp), .def = "drain",
		.apply = CONFIG_LIVE,
		.doc = "of a UDP service: what becomes of a server that leaves; cut: deleted at once, since "
		       "UDP never says that it has ended" },
	{ NULL },
};
static const struct config_schema drain_schema = { sizeof(struct config_server_drain), drain_fields };

#define SERVICE(member) .offset = offsetof(struct config_virtual, member)
static const struct config_word flag_words[] = { { "mh-fallback", CONFIG_MH_FALLBACK },
	{ "mh-port", CONFIG_MH_PORT }, { "sh-fallback", CONFIG_SH_FALLBACK }, { "sh-port", CONFIG_SH_PORT },
	{ NULL } };
static const struct config_word forward_words[] = { { "nat", CONFIG_FORWARD_NAT },
	{ "dr", CONFIG_FORWARD_DR }, { "tun", CONFIG_FORWARD_TUN }, { NULL } };
static const struct config_field settings_fields[] = {
	{ "scheduler", CONFIG_SCALAR, &config_scheduler, SERVICE(scheduler),
		.def_doc = "mh with preserve-connections, else wlc", .apply = CONFIG_LIVE,
		.doc = "who gets a new connection, as in ipvsadm(8)" },
	{ "flags", CONFIG_FLAGS, .words = flag_words, SERVICE(flags),
		.def_doc = "mh-fallback and mh-port with the scheduler mh, else none", .apply = CONFIG_LIVE,
		.doc = "port: hash the client's port, too; fallback: another server where the one found has "
		       "weight 0" },
	{ "forward", CONFIG_SCALAR, &config_enum, .words = forward_words, SERVICE(forward),
		.def_doc = "tun with preserve-connections, else nat", .apply = CONFIG_LIVE,
		.doc = "how packets reach the servers: rewritten, by their link-layer address, or in a "
		       "tunnel" },
	{ "tunnel", CONFIG_STRUCT, .schema = &tunnel_schema, SERVICE(tunnel) },
	{ "persistence", CONFIG_STRUCT, .schema = &persistence_schema, SERVICE(persistence) },
	{ "one-packet", CONFIG_SCALAR, &config_bool, SERVICE(one_packet), .def = "false",
		.apply = CONFIG_LIVE, .doc = "schedule each UDP packet by itself" },
	{ "server-port", CONFIG_SCALAR, &config_u16, SERVICE(server_port), .max = 65535, .def = "0",
		.apply = CONFIG_LIVE, .doc = "the servers' port; 0: the service's own; nat only" },
	{ "weight", CONFIG_SCALAR, &config_weight, SERVICE(weight), .max = ENDPOINT_WEIGHT_MAX, .def = "1",
		.apply = CONFIG_LIVE, .doc = "of servers that bring none of their own" },
	{ "upper-threshold", CONFIG_SCALAR, &config_u32, SERVICE(upper_threshold), .max = INT32_MAX,
		.def = "0", .apply = CONFIG_LIVE,
		.doc = "a server with this many connections gets no more; 0: no limit" },
	{ "lower-threshold", CONFIG_SCALAR, &config_u32, SERVICE(lower_threshold), .max = INT32_MAX,
		.def = "0", .apply = CONFIG_LIVE,
		.doc = "until it has fewer than this; 0: three quarters of upper-threshold" },
	{ "source", CONFIG_STRUCT, .schema = &source_schema, SERVICE(source) },
	{ "checks", CONFIG_LIST, .schema = &config_check_schema, SERVICE(checks),
		.count_offset = offsetof(struct config_virtual, check_count) },
	{ "drain", CONFIG_STRUCT, .schema = &drain_schema, SERVICE(drain) },
	{ NULL },
};
static const struct config_schema settings_schema = { sizeof(struct config_virtual), settings_fields };
const struct config_schema config_defaults_schema = { sizeof(struct config_virtual), no_fields,
	.include = &settings_schema,
	.include_doc = "any key of a service from scheduler on; default the service's\twhat holds for every "
		       "service that says nothing else" };

static const struct config_word protocols[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP },
	{ "sctp", IPPROTO_SCTP }, { NULL } };
static const struct config_word families[] = { { "ipv4", IP_V4 }, { "ipv6", IP_V6 }, { NULL } };
static const struct config_field service_fields[] = {
	{ "name", CONFIG_SCALAR, &config_name, SERVICE(name), .max = 63,
		.def_doc = "its address, port and protocol as in 10.1.1.1:80/tcp", .apply = CONFIG_LIVE,
		.doc = "what rrctl and the log call it" },
	{ "protocol", CONFIG_SCALAR, &config_enum, .words = protocols, SERVICE(protocol), .def = "tcp",
		.key = true, .apply = CONFIG_LIVE, .doc = "of the packets to the address" },
	{ "address", CONFIG_SCALAR, &config_addr, SERVICE(address), .def_doc = "none", .key = true,
		.apply = CONFIG_LIVE,
		.doc = "the service's address; it must be local here (lb-announcer does it)" },
	{ "port", CONFIG_SCALAR, &config_u16, SERVICE(port), .max = 65535, .def = "0", .key = true,
		.apply = CONFIG_LIVE, .doc = "the service's port; 0: all ports, which needs persistence" },
	{ "mark", CONFIG_SCALAR, &config_mark, SERVICE(mark), .max = UINT32_MAX, .min = 1, .def_doc = "none",
		.key = true, .apply = CONFIG_LIVE,
		.doc = "in the place of protocol, address and port: all packets that carry this firewall "
		       "mark" },
	{ "family", CONFIG_SCALAR, &config_enum, .words = families, SERVICE(family),
		.def_doc = "ipv4 with a mark, else the address's", .key = true, .apply = CONFIG_LIVE,
		.doc = "of the packets that carry the mark" },
	{ NULL },
};
static void element_name(const void *value, struct text *out);
const struct config_schema config_service_schema = { sizeof(struct config_virtual), service_fields,
	.include = &settings_schema, .element_name = element_name };

const struct config_node *config_service_given(
	const struct config_virtual *v, const struct config_node *defaults, const char *path)
{
	const struct config_node *n = config_node_find(v->head.node, path);

	return n ? n : config_node_find(defaults, path);
}

static const char *copy(const struct config_agent *c, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(arena_alloc(c->arena, size), text, size);
}

static void key_name(const struct config_virtual *v, char *out, size_t size)
{
	const char *protocol = v->protocol == IPPROTO_UDP    ? "udp"
			       : v->protocol == IPPROTO_SCTP ? "sctp"
							     : "tcp";
	bool v6 = v->address.family == IP_V6;
	char buf[PREFIX_TEXT_MAX];

	if (v->mark)
		snprintf(out, size, "mark:%u/ipv%u", v->mark, v->family);
	else
		snprintf(out, size, "%s%s%s:%u/%s", v6 ? "[" : "", ip_addr_format(&v->address, buf),
			v6 ? "]" : "", v->port, protocol);
}

static const char *service_name(const struct config_agent *c, const struct config_virtual *v)
{
	char name[KEY_NAME_MAX];

	key_name(v, name, sizeof(name));
	return copy(c, name);
}

static void element_name(const void *value, struct text *out)
{
	char name[KEY_NAME_MAX];

	key_name(value, name, sizeof(name));
	text_add(out, "%s", name);
}

/* Flags of another scheduler than the service's own, which came from the defaults, are not meant for it. */
static void fill_in_flags(const struct config_node *defaults, struct config_virtual *v)
{
	bool mh = strcmp(v->scheduler, "mh") == 0, sh = strcmp(v->scheduler, "sh") == 0;

	if (!config_node_get(v->head.node, "flags") && config_node_get(v->head.node, "scheduler")) {
		v->flags[CONFIG_MH_FALLBACK] &= mh;
		v->flags[CONFIG_MH_PORT] &= mh;
		v->flags[CONFIG_SH_FALLBACK] &= sh;
		v->flags[CONFIG_SH_PORT] &= sh;
	}
	if (mh && !config_service_given(v, defaults, "flags"))
		v->flags[CONFIG_MH_FALLBACK] = v->flags[CONFIG_MH_PORT] = true;
}

static size_t same_type(const struct config_virtual *v, const struct config_check *k)
{
	size_t n = 1;

	for (const struct config_check *other = v->checks; other < k; other++)
		n += other->type == k->type;
	return n;
}

/* A UDP client that goes on sending would send to a failed server for ever. */
static bool cuts_failed(const struct config_agent *c, const struct config_virtual *v)
{
	return v->protocol == IPPROTO_UDP && !c->preserve_connections && c->sysctls.expire_nodest_conn != 0;
}

static void fill_in(
	const struct config_agent *c, const struct config_node *defaults, struct config_virtual *v)
{
	if (v->mark)
		v->protocol = 0;
	if (v->address.family)
		v->family = v->address.family;
	else if (!v->family)
		v->family = IP_V4;
	if (!v->scheduler)
		v->scheduler = c->preserve_connections ? "mh" : "wlc";
	fill_in_flags(defaults, v);
	if (!config_service_given(v, defaults, "forward"))
		v->forward = c->preserve_connections ? CONFIG_FORWARD_TUN : CONFIG_FORWARD_NAT;
	if (v->forward != CONFIG_FORWARD_TUN && !config_node_get(v->head.node, "tunnel"))
		v->tunnel = (struct config_tunnel){ 0 };
	if (!v->source.dns.family && v->forward != CONFIG_FORWARD_TUN)
		v->source.dns.family = v->family;
	if (!v->source.kubernetes.family && v->forward != CONFIG_FORWARD_TUN)
		v->source.kubernetes.family = v->family;
	if (v->drain.on_failure == CONFIG_LEAVE_AUTO)
		v->drain.on_failure = cuts_failed(c, v) ? CONFIG_LEAVE_CUT : CONFIG_LEAVE_KEEP;
	if (!v->name)
		v->name = service_name(c, v);
	for (size_t i = 0; i < v->check_count; i++)
		config_check_fill_in(c->arena, &v->checks[i], same_type(v, &v->checks[i]));
}

void config_service_merge(
	const struct config_agent *c, const struct config_node *defaults, struct config_virtual *v)
{
	struct config_errors *errs = config_errors_new();
	struct config_reader r = { .arena = c->arena, .errs = errs, .features = config_features() };
	const struct config_head head = v->head;

	config_schema_init(&r, &config_service_schema, v);
	if (defaults)
		config_schema_apply(&r, &config_defaults_schema, defaults, v);
	/* A source of its own is another one, not a second one. */
	if (config_node_get(head.node, "source"))
		config_schema_init(&r, &source_schema, &v->source);
	config_schema_apply(&r, &config_service_schema, head.node, v);
	v->head = head;
	v->wrong = config_errors_count(errs) > 0;
	config_errors_free(errs);
	fill_in(c, defaults, v);
}

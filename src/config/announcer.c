#include "config/announcer.h"

#include "bgp/proto.h"
#include "config/scalar.h"
#include "config/yaml.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool parse_auto_addr(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	if (strcmp(text, "auto") == 0) {
		*(struct ip_addr *)out = (struct ip_addr){ .family = IP_NONE };
		return true;
	}
	if (config_addr.parse(r, f, text, out, why))
		return true;
	text_add(why, "; expected one, or auto");
	return false;
}

static bool parse_auto_id(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	if (strcmp(text, "auto") == 0) {
		*(uint32_t *)out = 0;
		return true;
	}
	if (config_router_id.parse(r, f, text, out, why))
		return true;
	text_add(why, ", or auto");
	return false;
}

static bool parse_med(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	uint64_t v;

	(void)r;
	(void)f;
	if (!config_parse_number(text, 0, UINT32_MAX, &v, why))
		return false;
	*(struct config_med *)out = (struct config_med){ .set = true, .value = (uint32_t)v };
	return true;
}

static const struct config_word well_known[] = { { "no-export", BGP_COMMUNITY_NO_EXPORT },
	{ "no-advertise", BGP_COMMUNITY_NO_ADVERTISE },
	{ "no-export-subconfed", BGP_COMMUNITY_NO_EXPORT_SUBCONFED },
	{ "graceful-shutdown", BGP_COMMUNITY_GRACEFUL_SHUTDOWN }, { NULL } };

static void format_auto_addr(const struct config_field *f, const void *value, struct text *out)
{
	if (((const struct ip_addr *)value)->family)
		config_addr.format(f, value, out);
	else
		text_add(out, "auto");
}

static void format_auto_id(const struct config_field *f, const void *value, struct text *out)
{
	if (*(const uint32_t *)value)
		config_router_id.format(f, value, out);
	else
		text_add(out, "auto");
}

static void format_med(const struct config_field *f, const void *value, struct text *out)
{
	const struct config_med *m = value;

	(void)f;
	if (m->set)
		text_add(out, "%u", m->value);
}

/* Two numbers of 16 bits with a colon between them. */
static bool parse_community_pair(const char *text, uint32_t *out)
{
	unsigned long high, low;
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 11)
		return false;
	high = strtoul(text, &end, 10);
	if (*end != ':' || !isdigit((unsigned char)end[1]))
		return false;
	low = strtoul(end + 1, &end, 10);
	if (*end || high > UINT16_MAX || low > UINT16_MAX)
		return false;
	*out = (uint32_t)(high << 16 | low);
	return true;
}

static bool parse_community(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];

	(void)r;
	(void)f;
	for (const struct config_word *w = well_known; w->name; w++) {
		if (strcmp(text, w->name) == 0) {
			*(uint32_t *)out = w->value;
			return true;
		}
	}
	if (parse_community_pair(text, out))
		return true;
	text_add(why,
		"%s is not a community; expected two numbers up to 65535 as in \"65021:100\", or one of ",
		config_quote(text, q));
	for (const struct config_word *w = well_known; w->name; w++)
		text_add(why, "%s%s", w == well_known ? "" : ", ", w->name);
	return false;
}

static void format_community(const struct config_field *f, const void *value, struct text *out)
{
	uint32_t v = *(const uint32_t *)value;

	(void)f;
	for (const struct config_word *w = well_known; w->name; w++) {
		if (w->value == v) {
			text_add(out, "%s", w->name);
			return;
		}
	}
	text_add(out, "%u:%u", v >> 16, v & UINT16_MAX);
}

static bool parse_variable(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
	char q[CONFIG_QUOTE_MAX];

	if (!*text || text[len] || isdigit((unsigned char)*text)) {
		text_add(why,
			"%s is not the name of an environment variable; expected letters, digits and "
			"underlines",
			config_quote(text, q));
		return false;
	}
	return config_text.parse(r, f, text, out, why);
}

/* "2.5" times a unit; false when it is no such number or more than 64 bits hold. */
static bool parse_units(const char *text, uint64_t *out)
{
	static const struct config_word units[] = { { "", 0 }, { "k", 3 }, { "M", 6 }, { "G", 9 },
		{ "T", 12 }, { NULL } };
	size_t whole = strspn(text, "0123456789"), part = 0;
	uint64_t v = 0;
	unsigned zeros;
	const struct config_word *u = units;

	if (!whole || whole > 16)
		return false;
	if (text[whole] == '.') {
		part = strspn(text + whole + 1, "0123456789");
		if (!part || part > 3)
			return false;
	}
	while (u->name && strcmp(u->name, text + whole + part + (part > 0)) != 0)
		u++;
	if (!u->name || u->value < part)
		return false;
	for (const char *p = text; p < text + whole + part + (part > 0); p++)
		if (*p != '.')
			v = v * 10 + (uint64_t)(*p - '0');
	for (zeros = u->value - (unsigned)part; zeros; zeros--)
		if (__builtin_mul_overflow(v, (uint64_t)10, &v))
			return false;
	*out = v;
	return true;
}

enum { RATE_MIN = 1000 };
static const uint64_t rate_max = 1000000000000000;

static bool parse_rate(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];
	uint64_t v;

	(void)r;
	(void)f;
	if (parse_units(text, &v) && v >= RATE_MIN && v <= rate_max) {
		*(uint64_t *)out = v;
		return true;
	}
	text_add(why, "%s is not a rate; expected bits per second, 1k..1000T, as in 100M, 2.5G or 1000000000",
		config_quote(text, q));
	return false;
}

/* In the largest unit that says it with three digits behind the point. */
static void format_rate(const struct config_field *f, const void *value, struct text *out)
{
	static const struct unit {
		uint64_t size;
		const char *name;
	} units[] = { { 1000000000000, "T" }, { 1000000000, "G" }, { 1000000, "M" }, { 1000, "k" } };
	uint64_t v = *(const uint64_t *)value;
	const struct unit *u = units;
	unsigned thousandths, digits = 3;

	(void)f;
	while (u->size > 1000 && (v < u->size || v % (u->size / 1000)))
		u++;
	text_add(out, "%" PRIu64, v / u->size);
	thousandths = (unsigned)(v % u->size / (u->size / 1000));
	for (; thousandths && thousandths % 10 == 0; thousandths /= 10)
		digits--;
	if (thousandths)
		text_add(out, ".%0*u", (int)digits, thousandths);
	text_add(out, "%s", u->name);
}

static const struct config_word drain_methods[] = { { "weight", CONFIG_DRAIN_WEIGHT },
	{ "graceful-shutdown", CONFIG_DRAIN_GRACEFUL_SHUTDOWN }, { NULL } };

static const struct config_scalar type_rate = { "bits per second", "1k..1000T, as in 100M or 2.5G",
	sizeof(uint64_t), .parse = parse_rate, .format = format_rate };
static const struct config_scalar type_auto_addr = { "an IP address, or auto", NULL, sizeof(struct ip_addr),
	.parse = parse_auto_addr, .format = format_auto_addr };
static const struct config_scalar type_auto_id = { "an IPv4 address, or auto", NULL, sizeof(uint32_t),
	.parse = parse_auto_id, .format = format_auto_id };
static const struct config_scalar type_med = { "a number", "0..4294967295", sizeof(struct config_med),
	.parse = parse_med, .format = format_med };
static const struct config_scalar type_community = { "a community",
	"\"AS:NUMBER\" | no-export | no-advertise | no-export-subconfed | graceful-shutdown",
	sizeof(uint32_t), .parse = parse_community, .format = format_community };
static const struct config_scalar type_variable = { "a variable's name", NULL, sizeof(char *), .text = true,
	.parse = parse_variable, .format = config_text_format };

#define ROUTER(member) .offset = offsetof(struct config_announcer_router, member)
static const struct config_field router_fields[] = {
	{ "as", CONFIG_SCALAR, &config_as, ROUTER(as), .required = true, .apply = CONFIG_RESET_SESSION,
		.doc = "the number of our own autonomous system" },
	{ "router-id", CONFIG_SCALAR, &type_auto_id, ROUTER(router_id), .def = "auto",
		.apply = CONFIG_RESET_SESSION,
		.doc = "our BGP Identifier: the pod's own address, never the node's; auto: found from the "
		       "pod's address" },
	{ "local-address", CONFIG_SCALAR, &type_auto_addr, ROUTER(local_address), .def = "auto",
		.apply = CONFIG_RESTART,
		.doc = "the address to connect from: the pod's own; auto: found from the environment or the "
		       "interface" },
	{ "capacity", CONFIG_SCALAR, &type_rate, ROUTER(capacity_bit_s), .def = "1G",
		.apply = CONFIG_REEVALUATE,
		.doc = "what this load balancer can take, told to the router as link bandwidth, which makes "
		       "its weight of it" },
	{ "capacity-by-health", CONFIG_SCALAR, &config_bool, ROUTER(capacity_by_health), .def = "false",
		.apply = CONFIG_REEVALUATE,
		.doc = "tell the router only as much of the capacity as there are healthy servers, in steps "
		       "of "
		       "a quarter" },
	{ NULL },
};
static const struct config_schema router_schema = { sizeof(struct config_announcer_router), router_fields };

#define NEIGHBOR(member) .offset = offsetof(struct config_reflector, member)
static const struct config_field neighbor_fields[] = {
	{ "address", CONFIG_SCALAR, &config_addr, NEIGHBOR(address), .required = true, .key = true,
		.apply = CONFIG_LIVE, .doc = "the reflector's address" },
	{ "peer-as", CONFIG_SCALAR, &config_as, NEIGHBOR(peer_as), .def_doc = "router.as",
		.apply = CONFIG_RESET_SESSION, .doc = "the AS the reflector must be in" },
	{ "port", CONFIG_SCALAR, &config_u16, NEIGHBOR(port), .min = 1, .max = 65535, .def = "179",
		.apply = CONFIG_RESET_SESSION, .doc = "the TCP port to connect to" },
	{ "local-address", CONFIG_SCALAR, &type_auto_addr, NEIGHBOR(local_address),
		.def_doc = "router.local-address", .apply = CONFIG_RESET_SESSION,
		.doc = "the address to connect from, where reflectors need different ones" },
	{ "description", CONFIG_SCALAR, &config_text, NEIGHBOR(description), .max = 255, .def_doc = "none",
		.apply = CONFIG_LIVE, .doc = "a line for humans, shown by rrctl" },
	{ "hold-time", CONFIG_SCALAR, &config_seconds, NEIGHBOR(hold_time_s), .min = 3, .max = 65535,
		.def = "9", .apply = CONFIG_RESET_SESSION,
		.doc = "silence after which the reflector is taken for dead; the smaller of both sides' "
		       "holds" },
	{ "keepalive-interval", CONFIG_SCALAR, &config_seconds, NEIGHBOR(keepalive_s), .max = 21845,
		.def = "0", .apply = CONFIG_RESET_SESSION,
		.doc = "the time between keepalives; 0: a third of the hold time agreed on" },
	{ "connect-retry", CONFIG_SCALAR, &config_seconds, NEIGHBOR(connect_retry_s), .min = 1, .max = 65535,
		.def = "1", .apply = CONFIG_LIVE,
		.doc = "the wait after the first failure to connect; it doubles with each further one" },
	{ "connect-retry-max", CONFIG_SCALAR, &config_seconds, NEIGHBOR(connect_retry_max_s), .min = 1,
		.max = 65535, .def = "10", .apply = CONFIG_LIVE,
		.doc = "the longest wait between two attempts to connect" },
	{ "idle-hold-time", CONFIG_SCALAR, &config_seconds, NEIGHBOR(idle_hold_s), .min = 1, .max = 65535,
		.def = "1", .apply = CONFIG_LIVE,
		.doc = "the wait after a session ended with a NOTIFICATION for an error; it doubles with "
		       "each further one" },
	{ "idle-hold-time-max", CONFIG_SCALAR, &config_seconds, NEIGHBOR(idle_hold_max_s), .min = 1,
		.max = 65535, .def = "60", .apply = CONFIG_LIVE, .doc = "the longest wait after errors" },
	{ "ttl-security-hops", CONFIG_SCALAR, &config_u8, NEIGHBOR(ttl_security_hops), .max = 254, .def = "0",
		.apply = CONFIG_RESET_SESSION,
		.doc = "drop packets of a reflector more than so many hops away (GTSM, RFC 5082; one on the "
		       "link is 1 hop away, one behind the node 2); 0: off" },
	{ "bfd", CONFIG_STRUCT, .schema = &config_bfd_schema, NEIGHBOR(bfd) },
	CONFIG_PASSWORD_ROWS(offsetof(struct config_reflector, password), CONFIG_LIVE),
	{ "tcp-ao", CONFIG_SCALAR, &config_path, NEIGHBOR(tcp_ao), .max = 4095, .def_doc = "none",
		.apply = CONFIG_LIVE, .needs = CONFIG_FEATURE_TCP_AO,
		.doc = "the file with the keys of TCP-AO (RFC 5925); refused where it cannot be had" },
	{ NULL },
};
const struct config_schema config_reflector_schema = { sizeof(struct config_reflector), neighbor_fields };

#define SERVICE(member) .offset = offsetof(struct config_service, member)
static const struct config_field service_fields[] = {
	{ "prefix", CONFIG_SCALAR, &config_prefix, SERVICE(prefix), .required = true, .key = true,
		.apply = CONFIG_REEVALUATE, .doc = "the service's addresses" },
	{ "next-hop", CONFIG_SCALAR, &type_auto_addr, SERVICE(next_hop), .def = "auto",
		.apply = CONFIG_REEVALUATE,
		.doc = "where the router sends the packets: the node; auto: the address in "
		       "environment.node-ip" },
	{ "med", CONFIG_SCALAR, &type_med, SERVICE(med), .def_doc = "none", .apply = CONFIG_REEVALUATE,
		.doc = "the MULTI_EXIT_DISC attribute; lower is better" },
	{ "local-preference", CONFIG_SCALAR, &config_u32, SERVICE(local_preference), .def = "100",
		.max = UINT32_MAX, .apply = CONFIG_REEVALUATE,
		.doc = "the LOCAL_PREF attribute, sent to internal peers; higher is better" },
	{ "communities", CONFIG_LIST, &type_community, SERVICE(communities),
		.count_offset = offsetof(struct config_service, community_count), .def_doc = "none",
		.apply = CONFIG_REEVALUATE, .doc = "the COMMUNITIES attribute" },
	{ "local-route", CONFIG_SCALAR, &config_bool, SERVICE(local_route), .def = "true",
		.apply = CONFIG_LIVE,
		.doc = "make the prefix local in the pod while the announcer runs, so that the pod takes its "
		       "packets" },
	{ "interface", CONFIG_SCALAR, &config_name, SERVICE(interface), .min = 1, .max = 15, .def = "lo",
		.apply = CONFIG_LIVE, .doc = "the interface of the local route" },
	{ "capacity", CONFIG_SCALAR, &type_rate, SERVICE(capacity_bit_s), .def_doc = "router.capacity",
		.apply = CONFIG_REEVALUATE,
		.doc = "the link bandwidth of this service, where it differs from the others'" },
	{ "capacity-by-health", CONFIG_SCALAR, &config_bool, SERVICE(capacity_by_health),
		.def_doc = "router.capacity-by-health", .apply = CONFIG_REEVALUATE,
		.doc = "the same for this service alone" },
	{ "agent-services", CONFIG_LIST, &config_text, SERVICE(agent_services), .min = 1, .max = 63,
		.count_offset = offsetof(struct config_service, agent_service_count),
		.def_doc = "all whose address is in the prefix", .apply = CONFIG_REEVALUATE,
		.doc = "the virtual services of lb-ipvs-agent, by their names, whose health counts" },
	{ "min-healthy", CONFIG_SCALAR, &config_need, SERVICE(min_healthy), .def = "1",
		.apply = CONFIG_REEVALUATE,
		.doc = "announced only while each of them has so many healthy servers, or such a share of "
		       "those it shall have" },
	{ "min-healthy-return", CONFIG_SCALAR, &config_need, SERVICE(min_healthy_return),
		.def_doc = "min-healthy", .apply = CONFIG_REEVALUATE,
		.doc = "once withdrawn it is announced again only at so many" },
	{ "return-delay", CONFIG_SCALAR, &config_seconds, SERVICE(return_delay_s), .max = 3600, .def = "0",
		.apply = CONFIG_LIVE, .doc = "and only when all has been well for so long" },
	{ "conditions", CONFIG_LIST, .schema = &config_condition_schema, SERVICE(conditions),
		.count_offset = offsetof(struct config_service, condition_count),
		.apply = CONFIG_REEVALUATE },
	{ "on-change", CONFIG_STRUCT, .schema = &config_on_change_schema, SERVICE(on_change) },
	{ NULL },
};
static const struct config_schema service_schema = { sizeof(struct config_service), service_fields };

#define DRAIN(member) .offset = offsetof(struct config_drain, member)
static const struct config_field drain_fields[] = {
	{ "method", CONFIG_SCALAR, &config_enum, DRAIN(method), .words = drain_methods, .def = "weight",
		.apply = CONFIG_REEVALUATE,
		.doc = "how new connections are turned away; weight: link bandwidth 0, the lowest weight; "
		       "graceful-shutdown: RFC 8326, out of the set of next hops at once" },
	{ "time", CONFIG_SCALAR, &config_seconds, DRAIN(time_s), .max = 3600, .def = "5",
		.apply = CONFIG_LIVE,
		.doc = "the time from that until the services are withdrawn; 0: they are withdrawn at once" },
	{ "linger", CONFIG_SCALAR, &config_seconds, DRAIN(linger_s), .max = 60, .def = "1",
		.apply = CONFIG_LIVE,
		.doc = "the time from the withdrawal until the end, in which packets still on their way are "
		       "taken" },
	{ "file", CONFIG_SCALAR, &config_path, DRAIN(file), .min = 2, .max = 4095, .def_doc = "none",
		.apply = CONFIG_REEVALUATE,
		.doc = "while this file exists the announcer is drained as by rrctl drain; when it is "
		       "removed it announces again" },
	{ NULL },
};
static const struct config_schema drain_schema = { sizeof(struct config_drain), drain_fields };

static const struct config_field node_route_fields[] = {
	{ "socket", CONFIG_SCALAR, &config_path, .offset = offsetof(struct config_node_route, socket),
		.min = 2, .max = CONFIG_SOCKET_PATH_MAX, .def_doc = "none", .apply = CONFIG_RESTART,
		.doc = "the socket of the node's lb-announcer --node, which then keeps a route to each "
		       "service "
		       "by the addresses of all its pods on the node" },
	{ "netns", CONFIG_SCALAR, &config_path, .offset = offsetof(struct config_node_route, netns), .min = 2,
		.max = 4095, .def_doc = "none", .apply = CONFIG_RESTART,
		.doc = "the node's network namespace as a file; with it the announcer itself keeps a route "
		       "to "
		       "each service by the pod's address there: one pod of a service per node" },
	{ NULL },
};
static const struct config_schema node_route_schema = { sizeof(struct config_node_route), node_route_fields };

#define ENVIRONMENT(member) .offset = offsetof(struct config_environment, member)
static const struct config_field environment_fields[] = {
	{ "pod-ip", CONFIG_SCALAR, &type_variable, ENVIRONMENT(pod_ip), .def = "POD_IP",
		.apply = CONFIG_RESTART,
		.doc = "the environment variable with the pod's address (status.podIP)" },
	{ "node-ip", CONFIG_SCALAR, &type_variable, ENVIRONMENT(node_ip), .def = "HOST_IP",
		.apply = CONFIG_RESTART,
		.doc = "the environment variable with the node's address (status.hostIP)" },
	{ NULL },
};
static const struct config_schema environment_schema = { sizeof(struct config_environment),
	environment_fields };

static const struct config_field control_fields[] = {
	{ "socket", CONFIG_SCALAR, &config_path, .offset = offsetof(struct config_control, socket), .min = 2,
		.max = CONFIG_SOCKET_PATH_MAX, .def = RUNSTATEDIR "/rrd/lb-announcer.sock",
		.def_doc = "rrd/lb-announcer.sock in the run-time directory", .apply = CONFIG_LIVE,
		.doc = "where rrctl finds the daemon" },
	CONFIG_CONTROL_ROWS(CONFIG_LIVE),
	{ NULL },
};
static const struct config_schema control_schema = { sizeof(struct config_control), control_fields };

#define ANNOUNCER(member)	.offset = offsetof(struct config_announcer, member)
#define ANNOUNCER_COUNT(member) .count_offset = offsetof(struct config_announcer, member)
static const struct config_field announcer_fields[] = {
	{ "router", CONFIG_STRUCT, .schema = &router_schema, ANNOUNCER(router), .required = true,
		.doc = "who we are (as)" },
	{ "neighbors", CONFIG_LIST, .schema = &config_reflector_schema, ANNOUNCER(neighbors),
		ANNOUNCER_COUNT(neighbor_count), .required = true,
		.doc = "the reflectors to announce to; [] for none" },
	{ "services", CONFIG_LIST, .schema = &service_schema, ANNOUNCER(services),
		ANNOUNCER_COUNT(service_count), .min = 1, .required = true,
		.doc = "the prefixes to announce" },
	{ "agent", CONFIG_STRUCT, .schema = &config_agent_link_schema, ANNOUNCER(agent),
		.doc = "the lb-ipvs-agent whose word counts" },
	{ "drain", CONFIG_STRUCT, .schema = &drain_schema, ANNOUNCER(drain) },
	{ "node-route", CONFIG_STRUCT, .schema = &node_route_schema, ANNOUNCER(node_route) },
	{ "environment", CONFIG_STRUCT, .schema = &environment_schema, ANNOUNCER(environment) },
	{ "bfd", CONFIG_STRUCT, .schema = &config_bfd_daemon_schema, ANNOUNCER(bfd) },
	{ "control", CONFIG_STRUCT, .schema = &control_schema, ANNOUNCER(control) },
	{ "log", CONFIG_STRUCT, .schema = &config_speaker_log_schema, ANNOUNCER(log) },
	{ NULL },
};
const struct config_schema config_announcer_schema = { sizeof(struct config_announcer), announcer_fields };

static void fill_in(struct config_announcer *c)
{
	for (size_t i = 0; i < c->neighbor_count; i++) {
		struct config_reflector *n = &c->neighbors[i];

		if (!n->peer_as)
			n->peer_as = c->router.as;
		if (!config_node_get(n->head.node, "local-address"))
			n->local_address = c->router.local_address;
	}
	for (size_t i = 0; i < c->service_count; i++) {
		struct config_service *s = &c->services[i];

		if (!s->capacity_bit_s)
			s->capacity_bit_s = c->router.capacity_bit_s;
		if (!config_node_get(s->head.node, "capacity-by-health"))
			s->capacity_by_health = c->router.capacity_by_health;
		if (!config_node_get(s->head.node, "min-healthy-return"))
			s->min_healthy_return = s->min_healthy;
	}
	config_condition_fill_in(c);
}

struct config_announcer *config_announcer_parse(
	const char *text, size_t len, const char *name, struct config_errors *errs)
{
	struct config_reader r = { .arena = arena_new(), .errs = errs, .features = config_features() };
	size_t before = config_errors_count(errs);
	struct config_announcer *c = arena_alloc(r.arena, sizeof(*c));
	const struct config_node *root;

	config_errors_set_file(errs, name);
	root = config_yaml_parse(r.arena, text, len, errs);
	if (root) {
		config_schema_read(&r, &config_announcer_schema, root, c);
		c->arena = r.arena;
		c->root = root;
		fill_in(c);
		config_control_check(&c->control, root, errs);
		config_announcer_check(c, root, errs);
	}
	if (config_errors_count(errs) == before)
		return c;
	arena_free(r.arena);
	return NULL;
}

struct config_announcer *config_announcer_load(const char *path, struct config_errors *errs)
{
	struct config_announcer *c = NULL;
	size_t len;
	char *text;

	config_errors_set_file(errs, path);
	text = config_file_read(path, &len, errs);
	if (text)
		c = config_announcer_parse(text, len, path, errs);
	free(text);
	return c;
}

void config_announcer_free(struct config_announcer *c)
{
	if (c)
		arena_free(c->arena);
}

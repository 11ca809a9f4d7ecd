#include "config/check.h"

#include "config/check_types.h"
#include "config/scalar.h"

#include <stdio.h>
#include <string.h>

#define CHECK(member) .offset = offsetof(struct config_check, member)
static const struct config_field common_fields[] = {
	{ "name", CONFIG_SCALAR, &config_name, CHECK(name), .max = 63, .key = true,
		.def_doc = "the type, or type-2", .apply = CONFIG_LIVE,
		.doc = "tells the checks of a service apart" },
	{ "interval", CONFIG_SCALAR, &config_duration, CHECK(interval_ms), .def = "2s", .apply = CONFIG_LIVE,
		.doc = "the time from one run to the next" },
	{ "timeout", CONFIG_SCALAR, &config_duration, CHECK(timeout_ms), .def = "1s",
		.def_doc = "1s, or the interval where that is less", .apply = CONFIG_LIVE,
		.doc = "the time in which the whole answer must be there; at most the interval" },
	{ "retry-interval", CONFIG_SCALAR, &config_duration, CHECK(retry_ms), .def_doc = "the interval",
		.apply = CONFIG_LIVE,
		.doc = "the time from the end of a run that speaks against what holds to the next; at most "
		       "the interval; a short one finds a failure soon and yet asks fall times" },
	{ "rise", CONFIG_SCALAR, &config_u16, CHECK(rise), .min = 1, .max = 1000, .def = "2",
		.apply = CONFIG_LIVE, .doc = "runs in a row that must pass until it is up" },
	{ "fall", CONFIG_SCALAR, &config_u16, CHECK(fall), .min = 1, .max = 1000, .def = "3",
		.apply = CONFIG_LIVE, .doc = "runs in a row that must fail until it is down" },
	{ "method", CONFIG_SCALAR, &config_method, CHECK(method), .max = 20, .def = "GET",
		.apply = CONFIG_LIVE, .doc = "of HTTP: the method" },
	{ "path", CONFIG_SCALAR, &config_url_path, CHECK(path), .max = 2000, .def = "/", .apply = CONFIG_LIVE,
		.doc = "of HTTP: the path" },
	{ "host", CONFIG_SCALAR, &config_host, CHECK(host), .max = 255,
		.def_doc = "the address that is asked", .apply = CONFIG_LIVE,
		.doc = "of HTTP: the Host header" },
	{ "status", CONFIG_LIST, &config_status, CHECK(status),
		.count_offset = offsetof(struct config_check, status_count), .min = 1, .def_doc = "200-299",
		.apply = CONFIG_LIVE, .doc = "of HTTP: the statuses that pass" },
	{ "body", CONFIG_SCALAR, &config_text, CHECK(body), .min = 1, .max = 1000, .def_doc = "anything",
		.apply = CONFIG_LIVE,
		.doc = "of HTTP: a text that must stand in the first 64 KiB of the answer" },
	{ "command", CONFIG_LIST, &config_argument, CHECK(command),
		.count_offset = offsetof(struct config_check, command_count), .ordered = true, .min = 1,
		.def_doc = "none", .apply = CONFIG_LIVE,
		.doc = "command: a program by its absolute path, and its arguments; no shell; it passes with "
		       "exit status 0" },
	{ NULL },
};
const struct config_schema config_check_common_schema = { sizeof(struct config_check), common_fields };

static const struct config_word types[] = { { "tcp", CONFIG_CHECK_TCP }, { "http", CONFIG_CHECK_HTTP },
	{ "https", CONFIG_CHECK_HTTPS, CONFIG_FEATURE_LIBCURL },
	{ "grpc", CONFIG_CHECK_GRPC, CONFIG_FEATURE_LIBCURL }, { "udp", CONFIG_CHECK_UDP },
	{ "command", CONFIG_CHECK_COMMAND }, { NULL } };
static const struct config_word initial_states[] = { { "down", false }, { "up", true }, { NULL } };
static const struct config_word through_words[] = { { "server", false }, { "tunnel", true }, { NULL } };
static const struct config_field fields[] = {
	{ "type", CONFIG_SCALAR, &config_enum, .words = types, CHECK(type), .required = true,
		.apply = CONFIG_LIVE, .doc = "how the server is asked" },
	{ "port", CONFIG_SCALAR, &config_u16, CHECK(port), .max = 65535, .def = "0", .apply = CONFIG_LIVE,
		.doc = "the port that is asked; 0: the server's" },
	{ "initial", CONFIG_SCALAR, &config_choice, .words = initial_states, CHECK(initial_up), .def = "down",
		.apply = CONFIG_LIVE,
		.doc = "what a server is until it is known; one that an earlier run of the agent left in the "
		       "kernel is what it was" },
	{ "through", CONFIG_SCALAR, &config_choice, .words = through_words, CHECK(through_tunnel),
		.def = "server", .apply = CONFIG_LIVE,
		.doc = "server: ask the server's own address; tunnel: the service's, through IPVS, as "
		       "clients do (dr and tun)" },
	{ "tls", CONFIG_SCALAR, &config_bool, CHECK(tls), .def = "false", .apply = CONFIG_LIVE,
		.doc = "grpc: over TLS" },
	{ "verify", CONFIG_SCALAR, &config_bool, CHECK(verify), .def = "false", .apply = CONFIG_LIVE,
		.doc = "https, grpc: the server's certificate must be valid for server-name" },
	{ "ca-file", CONFIG_SCALAR, &config_path, CHECK(ca_file), .min = 2, .max = 4095,
		.def_doc = "the system's", .apply = CONFIG_LIVE,
		.doc = "https, grpc: a file with the certificates of those who may have signed it" },
	{ "server-name", CONFIG_SCALAR, &config_host, CHECK(server_name), .max = 255,
		.def_doc = "the host, or the address that is asked", .apply = CONFIG_LIVE,
		.doc = "https, grpc: the name in the TLS handshake (SNI)" },
	{ "grpc-service", CONFIG_SCALAR, &config_text, CHECK(grpc_service), .max = 255, .def = "",
		.def_doc = "the server as a whole", .apply = CONFIG_LIVE,
		.doc = "grpc: the service that grpc.health.v1.Health/Check is asked about" },
	{ "send", CONFIG_SCALAR, &config_octets, CHECK(send),
		.count_offset = offsetof(struct config_check, send_len), .def_doc = "none",
		.apply = CONFIG_LIVE, .doc = "udp: what is sent" },
	{ "expect", CONFIG_SCALAR, &config_octets, CHECK(expect),
		.count_offset = offsetof(struct config_check, expect_len),
		.def_doc = "no ICMP error within the timeout", .apply = CONFIG_LIVE,
		.doc = "udp: what the answer must contain" },
	{ NULL },
};
const struct config_schema config_check_schema = { sizeof(struct config_check), fields,
	.include = &config_check_common_schema };

const char *config_check_type_text(unsigned type)
{
	return types[type].name;
}

static void name(struct arena *arena, struct config_check *c, size_t nth)
{
	char text[40], *copy;
	size_t size;

	snprintf(text, sizeof(text), nth > 1 ? "%s-%zu" : "%s", config_check_type_text(c->type), nth);
	size = strlen(text) + 1;
	copy = arena_alloc(arena, size);
	c->name = memcpy(copy, text, size);
}

const char **config_command(struct arena *arena, const char **words, size_t count)
{
	const char **argv = count ? arena_alloc(arena, (count + 1) * sizeof(*argv)) : NULL;

	if (!count)
		return NULL;
	memcpy(argv, words, count * sizeof(*argv));
	argv[count] = NULL;
	return argv;
}

void config_check_fill_in(struct arena *arena, struct config_check *c, size_t nth)
{
	if (!c->name)
		name(arena, c, nth);
	if (!config_node_get(c->head.node, "timeout") && c->timeout_ms > c->interval_ms)
		c->timeout_ms = c->interval_ms;
	c->command = config_command(arena, c->command, c->command_count);
}

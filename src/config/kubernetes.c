#include "config/kubernetes.h"

#include "base/prefix.h"
#include "config/agent_types.h"
#include "config/scalar.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_MAX = 63, HTTPS_PORT = 443, HOST_MAX = 253 };

#define SECRETS "/var/run/secrets/kubernetes.io/serviceaccount/"

/* --- types --- */

/* What the API calls a DNS label. */
static bool parse_label(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
	char q[CONFIG_QUOTE_MAX];
	const char *copy;

	(void)f;
	if (!len || len > LABEL_MAX || text[len] || *text == '-' || text[len - 1] == '-') {
		text_add(why,
			"%s is not a name in Kubernetes; expected at most %d lower-case letters, digits and "
			"hyphens",
			config_quote(text, q), LABEL_MAX);
		return false;
	}
	copy = config_copy(r, text);
	memcpy(out, &copy, sizeof(copy));
	return true;
}

static bool parse_tls_name(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];
	const char *copy;

	(void)f;
	if (!config_is_dns_name(text)) {
		text_add(why, "%s is not a name; expected one as in kubernetes.default.svc",
			config_quote(text, q));
		return false;
	}
	copy = config_copy(r, text);
	memcpy(out, &copy, sizeof(copy));
	return true;
}

/* Cuts "HOST:PORT" or "[HOST]:PORT" in two; false when it is neither, nor a host alone. */
static bool split(const char *text, char host[HOST_MAX + 1], const char **port)
{
	const char *end = *text == '[' ? strchr(text, ']') : NULL, *colon = strrchr(text, ':');
	struct ip_addr a;
	size_t len;

	*port = NULL;
	if (*text == '[') {
		if (!end || (end[1] && end[1] != ':'))
			return false;
		*port = end[1] ? end + 2 : NULL;
		text++;
		len = (size_t)(end - text);
	} else {
		/* An IPv6 address alone has colons of its own. */
		if (colon && !ip_addr_parse(text, &a))
			*port = colon + 1;
		len = *port ? (size_t)(colon - text) : strlen(text);
	}
	if (len > HOST_MAX)
		return false;
	snprintf(host, HOST_MAX + 1, "%.*s", (int)len, text);
	return true;
}

static bool is_host(const char *host, bool bracketed)
{
	struct ip_addr a;

	if (ip_addr_parse(host, &a))
		return !bracketed || a.family == IP_V6;
	return !bracketed && !strchr(host, ':') && config_is_dns_name(host);
}

static bool parse_server(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char host[HOST_MAX + 1], q[CONFIG_QUOTE_MAX];
	struct config_server *s = out;
	const char *port_text;
	uint64_t port = HTTPS_PORT;

	(void)f;
	if (strstr(text, "://")) {
		text_add(why,
			"%s is a URL; leave out what stands before the host and behind the port: the "
			"API is spoken to over TLS in any case",
			config_quote(text, q));
		return false;
	}
	if (!split(text, host, &port_text) || !is_host(host, *text == '[')) {
		text_add(why,
			"%s is not a server; expected an address or a name, and a port, as in 10.96.0.1:443, "
			"[fd00::1]:443 or api.example.com:6443",
			config_quote(text, q));
		return false;
	}
	if (port_text && !config_parse_number(port_text, 1, UINT16_MAX, &port, why))
		return false;
	*s = (struct config_server){ .host = config_copy(r, host), .port = (uint16_t)port };
	return true;
}

static void format_server(const struct config_field *f, const void *value, struct text *out)
{
	const struct config_server *s = value;

	(void)f;
	if (s->host)
		text_add(out, strchr(s->host, ':') ? "[%s]:%u" : "%s:%u", s->host, s->port);
}

static const struct config_scalar type_label = { "a name", NULL, sizeof(char *), .text = true,
	.parse = parse_label, .format = config_text_format };
static const struct config_scalar type_tls_name = { "a name", NULL, sizeof(char *), .text = true,
	.parse = parse_tls_name, .format = config_text_format };
static const struct config_scalar type_server = { "a server", "HOST or HOST:PORT",
	sizeof(struct config_server), .parse = parse_server, .format = format_server };

/* --- the API --- */

#define API(member) .offset = offsetof(struct config_kubernetes, member)
static const struct config_field api_fields[] = {
	{ "server", CONFIG_SCALAR, &type_server, API(server),
		.def_doc = "what KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT say in a pod",
		.apply = CONFIG_LIVE,
		.doc = "the API's address or name, and its port (443): 10.96.0.1:443, api.example.com:6443" },
	{ "tls-name", CONFIG_SCALAR, &type_tls_name, API(tls_name), .def_doc = "the server's",
		.apply = CONFIG_LIVE,
		.doc = "the name that its certificate must carry, where that is another" },
	{ "ca-file", CONFIG_SCALAR, &config_path, API(ca_file), .min = 2, .max = 4095,
		.def = SECRETS "ca.crt", .apply = CONFIG_LIVE,
		.doc = "the certificates of those who may have signed it; read again for each connection" },
	{ "token-file", CONFIG_SCALAR, &config_path, API(token_file), .min = 2, .max = 4095,
		.def = SECRETS "token", .apply = CONFIG_LIVE,
		.doc = "the service account's token; read again for each request" },
	{ "watch-time", CONFIG_SCALAR, &config_seconds32, API(watch_s), .min = 10, .max = 3600, .def = "300",
		.apply = CONFIG_LIVE,
		.doc = "how long the API is asked to keep a watch; up to twice that, so that not all end at "
		       "once" },
	{ "silence", CONFIG_SCALAR, &config_seconds32, API(silence_s), .min = 1, .max = 3600, .def = "90",
		.apply = CONFIG_LIVE,
		.doc = "a watch that says nothing for so long is renewed; bookmarks come once a minute" },
	{ NULL },
};
const struct config_schema config_kubernetes_schema = { sizeof(struct config_kubernetes), api_fields };

/* --- a source --- */

#define SOURCE(member) .offset = offsetof(struct config_source_kubernetes, member)
const struct config_word config_any_families[] = { { "any", IP_NONE }, { "ipv4", IP_V4 }, { "ipv6", IP_V6 },
	{ NULL } };
static const struct config_word conditions[] = { { "ready", CONFIG_READY },
	{ "ready-only", CONFIG_READY_ONLY }, { "serving", CONFIG_SERVING }, { "any", CONFIG_ANY }, { NULL } };
static const struct config_field source_fields[] = {
	{ "service", CONFIG_SCALAR, &type_label, SOURCE(service), .required = true, .apply = CONFIG_LIVE,
		.doc = "the Service whose EndpointSlices name the servers" },
	{ "namespace", CONFIG_SCALAR, &type_label, SOURCE(space), .def_doc = "the pod's own",
		.apply = CONFIG_LIVE, .doc = "where that Service is" },
	{ "port", CONFIG_SCALAR, &type_label, SOURCE(port), .def_doc = "its only one", .apply = CONFIG_LIVE,
		.doc = "the name of the Service's port; with dr and tun only the endpoints that have it "
		       "count, and the port stays the virtual service's own" },
	{ "conditions", CONFIG_SCALAR, &config_enum, .words = conditions, SOURCE(conditions), .def = "ready",
		.apply = CONFIG_LIVE,
		.doc = "which endpoints take connections; ready: those that are ready, and where none is, "
		       "those that still serve while they terminate; ready-only: never these; serving: "
		       "both alike; any: all that do not terminate, whatever is said of them" },
	{ "family", CONFIG_SCALAR, &config_enum, .words = config_any_families, SOURCE(family), .def = "any",
		.apply = CONFIG_LIVE,
		.doc = "which addresses are taken; any: the service's family, and with tun both" },
	{ NULL },
};
const struct config_schema config_source_kubernetes_schema = { sizeof(struct config_source_kubernetes),
	source_fields };

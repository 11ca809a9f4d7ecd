#include "config/agent_check.h"

#include <stdio.h>
#include <string.h>

/* The health checks of a service. Messages stand at the check's own node, which may lie in the defaults. */

#define BIT(type) (1u << (type))

enum {
	HTTP = BIT(CONFIG_CHECK_HTTP) | BIT(CONFIG_CHECK_HTTPS),
	TLS = BIT(CONFIG_CHECK_HTTPS) | BIT(CONFIG_CHECK_GRPC),
	ADDRESSED = HTTP | TLS | BIT(CONFIG_CHECK_TCP) | BIT(CONFIG_CHECK_UDP),
};

static const char *type_name(const struct config_check *c)
{
	static const char *const names[] = {
		[CONFIG_CHECK_TCP] = "tcp",
		[CONFIG_CHECK_HTTP] = "http",
		[CONFIG_CHECK_HTTPS] = "https",
		[CONFIG_CHECK_GRPC] = "grpc",
		[CONFIG_CHECK_UDP] = "udp",
		[CONFIG_CHECK_COMMAND] = "command",
	};

	return names[c->type];
}

static const struct config_node *node_of(const struct config_check *c, const char *key)
{
	const struct config_node *n = config_node_get(c->head.node, key);

	return n ? n : c->head.node;
}

/* Keys that do not belong to the check's type. */
static void check_keys(const struct agent_check *k, const struct config_check *c)
{
	static const struct {
		const char *key, *owners;
		unsigned types;
	} keys[] = {
		{ "port", "the other types", ADDRESSED },
		{ "through", "the other types", ADDRESSED },
		{ "method", "http and https", HTTP },
		{ "path", "http and https", HTTP },
		{ "host", "http and https", HTTP },
		{ "status", "http and https", HTTP },
		{ "body", "http and https", HTTP },
		{ "tls", "grpc", BIT(CONFIG_CHECK_GRPC) },
		{ "verify", "https and grpc", TLS },
		{ "ca-file", "https and grpc", TLS },
		{ "server-name", "https and grpc", TLS },
		{ "grpc-service", "grpc", BIT(CONFIG_CHECK_GRPC) },
		{ "send", "udp", BIT(CONFIG_CHECK_UDP) },
		{ "expect", "udp", BIT(CONFIG_CHECK_UDP) },
		{ "command", "command", BIT(CONFIG_CHECK_COMMAND) },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct config_node *n = config_node_get(c->head.node, keys[i].key);

		if (n && !(keys[i].types & BIT(c->type)))
			config_error_key(k->errs, n,
				"a check of type %s has no such key, it belongs to %s; leave it out, or "
				"change "
				"the type",
				type_name(c), keys[i].owners);
	}
}

static void check_tls(const struct agent_check *k, const struct config_check *c)
{
	static const char *const keys[] = { "verify", "ca-file", "server-name" };

	if (c->type == CONFIG_CHECK_GRPC && !c->tls) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if (config_node_get(c->head.node, keys[i]))
				config_error_key(k->errs, config_node_get(c->head.node, keys[i]),
					"is of no use without tls: true");
		return;
	}
	if (c->ca_file && !c->verify)
		config_error_key(
			k->errs, node_of(c, "ca-file"), "nothing is checked against it without verify: true");
}

static void check_command(const struct agent_check *k, const struct config_check *c)
{
	const struct config_node *n = config_node_get(c->head.node, "command");

	if (c->type != CONFIG_CHECK_COMMAND)
		return;
	if (!n)
		config_error_missing(k->errs, c->head.node, "command",
			"is missing: the program and its arguments, as in [/usr/bin/check, --fast]");
	else if (c->command_count && c->command[0][0] != '/')
		config_error_value(k->errs, n->first,
			"the program must be named by an absolute path, since there is no shell that would "
			"look for it");
}

static void check_port(const struct agent_check *k, const struct config_check *c)
{
	const struct config_virtual *v = k->v;

	if (c->port || !(ADDRESSED & BIT(c->type)) || v->server_port || v->port)
		return;
	config_error_missing(k->errs, c->head.node, "port",
		"is missing: a service of %s has no port of its own to ask; name one",
		v->mark ? "a mark" : "all ports");
}

static void check_through(const struct agent_check *k, const struct config_check *c)
{
	const struct config_virtual *v = k->v;

	if (!c->through_tunnel || c->type == CONFIG_CHECK_COMMAND)
		return;
	if (v->forward == CONFIG_FORWARD_NAT)
		config_error_value(k->errs, node_of(c, "through"),
			"tunnel means dr or tun, and the service uses forward: nat%s; set through: server",
			agent_check_origin(k, "forward"));
	if (v->mark)
		config_error_value(k->errs, node_of(c, "through"),
			"a service of a mark has no address to ask; set through: server");
	else if (c->port && v->port && c->port != v->port)
		config_error_value(k->errs, node_of(c, "port"),
			"through the tunnel the service's own port %u is asked; leave the port out, or set "
			"through: server",
			v->port);
}

static void check_one(const struct agent_check *k, const struct config_check *c)
{
	check_keys(k, c);
	check_tls(k, c);
	check_command(k, c);
	check_port(k, c);
	check_through(k, c);
	if (c->timeout_ms > c->interval_ms)
		config_error_value(k->errs,
			node_of(c, config_node_get(c->head.node, "timeout") ? "timeout" : "interval"),
			"timeout %u ms is more than interval %u ms; lower the one or raise the other",
			c->timeout_ms, c->interval_ms);
	if (c->retry_ms > c->interval_ms)
		config_error_value(k->errs, node_of(c, "retry-interval"),
			"%u ms is more than interval %u ms; lower it, or leave it out", c->retry_ms,
			c->interval_ms);
}

void agent_check_health(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;
	char q[CONFIG_QUOTE_MAX];

	for (size_t i = 0; i < v->check_count; i++) {
		check_one(k, &v->checks[i]);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(v->checks[i].name, v->checks[j].name) != 0)
				continue;
			config_error_value(k->errs, node_of(&v->checks[i], "name"),
				"%s is the name of the check in line %u; choose another",
				config_quote(v->checks[i].name, q), v->checks[j].head.node->line);
			break;
		}
	}
}

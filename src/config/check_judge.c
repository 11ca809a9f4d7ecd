#include "config/check.h"

#include <string.h>

/* What contradicts itself in a check. Messages stand at the check's own node, which may lie in the defaults of a file. */

#define BIT(type) (1u << (type))

enum {
	HTTP = BIT(CONFIG_CHECK_HTTP) | BIT(CONFIG_CHECK_HTTPS),
	TLS = BIT(CONFIG_CHECK_HTTPS) | BIT(CONFIG_CHECK_GRPC),
	ADDRESSED = HTTP | TLS | BIT(CONFIG_CHECK_TCP) | BIT(CONFIG_CHECK_UDP),
};

bool config_check_is_addressed(const struct config_check *c)
{
	return ADDRESSED & BIT(c->type);
}

const struct config_node *config_check_node(const struct config_check *c, const char *key)
{
	const struct config_node *n = config_node_get(c->head.node, key);

	return n ? n : c->head.node;
}

/* "http, https and grpc" */
static void name_types(struct text *t, unsigned types)
{
	unsigned left = types;

	for (unsigned i = 0; i <= CONFIG_CHECK_COMMAND; i++) {
		if (!(types & BIT(i)))
			continue;
		left &= ~BIT(i);
		text_add(t, "%s%s", config_check_type_text(i),
			!left		    ? ""
			: left & (left - 1) ? ", "
					    : " and ");
	}
}

/* Keys that do not belong to the check's type. */
static void judge_keys(const struct config_check *c, unsigned types, struct config_errors *errs)
{
	static const struct {
		const char *key;
		unsigned types;
	} keys[] = {
		{ "address", ADDRESSED },
		{ "port", ADDRESSED },
		{ "through", ADDRESSED },
		{ "method", HTTP },
		{ "path", HTTP },
		{ "host", HTTP },
		{ "status", HTTP },
		{ "body", HTTP },
		{ "tls", BIT(CONFIG_CHECK_GRPC) },
		{ "verify", TLS },
		{ "ca-file", TLS },
		{ "server-name", TLS },
		{ "grpc-service", BIT(CONFIG_CHECK_GRPC) },
		{ "send", BIT(CONFIG_CHECK_UDP) },
		{ "expect", BIT(CONFIG_CHECK_UDP) },
		{ "command", BIT(CONFIG_CHECK_COMMAND) },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct config_node *n = config_node_get(c->head.node, keys[i].key);
		char owners[80];
		struct text t = text_init(owners, sizeof(owners));

		if (!n || keys[i].types & BIT(c->type))
			continue;
		name_types(&t, keys[i].types & types);
		config_error_key(errs, n,
			"a check of type %s has no such key, it belongs to %s; leave it out, or change the "
			"type",
			config_check_type_text(c->type), owners);
	}
}

static void judge_tls(const struct config_check *c, struct config_errors *errs)
{
	static const char *const keys[] = { "verify", "ca-file", "server-name" };

	if (c->type == CONFIG_CHECK_GRPC && !c->tls) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if (config_node_get(c->head.node, keys[i]))
				config_error_key(errs, config_node_get(c->head.node, keys[i]),
					"is of no use without tls: true");
		return;
	}
	if (c->ca_file && !c->verify)
		config_error_key(errs, config_check_node(c, "ca-file"),
			"nothing is checked against it without verify: true");
}

void config_command_judge(const struct config_node *node, const char **command, struct config_errors *errs)
{
	if (command && command[0] && command[0][0] != '/')
		config_error_value(errs, node->first,
			"the program must be named by an absolute path, since there is no shell that would "
			"look for it");
}

static void judge_command(const struct config_check *c, struct config_errors *errs)
{
	const struct config_node *n = config_node_get(c->head.node, "command");

	if (c->type != CONFIG_CHECK_COMMAND)
		return;
	if (!n)
		config_error_missing(errs, c->head.node, "command",
			"is missing: the program and its arguments, as in [/usr/bin/check, --fast]");
	else
		config_command_judge(n, c->command, errs);
}

static bool type_is_known(const struct config_check *c)
{
	const struct config_node *n = config_node_get(c->head.node, "type");

	return n && n->kind == CONFIG_NODE_SCALAR && strcmp(n->text, config_check_type_text(c->type)) == 0;
}

void config_check_judge(const struct config_check *c, unsigned types, struct config_errors *errs)
{
	if (!type_is_known(c))
		return;
	judge_keys(c, types, errs);
	judge_tls(c, errs);
	judge_command(c, errs);
	if (c->timeout_ms > c->interval_ms)
		config_error_value(errs,
			config_check_node(
				c, config_node_get(c->head.node, "timeout") ? "timeout" : "interval"),
			"timeout %u ms is more than interval %u ms; lower the one or raise the other",
			c->timeout_ms, c->interval_ms);
	if (c->retry_ms > c->interval_ms)
		config_error_value(errs, config_check_node(c, "retry-interval"),
			"%u ms is more than interval %u ms; lower it, or leave it out", c->retry_ms,
			c->interval_ms);
}

bool config_check_distinct(
	const struct config_check *c, const struct config_check *earlier, struct config_errors *errs)
{
	char q[CONFIG_QUOTE_MAX];

	if (strcmp(c->name, earlier->name) != 0)
		return true;
	config_error_value(errs, config_check_node(c, "name"),
		"%s is the name of the check in line %u; choose another", config_quote(c->name, q),
		earlier->head.node->line);
	return false;
}

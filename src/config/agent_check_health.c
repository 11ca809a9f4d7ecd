#include "config/agent_check.h"

#include <stdio.h>

/* The health checks of a service. Messages stand at the check's own node, which may lie in the defaults. */

enum { EVERY_TYPE = (1 << (CONFIG_CHECK_COMMAND + 1)) - 1 };

static void check_port(const struct agent_check *k, const struct config_check *c)
{
	const struct config_virtual *v = k->v;

	if (c->port || !config_check_is_addressed(c) || v->server_port || v->port)
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
		config_error_value(k->errs, config_check_node(c, "through"),
			"tunnel means dr or tun, and the service uses forward: nat%s; set through: server",
			agent_check_origin(k, "forward"));
	if (v->mark)
		config_error_value(k->errs, config_check_node(c, "through"),
			"a service of a mark has no address to ask; set through: server");
	else if (c->port && v->port && c->port != v->port)
		config_error_value(k->errs, config_check_node(c, "port"),
			"through the tunnel the service's own port %u is asked; leave the port out, or set "
			"through: server",
			v->port);
}

void agent_check_health(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;

	for (size_t i = 0; i < v->check_count; i++) {
		config_check_judge(&v->checks[i], EVERY_TYPE, k->errs);
		check_port(k, &v->checks[i]);
		check_through(k, &v->checks[i]);
		for (size_t j = 0; j < i; j++)
			if (!config_check_distinct(&v->checks[i], &v->checks[j], k->errs))
				break;
	}
}

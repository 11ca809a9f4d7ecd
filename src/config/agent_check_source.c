#include "base/mem.h"
#include "config/agent_check.h"

#include <stdlib.h>
#include <string.h>

/* What stands under source, and of which kind it is. */

static const struct config_node *source_node(const struct agent_check *k)
{
	return agent_check_culprit(k, "source", NULL);
}

static const char *family_why = "IPVS reaches servers of the other family through tunnels only; use forward: "
				"tun, or addresses of one "
				"family";

static void check_server(const struct agent_check *k, const struct config_static_server *s)
{
	const struct config_virtual *v = k->v;
	const struct config_node *address = config_node_get(s->head.node, "address"),
				 *port = config_node_get(s->head.node, "port");
	bool nat = v->forward == CONFIG_FORWARD_NAT;

	if (address && s->endpoint.addr.family && s->endpoint.addr.family != v->family &&
		v->forward != CONFIG_FORWARD_TUN)
		config_error_value(k->errs, address, "the server is IPv%u, the service IPv%u; %s",
			s->endpoint.addr.family, v->family, family_why);
	if (address && ip_addr_equal(&s->endpoint.addr, &v->address))
		config_error_value(
			k->errs, address, "this is the service's own address; expected that of a server");
	if (port && !nat && s->endpoint.port != v->port)
		config_error_value(k->errs, port,
			"%s cannot change the port; leave the port out, or use forward: nat",
			v->forward == CONFIG_FORWARD_TUN ? "tun" : "dr");
}

static void check_servers(const struct agent_check *k)
{
	const struct config_source *s = &k->v->source;
	const struct config_node *list = config_node_get(source_node(k), "servers");
	uint16_t port = k->v->server_port ? k->v->server_port : k->v->port;
	struct endpoint *all = mem_calloc(s->server_count + 1, sizeof(*all));

	for (size_t i = 0; i < s->server_count; i++) {
		all[i] = s->servers[i].endpoint;
		check_server(k, &s->servers[i]);
	}
	config_endpoints_check(list, all, s->server_count, port, k->errs);
	free(all);
}

static void check_family(const struct agent_check *k, const char *key, unsigned family)
{
	const struct config_node *n = config_node_find(source_node(k), key);

	if (n && family && family != k->v->family && k->v->forward != CONFIG_FORWARD_TUN)
		config_error_value(k->errs, n, "the servers would be IPv%u, the service is IPv%u; %s", family,
			k->v->family, family_why);
}

void agent_check_source(const struct agent_check *k)
{
	static const struct {
		const char *key;
		enum config_source_kind kind;
	} kinds[] = { { "servers", CONFIG_SOURCE_STATIC }, { "file", CONFIG_SOURCE_FILE },
		{ "directory", CONFIG_SOURCE_DIRECTORY }, { "dns", CONFIG_SOURCE_DNS },
		{ "kubernetes", CONFIG_SOURCE_KUBERNETES } };
	const struct config_node *n = source_node(k);
	enum config_source_kind *kind = &k->v->source.kind;
	unsigned given = 0;

	if (n == k->v->head.node) {
		config_error_missing(k->errs, n, "source",
			"is missing: where the servers come from: servers, file, directory, dns or "
			"kubernetes");
		return;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const struct config_node *one = config_node_get(n, kinds[i].key);

		if (!one || (config_node_is_empty(one)))
			continue;
		*kind = kinds[i].kind;
		given++;
	}
	if (given != 1)
		config_error_value(k->errs, n,
			"%s; give exactly one of servers (servers: [] for none), file, directory, dns and "
			"kubernetes",
			given ? "more than one source" : "no source");
	else if (*kind == CONFIG_SOURCE_STATIC)
		check_servers(k);
	else if (*kind == CONFIG_SOURCE_DNS)
		check_family(k, "dns.family", k->v->source.dns.family);
	else if (*kind == CONFIG_SOURCE_KUBERNETES)
		check_family(k, "kubernetes.family", k->v->source.kubernetes.family);
}

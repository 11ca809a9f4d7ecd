#include "announcer/identity.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int slot(uint8_t family)
{
	return family == IP_V6;
}

const struct ip_addr *identity_pod(const struct identity *id, uint8_t family)
{
	const struct ip_addr *a = &id->pod[slot(family)];

	return a->family == IP_NONE ? NULL : a;
}

const struct ip_addr *identity_node(const struct identity *id, uint8_t family)
{
	const struct ip_addr *a = &id->node[slot(family)];

	return a->family == IP_NONE ? NULL : a;
}

uint32_t identity_hash(const struct ip_addr *a)
{
	uint32_t h = ip_addr_hash(a);

	return h ? h : 1;
}

/* One address, or several with commas between them (status.podIPs); the first of each family counts. */
static bool parse_addresses(const char *text, struct ip_addr out[2])
{
	while (*text) {
		size_t n = strcspn(text, ",");
		char one[PREFIX_TEXT_MAX];
		struct ip_addr a;

		if (n >= sizeof(one))
			return false;
		memcpy(one, text, n);
		one[n] = 0;
		if (!ip_addr_parse(one, &a))
			return false;
		if (out[slot(a.family)].family == IP_NONE)
			out[slot(a.family)] = a;
		text += n + (text[n] == ',');
	}
	return true;
}

static bool from_environment(const char *(*env)(const char *name), const char *name, struct ip_addr out[2],
	char *err, size_t err_size)
{
	const char *text = env(name);

	if (!text || parse_addresses(text, out))
		return true;
	snprintf(err, err_size, "environment variable %s is \"%s\": not an address", name, text);
	return false;
}

/* What the environment does not tell of the pod, the kernel knows: the address it would speak from. */
static void from_kernel(struct identity *id, const struct config_announcer *cfg,
	bool (*source)(const struct ip_addr *to, struct ip_addr *out))
{
	for (size_t i = 0; i < cfg->neighbor_count; i++) {
		const struct ip_addr *to = &cfg->neighbors[i].address;
		struct ip_addr *pod = &id->pod[slot(to->family)], found;

		if (pod->family == IP_NONE && source(to, &found))
			*pod = found;
	}
}

static bool find_router_id(
	struct identity *id, const struct config_announcer *cfg, char *err, size_t err_size)
{
	const struct ip_addr *v4 = identity_pod(id, IP_V4), *v6 = identity_pod(id, IP_V6);
	const struct ip_addr *node = identity_node(id, IP_V4);

	id->router_id = cfg->router.router_id;
	if (id->router_id)
		return true;
	if (!v4 && !v6 && !cfg->neighbor_count)
		return true; /* nobody will ask */
	if (!v4 && !v6) {
		snprintf(err, err_size,
			"router-id: auto: the pod's address is not known: set %s (status.podIP), or "
			"router-id in the configuration",
			cfg->environment.pod_ip);
		return false;
	}
	if (v4 && node && ip_addr_equal(v4, node) && cfg->neighbor_count) {
		snprintf(err, err_size,
			"router-id: auto: the pod's address is the node's (host network?): it would not "
			"tell pods of one node apart; set router-id to something unique");
		return false;
	}
	id->router_id = v4 ? ip_addr_to_u32(v4) : identity_hash(v6);
	return true;
}

bool identity_find(struct identity *id, const struct config_announcer *cfg,
	const char *(*env)(const char *name), bool (*source)(const struct ip_addr *to, struct ip_addr *out),
	char *err, size_t err_size)
{
	memset(id, 0, sizeof(*id));
	if (cfg->router.local_address.family != IP_NONE)
		id->pod[slot(cfg->router.local_address.family)] = cfg->router.local_address;
	if (!from_environment(env, cfg->environment.pod_ip, id->pod, err, err_size) ||
		!from_environment(env, cfg->environment.node_ip, id->node, err, err_size))
		return false;
	from_kernel(id, cfg, source);
	return find_router_id(id, cfg, err, err_size);
}

bool identity_again(struct identity *id, const struct identity *before,
	const struct config_announcer *cfg_before, const struct config_announcer *cfg,
	bool (*source)(const struct ip_addr *to, struct ip_addr *out), char *err, size_t err_size)
{
	*id = *before;
	from_kernel(id, cfg, source);
	if (id->router_id && !cfg_before->router.router_id && !cfg->router.router_id)
		return true;
	return find_router_id(id, cfg, err, err_size);
}

bool identity_next_hop(const struct identity *id, const struct config_announcer *cfg,
	const struct config_service *c, struct ip_addr *out, char *err, size_t err_size)
{
	const struct ip_addr *node = identity_node(id, c->prefix.family);
	char text[PREFIX_TEXT_MAX];

	if (c->next_hop.family != IP_NONE || node) {
		*out = c->next_hop.family != IP_NONE ? c->next_hop : *node;
		return true;
	}
	snprintf(err, err_size,
		"service %s: next-hop: auto: the node's %s address is not known: set environment variable %s "
		"(status.hostIP), or next-hop in the configuration",
		prefix_format(&c->prefix, text), c->prefix.family == IP_V4 ? "IPv4" : "IPv6",
		cfg->environment.node_ip);
	return false;
}

bool identity_check(const struct config_announcer *cfg, const char *(*env)(const char *name),
	bool (*source)(const struct ip_addr *to, struct ip_addr *out), char *err, size_t err_size)
{
	struct identity id;
	struct ip_addr hop;
	bool ok = identity_find(&id, cfg, env, source, err, err_size);

	for (size_t i = 0; ok && i < cfg->service_count; i++)
		ok = identity_next_hop(&id, cfg, &cfg->services[i], &hop, err, err_size);
	return ok;
}

const char *identity_environment(const char *name)
{
	return getenv(name);
}

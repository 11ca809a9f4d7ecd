#include "config/announcer.h"

#include "base/trie.h"

#include <string.h>

static const struct config_node *value(const struct config_head *h, const char *key)
{
	const struct config_node *n = config_node_get(h->node, key);

	return n ? n : h->node;
}

static bool is_host(const struct ip_addr *a)
{
	return !ip_addr_is_any(a) && !ip_addr_is_multicast(a);
}

static void once(
	struct trie *seen, const struct prefix *p, const struct config_node *n, struct config_errors *errs)
{
	const struct config_node *first = trie_get(seen, p);
	char q[CONFIG_QUOTE_MAX];

	if (first)
		config_error_value(errs, n, "%s is here twice; it was first set in line %u, column %u",
			config_quote(n->text, q), first->line, first->column);
	else
		trie_set(seen, p, (void *)(uintptr_t)n);
}

static void check_times(const struct config_reflector *n, struct config_errors *errs)
{
	if (n->keepalive_s && n->keepalive_s >= n->hold_time_s)
		config_error_value(errs, value(&n->head, "keepalive-interval"),
			"keepalive-interval %u is not less than hold-time %u; 0 makes it a third of the hold "
			"time",
			n->keepalive_s, n->hold_time_s);
	if (n->connect_retry_s > n->connect_retry_max_s)
		config_error_value(errs, value(&n->head, "connect-retry"),
			"connect-retry %u is more than connect-retry-max %u; lower the one or raise the "
			"other",
			n->connect_retry_s, n->connect_retry_max_s);
	if (n->idle_hold_s > n->idle_hold_max_s)
		config_error_value(errs, value(&n->head, "idle-hold-time"),
			"idle-hold-time %u is more than idle-hold-time-max %u; lower the one or raise the "
			"other",
			n->idle_hold_s, n->idle_hold_max_s);
}

static void check_neighbor(const struct config_reflector *n, struct trie *seen, struct config_errors *errs)
{
	const struct config_node *node = value(&n->head, "address");
	struct prefix host = prefix_host(&n->address);

	check_times(n, errs);
	config_secret_check(n->head.node, errs);
	config_bfd_check(&n->bfd, n->head.node, errs);
	if (n->address.family == IP_NONE)
		return;
	if (!is_host(&n->address))
		config_error_value(errs, node, "not the address of a host; expected the reflector's");
	if (ip_addr_is_link_local(&n->address))
		config_error_value(errs, node,
			"a link-local address needs an interface, which cannot be given here; use a global "
			"one");
	if (ip_addr_is_v4_mapped(&n->address))
		config_error_value(errs, node, "an IPv4-mapped address is IPv4; write it so");
	once(seen, &host, node, errs);
	if (!n->local_address.family)
		return;
	node = value(&n->head, "local-address");
	if (n->local_address.family != n->address.family)
		config_error_value(errs, node,
			"local-address is IPv%d, the reflector's address IPv%d; they must be of one kind",
			n->local_address.family, n->address.family);
	else if (ip_addr_equal(&n->local_address, &n->address))
		config_error_value(errs, node, "local-address is the reflector's own; expected the pod's");
}

static void check_service(const struct config_service *s, struct trie *seen, struct config_errors *errs)
{
	const struct config_node *node = value(&s->head, "next-hop");

	if (s->prefix.family == IP_NONE)
		return;
	once(seen, &s->prefix, value(&s->head, "prefix"), errs);
	if (s->next_hop.family == IP_NONE)
		return;
	if (s->next_hop.family != s->prefix.family)
		config_error_value(errs, node,
			"next-hop is IPv%d, the prefix IPv%d; they must be of one kind", s->next_hop.family,
			s->prefix.family);
	if (!is_host(&s->next_hop) || ip_addr_is_loopback(&s->next_hop) ||
		ip_addr_is_link_local(&s->next_hop))
		config_error_value(errs, node,
			"no router can reach this as a next hop; expected the node's address, or auto");
}

static void check_router(
	const struct config_announcer *c, const struct config_node *router, struct config_errors *errs)
{
	const struct config_node *local = config_node_get(router, "local-address");

	if (local && c->router.local_address.family && !is_host(&c->router.local_address))
		config_error_value(errs, local, "not the address of a host; expected the pod's, or auto");
}

static void check_node_route(
	const struct config_announcer *c, const struct config_node *node, struct config_errors *errs)
{
	if (c->node_route.socket && c->node_route.netns)
		config_error_value(errs, config_node_get(node, "netns"),
			"node-route.socket says that lb-announcer --node writes the node's routes; only one "
			"of the two can");
}

void config_announcer_check(
	const struct config_announcer *c, const struct config_node *root, struct config_errors *errs)
{
	struct trie *seen = trie_new();

	check_router(c, config_node_get(root, "router"), errs);
	config_gate_check(c, root, errs);
	config_condition_check(c, root, errs);
	check_node_route(c, config_node_get(root, "node-route"), errs);
	for (size_t i = 0; i < c->neighbor_count; i++)
		check_neighbor(&c->neighbors[i], seen, errs);
	trie_free(seen);
	seen = trie_new();
	for (size_t i = 0; i < c->service_count; i++)
		check_service(&c->services[i], seen, errs);
	trie_free(seen);
}

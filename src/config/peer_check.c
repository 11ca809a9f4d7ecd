#include "config/peer.h"

#include <string.h>

/* The key of own's that made two keys contradict each other; NULL: both are the group's or the default. */
static const struct config_node *culprit(
	const struct config_peer_check *c, const char *key, const char *other)
{
	const struct config_node *n = config_node_find(c->own, key);

	return n ? n : config_node_find(c->own, other);
}

/* Where the value of a key comes from, for the message. */
static const char *origin(const struct config_peer_check *c, const char *key)
{
	if (config_node_find(c->own, key))
		return "";
	return config_node_find(c->group, key) ? " (of the peer group)" : " (the default)";
}

/* first must not be more than second. */
static void check_order(
	const struct config_peer_check *c, const char *first, unsigned v1, const char *second, unsigned v2)
{
	const struct config_node *n = culprit(c, first, second);

	if (v1 > v2 && n)
		config_error_value(c->errs, n,
			"%s %u%s is more than %s %u%s; lower the one or raise the other", first, v1,
			origin(c, first), second, v2, origin(c, second));
}

static void check_times(const struct config_peer_check *c, const struct config_peer *p)
{
	const struct config_node *n;

	check_order(c, "min-hold-time", p->min_hold_time_s, "hold-time", p->hold_time_s);
	check_order(c, "connect-retry", p->connect_retry_s, "connect-retry-max", p->connect_retry_max_s);
	check_order(c, "idle-hold-time", p->idle_hold_s, "idle-hold-time-max", p->idle_hold_max_s);
	n = culprit(c, "keepalive-interval", "hold-time");
	if (n && p->keepalive_s && p->keepalive_s >= p->hold_time_s)
		config_error_value(c->errs, n,
			"keepalive-interval %u%s is not less than hold-time %u%s; 0 makes it a third of the "
			"hold time",
			p->keepalive_s, origin(c, "keepalive-interval"), p->hold_time_s,
			origin(c, "hold-time"));
	n = culprit(c, "send-hold-time", "hold-time");
	if (n && p->send_hold_time_s && p->send_hold_time_s <= p->hold_time_s)
		config_error_value(c->errs, n,
			"send-hold-time %u%s must be more than hold-time %u%s (RFC 9687); 0 chooses it",
			p->send_hold_time_s, origin(c, "send-hold-time"), p->hold_time_s,
			origin(c, "hold-time"));
}

static bool is_external(const struct config_peer_check *c, const struct config_peer *p)
{
	if (p->as.kind == CONFIG_PEER_AS_EXTERNAL)
		return true;
	return p->as.kind == CONFIG_PEER_AS_NUMBER && c->router_as && p->as.number != c->router_as;
}

static void check_kind(const struct config_peer_check *c, const struct config_peer *p)
{
	const struct config_node *n = culprit(c, "route-reflector-client", "peer-as");

	if (n && p->route_reflector_client && is_external(c, p))
		config_error_value(c->errs, n,
			"route-reflector-client is for internal peers, but peer-as%s is not ours; leave one "
			"of them out",
			origin(c, "peer-as"));
	n = culprit(c, "ttl-security-hops", "multihop-ttl");
	if (n && p->ttl_security_hops && p->multihop_ttl)
		config_error_value(c->errs, n,
			"ttl-security-hops sends with TTL 255, which multihop-ttl %u contradicts; leave one "
			"of them out",
			p->multihop_ttl);
	n = culprit(c, "extended-next-hop", "families");
	if (n && p->extended_next_hop && !p->family[BGP_IPV4_UNICAST])
		config_error_value(
			c->errs, n, "extended-next-hop is about IPv4 routes; add ipv4-unicast to families");
}

static bool has_family(const struct config_peer *p, uint8_t family)
{
	return p->family[family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST];
}

static const struct config_node *element(const struct config_node *list, size_t index)
{
	const struct config_node *n = list ? list->first : NULL;

	while (n && index--)
		n = n->next;
	return n;
}

/* A rule for a family that is not spoken lets nothing pass, in silence. */
static void check_rules(const struct config_peer_check *c, const struct config_peer *p, const char *key,
	const struct config_policy *policy)
{
	const struct config_node *list = config_node_find(c->own, key), *n;
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct prefix *prefix = &policy->rules[i].prefix;

		n = list ? element(list, i) : config_node_find(c->own, "families");
		if (!n || prefix->family == IP_NONE || has_family(p, prefix->family))
			continue;
		config_error_value(c->errs, n, "%s of %s is IPv%d, but families%s has no ipv%d-unicast",
			prefix_format(prefix, text), key, prefix->family, origin(c, "families"),
			prefix->family);
	}
}

/* Is there a next hop that a route of the family could have? */
static bool next_hop_possible(const struct config_peer *p, uint8_t family)
{
	for (size_t i = 0; i < p->import.next_hop_count; i++) {
		uint8_t f = p->import.next_hops[i].family;

		if (f == family || f == IP_NONE || (f == IP_V6 && p->extended_next_hop))
			return true;
	}
	return false;
}

static void check_next_hops(const struct config_peer_check *c, const struct config_peer *p)
{
	const struct config_node *list = config_node_find(c->own, "import.next-hops"), *n = list;

	if (!n)
		n = culprit(c, "import.prefixes", "families");
	for (size_t i = 0; n && p->import.next_hop_count && i < p->import.rule_count; i++) {
		uint8_t family = p->import.rules[i].prefix.family;

		if (family == IP_NONE || !has_family(p, family) || next_hop_possible(p, family))
			continue;
		config_error_value(c->errs, n,
			"import.next-hops has no IPv%d prefix, so no IPv%d route of import.prefixes can "
			"pass%s",
			family, family,
			family == IP_V4 ? "; add one, or set extended-next-hop" : "; add one");
		return;
	}
}

void config_peer_check(const struct config_peer_check *c, const struct config_peer *p)
{
	check_times(c, p);
	config_secret_check(c->own, c->errs);
	config_bfd_check(&p->bfd, c->own, c->errs);
	check_kind(c, p);
	check_rules(c, p, "import.prefixes", &p->import);
	check_rules(c, p, "export.prefixes", &p->export);
	check_next_hops(c, p);
}

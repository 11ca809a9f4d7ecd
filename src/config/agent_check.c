#include "config/agent_check.h"

#include "base/hash.h"
#include "config/agent_service.h"

#include <netinet/in.h>
#include <string.h>

/* What no key alone can tell. A service with a key that is wrong by itself is not looked at: what it would be is not known. */

struct seen {
	struct hash_node hash;
	const struct config_virtual *v;
};

const struct config_node *agent_check_culprit(
	const struct agent_check *k, const char *first, const char *second)
{
	const struct config_node *const maps[] = { k->v->head.node, k->defaults };

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
		const struct config_node *n = config_node_find(maps[i], first);

		if (!n && second)
			n = config_node_find(maps[i], second);
		if (n)
			return n;
	}
	return k->v->head.node;
}

const char *agent_check_origin(const struct agent_check *k, const char *key)
{
	if (config_node_find(k->v->head.node, key))
		return "";
	return config_node_find(k->defaults, key) ? " (of the defaults)" : " (the default)";
}

/* --- what the service is --- */

static void check_address(const struct agent_check *k)
{
	const struct config_node *n = config_node_get(k->v->head.node, "address");
	const struct ip_addr *a = &k->v->address;

	if (!n)
		return;
	if (ip_addr_is_any(a) || ip_addr_is_multicast(a))
		config_error_value(k->errs, n, "not the address of a host; expected the service's");
	else if (ip_addr_is_link_local(a))
		config_error_value(k->errs, n, "a link-local address is no service's; expected a global one");
}

static void not_with_a_mark(const struct agent_check *k, const char *key)
{
	const struct config_node *n = config_node_get(k->v->head.node, key);

	if (n)
		config_error_key(k->errs, n,
			"does not go with mark: the mark alone tells which packets are meant; leave one of "
			"them out");
}

static void check_mark(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;
	uint32_t first = k->c->ipvs.check_mark, last = first + (CONFIG_CHECK_MARKS - 1);

	not_with_a_mark(k, "address");
	not_with_a_mark(k, "port");
	not_with_a_mark(k, "protocol");
	if (v->mark >= first && v->mark <= last)
		config_error_value(k->errs, config_node_get(v->head.node, "mark"),
			"is one of the marks 0x%x..0x%x that checks through the tunnel use; choose another, "
			"or "
			"move ipvs.check-mark",
			first, last);
}

static void check_identity(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;
	const struct config_node *node = v->head.node, *port = config_node_get(node, "port"),
				 *family = config_node_get(node, "family");

	if (v->mark) {
		check_mark(k);
		return;
	}
	if (!v->address.family) {
		config_error_missing(k->errs, node, "address",
			"is missing: the service's address; or give it a mark and a family");
		return;
	}
	check_address(k);
	if (family)
		config_error_key(k->errs, family,
			"goes with a mark only; here the address tells the family; leave it out");
	if (v->port || v->persistence.timeout_s)
		return;
	if (port)
		config_error_value(k->errs, port,
			"port 0 stands for all ports, which needs persistence.timeout, so that a client's "
			"connections find one server");
	else
		config_error_missing(k->errs, node, "port",
			"is missing: the service's port; 0 (all ports) needs persistence.timeout");
}

/* --- duplicates --- */

static bool same_service(const struct config_virtual *a, const struct config_virtual *b)
{
	return a->family == b->family && a->mark == b->mark && a->protocol == b->protocol &&
	       a->port == b->port && ip_addr_equal(&a->address, &b->address);
}

static uint32_t service_hash(const struct config_virtual *v)
{
	return ip_addr_hash(&v->address) ^
	       hash_u64((uint64_t)v->mark << 32 | (uint64_t)v->protocol << 16 | v->port);
}

static bool same_name(const struct config_virtual *a, const struct config_virtual *b)
{
	return strcmp(a->name, b->name) == 0;
}

static uint32_t name_hash(const struct config_virtual *v)
{
	return hash_bytes(v->name, strlen(v->name), 0);
}

/* The service that was there before and is the same in one respect; NULL, and v is remembered. */
static const struct config_virtual *seen_before(const struct config_agent *c, struct hash *table,
	const struct config_virtual *v, uint32_t hash,
	bool (*same)(const struct config_virtual *a, const struct config_virtual *b))
{
	struct seen *s;

	for (struct hash_node *i = hash_first(table, hash); i; i = hash_next(i)) {
		s = HASH_ENTRY(i, struct seen, hash);
		if (same(s->v, v))
			return s->v;
	}
	s = arena_alloc(c->arena, sizeof(*s));
	s->v = v;
	hash_add(table, &s->hash, hash);
	return NULL;
}

static void check_duplicates(struct agent_check *k)
{
	struct hash services = { 0 }, names = { 0 };
	const struct config_node *name;
	char q[CONFIG_QUOTE_MAX];

	for (size_t i = 0; i < k->c->service_count; i++) {
		const struct config_virtual *v = &k->c->services[i], *other;

		if (v->wrong || (!v->mark && !v->address.family))
			continue;
		other = seen_before(k->c, &services, v, service_hash(v), same_service);
		if (other) {
			config_error_value(k->errs, v->head.node,
				"the same service as in line %u; the kernel knows one of a protocol, address "
				"and port, or of a mark and family",
				other->head.node->line);
			continue;
		}
		other = seen_before(k->c, &names, v, name_hash(v), same_name);
		if (!other)
			continue;
		/* One that was given no name has one that follows from its key. */
		name = config_node_get(v->head.node, "name");
		config_error_value(k->errs, name ? name : v->head.node,
			"%s is the name of the service in line %u; choose another", config_quote(v->name, q),
			other->head.node->line);
	}
	hash_fini(&services);
	hash_fini(&names);
}

/* --- how it schedules and forwards --- */

static void check_flags(const struct agent_check *k)
{
	static const struct {
		const char *name, *scheduler;
	} of[CONFIG_SERVICE_FLAGS] = {
		[CONFIG_MH_FALLBACK] = { "mh-fallback", "mh" },
		[CONFIG_MH_PORT] = { "mh-port", "mh" },
		[CONFIG_SH_FALLBACK] = { "sh-fallback", "sh" },
		[CONFIG_SH_PORT] = { "sh-port", "sh" },
	};
	const struct config_virtual *v = k->v;

	for (size_t i = 0; i < CONFIG_SERVICE_FLAGS; i++)
		if (v->flags[i] && strcmp(v->scheduler, of[i].scheduler) != 0)
			config_error_value(k->errs, agent_check_culprit(k, "flags", "scheduler"),
				"%s belongs to the scheduler %s, and this one is %s%s; change the one or the "
				"other",
				of[i].name, of[i].scheduler, v->scheduler,
				agent_check_origin(k, "scheduler"));
}

static void check_persistence(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;
	unsigned bits = ip_family_bits((uint8_t)v->family);

	if (v->persistence.prefix_len > bits)
		config_error_value(k->errs, agent_check_culprit(k, "persistence.prefix-length", NULL),
			"prefix-length %u is more than the %u bits of an IPv%u address",
			v->persistence.prefix_len, bits, v->family);
	if (v->persistence.engine && v->protocol && v->protocol != IPPROTO_UDP)
		config_error_value(k->errs, agent_check_culprit(k, "persistence.engine", NULL),
			"the engine %s reads SIP over UDP; set protocol: udp, or engine: none",
			v->persistence.engine);
	if (!v->persistence.timeout_s && (v->persistence.prefix_len || v->persistence.engine))
		config_error_value(k->errs, agent_check_culprit(k, "persistence", NULL),
			"nothing is persistent without a timeout; give persistence.timeout, or leave "
			"persistence out");
}

static void check_one_packet(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;

	if (v->one_packet && v->protocol && v->protocol != IPPROTO_UDP)
		config_error_value(k->errs, agent_check_culprit(k, "one-packet", NULL),
			"one-packet is for UDP only; set protocol: udp, or one-packet: false");
}

static void check_server_port(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;

	if (v->forward == CONFIG_FORWARD_NAT || !v->server_port || v->server_port == v->port)
		return;
	config_error_value(k->errs, agent_check_culprit(k, "server-port", "forward"),
		"%s leaves packets as they are and cannot change the port; leave server-port out, or use "
		"forward: "
		"nat",
		v->forward == CONFIG_FORWARD_TUN ? "tun" : "dr");
}

static void check_tunnel(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;
	const struct config_node *own = config_node_get(v->head.node, "tunnel");

	if (v->forward != CONFIG_FORWARD_TUN) {
		if (own)
			config_error_key(k->errs, own,
				"goes with forward: tun only; change forward, or leave tunnel out");
		return;
	}
	if (v->tunnel.type == CONFIG_TUNNEL_GUE && !v->tunnel.port)
		config_error_value(k->errs, agent_check_culprit(k, "tunnel.type", NULL),
			"gue needs tunnel.port, the UDP port that the servers listen on");
	if (v->tunnel.type != CONFIG_TUNNEL_GUE && v->tunnel.port)
		config_error_value(k->errs, agent_check_culprit(k, "tunnel.port", NULL),
			"only gue has a port; set type: gue, or leave the port out");
	if (v->tunnel.type == CONFIG_TUNNEL_IPIP && v->tunnel.checksum)
		config_error_value(k->errs, agent_check_culprit(k, "tunnel.checksum", NULL),
			"ipip has no checksum; set type: gue or gre, or checksum: none");
	if (v->tunnel.type == CONFIG_TUNNEL_GRE && v->tunnel.checksum == CONFIG_TUNNEL_REMOTE_CHECKSUM)
		config_error_value(k->errs, agent_check_culprit(k, "tunnel.checksum", NULL),
			"gre has no remote checksum; set checksum: csum or none");
}

static void check_thresholds(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;

	if (v->lower_threshold && !v->upper_threshold)
		config_error_value(k->errs, agent_check_culprit(k, "lower-threshold", NULL),
			"lower-threshold is of no use without upper-threshold; give both, or leave it out");
	else if (v->lower_threshold > v->upper_threshold)
		config_error_value(k->errs, agent_check_culprit(k, "lower-threshold", "upper-threshold"),
			"lower-threshold %u%s is more than upper-threshold %u%s; lower the one or raise the "
			"other",
			v->lower_threshold, agent_check_origin(k, "lower-threshold"), v->upper_threshold,
			agent_check_origin(k, "upper-threshold"));
}

static void check_cut(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;
	bool failed = v->drain.on_failure == CONFIG_LEAVE_CUT;

	if (k->c->sysctls.expire_nodest_conn != 0)
		return;
	if (failed || (v->drain.udp == CONFIG_LEAVE_CUT && v->protocol == IPPROTO_UDP))
		config_error_value(k->errs,
			agent_check_culprit(k, failed ? "drain.on-failure" : "drain.udp", NULL),
			"cut needs expire_nodest_conn=1, or the connections hang until their time-out; set "
			"sysctls.expire-nodest-conn to 1 or auto, or take keep or drain");
}

static void check_service(const struct agent_check *k)
{
	check_identity(k);
	check_flags(k);
	check_persistence(k);
	check_one_packet(k);
	check_server_port(k);
	check_tunnel(k);
	check_thresholds(k);
	agent_check_source(k);
	agent_check_health(k);
	if (k->c->preserve_connections)
		agent_check_preserve(k);
	else
		check_cut(k);
}

/* --- what holds for all --- */

static void check_masquerade(const struct agent_check *k)
{
	const struct config_node *n = config_node_get(k->root, "masquerade");
	bool nat = false, wrong = false;

	if (!k->c->masquerade || !n)
		return;
	for (size_t i = 0; i < k->c->service_count; i++) {
		wrong = wrong || k->c->services[i].wrong;
		nat = nat || k->c->services[i].forward == CONFIG_FORWARD_NAT;
	}
	if (!nat && !wrong)
		config_error_value(k->errs, n,
			"no service uses forward: nat, and nothing else is masqueraded; leave it out");
	if (k->c->sysctls.conntrack == 0)
		config_error_value(k->errs, config_node_find(k->root, "sysctls.conntrack"),
			"masquerade needs sysctls.conntrack 1, or netfilter does not see IPVS's connections");
}

void config_agent_check(struct config_agent *c, const struct config_node *root, struct config_errors *errs)
{
	struct agent_check k = { c, root, config_node_get(root, "defaults"), errs, NULL };
	const struct config_node *services = config_node_get(root, "services");

	if (services && config_node_is_empty(services))
		config_error_value(errs, services, "has no value; write [] where there are no services");
	for (size_t i = 0; i < c->service_count; i++) {
		k.v = &c->services[i];
		if (!k.v->wrong)
			check_service(&k);
	}
	check_duplicates(&k);
	check_masquerade(&k);
	if (c->preserve_connections)
		agent_check_preserve_all(&k);
}

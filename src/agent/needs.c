#include "agent/needs.h"

#include <netinet/in.h>
#include <string.h>

#define VS	  "net.ipv4.vs."
#define RP_FILTER "net.ipv4.conf.all.rp_filter"

const struct need *needs_find(const struct needs *n, const char *key)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->list[i].key, key) == 0)
			return &n->list[i];
	return NULL;
}

bool need_is_filter(const struct need *n)
{
	return strcmp(n->key, RP_FILTER) == 0;
}

/* Of several wishes for one setting the first counts, so callers go from the strongest reason to the weakest. */
static void add(struct needs *n, const char *key, long wanted, bool necessary, const char *reason)
{
	if (!needs_find(n, key))
		n->list[n->count++] = (struct need){ key, wanted, reason, necessary, false };
}

/* A service that... */
typedef bool service_test(const struct config_virtual *v);

static bool any(const struct config_agent *cfg, service_test *test)
{
	for (size_t i = 0; i < cfg->service_count; i++)
		if (test(&cfg->services[i]))
			return true;
	return false;
}

static bool is_nat(const struct config_virtual *v)
{
	return v->forward == CONFIG_FORWARD_NAT;
}

static bool is_nat_ipv4(const struct config_virtual *v)
{
	return is_nat(v) && v->family == IP_V4;
}

static bool is_nat_ipv6(const struct config_virtual *v)
{
	return is_nat(v) && v->family == IP_V6;
}

/* Answers do not come back through us. */
static bool is_direct(const struct config_virtual *v)
{
	return !is_nat(v);
}

/* A mark may cover any protocol. */
static bool is_tcp(const struct config_virtual *v)
{
	return v->protocol == IPPROTO_TCP || v->mark;
}

static bool is_direct_tcp(const struct config_virtual *v)
{
	return is_direct(v) && is_tcp(v);
}

static bool is_sctp(const struct config_virtual *v)
{
	return v->protocol == IPPROTO_SCTP || v->mark;
}

static bool is_persistent(const struct config_virtual *v)
{
	return v->persistence.timeout_s > 0;
}

static bool is_mh(const struct config_virtual *v)
{
	return strcmp(v->scheduler, "mh") == 0;
}

/* One packet makes no connection that could be left behind. */
static bool is_cut(const struct config_virtual *v)
{
	if (v->one_packet)
		return false;
	return v->drain.on_failure == CONFIG_LEAVE_CUT ||
	       (v->protocol == IPPROTO_UDP && v->drain.udp == CONFIG_LEAVE_CUT);
}

static bool checks_through_tunnel_ipv4(const struct config_virtual *v)
{
	for (size_t i = 0; i < v->check_count; i++)
		if (v->checks[i].through_tunnel && is_direct(v) && v->family == IP_V4)
			return true;
	return false;
}

/* --- reasons to want something --- */

static void preserve(const struct config_agent *cfg, struct needs *n)
{
	if (any(cfg, is_tcp))
		add(n, VS "sloppy_tcp", 1, true,
			"preserve-connections: a connection that comes from another load balancer is "
			"known only from its middle, and is reset otherwise");
	if (any(cfg, is_sctp))
		add(n, VS "sloppy_sctp", 1, true,
			"preserve-connections: an association that comes from another load balancer is "
			"known only from its middle");
	add(n, VS "schedule_icmp", 1, true,
		"preserve-connections: \"fragmentation needed\" may reach another load balancer than the "
		"connection's, and must find the server all the same");
	add(n, VS "conntrack", 0, true,
		"preserve-connections: connection tracking knows nothing of a connection that comes "
		"from another load balancer");
	add(n, VS "expire_nodest_conn", 0, true,
		"preserve-connections: a server that is taken out and put back, to keep the order of "
		"the mh table, would lose its connections");
}

static void nat(const struct config_agent *cfg, struct needs *n)
{
	bool masquerade = cfg->masquerade && any(cfg, is_nat);

	if (masquerade)
		add(n, VS "conntrack", 1, true,
			"masquerade: the source of a balanced packet is rewritten by connection tracking");
	if (any(cfg, is_nat_ipv4))
		add(n, "net.ipv4.ip_forward", 1, true,
			"forwarding nat: the servers' answers are forwarded by this namespace");
	if (any(cfg, is_nat_ipv6))
		add(n, "net.ipv6.conf.all.forwarding", 1, true,
			"forwarding nat: the servers' answers are forwarded by this namespace (a default "
			"route from router advertisements then also needs accept_ra=2)");
	if (any(cfg, is_nat))
		add(n, VS "snat_reroute", 1, false,
			"forwarding nat: an answer leaves by the route of the service's address, not of "
			"the server's");
}

static void leaving(const struct config_agent *cfg, struct needs *n)
{
	if (any(cfg, is_cut))
		add(n, VS "expire_nodest_conn", 1, true,
			"a policy says cut: connections of a server that is deleted must end at once, and "
			"hang until their time-out otherwise");
	else if (any(cfg, is_mh))
		add(n, VS "expire_nodest_conn", 0, false,
			"mh: a server that is taken out and put back, to keep the order of the table, "
			"would lose its connections");
	if (any(cfg, is_persistent))
		add(n, VS "expire_quiescent_template", 1, true,
			"persistence: clients stick to a server that is drained or has failed otherwise");
}

/* What is seen of a connection decides whether a packet that begins a new one from the same port is told apart:
 * where answers bypass us the last that is seen is the client's FIN, and bit 2 is about that. */
static void port_reuse(const struct config_agent *cfg, unsigned kernel, struct needs *n)
{
	const struct need *conntrack = needs_find(n, VS "conntrack");

	if (!any(cfg, is_tcp))
		return;
	if (conntrack && conntrack->wanted && kernel < NEEDS_KERNEL(5, 9))
		add(n, VS "conn_reuse_mode", 0, false,
			"with connection tracking kernels before 5.9 drop the first packet of a "
			"connection that uses a port again: it waits a second");
	else if (any(cfg, is_direct_tcp))
		add(n, VS "conn_reuse_mode", 3, cfg->preserve_connections,
			"tun and dr: a new connection from a port used shortly before goes to the old "
			"one's server otherwise, even when that is gone, for two minutes");
	else
		add(n, VS "conn_reuse_mode", 1, false,
			"a new connection from a port used shortly before goes to the old one's server "
			"otherwise, even when that is drained");
}

static void checks(const struct config_agent *cfg, struct needs *n)
{
	if (!any(cfg, checks_through_tunnel_ipv4))
		return;
	add(n, "net.ipv4.conf.all.accept_local", 1, true,
		"checks by tunnel: the server answers from the service's address, which is our own, and "
		"the kernel drops such a packet otherwise");
	add(n, RP_FILTER, 2, true,
		"checks by tunnel: the server answers from the service's address, whose way back leads to "
		"ourselves, and the strict reverse-path filter drops that");
}

/* --- what the operator says --- */

struct choice {
	const char *key;
	int value;
};

static void choose(struct needs *n, const struct choice *c)
{
	struct need *mine = NULL;

	if (c->value < 0)
		return;
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->list[i].key, c->key) == 0)
			mine = &n->list[i];
	if (!mine)
		mine = &n->list[n->count++];
	*mine = (struct need){ c->key, c->value, "the configuration says so", true, true };
}

static void operator_says(const struct config_vs_sysctls *s, struct needs *n)
{
	const struct choice choices[] = {
		{ VS "conntrack", s->conntrack },
		{ VS "expire_nodest_conn", s->expire_nodest_conn },
		{ VS "expire_quiescent_template", s->expire_quiescent_template },
		{ VS "conn_reuse_mode", s->conn_reuse_mode },
		{ VS "sloppy_tcp", s->sloppy_tcp },
		{ VS "sloppy_sctp", s->sloppy_sctp },
		{ VS "schedule_icmp", s->schedule_icmp },
	};

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		choose(n, &choices[i]);
}

void needs_of(const struct config_agent *cfg, unsigned kernel, struct needs *out)
{
	*out = (struct needs){ .count = 0 };
	if (cfg->preserve_connections)
		preserve(cfg, out);
	nat(cfg, out);
	leaving(cfg, out);
	/* conn_reuse_mode follows from conntrack, which may be the operator's. */
	choose(out, &(struct choice){ VS "conntrack", cfg->sysctls.conntrack });
	port_reuse(cfg, kernel, out);
	checks(cfg, out);
	operator_says(&cfg->sysctls, out);
}

#include "config/agent_check.h"

#include <netinet/in.h>
#include <string.h>

/*
 * What contradicts preserve-connections.
 *
 * A connection that moves to another load balancer lives on only if that one finds the same server by itself: from the
 * packet alone (mh over addresses and ports, no state of its own), without changing anything that the client or the server
 * sees (tun or dr), and if it takes a connection on in its middle. A key that breaks one of these is an error and is
 * never set right in silence.
 */

static void check_forward(const struct agent_check *k)
{
	if (k->v->forward == CONFIG_FORWARD_NAT)
		config_error_value(k->errs, agent_check_culprit(k, "forward", NULL),
			"preserve-connections needs tun or dr: with nat the server's answers must come back "
			"through the load balancer that knows the connection");
}

static void check_scheduler(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;

	if (strcmp(v->scheduler, "mh") != 0) {
		config_error_value(k->errs, agent_check_culprit(k, "scheduler", NULL),
			"preserve-connections needs mh, by which all load balancers find the same server; "
			"%s decides by what this one has seen",
			v->scheduler);
		return;
	}
	if (!v->flags[CONFIG_MH_PORT] || !v->flags[CONFIG_MH_FALLBACK])
		config_error_value(k->errs, agent_check_culprit(k, "flags", NULL),
			"preserve-connections needs the flags mh-port (or all connections of a client are "
			"one) "
			"and mh-fallback (or those of a draining server are refused); write both, or leave "
			"flags out");
}

static void check_state(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;

	if (v->persistence.timeout_s)
		config_error_value(k->errs, agent_check_culprit(k, "persistence", NULL),
			"persistence does not go with preserve-connections: who stays with which server is "
			"known to one load balancer only");
	if (v->upper_threshold)
		config_error_value(k->errs, agent_check_culprit(k, "upper-threshold", NULL),
			"thresholds do not go with preserve-connections: each load balancer counts its own "
			"connections, and two would choose differently");
}

static void check_drain(const struct agent_check *k)
{
	const struct config_virtual *v = k->v;

	if (v->drain.on_failure == CONFIG_LEAVE_CUT)
		config_error_value(k->errs, agent_check_culprit(k, "drain.on-failure", NULL),
			"cut needs expire_nodest_conn=1, with which servers cannot be put in order without "
			"breaking connections; preserve-connections takes auto, keep or drain");
	if (v->drain.udp == CONFIG_LEAVE_CUT && v->protocol == IPPROTO_UDP)
		config_error_value(k->errs, agent_check_culprit(k, "drain.udp", NULL),
			"cut needs expire_nodest_conn=1, with which servers cannot be put in order without "
			"breaking connections; preserve-connections takes drain");
}

void agent_check_preserve(const struct agent_check *k)
{
	check_forward(k);
	check_scheduler(k);
	check_state(k);
	check_drain(k);
}

/* A setting of net.ipv4.vs that was given and is not the one that is needed. */
static void check_sysctl(
	const struct agent_check *k, const char *path, int value, int needed, const char *why)
{
	if (value >= 0 && value != needed)
		config_error_value(k->errs, config_node_find(k->root, path),
			"preserve-connections needs %d, %s; or write auto", needed, why);
}

static bool has_protocol(const struct config_agent *c, unsigned protocol)
{
	for (size_t i = 0; i < c->service_count; i++)
		if (c->services[i].protocol == protocol || c->services[i].mark)
			return true;
	return false;
}

void agent_check_preserve_all(const struct agent_check *k)
{
	const struct config_vs_sysctls *s = &k->c->sysctls;

	if (k->c->masquerade)
		config_error_value(k->errs, config_node_get(k->root, "masquerade"),
			"masquerade does not go with preserve-connections: the server would know a "
			"connection "
			"by the address of one load balancer");
	check_sysctl(k, "sysctls.conntrack", s->conntrack, 0,
		"or netfilter delays or drops connections that it did not see begin");
	check_sysctl(k, "sysctls.expire-nodest-conn", s->expire_nodest_conn, 0,
		"or connections end while servers are put in order");
	check_sysctl(k, "sysctls.schedule-icmp", s->schedule_icmp, 1,
		"or path MTU discovery fails for connections that moved");
	if (has_protocol(k->c, IPPROTO_TCP))
		check_sysctl(k, "sysctls.sloppy-tcp", s->sloppy_tcp, 1,
			"or a TCP connection that moved is dropped");
	if (has_protocol(k->c, IPPROTO_SCTP))
		check_sysctl(k, "sysctls.sloppy-sctp", s->sloppy_sctp, 1,
			"or an SCTP association that moved is dropped");
}

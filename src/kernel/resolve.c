#include "kernel/resolve.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

/* Why no packet can be sent to an address at all, or NULL. */
static const char *never(const struct ip_addr *a)
{
	if (ip_addr_is_any(a) || (a->family == IP_V4 && a->bytes[0] == 0))
		return "it is the unspecified address";
	if (ip_addr_is_loopback(a))
		return "it is a loopback address";
	if (ip_addr_is_multicast(a))
		return "it is a multicast address";
	if (ip_addr_is_link_local(a) && a->family == IP_V6)
		return "it is link-local, and nothing says on which interface";
	return NULL;
}

static void take_route(void *user, const struct nlmsghdr *h)
{
	message_decode_route(h, user);
}

static const char *words(int error)
{
	switch (-error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ESRCH:
	case ENOENT:
		return "no route to it";
	case EACCES:
		return "the route to it prohibits";
	case EINVAL:
		return "the route to it is a black hole";
	default:
		return "the kernel does not tell the route to it";
	}
}

static const char *type_words(uint8_t type)
{
	switch (type) {
	case RTN_UNICAST:
		return NULL;
	case RTN_LOCAL:
		return "it is our own address";
	case RTN_BROADCAST:
	case RTN_ANYCAST:
		return "it is a broadcast or anycast address";
	default:
		return "no route to it";
	}
}

/* Why the route that the lookup matched must not be used, or NULL. */
static const char *refused(struct netlink *nl, const struct message_ours *ours, bool via_default,
	const struct ip_addr *addr, uint32_t *metric)
{
	struct message_route match = { 0 };

	/* A kernel that cannot tell the matching route has no say in it. */
	if (netlink_request(nl, message_get_route(addr, true), take_route, &match, NULL, 0) < 0)
		return NULL;
	if (!match.prefix.family)
		return NULL;
	*metric = match.metric;
	if (message_is_ours(ours, &match))
		return "only a route of our own leads to it";
	if (match.link_down)
		return "its link is down";
	if (!match.prefix.len && !via_default)
		return "only the default route leads to it";
	return NULL;
}

static const char *look_up(struct netlink *nl, const struct message_ours *ours, bool via_default,
	const struct ip_addr *addr, struct message_route *route)
{
	const char *why = never(addr);
	int error;

	if (why)
		return why;
	error = netlink_request(nl, message_get_route(addr, false), take_route, route, NULL, 0);
	if (error < 0)
		return words(error);
	why = type_words(route->type);
	if (!why && !route->ifindex)
		why = "the route to it names no interface";
	return why ? why : refused(nl, ours, via_default, addr, &route->metric);
}

void resolve_next_hop(struct netlink *nl, const struct message_ours *ours, bool via_default,
	const struct ip_addr *addr, struct plan_resolution *out)
{
	struct message_route route = { 0 };

	*out = (struct plan_resolution){ .why = look_up(nl, ours, via_default, addr, &route) };
	if (out->why)
		return;
	out->reachable = true;
	out->ifindex = route.ifindex;
	out->gateway = route.gateway.family ? route.gateway : *addr;
	out->metric = route.gateway.family ? route.metric : 0;
	if (!if_indextoname(route.ifindex, out->interface))
		out->interface[0] = 0;
}

/* What there is of links, addresses, routes and GUE ports. */
#include "kernel/real_server.h"

#include "base/mem.h"
#include "kernel/fou.h"
#include "kernel/netlink.h"
#include "kernel/sysctl.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_link(void *user, const struct nlmsghdr *h)
{
	const struct ifinfomsg *m = nlmsg_data(h);
	struct real_server_found *f = user;
	struct nlattr *tb[IFLA_MAX + 1];
	struct real_server_link *l;

	if (h->nlmsg_type != RTM_NEWLINK ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*m), tb, IFLA_MAX, NULL) < 0 ||
		!tb[IFLA_IFNAME])
		return;
	f->links = mem_realloc(f->links, (f->link_count + 1) * sizeof(*l));
	l = &f->links[f->link_count++];
	*l = (struct real_server_link){ .index = (uint32_t)m->ifi_index,
		.mtu = tb[IFLA_MTU] ? nla_get_u32(tb[IFLA_MTU]) : 0,
		.up = m->ifi_flags & IFF_UP,
		.loopback = m->ifi_type == ARPHRD_LOOPBACK,
		.tunnel = m->ifi_type == ARPHRD_TUNNEL || m->ifi_type == ARPHRD_TUNNEL6 ||
			  m->ifi_type == ARPHRD_SIT || m->ifi_type == ARPHRD_IPGRE ||
			  m->ifi_type == ARPHRD_IP6GRE };
	snprintf(l->name, sizeof(l->name), "%s", nla_get_string(tb[IFLA_IFNAME]));
}

static void take_address(void *user, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = nlmsg_data(h);
	struct nlattr *tb[IFA_MAX + 1], *attr;
	struct real_server_found *f = user;
	uint8_t family = m->ifa_family == AF_INET ? IP_V4 : m->ifa_family == AF_INET6 ? IP_V6 : IP_NONE;

	if (h->nlmsg_type != RTM_NEWADDR || !family ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*m), tb, IFA_MAX, NULL) < 0)
		return;
	attr = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!attr || (size_t)nla_len(attr) < ip_family_bytes(family))
		return;
	f->addrs = mem_realloc(f->addrs, (f->addr_count + 1) * sizeof(*f->addrs));
	f->addrs[f->addr_count++] = ip_addr_from_bytes(family, nla_data(attr));
}

static uint32_t metric(struct nlattr *metrics, int which)
{
	struct nlattr *a = metrics ? nla_find(nla_data(metrics), nla_len(metrics), which) : NULL;

	return a && nla_len(a) >= (int)sizeof(uint32_t) ? nla_get_u32(a) : 0;
}

/* Those with one next hop in the main table: what pods have. */
static void take_route(void *user, const struct nlmsghdr *h)
{
	const struct rtmsg *m = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1];
	struct real_server_found *f = user;
	struct real_server_route *r;
	uint8_t family = m->rtm_family == AF_INET ? IP_V4 : IP_V6, none[16] = { 0 };
	struct ip_addr to;

	if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_table != RT_TABLE_MAIN || m->rtm_type != RTN_UNICAST ||
		(m->rtm_flags & RTM_F_CLONED) || m->rtm_dst_len > ip_family_bits(family) ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*m), tb, RTA_MAX, NULL) < 0 ||
		!tb[RTA_OIF] || tb[RTA_MULTIPATH] || tb[RTA_NH_ID])
		return;
	to = ip_addr_from_bytes(family, tb[RTA_DST] ? nla_data(tb[RTA_DST]) : none);
	f->routes = mem_realloc(f->routes, (f->route_count + 1) * sizeof(*r));
	r = &f->routes[f->route_count++];
	*r = (struct real_server_route){ .to = prefix_of(&to, m->rtm_dst_len),
		.index = nla_get_u32(tb[RTA_OIF]),
		.mtu = metric(tb[RTA_METRICS], RTAX_MTU),
		.advmss = metric(tb[RTA_METRICS], RTAX_ADVMSS),
		.learned = m->rtm_protocol == RTPROT_RA,
		.message = mem_alloc(h->nlmsg_len) };
	memcpy(r->message, h, h->nlmsg_len);
}

struct listing {
	const char *what;
	uint16_t type;
	size_t header;
	void (*take)(void *user, const struct nlmsghdr *h);
	uint8_t family;
};

static int list_one(struct netlink *nl, const struct listing *l, struct real_server_found *out, char *err,
	size_t err_size)
{
	/* The family is the first octet of each of the three headers. */
	union {
		uint8_t family;
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
	} h = { .link = { 0 } };
	char why[128];
	int error;

	h.family = l->family;
	error = netlink_request(
		nl, netlink_msg(l->type, NLM_F_DUMP, &h, l->header, 0), l->take, out, why, sizeof(why));
	/* A listing that others disturbed is good enough: the plan is made again afterwards. */
	if (!error || error == -EAGAIN || (l->family == AF_INET6 && error == -EOPNOTSUPP))
		return 0;
	snprintf(err, err_size, "the kernel does not list its %s: %s%s%s", l->what, strerror(-error),
		why[0] ? ": " : "", why);
	return error;
}

int real_server_look(struct netlink *nl, const struct real_server_wish *w, struct real_server_found *out,
	char *err, size_t err_size)
{
	static const struct listing listings[] = {
		{ "links", RTM_GETLINK, sizeof(struct ifinfomsg), take_link, AF_UNSPEC },
		{ "addresses", RTM_GETADDR, sizeof(struct ifaddrmsg), take_address, AF_UNSPEC },
		{ "routes", RTM_GETROUTE, sizeof(struct rtmsg), take_route, AF_INET },
		{ "routes", RTM_GETROUTE, sizeof(struct rtmsg), take_route, AF_INET6 },
	};
	int error = 0;

	*out = (struct real_server_found){ .sysctl = kernel_sysctl_read };
	for (size_t i = 0; !error && i < sizeof(listings) / sizeof(listings[0]); i++)
		error = list_one(nl, &listings[i], out, err, err_size);
	if (w->mode == REAL_SERVER_TUN && w->tunnel == REAL_SERVER_GUE) {
		out->gue_ipv4 = fou_gue_is_open(IP_V4, w->gue_port);
		out->gue_ipv6 = fou_gue_is_open(IP_V6, w->gue_port);
	}
	return error;
}

void real_server_found_fini(struct real_server_found *f)
{
	for (size_t i = 0; i < f->route_count; i++)
		free(f->routes[i].message);
	free(f->links);
	free(f->addrs);
	free(f->routes);
	*f = (struct real_server_found){ .link_count = 0 };
}

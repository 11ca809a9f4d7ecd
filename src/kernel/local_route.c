#include "kernel/local_route.h"

#include "base/log.h"
#include "base/mem.h"
#include "kernel/lock.h"
#include "kernel/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { ROOM = 128 };

struct local_route {
	struct prefix prefix;
	char *interface;
	int lock;
};

static uint8_t af_of(uint8_t family)
{
	return family == IP_V4 ? AF_INET : AF_INET6;
}

static struct nl_msg *local_message(uint16_t type, uint16_t flags, const struct prefix *p, unsigned ifindex)
{
	struct rtmsg h = {
		.rtm_family = af_of(p->family),
		.rtm_dst_len = p->len,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = RTPROT_BGP,
		.rtm_scope = p->family == IP_V4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_LOCAL,
	};
	struct nl_msg *msg = netlink_msg(type, flags, &h, sizeof(h), ROOM);

	nla_put(msg, RTA_DST, (int)ip_family_bytes(p->family), p->bytes);
	nla_put_u32(msg, RTA_OIF, ifindex);
	return msg;
}

/* 0 or a negative errno. */
static int change(uint16_t type, uint16_t flags, const struct prefix *p, const char *interface, char *err,
	size_t err_size)
{
	const char *verb = type == RTM_NEWROUTE ? "add" : "del";
	unsigned ifindex = if_nametoindex(interface);
	char why[128], text[PREFIX_TEXT_MAX];
	struct netlink *nl;
	int error;

	if (!ifindex) {
		snprintf(err, err_size, "there is no interface %s in this network namespace", interface);
		return -ENODEV;
	}
	nl = netlink_new(err, err_size);
	if (!nl)
		return -EMFILE;
	error = netlink_request(nl, local_message(type, flags, p, ifindex), NULL, NULL, why, sizeof(why));
	netlink_free(nl);
	prefix_format(p, text);
	if (error == -EPERM)
		snprintf(err, err_size,
			"ip route %s local %s dev %s: not permitted: it needs CAP_NET_ADMIN (Kubernetes: "
			"securityContext: capabilities: add: [NET_ADMIN])",
			verb, text, interface);
	else if (error == -ENETDOWN)
		snprintf(err, err_size,
			"ip route %s local %s dev %s: the interface is down: ip link set %s up", verb, text,
			interface, interface);
	else if (error)
		snprintf(err, err_size, "ip route %s local %s dev %s: %s%s%s", verb, text, interface,
			strerror(-error), why[0] ? ": " : "", why);
	return error;
}

struct local_route *local_route_add(
	const struct prefix *prefix, const char *interface, char *err, size_t err_size)
{
	int lock = kernel_lock_local(prefix, err, err_size), error;
	struct local_route *r;

	if (lock < 0)
		return NULL;
	error = change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, prefix, interface, err, err_size);
	if (error && error != -EEXIST) {
		close(lock);
		return NULL;
	}
	r = mem_calloc(1, sizeof(*r));
	r->lock = lock;
	r->prefix = *prefix;
	r->interface = mem_strdup(interface);
	return r;
}

static void take_out(const struct local_route *r)
{
	char err[256];
	int error = change(RTM_DELROUTE, 0, &r->prefix, r->interface, err, sizeof(err));

	if (error && error != -ESRCH && error != -ENOENT && error != -ENODEV)
		log_warning("%s", err);
}

/* Both are there for a moment. */
bool local_route_move(struct local_route *r, const char *interface, char *err, size_t err_size)
{
	int error = change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, &r->prefix, interface, err, err_size);

	if (error && error != -EEXIST)
		return false;
	take_out(r);
	free(r->interface);
	r->interface = mem_strdup(interface);
	return true;
}

void local_route_del(struct local_route *r)
{
	if (!r)
		return;
	take_out(r);
	close(r->lock);
	free(r->interface);
	free(r);
}

int local_route_mend(const struct local_route *r, char *err, size_t err_size)
{
	int error = change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &r->prefix, r->interface, err, err_size);

	return error == -EEXIST ? 0 : error ? error : 1;
}

/* --- our own addresses --- */

struct answer {
	struct ip_addr addr; /* asked for, or found */
	uint32_t ifindex;
	bool found;
};

static void take_source(void *user, const struct nlmsghdr *h)
{
	struct answer *a = user;
	struct nlattr *attr = nlmsg_find_attr(
		(struct nlmsghdr *)(uintptr_t)h, sizeof(struct rtmsg), RTA_PREFSRC);
	uint8_t family = a->addr.family;

	if (h->nlmsg_type != RTM_NEWROUTE || !attr || (size_t)nla_len(attr) < ip_family_bytes(family))
		return;
	a->addr = ip_addr_from_bytes(family, nla_data(attr));
	a->found = true;
}

/* The route that the kernel would take. 0 or a negative errno. */
static int ask_way(const struct ip_addr *to, void (*take)(void *user, const struct nlmsghdr *h), void *user)
{
	struct rtmsg h = { .rtm_family = af_of(to->family), .rtm_dst_len = ip_family_bits(to->family) };
	char err[128];
	struct netlink *nl = netlink_new(err, sizeof(err));
	struct nl_msg *msg;
	int error;

	if (!nl)
		return -EMFILE;
	msg = netlink_msg(RTM_GETROUTE, 0, &h, sizeof(h), ROOM);
	nla_put(msg, RTA_DST, (int)ip_family_bytes(to->family), to->bytes);
	error = netlink_request(nl, msg, take, user, NULL, 0);
	netlink_free(nl);
	return error;
}

bool local_route_source(const struct ip_addr *to, struct ip_addr *out)
{
	struct answer a = { .addr = { .family = to->family } };

	if (ask_way(to, take_source, &a) || !a.found)
		return false;
	*out = a.addr;
	return true;
}

static void take_address(void *user, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = nlmsg_data(h);
	struct nlattr *tb[IFA_MAX + 1], *attr;
	struct answer *a = user;

	if (h->nlmsg_type != RTM_NEWADDR || m->ifa_family != af_of(a->addr.family) ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*m), tb, IFA_MAX, NULL) < 0)
		return;
	/* On a point-to-point link IFA_ADDRESS is the other end's. */
	attr = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (attr && (size_t)nla_len(attr) >= ip_family_bytes(a->addr.family) &&
		memcmp(nla_data(attr), a->addr.bytes, ip_family_bytes(a->addr.family)) == 0) {
		a->ifindex = m->ifa_index;
		a->found = true;
	}
}

/* All addresses of a family (AF_UNSPEC: of all). */
static void ask_addresses(
	unsigned char family, void (*take)(void *user, const struct nlmsghdr *h), void *user)
{
	struct ifaddrmsg h = { .ifa_family = family };
	char err[128];
	struct netlink *nl = netlink_new(err, sizeof(err));

	if (!nl)
		return;
	netlink_request(nl, netlink_msg(RTM_GETADDR, NLM_F_DUMP, &h, sizeof(h), 0), take, user, NULL, 0);
	netlink_free(nl);
}

bool local_route_interface(const struct ip_addr *addr, char out[IF_NAMESIZE])
{
	struct answer a = { .addr = *addr };

	ask_addresses((unsigned char)af_of(addr->family), take_address, &a);
	return a.found && if_indextoname(a.ifindex, out);
}

struct networks {
	struct prefix *item;
	size_t count, max;
};

static void take_network(void *user, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = nlmsg_data(h);
	struct nlattr *tb[IFA_MAX + 1], *attr;
	struct networks *n = user;
	uint8_t family = m->ifa_family == AF_INET ? IP_V4 : IP_V6;
	struct ip_addr a;

	if (h->nlmsg_type != RTM_NEWADDR || (m->ifa_family != AF_INET && m->ifa_family != AF_INET6) ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*m), tb, IFA_MAX, NULL) < 0)
		return;
	/* On a point-to-point link IFA_ADDRESS is the other end's, and the network is its. */
	attr = tb[IFA_ADDRESS] ? tb[IFA_ADDRESS] : tb[IFA_LOCAL];
	if (!attr || (size_t)nla_len(attr) < ip_family_bytes(family) ||
		m->ifa_prefixlen > ip_family_bits(family))
		return;
	a = ip_addr_from_bytes(family, nla_data(attr));
	if (ip_addr_is_loopback(&a) || ip_addr_is_link_local(&a))
		return;
	if (n->count < n->max)
		n->item[n->count] = prefix_of(&a, m->ifa_prefixlen);
	n->count++;
}

size_t local_route_networks(struct prefix *out, size_t max)
{
	struct networks n = { .item = out, .max = max };

	ask_addresses(AF_UNSPEC, take_network, &n);
	return n.count;
}

static uint32_t interface_mtu(const char *name)
{
	struct ifreq r = { .ifr_mtu = 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	good = fd >= 0 && ioctl(fd, SIOCGIFMTU, &r) == 0;
	if (fd >= 0)
		close(fd);
	return good && r.ifr_mtu > 0 ? (uint32_t)r.ifr_mtu : 0;
}

static void take_way(void *user, const struct nlmsghdr *h)
{
	const struct rtmsg *m = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1], *metrics, *mtu;
	struct local_route_way *w = user;

	if (h->nlmsg_type != RTM_NEWROUTE ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*m), tb, RTA_MAX, NULL) < 0 ||
		(m->rtm_type != RTN_UNICAST && m->rtm_type != RTN_LOCAL))
		return;
	w->there = true;
	w->local = m->rtm_type == RTN_LOCAL;
	if (tb[RTA_OIF] && if_indextoname(nla_get_u32(tb[RTA_OIF]), w->interface))
		w->mtu = interface_mtu(w->interface);
	metrics = tb[RTA_METRICS];
	mtu = metrics ? nla_find(nla_data(metrics), nla_len(metrics), RTAX_MTU) : NULL;
	if (mtu && nla_len(mtu) >= (int)sizeof(uint32_t) && nla_get_u32(mtu))
		w->mtu = nla_get_u32(mtu);
}

void local_route_way(const struct ip_addr *to, struct local_route_way *out)
{
	*out = (struct local_route_way){ .there = false };
	ask_way(to, take_way, out);
}

/* Carrying out one step, and undoing it. */
#include "kernel/real_server.h"

#include "kernel/fou.h"
#include "kernel/netlink.h"
#include "kernel/sysctl.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

enum { ROOM = 256, WHY_ROOM = 160, DONE_BEFORE = 1 };

static int request(struct netlink *nl, struct nl_msg *msg, char *why)
{
	return netlink_request(nl, msg, NULL, NULL, why, WHY_ROOM);
}

/* --- links --- */

static int link_add(struct netlink *nl, const struct real_server_step *s, char *why)
{
	struct ifinfomsg h = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = netlink_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &h, sizeof(h), ROOM);
	struct nlattr *info, *data;

	nla_put_string(msg, IFLA_IFNAME, s->device);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, s->kind);
	if (strncmp(s->device, "rrd-", 4) == 0) {
		data = nla_nest_start(msg, IFLA_INFO_DATA);
		nla_put_flag(msg, IFLA_IPTUN_COLLECT_METADATA);
		nla_nest_end(msg, data);
	}
	nla_nest_end(msg, info);
	/* The kernel loads the module for this request, and with the module its own device appears. */
	return request(nl, msg, why);
}

static int link_del(struct netlink *nl, const char *device, char *why)
{
	struct ifinfomsg h = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = netlink_msg(RTM_DELLINK, 0, &h, sizeof(h), ROOM);

	nla_put_string(msg, IFLA_IFNAME, device);
	return request(nl, msg, why);
}

static int link_set(struct netlink *nl, const char *device, bool up, char *why)
{
	struct ifinfomsg h = { .ifi_family = AF_UNSPEC,
		.ifi_index = (int)if_nametoindex(device),
		.ifi_flags = up ? IFF_UP : 0,
		.ifi_change = IFF_UP };

	if (!h.ifi_index)
		return -ENODEV;
	return request(nl, netlink_msg(RTM_NEWLINK, 0, &h, sizeof(h), 0), why);
}

/* --- addresses --- */

static int address(struct netlink *nl, uint16_t type, const struct real_server_step *s, char *why)
{
	bool six = s->prefix.family == IP_V6;
	struct ifaddrmsg h = { .ifa_family = six ? AF_INET6 : AF_INET,
		.ifa_prefixlen = s->prefix.len,
		.ifa_flags = six ? IFA_F_NODAD : 0,
		.ifa_index = if_nametoindex(s->device) };
	/* Never a source by itself: deprecated from the beginning, valid for ever. */
	struct ifa_cacheinfo life = { .ifa_prefered = 0, .ifa_valid = UINT32_MAX };
	struct nl_msg *msg;

	if (!h.ifa_index)
		return -ENODEV;
	msg = netlink_msg(type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0, &h, sizeof(h), ROOM);
	nla_put(msg, IFA_LOCAL, (int)ip_family_bytes(s->prefix.family), s->prefix.bytes);
	nla_put(msg, IFA_ADDRESS, (int)ip_family_bytes(s->prefix.family), s->prefix.bytes);
	if (six && type == RTM_NEWADDR)
		nla_put(msg, IFA_CACHEINFO, sizeof(life), &life);
	return request(nl, msg, why);
}

/* --- routes --- */

static void copy_metrics(struct nl_msg *msg, struct nlattr *old, long advmss)
{
	struct nlattr *nest = nla_nest_start(msg, RTA_METRICS), *a;
	int left;

	if (old)
		nla_for_each_nested(a, old, left) if (nla_type(a) != RTAX_ADVMSS)
			nla_put(msg, nla_type(a), nla_len(a), nla_data(a));
	if (advmss > 0)
		nla_put_u32(msg, RTAX_ADVMSS, (uint32_t)advmss);
	nla_nest_end(msg, nest);
}

/* The same route with another advmss, in place of it. */
static int replace(struct netlink *nl, struct nlmsghdr *route, long advmss, char *why)
{
	struct rtmsg h = *(struct rtmsg *)nlmsg_data(route);
	struct nlattr *a, *metrics = NULL;
	struct nl_msg *msg;
	int left;

	/* What else there is are states, which the kernel does not take back. */
	h.rtm_flags &= RTNH_F_ONLINK;
	msg = netlink_msg(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &h, sizeof(h), route->nlmsg_len + ROOM);
	nlmsg_for_each_attr(a, route, sizeof(h), left)
	{
		if (nla_type(a) == RTA_METRICS)
			metrics = a;
		else if (nla_type(a) != RTA_CACHEINFO && nla_type(a) != RTA_EXPIRES)
			nla_put(msg, nla_type(a), nla_len(a), nla_data(a));
	}
	copy_metrics(msg, metrics, advmss);
	return request(nl, msg, why);
}

/* Routes change while we work, so each is looked for again. */
static int advmss(struct netlink *nl, const struct real_server_step *s, long from, long to, char *why)
{
	static const struct real_server_wish nothing = { .mode = REAL_SERVER_DR };
	struct real_server_found f;
	int error = real_server_look(nl, &nothing, &f, why, WHY_ROOM);
	uint32_t index = if_nametoindex(s->device);
	bool some = false;

	for (size_t i = 0; !error && i < f.route_count; i++) {
		struct real_server_route *r = &f.routes[i];

		if (!prefix_equal(&r->to, &s->prefix) || r->index != index || r->advmss != (uint32_t)from)
			continue;
		some = true;
		error = replace(nl, r->message, to, why);
	}
	real_server_found_fini(&f);
	return error ? error : some ? 0 : -ESRCH;
}

/* --- both directions --- */

static int set_sysctl(struct real_server_step *s)
{
	if (!kernel_sysctl_read(s->key, &s->old))
		return -ENOENT;
	return s->old == s->value ? DONE_BEFORE : kernel_sysctl_write(s->key, s->value);
}

static int carry_out(struct netlink *nl, struct real_server_step *s, char *why)
{
	int error = 0;

	switch (s->op) {
	case REAL_SERVER_SYSCTL:
		error = set_sysctl(s);
		break;
	case REAL_SERVER_GUE_OPEN:
		error = fou_gue_open(s->family, (uint16_t)s->value);
		break;
	case REAL_SERVER_LINK_ADD:
		error = link_add(nl, s, why);
		break;
	case REAL_SERVER_LINK_UP:
		error = link_set(nl, s->device, true, why);
		break;
	case REAL_SERVER_ADVMSS:
		error = advmss(nl, s, s->old, s->value, why);
		break;
	case REAL_SERVER_ADDRESS:
		error = address(nl, RTM_NEWADDR, s, why);
		break;
	}
	return error == -EEXIST || error == -EALREADY ? DONE_BEFORE : error;
}

/* What to do about it, or NULL. */
static const char *remedy(const struct real_server_step *s, int error)
{
	bool file = s->op == REAL_SERVER_SYSCTL;

	if (file && (error == -EROFS || error == -EACCES || error == -EPERM))
		return "/proc/sys cannot be written here";
	if (error == -EPERM || error == -EACCES)
		return "it needs CAP_NET_ADMIN (Kubernetes: securityContext: capabilities: add: [NET_ADMIN])";
	if (s->op == REAL_SERVER_LINK_ADD && error == -EOPNOTSUPP)
		return "the kernel has no such devices: load the module on the host (modprobe), which a "
		       "container cannot";
	if (s->op == REAL_SERVER_GUE_OPEN && error == -ENOENT)
		return "the kernel has no GUE: load the module on the host (modprobe fou), which a "
		       "container cannot";
	return NULL;
}

static int explain(const struct real_server_step *s, int error, const char *why, char *err, size_t err_size)
{
	struct text t = text_init(err, err_size);
	const char *do_this = error < 0 ? remedy(s, error) : NULL;

	if (error >= 0)
		return error;
	real_server_step_format(s, &t);
	text_add(&t, ": %s%s%s", strerror(-error), why[0] ? ": " : "", why);
	if (do_this)
		text_add(&t, ": %s", do_this);
	return error;
}

int real_server_do(struct netlink *nl, struct real_server_step *s, char *err, size_t err_size)
{
	char why[WHY_ROOM] = "";

	return explain(s, carry_out(nl, s, why), why, err, err_size);
}

static int put_back(const struct real_server_step *s)
{
	long now;

	if (!kernel_sysctl_read(s->key, &now) || now != s->value)
		return 0;
	return kernel_sysctl_write(s->key, s->old);
}

int real_server_undo(struct netlink *nl, const struct real_server_step *s, char *err, size_t err_size)
{
	char why[WHY_ROOM] = "";
	int error = 0;

	switch (s->op) {
	case REAL_SERVER_SYSCTL:
		error = put_back(s);
		break;
	case REAL_SERVER_GUE_OPEN:
		error = fou_gue_close(s->family, (uint16_t)s->value);
		break;
	case REAL_SERVER_LINK_ADD:
		error = link_del(nl, s->device, why);
		break;
	case REAL_SERVER_LINK_UP:
		error = link_set(nl, s->device, false, why);
		break;
	case REAL_SERVER_ADVMSS:
		error = advmss(nl, s, s->value, s->old, why);
		break;
	case REAL_SERVER_ADDRESS:
		error = address(nl, RTM_DELADDR, s, why);
		break;
	}
	if (error == -ENODEV || error == -ESRCH || error == -EADDRNOTAVAIL || error == -ENOENT)
		return 0;
	return explain(s, error, why, err, err_size);
}

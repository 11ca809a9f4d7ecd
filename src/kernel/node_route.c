#include "kernel/node_route.h"

#include "base/log.h"
#include "base/mem.h"
#include "kernel/message.h"
#include "kernel/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 128, IP6_DEFAULT_METRIC = 1024 };

struct node_netns {
	struct netlink *nl;
};

struct node_route {
	struct node_netns *netns;
	struct prefix prefix;
	struct ip_addr gateway;
};

/* --- a socket in another namespace --- */

struct opening {
	int fd;
	const char *path;
	struct netlink *nl;
	char *err;
	size_t err_size;
};

/* In a thread of its own, which ends afterwards: a thread that has changed its namespace need not find the way back. */
static void *open_inside(void *arg)
{
	struct opening *o = arg;

	if (setns(o->fd, CLONE_NEWNET) == 0)
		o->nl = netlink_new(o->err, o->err_size);
	else if (errno == EPERM)
		snprintf(o->err, o->err_size,
			"cannot enter %s: not permitted: it needs CAP_SYS_ADMIN (Kubernetes: "
			"securityContext: capabilities: add: [SYS_ADMIN, NET_ADMIN])",
			o->path);
	else if (errno == EINVAL)
		snprintf(o->err, o->err_size, "%s is not a network namespace", o->path);
	else
		snprintf(o->err, o->err_size, "cannot enter %s: %s", o->path, strerror(errno));
	return NULL;
}

static bool is_our_own(int fd)
{
	struct stat ours, theirs;

	return stat("/proc/self/ns/net", &ours) == 0 && fstat(fd, &theirs) == 0 &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

static int open_netns(const char *path, char *err, size_t err_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES) {
		snprintf(err, err_size,
			"cannot open %s: not permitted: a namespace of a process needs CAP_SYS_PTRACE "
			"(Kubernetes: securityContext: capabilities: add: [SYS_PTRACE])",
			path);
	} else if (fd < 0) {
		snprintf(err, err_size, "cannot open %s: %s", path, strerror(errno));
	} else if (is_our_own(fd)) {
		snprintf(err, err_size,
			"%s is our own network namespace, not the node's (Kubernetes: hostPID: true is "
			"needed for /proc/1/ns/net)",
			path);
		close(fd);
		fd = -1;
	}
	return fd;
}

struct node_netns *node_netns_open(const char *path, char *err, size_t err_size)
{
	struct opening o = {
		.fd = open_netns(path, err, err_size), .path = path, .err = err, .err_size = err_size
	};
	struct node_netns *n;
	pthread_t thread;
	int error;

	if (o.fd < 0)
		return NULL;
	error = pthread_create(&thread, NULL, open_inside, &o);
	if (error)
		snprintf(err, err_size, "cannot start a thread: %s", strerror(error));
	else
		pthread_join(thread, NULL);
	close(o.fd);
	if (!o.nl)
		return NULL;
	n = mem_calloc(1, sizeof(*n));
	n->nl = o.nl;
	return n;
}

void node_netns_close(struct node_netns *n)
{
	if (!n)
		return;
	netlink_free(n->nl);
	free(n);
}

/* --- routes --- */

static uint8_t af_of(uint8_t family)
{
	return family == IP_V4 ? AF_INET : AF_INET6;
}

/* 0 or a negative errno. */
static int change(uint16_t type, uint16_t flags, const struct node_route *r, char *why, size_t why_size)
{
	struct rtmsg h = {
		.rtm_family = af_of(r->prefix.family),
		.rtm_dst_len = r->prefix.len,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BGP,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg = netlink_msg(type, flags, &h, sizeof(h), ROOM);
	int bytes = (int)ip_family_bytes(r->prefix.family);

	nla_put(msg, RTA_DST, bytes, r->prefix.bytes);
	nla_put(msg, RTA_GATEWAY, bytes, r->gateway.bytes);
	return netlink_request(r->netns->nl, msg, NULL, NULL, why, why_size);
}

struct search {
	struct prefix prefix;
	bool found;
	struct message_route route;
};

static void take_route(void *user, const struct nlmsghdr *h)
{
	struct search *s = user;
	struct message_route r;
	uint32_t metric = s->prefix.family == IP_V4 ? 0 : IP6_DEFAULT_METRIC;

	if (h->nlmsg_type != RTM_NEWROUTE || !message_decode_route(h, &r) || r.table != RT_TABLE_MAIN ||
		r.metric != metric || !prefix_equal(&r.prefix, &s->prefix))
		return;
	s->found = true;
	s->route = r;
}

/* The route that stands in our way. A listing that was disturbed is taken again, but not for ever. */
static bool find(struct node_netns *n, const struct prefix *prefix, struct message_route *out)
{
	enum { TRIES = 5 };
	struct rtmsg h = { .rtm_family = af_of(prefix->family), .rtm_table = RT_TABLE_MAIN };
	struct search s = { .prefix = *prefix };
	int error = -EAGAIN;

	for (int i = 0; i < TRIES && error == -EAGAIN && !s.found; i++)
		error = netlink_request(n->nl, netlink_msg(RTM_GETROUTE, NLM_F_DUMP, &h, sizeof(h), 0),
			take_route, &s, NULL, 0);
	*out = s.route;
	return s.found;
}

/* True when what is there already is what was wanted. */
static bool judge(const struct node_route *r, char *err, size_t err_size)
{
	char prefix[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX];
	struct message_route there;

	prefix_format(&r->prefix, prefix);
	if (!find(r->netns, &r->prefix, &there)) {
		snprintf(err, err_size, "the node has another route to %s: see ip route there", prefix);
		return false;
	}
	if (there.type == RTN_UNICAST && ip_addr_equal(&there.gateway, &r->gateway))
		return true;
	if (there.protocol != RTPROT_BGP || there.gateway.family == IP_NONE) {
		snprintf(err, err_size,
			"the node has a route to %s that is not ours: see ip route there; remove it, or "
			"leave node-route out",
			prefix);
		return false;
	}
	ip_addr_format(&there.gateway, other);
	snprintf(err, err_size,
		"the node's route to %s leads to %s: another pod of the service on this node, of which there "
		"can be one; if it is gone for good, on the node: ip route del %s via %s proto bgp",
		prefix, other, prefix, other);
	return false;
}

static void explain(const struct node_route *r, int error, const char *why, char *err, size_t err_size)
{
	char prefix[PREFIX_TEXT_MAX], gateway[PREFIX_TEXT_MAX];
	const char *hint = "";

	if (error == -EPERM)
		hint = "; it needs CAP_NET_ADMIN in the node's user namespace";
	else if (error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EINVAL)
		hint = "; the node must reach the pod's address directly";
	snprintf(err, err_size, "ip route add %s via %s, in the node: %s%s%s%s",
		prefix_format(&r->prefix, prefix), ip_addr_format(&r->gateway, gateway), strerror(-error),
		why[0] ? ": " : "", why, hint);
}

struct node_route *node_route_add(struct node_netns *n, const struct prefix *prefix,
	const struct ip_addr *gateway, char *err, size_t err_size)
{
	struct node_route *r = mem_calloc(1, sizeof(*r));
	char why[128];
	int error;

	*r = (struct node_route){ .netns = n, .prefix = *prefix, .gateway = *gateway };
	error = change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, r, why, sizeof(why));
	if (!error || (error == -EEXIST && judge(r, err, err_size)))
		return r;
	if (error != -EEXIST)
		explain(r, error, why, err, err_size);
	free(r);
	return NULL;
}

void node_route_del(struct node_route *r)
{
	char why[128], text[PREFIX_TEXT_MAX];
	int error;

	if (!r)
		return;
	error = change(RTM_DELROUTE, 0, r, why, sizeof(why));
	if (error && error != -ESRCH && error != -ENOENT && error != -ENODEV)
		log_warning("ip route del %s, in the node: %s%s%s", prefix_format(&r->prefix, text),
			strerror(-error), why[0] ? ": " : "", why);
	free(r);
}

#include "kernel/events.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { EVENTS_BUFFER = 64 * 1024, EVENTS_QUEUE = 8 * 1024 * 1024, EVENTS_PER_TURN = 256 };

struct events {
	struct message_ours ours;
	const struct events_ops *ops;
	void *user;
	struct nl_sock *sock;
	struct io_watch *watch;
	uint8_t *in;
};

static void take_route(struct events *e, const struct nlmsghdr *h, const struct message_route *r)
{
	bool there = h->nlmsg_type == RTM_NEWROUTE;

	if (message_is_ours(&e->ours, r)) {
		e->ops->route(e->user, r, there);
		return;
	}
	/* A route that replaces ours says so, and nothing tells of ours. */
	if (message_has_our_key(&e->ours, r)) {
		if (there && h->nlmsg_flags & NLM_F_REPLACE)
			e->ops->route(e->user, r, false);
		e->ops->foreign(e->user, r, there);
	}
	e->ops->reach(e->user);
}

static void take_event(struct events *e, const struct nlmsghdr *h)
{
	struct message_object object;
	struct message_route route;

	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		e->ops->link(e->user);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		e->ops->reach(e->user);
		break;
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		if (message_decode_object(h, &object))
			e->ops->object(e->user, object.id);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (!message_decode_route(h, &route))
			break;
		take_route(e, h, &route);
		break;
	default:
		break;
	}
}

static void readable(void *user, unsigned events)
{
	struct events *e = user;

	(void)events;
	for (int turn = 0; turn < EVENTS_PER_TURN; turn++) {
		struct nlmsghdr *h = (struct nlmsghdr *)e->in;
		ssize_t n = recv(nl_socket_get_fd(e->sock), e->in, EVENTS_BUFFER, MSG_DONTWAIT);

		if (n < 0 && errno == ENOBUFS) {
			e->ops->overflow(e->user);
			continue;
		}
		if (n <= 0)
			return;
		for (int left = (int)n; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
			take_event(e, h);
	}
}

/* Drops in the kernel what carries the executor's port as its cause. */
static int filter(int fd, uint32_t port)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_ABS | BPF_W, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static bool open_socket(struct events *e, uint32_t not_from, size_t queue_octets)
{
	const int size = queue_octets ? (int)queue_octets : EVENTS_QUEUE;
	int fd;

	e->sock = nl_socket_alloc();
	if (!e->sock || nl_connect(e->sock, NETLINK_ROUTE) < 0)
		return false;
	fd = nl_socket_get_fd(e->sock);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* A kernel without next-hop objects does not know the last group. */
	nl_socket_add_memberships(e->sock, RTNLGRP_NEXTHOP, 0);
	return filter(fd, not_from) == 0 &&
	       nl_socket_add_memberships(e->sock, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		       RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0) == 0;
}

struct events *events_new(struct io_loop *loop, const struct message_ours *ours, uint32_t not_from,
	size_t queue_octets, const struct events_ops *ops, void *user, char *err, size_t err_size)
{
	struct events *e = mem_calloc(1, sizeof(*e));

	e->ours = *ours;
	e->ops = ops;
	e->user = user;
	e->in = mem_alloc(EVENTS_BUFFER);
	if (!open_socket(e, not_from, queue_octets)) {
		snprintf(err, err_size, "cannot listen to the kernel's routing events: %s", strerror(errno));
		events_free(e);
		return NULL;
	}
	e->watch = io_watch_new(loop, nl_socket_get_fd(e->sock), readable, e);
	io_watch_set(e->watch, IO_READ);
	return e;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	io_watch_free(e->watch);
	nl_socket_free(e->sock);
	free(e->in);
	free(e);
}

#include "kernel/netlink.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	RECEIVE_BUFFER = 4 * 1024 * 1024,
	MESSAGE_MAX = 64 * 1024, /* the kernel's pieces of a listing are at most 32 KiB */
	PIECE_MESSAGES = 256,	 /* per send: the errors of all must fit into the receive buffer */
	PIECE_BYTES = 128 * 1024,
	ANSWER_TIMEOUT_S = 30,
};

struct netlink {
	struct nl_sock *sock;
	int fd;
	uint32_t port, seq;
	uint8_t *in;
	/* requests collected for one send */
	uint8_t *out;
	size_t out_len, out_count, out_last; /* out_last: offset of the last message */
	uint32_t out_seq;		     /* of the first */
	size_t number[PIECE_MESSAGES];
	netlink_failed_fn *failed;
	void *user;
};

static bool open_socket(struct netlink *nl, int protocol)
{
	const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	const int one = 1, size = RECEIVE_BUFFER, piece = PIECE_BYTES;

	nl->sock = nl_socket_alloc();
	if (!nl->sock || nl_connect(nl->sock, protocol) < 0)
		return false;
	nl->fd = nl_socket_get_fd(nl->sock);
	nl->port = nl_socket_get_local_port(nl->sock);
	/* Without these an old kernel says less and lists more; nothing depends on them. */
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	if (setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* The kernel takes no piece larger than this, and doubles it for its own use; libnl asks for 32 KiB. */
	if (setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &piece, sizeof(piece)) < 0)
		setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUF, &piece, sizeof(piece));
	return setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0;
}

static struct netlink *new_for(int protocol, char *err, size_t err_size)
{
	struct netlink *nl = mem_calloc(1, sizeof(*nl));

	if (!open_socket(nl, protocol)) {
		snprintf(err, err_size, "cannot open a netlink socket: %s", strerror(errno));
		netlink_free(nl);
		return NULL;
	}
	nl->in = mem_alloc(MESSAGE_MAX);
	nl->out = mem_alloc(PIECE_BYTES);
	return nl;
}

struct netlink *netlink_new(char *err, size_t err_size)
{
	return new_for(NETLINK_ROUTE, err, err_size);
}

struct netlink *netlink_new_generic(char *err, size_t err_size)
{
	return new_for(NETLINK_GENERIC, err, err_size);
}

void netlink_free(struct netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl->in);
	free(nl->out);
	free(nl);
}

uint32_t netlink_port(const struct netlink *nl)
{
	return nl->port;
}

struct nl_msg *netlink_msg(uint16_t type, uint16_t flags, const void *header, size_t len, size_t room)
{
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_HDRLEN + NLMSG_ALIGN(len) + room);

	if (!msg || !nlmsg_put(msg, 0, 0, type, 0, NLM_F_REQUEST | flags) ||
		nlmsg_append(msg, (void *)(uintptr_t)header, len, NLMSG_ALIGNTO) < 0) {
		/* As everywhere: out of memory is not survived. */
		abort();
	}
	return msg;
}

/* The error of an NLMSG_ERROR message, and the kernel's words if it gave any. */
static int error_of(const struct nlmsghdr *h, char *why, size_t why_size)
{
	const struct nlmsgerr *e = nlmsg_data(h);
	size_t skip = sizeof(*e);
	struct nlattr *attr;

	if (why_size)
		why[0] = 0;
	if (h->nlmsg_len < NLMSG_HDRLEN + sizeof(*e))
		return -EBADMSG;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - NLMSG_HDRLEN;
	if (!why_size || !(h->nlmsg_flags & NLM_F_ACK_TLVS) || NLMSG_HDRLEN + skip > h->nlmsg_len)
		return e->error;
	attr = nla_find((struct nlattr *)((uint8_t *)nlmsg_data(h) + NLMSG_ALIGN(skip)),
		(int)(h->nlmsg_len - NLMSG_HDRLEN - NLMSG_ALIGN(skip)), NLMSGERR_ATTR_MSG);
	if (attr)
		snprintf(why, why_size, "%.*s", (int)nla_len(attr), (const char *)nla_data(attr));
	return e->error;
}

/* The next piece from the kernel; its length, or a negative errno. */
static int receive(struct netlink *nl)
{
	struct sockaddr_nl from = { 0 };
	socklen_t len;
	ssize_t n;

	do {
		len = sizeof(from);
		n = recvfrom(nl->fd, nl->in, MESSAGE_MAX, 0, (struct sockaddr *)&from, &len);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	return n < 0 ? (errno == EAGAIN ? -ETIMEDOUT : -errno) : (int)n;
}

static int transmit(struct netlink *nl, const void *data, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do
		n = sendto(nl->fd, data, len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* --- one request --- */

int netlink_request(struct netlink *nl, struct nl_msg *msg, void (*fn)(void *user, const struct nlmsghdr *h),
	void *user, char *why, size_t why_size)
{
	struct nlmsghdr *q = nlmsg_hdr(msg);
	bool listing = (q->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP, disturbed = false;
	uint32_t seq = ++nl->seq;
	int n;

	if (why_size)
		why[0] = 0;
	q->nlmsg_seq = seq;
	if (!listing)
		q->nlmsg_flags |= NLM_F_ACK;
	n = transmit(nl, q, q->nlmsg_len);
	nlmsg_free(msg);
	while (n >= 0) {
		struct nlmsghdr *h = (struct nlmsghdr *)nl->in;

		n = receive(nl);
		for (int left = n; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			if (h->nlmsg_seq != seq)
				continue;
			disturbed |= h->nlmsg_flags & NLM_F_DUMP_INTR;
			if (h->nlmsg_type == NLMSG_ERROR)
				return error_of(h, why, why_size);
			if (h->nlmsg_type == NLMSG_DONE)
				return disturbed ? -EAGAIN : 0;
			if (fn)
				fn(user, h);
		}
	}
	return n;
}

/* --- many requests --- */

void netlink_many_begin(struct netlink *nl, netlink_failed_fn *fn, void *user)
{
	nl->failed = fn;
	nl->user = user;
	nl->out_len = nl->out_count = 0;
}

struct nlmsghdr *netlink_many_at(struct netlink *nl, size_t most)
{
	assert(most <= PIECE_BYTES);
	if (nl->out_count == PIECE_MESSAGES || nl->out_len + most > PIECE_BYTES)
		netlink_many_flush(nl);
	return (struct nlmsghdr *)(nl->out + nl->out_len);
}

void netlink_many_add(struct netlink *nl, size_t number)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(nl->out + nl->out_len);

	h->nlmsg_seq = ++nl->seq;
	if (!nl->out_count)
		nl->out_seq = h->nlmsg_seq;
	nl->number[nl->out_count++] = number;
	nl->out_last = nl->out_len;
	nl->out_len += NLMSG_ALIGN(h->nlmsg_len);
}

/* Takes errors until the last request is acknowledged. Marks in done what was answered. */
static int take_errors(struct netlink *nl, bool *done)
{
	char why[256];

	for (;;) {
		struct nlmsghdr *h = (struct nlmsghdr *)nl->in;
		int n = receive(nl);

		if (n < 0)
			return n;
		for (int left = n; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			size_t i = h->nlmsg_seq - nl->out_seq;
			int error;

			if (h->nlmsg_type != NLMSG_ERROR || i >= nl->out_count)
				continue;
			error = error_of(h, why, sizeof(why));
			done[i] = true;
			if (error)
				nl->failed(nl->user, nl->number[i], error, why);
			if (i + 1 == nl->out_count)
				return 0;
		}
	}
}

void netlink_many_flush(struct netlink *nl)
{
	bool done[PIECE_MESSAGES] = { false };
	int error;

	if (!nl->out_count)
		return;
	/* Requests are worked off in order and errors are always told: the last one's answer stands for all. */
	((struct nlmsghdr *)(nl->out + nl->out_last))->nlmsg_flags |= NLM_F_ACK;
	error = transmit(nl, nl->out, nl->out_len);
	if (!error)
		error = take_errors(nl, done);
	for (size_t i = 0; error && i < nl->out_count; i++)
		if (!done[i])
			nl->failed(nl->user, nl->number[i], error, "");
	nl->out_len = nl->out_count = 0;
}

#include "ipvs/netlink.h"

#include "base/mem.h"
#include "ipvs/message.h"

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
	MESSAGE_MAX = 64 * 1024, /* the kernel's pieces of a listing are at most 32 KiB */
	PIECE_BYTES = 64 * 1024,
	CAP_NET_ADMIN_BIT = 12,
};

struct ipvs_netlink {
	struct nl_sock *sock;
	int fd;
	uint16_t family;
	bool broken;
	uint32_t seq;
	uint8_t *in;
	/* requests collected for one send */
	uint8_t *out;
	size_t out_len, out_count, out_last; /* out_last: offset of the last message */
	uint32_t out_seq;		     /* of the first */
	size_t number[IPVS_PIECE];
	ipvs_netlink_failed_fn *failed;
	void *user;
};

/* --- why there is no IPVS for us --- */

/* The value of a line of /proc/self/status, as a hexadecimal number; 0 when there is none. */
static unsigned long long status_value(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long value = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtoull(line + strlen(key), NULL, 16);
	if (f)
		fclose(f);
	return value;
}

/* EPERM with the capability in hand: it counts in the initial user namespace alone. */
static void explain_refusal(char *err, size_t err_size)
{
	if (status_value("CapEff:") >> CAP_NET_ADMIN_BIT & 1)
		snprintf(err, err_size,
			"the kernel lets nobody in a user namespace use IPVS: run this program outside of "
			"one (for a "
			"pod: hostUsers: true)");
	else
		snprintf(err, err_size,
			"CAP_NET_ADMIN is missing: run this program as root or give it the capability (for a "
			"container: "
			"securityContext: capabilities: add: [NET_ADMIN])");
}

static void explain(int error, char *err, size_t err_size)
{
	if (error == -ENOENT)
		snprintf(err, err_size,
			"the kernel has no IPVS: run \"modprobe ip_vs\" on the node (and \"modprobe "
			"ip_vs_mh\", or "
			"whichever "
			"scheduler is wanted)");
	else if (error == -EPERM || error == -EACCES)
		explain_refusal(err, err_size);
	else if (error == -ETIMEDOUT)
		snprintf(err, err_size, "the kernel's IPVS does not answer");
	else
		snprintf(err, err_size, "the kernel's IPVS cannot be spoken to: %s", strerror(-error));
}

/* --- the socket --- */

static int open_socket(struct ipvs_netlink *nl)
{
	const struct timeval timeout = { .tv_sec = IPVS_ANSWER_TIMEOUT_S };
	const int one = 1;

	nl->sock = nl_socket_alloc();
	/* Closed on exec: libnl sees to it. */
	if (!nl->sock || nl_connect(nl->sock, NETLINK_GENERIC) < 0)
		return errno ? -errno : -EIO;
	nl->fd = nl_socket_get_fd(nl->sock);
	/* Without it an error carries the whole request back; nothing depends on it. */
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
		setsockopt(nl->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	return 0;
}

static void take_family(void *user, const struct nlmsghdr *h)
{
	struct ipvs_netlink *nl = user;

	ipvs_message_decode_family(h, &nl->family);
}

/* Asking for the family loads the module where that is allowed; the first question after that may still fail. */
static int resolve_family(struct ipvs_netlink *nl)
{
	int error = 0;

	for (int i = 0; i < 2 && !nl->family; i++)
		error = ipvs_netlink_request(nl, ipvs_message_get_family(), take_family, nl);
	return nl->family ? 0 : error ? error : -ENOENT;
}

static int open_all(struct ipvs_netlink *nl)
{
	int error = open_socket(nl);

	if (!error)
		error = resolve_family(nl);
	/* Even reading needs the right: known now, not at the first change. */
	if (!error)
		error = ipvs_netlink_request(nl, ipvs_message_get_info(nl->family), NULL, NULL);
	return error;
}

struct ipvs_netlink *ipvs_netlink_new(char *err, size_t err_size)
{
	struct ipvs_netlink *nl = mem_calloc(1, sizeof(*nl));
	int error;

	nl->in = mem_alloc(MESSAGE_MAX);
	nl->out = mem_alloc(PIECE_BYTES);
	error = open_all(nl);
	if (!error)
		return nl;
	explain(error, err, err_size);
	ipvs_netlink_free(nl);
	return NULL;
}

void ipvs_netlink_free(struct ipvs_netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl->in);
	free(nl->out);
	free(nl);
}

uint16_t ipvs_netlink_family(const struct ipvs_netlink *nl)
{
	return nl->family;
}

bool ipvs_netlink_broken(const struct ipvs_netlink *nl)
{
	return nl->broken;
}

static int lost(struct ipvs_netlink *nl)
{
	nl->broken = true;
	return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

/* The next piece from the kernel; its length, or a negative errno. */
static int receive(struct ipvs_netlink *nl)
{
	struct sockaddr_nl from = { 0 };
	socklen_t len;
	ssize_t n;

	do {
		len = sizeof(from);
		n = recvfrom(nl->fd, nl->in, MESSAGE_MAX, 0, (struct sockaddr *)&from, &len);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	return n < 0 ? lost(nl) : (int)n;
}

static int transmit(struct ipvs_netlink *nl, const void *data, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do
		n = sendto(nl->fd, data, len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	return n < 0 ? lost(nl) : 0;
}

static int error_of(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = nlmsg_data(h);

	return h->nlmsg_len < NLMSG_HDRLEN + sizeof(*e) ? -EBADMSG : e->error;
}

/* --- one request --- */

int ipvs_netlink_request(struct ipvs_netlink *nl, struct nl_msg *msg,
	void (*fn)(void *user, const struct nlmsghdr *h), void *user)
{
	struct nlmsghdr *q = nlmsg_hdr(msg);
	uint32_t seq = ++nl->seq;
	int n;

	q->nlmsg_seq = seq;
	if ((q->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		q->nlmsg_flags |= NLM_F_ACK;
	n = transmit(nl, q, q->nlmsg_len);
	nlmsg_free(msg);
	while (n >= 0) {
		struct nlmsghdr *h = (struct nlmsghdr *)nl->in;

		n = receive(nl);
		for (int left = n; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			if (h->nlmsg_seq != seq)
				continue;
			if (h->nlmsg_type == NLMSG_ERROR)
				return error_of(h);
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (fn)
				fn(user, h);
		}
	}
	return n;
}

/* --- many requests --- */

void ipvs_netlink_many_begin(struct ipvs_netlink *nl, ipvs_netlink_failed_fn *fn, void *user)
{
	nl->failed = fn;
	nl->user = user;
	nl->out_len = nl->out_count = 0;
}

void ipvs_netlink_many_add(struct ipvs_netlink *nl, struct nl_msg *msg, size_t number)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	size_t len = NLMSG_ALIGN(h->nlmsg_len);

	if (nl->out_count == IPVS_PIECE || nl->out_len + len > PIECE_BYTES)
		ipvs_netlink_many_flush(nl);
	h->nlmsg_seq = ++nl->seq;
	if (!nl->out_count)
		nl->out_seq = h->nlmsg_seq;
	nl->number[nl->out_count++] = number;
	nl->out_last = nl->out_len;
	memset(nl->out + nl->out_len + len - NLMSG_ALIGNTO, 0, NLMSG_ALIGNTO);
	memcpy(nl->out + nl->out_len, h, h->nlmsg_len);
	nl->out_len += len;
	nlmsg_free(msg);
}

/* Takes errors until the last request is acknowledged. Marks in done what was answered. */
static int take_errors(struct ipvs_netlink *nl, bool *done)
{
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
			error = error_of(h);
			done[i] = true;
			if (error)
				nl->failed(nl->user, nl->number[i], error);
			if (i + 1 == nl->out_count)
				return 0;
		}
	}
}

void ipvs_netlink_many_flush(struct ipvs_netlink *nl)
{
	bool done[IPVS_PIECE] = { false };
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
			nl->failed(nl->user, nl->number[i], error);
	nl->out_len = nl->out_count = 0;
}

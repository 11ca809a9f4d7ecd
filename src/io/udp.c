#include "io/udp.h"

#include "io/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What may wait to be read: after a pause of ours all that came meanwhile should still be there. */
enum { RECEIVE_BUFFER = 4 << 20, TTL = 255 };

/* linux/pkt_sched.h: the bands that our own queues send first; the upper one takes CAP_NET_ADMIN. RFC 4594 3.2: CS6 is for what keeps the
 * network together. */
enum { PRIORITY_CONTROL = 7, PRIORITY_INTERACTIVE = 6, TOS_CS6 = 0xc0 };

int io_udp_connect(const struct ip_addr *remote, uint16_t port, const struct ip_addr *source, uint32_t mark)
{
	struct sockaddr_storage ss;
	socklen_t len = ip_addr_to_sockaddr(remote, port, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = io_socket_from(fd, source, mark);
	if (!err && connect(fd, (struct sockaddr *)&ss, len))
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* TTL 255 on what leaves, and word of the TTL of what comes. */
static int set_distance(int fd, int family)
{
	int err;

	if (family == AF_INET) {
		err = set_int(fd, IPPROTO_IP, IP_TTL, TTL);
		return err ? err : set_int(fd, IPPROTO_IP, IP_RECVTTL, 1);
	}
	err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, TTL);
	return err ? err : set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
}

/* Before other traffic, here and on the way, as far as anybody cares. */
static void set_priority(int fd, int family)
{
	if (family == AF_INET)
		set_int(fd, IPPROTO_IP, IP_TOS, TOS_CS6);
	else
		set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, TOS_CS6);
	/* Setting IP_TOS sets it, too. */
	if (set_int(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL))
		set_int(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_INTERACTIVE);
}

static int bind_one_of(int fd, const struct ip_addr *local, uint16_t first, uint16_t last)
{
	struct sockaddr_storage ss;
	int err = -EADDRINUSE;

	for (unsigned port = first; err == -EADDRINUSE && port <= last; port++) {
		socklen_t len = ip_addr_to_sockaddr(local, (uint16_t)port, &ss);

		err = bind(fd, (struct sockaddr *)&ss, len) ? -errno : 0;
	}
	return err;
}

int io_udp_bind(const struct ip_addr *local, uint16_t first, uint16_t last)
{
	int family = local->family == IP_V4 ? AF_INET : AF_INET6, err;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* More than net.core.rmem_max takes a right that we may not have. */
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER))
		set_int(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	set_priority(fd, family);
	err = set_distance(fd, family);
	if (!err)
		err = bind_one_of(fd, local, first, last);
	if (err)
		close(fd);
	return err ? err : fd;
}

static uint8_t ttl_of(struct msghdr *m)
{
	int ttl = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
			(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT))
			memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
	return (uint8_t)ttl;
}

size_t io_udp_receive(int fd, struct io_datagram *out, size_t max)
{
	struct mmsghdr msg[IO_DATAGRAMS_MAX] = { 0 };
	struct iovec iov[IO_DATAGRAMS_MAX];
	struct sockaddr_storage from[IO_DATAGRAMS_MAX];
	_Alignas(struct cmsghdr) char control[IO_DATAGRAMS_MAX][CMSG_SPACE(sizeof(int))];
	int got;

	for (size_t i = 0; i < max; i++) {
		iov[i] = (struct iovec){ out[i].octets, sizeof(out[i].octets) };
		msg[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
			.msg_namelen = sizeof(from[i]),
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = control[i],
			.msg_controllen = sizeof(control[i]) };
	}
	got = recvmmsg(fd, msg, (unsigned)max, MSG_DONTWAIT | MSG_TRUNC, NULL);
	for (int i = 0; i < got; i++) {
		ip_addr_from_sockaddr((struct sockaddr *)&from[i], &out[i].from, NULL);
		out[i].ttl = ttl_of(&msg[i].msg_hdr);
		out[i].len = msg[i].msg_len;
	}
	return got > 0 ? (size_t)got : 0;
}

int io_udp_send(int fd, const struct ip_addr *to, uint16_t port, const void *octets, size_t len)
{
	struct sockaddr_storage ss;
	socklen_t ss_len = ip_addr_to_sockaddr(to, port, &ss);

	return sendto(fd, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&ss, ss_len) < 0
		       ? -errno
		       : 0;
}

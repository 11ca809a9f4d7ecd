#include "io/tcp.h"

#include "io/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LISTEN_BACKLOG = 65535, /* the kernel makes it less */
	ACCEPT_TRIES_MAX = 64,
	TTL_MAX = 255,
	HEADER_V4_MIN = 20, /* octets; the TTL is the ninth of them */
	HEADER_V6 = 40,	    /* the hop limit is the eighth */
};

static int tcp_socket(uint8_t family)
{
	int fd = socket(family == IP_V6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	return fd;
}

static int close_with(int fd, int err)
{
	close(fd);
	return err;
}

int io_tcp_bind(const struct ip_addr *address, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = ip_addr_to_sockaddr(address, port, &ss);
	int fd = tcp_socket(address->family), err;

	if (fd < 0)
		return fd;
	err = io_socket_set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!err && address->family == IP_V6)
		err = io_socket_set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!err)
		err = io_tcp_set_ttl(fd, address->family, TTL_MAX, 0);
	if (!err && bind(fd, (struct sockaddr *)&ss, len))
		err = -errno;
	return err ? close_with(fd, err) : fd;
}

int io_tcp_start_listening(int fd)
{
	return listen(fd, LISTEN_BACKLOG) ? -errno : 0;
}

int io_tcp_listen(const struct ip_addr *address, uint16_t port)
{
	int fd = io_tcp_bind(address, port), err;

	if (fd < 0)
		return fd;
	err = io_tcp_start_listening(fd);
	return err ? close_with(fd, err) : fd;
}

/* Errors of one connection that died while it waited (accept(2) hands them on); the next one may be well. */
static bool connection_failed(int err)
{
	switch (err) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

int io_tcp_accept(int listener, struct ip_addr *remote, struct ip_addr *local)
{
	for (int tries = 0; tries < ACCEPT_TRIES_MAX; tries++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		int fd = accept4(listener, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && connection_failed(errno))
			continue;
		if (fd < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		if (!ip_addr_from_sockaddr((struct sockaddr *)&ss, remote, NULL) ||
			!io_tcp_local(fd, local)) {
			close(fd);
			continue;
		}
		io_socket_set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		return fd;
	}
	return -EAGAIN;
}

static int set_min_ttl(int fd, uint8_t family, uint8_t min_ttl)
{
	bool v6 = family == IP_V6;

	return io_socket_set_int(
		fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MINHOPCOUNT : IP_MINTTL, min_ttl);
}

int io_tcp_set_ttl(int fd, uint8_t family, uint8_t ttl, uint8_t min_ttl)
{
	bool v6 = family == IP_V6;
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int err = io_socket_set_int(fd, level, v6 ? IPV6_UNICAST_HOPS : IP_TTL, ttl ? ttl : -1);

	return err ? err : set_min_ttl(fd, family, min_ttl);
}

int io_tcp_guard_listener(int fd, uint8_t family, uint8_t min_ttl, bool keep_syn)
{
	int err = set_min_ttl(fd, family, min_ttl);

	return err ? err : io_socket_set_int(fd, IPPROTO_TCP, TCP_SAVE_SYN, keep_syn);
}

/* What an accepted socket has from its listener: the SYN has passed it. */
static int inherited_min_ttl(int fd, uint8_t family)
{
	bool v6 = family == IP_V6;
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MINHOPCOUNT : IP_MINTTL, &value, &len))
		return 0;
	return value;
}

bool io_tcp_came_with_ttl(int fd, uint8_t family, uint8_t min_ttl)
{
	uint8_t syn[512];
	socklen_t len = sizeof(syn);

	if (inherited_min_ttl(fd, family) >= min_ttl)
		return true;
	if (getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len))
		return false;
	if (family == IP_V6)
		return len >= HEADER_V6 && syn[7] >= min_ttl;
	return len >= HEADER_V4_MIN && syn[8] >= min_ttl;
}

int io_tcp_connect(const struct ip_addr *remote, uint16_t port, const struct io_tcp_opts *opts)
{
	struct sockaddr_storage ss;
	socklen_t len = ip_addr_to_sockaddr(remote, port, &ss);
	int fd = tcp_socket(remote->family), err = 0;

	if (fd < 0)
		return fd;
	io_socket_set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (opts)
		err = io_tcp_set_ttl(fd, remote->family, opts->ttl, opts->min_ttl);
	if (!err && opts)
		err = io_socket_from(fd, opts->local, opts->mark);
	if (!err && opts && opts->key && opts->key->len) {
		struct prefix peer = prefix_host(remote);

		err = io_tcp_set_key(fd, &peer, opts->key);
	}
	if (!err && connect(fd, (struct sockaddr *)&ss, len) && errno != EINPROGRESS)
		err = -errno;
	return err ? close_with(fd, err) : fd;
}

int io_tcp_connect_result(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss), err_len = sizeof(int);
	int err = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len))
		return -errno;
	if (err)
		return -err;
	return getpeername(fd, (struct sockaddr *)&ss, &len) ? -errno : 0;
}

bool io_tcp_local(int fd, struct ip_addr *out)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	       ip_addr_from_sockaddr((struct sockaddr *)&ss, out, NULL);
}

void io_tcp_abort_on_close(int fd)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

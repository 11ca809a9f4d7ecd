#include "io/tcp.h"

#include "io/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 4096, ACCEPT_TRIES_MAX = 64 };

static int tcp_socket(uint8_t family)
{
	int fd = socket(family == IP_V6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int close_with(int fd, int err)
{
	close(fd);
	return err;
}

int io_tcp_listen(const struct ip_addr *address, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = ip_addr_to_sockaddr(address, port, &ss);
	int fd = tcp_socket(address->family), err;

	if (fd < 0)
		return fd;
	err = io_socket_set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!err && address->family == IP_V6)
		err = io_socket_set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!err && (bind(fd, (struct sockaddr *)&ss, len) || listen(fd, LISTEN_BACKLOG)))
		err = -errno;
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

int io_tcp_set_ttl(int fd, uint8_t family, uint8_t ttl, uint8_t min_ttl)
{
	bool v6 = family == IP_V6;
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP, err = 0;

	if (ttl)
		err = io_socket_set_int(fd, level, v6 ? IPV6_UNICAST_HOPS : IP_TTL, ttl);
	if (!err && min_ttl)
		err = io_socket_set_int(fd, level, v6 ? IPV6_MINHOPCOUNT : IP_MINTTL, min_ttl);
	return err;
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

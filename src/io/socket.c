#include "io/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

int io_socket_set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

int io_socket_from(int fd, const struct ip_addr *source, uint32_t mark)
{
	struct sockaddr_storage ss;
	int err = mark ? io_socket_set_int(fd, SOL_SOCKET, SO_MARK, (int)mark) : 0;

	if (err || !source || source->family == IP_NONE)
		return err;
	/* The port is chosen at connect(), when the remote side is known: two connections may then share one. */
	io_socket_set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	return bind(fd, (struct sockaddr *)&ss, ip_addr_to_sockaddr(source, 0, &ss)) ? -errno : 0;
}

#include "io/udp.h"

#include "io/socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

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

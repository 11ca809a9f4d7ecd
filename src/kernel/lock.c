#include "kernel/lock.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

/* An abstract name begins with an octet of 0 and is as long as the address says. */
static socklen_t name(struct sockaddr_un *a, uint32_t table, uint8_t protocol, uint32_t metric)
{
	int len;

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	len = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "rrd/fib/table=%u/protocol=%u/metric=%u",
		table, protocol, metric);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

/* Who holds it; 0 when that cannot be told (it is in another namespace of processes, or just gone). */
static pid_t holder(const struct sockaddr_un *a, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred who = { 0 };
	socklen_t size = sizeof(who);

	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)a, len) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		who.pid = 0;
	close(fd);
	return who.pid;
}

int kernel_lock(uint32_t table, uint8_t protocol, uint32_t metric, char *err, size_t err_size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;
	struct sockaddr_un a;
	socklen_t len = name(&a, table, protocol, metric);
	char pid[32] = "";
	pid_t who;

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&a, len) == 0 && listen(fd, 16) == 0)
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	if (error != EADDRINUSE) {
		snprintf(err, err_size, "cannot lock the routing table: %s", strerror(error));
		return -1;
	}
	who = holder(&a, len);
	if (who)
		snprintf(pid, sizeof(pid), " (process %d)", (int)who);
	snprintf(err, err_size,
		"another rrd or lb-announcer --node%s writes table %u with protocol %u and metric %u here "
		"already: "
		"end it, or give this one another table, protocol or metric",
		pid, table, protocol, metric);
	return -1;
}

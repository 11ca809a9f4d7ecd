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
static socklen_t address_of(struct sockaddr_un *a, const char *name)
{
	int len;

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	len = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "%s", name);
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

/* A descriptor; -1 when it is held, by *who (0: nobody knows), or with *error. */
static int lock(const char *name, pid_t *who, int *error)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un a;
	socklen_t len = address_of(&a, name);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&a, len) == 0 && listen(fd, 16) == 0)
		return fd;
	*error = errno;
	if (fd >= 0)
		close(fd);
	*who = *error == EADDRINUSE ? holder(&a, len) : 0;
	return -1;
}

static const char *process(pid_t who, char buf[32])
{
	buf[0] = 0;
	if (who)
		snprintf(buf, 32, " (process %d)", (int)who);
	return buf;
}

int kernel_lock(uint32_t table, uint8_t protocol, uint32_t metric, char *err, size_t err_size)
{
	char name[80], pid[32];
	int fd, error;
	pid_t who;

	snprintf(name, sizeof(name), "rrd/fib/table=%u/protocol=%u/metric=%u", table, protocol, metric);
	fd = lock(name, &who, &error);
	if (fd >= 0)
		return fd;
	if (error != EADDRINUSE)
		snprintf(err, err_size, "cannot lock the routing table: %s", strerror(error));
	else
		snprintf(err, err_size,
			"another rrd or lb-announcer --node%s writes table %u with protocol %u and metric %u "
			"here "
			"already: end it, or give this one another table, protocol or metric",
			process(who, pid), table, protocol, metric);
	return -1;
}

int kernel_lock_local(const struct prefix *prefix, char *err, size_t err_size)
{
	char name[80], text[PREFIX_TEXT_MAX], pid[32];
	int fd, error;
	pid_t who;

	snprintf(name, sizeof(name), "rrd/local/%s", prefix_format(prefix, text));
	fd = lock(name, &who, &error);
	if (fd >= 0)
		return fd;
	if (error != EADDRINUSE)
		snprintf(err, err_size, "cannot lock the local route of %s: %s", text, strerror(error));
	else
		snprintf(err, err_size,
			"another lb-announcer%s in this network namespace makes %s local already: end it; "
			"one is "
			"enough for a pod",
			process(who, pid), text);
	return -1;
}

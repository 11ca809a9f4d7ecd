#include "daemon/notify.h"

#include "base/text.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1024 };

static int send_message(const char *path, const struct text *message)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t path_len = strlen(path);
	int fd, result = 1;

	if (path_len < 2 || (path[0] != '/' && path[0] != '@'))
		return -EAFNOSUPPORT;
	if (path_len >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, path_len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0'; /* the abstract namespace: no trailing NUL belongs to the name */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, message->buf, message->len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&sun,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len)) < 0)
		result = -errno;
	close(fd);
	return result;
}

static void add_status(struct text *t, const char *status)
{
	size_t start = t->len;

	if (!status)
		return;
	text_add(t, "STATUS=%s", status);
	for (char *p = t->buf + start; *p; p++)
		if (*p == '\n')
			*p = ' '; /* a newline would begin another assignment */
	text_add(t, "\n");
}

static void add_phase(struct text *t, enum daemon_phase phase)
{
	struct timespec now;

	switch (phase) {
	case DAEMON_READY:
		text_add(t, "READY=1\n");
		break;
	case DAEMON_RELOADING:
		clock_gettime(CLOCK_MONOTONIC, &now);
		text_add(t, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
			(long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
		break;
	case DAEMON_STOPPING:
		text_add(t, "STOPPING=1\n");
		break;
	}
}

int daemon_notify(enum daemon_phase phase, const char *status)
{
	const char *path = getenv("NOTIFY_SOCKET");
	char buf[MESSAGE_MAX];
	struct text t = text_init(buf, sizeof(buf));

	if (!path)
		return 0;
	add_phase(&t, phase);
	add_status(&t, status);
	return send_message(path, &t);
}

int daemon_notify_status(const char *status)
{
	const char *path = getenv("NOTIFY_SOCKET");
	char buf[MESSAGE_MAX];
	struct text t = text_init(buf, sizeof(buf));

	if (!path)
		return 0;
	add_status(&t, status);
	return send_message(path, &t);
}

int daemon_notify_watchdog(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	char buf[] = "WATCHDOG=1\n";
	const struct text t = { buf, sizeof(buf), sizeof(buf) - 1, false };

	return path ? send_message(path, &t) : 0;
}

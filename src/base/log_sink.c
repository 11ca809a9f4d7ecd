#include "base/log_sink.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Before each record in the queue. */
typedef uint16_t record_len;

/* --- what stands behind it --- */

static void forget_queue(struct log_sink *s)
{
	s->lost += (unsigned)s->records;
	s->head = s->end = s->records = s->begun = 0;
}

static void close_fd(struct log_sink *s)
{
	if (s->owned && s->fd >= 0)
		close(s->fd);
	s->way = LOG_SINK_CLOSED;
	s->fd = -1;
	s->owned = false;
}

void log_sink_close(struct log_sink *s)
{
	if (s->way != LOG_SINK_CLOSED)
		close_fd(s);
	forget_queue(s);
	free(s->queue);
	s->queue = NULL;
}

/* An open file of our own on what stands behind fd; -1 when the system does not allow that. */
static int open_again(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void log_sink_use(struct log_sink *s, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		close_fd(s);
		return;
	}
	if (s->way != LOG_SINK_CLOSED && s->dev == st.st_dev && s->ino == st.st_ino)
		return;
	if (s->way != LOG_SINK_CLOSED)
		close_fd(s);
	s->begun = 0;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->datagram = false;
	s->fd = fd;
	s->way = S_ISSOCK(st.st_mode) ? LOG_SINK_SEND : LOG_SINK_WRITE;
	if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return;
	s->fd = open_again(fd);
	s->owned = s->fd >= 0;
	if (s->owned)
		return;
	s->way = LOG_SINK_POLL;
	s->fd = fd;
}

int log_sink_connect(struct log_sink *s, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		error = errno;
		close(fd);
		return -error;
	}
	if (s->way != LOG_SINK_CLOSED)
		close_fd(s);
	s->fd = fd;
	s->owned = s->datagram = true;
	s->way = LOG_SINK_SEND;
	return 0;
}

/* --- writing --- */

static ssize_t write_now(const struct log_sink *s, const char *octets, size_t len)
{
	struct pollfd can = { .fd = s->fd, .events = POLLOUT };
	ssize_t n = -1;

	if (s->way == LOG_SINK_CLOSED)
		return -EBADF;
	if (s->way == LOG_SINK_POLL && poll(&can, 1, 0) == 0)
		return -EAGAIN;
	do
		n = s->way == LOG_SINK_SEND ? send(s->fd, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL)
					    : write(s->fd, octets, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* What passes by itself: the reader has not come to it yet, the disk is full. */
static bool passes(ssize_t error)
{
	return error == -EAGAIN || error == -ENOBUFS || error == -ENOSPC || error == -EDQUOT;
}

/* --- the queue --- */

static bool has_room(const struct log_sink *s, size_t len)
{
	return s->end - s->head + sizeof(record_len) + len <= LOG_SINK_QUEUE_MAX;
}

static int keep(struct log_sink *s, const char *octets, size_t len, size_t begun)
{
	record_len l = (record_len)len;

	if (!has_room(s, len))
		return -ENOBUFS;
	if (!s->queue)
		s->queue = mem_alloc(LOG_SINK_QUEUE_MAX);
	if (s->end + len + sizeof(l) > LOG_SINK_QUEUE_MAX) {
		memmove(s->queue, s->queue + s->head, s->end - s->head);
		s->end -= s->head;
		s->head = 0;
	}
	memcpy(s->queue + s->end, &l, sizeof(l));
	memcpy(s->queue + s->end + sizeof(l), octets, len);
	s->end += sizeof(l) + len;
	if (s->records++ == 0)
		s->begun = begun;
	return 0;
}

static void drop_first(struct log_sink *s, size_t len)
{
	s->head += sizeof(record_len) + len;
	s->begun = 0;
	if (--s->records == 0)
		s->head = s->end = 0;
}

int log_sink_flush(struct log_sink *s)
{
	while (s->records) {
		record_len len;
		ssize_t n;

		memcpy(&len, s->queue + s->head, sizeof(len));
		n = write_now(s, s->queue + s->head + sizeof(len) + s->begun, len - s->begun);
		if (n < 0 && passes(n))
			return -EAGAIN;
		if (n < 0) {
			forget_queue(s);
			return (int)n;
		}
		s->begun += (size_t)n;
		if (s->datagram || s->begun == len)
			drop_first(s, len);
	}
	return 0;
}

int log_sink_put(struct log_sink *s, const char *octets, size_t len)
{
	int waits = log_sink_flush(s);
	ssize_t n;

	if (waits == -EAGAIN)
		return keep(s, octets, len, 0);
	if (waits < 0)
		return waits;
	n = write_now(s, octets, len);
	if (n < 0 && passes(n))
		return keep(s, octets, len, 0);
	if (n < 0)
		return (int)n;
	return s->datagram || (size_t)n == len ? 0 : keep(s, octets, len, (size_t)n);
}

unsigned log_sink_take_lost(struct log_sink *s)
{
	unsigned lost = s->lost;

	s->lost = 0;
	return lost;
}

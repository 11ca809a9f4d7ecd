/*
 * Where octets of the log go: a descriptor that is written to without ever waiting, and a bounded queue before it.
 *
 * O_NONBLOCK is a property of an open file that others share (a shell, a container's runtime, child processes), so it
 * is never set on a descriptor that was given to us. A pipe or terminal is opened anew through /proc/self/fd, which gives a
 * file of our own; where that is not allowed, poll(2) is asked first and a line is no longer than a pipe takes whole. Sockets
 * have MSG_DONTWAIT. A regular file never blocks in this sense.
 *
 * A record is written whole or, in a stream, continued before anything else. Not safe for several threads: log.c locks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum { LOG_SINK_QUEUE_MAX = 64 * 1024 };

enum log_sink_way { LOG_SINK_CLOSED, LOG_SINK_WRITE, LOG_SINK_POLL, LOG_SINK_SEND };

struct log_sink {
	enum log_sink_way way;
	int fd;
	bool owned, datagram;
	dev_t dev; /* of what was given, to see that it is another one now */
	ino_t ino;
	char *queue; /* records, each behind its length; NULL until it is needed */
	size_t head, end, records;
	size_t begun;  /* octets of the first record that are written */
	unsigned lost; /* records that were in the queue, since log_sink_take_lost() */
};

/* Writes to what stands behind fd now; cheap when that is still the same. fd stays the caller's. */
void log_sink_use(struct log_sink *s, int fd);
/* A unix datagram socket connected to path. 0 or -errno. */
int log_sink_connect(struct log_sink *s, const char *path);
/* What is in the queue is lost. */
void log_sink_close(struct log_sink *s);

/* Takes a record, of at most 65535 octets, and writes or keeps it. 0; -ENOBUFS when there is no room for it, else -errno: what
 * is behind the sink takes nothing any more. */
int log_sink_put(struct log_sink *s, const char *octets, size_t len);
/* Writes what waits. 0 when nothing waits any more, -EAGAIN when something does, else -errno. */
int log_sink_flush(struct log_sink *s);
unsigned log_sink_take_lost(struct log_sink *s);

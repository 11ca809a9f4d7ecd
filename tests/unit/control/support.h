/* A server on a socket of its own, and clients that read and write while its loop turns. */
#pragma once

#include "control/client.h"
#include "control/server.h"

#include "io/unix.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FEED_OCTETS = 64 * 1024 };

struct fixture {
	char dir[64], path[96];
	struct io_loop *loop;
	struct control_server *server;
	struct control_feed *feed;
	unsigned produced, started, done;
};

/* A server at path, of rrd's kind as far as that matters. */
static inline struct control_server *serve_at(struct io_loop *loop, const char *path,
	const struct control_command *commands, const struct control_handler *handlers, void *user, char *err)
{
	const struct control_server_config cfg = { .program = "rrd",
		.targets = OF_RRD,
		.table = commands,
		.handlers = handlers,
		.user = user,
		.full = { path, (gid_t)-1 } };

	return control_server_new(loop, &cfg, err);
}

static inline int fixture_new(
	void **state, const struct control_command *commands, const struct control_handler *handlers)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[256];

	snprintf(f->dir, sizeof(f->dir), "/tmp/rrd-test-control-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->loop = io_loop_new();
	f->feed = control_feed_new(FEED_OCTETS);
	f->server = serve_at(f->loop, f->path, commands, handlers, f, err);
	*state = f;
	return f->server ? 0 : -1;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	bool leaked;

	control_server_free(f->server);
	control_feed_free(f->feed);
	leaked = f->started != f->done;
	io_loop_free(f->loop);
	rmdir(f->dir);
	free(f);
	return leaked;
}

/* --- clients --- */

static inline void stop(void *user)
{
	io_loop_stop(user);
}

/* Lets the server have a few turns. */
static inline void run(struct fixture *f)
{
	struct io_timer *t = io_timer_new(f->loop, stop, f->loop);

	io_timer_set(t, 500);
	io_loop_run(f->loop);
	io_timer_free(t);
}

static inline int client(struct fixture *f)
{
	int fd = io_unix_connect(f->path);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static inline void put_octets(struct fixture *f, int fd, const char *data, size_t len)
{
	for (size_t sent = 0; sent < len;) {
		ssize_t n = send(fd, data + sent, len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		run(f);
	}
}

static inline void put(struct fixture *f, int fd, const char *text)
{
	put_octets(f, fd, text, strlen(text));
}

/* Reads one line; "" when the server has closed. */
static inline const char *get(struct fixture *f, int fd, char *buf, size_t size)
{
	size_t len = 0;

	for (int idle = 0; len < size - 1 && idle < 4000;) {
		ssize_t n = recv(fd, buf + len, 1, 0);

		if (n == 0)
			break;
		if (n < 0) {
			idle++;
			run(f);
			continue;
		}
		if (buf[len] == '\n')
			break;
		len++;
	}
	buf[len] = '\0';
	return buf;
}

static inline bool is_closed(struct fixture *f, int fd)
{
	char c;

	for (int i = 0; i < 4000; i++) {
		ssize_t n = recv(fd, &c, 1, 0);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return true;
		if (n > 0)
			return false;
		run(f);
	}
	return false;
}

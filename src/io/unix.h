/*
 * A unix stream socket that speaks lines: server and client side of the control protocol.
 *
 * The server owns its listener, its path and its clients. A client that sends a line longer than the limit, or does not
 * read its answers, costs only itself: each client has one outgoing buffer, and the program is asked for more only when
 * it has run empty (io_unix_ops.writable), so an answer of any length needs no more memory than one piece.
 */
#pragma once

#include "io/loop.h"

#include <stddef.h>
#include <sys/types.h>

enum { IO_UNIX_LINE_MAX = 64 * 1024 };

struct io_unix_server;
struct io_unix_client;

struct io_unix_ops {
	void *(*opened)(void *user, struct io_unix_client *c);	       /* returns the client's own pointer */
	void (*line)(void *client_user, const char *line, size_t len); /* without the newline */
	void (*too_long)(void *client_user);
	void (*writable)(void *client_user); /* all that was sent has gone; send more or nothing */
	void (*closed)(void *client_user);   /* exactly once; c is gone when it returns */
};

/* Creates the socket with mode 0660 and, unless gid is (gid_t)-1, that group; replaces a socket nobody listens on and
 * refuses (-EADDRINUSE) one that is in use. NULL and *err = -errno on failure. The path is removed at free. */
struct io_unix_server *io_unix_listen(struct io_loop *loop, const char *path, gid_t gid,
	const struct io_unix_ops *ops, void *user, int *err);
/* Listens at another path, or at the same for another group ((gid_t)-1: the process's own); clients stay. 0, or -errno and nothing
 * has changed. */
int io_unix_move(struct io_unix_server *s, const char *path, gid_t gid);
void io_unix_server_free(struct io_unix_server *s);
/* Queues octets; they are written at the end of the turn. Ignored after io_unix_close(). */
void io_unix_send(struct io_unix_client *c, const char *data, size_t len);
size_t io_unix_unsent(const struct io_unix_client *c);
/* Closes once all that was sent has gone. */
void io_unix_close(struct io_unix_client *c);

/* The other side, blocking, for rrctl: connects; -errno on failure. */
int io_unix_connect(const char *path);
/* The same, but -EAGAIN when the server has so many connections waiting that there is no room for this one within so many seconds. Sending waits
 * no longer either. */
int io_unix_connect_within(const char *path, unsigned limit_s);
/* The other side in the loop; ops->opened is not used, user is the client's own pointer. NULL and *err = -errno when
 * nobody takes the connection now. */
struct io_unix_client *io_unix_dial(
	struct io_loop *loop, const char *path, const struct io_unix_ops *ops, void *user, int *err);
/* Closes at once, whatever is unsent; ops->closed is called. Not from within a callback of c. */
void io_unix_drop(struct io_unix_client *c);

/* Who connected, as the kernel saw it at that moment. False: it does not tell. */
struct io_unix_peer {
	pid_t pid; /* 0: in a namespace of processes that is not ours */
	uid_t uid;
	gid_t gid;
};
bool io_unix_peer(const struct io_unix_client *c, struct io_unix_peer *out);
/* Whether it was in that group, by its own or a further one. */
bool io_unix_peer_has_group(const struct io_unix_client *c, gid_t gid);

/*
 * Lines over a unix stream socket: listener, clients, their two buffers.
 *
 * What is sent is collected and written at the end of the turn (a job per client), so an answer of many rows is one
 * system call; when all of it has gone the program is asked for more, once per turn, so a long answer shares the loop
 * with everybody else. A client is freed only by the loop (from its descriptor, its job or its timer), never inside a
 * call the program makes: io_unix_send and io_unix_close are safe in any callback.
 *
 * A client that has shut down its sending side still gets its answers and is closed after them. One that does not
 * take what was sent before io_unix_close() is dropped after a while.
 */
#include "io/unix.h"

#include "base/list.h"
#include "base/mem.h"
#include "io/unix_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	CLIENTS_MAX = 256,
	READ_SIZE = 16 * 1024,
	LINGER_US = 5 * 1000 * 1000,
	/* How long no client is accepted after the process ran out of descriptors. */
	ACCEPT_PAUSE_US = 100 * 1000,
};

struct io_unix_server {
	struct io_loop *loop;
	const struct io_unix_ops *ops;
	void *user;
	char *path;
	dev_t dev; /* of the path, to remove only what was made here */
	ino_t ino;
	int fd;
	struct io_watch *watch;
	struct io_timer *resume;
	struct list clients;
	unsigned clients_len;
};

struct io_unix_client {
	struct list link;
	struct io_unix_server *server; /* NULL: we connected, to somebody else's */
	const struct io_unix_ops *ops;
	void *user;
	int fd;
	struct io_watch *watch;
	struct io_job *flush;
	struct io_timer *linger;
	char *in;
	size_t in_len, in_size;
	char *out;
	size_t out_len, out_size;
	bool eof;     /* it sends no more */
	bool closing; /* we send no more */
};

static void client_free(struct io_unix_client *c)
{
	c->ops->closed(c->user);
	list_del(&c->link);
	if (c->server)
		c->server->clients_len--;
	io_watch_free(c->watch);
	io_job_free(c->flush);
	io_timer_free(c->linger);
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
}

/* --- out --- */

static void watch_client(struct io_unix_client *c)
{
	io_watch_set(c->watch, (c->eof || c->closing ? 0 : IO_READ) | (c->out_len ? IO_WRITE : 0));
}

/* False when the connection is broken. */
static bool write_out(struct io_unix_client *c)
{
	size_t sent = 0;

	while (sent < c->out_len) {
		ssize_t n = send(c->fd, c->out + sent, c->out_len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	if (sent) {
		memmove(c->out, c->out + sent, c->out_len - sent);
		c->out_len -= sent;
	}
	return true;
}

static void flush(struct io_unix_client *c)
{
	if (!write_out(c)) {
		client_free(c);
		return;
	}
	if (c->out_len == 0 && !c->closing)
		c->ops->writable(c->user);
	if (c->out_len == 0 && (c->closing || c->eof)) {
		client_free(c);
		return;
	}
	watch_client(c);
}

static void flush_job(void *user)
{
	flush(user);
}

void io_unix_send(struct io_unix_client *c, const char *data, size_t len)
{
	if (c->closing || len == 0)
		return;
	if (c->out_size - c->out_len < len) {
		while (c->out_size - c->out_len < len)
			c->out_size = c->out_size ? 2 * c->out_size : 1024;
		c->out = mem_realloc(c->out, c->out_size);
	}
	memcpy(c->out + c->out_len, data, len);
	c->out_len += len;
	io_job_post(c->flush);
}

size_t io_unix_unsent(const struct io_unix_client *c)
{
	return c->out_len;
}

void io_unix_close(struct io_unix_client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	io_timer_set(c->linger, LINGER_US);
	io_job_post(c->flush);
}

static void linger_over(void *user)
{
	client_free(user);
}

/* --- in --- */

static void refuse_line(struct io_unix_client *c)
{
	c->ops->too_long(c->user);
	io_unix_close(c);
}

/* Hands on the whole lines. Returns the number of octets used up. */
static size_t hand_on_lines(struct io_unix_client *c, size_t searched)
{
	size_t start = 0;
	char *newline;

	while (!c->closing && (newline = memchr(c->in + searched, '\n', c->in_len - searched))) {
		size_t end = (size_t)(newline - c->in);

		if (end - start > IO_UNIX_LINE_MAX) {
			refuse_line(c);
			break;
		}
		*newline = '\0';
		c->ops->line(c->user, c->in + start, end - start);
		start = searched = end + 1;
	}
	return start;
}

static void take_in(struct io_unix_client *c, size_t n)
{
	size_t used = hand_on_lines(c, (c->in_len += n) - n);

	memmove(c->in, c->in + used, c->in_len - used);
	c->in_len -= used;
	if (c->in_len > IO_UNIX_LINE_MAX && !c->closing)
		refuse_line(c);
	watch_client(c);
}

static void client_readable(struct io_unix_client *c)
{
	ssize_t n;

	if (c->in_size - c->in_len < READ_SIZE) {
		c->in_size = c->in_len + READ_SIZE;
		c->in = mem_realloc(c->in, c->in_size);
	}
	n = recv(c->fd, c->in + c->in_len, READ_SIZE, 0);
	if (n > 0) {
		take_in(c, (size_t)n);
	} else if (n == 0) {
		c->eof = true;
		watch_client(c);
		io_job_post(c->flush);
	} else if (errno != EAGAIN && errno != EINTR) {
		client_free(c);
	}
}

static void client_ready(void *user, unsigned events)
{
	struct io_unix_client *c = user;

	if (events & IO_READ)
		client_readable(c);
	else
		flush(c);
}

/* --- listener --- */

static struct io_unix_client *client_new(struct io_loop *loop, int fd, const struct io_unix_ops *ops)
{
	struct io_unix_client *c = mem_calloc(1, sizeof(*c));

	c->ops = ops;
	c->fd = fd;
	c->watch = io_watch_new(loop, fd, client_ready, c);
	io_watch_set_urgent(c->watch);
	c->flush = io_job_new(loop, flush_job, c);
	c->linger = io_timer_new(loop, linger_over, c);
	watch_client(c);
	return c;
}

static void take_client(struct io_unix_server *s, int fd)
{
	struct io_unix_client *c = client_new(s->loop, fd, s->ops);

	c->server = s;
	list_add_tail(&s->clients, &c->link);
	s->clients_len++;
	c->user = s->ops->opened(s->user, c);
	/* Who connects has a question, which may be there already: that saves a turn. */
	client_readable(c);
}

static void pause_accepting(struct io_unix_server *s)
{
	io_watch_set(s->watch, 0);
	io_timer_set(s->resume, ACCEPT_PAUSE_US);
}

static void resume_accepting(void *user)
{
	struct io_unix_server *s = user;

	io_watch_set(s->watch, IO_READ);
}

static void listener_ready(void *user, unsigned events)
{
	struct io_unix_server *s = user;
	int fd;

	(void)events;
	if (s->clients_len >= CLIENTS_MAX) {
		pause_accepting(s);
		return;
	}
	/* cppcheck-suppress nullPointer; nobody asks for the other's address. */
	fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		take_client(s, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		pause_accepting(s);
}

/* Nobody can connect before listen(), so the mode is right from the first moment on. */
static int open_listener(struct io_unix_server *s, const struct sockaddr_un *sun, gid_t gid)
{
	struct stat st;

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (const struct sockaddr *)sun, sizeof(*sun)))
		return -errno;
	if ((gid != (gid_t)-1 && chown(s->path, (uid_t)-1, gid)) || chmod(s->path, 0660) ||
		lstat(s->path, &st) || listen(s->fd, SOMAXCONN)) {
		int err = -errno;

		unlink(s->path);
		return err;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return 0;
}

static void watch_listener(struct io_unix_server *s)
{
	s->watch = io_watch_new(s->loop, s->fd, listener_ready, s);
	io_watch_set_urgent(s->watch);
	io_watch_set(s->watch, IO_READ);
}

struct io_unix_server *io_unix_listen(struct io_loop *loop, const char *path, gid_t gid,
	const struct io_unix_ops *ops, void *user, int *err)
{
	struct io_unix_server *s;
	struct sockaddr_un sun;

	*err = io_unix_path_address(path, &sun);
	if (*err || (*err = io_unix_path_clear(path)))
		return NULL;
	s = mem_calloc(1, sizeof(*s));
	s->loop = loop;
	s->ops = ops;
	s->user = user;
	s->path = mem_strdup(path);
	list_init(&s->clients);
	*err = open_listener(s, &sun, gid);
	if (*err) {
		if (s->fd >= 0)
			close(s->fd);
		free(s->path);
		free(s);
		return NULL;
	}
	s->resume = io_timer_new(loop, resume_accepting, s);
	watch_listener(s);
	return s;
}

static void close_listener(struct io_unix_server *s)
{
	struct stat st;

	io_watch_free(s->watch);
	close(s->fd);
	if (lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	free(s->path);
}

int io_unix_move(struct io_unix_server *s, const char *path, gid_t gid)
{
	struct io_unix_server new = { .fd = -1 };
	struct sockaddr_un sun;
	int err;

	if (strcmp(path, s->path) == 0)
		return chown(path, (uid_t)-1, gid == (gid_t)-1 ? getegid() : gid) ? -errno : 0;
	err = io_unix_path_address(path, &sun);
	if (err || (err = io_unix_path_clear(path)))
		return err;
	new.path = mem_strdup(path);
	err = open_listener(&new, &sun, gid);
	if (err) {
		if (new.fd >= 0)
			close(new.fd);
		free(new.path);
		return err;
	}
	close_listener(s);
	s->path = new.path;
	s->fd = new.fd;
	s->dev = new.dev;
	s->ino = new.ino;
	watch_listener(s);
	return 0;
}

void io_unix_server_free(struct io_unix_server *s)
{
	if (!s)
		return;
	LIST_FOREACH (link, &s->clients) {
		struct io_unix_client *c = LIST_ENTRY(link, struct io_unix_client, link);

		/* What was sent in this turn; who does not take it now has lost it. */
		write_out(c);
		client_free(c);
	}
	io_timer_free(s->resume);
	close_listener(s);
	free(s);
}

/* limit_s: how long it may wait for room in the listener's queue; 0: as long as it takes. */
static int connect_to(const char *path, int flags, unsigned limit_s)
{
	const struct timeval limit = { .tv_sec = limit_s };
	struct sockaddr_un sun;
	int err = io_unix_path_address(path, &sun), fd;

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -errno;
	if (limit_s)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	while (connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		if (errno == EINTR)
			continue;
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int io_unix_connect(const char *path)
{
	return connect_to(path, 0, 0);
}

int io_unix_connect_within(const char *path, unsigned limit_s)
{
	return connect_to(path, 0, limit_s);
}

/* --- the other side, in the loop --- */

struct io_unix_client *io_unix_dial(
	struct io_loop *loop, const char *path, const struct io_unix_ops *ops, void *user, int *err)
{
	struct io_unix_client *c;
	/* A unix socket connects at once or not at all. */
	int fd = connect_to(path, SOCK_NONBLOCK, 0);

	*err = fd < 0 ? fd : 0;
	if (fd < 0)
		return NULL;
	c = client_new(loop, fd, ops);
	c->user = user;
	return c;
}

void io_unix_drop(struct io_unix_client *c)
{
	client_free(c);
}

/* --- who is there --- */

bool io_unix_peer(const struct io_unix_client *c, struct io_unix_peer *out)
{
	struct ucred who = { 0 };
	socklen_t size = sizeof(who);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return false;
	*out = (struct io_unix_peer){ who.pid, who.uid, who.gid };
	return true;
}

bool io_unix_peer_has_group(const struct io_unix_client *c, gid_t gid)
{
	struct io_unix_peer peer;
	socklen_t size = 0;
	bool found = io_unix_peer(c, &peer) && peer.gid == gid;
	gid_t *list;

	/* Too little room: it says how much it takes. */
	/* cppcheck-suppress nullPointer; there is no room at all. */
	if (found || getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
		return found;
	list = mem_alloc(size);
	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, list, &size) == 0)
		for (size_t i = 0; i < size / sizeof(*list); i++)
			found |= list[i] == gid;
	free(list);
	return found;
}

/*
 * What all sessions share, and the end of a connection.
 *
 * A NOTIFICATION is worth sending only if it arrives. close() on a socket with unread input sends RST, which may
 * overtake it and make the peer's kernel throw it away. So the last octets are written, then a FIN, and what the peer
 * still sends is read and thrown away until its own FIN comes, for at most a second and for so many sockets at most.
 */
#include "base/mem.h"
#include "session/private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

struct parting {
	struct list link;
	struct session_io *io;
	int fd;
	struct io_watch *watch;
	struct io_timer *timer;
	uint8_t *data;
	size_t len, off;
};

struct session_io *session_io_new(struct io_loop *loop)
{
	struct session_io *io = mem_calloc(1, sizeof(*io));

	io->loop = loop;
	io->write_job = io_job_new(loop, session_io_write, io);
	list_init(&io->writable);
	list_init(&io->lingering);
	list_init(&io->sessions);
	io->arena = arena_new();
	io->rx = mem_alloc(BGP_EXTENDED_MESSAGE_MAX + SESSION_READ_MAX);
	if (getrandom(&io->random, sizeof(io->random), GRND_NONBLOCK) != (ssize_t)sizeof(io->random))
		io->random = io_loop_now_us(loop);
	io->random |= 1;
	return io;
}

static void linger_free(struct parting *l)
{
	list_del(&l->link);
	l->io->lingering_count--;
	io_watch_free(l->watch);
	io_timer_free(l->timer);
	close(l->fd);
	free(l->data);
	free(l);
}

static struct parting *oldest(struct session_io *io)
{
	return LIST_ENTRY(io->lingering.next, struct parting, link);
}

size_t session_io_lingering(const struct session_io *io)
{
	return io->lingering_count;
}

void session_io_free(struct session_io *io)
{
	if (!io)
		return;
	while (!list_empty(&io->lingering))
		linger_free(oldest(io));
	io_job_free(io->write_job);
	arena_free(io->arena);
	free(io->rx);
	free(io->debugged);
	free(io);
}

uint64_t session_io_random(struct session_io *io, uint64_t bound)
{
	io->random ^= io->random << 13;
	io->random ^= io->random >> 7;
	io->random ^= io->random << 17;
	return io->random % bound;
}

/* False when the connection is broken. */
static bool write_rest(struct parting *l)
{
	ssize_t n;

	while (l->off < l->len) {
		n = send(l->fd, l->data + l->off, l->len - l->off, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		l->off += (size_t)n;
	}
	io_watch_set(l->watch, IO_READ);
	return shutdown(l->fd, SHUT_WR) == 0;
}

/* False when the peer has closed too. */
static bool read_away(const struct parting *l)
{
	ssize_t n = recv(l->fd, l->io->rx, SESSION_READ_MAX, 0);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void linger_ready(void *user, unsigned events)
{
	struct parting *l = user;

	if (((events & IO_READ) && !read_away(l)) || ((events & IO_WRITE) && !write_rest(l)))
		linger_free(l);
}

static void linger_over(void *user)
{
	linger_free(user);
}

void session_linger(struct session_io *io, int fd, uint8_t *data, size_t len)
{
	struct parting *l = mem_calloc(1, sizeof(*l));

	if (io->lingering_count >= SESSION_LINGERING_MAX)
		linger_free(oldest(io));
	l->io = io;
	l->fd = fd;
	l->data = data;
	l->len = len;
	list_add_tail(&io->lingering, &l->link);
	io->lingering_count++;
	l->watch = io_watch_new(io->loop, fd, linger_ready, l);
	io_watch_set(l->watch, IO_READ | IO_WRITE);
	l->timer = io_timer_new(io->loop, linger_over, l);
	io_timer_set(l->timer, SESSION_LINGER_US);
	if (!write_rest(l))
		linger_free(l);
}

void session_io_reject_with(struct session_io *io, int fd, const struct bgp_error *e)
{
	size_t size = BGP_HEADER_LEN + 2 + e->data_len;
	uint8_t *data = mem_alloc(size);
	struct writer w = writer_init(data, size);

	bgp_notification_encode(&w, e);
	session_linger(io, fd, data, writer_len(&w));
}

void session_io_reject(struct session_io *io, int fd, uint8_t code, uint8_t subcode)
{
	struct bgp_error e;

	bgp_error_set(&e, code, subcode, NULL, 0);
	session_io_reject_with(io, fd, &e);
}

/*
 * What goes out: control messages of the session itself, and UPDATEs pulled from the program.
 *
 * The order on the wire is: the rest of a message the socket took only a part of, then control messages, then whole
 * pulled messages. So a KEEPALIVE waits for one message at most, however much there is to announce, and never lands
 * inside one. Nothing is copied but what has to outlive the session: the rest before a NOTIFICATION.
 */
#include "base/mem.h"
#include "session/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	IOV_MAX_ALL = 64,
	IOV_MAX_PULLED = IOV_MAX_ALL - 2 /* one for control, one for the message split before it */
};

/* One writev(): what it is made of. */
struct batch {
	struct iovec iov[IOV_MAX_ALL];
	int count;
	size_t total;
	size_t partial; /* octets of a begun message, before the control messages */
	size_t control;
};

static size_t control_left(const struct session_conn *c)
{
	return c->control_len - c->control_off;
}

void conn_queue(struct session_conn *c, enum bgp_message_type type, const uint8_t *octets, size_t len)
{
	if (c->fd < 0 || control_left(c) + len > SESSION_CONTROL_MAX)
		return;
	if (c->control_off == c->control_len)
		c->control_off = c->control_len = 0;
	if (c->control_len + len > c->control_size) {
		c->control_size = c->control_len + len;
		c->control = mem_realloc(c->control, c->control_size);
	}
	memcpy(c->control + c->control_len, octets, len);
	c->control_len += len;
	c->s->counters.tx_messages[type]++;
	if (c->s->debug)
		session_debug_queued(c, octets, len);
}

void conn_send_open(struct session_conn *c)
{
	uint8_t octets[BGP_MESSAGE_MAX];
	struct writer w = writer_init(octets, sizeof(octets));
	struct bgp_open o;

	c->incapable = c->s->incapable;
	c->s->incapable = false;
	conn_local_open(c, &o);
	bgp_open_encode(&w, &o);
	conn_queue(c, BGP_OPEN, octets, writer_len(&w));
	conn_flush(c);
}

/* One that still waits is as good as two. */
void conn_send_keepalive(struct session_conn *c)
{
	uint8_t octets[BGP_HEADER_LEN];
	struct writer w = writer_init(octets, sizeof(octets));

	if (c->keepalive_queued)
		return;
	bgp_keepalive_encode(&w);
	conn_queue(c, BGP_KEEPALIVE, octets, writer_len(&w));
	c->keepalive_queued = true;
	if (!c->blocked)
		conn_flush(c);
}

/* --- one batch --- */

static void add(struct batch *b, void *base, size_t len)
{
	if (len == 0)
		return;
	b->iov[b->count++] = (struct iovec){ .iov_base = base, .iov_len = len };
	b->total += len;
}

static bool may_pull(const struct session_conn *c)
{
	return c->state == SESSION_ESTABLISHED && c->s->up && c == c->s->primary;
}

static void gather(struct session_conn *c, struct batch *b)
{
	struct iovec pulled[IOV_MAX_PULLED];
	int n = 0, i = 0;
	size_t skip = 0, left;

	b->count = 0;
	b->total = b->partial = 0;
	b->control = control_left(c);
	if (may_pull(c))
		n = c->s->ops->fill(c->s->user, pulled, IOV_MAX_PULLED, &b->partial);
	if (n == 0)
		b->partial = 0;
	for (left = b->partial; i < n && left >= pulled[i].iov_len; i++) {
		add(b, pulled[i].iov_base, pulled[i].iov_len);
		left -= pulled[i].iov_len;
	}
	if (i < n && left) {
		add(b, pulled[i].iov_base, left);
		skip = left;
	}
	if (b->control)
		add(b, c->control + c->control_off, b->control);
	for (; i < n; i++, skip = 0)
		add(b, (uint8_t *)pulled[i].iov_base + skip, pulled[i].iov_len - skip);
}

static void account(struct session_conn *c, const struct batch *b, size_t done)
{
	size_t first = done < b->partial ? done : b->partial, control = done - first;

	if (control > b->control)
		control = b->control;
	c->control_off += control;
	c->s->counters.tx_octets += done;
	c->taken_us = session_now(c->s);
	if (control_left(c) == 0) {
		c->keepalive_queued = false;
		free(c->control);
		c->control = NULL;
		c->control_off = c->control_len = c->control_size = 0;
	}
	if (done - control)
		c->s->ops->consumed(c->s->user, done - control);
}

/* --- a socket that takes nothing --- */

static uint64_t send_hold_us(const struct session_conn *c)
{
	uint64_t us = c->s->cfg.send_hold_time_s * 1000000ULL, twice = c->negotiated.hold_time_s * 2000000ULL;

	if (us)
		return us;
	return twice > 480000000 ? twice : 480000000;
}

static void send_hold_fired(void *user)
{
	struct session_conn *c = user;
	struct session *s = c->s;
	uint64_t due = c->taken_us + send_hold_us(c), now = session_now(s);
	struct bgp_error e;
	struct session_cause cause = { .reason = SESSION_DOWN_SEND_HOLD_TIMER, .error = &e };

	if (!c->blocked)
		return;
	if (now < due) {
		io_timer_set(c->send_hold, due - now);
		return;
	}
	session_enter(s);
	bgp_error_set(&e, BGP_ERR_SEND_HOLD_TIMER, 0, NULL, 0);
	conn_event(c, FSM_SEND_HOLD_EXPIRES, &cause);
	session_leave(s);
}

/* RFC 9687 4: not when the hold time is 0, and only while the session is up. */
static void set_blocked(struct session_conn *c, bool blocked)
{
	if (blocked != c->blocked)
		io_watch_set(c->watch, blocked ? IO_READ | IO_WRITE : IO_READ);
	if (blocked && !c->blocked)
		c->taken_us = session_now(c->s);
	c->blocked = blocked;
	if (!blocked || c->state != SESSION_ESTABLISHED || c->negotiated.hold_time_s == 0)
		return;
	if (!c->send_hold)
		c->send_hold = io_timer_new(c->s->io->loop, send_hold_fired, c);
	if (!io_timer_pending(c->send_hold))
		io_timer_set(c->send_hold, send_hold_us(c));
}

/* --- writing --- */

static ssize_t send_batch(struct session_conn *c, struct batch *b)
{
	struct msghdr m = { .msg_iov = b->iov, .msg_iovlen = (size_t)b->count };
	ssize_t n;

	do
		n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n;
}

void conn_flush(struct session_conn *c)
{
	unsigned generation = c->generation;
	size_t share = SESSION_WRITE_MAX;
	struct batch b;
	ssize_t n;

	while (c->fd >= 0 && c->generation == generation && !c->write_failed) {
		gather(c, &b);
		if (b.total == 0) {
			set_blocked(c, false);
			return;
		}
		n = send_batch(c, &b);
		if (n < 0) {
			/* What the peer said before it closed, and the reason, come with reading. */
			c->write_failed = errno != EAGAIN;
			set_blocked(c, !c->write_failed);
			return;
		}
		if (c->s->debug)
			session_debug_sent(c, b.iov, b.count, b.partial + b.control, (size_t)n);
		account(c, &b, (size_t)n);
		if ((size_t)n < b.total || (size_t)n >= share) {
			set_blocked(c, true);
			return;
		}
		share -= (size_t)n;
	}
}

void session_io_write(void *user)
{
	struct session_io *io = user;
	struct list ready;

	/* A session kicked by what is written here has its turn in the next round. */
	list_init(&ready);
	list_move_all(&ready, &io->writable);
	while (!list_empty(&ready) && !io_loop_share_used(io->loop)) {
		struct session *s = LIST_ENTRY(ready.next, struct session, writable_link);

		list_del(&s->writable_link);
		session_enter(s);
		if (s->up && !s->primary->blocked)
			conn_flush(s->primary);
		session_leave(s);
	}
	if (list_empty(&ready))
		return;
	list_move_all(&ready, &io->writable);
	list_move_all(&io->writable, &ready);
	io_job_post(io->write_job);
}

void conn_send_notification(struct session_conn *c, const struct bgp_error *e)
{
	struct batch b;
	struct writer w;
	size_t size, kept = 0;
	uint8_t *data;

	if (c->fd < 0)
		return;
	gather(c, &b);
	size = b.partial + b.control + BGP_MESSAGE_MAX;
	data = mem_alloc(size);
	w = writer_init(data, size);
	for (int i = 0; i < b.count && kept < b.partial + b.control; i++) {
		writer_bytes(&w, b.iov[i].iov_base, b.iov[i].iov_len);
		kept += b.iov[i].iov_len;
	}
	bgp_notification_encode(&w, e);
	if (c->s->debug)
		session_debug_queued(c, data + kept, writer_len(&w) - kept);
	c->s->counters.tx_messages[BGP_NOTIFICATION]++;
	io_watch_free(c->watch);
	c->watch = NULL;
	session_linger(c->s->io, c->fd, data, writer_len(&w));
	c->fd = -1;
}

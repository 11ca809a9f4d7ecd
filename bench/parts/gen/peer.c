#include "peer.h"

#include "base/mem.h"
#include "bgp/open.h"
#include "clock.h"
#include "speaker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { IOV_MOST = 16, WRITE_MOST = 1 << 20, RETRY_NS = 1000000000, PATIENCE_MS = 3000 };

/* A server whose queue of new connections has overflowed acknowledges nothing, and the kernel would be patient for minutes: as
 * long as there is no session that ends the attempt. A server that is only slow acknowledges. */
static void set_patience(const struct peer *p, unsigned ms)
{
	setsockopt(p->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

/* --- sending --- */

static void piece_drop(struct peer *p)
{
	free(p->piece[p->head].owned);
	p->head++;
	if (--p->pieces == 0)
		p->head = 0;
}

static void queue(struct peer *p, const uint8_t *data, size_t len, uint8_t *owned)
{
	if (p->head + p->pieces == p->room) {
		if (p->head > p->room / 2) {
			memmove(p->piece, p->piece + p->head, p->pieces * sizeof(*p->piece));
			p->head = 0;
		} else {
			p->room = p->room ? p->room * 2 : 4;
			p->piece = mem_realloc(p->piece, p->room * sizeof(*p->piece));
		}
	}
	p->piece[p->head + p->pieces++] = (struct peer_piece){ data, len, owned };
}

static size_t gather(const struct peer *p, struct iovec *iov, int *count)
{
	size_t total = 0;

	for (*count = 0; *count < IOV_MOST && (uint32_t)*count < p->pieces && total < WRITE_MOST;
		(*count)++) {
		const struct peer_piece *piece = &p->piece[p->head + (uint32_t)*count];
		size_t len = piece->len < WRITE_MOST - total ? piece->len : WRITE_MOST - total;

		/* writev only reads; the type says otherwise. */
		iov[*count] = (struct iovec){ (void *)(uintptr_t)piece->data, len };
		total += len;
	}
	return total;
}

static void consumed(struct peer *p, size_t octets)
{
	while (octets) {
		struct peer_piece *piece = &p->piece[p->head];
		size_t n = octets < piece->len ? octets : piece->len;

		piece->data += n;
		piece->len -= n;
		octets -= n;
		if (piece->len == 0)
			piece_drop(p);
	}
}

static void failed(struct peer *p)
{
	struct speaker *s = p->group->speaker;

	if (p->state == PEER_ESTABLISHED)
		s->lost++;
	else
		s->failed++;
	peer_close(p, false);
	if (p->group->reconnect) {
		p->retry_ns = clock_ns() + RETRY_NS;
		s->retrying++;
	}
}

static uint32_t wanted_events(const struct peer *p)
{
	return (p->paused ? 0 : EPOLLIN) | (p->pieces ? EPOLLOUT : 0);
}

/* One write for each turn: others want theirs too. */
static void flush(struct peer *p)
{
	struct iovec iov[IOV_MOST];
	struct msghdr message = { .msg_iov = iov };
	int count;
	ssize_t n;

	if (p->pieces && p->state > PEER_CONNECTING) {
		gather(p, iov, &count);
		message.msg_iovlen = (size_t)count;
		n = sendmsg(p->fd, &message, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN) {
			failed(p);
			return;
		}
		if (n > 0) {
			p->group->speaker->octets_out += (uint64_t)n;
			consumed(p, (size_t)n);
		}
	}
	speaker_watch(p->group->speaker, p, wanted_events(p));
}

void peer_send(struct peer *p, const uint8_t *data, size_t len)
{
	if (p->fd < 0 || len == 0)
		return;
	queue(p, data, len, NULL);
	if (p->pieces == 1)
		flush(p);
}

void peer_send_copy(struct peer *p, const uint8_t *data, size_t len)
{
	uint8_t *copy;

	if (p->fd < 0)
		return;
	if (p->pieces == 0 && p->state == PEER_ESTABLISHED) {
		ssize_t n = send(p->fd, data, len, MSG_NOSIGNAL);

		if (n > 0) {
			p->group->speaker->octets_out += (uint64_t)n;
			data += n;
			len -= (size_t)n;
		}
		if (len == 0)
			return;
	}
	copy = mem_alloc(len);
	memcpy(copy, data, len);
	queue(p, copy, len, copy);
	speaker_watch(p->group->speaker, p, wanted_events(p));
}

bool peer_is_idle(const struct peer *p)
{
	return p->pieces == 0;
}

void peer_keepalive(struct peer *p)
{
	uint8_t message[WIRE_HEADER];

	if (p->state == PEER_ESTABLISHED && p->pieces == 0)
		peer_send_copy(p, message, wire_keepalive(message));
}

/* --- the session --- */

static bool connect_from(struct peer *p)
{
	struct speaker *s = p->group->speaker;
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(p->address) };
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(s->server), .sin_port = htons(s->port)
	};
	int on = 1;

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return false;
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(p->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(p->fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
	       (connect(p->fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS);
}

void peer_connect(struct peer *p)
{
	if (p->retry_ns) {
		p->retry_ns = 0;
		p->group->speaker->retrying--;
	}
	if (p->fd >= 0)
		return;
	if (!connect_from(p)) {
		perror("speaker: connect");
		failed(p);
		return;
	}
	set_patience(p, PATIENCE_MS);
	p->state = PEER_CONNECTING;
	speaker_watch(p->group->speaker, p, EPOLLOUT);
}

static void view_reset(struct peer *p)
{
	struct churn_view churn = p->view.churn;

	/* What was measured outlives the session. */
	p->view.churn = (struct churn_view){ 0 };
	view_fini(&p->view);
	view_init(&p->view, &p->group->speaker->numbers, p->address);
	p->view.churn = churn;
}

void peer_close(struct peer *p, bool reset)
{
	struct linger linger = { .l_onoff = 1 };

	if (p->fd < 0)
		return;
	if (reset)
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(p->fd);
	p->fd = -1;
	p->watched = 0;
	while (p->pieces)
		piece_drop(p);
	free(p->rest);
	p->rest = NULL;
	p->rest_len = 0;
	if (p->state == PEER_ESTABLISHED)
		p->group->established--;
	p->state = PEER_IDLE;
	if (p->reached_ns) {
		p->reached_ns = 0;
		p->group->reached--;
	}
	view_reset(p);
}

static void connected(struct peer *p)
{
	struct wire_identity id = { p->group->as, p->address, p->group->hold_time_s, p->group->add_path };
	int error = 0;
	socklen_t len = sizeof(error);
	uint8_t message[WIRE_OPEN_MAX];

	getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		failed(p);
		return;
	}
	p->state = PEER_OPEN_SENT;
	peer_send_copy(p, message, wire_open(message, &id));
	flush(p);
}

static void opened(struct peer *p, const uint8_t *message, size_t len)
{
	uint8_t keepalive[WIRE_HEADER];
	struct wire_identity theirs;

	if (p->state != PEER_OPEN_SENT || !wire_open_read(message, len, &theirs))
		return;
	p->view.add_path = (p->group->add_path & BGP_ADD_PATH_RECEIVE) &&
			   (theirs.add_path & BGP_ADD_PATH_SEND);
	p->state = PEER_OPEN_CONFIRM;
	peer_send_copy(p, keepalive, wire_keepalive(keepalive));
	flush(p);
}

static void kept_alive(struct peer *p, uint64_t now_ns)
{
	struct group *g = p->group;

	if (p->state == PEER_ESTABLISHED && p->number == 0 && g->keepalive_ns &&
		now_ns - g->keepalive_ns > g->keepalive_gap_ns)
		g->keepalive_gap_ns = now_ns - g->keepalive_ns;
	if (p->number == 0)
		g->keepalive_ns = now_ns;
	if (p->state != PEER_OPEN_CONFIRM)
		return;
	set_patience(p, 0);
	p->state = PEER_ESTABLISHED;
	p->established_ns = now_ns;
	g->established++;
	if (g->send_when_established)
		peer_send(p, p->feed.announce, p->feed.announce_len);
}

static void message_read(struct peer *p, const uint8_t *message, size_t len, uint64_t now_ns)
{
	switch (wire_type(message)) {
	case BGP_OPEN:
		opened(p, message, len);
		break;
	case BGP_UPDATE:
		view_update(&p->view, message, len, now_ns);
		break;
	case BGP_KEEPALIVE:
		kept_alive(p, now_ns);
		break;
	case BGP_ROUTE_REFRESH:
		if (p->state == PEER_ESTABLISHED)
			peer_send(p, p->feed.announce, p->feed.announce_len);
		break;
	case BGP_NOTIFICATION:
		if (len >= WIRE_HEADER + 2)
			memcpy(p->group->speaker->notification, message + WIRE_HEADER, 2);
		failed(p);
		break;
	default:
		break;
	}
}

void peer_check(struct peer *p, uint64_t now_ns)
{
	struct group *g = p->group;
	bool is_reached = p->state == PEER_ESTABLISHED && p->view.present == g->target;

	if (is_reached == (p->reached_ns != 0))
		return;
	p->reached_ns = is_reached ? now_ns : 0;
	g->reached += is_reached ? 1 : -1u;
}

static void keep_rest(struct peer *p, const uint8_t *data, size_t len)
{
	if (len > p->rest_len)
		p->rest = mem_realloc(p->rest, len);
	if (len)
		memcpy(p->rest, data, len);
	p->rest_len = len;
}

static void read_some(struct peer *p)
{
	struct speaker *s = p->group->speaker;
	uint8_t *at = s->buffer + WIRE_MESSAGE_MAX - p->rest_len, *end;
	ssize_t n = recv(p->fd, s->buffer + WIRE_MESSAGE_MAX, SPEAKER_BUFFER, 0);
	uint64_t now_ns = clock_ns();

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			failed(p);
		return;
	}
	s->octets_in += (uint64_t)n;
	end = s->buffer + WIRE_MESSAGE_MAX + n;
	if (p->rest_len)
		memcpy(at, p->rest, p->rest_len);
	while (end - at >= WIRE_HEADER && p->fd >= 0) {
		size_t len = wire_length(at);

		if (len < WIRE_HEADER || len > WIRE_MESSAGE_MAX) {
			p->view.broken++;
			failed(p);
			return;
		}
		if ((size_t)(end - at) < len)
			break;
		message_read(p, at, len, now_ns);
		at += len;
	}
	if (p->fd < 0)
		return;
	keep_rest(p, at, (size_t)(end - at));
	peer_check(p, now_ns);
}

void peer_pause(struct peer *p, bool paused)
{
	p->paused = paused;
	if (p->fd >= 0)
		speaker_watch(p->group->speaker, p, wanted_events(p));
}

void peer_ready(struct peer *p, uint32_t events)
{
	if (p->fd < 0)
		return;
	if (p->state == PEER_CONNECTING) {
		connected(p);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_some(p);
	if (p->fd >= 0 && events & EPOLLOUT)
		flush(p);
}

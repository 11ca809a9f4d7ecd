/*
 * relay ADDRESS PORT AS ADD-PATH [sink]
 *
 * The least that a reflector can do: it opens sessions with whoever connects and copies the UPDATEs of each to all others, octet by
 * octet, without a look inside. What it takes is what sockets and memory cost, so it is the limit that daemons are compared
 * with. sink: UPDATEs are read and dropped. ADD-PATH: as said in its OPEN (0, 3).
 *
 * Read blocks form one stream of segments, each with its source. Every connection has a place in it and takes from there what
 * its socket takes, but for its own segments. A block is freed when the last has passed.
 */
#include "base/mem.h"
#include "bgp/open.h"
#include "gen/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BLOCK = 1 << 18, IOV_MOST = 32, EVENTS_MOST = 256, BACKLOG = 4096 };

struct segment {
	struct segment *next;
	uint32_t source; /* of whom; 0: of nobody, which ends the stream */
	uint32_t passed; /* connections that are behind it */
	size_t len;
	uint8_t *octets;
};

struct connection {
	struct connection *next;
	int fd;
	uint32_t number;
	bool is_told; /* once its OPEN is there; with add-path only who takes several paths */
	bool is_watched_out;
	struct segment *at; /* the segment it takes from; the open end when it has everything */
	size_t done;	    /* octets of it that are taken */
	uint8_t rest[WIRE_MESSAGE_MAX];
	size_t rest_len;
};

struct relay {
	int epoll_fd, listen_fd;
	struct wire_identity id;
	bool is_sink;
	struct connection *connections;
	uint32_t count, numbers;
	struct segment *first, *open; /* the oldest, and the one to be filled next */
	uint8_t buffer[WIRE_MESSAGE_MAX + BLOCK];
};

static void drop_passed(struct relay *r)
{
	while (r->first != r->open && r->first->passed >= r->count) {
		struct segment *s = r->first;

		r->first = s->next;
		free(s->octets);
		free(s);
	}
}

static void watch(struct relay *r, struct connection *c, bool out)
{
	struct epoll_event e = { .events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c };

	if (out == c->is_watched_out)
		return;
	c->is_watched_out = out;
	epoll_ctl(r->epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

static void pass(struct relay *r, struct connection *c)
{
	c->at->passed++;
	c->at = c->at->next;
	c->done = 0;
	drop_passed(r);
}

static bool is_for(const struct segment *s, const struct connection *c)
{
	return c->is_told && s->source != c->number;
}

static void skip_others(struct relay *r, struct connection *c)
{
	while (c->at != r->open && !is_for(c->at, c))
		pass(r, c);
}

static void take(struct relay *r, struct connection *c, size_t octets)
{
	skip_others(r, c);
	while (octets && c->at != r->open) {
		size_t left = c->at->len - c->done;

		if (octets < left) {
			c->done += octets;
			return;
		}
		octets -= left;
		pass(r, c);
		skip_others(r, c);
	}
}

static void send_some(struct relay *r, struct connection *c)
{
	for (;;) {
		struct iovec iov[IOV_MOST];
		struct msghdr message = { .msg_iov = iov };
		size_t done = c->done, total = 0;
		ssize_t n;

		for (struct segment *s = c->at; s != r->open && message.msg_iovlen < IOV_MOST; s = s->next) {
			if (is_for(s, c)) {
				iov[message.msg_iovlen++] = (struct iovec){ s->octets + done, s->len - done };
				total += s->len - done;
			}
			done = 0;
		}
		if (total == 0) {
			skip_others(r, c);
			watch(r, c, false);
			return;
		}
		n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
		if (n > 0)
			take(r, c, (size_t)n);
		if (n < (ssize_t)total) {
			watch(r, c, true);
			return;
		}
	}
}

static void forward(struct relay *r, struct connection *from, const uint8_t *octets, size_t len)
{
	struct segment *s = r->open;

	if (len == 0 || r->is_sink)
		return;
	/* The open end is where everybody waits who has everything: it becomes the segment, a new end follows it. */
	s->octets = mem_alloc(len);
	memcpy(s->octets, octets, len);
	s->len = len;
	s->source = from->number;
	s->next = r->open = mem_calloc(1, sizeof(*s));
}

static void answer_open(struct relay *r, struct connection *c, const uint8_t *open, size_t open_len)
{
	uint8_t message[WIRE_OPEN_MAX + WIRE_HEADER];
	size_t len = wire_open(message, &r->id);
	struct wire_identity theirs;

	c->is_told = !r->id.add_path ||
		     (wire_open_read(open, open_len, &theirs) && theirs.add_path & BGP_ADD_PATH_RECEIVE);
	len += wire_keepalive(message + len);
	(void)!write(c->fd, message, len);
}

static void closed(struct relay *r, struct connection *c)
{
	struct connection **at = &r->connections;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	/* Nobody waits for it any more: what it has passed must not count for another. */
	for (struct segment *s = r->first; s != c->at; s = s->next)
		s->passed--;
	r->count--;
	drop_passed(r);
	close(c->fd);
	free(c);
}

/* Whole messages; runs of UPDATEs are forwarded as one. Returns how many octets were whole. */
static size_t split(struct relay *r, struct connection *c, const uint8_t *data, size_t len)
{
	size_t at = 0, run = 0;

	while (len - at >= WIRE_HEADER) {
		size_t n = wire_length(data + at);

		if (n < WIRE_HEADER || len - at < n)
			break;
		if (wire_type(data + at) != BGP_UPDATE) {
			forward(r, c, data + run, at - run);
			run = at + n;
			if (wire_type(data + at) == BGP_OPEN)
				answer_open(r, c, data + at, n);
		}
		at += n;
	}
	forward(r, c, data + run, at - run);
	return at;
}

static void read_some(struct relay *r, struct connection *c)
{
	uint8_t *start = r->buffer + WIRE_MESSAGE_MAX - c->rest_len;
	ssize_t n = recv(c->fd, r->buffer + WIRE_MESSAGE_MAX, BLOCK, 0);
	size_t whole, len;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			closed(r, c);
		return;
	}
	memcpy(start, c->rest, c->rest_len);
	len = c->rest_len + (size_t)n;
	whole = split(r, c, start, len);
	c->rest_len = len - whole;
	memcpy(c->rest, start + whole, c->rest_len);
	for (struct connection *to = r->connections; to; to = to->next) {
		if (!to->is_watched_out)
			send_some(r, to);
	}
}

static void accept_all(struct relay *r)
{
	int fd, on = 1;

	/* cppcheck-suppress nullPointer; nobody asks for the other's address. */
	while ((fd = accept4(r->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = mem_calloc(1, sizeof(*c));
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		*c = (struct connection){
			.next = r->connections, .fd = fd, .number = ++r->numbers, .at = r->open
		};
		for (struct segment *s = r->first; s != r->open; s = s->next)
			s->passed++;
		r->connections = c;
		r->count++;
		epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &e);
	}
}

static bool listen_on(struct relay *r, const char *address, const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	struct epoll_event e = { .events = EPOLLIN };
	int on = 1;

	r->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(r->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1 ||
		bind(r->listen_fd, (struct sockaddr *)&at, sizeof(at)) || listen(r->listen_fd, BACKLOG)) {
		perror("relay: listen");
		return false;
	}
	r->id.bgp_identifier = ntohl(at.sin_addr.s_addr);
	return epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, r->listen_fd, &e) == 0;
}

static void turn(struct relay *r)
{
	struct epoll_event events[EVENTS_MOST];
	int n = epoll_wait(r->epoll_fd, events, EVENTS_MOST, -1);

	for (int i = 0; i < n; i++) {
		struct connection *c = events[i].data.ptr;

		if (!c)
			accept_all(r);
		else if (events[i].events & EPOLLOUT)
			send_some(r, c);
		if (c && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			read_some(r, c);
	}
}

int main(int argc, char **argv)
{
	struct relay *r = mem_calloc(1, sizeof(*r));
	struct rlimit files;

	if (argc < 5) {
		fprintf(stderr, "usage: relay ADDRESS PORT AS ADD-PATH [sink]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	r->id = (struct wire_identity){ (uint32_t)atoi(argv[3]), 0, 240, (uint8_t)atoi(argv[4]) };
	r->is_sink = argc > 5;
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r->first = r->open = mem_calloc(1, sizeof(*r->first));
	if (!listen_on(r, argv[1], argv[2]))
		return 1;
	for (;;)
		turn(r);
}

/*
 * web NAME PORT
 *
 * A web pod's server: answers every HTTP request with "NAME SERIAL COUNT", where SERIAL numbers the connections it has
 * accepted and COUNT the requests of this one. So a client sees who answers, and that it is still the same connection to the same
 * server. It keeps connections open unless the request is of HTTP/1.0 or says "Connection: close". Both families.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 2048, EVENTS = 64, BACKLOG = 4096 };

struct connection {
	int fd;
	unsigned long serial, count;
	size_t len;
	char in[ROOM + 1];
};

struct server {
	const char *name;
	int poll, listener;
	unsigned long accepted;
};

static int listen_on(unsigned port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, BACKLOG) < 0)
		return -1;
	return fd;
}

static void watch(const struct server *s, int fd, void *what)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = what };

	if (epoll_ctl(s->poll, EPOLL_CTL_ADD, fd, &e) < 0) {
		perror("web: epoll_ctl");
		exit(EXIT_FAILURE);
	}
}

static void accept_all(struct server *s)
{
	for (;;) {
		/* cppcheck-suppress nullPointer; nobody asks for the other's address. */
		int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
		struct connection *c;

		if (fd < 0)
			return;
		c = calloc(1, sizeof(*c));
		if (!c) {
			close(fd);
			return;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		c->fd = fd;
		c->serial = ++s->accepted;
		watch(s, fd, c);
	}
}

/* False when the connection is to be closed. */
static bool answer(const struct server *s, struct connection *c)
{
	char body[256], out[512];
	bool last = strcasestr(c->in, "\r\nConnection: close") || strstr(c->in, " HTTP/1.0\r\n");
	int len = snprintf(body, sizeof(body), "%s %lu %lu\n", s->name, c->serial, ++c->count);

	len = snprintf(out, sizeof(out),
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%s\r\n%s", len,
		last ? "Connection: close\r\n" : "", body);
	return send(c->fd, out, (size_t)len, MSG_NOSIGNAL) == len && !last;
}

static bool serve(const struct server *s, struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->len, ROOM - c->len, 0);
	char *end;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->len += (size_t)n;
	c->in[c->len] = 0;
	while ((end = strstr(c->in, "\r\n\r\n"))) {
		size_t used = (size_t)(end + 4 - c->in);

		/* What this request says, and not the next. */
		end[2] = 0;
		if (!answer(s, c))
			return false;
		c->len -= used;
		memmove(c->in, c->in + used, c->len + 1);
	}
	return n > 0 && c->len < ROOM;
}

int main(int argc, char **argv)
{
	struct server s = { .poll = epoll_create1(EPOLL_CLOEXEC) };
	struct rlimit files;

	if (argc != 3) {
		fprintf(stderr, "usage: web NAME PORT\n");
		return 2;
	}
	signal(SIGTERM, SIG_DFL);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	s.name = argv[1];
	s.listener = listen_on((unsigned)atoi(argv[2]));
	if (s.listener < 0) {
		perror("web: listen");
		return EXIT_FAILURE;
	}
	watch(&s, s.listener, NULL);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(s.poll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (!c) {
				accept_all(&s);
			} else if (!serve(&s, c)) {
				close(c->fd);
				free(c);
			}
		}
	}
}

/*
 * The engine without a library: HTTP/1.1 over TCP, no TLS, one connection for each request.
 *
 * A call goes through three steps, connect, send, read, with one watch and one timer for the whole; http_reply.h reads the
 * answer. Connections are never kept: "Connection: close" is asked for, and ours are aborted, not closed, so that neither
 * side is left with one in TIME_WAIT (http_curl_setup.c says why).
 *
 * done is called last in a callback of the loop and nothing of the call is touched after it, so it may do whatever it wants:
 * begin and cancel requests, free the whole client.
 */
#include "io/http.h"

#include "base/list.h"
#include "base/mem.h"
#include "io/http_error.h"
#include "io/http_reply.h"
#include "io/tcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_SIZE = 8192,
	READS_MAX = 8, /* in a turn */
	HTTP_PORT = 80,
	WHY_MAX = 256,
};

struct io_http {
	struct io_loop *loop;
	struct list calls;
};

enum step { CONNECTING, SENDING, READING };

struct io_http_call {
	struct list link;
	struct io_http *http;
	struct io_http_request request; /* what it points to is the caller's */
	void (*done)(void *user, const struct io_http_answer *answer);
	void *user;
	uint64_t started_us;
	enum step step;
	int fd; /* -1: none */
	struct io_watch *watch;
	struct io_timer *timer;
	struct io_job *failed; /* posted when it could not even begin */
	char *head;	       /* of the request */
	size_t sent;	       /* of head and body together */
	struct http_reply reply;
	enum io_http_error error;
	char why[WHY_MAX];
};

bool io_http_can_tls(void)
{
	return false;
}

bool io_http_can_http2(void)
{
	return false;
}

bool io_http_can_stream(void)
{
	return false;
}

/* --- the end of a call --- */

static void disconnect(struct io_http_call *c)
{
	io_watch_free(c->watch);
	io_timer_free(c->timer);
	io_job_free(c->failed);
	if (c->fd >= 0) {
		io_tcp_abort_on_close(c->fd);
		close(c->fd);
	}
	list_del(&c->link);
}

static void call_free(struct io_http_call *c)
{
	http_reply_fini(&c->reply);
	free(c->head);
	free(c);
}

static void finish(struct io_http_call *c)
{
	struct io_http_answer answer = { .error = c->error,
		.why = c->why,
		.status = c->reply.status,
		.body = c->reply.body ? c->reply.body : "",
		.body_len = c->reply.body_len,
		.body_cut = c->reply.body_cut,
		.grpc_status = c->reply.grpc_status,
		.duration_us = io_loop_now_us(c->http->loop) - c->started_us };

	disconnect(c);
	c->done(c->user, &answer);
	call_free(c);
}

static void fail(struct io_http_call *c, enum io_http_error error, const char *why)
{
	c->error = error;
	snprintf(c->why, sizeof(c->why), "%s", why);
	finish(c);
}

static void set_errno(struct io_http_call *c, int error)
{
	struct text why = text_init(c->why, sizeof(c->why));

	c->error = http_error_from_errno(error, &why);
	if (!c->why[0])
		text_add(&why, "%s", strerror(error));
}

static void fail_with(struct io_http_call *c, int error)
{
	set_errno(c, error);
	finish(c);
}

static void time_is_over(void *user)
{
	struct io_http_call *c = user;
	struct text why = text_init(c->why, sizeof(c->why));
	const char *what = "no answer";

	if (c->step == CONNECTING)
		what = "no connection";
	else if (c->reply.status)
		what = "the answer began, but did not end";
	c->error = http_error_timeout(what, c->request.timeout_us, &why);
	finish(c);
}

/* --- reading --- */

static void broke_off(struct io_http_call *c)
{
	if (!c->reply.status && !c->reply.line_len)
		fail(c, IO_HTTP_REFUSED, "the connection was closed without an answer");
	else
		fail(c, IO_HTTP_PROTOCOL, "the answer broke off");
}

static void not_http(struct io_http_call *c)
{
	c->error = IO_HTTP_PROTOCOL;
	snprintf(c->why, sizeof(c->why), "not HTTP: %s", c->reply.why);
	finish(c);
}

/* True when the call is over. */
static bool judge(struct io_http_call *c, enum http_reply_verdict verdict)
{
	switch (verdict) {
	case HTTP_REPLY_MORE:
		return false;
	case HTTP_REPLY_DONE:
		finish(c);
		break;
	case HTTP_REPLY_BROKEN:
		broke_off(c);
		break;
	case HTTP_REPLY_WRONG:
		not_http(c);
		break;
	}
	return true;
}

static void read_some(struct io_http_call *c)
{
	char data[READ_SIZE];
	ssize_t n = 0;

	for (int i = 0; i < READS_MAX && (n = recv(c->fd, data, sizeof(data), 0)) > 0; i++)
		if (judge(c, http_reply_feed(&c->reply, data, (size_t)n)))
			return;
	if (n == 0)
		judge(c, http_reply_end(&c->reply));
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		fail_with(c, errno);
}

/* --- connecting and sending --- */

/* 0: all of it is sent; else -errno. */
static int send_rest(struct io_http_call *c)
{
	size_t head_len = strlen(c->head), len = head_len + c->request.body_len;

	while (c->sent < len) {
		bool in_head = c->sent < head_len;
		const char *at = in_head ? c->head + c->sent
					 : (const char *)c->request.body + (c->sent - head_len);
		ssize_t n = send(c->fd, at, (in_head ? head_len : len) - c->sent, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		c->sent += (size_t)n;
	}
	return 0;
}

static void send_some(struct io_http_call *c)
{
	int error = send_rest(c);

	if (!error) {
		c->step = READING;
		io_watch_set(c->watch, IO_READ);
	} else if (error != -EAGAIN && error != -EINTR) {
		fail_with(c, -error);
	}
}

static void ready(void *user, unsigned events)
{
	struct io_http_call *c = user;
	int error;

	(void)events;
	if (c->step == READING) {
		read_some(c);
		return;
	}
	error = c->step == CONNECTING ? io_tcp_connect_result(c->fd) : 0;
	if (error) {
		fail_with(c, -error);
		return;
	}
	c->step = SENDING;
	send_some(c);
}

/* --- the request --- */

static bool has_header(const struct io_http_request *r, const char *name)
{
	size_t len = strlen(name);

	for (const char *const *line = r->headers; line && *line; line++)
		if (strncasecmp(*line, name, len) == 0 && (*line)[len] == ':')
			return true;
	return false;
}

static void print_host(FILE *out, const struct io_http_request *r)
{
	bool v6 = r->address.family == IP_V6;
	char text[PREFIX_TEXT_MAX];

	if (r->host) {
		fprintf(out, "Host: %s\r\n", r->host);
		return;
	}
	fprintf(out, "Host: %s%s%s", v6 ? "[" : "", ip_addr_format(&r->address, text), v6 ? "]" : "");
	if (r->port != HTTP_PORT)
		fprintf(out, ":%u", r->port);
	fputs("\r\n", out);
}

static char *make_head(const struct io_http_request *r)
{
	char *head = NULL;
	size_t len;
	FILE *out = open_memstream(&head, &len);

	if (!out)
		abort();
	fprintf(out, "%s %s HTTP/1.1\r\n", r->method, r->path);
	if (!has_header(r, "Host"))
		print_host(out, r);
	if (!has_header(r, "Accept"))
		fputs("Accept: */*\r\n", out);
	fputs("Connection: close\r\n", out);
	/* RFC 9110 8.6: these two have a body, if an empty one. */
	if (r->body || strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0)
		fprintf(out, "Content-Length: %zu\r\n", r->body_len);
	for (const char *const *line = r->headers; line && *line; line++)
		fprintf(out, "%s\r\n", *line);
	fputs("\r\n", out);
	fclose(out);
	return head;
}

/* --- calls --- */

/* False, with what there is to say, when it cannot begin. */
static bool begin(struct io_http_call *c)
{
	const struct io_http_request *r = &c->request;
	const struct io_tcp_opts opts = { .local = &r->source, .mark = r->mark };
	struct text why = text_init(c->why, sizeof(c->why));

	if (r->tls || r->version != IO_HTTP_1_1 || r->piece) {
		text_add(&why, "this program speaks neither TLS nor HTTP/2, and takes no streams: it has no "
			       "libcurl");
		c->error = IO_HTTP_FAILED;
		return false;
	}
	c->fd = io_tcp_connect(&r->address, r->port, &opts);
	if (c->fd >= 0)
		return true;
	c->error = http_error_from_errno(-c->fd, &why);
	if (c->error == IO_HTTP_FAILED)
		http_error_from_socket(-c->fd, r->mark != 0, &why);
	return false;
}

static void could_not_begin(void *user)
{
	finish(user);
}

struct io_http_call *io_http_start(struct io_http *h, const struct io_http_request *request,
	void (*done)(void *user, const struct io_http_answer *answer), void *user)
{
	struct io_http_call *c = mem_calloc(1, sizeof(*c));

	*c = (struct io_http_call){ .http = h,
		.request = *request,
		.done = done,
		.user = user,
		.fd = -1,
		.started_us = io_loop_now_us(h->loop) };
	list_add_tail(&h->calls, &c->link);
	http_reply_init(&c->reply, request->keep, strcmp(request->method, "HEAD") == 0);
	if (!begin(c)) {
		c->failed = io_job_new(h->loop, could_not_begin, c);
		io_job_post(c->failed);
		return c;
	}
	c->head = make_head(request);
	c->watch = io_watch_new(h->loop, c->fd, ready, c);
	io_watch_set(c->watch, IO_WRITE);
	c->timer = io_timer_new(h->loop, time_is_over, c);
	io_timer_set(c->timer, request->timeout_us);
	return c;
}

void io_http_cancel(struct io_http_call *c)
{
	if (!c)
		return;
	disconnect(c);
	call_free(c);
}

/* --- the client --- */

struct io_http *io_http_new(struct io_loop *loop)
{
	struct io_http *h = mem_calloc(1, sizeof(*h));

	h->loop = loop;
	list_init(&h->calls);
	return h;
}

void io_http_free(struct io_http *h)
{
	if (!h)
		return;
	while (!list_empty(&h->calls))
		io_http_cancel(LIST_ENTRY(h->calls.next, struct io_http_call, link));
	free(h);
}

/*
 * The engine over libcurl: its multi interface on our loop. Speaks TLS and HTTP/2 where libcurl does.
 *
 * libcurl tells by callbacks which descriptors and what time it waits for; they become watches and one timer. When one of
 * them fires, curl_multi_socket_action() works on as far as it can.
 *
 * Re-entrancy: libcurl's own callbacks (sockets, timer, header, body) only note what they are told; none calls the user, and
 * none calls back into libcurl, except for curl_multi_assign(), which is meant for that. Requests that have ended are collected
 * in a list and told by a job, outside of libcurl, one in each run of the job and nothing touched after it. So done may do
 * whatever it wants: begin and cancel requests, free the whole client. Pieces of a body are told by the same job, before
 * any end; where they come faster than they are taken, libcurl is told to wait.
 *
 * A request that is begun does its first work in a turn of its own: libcurl asks for a timer of zero.
 */
#include "io/http.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/http_curl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	IDLE_EASY_MAX =
		256, /* handles kept for the next request: making one costs more than all else of a small request */
	IDLE_CONNECTIONS_MAX = 64,
};

struct io_http {
	struct io_loop *loop;
	CURLM *multi;
	struct io_timer *timer;
	struct io_job *tell;
	struct list running, ended; /* calls */
	struct list pieces;	    /* calls with something to tell before their end */
	CURL *idle[IDLE_EASY_MAX];
	size_t idle_count;
};

struct http_socket {
	struct io_http *http;
	curl_socket_t fd;
	struct io_watch *watch;
};

bool io_http_can_tls(void)
{
	return curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_SSL;
}

bool io_http_can_http2(void)
{
	return curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTP2;
}

bool io_http_can_stream(void)
{
	return true;
}

/* --- libcurl works --- */

static void collect_ended(struct io_http *h)
{
	int left;

	for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
		struct io_http_call *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		c->result = m->data.result;
		list_del(&c->link);
		list_add_tail(&h->ended, &c->link);
		io_job_post(h->tell);
	}
}

static void work(struct io_http *h, curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(h->multi, fd, events, &running);
	collect_ended(h);
}

/* The watch may be gone when this returns, and its structure with it. */
static void socket_ready(void *user, unsigned events)
{
	struct http_socket *s = user;

	work(s->http, s->fd,
		(events & IO_READ ? CURL_CSELECT_IN : 0) | (events & IO_WRITE ? CURL_CSELECT_OUT : 0));
}

static void time_is_up(void *user)
{
	work(user, CURL_SOCKET_TIMEOUT, 0);
}

/* --- libcurl tells what it waits for --- */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket)
{
	struct io_http *h = user;
	struct http_socket *s = socket;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			io_watch_free(s->watch);
		free(s);
		return 0;
	}
	if (!s) {
		s = mem_calloc(1, sizeof(*s));
		*s = (struct http_socket){ .http = h, .fd = fd };
		s->watch = io_watch_new(h->loop, fd, socket_ready, s);
		curl_multi_assign(h->multi, fd, s);
	}
	io_watch_set(
		s->watch, ((what & CURL_POLL_IN) ? IO_READ : 0) | ((what & CURL_POLL_OUT) ? IO_WRITE : 0));
	return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
	struct io_http *h = user;

	(void)multi;
	if (timeout_ms < 0)
		io_timer_cancel(h->timer);
	else
		io_timer_set(h->timer, (uint64_t)timeout_ms * 1000);
	return 0;
}

/* --- calls --- */

static CURL *easy_get(struct io_http *h)
{
	return h->idle_count ? h->idle[--h->idle_count] : curl_easy_init();
}

static void easy_put(struct io_http *h, CURL *easy)
{
	if (h->idle_count == IDLE_EASY_MAX) {
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_reset(easy);
	h->idle[h->idle_count++] = easy;
}

/* Takes it from libcurl. */
static void call_fini(struct io_http_call *c)
{
	list_del(&c->link);
	list_del(&c->pieces);
	curl_multi_remove_handle(c->http->multi, c->easy);
	easy_put(c->http, c->easy);
	http_setup_fini(c);
}

static void call_free(struct io_http_call *c)
{
	free(c->body);
	free(c);
}

static int status_of(const struct io_http_call *c)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static void fill_answer(struct io_http_call *c, struct io_http_answer *a)
{
	curl_off_t retry_after_s = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	*a = (struct io_http_answer){ .status = status_of(c),
		.body = c->body ? c->body : "",
		.body_len = c->body_len,
		.body_cut = c->body_cut,
		.grpc_status = c->grpc_status,
		.retry_after_s = retry_after_s > 0 ? (uint64_t)retry_after_s : 0,
		.duration_us = io_loop_now_us(c->http->loop) - c->started_us };
	http_describe(c, a);
}

void http_call_waits(struct io_http_call *c)
{
	if (!list_linked(&c->pieces))
		list_add_tail(&c->http->pieces, &c->pieces);
	io_job_post(c->http->tell);
}

static void tell_piece(struct io_http_call *c)
{
	char *body = c->body;
	size_t len = c->body_len;

	list_del(&c->pieces);
	c->body = NULL;
	c->body_len = c->body_size = 0;
	if (c->paused) {
		c->paused = false;
		/* It calls take_body() at once with what it held back. */
		curl_easy_pause(c->easy, CURLPAUSE_CONT);
	}
	c->request.piece(c->user, status_of(c), body ? body : "", len);
	free(body);
}

static void tell_one(void *user)
{
	struct io_http *h = user;
	struct io_http_answer answer;
	struct io_http_call *c;

	if (!list_empty(&h->pieces)) {
		io_job_post(h->tell);
		tell_piece(LIST_ENTRY(h->pieces.next, struct io_http_call, pieces));
		return;
	}
	if (list_empty(&h->ended))
		return;
	c = LIST_ENTRY(h->ended.next, struct io_http_call, link);
	fill_answer(c, &answer);
	call_fini(c);
	if (!list_empty(&h->ended))
		io_job_post(h->tell);
	c->done(c->user, &answer);
	call_free(c);
}

struct io_http_call *io_http_start(struct io_http *h, const struct io_http_request *request,
	void (*done)(void *user, const struct io_http_answer *answer), void *user)
{
	struct io_http_call *c = mem_calloc(1, sizeof(*c));

	c->http = h;
	c->request = *request;
	c->done = done;
	c->user = user;
	c->grpc_status = -1;
	c->started_us = io_loop_now_us(h->loop);
	c->easy = easy_get(h);
	if (!c->easy) {
		log_error("libcurl cannot make a handle");
		abort();
	}
	c->result = http_setup(c);
	if (c->result == CURLE_OK && curl_multi_add_handle(h->multi, c->easy) == CURLM_OK) {
		list_add_tail(&h->running, &c->link);
		return c;
	}
	if (c->result == CURLE_OK)
		c->result = CURLE_FAILED_INIT;
	list_add_tail(&h->ended, &c->link);
	io_job_post(h->tell);
	return c;
}

void io_http_cancel(struct io_http_call *c)
{
	if (!c)
		return;
	call_fini(c);
	call_free(c);
}

/* --- the client --- */

static bool set_up_multi(struct io_http *h)
{
	h->multi = curl_multi_init();
	if (!h->multi)
		return false;
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
	return true;
}

struct io_http *io_http_new(struct io_loop *loop)
{
	struct io_http *h;
	CURLcode error = curl_global_init(CURL_GLOBAL_DEFAULT);

	if (error != CURLE_OK) {
		log_error("no HTTP: libcurl does not start: %s", curl_easy_strerror(error));
		return NULL;
	}
	h = mem_calloc(1, sizeof(*h));
	h->loop = loop;
	list_init(&h->running);
	list_init(&h->ended);
	list_init(&h->pieces);
	h->timer = io_timer_new(loop, time_is_up, h);
	h->tell = io_job_new(loop, tell_one, h);
	if (!set_up_multi(h)) {
		log_error("no HTTP: libcurl cannot make a multi handle");
		io_http_free(h);
		return NULL;
	}
	return h;
}

static void cancel_all(struct list *calls)
{
	while (!list_empty(calls))
		io_http_cancel(LIST_ENTRY(calls->next, struct io_http_call, link));
}

void io_http_free(struct io_http *h)
{
	if (!h)
		return;
	cancel_all(&h->running);
	cancel_all(&h->ended);
	while (h->idle_count)
		curl_easy_cleanup(h->idle[--h->idle_count]);
	/* Closes the connections that were kept, and so tells of their sockets and time. */
	curl_multi_cleanup(h->multi);
	io_timer_free(h->timer);
	io_job_free(h->tell);
	free(h);
	curl_global_cleanup();
}

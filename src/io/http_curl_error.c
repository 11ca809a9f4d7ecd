/* How a request ended, in words for an operator: who said no, and at which step silence began. */
#include "base/text.h"
#include "io/http_curl.h"
#include "io/http_error.h"

#include <errno.h>
#include <string.h>

static void say(struct io_http_call *c, const char *what, const char *detail)
{
	struct text why = text_init(c->why, sizeof(c->why));

	text_add(&why, "%s%s%s", what, detail[0] ? ": " : "", detail);
}

/* libcurl's own sentence, or the general one. */
static const char *detail(const struct io_http_call *c)
{
	return c->error[0] ? c->error : curl_easy_strerror(c->result);
}

/* libcurl keeps the time at which all of it stood, TLS too; the socket's own port is known when TCP is done. */
static bool tcp_connected(const struct io_http_call *c)
{
	long port = 0;

	curl_easy_getinfo(c->easy, CURLINFO_LOCAL_PORT, &port);
	return port > 0;
}

static bool tls_connected(const struct io_http_call *c)
{
	curl_off_t at_us = 0;

	curl_easy_getinfo(c->easy, CURLINFO_APPCONNECT_TIME_T, &at_us);
	return at_us > 0;
}

static enum io_http_error timed_out(struct io_http_call *c, int status)
{
	const struct io_http_request *r = &c->request;
	struct text why = text_init(c->why, sizeof(c->why));
	uint64_t connect_us = r->connect_timeout_us ? r->connect_timeout_us : r->timeout_us;

	if (!tcp_connected(c))
		return http_error_timeout("no connection", connect_us, &why);
	if (r->tls && !tls_connected(c))
		return http_error_timeout("connected, but no TLS handshake", connect_us, &why);
	return http_error_timeout(
		status ? "the answer began, but did not end" : "no answer", r->timeout_us, &why);
}

/* A server that does not know HTTP/2 without TLS ends it thus, and libcurl tells no more. */
static enum io_http_error ended_by_server(struct io_http_call *c, const char *how)
{
	say(c, how, c->request.version == IO_HTTP_2 ? "does the server speak HTTP/2?" : "");
	return IO_HTTP_REFUSED;
}

static enum io_http_error from_errno(struct io_http_call *c, int error)
{
	struct text why = text_init(c->why, sizeof(c->why));
	enum io_http_error kind;

	if (error == ECONNRESET || error == EPIPE)
		return ended_by_server(c, "connection reset");
	kind = http_error_from_errno(error, &why);
	if (kind == IO_HTTP_FAILED)
		say(c, detail(c), error ? strerror(error) : "");
	return kind;
}

static enum io_http_error socket_failed(struct io_http_call *c)
{
	struct text why = text_init(c->why, sizeof(c->why));

	return http_error_from_socket(c->socket_error, c->request.mark != 0, &why);
}

static enum io_http_error no_http2(struct io_http_call *c)
{
	say(c, "the server does not speak HTTP/2", "");
	return IO_HTTP_PROTOCOL;
}

static enum io_http_error tls_failed(struct io_http_call *c)
{
	const char *why = detail(c);

	say(c, strncmp(why, "SSL", 3) ? "TLS" : why, strncmp(why, "SSL", 3) ? why : "");
	return IO_HTTP_TLS;
}

static enum io_http_error classify(struct io_http_call *c, int status)
{
	long os_error = 0;

	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_error);
	switch (c->result) {
	case CURLE_OK:
		return IO_HTTP_OK;
	case CURLE_OPERATION_TIMEDOUT:
		return timed_out(c, status);
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return c->socket_error ? socket_failed(c) : from_errno(c, (int)os_error);
	case CURLE_GOT_NOTHING:
		return ended_by_server(c, "the connection was closed without an answer");
	case CURLE_PARTIAL_FILE:
		say(c, "the answer broke off", "");
		return IO_HTTP_PROTOCOL;
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* libcurl's word for an answer without a status line */
		say(c, "not HTTP", detail(c));
		return IO_HTTP_PROTOCOL;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return tls_failed(c);
	default:
		say(c, detail(c), "");
		return IO_HTTP_FAILED;
	}
}

void http_describe(struct io_http_call *c, struct io_http_answer *a)
{
	c->why[0] = '\0';
	if (c->not_http2)
		a->error = no_http2(c);
	else if (c->body_cut && c->result == CURLE_WRITE_ERROR)
		a->error = IO_HTTP_OK; /* we ended it */
	else
		a->error = classify(c, a->status);
	a->why = c->why;
}

/*
 * One request as libcurl's options.
 *
 * Nothing of the environment counts: no proxy, no .netrc, no redirects, no signals. The URL holds the address itself wherever that
 * will do, with the host in a header of its own; only TLS wants the host's name in the URL, for SNI and for the certificate,
 * and then the connection is sent to the address by CURLOPT_CONNECT_TO. Either way no name is ever resolved.
 *
 * The sockets are ours: close-on-exec, from the wanted source, with the wanted mark. One that is not to be used again asks the server
 * to close ("Connection: close") and aborts at our close. So neither side is left with a connection in TIME_WAIT: with
 * thousands of checks a second, and all of them to one address when they go through a tunnel, our ports would run out.
 */
#include "io/http_curl.h"

#include "base/mem.h"
#include "io/socket.h"
#include "io/tcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	URL_MAX = 512,
	RECEIVE_SIZE =
		4096, /* libcurl makes a buffer of this size for each connection; answers to checks are short */
	RECEIVE_MUCH = 16384, /* where more than BODY_MUCH may come: a record of TLS */
	BODY_MUCH = 65536,
	BODY_SIZE_MIN = 1024, /* of our copy; doubled as needed */
	AUTHORITIES_KEPT_S = 60,
};

#define GRPC_STATUS "grpc-status:"

/* --- what libcurl calls --- */

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct io_http_call *c = user;
	int fd = socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);

	(void)purpose;
	c->socket_error = fd < 0 ? errno : -io_socket_from(fd, &c->request.source, c->request.mark);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	if (c->socket_error) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	if (!c->request.reuse)
		io_tcp_abort_on_close(fd);
	return fd;
}

static void append(struct io_http_call *c, const char *data, size_t len)
{
	if (c->body_len + len + 1 > c->body_size) {
		c->body_size = c->body_size ? 2 * c->body_size : BODY_SIZE_MIN;
		if (c->body_size < c->body_len + len + 1)
			c->body_size = c->body_len + len + 1;
		c->body = mem_realloc(c->body, c->body_size);
	}
	memcpy(c->body + c->body_len, data, len);
	c->body_len += len;
	c->body[c->body_len] = '\0';
}

/* What does not fit into the window comes again when it has been emptied. */
static size_t take_piece(struct io_http_call *c, const char *data, size_t len)
{
	if (c->body_len && c->body_len + len > c->request.keep) {
		c->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	append(c, data, len);
	http_call_waits(c);
	return len;
}

static size_t take_body(char *data, size_t size, size_t count, void *user)
{
	struct io_http_call *c = user;
	size_t len = size * count, left, take;

	if (c->request.piece)
		return take_piece(c, data, len);
	left = c->request.keep - c->body_len;
	take = len < left ? len : left;
	append(c, data, take);
	c->body_cut = take < len;
	return take; /* less than there was: libcurl ends the transfer */
}

static bool begins_with(const char *line, size_t len, const char *start)
{
	return len > strlen(start) && strncasecmp(line, start, strlen(start)) == 0;
}

static void take_grpc_status(struct io_http_call *c, const char *value, size_t len)
{
	char number[8] = "", *end;
	long status;

	snprintf(number, sizeof(number), "%.*s", (int)len, value);
	status = strtol(number, &end, 10);
	if (end != number && status >= 0)
		c->grpc_status = (int)status;
}

/* The blank line of "100 Continue" and its like ends nothing. */
static bool head_is_final(const struct io_http_call *c)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200;
}

/* Status lines, headers and trailers alike. */
static size_t take_header(char *line, size_t size, size_t count, void *user)
{
	struct io_http_call *c = user;
	size_t len = size * count;

	if (c->request.version == IO_HTTP_2 && begins_with(line, len, "HTTP/1.")) {
		c->not_http2 = true;
		return 0; /* libcurl ends the transfer */
	}
	if (c->request.piece && len <= 2 && head_is_final(c))
		http_call_waits(c);
	if (begins_with(line, len, GRPC_STATUS))
		take_grpc_status(c, line + strlen(GRPC_STATUS), len - strlen(GRPC_STATUS));
	return len;
}

/* --- the options --- */

static bool may_reuse(const struct io_http_request *r)
{
	/* libcurl does not know that a connection from another source or with another mark is another one. */
	return r->reuse && !r->mark && r->source.family == IP_NONE;
}

static void add_header(struct io_http_call *c, const char *line)
{
	struct curl_slist *more = curl_slist_append(c->headers, line);

	c->headers = more ? more : c->headers;
}

static void set_headers(struct io_http_call *c)
{
	const struct io_http_request *r = &c->request;

	if (r->host && !r->tls) {
		char *line = mem_printf("Host: %s", r->host);

		add_header(c, line);
		free(line);
	}
	if (r->version == IO_HTTP_1_1 && !may_reuse(r))
		add_header(c, "Connection: close");
	if (r->body) {
		add_header(c, "Expect:"); /* not before the body, and nothing that we did not say about it */
		add_header(c, "Content-Type:");
	}
	for (const char *const *line = r->headers; line && *line; line++)
		add_header(c, *line);
	if (c->headers)
		curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
}

/* The address as it stands in a URL. */
static const char *bracketed(const struct ip_addr *a, char *buf, size_t size)
{
	char text[PREFIX_TEXT_MAX];

	snprintf(buf, size, a->family == IP_V6 ? "[%s]" : "%s", ip_addr_format(a, text));
	return buf;
}

static CURLcode set_url(struct io_http_call *c)
{
	const struct io_http_request *r = &c->request;
	char url[URL_MAX], address[PREFIX_TEXT_MAX + 2], connect_to[PREFIX_TEXT_MAX + 16];
	bool by_name = r->tls && r->host;
	const char *host = by_name ? r->host : bracketed(&r->address, address, sizeof(address));

	if (snprintf(url, sizeof(url), "http%s://%s:%u/", r->tls ? "s" : "", host, r->port) >=
		(int)sizeof(url))
		return CURLE_URL_MALFORMAT;
	if (by_name) {
		snprintf(connect_to, sizeof(connect_to), "::%s:%u",
			bracketed(&r->address, address, sizeof(address)), r->port);
		c->connect_to = curl_slist_append(NULL, connect_to);
		curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, c->connect_to);
	}
	/* The URL's own path would be tidied up. */
	curl_easy_setopt(c->easy, CURLOPT_REQUEST_TARGET, r->path);
	return curl_easy_setopt(c->easy, CURLOPT_URL, url);
}

static void set_method(struct io_http_call *c)
{
	const struct io_http_request *r = &c->request;

	if (r->body) {
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, r->body);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
	}
	if (strcmp(r->method, "HEAD") == 0)
		curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
	else if (strcmp(r->method, r->body ? "POST" : "GET") != 0)
		curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, r->method);
}

/*
 * To read the system's some 140 authorities takes 20 ms of CPU, for each connection. libcurl keeps what it has read, but only where
 * they come from a file and not from a directory, too. A file that changed is seen when what was kept is this old.
 */
static void keep_authorities(struct io_http_call *c)
{
#if LIBCURL_VERSION_NUM >= 0x075700
	if (c->request.ca_fresh)
		curl_easy_setopt(c->easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	else if (c->request.ca_file || curl_version_info(CURLVERSION_NOW)->cainfo) {
		curl_easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(c->easy, CURLOPT_CA_CACHE_TIMEOUT, (long)AUTHORITIES_KEPT_S);
	}
#else
	(void)c;
#endif
}

static CURLcode set_tls(struct io_http_call *c)
{
	const struct io_http_request *r = &c->request;

	curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, r->verify ? 1L : 0L);
	curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, r->verify ? 2L : 0L);
	/* A resumed session would not show the certificate of today. */
	curl_easy_setopt(c->easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (!r->verify)
		return CURLE_OK;
	keep_authorities(c);
	if (!r->ca_file)
		return CURLE_OK;
	/* Those of the system would do beside it. */
	curl_easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
	return curl_easy_setopt(c->easy, CURLOPT_CAINFO, r->ca_file);
}

static CURLcode set_version(struct io_http_call *c)
{
	long version = CURL_HTTP_VERSION_1_1;

	if (c->request.version == IO_HTTP_2) {
		version = c->request.tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
		/* Else libcurl is content with the body and does not wait for the trailers. */
		curl_easy_setopt(c->easy, CURLOPT_IGNORE_CONTENT_LENGTH, 1L);
	}
	return curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, version);
}

static void set_callbacks(struct io_http_call *c)
{
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
}

static long milliseconds(uint64_t us)
{
	uint64_t ms = (us + 999) / 1000;

	return ms ? (long)ms : 1L;
}

static void set_behaviour(struct io_http_call *c)
{
	const struct io_http_request *r = &c->request;

	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(
		c->easy, CURLOPT_BUFFERSIZE, (long)(r->keep < BODY_MUCH ? RECEIVE_SIZE : RECEIVE_MUCH));
	/* Addresses need no cache, and libcurl searches through all of it at each request. */
	curl_easy_setopt(c->easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, milliseconds(r->timeout_us));
	curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS,
		milliseconds(r->connect_timeout_us ? r->connect_timeout_us : r->timeout_us));
	if (!may_reuse(r)) {
		curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 1L);
	}
}

CURLcode http_setup(struct io_http_call *c)
{
	CURLcode error = set_url(c);

	set_callbacks(c);
	set_behaviour(c);
	set_method(c);
	set_headers(c);
	if (!error)
		error = set_version(c);
	if (!error && c->request.tls)
		error = set_tls(c);
	return error;
}

void http_setup_fini(struct io_http_call *c)
{
	curl_slist_free_all(c->headers);
	curl_slist_free_all(c->connect_to);
	c->headers = c->connect_to = NULL;
}

/*
 * An HTTP client on the event loop.
 *
 * A request is described once and owned by the caller until it ends; its answer comes in one call. The body is kept up to a
 * limit, and what goes beyond is not waited for: the request ends there. Or it is told in pieces as it comes, for answers that
 * do not end; whoever takes them slowly slows the server, and no more than a window is held. Connections may be kept and used
 * again, or made new for each request, as a health check wants it. Nothing here blocks: names are never resolved, since an
 * address is given. The program must ignore SIGPIPE.
 *
 * There are two engines, each a library of its own, and a program is linked with one of them: libhttpcurl.a, over libcurl
 * and its only user, and libhttpplain.a, which needs no library and speaks HTTP/1.1 without TLS: for lb-announcer, which is
 * linked statically, as libcurl cannot be, and for a build without libcurl.
 */
#pragma once

#include "base/prefix.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io_http;	     /* shared by all requests of a loop */
struct io_http_call; /* one request on its way */

enum io_http_version { IO_HTTP_1_1, IO_HTTP_2 /* with prior knowledge where there is no TLS */ };

struct io_http_request {
	bool tls;
	enum io_http_version version;
	struct ip_addr address; /* connected to, whatever the host says */
	uint16_t port;
	/* Host header, and with TLS the name for SNI and the certificate; NULL: the address. A header "Host: ..." in headers goes
	 * before it, so that the two may differ. */
	const char *host;
	const char *method;	    /* "GET", "HEAD", "POST", ... */
	const char *path;	    /* begins with '/' */
	const char *const *headers; /* "Name: value", ends with NULL; or NULL */
	const void *body;	    /* or NULL */
	size_t body_len;
	bool verify;	     /* the server's certificate against ca_file (NULL: the system's) and host */
	const char *ca_file; /* or NULL */
	bool ca_fresh;	     /* ca_file is read for each connection; else what it said a minute ago will do */
	uint64_t timeout_us; /* of the whole */
	uint64_t connect_timeout_us; /* until it is connected, TLS too; 0: no other than timeout_us */
	size_t keep;		     /* octets of the answer's body to keep; with piece: to hold at a time */
	/* The body is not kept but told, piece by piece, in turns of the loop after those in which it comes. Called first when
	 * the head has come, and then perhaps with a len of 0. It may cancel the call. NULL: the body is kept. Needs
	 * io_http_can_stream(). */
	void (*piece)(void *user, int status, const char *data, size_t len);
	bool reuse; /* a connection left over from before will do, and ours may be left; not with source or mark */
	struct ip_addr source; /* IP_NONE: the kernel's choice */
	uint32_t mark;	       /* SO_MARK; 0: none */
};

enum io_http_error {
	IO_HTTP_OK,	 /* an answer came, whatever its status */
	IO_HTTP_REFUSED, /* connection refused or reset before an answer */
	IO_HTTP_TIMEOUT,
	IO_HTTP_UNREACHABLE, /* no route, host or network unreachable */
	IO_HTTP_TLS,	     /* certificate or handshake */
	IO_HTTP_PROTOCOL,    /* not HTTP */
	IO_HTTP_FAILED,	     /* anything else */
};

struct io_http_answer {
	enum io_http_error error;
	const char *why;  /* in words, "" when OK; with what the library says */
	int status;	  /* 200, ...; 0: none came */
	const char *body; /* NUL-terminated */
	size_t body_len;
	bool body_cut;
	int grpc_status; /* of the trailer or header grpc-status; -1: none */
	uint64_t
		retry_after_s; /* of the header Retry-After (RFC 9110, 10.2.3), a date too; 0: none, or not read */
	uint64_t duration_us;
};

/* NULL with a reason logged. */
struct io_http *io_http_new(struct io_loop *loop);
/* Cancels what is under way. May be called from a done function. */
void io_http_free(struct io_http *h);
/* Whether the engine speaks TLS and HTTP/2, and tells bodies in pieces. A request for what it cannot do fails. */
bool io_http_can_tls(void);
bool io_http_can_http2(void);
bool io_http_can_stream(void);

/* Begins; done is called exactly once, in a later turn of the loop, unless io_http_cancel() comes first. What request points to
 * must live until then. In done the call is gone already. done may begin and cancel other requests. */
struct io_http_call *io_http_start(struct io_http *h, const struct io_http_request *request,
	void (*done)(void *user, const struct io_http_answer *answer), void *user);
/* NULL is ignored. */
void io_http_cancel(struct io_http_call *c);

/* What http_curl.c (the multi interface on the loop), http_curl_setup.c (a request as libcurl's options) and http_curl_error.c
 * (how it ended, in words) share. Included by nobody else. */
#pragma once

#include "base/list.h"
#include "io/http.h"

#include <curl/curl.h>

enum { HTTP_WHY_MAX = CURL_ERROR_SIZE + 128 };

struct io_http_call {
	struct list link; /* running or ended */
	struct io_http *http;
	CURL *easy;
	struct io_http_request request; /* what it points to is the caller's */
	struct curl_slist *headers, *connect_to;
	void (*done)(void *user, const struct io_http_answer *answer);
	void *user;
	uint64_t started_us;
	CURLcode result;
	int socket_error; /* errno of a socket that could not be made as wanted; 0: none */
	char *body;
	size_t body_len, body_size;
	bool body_cut;
	struct list pieces; /* of the client's list, while something waits to be told; with request.piece */
	bool paused;	    /* the window is full, and libcurl waits */
	bool not_http2;	    /* HTTP/2 was asked for, and HTTP/1.1 began to come */
	int grpc_status;
	char error[CURL_ERROR_SIZE]; /* libcurl writes here */
	char why[HTTP_WHY_MAX];
};

/* Something of c waits to be told (http_curl.c). */
void http_call_waits(struct io_http_call *c);

/* All options of c->easy, which is fresh or was reset. CURLE_OK, or what libcurl has against it. */
CURLcode http_setup(struct io_http_call *c);
/* Frees what http_setup() made. */
void http_setup_fini(struct io_http_call *c);

/* From c->result; a->why points into c. */
void http_describe(struct io_http_call *c, struct io_http_answer *a);

/*
 * An answer of HTTP/1.1 (RFC 9112) as it comes in, in pieces of any size: pure.
 *
 * Of the head it keeps the status and what tells where the body ends; the body is kept up to a limit. It never waits for
 * more than that: where the limit is reached the answer is over. What is not HTTP is told at its first octet that
 * cannot be, so that a server of another kind does not have to end the connection first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_reply_verdict {
	HTTP_REPLY_MORE,   /* it goes on */
	HTTP_REPLY_DONE,   /* it is whole, or cut at the limit */
	HTTP_REPLY_BROKEN, /* it ended in its middle */
	HTTP_REPLY_WRONG,  /* it is not HTTP; why says what is wrong */
};

enum { HTTP_REPLY_LINE_MAX = 512, HTTP_REPLY_WHY_MAX = 128 };

struct http_reply {
	int status;	 /* 0: not known yet */
	int grpc_status; /* of a header or trailer; -1: none */
	char *body;	 /* NUL-terminated, or NULL while there is none; http_reply_fini() frees it */
	size_t body_len;
	bool body_cut;
	char why[HTTP_REPLY_WHY_MAX];
	/* The rest is its own. */
	unsigned state;
	size_t keep, body_size;
	bool head_only; /* the answer to HEAD has no body */
	bool chunked, has_length;
	uint64_t left; /* octets of the body, or of the chunk, to come */
	size_t head_len;
	char line[HTTP_REPLY_LINE_MAX]; /* the one that is coming in: as much of it as matters */
	size_t line_len;
};

/* keep: octets of the body; head_only: the request was HEAD. */
void http_reply_init(struct http_reply *r, size_t keep, bool head_only);
void http_reply_fini(struct http_reply *r);
/* Not after a verdict other than MORE. */
enum http_reply_verdict http_reply_feed(struct http_reply *r, const char *data, size_t len);
/* The other side will send no more. BROKEN with a status of 0: it said nothing, or not even a whole line. */
enum http_reply_verdict http_reply_end(struct http_reply *r);

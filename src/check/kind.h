/* What check.c gives the kinds of checks, and they give it. Included by this folder's files only. */
#pragma once

#include "check/check.h"

struct check_kind {
	/* Begins a run: sets c->run and comes to check_finish() in a later turn, or calls check_finish_later() at once. */
	void (*start)(struct check *c);
	/* Frees c->run with all that it holds. */
	void (*stop)(struct check *c);
};

extern const struct check_kind check_kind_tcp, check_kind_http, check_kind_grpc, check_kind_udp,
	check_kind_command;

struct check {
	const struct check_env *env;
	const struct config_check *cfg;
	struct check_target target;
	const struct check_kind *kind;
	check_done_fn *done;
	void *user;
	void *run; /* the kind's own; NULL: no run is under way, or it has only to be told */
	uint64_t started_us;
	struct check_later *later; /* a result that came at once and must wait for a turn */
};

/* Ends the run, c->run is gone; from a callback of the loop. The check may be gone when this returns. */
void check_finish(struct check *c, enum check_outcome outcome, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for a run that ended before it began. */
void check_finish_later(struct check *c, enum check_outcome outcome, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

uint64_t check_timeout_us(const struct check *c);
/* "2 s", into buf of at least 32 octets. */
const char *check_timeout_text(const struct check *c, char *buf);

/* What an errno of a socket says of the one we talk to; words may be NULL. */
enum check_outcome check_from_errno(int error, const char **words);
/* Does data contain part? An empty part is in everything. */
bool check_contains(const void *data, size_t len, const void *part, size_t part_len);
/* A request's fields that all who ask by HTTP have in common; the rest is zero. */
struct io_http_request check_http_request(const struct check *c);
/* The outcome of a request without an answer. */
enum check_outcome check_from_http(enum io_http_error error);

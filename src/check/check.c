#include "check/check.h"

#include "check/kind.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of an answer's body, read by HTTP: all of any health page, so that no connection is cut in the middle of one. */
enum { KEEP = 65536 };

struct check_later {
	struct check *check;
	struct io_job *job;
	struct check_result result;
};

static const struct check_kind *kind_of(unsigned type)
{
	switch (type) {
	case CONFIG_CHECK_HTTP:
	case CONFIG_CHECK_HTTPS:
		return &check_kind_http;
	case CONFIG_CHECK_GRPC:
		return &check_kind_grpc;
	case CONFIG_CHECK_UDP:
		return &check_kind_udp;
	case CONFIG_CHECK_COMMAND:
		return &check_kind_command;
	default:
		return &check_kind_tcp;
	}
}

struct check *check_new(const struct check_env *env, const struct config_check *cfg,
	const struct check_target *target, check_done_fn *done, void *user)
{
	struct check *c = mem_calloc(1, sizeof(*c));

	*c = (struct check){ .env = env,
		.cfg = cfg,
		.target = *target,
		.kind = kind_of(cfg->type),
		.done = done,
		.user = user };
	return c;
}

static void later_free(struct check_later *l)
{
	if (!l)
		return;
	io_job_free(l->job);
	free(l);
}

void check_free(struct check *c)
{
	if (!c)
		return;
	if (c->run)
		c->kind->stop(c);
	later_free(c->later);
	free(c);
}

void check_start(struct check *c)
{
	assert(!check_running(c));
	c->started_us = io_loop_now_us(c->env->loop);
	c->kind->start(c);
	assert(check_running(c));
}

bool check_running(const struct check *c)
{
	return c->run || c->later;
}

/* --- for the kinds --- */

/* What a server sends may end in a reason: on a screen it must be one line. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = ' ';
}

static void result_set(const struct check *c, struct check_result *r, enum check_outcome outcome,
	const char *fmt, va_list ap)
{
	r->outcome = outcome;
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	make_printable(r->why);
	r->duration_us = io_loop_now_us(c->env->loop) - c->started_us;
}

void check_finish(struct check *c, enum check_outcome outcome, const char *fmt, ...)
{
	struct check_result r;
	va_list ap;

	va_start(ap, fmt);
	result_set(c, &r, outcome, fmt, ap);
	va_end(ap);
	c->kind->stop(c);
	assert(!c->run);
	c->done(c->user, &r);
}

static void tell_later(void *user)
{
	struct check_later *l = user;
	struct check *c = l->check;
	struct check_result r = l->result;

	c->later = NULL;
	later_free(l);
	c->done(c->user, &r);
}

void check_finish_later(struct check *c, enum check_outcome outcome, const char *fmt, ...)
{
	va_list ap;

	c->later = mem_calloc(1, sizeof(*c->later));
	c->later->check = c;
	va_start(ap, fmt);
	result_set(c, &c->later->result, outcome, fmt, ap);
	va_end(ap);
	c->later->job = io_job_new(c->env->loop, tell_later, c->later);
	io_job_post(c->later->job);
}

uint64_t check_timeout_us(const struct check *c)
{
	return c->cfg->timeout_ms * UINT64_C(1000);
}

const char *check_timeout_text(const struct check *c, char *buf)
{
	snprintf(buf, 32, "%g s", c->cfg->timeout_ms / 1000.0);
	return buf;
}

enum check_outcome check_from_errno(int error, const char **words)
{
	*words = strerror(error);
	switch (error) {
	case ECONNREFUSED:
		*words = "connection refused";
		return CHECK_REFUSED;
	case ECONNRESET:
	case EPIPE:
		*words = "connection reset";
		return CHECK_REFUSED;
	case ETIMEDOUT:
		return CHECK_TIMEOUT;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ENONET:
		return CHECK_UNREACHABLE;
	case ENOPROTOOPT:
	case EPROTO:
		*words = "protocol unreachable: is there a tunnel interface?";
		return CHECK_UNREACHABLE;
	case EPERM:
		*words = "not permitted: a firewall of this host, or a mark without CAP_NET_ADMIN";
		return CHECK_BROKEN;
	case EADDRNOTAVAIL:
		*words = "the source address is not of this host, or its ports are used up";
		return CHECK_BROKEN;
	default:
		return CHECK_BROKEN;
	}
}

bool check_contains(const void *data, size_t len, const void *part, size_t part_len)
{
	return !part_len || memmem(data, len, part, part_len);
}

struct io_http_request check_http_request(const struct check *c)
{
	return (struct io_http_request){ .address = c->target.addr,
		.port = c->target.port,
		.verify = c->cfg->verify,
		.ca_file = c->cfg->ca_file,
		.timeout_us = check_timeout_us(c),
		.keep = KEEP,
		.source = c->target.source,
		.mark = c->target.mark };
}

enum check_outcome check_from_http(enum io_http_error error)
{
	switch (error) {
	case IO_HTTP_REFUSED:
		return CHECK_REFUSED;
	case IO_HTTP_TIMEOUT:
		return CHECK_TIMEOUT;
	case IO_HTTP_UNREACHABLE:
		return CHECK_UNREACHABLE;
	case IO_HTTP_TLS:
	case IO_HTTP_PROTOCOL:
		return CHECK_WRONG;
	default:
		return CHECK_BROKEN;
	}
}

const char *check_outcome_text(enum check_outcome o)
{
	switch (o) {
	case CHECK_PASSED:
		return "passed";
	case CHECK_REFUSED:
		return "refused";
	case CHECK_TIMEOUT:
		return "timeout";
	case CHECK_UNREACHABLE:
		return "unreachable";
	case CHECK_WRONG:
		return "wrong";
	case CHECK_BROKEN:
		return "broken";
	}
	return "";
}

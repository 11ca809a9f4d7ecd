/* gRPC: grpc.health.v1.Health/Check, over HTTP/2 with or without TLS. */
#include "check/kind.h"
#include "check/grpc_health.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_OK = 200 };

/* Of the protocol gRPC itself. */
enum { GRPC_OK = 0, GRPC_DEADLINE_EXCEEDED = 4, GRPC_NOT_FOUND = 5, GRPC_UNIMPLEMENTED = 12 };

static const char *const grpc_status_name[] = { "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
	"DATA_LOSS", "UNAUTHENTICATED" };
enum { GRPC_STATUS_NAMES = sizeof(grpc_status_name) / sizeof(grpc_status_name[0]) };

struct grpc_run {
	struct io_http_call *call;
	uint8_t request[GRPC_HEALTH_REQUEST_MAX];
	char timeout_line[48];
	char *host_line; /* "Host: ...", or NULL */
	const char *headers[6];
};

static void stop(struct check *c)
{
	struct grpc_run *run = c->run;

	c->run = NULL;
	io_http_cancel(run->call);
	free(run->host_line);
	free(run);
}

static const char *serving_text(int64_t status)
{
	switch (status) {
	case GRPC_HEALTH_UNKNOWN:
		return "UNKNOWN";
	case GRPC_HEALTH_NOT_SERVING:
		return "NOT_SERVING";
	case GRPC_HEALTH_SERVICE_UNKNOWN:
		return "SERVICE_UNKNOWN";
	default:
		return "a status that is not defined";
	}
}

static void answered_by_grpc(struct check *c, int status)
{
	const char *name = c->cfg->grpc_service ? c->cfg->grpc_service : "";
	char limit[32];

	/* It knows our time-out, and may be quicker to say that it is over. */
	if (status == GRPC_DEADLINE_EXCEEDED)
		check_finish(c, CHECK_TIMEOUT, "no answer within %s", check_timeout_text(c, limit));
	else if (status == GRPC_UNIMPLEMENTED)
		check_finish(c, CHECK_WRONG, "the server has no grpc.health.v1.Health (gRPC status 12)");
	else if (status == GRPC_NOT_FOUND)
		check_finish(
			c, CHECK_WRONG, "the server does not know the service \"%s\" (gRPC status 5)", name);
	else
		check_finish(c, CHECK_WRONG, "gRPC status %d (%s)", status,
			status < GRPC_STATUS_NAMES ? grpc_status_name[status] : "not defined");
}

static void answered(void *user, const struct io_http_answer *a)
{
	struct check *c = user;
	int64_t status;

	((struct grpc_run *)c->run)->call = NULL;
	if (a->error) {
		check_finish(c, check_from_http(a->error), "%s", a->why);
	} else if (a->status != STATUS_OK) {
		check_finish(c, CHECK_WRONG, "not gRPC: HTTP status %d", a->status);
	} else if (a->grpc_status < 0) {
		check_finish(c, CHECK_WRONG, "not gRPC: an answer without grpc-status");
	} else if (a->grpc_status != GRPC_OK) {
		answered_by_grpc(c, a->grpc_status);
	} else {
		status = grpc_health_decode(a->body, a->body_len);
		if (status == GRPC_HEALTH_SERVING)
			check_finish(c, CHECK_PASSED, "%s", "");
		else if (status < 0)
			check_finish(c, CHECK_WRONG,
				"the answer of %zu octets is not one of gRPC's health check", a->body_len);
		else
			check_finish(c, CHECK_WRONG, "%s, wanted SERVING", serving_text(status));
	}
}

static void set_headers(struct check *c, struct grpc_run *run, const char *host)
{
	size_t n = 0;

	snprintf(run->timeout_line, sizeof(run->timeout_line), "grpc-timeout: %um", c->cfg->timeout_ms);
	run->headers[n++] = "Content-Type: application/grpc";
	run->headers[n++] = "TE: trailers";
	run->headers[n++] = c->env->user_agent;
	run->headers[n++] = run->timeout_line;
	if (c->cfg->host && host != c->cfg->host)
		run->headers[n++] = run->host_line = mem_printf("Host: %s", c->cfg->host);
}

static void start(struct check *c)
{
	const struct config_check *cfg = c->cfg;
	struct io_http_request r = check_http_request(c);
	struct grpc_run *run;

	if (!c->env->http) {
		check_finish_later(c, CHECK_BROKEN, "there is no HTTP client; the log says why");
		return;
	}
	c->run = run = mem_calloc(1, sizeof(*run));
	r.tls = cfg->tls;
	r.version = IO_HTTP_2;
	r.method = "POST";
	r.path = "/grpc.health.v1.Health/Check";
	r.host = r.tls && cfg->server_name ? cfg->server_name : cfg->host;
	set_headers(c, run, r.host);
	r.headers = run->headers;
	r.body = run->request;
	r.body_len = grpc_health_encode(cfg->grpc_service ? cfg->grpc_service : "", run->request);
	if (!r.body_len) {
		stop(c);
		check_finish_later(c, CHECK_BROKEN, "the service's name is too long");
		return;
	}
	run->call = io_http_start(c->env->http, &r, answered, c);
}

const struct check_kind check_kind_grpc = { start, stop };

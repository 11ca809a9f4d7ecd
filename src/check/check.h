/*
 * One health check of one server: carried out once when it is told to, its result told in one call.
 *
 * Does not know when to run, nor what a result means (health.h does both). Holds no descriptor between two runs. Each kind
 * of check is a struct check_kind in a file of its own (tcp.c, http.c, grpc.c, udp.c, command.c).
 */
#pragma once

#include "config/check.h"
#include "io/child.h"
#include "io/http.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stdint.h>

enum { CHECK_WHY_MAX = 160 };

struct check_env {
	struct io_loop *loop;
	struct io_http *http;	/* NULL: the build has none; no check needs it then */
	const char *user_agent; /* a header line: "User-Agent: lb-ipvs-agent" */
};

/* Where to. Through the tunnel the address is the service's, and the mark makes IPVS send it to this server. */
struct check_target {
	struct ip_addr addr;
	uint16_t port;
	struct ip_addr source; /* IP_NONE: the kernel's choice */
	uint32_t mark;	       /* 0: none */
	/* For a command's environment. */
	struct ip_addr server;
	uint16_t server_port;
	const char *service, *server_name;
};

enum check_outcome {
	CHECK_PASSED,
	CHECK_REFUSED,	   /* somebody is there and says no */
	CHECK_TIMEOUT,	   /* silence */
	CHECK_UNREACHABLE, /* the network says no */
	CHECK_WRONG,	   /* an answer, and not the one wanted */
	CHECK_BROKEN,	   /* the check itself could not be carried out */
};

struct check_result {
	enum check_outcome outcome;
	char why[CHECK_WHY_MAX]; /* in words: "connection refused", "status 503, wanted 200-299" */
	uint64_t duration_us;
};

struct check;

typedef void check_done_fn(void *user, const struct check_result *r);

/* cfg, target's texts and env must outlive it; target is copied. */
struct check *check_new(const struct check_env *env, const struct config_check *cfg,
	const struct check_target *target, check_done_fn *done, void *user);
/* A run under way is given up without a word. */
void check_free(struct check *c);
/* One run; done is called in a later turn, exactly once, at the latest when cfg's time-out is over. Not while one is under
 * way. */
void check_start(struct check *c);
bool check_running(const struct check *c);
const char *check_outcome_text(enum check_outcome o); /* "passed", "refused", ... */

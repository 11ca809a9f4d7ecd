/*
 * What lb-ipvs-agent says of its virtual services, kept up to date, and what it is told of the announcer.
 *
 * Two standing connections to its control socket: over one comes the answer to `health`, which never ends; over the other goes
 * `announcer STATE`, whose end is the announcer's end to the agent. It only keeps what was said: what follows from it is
 * gate.h's to decide. A connection that is silent for longer than two beats is closed. Over a new one nothing of what
 * was said before counts, until the agent has said all it knows.
 */
#pragma once

#include "base/prefix.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent_link;

enum { AGENT_WHY_MAX = 256 };

/* A virtual service of the agent. */
struct agent_service {
	const char *name, *key;
	struct ip_addr address; /* IP_NONE: known by a mark */
	bool known, configured;
	uint32_t servers, healthy;
	uint64_t active;
};

struct agent_status {
	bool heard;		 /* it is there and has said all it knows */
	char why[AGENT_WHY_MAX]; /* why not */
	uint64_t since_ms;	 /* of heard, or of not */
	bool leaving;
	uint64_t leaving_until_ms; /* when its rules go, whoever still announces */
	unsigned report;	   /* number of its newest report */
	uint64_t losses;	   /* times it was heard and then was not */
};

/* changed: something was said, or the connection was lost. */
struct agent_link *agent_link_new(
	struct io_loop *loop, const char *path, void (*changed)(void *user), void *user);
void agent_link_free(struct agent_link *l);
const struct agent_status *agent_link_status(const struct agent_link *l);
/* The i-th service, in no order; NULL behind the last. Valid until changed() or the end of the turn. */
const struct agent_service *agent_link_service(const struct agent_link *l, size_t i);
/* Tells the agent what the announcer does, if it was not told so already; now and over each later connection. state: a
 * constant. */
void agent_link_say(struct agent_link *l, const char *state);
/* What it was told over this connection; NULL: nothing. */
const char *agent_link_told(const struct agent_link *l);

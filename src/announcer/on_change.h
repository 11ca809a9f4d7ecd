/*
 * A service's command, run when the service becomes active or inactive: hook.h decides, this carries out.
 *
 * Each run is bounded in time and its output goes to the log, as much of it as is reasonable. The command learns by its environment
 * what to tell: RRD_SERVICE, RRD_STATE, RRD_REASON, RRD_NEXT_HOP, RRD_POD_ADDRESS, RRD_NODE_ADDRESS.
 */
#pragma once

#include "announcer/hook.h"
#include "base/prefix.h"
#include "config/announcer.h"
#include "io/loop.h"

struct on_change;

/* The addresses may be NULL. */
struct on_change_of {
	const struct config_service
		*service; /* it, with a command, must outlive it or on_change_configure() */
	const struct ip_addr *next_hop, *pod, *node;
};

/* ended is called after each run. */
struct on_change *on_change_new(
	struct io_loop *loop, const struct on_change_of *of, void (*ended)(void *user), void *user);
/* Other settings of the same service. With another command, or something else to tell it, the state is told anew. */
void on_change_configure(struct on_change *o, const struct on_change_of *of);
/* A run under way is killed. NULL is ignored. */
void on_change_free(struct on_change *o);

/* reason: a word for RRD_REASON that outlives it. Nothing comes of the state it has. */
void on_change_set(struct on_change *o, bool active, const char *reason);
/* What failed is tried again at once. */
void on_change_hurry(struct on_change *o);
/* The newest reason. NULL: on_change_set() was never called. */
const char *on_change_reason(const struct on_change *o);
const struct hook *on_change_hook(const struct on_change *o);
/* Since when hook_settled(). */
uint64_t on_change_settled_ms(const struct on_change *o);
/* How the last run failed; "" when it did not. */
const char *on_change_why(const struct on_change *o);

/* The policies of a configuration, each once: peers with equal policies can share an update group. */
#pragma once

#include "config/peer.h"
#include "route/engine.h"
#include "route/policy.h"

struct policies;

struct policies *policies_new(void);
void policies_free(struct policies *p);
/* Frees those that nobody uses any more. */
void policies_sweep(struct policies *p, const struct route_engine *e);
/* NULL when the configuration lets everything pass. Lives until it is used no more and the next sweep. */
const struct route_policy *policies_get(struct policies *p, const struct config_policy *c);

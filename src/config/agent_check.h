/* The parts of the check of lb-ipvs-agent.conf for what no key alone can tell. */
#pragma once

#include "config/agent.h"

struct agent_check {
	const struct config_agent *c;
	const struct config_node *root, *defaults; /* defaults: NULL where there are none */
	struct config_errors *errs;
	struct config_virtual *v; /* the service under check */
};

/* Where to put an error about two keys of the service that contradict each other: the first of them that was given, its
 * own before the defaults'; else the service. second may be NULL. */
const struct config_node *agent_check_culprit(
	const struct agent_check *k, const char *first, const char *second);
/* " (of the defaults)", " (the default)" or "": where the value of a key comes from, for messages. */
const char *agent_check_origin(const struct agent_check *k, const char *key);

/* agent_check_source.c: where the servers come from; sets the source's kind. */
void agent_check_source(const struct agent_check *k);
/* agent_check_health.c: the health checks of the service. */
void agent_check_health(const struct agent_check *k);
/* agent_check_preserve.c: what contradicts preserve-connections, in the service and in what holds for all. */
void agent_check_preserve(const struct agent_check *k);
void agent_check_preserve_all(const struct agent_check *k);

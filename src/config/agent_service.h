/* The keys of a virtual service, and how those of its own come over the defaults: a part of agent.c. */
#pragma once

#include "config/agent.h"
#include "config/schema.h"

/* For a struct config_virtual: all keys of a service; and those that may stand under defaults, too. */
extern const struct config_schema config_service_schema;
extern const struct config_schema config_defaults_schema;

/* Program's defaults, then those of the file (a node or NULL), then the service's own keys; what depends on other keys is
 * filled in. What is wrong with the keys was said when each was read. */
void config_service_merge(
	const struct config_agent *c, const struct config_node *defaults, struct config_virtual *v);
/* The key where it was given: the service's own, or the defaults'; NULL. */
const struct config_node *config_service_given(
	const struct config_virtual *v, const struct config_node *defaults, const char *path);

/* What a service of lb-announcer.conf depends on beside the agent, and whom it tells beside the reflectors: a part of announcer.c. */
#pragma once

#include "config/check.h"

#include "base/prefix.h"

/* A check that must pass. */
struct config_condition {
	struct config_check check; /* first, for its head */
	struct ip_addr address;	   /* IP_NONE: a command has none */
};

/* A command that is run when the service becomes active or inactive. */
struct config_on_change {
	const char **command; /* ends with NULL; or NULL: none */
	size_t command_count;
	uint16_t timeout_s, retry_s, retry_max_s;
};

struct config_announcer;

extern const struct config_schema config_condition_schema, config_on_change_schema;

/* What follows from other keys. */
void config_condition_fill_in(const struct config_announcer *c);
/* What no key alone can tell. */
void config_condition_check(
	const struct config_announcer *c, const struct config_node *root, struct config_errors *errs);

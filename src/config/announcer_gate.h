/* Keys of lb-announcer.conf that bind the services to lb-ipvs-agent's word: a part of announcer.c. */
#pragma once

#include "config/schema.h"

/* So many of a virtual service's servers. */
struct config_need {
	uint32_t number;
	bool percent; /* of those that it shall have */
};

struct config_agent_link {
	const char *socket; /* NULL: bound to no agent */
	uint16_t grace_s;
};

struct config_announcer;

extern const struct config_scalar config_need; /* struct config_need */
extern const struct config_schema config_agent_link_schema;

/* What no key alone can tell. */
void config_gate_check(
	const struct config_announcer *c, const struct config_node *root, struct config_errors *errs);

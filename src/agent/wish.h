/* From the configuration's words to IPVS's values. Pure. */
#pragma once

#include "config/agent.h"
#include "ipvs/service.h"

void wish_key(const struct config_virtual *v, struct ipvs_key *out);
void wish_service(const struct config_virtual *v, struct ipvs_service *out);
/* A destination of the service; port 0: as the configuration has it. */
void wish_dest(const struct config_virtual *v, const struct ip_addr *addr, uint16_t port, int32_t weight,
	struct ipvs_dest *out);

/*
 * The attributes of the path that a neighbor is told of a service. Pure.
 *
 * Link bandwidth is always among them: it says how much this load balancer can take and, with 0, that
 * it wants no new connections. RFC 4271 5, RFC 8326, draft-ietf-idr-link-bandwidth.
 */
#pragma once

#include "announcer/share.h"
#include "base/arena.h"
#include "bgp/attr.h"
#include "config/announcer.h"

#include <stdbool.h>
#include <stdint.h>

struct path_speaker {
	uint32_t local_as, peer_as;
	bool draining;
	enum config_drain_method method; /* of draining */
	unsigned quarters;		 /* of the capacity */
};

/* Lists are in the arena. */
void path_attrs(const struct config_service *c, const struct path_speaker *to, struct arena *arena,
	struct bgp_attrs *out);
/* What it says the service can take, in octets per second. */
double path_octets_s(const struct config_service *c, const struct path_speaker *to);

/*
 * One neighbor of the daemon: the session on one side, the engine's peer on the other.
 *
 * Static ones live as long as the configuration has them, dynamic ones as long as their session. The engine's peer
 * exists while the session is up.
 */
#pragma once

#include "base/log.h"
#include "route/engine.h"
#include "rrd/rrd.h"

struct neighbor {
	struct rrd *rrd;
	struct session *session; /* of a dynamic one: from its first up() on */
	const struct config_peer *cfg;
	const char *peer_group;		  /* NULL: none */
	const struct prefix *range;	  /* NULL: a static neighbor */
	struct route_peer *peer;	  /* NULL while down */
	uint64_t rejected[ROUTE_REJECTS]; /* in earlier sessions */
	uint64_t oversized;
	bool awaits_end[BGP_FAMILIES]; /* in which End-of-RIB has not come yet (RFC 4724 2) */
	uint64_t told_rejected;	       /* refused routes the log knows of */
	struct log_limit rejected_limit;
};

/* The session's settings for a peer at an address. */
void neighbor_session_config(const struct rrd *r, const struct config_peer *cfg, const char *name,
	const struct ip_addr *remote, struct session_config *out);
extern const struct session_ops neighbor_session_ops;

struct neighbor *neighbor_new(
	struct rrd *r, const struct config_peer *cfg, const char *peer_group, const struct prefix *range);
/* Its session must be gone or about to be freed without callbacks. */
void neighbor_free(struct neighbor *n);

/* Whether End-of-RIB has come in every family of the session. */
bool neighbor_has_told_all(const struct neighbor *n);

uint64_t neighbor_rejected(const struct neighbor *n, enum route_reject why);
/* Of all reasons. */
uint64_t neighbor_rejected_all(const struct neighbor *n);

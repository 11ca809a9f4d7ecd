/*
 * One neighbor of the daemon: the session on one side, the engine's peer on the other.
 *
 * Static ones live as long as the configuration has them, dynamic ones as long as their session. The engine's peer
 * exists while the session is up.
 */
#pragma once

#include "base/log.h"
#include "config/diff.h"
#include "guard/guard.h"
#include "route/engine.h"
#include "rrd/rrd.h"

struct neighbor {
	struct rrd *rrd;
	struct session *session; /* of a dynamic one: from its first up() on */
	const struct config_peer *cfg;
	const char *peer_group;		  /* NULL: none */
	const struct prefix *range;	  /* NULL: a static neighbor */
	struct route_peer *peer;	  /* NULL while down */
	struct guard *guard;		  /* by BFD; NULL: none */
	uint64_t rejected[ROUTE_REJECTS]; /* in earlier sessions */
	uint64_t oversized;
	struct route_rejects *rejects; /* of the last session, while down; or NULL */
	bool awaits_end[BGP_FAMILIES]; /* in which End-of-RIB has not come yet (RFC 4724 2) */
	uint64_t told_rejected;	       /* refused routes the log knows of */
	struct log_limit rejected_limit, refresh_limit;
	bool ask_again; /* for its routes, when what it told has passed the new import policy */
};

/* The session's settings for a peer at an address. */
void neighbor_session_config(const struct rrd *r, const struct config_peer *cfg, const char *name,
	const struct ip_addr *remote, struct session_config *out);
extern const struct session_ops neighbor_session_ops;

struct neighbor *neighbor_new(
	struct rrd *r, const struct config_peer *cfg, const char *peer_group, const struct prefix *range);
/* What changes with other settings, beyond what config_diff() tells; d: from the ones in use to these. */
struct neighbor_change {
	enum config_apply apply;
	bool ask;	 /* its import policy lets more pass: it is asked for its routes (RFC 2918) */
	bool cannot_ask; /* the same, but the peer cannot be asked: the session is reset for it */
	bool over; /* it holds more than the new max-prefixes: the session ends, unless the policy lets less pass */
};
struct neighbor_change neighbor_change(
	const struct neighbor *n, const struct config_diff *d, const struct config_peer *to);
/* Takes other settings over; what change says happens. The configuration in use must be the new one. */
void neighbor_configure(struct neighbor *n, struct session *s, const struct config_peer *to,
	const char *peer_group, const struct prefix *range, const struct neighbor_change *change);
/* The engine's callback after that. */
void neighbor_refiltered(struct neighbor *n);
void neighbor_unserved(struct neighbor *n);
/* For who looks at it closely; the log tells of the last refused route now and then anyway. */
void neighbor_refused(const struct neighbor *n, const struct prefix *p, enum route_reject why);
/* Its session must be gone or about to be freed without callbacks. */
void neighbor_free(struct neighbor *n);

/* Whether End-of-RIB has come in every family of the session. */
bool neighbor_has_told_all(const struct neighbor *n);

uint64_t neighbor_rejected(const struct neighbor *n, enum route_reject why);
/* Of all reasons. */
uint64_t neighbor_rejected_all(const struct neighbor *n);

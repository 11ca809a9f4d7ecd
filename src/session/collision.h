/*
 * Two connections with one neighbor: which one stays. RFC 4271 6.8, RFC 6286 2.3, and the takeover rule. Pure.
 *
 * RFC 4271 knows one reason for two connections, both sides connecting at once, and lets the connection stay that the
 * speaker with the higher identifier began. A pod that was killed and came back is another: its old connection looks
 * alive until the hold time is over, and the new one would be refused for just as long. One speaker hardly ever begins two
 * connections at once, so a newer connection begun by the same speaker means that the older one is dead, and takes its
 * place. Only where both are so young that they may have been begun at once it is as the RFC has it: the existing one stays
 * unless the peer's identifier is higher. Where the older one was begun by us the two may cross in flight; it must have been
 * up for a while first, or both sides could close the connection that the other one keeps. A connection with another
 * identifier is another speaker behind the same address (SNAT) and never harms the first one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { COLLISION_CROSSING_US = 1000000 };

/* A connection whose OPEN has been read. */
struct collision_side {
	uint32_t as, bgp_identifier; /* the peer's */
	bool outgoing;		     /* begun by us */
	bool established;
	uint64_t since_us; /* established: since when. Otherwise when the connection came to be */
};

enum collision_verdict {
	COLLISION_KEEP_OLD,	/* the new connection gets Cease/Connection Collision Resolution */
	COLLISION_KEEP_NEW,	/* the old one does */
	COLLISION_TAKEOVER,	/* the same, and the old one was established: subject to the limit */
	COLLISION_TWO_SPEAKERS, /* the new one does, and it is told to the operator */
};

/* fresh is the one whose OPEN just came, at now_us. */
enum collision_verdict collision_decide(uint32_t local_as, uint32_t local_identifier,
	const struct collision_side *old, const struct collision_side *fresh, uint64_t now_us);

enum { TAKEOVER_BURST = 5, TAKEOVER_WINDOW_US = 30000000, TAKEOVER_GAP_US = 1000000 };

/* At most one takeover in a second and five in 30: two speakers with one identifier would else throw each other out for
 * ever. All zero at first; times are never 0. */
struct takeover_limit {
	uint64_t at_us[TAKEOVER_BURST];
	unsigned next;
};

bool takeover_pass(struct takeover_limit *l, uint64_t now_us);

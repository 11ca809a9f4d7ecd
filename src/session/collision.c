#include "session/collision.h"

/* RFC 4271 6.8 (2), (3); RFC 6286 2.3: identifiers that are equal leave it to the AS numbers. */
static bool local_is_higher(uint32_t local_as, uint32_t local_identifier, const struct collision_side *peer)
{
	if (local_identifier != peer->bgp_identifier)
		return local_identifier > peer->bgp_identifier;
	return local_as > peer->as;
}

enum collision_verdict collision_decide(uint32_t local_as, uint32_t local_identifier,
	const struct collision_side *old, const struct collision_side *fresh, uint64_t now_us)
{
	if (old->bgp_identifier != fresh->bgp_identifier || old->as != fresh->as)
		return COLLISION_TWO_SPEAKERS;
	if (!old->outgoing && !fresh->outgoing && old->established)
		return COLLISION_TAKEOVER;
	if (!old->outgoing && !fresh->outgoing && now_us - old->since_us >= COLLISION_CROSSING_US)
		return COLLISION_KEEP_NEW;
	if (old->established) {
		bool crossed = fresh->outgoing || fresh->since_us < old->since_us ||
			       now_us - old->since_us < COLLISION_CROSSING_US;

		return crossed ? COLLISION_KEEP_OLD : COLLISION_TAKEOVER;
	}
	return local_is_higher(local_as, local_identifier, fresh) == fresh->outgoing ? COLLISION_KEEP_NEW
										     : COLLISION_KEEP_OLD;
}

bool takeover_pass(struct takeover_limit *l, uint64_t now_us)
{
	uint64_t oldest = l->at_us[l->next];
	uint64_t last = l->at_us[(l->next + TAKEOVER_BURST - 1) % TAKEOVER_BURST];

	if (oldest && now_us - oldest < TAKEOVER_WINDOW_US)
		return false;
	if (last && now_us - last < TAKEOVER_GAP_US)
		return false;
	l->at_us[l->next] = now_us;
	l->next = (l->next + 1) % TAKEOVER_BURST;
	return true;
}

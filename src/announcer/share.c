#include "announcer/share.h"

unsigned share_of(uint64_t healthy, uint64_t servers)
{
	uint64_t quarters;

	if (!servers || healthy >= servers)
		return SHARE_WHOLE;
	quarters = (healthy * SHARE_WHOLE + servers - 1) / servers;
	return quarters ? (unsigned)quarters : 1;
}

static bool set(struct share *s, unsigned quarters)
{
	bool changed = s->quarters != quarters;

	s->quarters = quarters;
	s->higher_since_ms = 0;
	return changed;
}

bool share_step(struct share *s, unsigned quarters, uint64_t now_ms)
{
	if (!s->quarters || quarters <= s->quarters)
		return set(s, quarters);
	/* What has held is the least of what was true meanwhile. */
	if (!s->higher_since_ms || quarters < s->higher)
		s->higher = quarters;
	if (!s->higher_since_ms)
		s->higher_since_ms = now_ms;
	if (now_ms < s->higher_since_ms + SHARE_RAISE_MS)
		return false;
	set(s, s->higher);
	if (quarters > s->quarters)
		share_step(s, quarters, now_ms);
	return true;
}

int64_t share_wait_ms(const struct share *s, uint64_t now_ms)
{
	uint64_t due = s->higher_since_ms + SHARE_RAISE_MS;

	if (!s->higher_since_ms)
		return -1;
	return now_ms < due ? (int64_t)(due - now_ms) : 0;
}

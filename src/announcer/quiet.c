#include "announcer/quiet.h"

struct quiet quiet_since(uint64_t now_ms, unsigned report)
{
	return (struct quiet){ .since_ms = now_ms, .report = report };
}

bool quiet_look(struct quiet *q, unsigned report, uint64_t active, uint64_t now_ms)
{
	if (report == q->report)
		return q->in_a_row >= QUIET_REPORTS;
	q->report = report;
	if (active)
		q->in_a_row = 0;
	else if (now_ms >= q->since_ms + QUIET_SETTLE_MS)
		q->in_a_row++;
	return q->in_a_row >= QUIET_REPORTS;
}

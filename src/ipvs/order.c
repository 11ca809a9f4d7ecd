#include "ipvs/order.h"

#include <string.h>

bool ipvs_order_matters(const char *scheduler)
{
	return strcmp(scheduler, "mh") == 0 || strcmp(scheduler, "sh") == 0 || strcmp(scheduler, "dh") == 0;
}

size_t ipvs_order_keep(const int32_t *place, size_t count)
{
	int32_t last = IPVS_NO_PLACE;
	size_t i;

	for (i = 0; i < count && place[i] > last; i++)
		last = place[i];
	return i;
}

static bool quiet(const struct ipvs_plan_input *in, const int32_t *place, size_t keep)
{
	if (!in->fresh)
		return false;
	for (size_t i = keep; i < in->count; i++) {
		const struct ipvs_counts *c;

		if (place[i] == IPVS_NO_PLACE)
			continue;
		c = &in->have->dest[place[i]].counts;
		if (c->active || c->inactive || c->persistent)
			return false;
	}
	return true;
}

bool ipvs_order_may_move(const struct ipvs_plan_input *in, const int32_t *place, size_t keep)
{
	/* Without the expiry a destination that comes back at once has its connections again, so that order costs nothing,
	 * and a busy load balancer has the same table as one that is quiet. */
	return !in->expire_nodest || quiet(in, place, keep);
}

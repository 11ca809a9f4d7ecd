#include "ipvs/order.h"

#include "base/mem.h"
#include "ipvs/mh.h"

#include <stdlib.h>
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

static struct ipvs_mh_dest mh_dest(const struct ipvs_wish_dest *w)
{
	return (struct ipvs_mh_dest){ w->dest.addr, w->dest.port, ipvs_plan_last_weight(w) };
}

/* The list when nothing is moved: what stays as it lies, then what is new. */
static void list_unmoved(const struct ipvs_plan_input *in, const int32_t *place, struct ipvs_mh_dest *out)
{
	size_t have = in->have->count, n = 0;
	int32_t *wish = mem_alloc((have + 1) * sizeof(*wish));

	for (size_t i = 0; i < have; i++)
		wish[i] = -1;
	for (size_t i = 0; i < in->count; i++)
		if (place[i] != IPVS_NO_PLACE)
			wish[place[i]] = (int32_t)i;
	for (size_t i = 0; i < have; i++)
		if (wish[i] >= 0)
			out[n++] = mh_dest(&in->want[wish[i]]);
	for (size_t i = 0; i < in->count; i++)
		if (place[i] == IPVS_NO_PLACE)
			out[n++] = mh_dest(&in->want[i]);
	free(wish);
}

static double gain(const struct ipvs_plan_input *in, const int32_t *place)
{
	struct ipvs_mh_dest *dest = mem_alloc((in->count + 1) * sizeof(*dest));
	struct ipvs_mh_table *unmoved, *ordered;
	uint8_t family = in->service->key.family;
	double difference;

	list_unmoved(in, place, dest);
	unmoved = ipvs_mh_table_new(in->mh_table_size, family, dest, in->count);
	for (size_t i = 0; i < in->count; i++)
		dest[i] = mh_dest(&in->want[i]);
	ordered = ipvs_mh_table_new(in->mh_table_size, family, dest, in->count);
	difference = ipvs_mh_difference(unmoved, ordered);
	ipvs_mh_table_free(unmoved);
	ipvs_mh_table_free(ordered);
	free(dest);
	return difference;
}

bool ipvs_order_may_move(const struct ipvs_plan_input *in, const int32_t *place, size_t keep)
{
	if (quiet(in, place, keep))
		return true;
	if (in->expire_nodest)
		return false;
	return strcmp(in->service->scheduler, "mh") != 0 || gain(in, place) >= IPVS_ORDER_TOLERANCE;
}

#include "ipvs/plan.h"

#include "base/mem.h"
#include "ipvs/order.h"

#include <stdlib.h>
#include <string.h>

void ipvs_plan_fini(struct ipvs_plan *p)
{
	free(p->op);
	*p = (struct ipvs_plan){ 0 };
}

int32_t ipvs_plan_last_weight(const struct ipvs_wish_dest *w)
{
	return w->dest.weight ? w->dest.weight : w->full_weight;
}

const char *ipvs_op_text(enum ipvs_op_kind kind)
{
	switch (kind) {
	case IPVS_SERVICE_NEW:
		return "add the service";
	case IPVS_SERVICE_SET:
		return "change the service";
	case IPVS_SERVICE_DEL:
		return "delete the service";
	case IPVS_DEST_NEW:
		return "add";
	case IPVS_DEST_SET:
		return "change";
	case IPVS_DEST_DEL:
		return "delete";
	}
	return "?";
}

/* --- operations --- */

static void put(struct ipvs_plan *p, enum ipvs_op_kind kind, const struct ipvs_dest *d, bool move)
{
	struct ipvs_op *op;

	if (p->count == p->size) {
		p->size = p->size ? p->size * 2 : 8;
		p->op = mem_realloc(p->op, p->size * sizeof(*p->op));
	}
	op = &p->op[p->count++];
	*op = (struct ipvs_op){ .kind = (uint8_t)kind, .move = move };
	if (d)
		op->dest = *d;
	p->changes += !move;
}

static bool counts_last_weight(const struct ipvs_plan_input *in)
{
	return strcmp(in->service->scheduler, "mh") == 0;
}

/* Up to the full weight and down again, where the table has to count it. */
static void put_full_and_down(
	struct ipvs_plan *p, enum ipvs_op_kind kind, const struct ipvs_wish_dest *w, bool move)
{
	struct ipvs_dest full = w->dest;

	full.weight = w->full_weight;
	put(p, kind, &full, move);
	put(p, IPVS_DEST_SET, &w->dest, move);
}

static void put_new(
	const struct ipvs_plan_input *in, struct ipvs_plan *p, const struct ipvs_wish_dest *w, bool move)
{
	if (counts_last_weight(in) && w->dest.weight == 0 && w->full_weight > 0)
		put_full_and_down(p, IPVS_DEST_NEW, w, move);
	else
		put(p, IPVS_DEST_NEW, &w->dest, move);
}

static void put_move(const struct ipvs_plan_input *in, struct ipvs_plan *p, const struct ipvs_wish_dest *w)
{
	put(p, IPVS_DEST_DEL, &w->dest, true);
	put_new(in, p, w, true);
}

static bool last_weight_right(const struct ipvs_wish_dest *w, int32_t last)
{
	return w->dest.weight || !w->full_weight || last == w->full_weight;
}

static void put_sets(const struct ipvs_plan_input *in, struct ipvs_plan *p, const int32_t *place)
{
	bool last_counts = counts_last_weight(in);

	for (size_t i = 0; i < in->count; i++) {
		const struct ipvs_wish_dest *w = &in->want[i];

		if (place[i] == IPVS_NO_PLACE)
			continue;
		if (last_counts && !last_weight_right(w, in->have->last_weight[place[i]]))
			put_full_and_down(p, IPVS_DEST_SET, w, false);
		else if (!ipvs_dest_equal(&w->dest, &in->have->dest[place[i]].dest))
			put(p, IPVS_DEST_SET, &w->dest, false);
	}
}

/* --- which is where --- */

static int cmp_wish(const void *key, const void *entry)
{
	return ipvs_dest_cmp(key, &((const struct ipvs_wish_dest *)entry)->dest);
}

/* place[i] of each wish; what is not wished is marked in extra, place for place. True if there is such. */
static bool find_places(const struct ipvs_plan_input *in, int32_t *place, bool *extra)
{
	const struct ipvs_have *h = in->have;
	bool any = false;

	for (size_t i = 0; i < in->count; i++)
		place[i] = IPVS_NO_PLACE;
	for (size_t i = 0; i < h->count; i++) {
		const struct ipvs_wish_dest *w = NULL;

		if (in->count)
			w = bsearch(&h->dest[i].dest, in->want, in->count, sizeof(*in->want), cmp_wish);
		extra[i] = !w;
		any |= !w;
		if (w)
			place[w - in->want] = (int32_t)i;
	}
	return any;
}

/* --- the plan of what is behind those that stay --- */

static size_t count_moves(const struct ipvs_plan_input *in, const int32_t *place, size_t keep)
{
	size_t n = 0;

	for (size_t i = keep; i < in->count; i++)
		n += place[i] != IPVS_NO_PLACE;
	return n;
}

static void put_missing(const struct ipvs_plan_input *in, struct ipvs_plan *p, const int32_t *place)
{
	for (size_t i = 0; i < in->count; i++)
		if (place[i] == IPVS_NO_PLACE)
			put_new(in, p, &in->want[i], false);
}

static void put_tail(const struct ipvs_plan_input *in, struct ipvs_plan *p, const int32_t *place, size_t keep)
{
	for (size_t i = keep, moves = 0; i < in->count; i++) {
		if (place[i] == IPVS_NO_PLACE)
			put_new(in, p, &in->want[i], false);
		else if (moves++ < in->moves_max)
			put_move(in, p, &in->want[i]);
		else
			break;
	}
}

/* What is wished and has no place, and the order. Too many moves come after everything else, piece by piece. */
static void put_list(
	const struct ipvs_plan_input *in, struct ipvs_plan *p, const int32_t *place, bool changes)
{
	size_t keep = ipvs_order_keep(place, in->count), moves = count_moves(in, place, keep);
	bool matters = ipvs_order_matters(in->service->scheduler);

	if (!moves || !matters) {
		put_missing(in, p, place);
		return;
	}
	p->order_left = !ipvs_order_may_move(in, place, keep);
	p->more = !p->order_left && moves > in->moves_max;
	if (p->order_left || (p->more && changes))
		put_missing(in, p, place);
	else
		put_tail(in, p, place, keep);
}

static void put_dests(const struct ipvs_plan_input *in, struct ipvs_plan *p)
{
	int32_t *place = mem_alloc((in->count + 1) * sizeof(*place));
	bool *extra = mem_alloc(in->have->count + 1);
	bool goes = find_places(in, place, extra), comes = in->have->count < in->count || goes;

	put_sets(in, p, place);
	put_list(in, p, place, comes || p->changes);
	for (size_t i = 0; goes && i < in->have->count; i++)
		if (extra[i])
			put(p, IPVS_DEST_DEL, &in->have->dest[i].dest, false);
	free(place);
	free(extra);
}

void ipvs_plan_make(const struct ipvs_plan_input *in, struct ipvs_plan *p)
{
	if (!in->service) {
		p->service = in->have->service;
		if (in->have->present)
			put(p, IPVS_SERVICE_DEL, NULL, false);
		return;
	}
	p->service = *in->service;
	if (!in->have->present)
		put(p, IPVS_SERVICE_NEW, NULL, false);
	else if (!ipvs_service_equal(in->service, &in->have->service))
		put(p, IPVS_SERVICE_SET, NULL, false);
	put_dests(in, p);
}

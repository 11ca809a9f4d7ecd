#include "ipvs/have.h"

#include "base/hash.h"
#include "base/mem.h"
#include "ipvs/plan.h"

#include <stdlib.h>
#include <string.h>

/* --- finding a destination by its address and port: a table of places, open addressing --- */

struct index {
	int32_t *place;
	uint32_t mask;
};

static void index_init(struct index *x, size_t room)
{
	uint32_t size = 16;

	while (size < room * 2)
		size *= 2;
	x->place = mem_alloc(size * sizeof(*x->place));
	memset(x->place, 0xff, size * sizeof(*x->place));
	x->mask = size - 1;
}

/* Where it is or would be. */
static int32_t *index_find(const struct index *x, const struct ipvs_have *h, const struct ipvs_dest *d)
{
	uint32_t i = hash_u64((uint64_t)ip_addr_hash(&d->addr) << 16 ^ d->port) & x->mask;

	while (x->place[i] >= 0 && !ipvs_dest_same(&h->dest[x->place[i]].dest, d))
		i = (i + 1) & x->mask;
	return &x->place[i];
}

static void index_fill(struct index *x, const struct ipvs_have *h, size_t more)
{
	index_init(x, h->count + more);
	for (size_t i = 0; i < h->count; i++)
		*index_find(x, h, &h->dest[i].dest) = (int32_t)i;
}

static void index_fini(struct index *x)
{
	free(x->place);
}

/* --- the list --- */

static void forget(struct ipvs_have *h)
{
	free(h->dest);
	free(h->last_weight);
	*h = (struct ipvs_have){ 0 };
}

void ipvs_have_fini(struct ipvs_have *h)
{
	forget(h);
}

static size_t append(struct ipvs_have *h, const struct ipvs_seen_dest *d, int32_t last_weight)
{
	if (h->count == h->size) {
		h->size = h->size ? h->size * 2 : 8;
		h->dest = mem_realloc(h->dest, h->size * sizeof(*h->dest));
		h->last_weight = mem_realloc(h->last_weight, h->size * sizeof(*h->last_weight));
	}
	h->dest[h->count] = *d;
	h->last_weight[h->count] = last_weight;
	return h->count++;
}

/* --- what we did --- */

/* A list under change: what is deleted stays in place, marked, until the end. */
struct editor {
	struct ipvs_have *h;
	struct index x;
	bool *dead;
};

/* The counts of one that comes back are those it left with: the kernel gives it its connections again. */
static void edit_new(struct editor *e, const struct ipvs_dest *d)
{
	int32_t *place = index_find(&e->x, e->h, d);
	struct ipvs_seen_dest seen = { .dest = *d };

	if (*place >= 0) {
		seen.counts = e->h->dest[*place].counts;
		e->dead[*place] = true;
	}
	*place = (int32_t)append(e->h, &seen, d->weight);
}

static void edit_set(struct editor *e, const struct ipvs_dest *d)
{
	int32_t place = *index_find(&e->x, e->h, d);

	if (place < 0 || e->dead[place])
		return;
	e->h->dest[place].dest = *d;
	if (d->weight)
		e->h->last_weight[place] = d->weight;
}

static void edit_del(struct editor *e, const struct ipvs_dest *d)
{
	int32_t place = *index_find(&e->x, e->h, d);

	if (place >= 0)
		e->dead[place] = true;
}

static void sweep(struct editor *e)
{
	struct ipvs_have *h = e->h;
	size_t n = 0;

	for (size_t i = 0; i < h->count; i++) {
		if (e->dead[i])
			continue;
		h->dest[n] = h->dest[i];
		h->last_weight[n++] = h->last_weight[i];
	}
	h->count = n;
}

void ipvs_have_apply(
	struct ipvs_have *h, const struct ipvs_service *service, const struct ipvs_op *op, size_t count)
{
	struct editor e = { .h = h };

	if (!count)
		return;
	e.dead = mem_calloc(h->count + count, sizeof(*e.dead));
	index_fill(&e.x, h, count);
	for (size_t i = 0; i < count; i++) {
		if (op[i].error)
			continue;
		switch ((enum ipvs_op_kind)op[i].kind) {
		case IPVS_SERVICE_NEW:
		case IPVS_SERVICE_SET:
			h->present = true;
			h->service = *service;
			break;
		case IPVS_SERVICE_DEL:
			h->present = false;
			memset(e.dead, true, h->count);
			break;
		case IPVS_DEST_NEW:
			edit_new(&e, &op[i].dest);
			break;
		case IPVS_DEST_SET:
			edit_set(&e, &op[i].dest);
			break;
		case IPVS_DEST_DEL:
			edit_del(&e, &op[i].dest);
			break;
		}
	}
	sweep(&e);
	index_fini(&e.x);
	free(e.dead);
}

/* --- what was found --- */

static int32_t last_weight_of(
	const struct ipvs_have *before, const struct index *x, const struct ipvs_dest *d, bool trusted)
{
	int32_t place;

	if (d->weight)
		return d->weight;
	place = *index_find(x, before, d);
	if (place >= 0)
		return before->last_weight[place];
	return trusted ? IPVS_LAST_TRUSTED : IPVS_LAST_UNKNOWN;
}

static bool equal(const struct ipvs_have *a, const struct ipvs_have *b)
{
	if (a->present != b->present || a->count != b->count)
		return false;
	if (a->present && !ipvs_service_equal(&a->service, &b->service))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!ipvs_dest_equal(&a->dest[i].dest, &b->dest[i].dest))
			return false;
	return true;
}

bool ipvs_have_take(struct ipvs_have *h, const struct ipvs_service *service,
	const struct ipvs_seen_dest *dest, size_t count, bool trusted)
{
	struct ipvs_have before = *h;
	struct index old, found;
	bool news;

	*h = (struct ipvs_have){ .present = service != NULL };
	if (service)
		h->service = *service;
	index_fill(&old, &before, 0);
	index_init(&found, count);
	for (size_t i = count; service && i-- > 0;) {
		int32_t *place = index_find(&found, h, &dest[i].dest);

		/* Twice when the list grew while the kernel told it in pieces. */
		if (*place < 0)
			*place = (int32_t)append(
				h, &dest[i], last_weight_of(&before, &old, &dest[i].dest, trusted));
	}
	index_fini(&found);
	index_fini(&old);
	news = !equal(&before, h);
	forget(&before);
	return news;
}

bool ipvs_have_trust(struct ipvs_have *h, const struct ipvs_wish_dest *want, size_t count)
{
	struct index x = { 0 };
	bool news = false;

	for (size_t i = 0; i < h->count; i++)
		news |= h->last_weight[i] == IPVS_LAST_TRUSTED;
	if (!news)
		return false;
	index_fill(&x, h, 0);
	for (size_t i = 0; i < count; i++) {
		int32_t place = *index_find(&x, h, &want[i].dest);

		if (place >= 0 && h->last_weight[place] == IPVS_LAST_TRUSTED)
			h->last_weight[place] = want[i].full_weight;
	}
	index_fini(&x);
	return true;
}

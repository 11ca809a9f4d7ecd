/* How the buckets of resilient groups lie, and whether they can follow what is wanted. */
#include "base/mem.h"
#include "kernel/plan_store.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* A share that is off by less is not worth a word: per cent of what is wanted, and of all. */
	OFF_PERCENT_OF_WANTED = 25,
	OFF_PERCENT_OF_ALL = 2,
	/* Idle buckets are moved when the timer has run; one more run is for those that became idle just after. */
	PATIENCE_IDLE_TIMERS = 2,
	PATIENCE_MORE_MS = 2000,
};

static bool is_asked_for(const struct plan_object *o)
{
	const struct plan_group *g = (const struct plan_group *)o;

	return o->is_group && g->resilient && g->set && g->refs && o->present && !o->busy;
}

bool plan_has_resilient(const struct plan *p)
{
	return p->resilient > 0;
}

size_t plan_ask_shares(struct plan *p, uint32_t *group_id, size_t max)
{
	size_t count = 0;

	if (!p->resilient || !max)
		return 0;
	/* The least ids above the last one; over the end of the range in the next call. */
	for (struct hash_node *n = hash_walk(&p->objects, NULL); n; n = hash_walk(&p->objects, n)) {
		const struct plan_object *o = HASH_ENTRY(n, struct plan_object, by_id);
		size_t at = count;

		if (!is_asked_for(o) || o->id <= p->last_share_id)
			continue;
		while (at > 0 && group_id[at - 1] > o->id)
			at--;
		if (at == max)
			continue;
		count += count < max;
		memmove(&group_id[at + 1], &group_id[at], (count - 1 - at) * sizeof(*group_id));
		group_id[at] = o->id;
	}
	p->last_share_id = count < max ? 0 : group_id[count - 1];
	return count;
}

static double buckets_of(const struct plan_group *g, uint32_t id)
{
	for (size_t i = 0; i < g->share_count; i++)
		if (g->share[i].id == id)
			return g->share[i].buckets;
	return 0;
}

static bool is_off(const struct plan_group *g)
{
	double weights = 0, buckets = 0;

	for (size_t i = 0; i < g->sent_count; i++)
		weights += g->sent[i].weight;
	for (size_t i = 0; i < g->share_count; i++)
		buckets += g->share[i].buckets;
	for (size_t i = 0; i < g->sent_count; i++) {
		double wanted = buckets * g->sent[i].weight / weights;
		double off = buckets_of(g, g->sent[i].id) - wanted;

		off = off < 0 ? -off : off;
		if (off > 1 && off * 100 > wanted * OFF_PERCENT_OF_WANTED &&
			off * 100 > buckets * OFF_PERCENT_OF_ALL)
			return true;
	}
	return false;
}

bool plan_share(
	struct plan *p, uint32_t group_id, const struct plan_bucket_count *hop, size_t count, uint64_t now_ms)
{
	struct plan_object *o = plan_object_get(p, group_id);
	struct plan_group *g = (struct plan_group *)o;
	uint64_t patience_ms;
	bool was;

	if (!o || !is_asked_for(o) || !count)
		return false;
	free(g->share);
	g->share = mem_alloc(count * sizeof(*g->share));
	memcpy(g->share, hop, count * sizeof(*g->share));
	g->share_count = (uint16_t)count;
	was = g->stuck;
	g->stuck = false;
	if (!is_off(g)) {
		g->unbalanced_ms = 0;
		return false;
	}
	if (!g->unbalanced_ms)
		g->unbalanced_ms = now_ms;
	patience_ms = p->cfg.kind[g->set->kind - 1].idle_timer_s * 1000ull * PATIENCE_IDLE_TIMERS +
		      PATIENCE_MORE_MS;
	g->stuck = now_ms - g->unbalanced_ms > patience_ms;
	return g->stuck && !was;
}

#include "ipvs/ipvs_private.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* --- the table of mh --- */

static struct ipvs_mh_table *table_of(const struct ipvs_entry *e)
{
	const struct ipvs_have *h = &e->have;
	struct ipvs_mh_dest *dest;
	struct ipvs_mh_table *t;

	if (!h->present || strcmp(h->service.scheduler, "mh") != 0)
		return NULL;
	dest = mem_alloc((h->count + 1) * sizeof(*dest));
	for (size_t n = 0; n < h->count; n++)
		dest[n] = (struct ipvs_mh_dest){ h->dest[n].dest.addr, h->dest[n].dest.port,
			h->last_weight[n] };
	t = ipvs_mh_table_new(e->ipvs->cfg.mh_table_size, e->key.family, dest, h->count);
	free(dest);
	return t;
}

const struct ipvs_mh_table *ipvs_entry_table(struct ipvs_entry *e)
{
	if (!e->table_stale)
		return e->table;
	if (e->table != e->rest)
		ipvs_mh_table_free(e->table);
	e->table = table_of(e);
	e->table_stale = false;
	return e->table;
}

void ipvs_entry_rest(struct ipvs_entry *e)
{
	double moved;

	ipvs_entry_table(e);
	if (e->table == e->rest)
		return;
	moved = e->rest && e->table ? ipvs_mh_difference(e->rest, e->table) : 0;
	if (moved > 0)
		e->moved = moved;
	ipvs_mh_table_free(e->rest);
	e->rest = e->table;
}

/* --- what is shown --- */

static bool is_ordered(const struct ipvs_have *h)
{
	for (size_t n = 1; n < h->count; n++)
		if (ipvs_dest_cmp(&h->dest[n - 1].dest, &h->dest[n].dest) > 0)
			return false;
	return true;
}

void ipvs_view(const struct ipvs *i, const struct ipvs_key *key, struct ipvs_view *out)
{
	struct ipvs_entry *e = ipvs_entry_find(i, key);
	const struct ipvs_mh_table *t;

	*out = (struct ipvs_view){ .known = i->ready && !e, .error = "" };
	if (!e)
		return;
	t = ipvs_entry_table(e);
	*out = (struct ipvs_view){ .known = i->ready && (e->known || e->failures),
		.present = e->have.present,
		.settled = e->settled,
		.ordered = is_ordered(&e->have),
		.dests = e->have.dest,
		.count = e->have.count,
		.fingerprint = t ? ipvs_mh_fingerprint(t) : 0,
		.moved = e->moved,
		.repairs = e->repairs,
		.error = e->error };
}

size_t ipvs_slots(const struct ipvs *i, const struct ipvs_key *key, const int32_t **slot)
{
	struct ipvs_entry *e = ipvs_entry_find(i, key);
	const struct ipvs_mh_table *t = e ? ipvs_entry_table(e) : NULL;

	*slot = t ? t->slot : NULL;
	return t ? t->size : 0;
}

void ipvs_each(
	const struct ipvs *i, void (*fn)(void *user, const struct ipvs_service *s, bool ours), void *user)
{
	for (struct hash_node *n = hash_walk(&i->entries, NULL); n; n = hash_walk(&i->entries, n)) {
		const struct ipvs_entry *e = HASH_ENTRY(n, struct ipvs_entry, node);

		if (e->have.present)
			fn(user, &e->have.service, e->ours);
	}
}

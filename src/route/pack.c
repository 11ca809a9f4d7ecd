#include "route/pack.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ITEMS = 256 };

void route_pack_fini(struct route_pack *p)
{
	free(p->item);
	free(p->next);
	free(p->bucket);
	free(p->tail);
	free(p->run);
	*p = (struct route_pack){ 0 };
}

static bool same_bucket(const struct route_item *a, const struct route_item *b)
{
	return a->attrs == b->attrs && a->source == b->source && a->only == b->only;
}

static size_t bucket_hash(const struct route_item *i)
{
	return hash_u64((uintptr_t)i->attrs ^ (uintptr_t)i->source << 20 ^ (uintptr_t)i->only << 40);
}

/* Puts an item at the tail of its bucket; buckets are found by open addressing on their first item. */
static void link_item(struct route_pack *p, uint32_t index)
{
	const struct route_item *item = &p->item[index];
	size_t at = bucket_hash(item) & (p->buckets - 1);
	uint32_t head;

	while (p->bucket[at] && !same_bucket(&p->item[p->bucket[at] - 1], item))
		at = (at + 1) & (p->buckets - 1);
	p->next[index] = 0;
	if (!p->bucket[at]) {
		p->bucket[at] = index + 1;
		p->tail[index] = index;
		return;
	}
	head = p->bucket[at] - 1;
	p->next[p->tail[head]] = index + 1;
	p->tail[head] = index;
	p->tail[index] = UINT32_MAX; /* not a head */
}

static void grow(struct route_pack *p)
{
	p->size = p->size ? p->size * 2 : FIRST_ITEMS;
	p->buckets = p->size * 2;
	p->item = mem_realloc(p->item, p->size * sizeof(*p->item));
	p->next = mem_realloc(p->next, p->size * sizeof(*p->next));
	p->tail = mem_realloc(p->tail, p->size * sizeof(*p->tail));
	free(p->bucket);
	p->bucket = mem_calloc(p->buckets, sizeof(*p->bucket));
	for (uint32_t i = 0; i < p->count; i++)
		link_item(p, i);
}

struct route_item *route_pack_next(struct route_pack *p)
{
	if (p->count == p->size)
		grow(p);
	return &p->item[p->count];
}

void route_pack_add(struct route_pack *p)
{
	link_item(p, (uint32_t)p->count++);
}

static size_t collect_run(struct route_pack *p, uint32_t head)
{
	size_t n = 0;

	for (uint32_t i = head + 1; i; i = p->next[i - 1]) {
		if (n == p->run_size) {
			p->run_size = p->run_size ? p->run_size * 2 : FIRST_ITEMS;
			p->run = mem_realloc(p->run, p->run_size * sizeof(*p->run));
		}
		p->run[n++] = p->item[i - 1].nlri;
	}
	return n;
}

static void withdraw_run(
	const struct route_sink *sink, const struct route_item *first, const struct bgp_nlri *run, size_t n)
{
	for (size_t done = 0; done < n;) {
		struct writer w = writer_init(sink->room(sink->user, sink->opts.max_len), sink->opts.max_len);

		done += bgp_update_encode_withdraw(&w, &sink->opts, run + done, n - done);
		sink->commit(sink->user, writer_len(&w), first);
	}
}

static void flush_withdraw(struct route_pack *p, const struct route_sink *sink, uint32_t head)
{
	size_t n = collect_run(p, head);

	withdraw_run(sink, &p->item[head], p->run, n);
}

static size_t prefix_octets(const struct bgp_nlri *n)
{
	return (n->prefix.len + 7u) / 8;
}

/* The first of the run does not fit into a message, so none does that is as long: what the peer holds of an earlier
 * version of these must go. The update group does not say such routes (route_outgoing_fits), but a member that is served
 * from the table may see a version that the group has not looked at yet. Returns how many are left, in front. */
static size_t drop_oversized(
	const struct route_sink *sink, const struct route_item *first, struct bgp_nlri *run, size_t n)
{
	size_t octets = prefix_octets(&run[0]), left = 0;

	for (size_t i = 0; i < n; i++) {
		struct bgp_nlri moving = run[i];

		if (prefix_octets(&moving) >= octets)
			continue;
		run[i] = run[left];
		run[left++] = moving;
	}
	withdraw_run(sink, first, run + left, n - left);
	return left;
}

bool route_pack_make_room(struct bgp_attrs *attrs)
{
	const uint32_t dispensable = BGP_HAS_ATOMIC_AGGREGATE | BGP_HAS_AGGREGATOR;
	bool any = attrs->has & dispensable;

	attrs->has &= ~dispensable;
	return any;
}

static void flush_announce(struct route_pack *p, const struct route_sink *sink, uint32_t head)
{
	size_t n = collect_run(p, head);
	struct bgp_next_hop nh;
	struct bgp_attrs attrs;

	sink->outgoing(sink->user, &p->item[head], &attrs, &nh);
	for (size_t done = 0; done < n;) {
		struct writer w = writer_init(sink->room(sink->user, sink->opts.max_len), sink->opts.max_len);
		size_t fit = bgp_update_encode_announce(
			&w, &sink->opts, &attrs, &nh, p->run + done, n - done);

		if (fit == 0 && route_pack_make_room(&attrs))
			continue;
		if (fit == 0) {
			n = done + drop_oversized(sink, &p->item[head], p->run + done, n - done);
			continue;
		}
		sink->commit(sink->user, writer_len(&w), &p->item[head]);
		done += fit;
	}
}

/* A pack that was large once is mostly flushed with a few items. */
static void clear(struct route_pack *p)
{
	if (p->count > p->buckets / 8)
		memset(p->bucket, 0, p->buckets * sizeof(*p->bucket));
	for (uint32_t i = 0; i < p->count && p->count <= p->buckets / 8; i++) {
		size_t at = bucket_hash(&p->item[i]) & (p->buckets - 1);

		if (p->tail[i] == UINT32_MAX)
			continue;
		while (p->bucket[at] != i + 1)
			at = (at + 1) & (p->buckets - 1);
		p->bucket[at] = 0;
	}
	p->count = 0;
}

void route_pack_flush(struct route_pack *p, const struct route_sink *sink)
{
	for (int withdraw = 1; withdraw >= 0; withdraw--) {
		for (uint32_t i = 0; i < p->count; i++) {
			if (p->tail[i] == UINT32_MAX || (p->item[i].attrs == NULL) != withdraw)
				continue;
			if (withdraw)
				flush_withdraw(p, sink, i);
			else
				flush_announce(p, sink, i);
		}
	}
	clear(p);
}

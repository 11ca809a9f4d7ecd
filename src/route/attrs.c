#include "route/attrs.h"

#include "base/mem.h"
#include "bgp/link_bandwidth.h"
#include "route/weights.h"

#include <stdlib.h>
#include <string.h>

struct route_attr_store {
	struct route_hops *hops;
	struct hash sets;
	size_t bytes;
	uint8_t scratch[BGP_EXTENDED_MESSAGE_MAX + 1024]; /* canonical form may be longer than the peer's */
};

struct route_attr_store *route_attr_store_new(struct route_hops *hops)
{
	struct route_attr_store *s = mem_calloc(1, sizeof(*s));

	s->hops = hops;
	return s;
}

void route_attr_store_free(struct route_attr_store *s)
{
	if (!s)
		return;
	hash_fini(&s->sets);
	free(s);
}

size_t route_attr_store_count(const struct route_attr_store *s)
{
	return s->sets.count;
}

size_t route_attr_store_bytes(const struct route_attr_store *s)
{
	return s->bytes + s->sets.size * sizeof(void *);
}

static uint8_t flags_of(const struct bgp_attrs *a)
{
	uint8_t flags = 0;

	if (a->has & BGP_HAS_ORIGINATOR_ID)
		flags |= ROUTE_ATTRS_HAS_ORIGINATOR;
	if (!(a->has & BGP_HAS_COMMUNITIES))
		return flags;
	if (bgp_communities_contain(a->communities, BGP_COMMUNITY_NO_ADVERTISE))
		flags |= ROUTE_ATTRS_NO_ADVERTISE;
	if (bgp_communities_contain(a->communities, BGP_COMMUNITY_NO_EXPORT) ||
		bgp_communities_contain(a->communities, BGP_COMMUNITY_NO_EXPORT_SUBCONFED))
		flags |= ROUTE_ATTRS_NO_EXPORT;
	if (bgp_communities_contain(a->communities, BGP_COMMUNITY_GRACEFUL_SHUTDOWN))
		flags |= ROUTE_ATTRS_GRACEFUL_SHUTDOWN;
	return flags;
}

static float bandwidth_of(const struct bgp_attrs *a, uint8_t *flags)
{
	struct bgp_link_bandwidth b;

	if (!(a->has & BGP_HAS_EXTENDED_COMMUNITIES))
		return ROUTE_BANDWIDTH_NONE;
	switch (bgp_link_bandwidth_find(a->extended_communities, &b)) {
	case BGP_LINK_BANDWIDTH_OK:
		return b.octets_s;
	case BGP_LINK_BANDWIDTH_INVALID:
		*flags |= ROUTE_ATTRS_BAD_BANDWIDTH;
		break;
	case BGP_LINK_BANDWIDTH_NONE:
		break;
	}
	return ROUTE_BANDWIDTH_NONE;
}

static void summarize(struct route_attrs *r, const struct bgp_attrs *a)
{
	r->flags = flags_of(a);
	r->local_pref = a->has & BGP_HAS_LOCAL_PREF ? a->local_pref : ROUTE_LOCAL_PREF_DEFAULT;
	if (r->flags & ROUTE_ATTRS_GRACEFUL_SHUTDOWN)
		r->local_pref = 0;
	r->med = a->has & BGP_HAS_MED ? a->med : 0;
	r->neighbor_as = bgp_as_path_neighbor(a->as_path);
	r->as_path_len = (uint16_t)bgp_as_path_length(a->as_path);
	r->originator_id = a->has & BGP_HAS_ORIGINATOR_ID ? a->originator_id : 0;
	r->cluster_list_len = a->has & BGP_HAS_CLUSTER_LIST ? a->cluster_list.len / 4 : 0;
	r->origin = a->origin;
	r->bandwidth = bandwidth_of(a, &r->flags);
}

static struct route_attrs *find(const struct route_attr_store *s, uint32_t hash, size_t nh_len, size_t len)
{
	for (struct hash_node *n = hash_first(&s->sets, hash); n; n = hash_next(n)) {
		struct route_attrs *r = HASH_ENTRY(n, struct route_attrs, node);

		if (r->next_hop_len == nh_len && r->octets_len == len &&
			/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): both are arrays. */
			memcmp(r->octets, s->scratch, nh_len + len) == 0)
			return r;
	}
	return NULL;
}

struct route_attrs *route_attrs_intern(
	struct route_attr_store *s, const struct bgp_attrs *a, const struct bgp_next_hop *next_hop)
{
	static const struct bgp_attr_opts canonical = { .as4 = true };
	struct writer w = writer_init(s->scratch, sizeof(s->scratch));
	struct ip_addr addr;
	struct route_attrs *r;
	size_t total;
	uint32_t hash;

	writer_bytes(&w, next_hop->octets, next_hop->len);
	bgp_attrs_encode(&w, a, &canonical, NULL);
	total = writer_len(&w);
	hash = hash_bytes(s->scratch, total, next_hop->len);
	r = find(s, hash, next_hop->len, total - next_hop->len);
	if (r)
		return route_attrs_ref(r);
	r = mem_alloc(sizeof(*r) + total);
	addr = bgp_next_hop_addr(next_hop);
	r->hop = route_hops_ref(s->hops, &addr);
	r->refs = 1;
	r->next_hop_len = next_hop->len;
	r->octets_len = (uint16_t)(total - next_hop->len);
	summarize(r, a);
	memcpy(r->octets, s->scratch, total);
	hash_add(&s->sets, &r->node, hash);
	s->bytes += sizeof(*r) + total;
	return r;
}

void route_attrs_unref(struct route_attr_store *s, struct route_attrs *a)
{
	route_hops_unref(s->hops, a->hop);
	if (--a->refs)
		return;
	hash_del(&s->sets, &a->node);
	s->bytes -= sizeof(*a) + a->next_hop_len + a->octets_len;
	free(a);
}

void route_attrs_decode(const struct route_attrs *a, struct bgp_attrs *out)
{
	bgp_attrs_decode_canonical((struct bgp_octets){ a->octets + a->next_hop_len, a->octets_len }, out);
}

struct bgp_next_hop route_attrs_next_hop(const struct route_attrs *a)
{
	struct bgp_next_hop nh = { .len = a->next_hop_len };

	memcpy(nh.octets, a->octets, a->next_hop_len);
	return nh;
}

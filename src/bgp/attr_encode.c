/*
 * Path attributes to the wire, and back from the form in which the RIB keeps them.
 *
 * A table lists the known attributes ascending by type; before each of them, unknown ones with a smaller type are
 * written, so that the whole is ascending (RFC 4271 5). The canonical form, which the RIB interns, is what this writes
 * for a peer with 4-octet AS numbers: equal attributes are equal octets, and what is read from it and written again
 * are the same octets.
 *
 * Does not know of routes: MP_REACH_NLRI and MP_UNREACH_NLRI are update_encode.c's.
 *
 * RFC 4271 4.3 and 5, RFC 6793 4.2.2.
 */
#include "base/cursor.h"
#include "bgp/as_path.h"
#include "bgp/attr.h"
#include "bgp/attr_decode.h"

#include <string.h>

enum {
	OPTIONAL = BGP_ATTR_OPTIONAL,
	OPTIONAL_TRANSITIVE = BGP_ATTR_OPTIONAL | BGP_ATTR_TRANSITIVE,
};

/* What the writers of single attributes see. */
struct attr_writer {
	struct writer *w;
	const struct bgp_attrs *a;
	const struct bgp_attr_opts *opts;
	const uint8_t *next_hop; /* 4 octets or NULL */
};

static void attr_header_encode(struct writer *w, uint8_t flags, uint8_t type, size_t len)
{
	bool extended = len > UINT8_MAX;

	writer_u8(w, extended ? flags | BGP_ATTR_EXTENDED_LENGTH : flags);
	writer_u8(w, type);
	if (extended)
		writer_u16(w, (uint16_t)len);
	else
		writer_u8(w, (uint8_t)len);
}

static uint8_t transitive_flags(bool partial)
{
	return partial ? OPTIONAL_TRANSITIVE | BGP_ATTR_PARTIAL : OPTIONAL_TRANSITIVE;
}

/* A list; an empty one would be malformed (RFC 7606 7) and is not written. */
static void encode_list(struct writer *w, uint8_t flags, uint8_t type, struct bgp_octets list)
{
	if (!list.len)
		return;
	attr_header_encode(w, flags, type, list.len);
	writer_bytes(w, list.data, list.len);
}

static void encode_u32(struct writer *w, uint8_t flags, uint8_t type, uint32_t v)
{
	attr_header_encode(w, flags, type, 4);
	writer_u32(w, v);
}

static void encode_origin(const struct attr_writer *x)
{
	attr_header_encode(x->w, BGP_ATTR_TRANSITIVE, BGP_ATTR_ORIGIN, 1);
	writer_u8(x->w, x->a->origin);
}

static void encode_as_path(const struct attr_writer *x)
{
	struct bgp_octets path = x->a->as_path;

	if (x->opts->as4) {
		attr_header_encode(x->w, BGP_ATTR_TRANSITIVE, BGP_ATTR_AS_PATH, path.len);
		writer_bytes(x->w, path.data, path.len);
		return;
	}
	attr_header_encode(x->w, BGP_ATTR_TRANSITIVE, BGP_ATTR_AS_PATH, bgp_as_path_narrow_len(path));
	bgp_as_path_encode_narrow(x->w, path);
}

static void encode_next_hop(const struct attr_writer *x)
{
	if (!x->next_hop)
		return;
	attr_header_encode(x->w, BGP_ATTR_TRANSITIVE, BGP_ATTR_NEXT_HOP, 4);
	writer_bytes(x->w, x->next_hop, 4);
}

static void encode_med(const struct attr_writer *x)
{
	encode_u32(x->w, OPTIONAL, BGP_ATTR_MULTI_EXIT_DISC, x->a->med);
}

static void encode_local_pref(const struct attr_writer *x)
{
	encode_u32(x->w, BGP_ATTR_TRANSITIVE, BGP_ATTR_LOCAL_PREF, x->a->local_pref);
}

static void encode_atomic_aggregate(const struct attr_writer *x)
{
	attr_header_encode(x->w, BGP_ATTR_TRANSITIVE, BGP_ATTR_ATOMIC_AGGREGATE, 0);
}

static void encode_aggregator(const struct attr_writer *x)
{
	const struct bgp_aggregator *g = &x->a->aggregator;

	attr_header_encode(
		x->w, transitive_flags(x->a->aggregator_partial), BGP_ATTR_AGGREGATOR, x->opts->as4 ? 8 : 6);
	if (x->opts->as4)
		writer_u32(x->w, g->as);
	else
		writer_u16(x->w, g->as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)g->as);
	writer_u32(x->w, g->bgp_identifier);
}

static void encode_communities(const struct attr_writer *x)
{
	encode_list(
		x->w, transitive_flags(x->a->communities_partial), BGP_ATTR_COMMUNITIES, x->a->communities);
}

static void encode_originator_id(const struct attr_writer *x)
{
	encode_u32(x->w, OPTIONAL, BGP_ATTR_ORIGINATOR_ID, x->a->originator_id);
}

static void encode_cluster_list(const struct attr_writer *x)
{
	encode_list(x->w, OPTIONAL, BGP_ATTR_CLUSTER_LIST, x->a->cluster_list);
}

static void encode_extended_communities(const struct attr_writer *x)
{
	encode_list(x->w, transitive_flags(x->a->extended_communities_partial), BGP_ATTR_EXTENDED_COMMUNITIES,
		x->a->extended_communities);
}

static void encode_as4_path(const struct attr_writer *x)
{
	size_t len = x->opts->as4 ? 0 : bgp_as4_path_len(x->a->as_path);

	if (!len)
		return;
	attr_header_encode(x->w, OPTIONAL_TRANSITIVE, BGP_ATTR_AS4_PATH, len);
	bgp_as4_path_encode(x->w, x->a->as_path);
}

static void encode_as4_aggregator(const struct attr_writer *x)
{
	const struct bgp_aggregator *g = &x->a->aggregator;

	if (x->opts->as4 || g->as <= UINT16_MAX)
		return;
	attr_header_encode(x->w, transitive_flags(x->a->aggregator_partial), BGP_ATTR_AS4_AGGREGATOR, 8);
	writer_u32(x->w, g->as);
	writer_u32(x->w, g->bgp_identifier);
}

static void encode_ipv6_extended_communities(const struct attr_writer *x)
{
	encode_list(x->w, transitive_flags(x->a->ipv6_extended_communities_partial),
		BGP_ATTR_IPV6_EXT_COMMUNITIES, x->a->ipv6_extended_communities);
}

static void encode_large_communities(const struct attr_writer *x)
{
	encode_list(x->w, transitive_flags(x->a->large_communities_partial), BGP_ATTR_LARGE_COMMUNITIES,
		x->a->large_communities);
}

/* Ascending by type. has: 0 where something else decides. */
static const struct attr_encoder {
	uint8_t type;
	uint32_t has;
	void (*encode)(const struct attr_writer *x);
} encoders[] = {
	{ BGP_ATTR_ORIGIN, BGP_HAS_ORIGIN, encode_origin },
	{ BGP_ATTR_AS_PATH, BGP_HAS_AS_PATH, encode_as_path },
	{ BGP_ATTR_NEXT_HOP, 0, encode_next_hop },
	{ BGP_ATTR_MULTI_EXIT_DISC, BGP_HAS_MED, encode_med },
	{ BGP_ATTR_LOCAL_PREF, BGP_HAS_LOCAL_PREF, encode_local_pref },
	{ BGP_ATTR_ATOMIC_AGGREGATE, BGP_HAS_ATOMIC_AGGREGATE, encode_atomic_aggregate },
	{ BGP_ATTR_AGGREGATOR, BGP_HAS_AGGREGATOR, encode_aggregator },
	{ BGP_ATTR_COMMUNITIES, BGP_HAS_COMMUNITIES, encode_communities },
	{ BGP_ATTR_ORIGINATOR_ID, BGP_HAS_ORIGINATOR_ID, encode_originator_id },
	{ BGP_ATTR_CLUSTER_LIST, BGP_HAS_CLUSTER_LIST, encode_cluster_list },
	{ BGP_ATTR_EXTENDED_COMMUNITIES, BGP_HAS_EXTENDED_COMMUNITIES, encode_extended_communities },
	{ BGP_ATTR_AS4_PATH, BGP_HAS_AS_PATH, encode_as4_path },
	{ BGP_ATTR_AS4_AGGREGATOR, BGP_HAS_AGGREGATOR, encode_as4_aggregator },
	{ BGP_ATTR_IPV6_EXT_COMMUNITIES, BGP_HAS_IPV6_EXTENDED_COMMUNITIES,
		encode_ipv6_extended_communities },
	{ BGP_ATTR_LARGE_COMMUNITIES, BGP_HAS_LARGE_COMMUNITIES, encode_large_communities },
};

/* Takes a whole TLV off a list of attributes that is well formed. */
static struct bgp_octets next_tlv(struct cursor *c)
{
	const uint8_t *start = c->p;
	uint8_t flags = cursor_u8(c);

	cursor_u8(c);
	cursor_bytes(c, flags & BGP_ATTR_EXTENDED_LENGTH ? cursor_u16(c) : cursor_u8(c));
	return (struct bgp_octets){ .data = start, .len = (uint16_t)(c->p - start) };
}

bool bgp_attrs_next_unknown(struct cursor *c, struct bgp_octets *tlv)
{
	while (cursor_left(c)) {
		*tlv = next_tlv(c);
		if (cursor_ok(c) && !bgp_attr_known(tlv->data[1]))
			return true;
	}
	return false;
}

/* Writes the unknown attributes below a type, and leaves the cursor at the first that is not. */
static void encode_unknown(struct writer *w, struct cursor *unknown, unsigned below)
{
	struct cursor c = *unknown;
	struct bgp_octets tlv;

	while (bgp_attrs_next_unknown(&c, &tlv) && tlv.data[1] < below) {
		writer_bytes(w, tlv.data, tlv.len);
		*unknown = c;
	}
}

void bgp_attrs_encode(struct writer *w, const struct bgp_attrs *a, const struct bgp_attr_opts *opts,
	const uint8_t *next_hop)
{
	const struct attr_writer x = { .w = w, .a = a, .opts = opts, .next_hop = next_hop };
	bool has_unknown = a->has & BGP_HAS_UNKNOWN;
	struct cursor unknown = { 0 };

	if (has_unknown)
		unknown = cursor_init(a->unknown.data, a->unknown.len);
	for (size_t i = 0; i < sizeof(encoders) / sizeof(encoders[0]); i++) {
		const struct attr_encoder *e = &encoders[i];

		if (e->has && !(a->has & e->has))
			continue;
		if (has_unknown)
			encode_unknown(w, &unknown, e->type);
		e->encode(&x);
	}
	if (has_unknown)
		encode_unknown(w, &unknown, UINT8_MAX + 1);
}

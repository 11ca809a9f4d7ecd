/*
 * Path attributes from the wire.
 *
 * A table says of each type its class, the lengths it may have, what follows when it is malformed, and which function
 * takes its value; everything that can be said of all attributes alike is done once, in front of that function. The
 * first occurrence of a type counts. Nothing here resets a session except an unknown well-known attribute and a broken
 * or repeated MP attribute: with those the routes of the message can no longer be told (RFC 7606 3 g, 5.3).
 *
 * Does not judge combinations, and does not read the routes inside the MP attributes: update_decode.c does.
 *
 * RFC 4271 4.3, 5, 6.3; RFC 7606 3, 4, 7; RFC 6793 4.2.3, 6; RFC 7607 2; RFC 8092 3, 6.
 */
#include "bgp/attr_decode.h"

#include "bgp/as_path.h"

#include <stddef.h>
#include <string.h>

enum {
	CLASS_MASK = BGP_ATTR_OPTIONAL | BGP_ATTR_TRANSITIVE,
	WELL_KNOWN = BGP_ATTR_TRANSITIVE,
	OPTIONAL = BGP_ATTR_OPTIONAL,
	OPTIONAL_TRANSITIVE = BGP_ATTR_OPTIONAL | BGP_ATTR_TRANSITIVE,
};

/* From whom an attribute has a meaning; from others it is discarded. */
enum attr_scope { FROM_ALL, FROM_INTERNAL, FROM_TWO_OCTET_AS };

struct attr_desc {
	const char *name;
	uint8_t class; /* the Optional and Transitive bits */
	enum attr_scope scope;
	uint16_t min_len, max_len, step; /* step: the length is a multiple of it */
	enum bgp_verdict malformed;
	void (*decode)(struct bgp_attr_reader *r, struct bgp_octets value);
};

void bgp_fault_add(struct bgp_fault *f, struct bgp_fault new_one)
{
	if (new_one.verdict > f->verdict)
		*f = new_one;
}

/* A fault of the attribute at hand, whose octets become the NOTIFICATION's data. */
static void attr_fault(struct bgp_attr_reader *r, enum bgp_verdict v, uint8_t subcode, const char *reason)
{
	bgp_fault_add(&r->fault, (struct bgp_fault){ .verdict = v,
					 .attr = r->type,
					 .subcode = subcode,
					 .reason = reason,
					 .data = r->tlv });
}

static uint32_t load_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* --- the value of each type; lengths were checked with the table --- */

static void decode_origin(struct bgp_attr_reader *r, struct bgp_octets value)
{
	if (value.data[0] > BGP_ORIGIN_INCOMPLETE) {
		attr_fault(r, BGP_VERDICT_TREAT_AS_WITHDRAW, BGP_UPDATE_INVALID_ORIGIN, "value unknown");
		return;
	}
	r->attrs->origin = value.data[0];
	r->attrs->has |= BGP_HAS_ORIGIN;
}

static void decode_as_path(struct bgp_attr_reader *r, struct bgp_octets value)
{
	const char *wrong = bgp_as_path_check(value, r->opts.as4 ? 4 : 2, !r->opts.ebgp);

	r->attrs->as_path = value;
	if (!wrong && !r->opts.as4 && !bgp_as_path_widen(value, r->arena, &r->attrs->as_path))
		wrong = "path too long with AS numbers of 4 octets";
	if (wrong) {
		attr_fault(r, BGP_VERDICT_TREAT_AS_WITHDRAW, BGP_UPDATE_MALFORMED_AS_PATH, wrong);
		return;
	}
	r->attrs->has |= BGP_HAS_AS_PATH;
}

static void decode_next_hop(struct bgp_attr_reader *r, struct bgp_octets value)
{
	r->next_hop = value.data;
}

static void decode_med(struct bgp_attr_reader *r, struct bgp_octets value)
{
	r->attrs->med = load_u32(value.data);
	r->attrs->has |= BGP_HAS_MED;
}

static void decode_local_pref(struct bgp_attr_reader *r, struct bgp_octets value)
{
	r->attrs->local_pref = load_u32(value.data);
	r->attrs->has |= BGP_HAS_LOCAL_PREF;
}

static void decode_atomic_aggregate(struct bgp_attr_reader *r, struct bgp_octets value)
{
	(void)value;
	r->attrs->has |= BGP_HAS_ATOMIC_AGGREGATE;
}

static void decode_aggregator(struct bgp_attr_reader *r, struct bgp_octets value)
{
	struct cursor c = cursor_init(value.data, value.len);
	struct bgp_aggregator a;

	a.as = r->opts.as4 ? cursor_u32(&c) : cursor_u16(&c);
	a.bgp_identifier = cursor_u32(&c);
	if (!cursor_ok(&c) || cursor_left(&c)) {
		attr_fault(r, BGP_VERDICT_ATTRIBUTE_DISCARD, BGP_UPDATE_ATTRIBUTE_LENGTH, "length");
		return;
	}
	if (a.as == 0) {
		attr_fault(r, BGP_VERDICT_ATTRIBUTE_DISCARD, BGP_UPDATE_OPTIONAL_ATTRIBUTE, "AS 0");
		return;
	}
	r->attrs->aggregator = a;
	r->attrs->aggregator_partial = r->flags & BGP_ATTR_PARTIAL;
	r->attrs->has |= BGP_HAS_AGGREGATOR;
}

static void decode_communities(struct bgp_attr_reader *r, struct bgp_octets value)
{
	r->attrs->communities = value;
	r->attrs->communities_partial = r->flags & BGP_ATTR_PARTIAL;
	r->attrs->has |= BGP_HAS_COMMUNITIES;
}

static void decode_originator_id(struct bgp_attr_reader *r, struct bgp_octets value)
{
	r->attrs->originator_id = load_u32(value.data);
	r->attrs->has |= BGP_HAS_ORIGINATOR_ID;
}

static void decode_cluster_list(struct bgp_attr_reader *r, struct bgp_octets value)
{
	r->attrs->cluster_list = value;
	r->attrs->has |= BGP_HAS_CLUSTER_LIST;
}

static void decode_mp_reach(struct bgp_attr_reader *r, struct bgp_octets value)
{
	r->mp_reach = (struct bgp_mp_attr){ .present = true, .tlv = r->tlv, .value = value };
}

static void decode_mp_unreach(struct bgp_attr_reader *r, struct bgp_octets value)
{
	r->mp_unreach = (struct bgp_mp_attr){ .present = true, .tlv = r->tlv, .value = value };
}

static void decode_extended_communities(struct bgp_attr_reader *r, struct bgp_octets value)
{
	r->attrs->extended_communities = value;
	r->attrs->extended_communities_partial = r->flags & BGP_ATTR_PARTIAL;
	r->attrs->has |= BGP_HAS_EXTENDED_COMMUNITIES;
}

static void decode_as4_path(struct bgp_attr_reader *r, struct bgp_octets value)
{
	const char *wrong = bgp_as_path_check(value, 4, true);

	if (wrong)
		attr_fault(r, BGP_VERDICT_ATTRIBUTE_DISCARD, BGP_UPDATE_OPTIONAL_ATTRIBUTE, wrong);
	else
		r->as4_path = value;
}

static void decode_as4_aggregator(struct bgp_attr_reader *r, struct bgp_octets value)
{
	struct bgp_aggregator a = { .as = load_u32(value.data), .bgp_identifier = load_u32(value.data + 4) };

	if (a.as == 0) {
		attr_fault(r, BGP_VERDICT_ATTRIBUTE_DISCARD, BGP_UPDATE_OPTIONAL_ATTRIBUTE, "AS 0");
		return;
	}
	r->as4_aggregator = a;
	r->has_as4_aggregator = true;
}

static void decode_ipv6_extended_communities(struct bgp_attr_reader *r, struct bgp_octets value)
{
	r->attrs->ipv6_extended_communities = value;
	r->attrs->ipv6_extended_communities_partial = r->flags & BGP_ATTR_PARTIAL;
	r->attrs->has |= BGP_HAS_IPV6_EXTENDED_COMMUNITIES;
}

static void decode_large_communities(struct bgp_attr_reader *r, struct bgp_octets value)
{
	r->attrs->large_communities = bgp_large_communities_unique(value, r->arena);
	r->attrs->large_communities_partial = r->flags & BGP_ATTR_PARTIAL;
	r->attrs->has |= BGP_HAS_LARGE_COMMUNITIES;
}

enum { ANY = UINT16_MAX };

static const struct attr_desc attr_desc[] = {
	[BGP_ATTR_ORIGIN] = { "ORIGIN", WELL_KNOWN, FROM_ALL, 1, 1, 1, BGP_VERDICT_TREAT_AS_WITHDRAW,
		decode_origin },
	[BGP_ATTR_AS_PATH] = { "AS_PATH", WELL_KNOWN, FROM_ALL, 0, ANY, 1, BGP_VERDICT_TREAT_AS_WITHDRAW,
		decode_as_path },
	[BGP_ATTR_NEXT_HOP] = { "NEXT_HOP", WELL_KNOWN, FROM_ALL, 4, 4, 4, BGP_VERDICT_TREAT_AS_WITHDRAW,
		decode_next_hop },
	[BGP_ATTR_MULTI_EXIT_DISC] = { "MULTI_EXIT_DISC", OPTIONAL, FROM_ALL, 4, 4, 4,
		BGP_VERDICT_TREAT_AS_WITHDRAW, decode_med },
	[BGP_ATTR_LOCAL_PREF] = { "LOCAL_PREF", WELL_KNOWN, FROM_INTERNAL, 4, 4, 4,
		BGP_VERDICT_TREAT_AS_WITHDRAW, decode_local_pref },
	[BGP_ATTR_ATOMIC_AGGREGATE] = { "ATOMIC_AGGREGATE", WELL_KNOWN, FROM_ALL, 0, 0, 1,
		BGP_VERDICT_ATTRIBUTE_DISCARD, decode_atomic_aggregate },
	[BGP_ATTR_AGGREGATOR] = { "AGGREGATOR", OPTIONAL_TRANSITIVE, FROM_ALL, 6, 8, 2,
		BGP_VERDICT_ATTRIBUTE_DISCARD, decode_aggregator },
	[BGP_ATTR_COMMUNITIES] = { "COMMUNITIES", OPTIONAL_TRANSITIVE, FROM_ALL, 4, ANY, 4,
		BGP_VERDICT_TREAT_AS_WITHDRAW, decode_communities },
	[BGP_ATTR_ORIGINATOR_ID] = { "ORIGINATOR_ID", OPTIONAL, FROM_INTERNAL, 4, 4, 4,
		BGP_VERDICT_TREAT_AS_WITHDRAW, decode_originator_id },
	[BGP_ATTR_CLUSTER_LIST] = { "CLUSTER_LIST", OPTIONAL, FROM_INTERNAL, 4, ANY, 4,
		BGP_VERDICT_TREAT_AS_WITHDRAW, decode_cluster_list },
	[BGP_ATTR_MP_REACH_NLRI] = { "MP_REACH_NLRI", OPTIONAL, FROM_ALL, 5, ANY, 1,
		BGP_VERDICT_SESSION_RESET, decode_mp_reach },
	[BGP_ATTR_MP_UNREACH_NLRI] = { "MP_UNREACH_NLRI", OPTIONAL, FROM_ALL, 3, ANY, 1,
		BGP_VERDICT_SESSION_RESET, decode_mp_unreach },
	[BGP_ATTR_EXTENDED_COMMUNITIES] = { "EXTENDED_COMMUNITIES", OPTIONAL_TRANSITIVE, FROM_ALL, 8, ANY, 8,
		BGP_VERDICT_TREAT_AS_WITHDRAW, decode_extended_communities },
	[BGP_ATTR_AS4_PATH] = { "AS4_PATH", OPTIONAL_TRANSITIVE, FROM_TWO_OCTET_AS, 6, ANY, 2,
		BGP_VERDICT_ATTRIBUTE_DISCARD, decode_as4_path },
	[BGP_ATTR_AS4_AGGREGATOR] = { "AS4_AGGREGATOR", OPTIONAL_TRANSITIVE, FROM_TWO_OCTET_AS, 8, 8, 8,
		BGP_VERDICT_ATTRIBUTE_DISCARD, decode_as4_aggregator },
	[BGP_ATTR_IPV6_EXT_COMMUNITIES] = { "IPV6_EXTENDED_COMMUNITIES", OPTIONAL_TRANSITIVE, FROM_ALL,
		BGP_IPV6_EXTENDED_COMMUNITY_LEN, ANY, BGP_IPV6_EXTENDED_COMMUNITY_LEN,
		BGP_VERDICT_TREAT_AS_WITHDRAW, decode_ipv6_extended_communities },
	[BGP_ATTR_LARGE_COMMUNITIES] = { "LARGE_COMMUNITIES", OPTIONAL_TRANSITIVE, FROM_ALL, 12, ANY, 12,
		BGP_VERDICT_TREAT_AS_WITHDRAW, decode_large_communities },
};

bool bgp_attr_known(uint8_t type)
{
	return type < sizeof(attr_desc) / sizeof(attr_desc[0]) && attr_desc[type].name;
}

const char *bgp_attr_type_text(uint8_t type)
{
	return bgp_attr_known(type) ? attr_desc[type].name : "attribute";
}

const char *bgp_origin_text(uint8_t origin)
{
	static const char *const text[] = { "igp", "egp", "incomplete" };

	return text[origin <= BGP_ORIGIN_INCOMPLETE ? origin : BGP_ORIGIN_INCOMPLETE];
}

/* --- one attribute --- */

/* The reason why an attribute from this neighbor is discarded whatever it holds, or NULL. */
static const char *out_of_scope(const struct bgp_attr_reader *r, enum attr_scope scope)
{
	switch (scope) {
	case FROM_INTERNAL:
		return r->opts.ebgp ? "from an external neighbor" : NULL;
	case FROM_TWO_OCTET_AS:
		return r->opts.as4 ? "from a neighbor with AS numbers of 4 octets" : NULL;
	case FROM_ALL:
		break;
	}
	return NULL;
}

static bool length_ok(const struct attr_desc *d, uint16_t len)
{
	return len >= d->min_len && len <= d->max_len && len % d->step == 0;
}

static void decode_known(struct bgp_attr_reader *r, const struct attr_desc *d, struct bgp_octets value)
{
	const char *why = out_of_scope(r, d->scope);
	bool mp = d->malformed == BGP_VERDICT_SESSION_RESET;

	if (why) {
		attr_fault(r, BGP_VERDICT_ATTRIBUTE_DISCARD, BGP_UPDATE_OPTIONAL_ATTRIBUTE, why);
		return;
	}
	if ((r->flags & CLASS_MASK) != d->class)
		attr_fault(r, BGP_VERDICT_TREAT_AS_WITHDRAW, BGP_UPDATE_ATTRIBUTE_FLAGS, "flags");
	if (!length_ok(d, value.len)) {
		attr_fault(r, d->malformed, mp ? BGP_UPDATE_OPTIONAL_ATTRIBUTE : BGP_UPDATE_ATTRIBUTE_LENGTH,
			"length");
		return;
	}
	d->decode(r, value);
}

static void decode_unknown(struct bgp_attr_reader *r)
{
	if (!(r->flags & BGP_ATTR_OPTIONAL))
		attr_fault(r, BGP_VERDICT_SESSION_RESET, BGP_UPDATE_UNRECOGNIZED_WELL_KNOWN,
			"well-known but unknown");
	else if (r->flags & BGP_ATTR_TRANSITIVE)
		r->unknown[r->unknown_count++] = r->tlv;
}

/* RFC 7606 3 g */
static void repeated(struct bgp_attr_reader *r)
{
	bool mp = r->type == BGP_ATTR_MP_REACH_NLRI || r->type == BGP_ATTR_MP_UNREACH_NLRI;

	r->tlv.len = 0;
	attr_fault(r, mp ? BGP_VERDICT_SESSION_RESET : BGP_VERDICT_ATTRIBUTE_DISCARD,
		BGP_UPDATE_MALFORMED_ATTRIBUTE_LIST, "appears twice");
}

static bool mark_seen(struct bgp_attr_reader *r)
{
	uint8_t *octet = &r->seen[r->type / 8], bit = (uint8_t)(1 << r->type % 8);
	bool before = *octet & bit;

	*octet |= bit;
	return before;
}

/* Takes one attribute off the list; false when it runs past the end, or its header does (RFC 7606 4). */
static bool next_attr(struct bgp_attr_reader *r, struct cursor *list, struct bgp_octets *value)
{
	const uint8_t *start = list->p;
	uint16_t len;

	r->flags = cursor_u8(list);
	r->type = cursor_u8(list);
	len = r->flags & BGP_ATTR_EXTENDED_LENGTH ? cursor_u16(list) : cursor_u8(list);
	*value = (struct bgp_octets){ .data = cursor_bytes(list, len), .len = len };
	r->tlv = (struct bgp_octets){ .data = start, .len = (uint16_t)(list->p - start) };
	return cursor_ok(list);
}

/* --- the list --- */

/* RFC 6793 4.2.3: an old speaker that aggregated behind our back makes both AS4 attributes stale. */
static void merge_as4(struct bgp_attr_reader *r)
{
	struct bgp_attrs *a = r->attrs;

	if (r->has_as4_aggregator && (a->has & BGP_HAS_AGGREGATOR)) {
		if (a->aggregator.as != BGP_AS_TRANS)
			return;
		a->aggregator = r->as4_aggregator;
	}
	if (r->as4_path.len && (a->has & BGP_HAS_AS_PATH))
		a->as_path = bgp_as_path_merge(a->as_path, r->as4_path, r->arena);
}

static void sort_unknown(struct bgp_attr_reader *r)
{
	for (unsigned i = 1; i < r->unknown_count; i++) {
		struct bgp_octets moving = r->unknown[i];
		unsigned j = i;

		for (; j > 0 && r->unknown[j - 1].data[1] > moving.data[1]; j--)
			r->unknown[j] = r->unknown[j - 1];
		r->unknown[j] = moving;
	}
}

/* With the Partial bit (RFC 4271 5), and a length of one octet where that is enough (4.3). Returns what is behind it. */
static uint8_t *copy_unknown(uint8_t *p, struct bgp_octets tlv)
{
	bool was_extended = tlv.data[0] & BGP_ATTR_EXTENDED_LENGTH;
	size_t head = was_extended ? 4 : 3, len = tlv.len - head;
	bool extended = len > UINT8_MAX;

	*p++ = OPTIONAL_TRANSITIVE | BGP_ATTR_PARTIAL | (extended ? BGP_ATTR_EXTENDED_LENGTH : 0);
	*p++ = tlv.data[1];
	if (extended)
		*p++ = (uint8_t)(len >> 8);
	*p++ = (uint8_t)len;
	memcpy(p, tlv.data + head, len);
	return p + len;
}

static void collect_unknown(struct bgp_attr_reader *r)
{
	size_t len = 0;
	uint8_t *p;

	for (unsigned i = 0; i < r->unknown_count; i++)
		len += r->unknown[i].len;
	if (!len)
		return;
	sort_unknown(r);
	p = arena_alloc(r->arena, len);
	r->attrs->unknown = (struct bgp_octets){ .data = p, .len = (uint16_t)len };
	r->attrs->has |= BGP_HAS_UNKNOWN;
	for (unsigned i = 0; i < r->unknown_count; i++)
		p = copy_unknown(p, r->unknown[i]);
	r->attrs->unknown.len = (uint16_t)(p - r->attrs->unknown.data);
}

void bgp_attr_reader_init(struct bgp_attr_reader *r, const struct bgp_attr_opts *opts, struct arena *arena,
	struct bgp_attrs *attrs)
{
	memset(r, 0, offsetof(struct bgp_attr_reader, unknown));
	r->opts = *opts;
	r->arena = arena;
	r->attrs = attrs;
}

/* With AS numbers of 4 octets the attributes may be longer than any message: then there is no way on for the route. The routes
 * inside the MP attributes do not count, they can go in several messages. */
static void check_widened(struct bgp_attr_reader *r, size_t list_len)
{
	size_t narrow_len = bgp_as_path_narrow_len(r->attrs->as_path);

	list_len -= r->mp_reach.tlv.len + r->mp_unreach.tlv.len;
	if (r->opts.as4 || list_len + r->attrs->as_path.len <= UINT16_MAX + narrow_len)
		return;
	r->type = BGP_ATTR_AS_PATH;
	r->tlv.len = 0;
	attr_fault(r, BGP_VERDICT_TREAT_AS_WITHDRAW, BGP_UPDATE_MALFORMED_AS_PATH,
		"attributes too long with AS numbers of 4 octets");
}

void bgp_attrs_decode(struct bgp_attr_reader *r, struct cursor list)
{
	size_t list_len = cursor_left(&list);
	struct bgp_octets value;

	while (cursor_left(&list) && r->fault.verdict != BGP_VERDICT_SESSION_RESET) {
		r->count++;
		if (!next_attr(r, &list, &value)) {
			r->tlv.len = 0;
			attr_fault(r, BGP_VERDICT_TREAT_AS_WITHDRAW, BGP_UPDATE_MALFORMED_ATTRIBUTE_LIST,
				"runs past the end of the attributes");
			break;
		}
		if (mark_seen(r))
			repeated(r);
		else if (bgp_attr_known(r->type))
			decode_known(r, &attr_desc[r->type], value);
		else
			decode_unknown(r);
	}
	merge_as4(r);
	if (r->attrs->has & BGP_HAS_AS_PATH)
		check_widened(r, list_len);
	collect_unknown(r);
}

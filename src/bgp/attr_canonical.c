/* Attributes read back from the form in which the RIB keeps them: octets that bgp_attrs_encode() wrote, so nothing is
 * checked beyond what keeps reading inside them. */
#include "bgp/attr.h"
#include "bgp/attr_decode.h"

#include <string.h>

static void take_aggregator(struct bgp_attrs *out, struct cursor value, bool partial)
{
	out->aggregator.as = cursor_u32(&value);
	out->aggregator.bgp_identifier = cursor_u32(&value);
	out->aggregator_partial = partial;
}

/* The range from the first unknown attribute to the last; known ones may stand between. */
static void take_unknown(struct bgp_attrs *out, const uint8_t *start, const uint8_t *end)
{
	if (!(out->has & BGP_HAS_UNKNOWN))
		out->unknown.data = start;
	out->unknown.len = (uint16_t)(end - out->unknown.data);
	out->has |= BGP_HAS_UNKNOWN;
}

static uint32_t take_known(struct bgp_attrs *out, uint8_t type, struct cursor value, bool partial)
{
	struct bgp_octets octets = { .data = value.p, .len = (uint16_t)cursor_left(&value) };

	switch (type) {
	case BGP_ATTR_ORIGIN:
		out->origin = cursor_u8(&value);
		return BGP_HAS_ORIGIN;
	case BGP_ATTR_AS_PATH:
		out->as_path = octets;
		return BGP_HAS_AS_PATH;
	case BGP_ATTR_MULTI_EXIT_DISC:
		out->med = cursor_u32(&value);
		return BGP_HAS_MED;
	case BGP_ATTR_LOCAL_PREF:
		out->local_pref = cursor_u32(&value);
		return BGP_HAS_LOCAL_PREF;
	case BGP_ATTR_ATOMIC_AGGREGATE:
		return BGP_HAS_ATOMIC_AGGREGATE;
	case BGP_ATTR_AGGREGATOR:
		take_aggregator(out, value, partial);
		return BGP_HAS_AGGREGATOR;
	case BGP_ATTR_COMMUNITIES:
		out->communities = octets;
		out->communities_partial = partial;
		return BGP_HAS_COMMUNITIES;
	case BGP_ATTR_ORIGINATOR_ID:
		out->originator_id = cursor_u32(&value);
		return BGP_HAS_ORIGINATOR_ID;
	case BGP_ATTR_CLUSTER_LIST:
		out->cluster_list = octets;
		return BGP_HAS_CLUSTER_LIST;
	case BGP_ATTR_EXTENDED_COMMUNITIES:
		out->extended_communities = octets;
		out->extended_communities_partial = partial;
		return BGP_HAS_EXTENDED_COMMUNITIES;
	case BGP_ATTR_IPV6_EXT_COMMUNITIES:
		out->ipv6_extended_communities = octets;
		out->ipv6_extended_communities_partial = partial;
		return BGP_HAS_IPV6_EXTENDED_COMMUNITIES;
	case BGP_ATTR_LARGE_COMMUNITIES:
		out->large_communities = octets;
		out->large_communities_partial = partial;
		return BGP_HAS_LARGE_COMMUNITIES;
	default:
		return 0;
	}
}

void bgp_attrs_decode_canonical(struct bgp_octets data, struct bgp_attrs *out)
{
	struct cursor c = cursor_init(data.data, data.len);

	memset(out, 0, sizeof(*out));
	while (cursor_left(&c)) {
		const uint8_t *start = c.p;
		uint8_t flags = cursor_u8(&c), type = cursor_u8(&c);
		struct cursor value = cursor_sub(
			&c, flags & BGP_ATTR_EXTENDED_LENGTH ? cursor_u16(&c) : cursor_u8(&c));

		if (!cursor_ok(&c))
			return;
		if (bgp_attr_known(type))
			out->has |= take_known(out, type, value, flags & BGP_ATTR_PARTIAL);
		else
			take_unknown(out, start, c.p);
	}
}

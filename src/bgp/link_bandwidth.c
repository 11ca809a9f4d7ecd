#include "bgp/link_bandwidth.h"

#include "base/cursor.h"
#include "bgp/proto.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
	TYPE_AS2 = 0x00,
	TYPE_NON_TRANSITIVE = 0x40, /* RFC 4360 2: the T bit */
	SUBTYPE_LINK_BANDWIDTH = 0x04,
};

_Static_assert(sizeof(float) == sizeof(uint32_t), "float is IEEE 754's of 4 octets");

void bgp_link_bandwidth_encode(struct writer *w, uint32_t as, double octets_s)
{
	float value = (float)octets_s;
	uint32_t bits;

	assert(isfinite(value) && value >= 0);
	memcpy(&bits, &value, sizeof(bits));
	/* cppcheck-suppress badBitmaskCheck; the type is made of its parts. */
	writer_u8(w, TYPE_NON_TRANSITIVE | TYPE_AS2);
	writer_u8(w, SUBTYPE_LINK_BANDWIDTH);
	writer_u16(w, as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)as);
	writer_u32(w, bits);
}

enum bgp_link_bandwidth_verdict bgp_link_bandwidth_decode(
	const uint8_t *community, struct bgp_link_bandwidth *out)
{
	struct cursor c = cursor_init(community, BGP_LINK_BANDWIDTH_LEN);
	uint8_t type = cursor_u8(&c), subtype = cursor_u8(&c);
	uint32_t bits;

	if ((type & ~TYPE_NON_TRANSITIVE) != TYPE_AS2 || subtype != SUBTYPE_LINK_BANDWIDTH)
		return BGP_LINK_BANDWIDTH_NONE;
	out->transitive = !(type & TYPE_NON_TRANSITIVE);
	out->as = cursor_u16(&c);
	bits = cursor_u32(&c);
	memcpy(&out->octets_s, &bits, sizeof(bits));
	/* Written so that NaN, of which no comparison is true, fails too; -0 is 0. */
	if (isfinite(out->octets_s) && out->octets_s >= 0)
		return BGP_LINK_BANDWIDTH_OK;
	return BGP_LINK_BANDWIDTH_INVALID;
}

enum bgp_link_bandwidth_verdict bgp_link_bandwidth_find(
	struct bgp_octets extended, struct bgp_link_bandwidth *out)
{
	enum bgp_link_bandwidth_verdict found = BGP_LINK_BANDWIDTH_NONE;
	struct cursor c = cursor_init(extended.data, extended.len);

	while (cursor_left(&c) >= BGP_LINK_BANDWIDTH_LEN) {
		struct bgp_link_bandwidth one;
		enum bgp_link_bandwidth_verdict verdict = bgp_link_bandwidth_decode(
			cursor_bytes(&c, BGP_LINK_BANDWIDTH_LEN), &one);

		if (verdict == BGP_LINK_BANDWIDTH_NONE)
			continue;
		if (verdict == BGP_LINK_BANDWIDTH_INVALID || found == BGP_LINK_BANDWIDTH_NONE ||
			one.octets_s < out->octets_s)
			*out = one;
		found = verdict;
		if (verdict == BGP_LINK_BANDWIDTH_INVALID)
			break;
	}
	return found;
}

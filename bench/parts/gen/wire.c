#include "wire.h"

#include "bgp/message.h"
#include "bgp/open.h"
#include "bgp/proto.h"

size_t wire_open(uint8_t *out, const struct wire_identity *id)
{
	struct bgp_open open = {
		.as = id->as,
		.hold_time_s = id->hold_time_s,
		.bgp_identifier = id->bgp_identifier,
		.caps = { .any_multiprotocol = true,
			.as4 = true,
			.as4_number = id->as,
			.route_refresh = true },
	};
	struct writer w = writer_init(out, WIRE_OPEN_MAX);

	open.caps.family[BGP_IPV4_UNICAST] = true;
	open.caps.add_path[BGP_IPV4_UNICAST] = id->add_path;
	bgp_open_encode(&w, &open);
	return writer_len(&w);
}

size_t wire_keepalive(uint8_t *out)
{
	struct writer w = writer_init(out, WIRE_HEADER);

	bgp_keepalive_encode(&w);
	return writer_len(&w);
}

bool wire_open_read(const uint8_t *message, size_t len, struct wire_identity *out)
{
	struct bgp_open open;
	struct bgp_error err;

	if (!bgp_open_decode(cursor_init(message + WIRE_HEADER, len - WIRE_HEADER), &open, &err))
		return false;
	*out = (struct wire_identity){ open.as, open.bgp_identifier, open.hold_time_s,
		open.caps.add_path[BGP_IPV4_UNICAST] };
	return true;
}

static bool is_ipv4_unicast(const uint8_t *p, size_t len)
{
	return len >= 3 && p[0] == 0 && p[1] == BGP_AFI_IPV4 && p[2] == BGP_SAFI_UNICAST;
}

static uint32_t number(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void attribute(struct wire_update *out, uint8_t type, const uint8_t *p, size_t len)
{
	if (type == BGP_ATTR_MULTI_EXIT_DISC && len == 4)
		out->med = number(p);
	else if (type == BGP_ATTR_ORIGINATOR_ID && len == 4)
		out->originator_id = number(p);
	else if (type == BGP_ATTR_MP_UNREACH_NLRI && is_ipv4_unicast(p, len))
		out->unreached = (struct wire_field){ p + 3, len - 3 };
	else if (type == BGP_ATTR_MP_REACH_NLRI && is_ipv4_unicast(p, len) && len >= 5u + p[3])
		out->reached = (struct wire_field){ p + 5 + p[3], len - 5 - p[3] };
}

static bool attributes(struct wire_update *out, const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 3) {
		bool is_long = p[0] & BGP_ATTR_EXTENDED_LENGTH;
		size_t head = is_long ? 4 : 3, len;

		if (is_long && end - p < 4)
			return false;
		len = is_long ? (size_t)(p[2] << 8 | p[3]) : p[2];
		if ((size_t)(end - p) < head + len)
			return false;
		attribute(out, p[1], p + head, len);
		p += head + len;
	}
	return p == end;
}

bool wire_update(const uint8_t *message, size_t len, struct wire_update *out)
{
	const uint8_t *p = message + WIRE_HEADER, *end = message + len;
	size_t n;

	*out = (struct wire_update){ 0 };
	if (end - p < 4)
		return false;
	n = (size_t)(p[0] << 8 | p[1]);
	p += 2;
	if ((size_t)(end - p) < n + 2)
		return false;
	out->withdrawn = (struct wire_field){ p, n };
	p += n;
	n = (size_t)(p[0] << 8 | p[1]);
	p += 2;
	if ((size_t)(end - p) < n)
		return false;
	out->announced = (struct wire_field){ p + n, (size_t)(end - p) - n };
	return attributes(out, p, p + n);
}

#include "bgp/open.h"

#include "bgp/capability.h"
#include "bgp/message.h"

#include <string.h>

enum { PARAM_HEADER_LEN = 2, SHORT_PARAMS_MAX = 255 };

static bool open_error(struct bgp_error *err, enum bgp_open_error subcode, const void *data, size_t len)
{
	bgp_error_set(err, BGP_ERR_OPEN, subcode, data, len);
	return false;
}

/* RFC 9072 2: the extended form shows itself by its first octets; the short length then only must not be 0. */
static bool begin_params(struct cursor *c, bool *extended)
{
	uint8_t short_len = cursor_u8(c);
	size_t len = short_len;

	*extended = short_len != 0 && cursor_left(c) >= 3 && c->p[0] == BGP_OPEN_PARAM_EXTENDED_LENGTH;
	if (*extended) {
		cursor_u8(c);
		len = cursor_u16(c);
	}
	return cursor_ok(c) && len == cursor_left(c);
}

static bool decode_params(struct cursor *c, struct bgp_caps *caps, struct bgp_error *err)
{
	bool extended;

	if (!begin_params(c, &extended))
		return open_error(err, BGP_OPEN_UNSPECIFIC, NULL, 0);
	while (cursor_left(c)) {
		uint8_t type = cursor_u8(c);
		struct cursor value = cursor_sub(c, extended ? cursor_u16(c) : cursor_u8(c));

		if (!cursor_ok(c))
			return open_error(err, BGP_OPEN_UNSPECIFIC, NULL, 0);
		if (type != BGP_OPEN_PARAM_CAPABILITIES)
			return open_error(err, BGP_OPEN_UNSUPPORTED_PARAMETER, NULL, 0);
		if (!bgp_capabilities_decode(value, caps))
			return open_error(err, BGP_OPEN_UNSPECIFIC, NULL, 0);
	}
	return true;
}

static bool check_fields(const struct bgp_open *o, const uint8_t *hold_time, struct bgp_error *err)
{
	if (o->as == 0)
		return open_error(err, BGP_OPEN_BAD_PEER_AS, NULL, 0);
	if (o->hold_time_s == 1 || o->hold_time_s == 2)
		return open_error(err, BGP_OPEN_UNACCEPTABLE_HOLD_TIME, hold_time, 2);
	if (o->bgp_identifier == 0)
		return open_error(err, BGP_OPEN_BAD_BGP_IDENTIFIER, NULL, 0);
	return true;
}

bool bgp_open_decode(struct cursor body, struct bgp_open *out, struct bgp_error *err)
{
	static const uint8_t our_version[2] = { 0, BGP_VERSION };
	uint8_t version = cursor_u8(&body);
	const uint8_t *hold_time;

	memset(out, 0, sizeof(*out));
	out->as = cursor_u16(&body);
	hold_time = body.p;
	out->hold_time_s = cursor_u16(&body);
	out->bgp_identifier = cursor_u32(&body);
	if (!cursor_ok(&body))
		return open_error(err, BGP_OPEN_UNSPECIFIC, NULL, 0);
	if (version != BGP_VERSION)
		return open_error(err, BGP_OPEN_UNSUPPORTED_VERSION, our_version, sizeof(our_version));
	/* RFC 7607 2: zero is no AS, neither here nor in the AS4 capability. */
	if (out->as == 0)
		return open_error(err, BGP_OPEN_BAD_PEER_AS, NULL, 0);
	if (!decode_params(&body, &out->caps, err))
		return false;
	if (out->caps.as4)
		out->as = out->caps.as4_number;
	return check_fields(out, hold_time, err);
}

static void encode_params(struct writer *w, const struct bgp_open *o)
{
	uint8_t buf[BGP_CAPABILITIES_MAX];
	struct writer caps = writer_init(buf, sizeof(buf));
	size_t len;

	bgp_capabilities_encode(&caps, &o->caps, o->as);
	len = writer_len(&caps);
	if (len == 0) {
		writer_u8(w, 0);
		return;
	}
	if (PARAM_HEADER_LEN + len <= SHORT_PARAMS_MAX) {
		writer_u8(w, (uint8_t)(PARAM_HEADER_LEN + len));
		writer_u8(w, BGP_OPEN_PARAM_CAPABILITIES);
		writer_u8(w, (uint8_t)len);
	} else {
		writer_u8(w, SHORT_PARAMS_MAX);
		writer_u8(w, BGP_OPEN_PARAM_EXTENDED_LENGTH);
		writer_u16(w, (uint16_t)(PARAM_HEADER_LEN + 1 + len));
		writer_u8(w, BGP_OPEN_PARAM_CAPABILITIES);
		writer_u16(w, (uint16_t)len);
	}
	writer_bytes(w, buf, len);
}

void bgp_open_encode(struct writer *w, const struct bgp_open *o)
{
	uint8_t *begin = bgp_message_begin(w, BGP_OPEN);

	writer_u8(w, BGP_VERSION);
	writer_u16(w, o->as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)o->as);
	writer_u16(w, o->hold_time_s);
	writer_u32(w, o->bgp_identifier);
	encode_params(w, o);
	bgp_message_end(w, begin);
}

/* RFC 4760 8: who says nothing of families means IPv4 unicast. */
static bool speaks(const struct bgp_caps *caps, int family)
{
	bool any = caps->any_multiprotocol;

	for (int f = 0; f < BGP_FAMILIES; f++)
		any = any || caps->family[f];
	return caps->family[family] || (!any && family == BGP_IPV4_UNICAST);
}

void bgp_negotiate(const struct bgp_open *local, const struct bgp_open *remote, struct bgp_negotiated *out)
{
	const struct bgp_caps *l = &local->caps, *r = &remote->caps;
	bool extended = l->extended_message && r->extended_message;

	memset(out, 0, sizeof(*out));
	for (int f = 0; f < BGP_FAMILIES; f++) {
		out->family[f] = speaks(l, f) && speaks(r, f);
		out->add_path_rx[f] = out->family[f] && (l->add_path[f] & BGP_ADD_PATH_RECEIVE) &&
				      (r->add_path[f] & BGP_ADD_PATH_SEND);
		out->add_path_tx[f] = out->family[f] && (l->add_path[f] & BGP_ADD_PATH_SEND) &&
				      (r->add_path[f] & BGP_ADD_PATH_RECEIVE);
	}
	out->as4 = l->as4 && r->as4;
	out->route_refresh = l->route_refresh && r->route_refresh;
	out->route_refresh_rx = l->route_refresh;
	out->enhanced_route_refresh = l->enhanced_route_refresh && r->enhanced_route_refresh;
	out->extended_next_hop = l->extended_next_hop && r->extended_next_hop;
	/* RFC 8654 3: neither side sends long messages unless both said they can. */
	out->max_tx = out->max_rx = extended ? BGP_EXTENDED_MESSAGE_MAX : BGP_MESSAGE_MAX;
	out->hold_time_s = local->hold_time_s < remote->hold_time_s ? local->hold_time_s
								    : remote->hold_time_s;
}

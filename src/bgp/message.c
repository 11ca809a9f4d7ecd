#include "bgp/message.h"

#include <string.h>

enum { MARKER_LEN = 16, LENGTH_AT = 16, TYPE_AT = 18, REFRESH_LEN = 4 };

static const uint8_t marker[MARKER_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff };

/* RFC 4271 4.2-4.5. Whether a ROUTE-REFRESH that is too short is an error of its own kind depends on what was agreed on:
 * bgp_refresh_decode() finds it. */
static const struct bounds {
	size_t min;
	size_t max; /* 0: whatever the session allows */
} type_bounds[] = {
	[BGP_OPEN] = { 29, BGP_MESSAGE_MAX },
	[BGP_UPDATE] = { 23, 0 },
	[BGP_NOTIFICATION] = { 21, 0 },
	[BGP_KEEPALIVE] = { BGP_HEADER_LEN, BGP_HEADER_LEN },
	[BGP_ROUTE_REFRESH] = { BGP_HEADER_LEN, 0 },
};

static bool known_type(uint8_t type)
{
	return type < sizeof(type_bounds) / sizeof(type_bounds[0]) && type_bounds[type].min;
}

/* RFC 4271 6.1: the marker, the length, the type, and the length again with the type's own bounds. */
static bool check_header(const uint8_t *h, size_t len, size_t max_len, struct bgp_error *err)
{
	uint8_t type = h[TYPE_AT];
	bool length_ok = len >= BGP_HEADER_LEN && len <= max_len;

	if (memcmp(h, marker, MARKER_LEN) != 0) {
		bgp_error_set(err, BGP_ERR_HEADER, BGP_HEADER_NOT_SYNCHRONIZED, NULL, 0);
		return false;
	}
	if (length_ok && !known_type(type)) {
		bgp_error_set(err, BGP_ERR_HEADER, BGP_HEADER_BAD_TYPE, &type, 1);
		return false;
	}
	if (length_ok) {
		const struct bounds *b = &type_bounds[type];

		length_ok = len >= b->min && (b->max == 0 || len <= b->max);
	}
	if (!length_ok)
		bgp_error_set(err, BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH, h + LENGTH_AT, 2);
	return length_ok;
}

enum bgp_frame_result bgp_frame_decode(
	const uint8_t *buf, size_t len, size_t max_len, struct bgp_frame *out, struct bgp_error *err)
{
	size_t message_len;

	if (len < BGP_HEADER_LEN)
		return BGP_FRAME_INCOMPLETE;
	message_len = (size_t)buf[LENGTH_AT] << 8 | buf[LENGTH_AT + 1];
	if (!check_header(buf, message_len, max_len, err))
		return BGP_FRAME_BAD;
	if (len < message_len)
		return BGP_FRAME_INCOMPLETE;
	out->type = buf[TYPE_AT];
	out->len = message_len;
	out->body = cursor_init(buf + BGP_HEADER_LEN, message_len - BGP_HEADER_LEN);
	return BGP_FRAME_OK;
}

uint8_t *bgp_message_begin(struct writer *w, enum bgp_message_type type)
{
	uint8_t *length;

	writer_bytes(w, marker, MARKER_LEN);
	length = writer_skip(w, 2);
	writer_u8(w, type);
	return length;
}

void bgp_message_end(struct writer *w, uint8_t *begin)
{
	if (writer_ok(w))
		writer_patch_u16(begin, (size_t)(w->p - begin) + LENGTH_AT);
}

void bgp_keepalive_encode(struct writer *w)
{
	bgp_message_end(w, bgp_message_begin(w, BGP_KEEPALIVE));
}

void bgp_notification_encode(struct writer *w, const struct bgp_error *e)
{
	uint8_t *begin = bgp_message_begin(w, BGP_NOTIFICATION);

	writer_u8(w, e->code);
	writer_u8(w, e->subcode);
	writer_bytes(w, e->data, e->data_len);
	bgp_message_end(w, begin);
}

void bgp_notification_decode(struct cursor body, struct bgp_error *out)
{
	uint8_t code = cursor_u8(&body), subcode = cursor_u8(&body);

	if (!cursor_ok(&body))
		code = subcode = 0;
	bgp_error_set(out, code, subcode, body.p, cursor_left(&body));
}

void bgp_refresh_encode(struct writer *w, enum bgp_family family, enum bgp_refresh_subtype subtype)
{
	uint8_t *begin = bgp_message_begin(w, BGP_ROUTE_REFRESH);

	writer_u16(w, bgp_family_afi(family));
	writer_u8(w, subtype);
	writer_u8(w, BGP_SAFI_UNICAST);
	bgp_message_end(w, begin);
}

/* RFC 7313 5: the data is the complete message, its header included. */
static void set_refresh_error(const struct cursor *body, struct bgp_error *err)
{
	struct writer w = writer_init(err->data, sizeof(err->data));
	uint8_t *begin = bgp_message_begin(&w, BGP_ROUTE_REFRESH);
	size_t left = cursor_left(body), room = writer_left(&w);

	writer_bytes(&w, body->p, left < room ? left : room);
	writer_patch_u16(begin, BGP_HEADER_LEN + left);
	err->code = BGP_ERR_ROUTE_REFRESH;
	err->subcode = BGP_ROUTE_REFRESH_INVALID_LENGTH;
	err->data_len = (uint16_t)writer_len(&w);
}

static void set_length_error(size_t body_len, struct bgp_error *err)
{
	uint8_t len[2];
	struct writer w = writer_init(len, sizeof(len));

	writer_u16(&w, (uint16_t)(BGP_HEADER_LEN + body_len));
	bgp_error_set(err, BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH, len, sizeof(len));
}

bool bgp_refresh_decode(struct cursor body, bool enhanced, struct bgp_refresh *out, struct bgp_error *err)
{
	struct cursor c = body;
	bool marks;

	out->afi = cursor_u16(&c);
	out->subtype = cursor_u8(&c);
	out->safi = cursor_u8(&c);
	if (!enhanced)
		out->subtype = BGP_REFRESH_REQUEST;
	marks = out->subtype == BGP_REFRESH_BEGIN || out->subtype == BGP_REFRESH_END;
	if (cursor_ok(&c) && (!marks || cursor_left(&body) == REFRESH_LEN))
		return true;
	if (enhanced)
		set_refresh_error(&body, err);
	else
		set_length_error(cursor_left(&body), err);
	return false;
}

bool bgp_family_from_wire(uint16_t afi, uint8_t safi, enum bgp_family *out)
{
	if (safi != BGP_SAFI_UNICAST || (afi != BGP_AFI_IPV4 && afi != BGP_AFI_IPV6))
		return false;
	*out = afi == BGP_AFI_IPV4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;
	return true;
}

uint16_t bgp_family_afi(enum bgp_family f)
{
	return f == BGP_IPV4_UNICAST ? BGP_AFI_IPV4 : BGP_AFI_IPV6;
}

const char *bgp_family_text(enum bgp_family f)
{
	return f == BGP_IPV4_UNICAST ? "ipv4-unicast" : "ipv6-unicast";
}

const char *bgp_message_type_text(uint8_t type)
{
	static const char *const text[] = { "unknown", "OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE",
		"ROUTE-REFRESH" };

	return text[known_type(type) ? type : 0];
}

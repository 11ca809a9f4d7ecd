/*
 * UPDATEs to the wire. A message either withdraws or announces, in one family, with one set of attributes, and is
 * filled up to the length given. RFC 4271 4.3, RFC 4760 3 and 4, RFC 7606 5.1, RFC 8950.
 */
#include "bgp/message.h"
#include "bgp/nlri.h"
#include "bgp/update.h"

#include <assert.h>
#include <string.h>

enum { IPV4_LEN = 4 };

enum { SHORT_HEADER_LEN = 3, LONG_HEADER_LEN = 4 };

/* An attribute whose length becomes known when it is written; begun with room for the longer form of its header, unless there
 * is none for a value that would need it. */
static uint8_t *begin_mp_attr(struct writer *w, enum bgp_attr_type type, enum bgp_family family)
{
	bool is_short = writer_left(w) <= SHORT_HEADER_LEN + UINT8_MAX;
	uint8_t *at = writer_skip(w, is_short ? SHORT_HEADER_LEN : LONG_HEADER_LEN);

	if (at) {
		at[0] = is_short ? BGP_ATTR_OPTIONAL : BGP_ATTR_OPTIONAL | BGP_ATTR_EXTENDED_LENGTH;
		at[1] = type;
	}
	writer_u16(w, bgp_family_afi(family));
	writer_u8(w, BGP_SAFI_UNICAST);
	return at;
}

/* A value of up to 255 octets moves one to the front: peers exist that take the longer form for an error there. */
static void end_mp_attr(struct writer *w, uint8_t *at)
{
	bool is_long;
	size_t len;

	if (!writer_ok(w))
		return;
	assert(at);
	is_long = at[0] & BGP_ATTR_EXTENDED_LENGTH;
	len = (size_t)(w->p - at) - (is_long ? LONG_HEADER_LEN : SHORT_HEADER_LEN);
	if (len > UINT8_MAX) {
		writer_patch_u16(at + 2, len);
		return;
	}
	at[0] &= (uint8_t)~BGP_ATTR_EXTENDED_LENGTH;
	at[2] = (uint8_t)len;
	if (!is_long)
		return;
	memmove(at + SHORT_HEADER_LEN, at + LONG_HEADER_LEN, len);
	w->p--;
}

/* A writer for one message at the end of w. */
static struct writer message_writer(const struct writer *w, size_t max_len)
{
	size_t left = w->full ? 0 : writer_left(w);

	return writer_init(w->p, left < max_len ? left : max_len);
}

/* What was written becomes part of w when it is whole and holds a route. */
static size_t finish(struct writer *w, struct writer *m, uint8_t *begin, size_t items)
{
	if (!writer_ok(m) || items == 0)
		return 0;
	bgp_message_end(m, begin);
	w->p = m->p;
	return items;
}

static void patch_len(const struct writer *w, uint8_t *at)
{
	if (writer_ok(w))
		writer_patch_u16(at, (size_t)(w->p - at) - 2);
}

/* Keeps n octets of the writer's room for later. */
static bool hold_back(struct writer *w, size_t n)
{
	if (!writer_ok(w) || writer_left(w) < n) {
		w->full = true;
		return false;
	}
	w->end -= n;
	return true;
}

static size_t encode_withdrawn_field(
	struct writer *m, const struct bgp_update_opts *o, const struct bgp_nlri *items, size_t count)
{
	uint8_t *len = writer_skip(m, 2);
	size_t n;

	if (!hold_back(m, 2))
		return 0;
	n = bgp_nlri_encode(m, o->add_path, items, count);
	patch_len(m, len);
	m->end += 2;
	writer_u16(m, 0);
	return n;
}

static size_t encode_mp_unreach(
	struct writer *m, const struct bgp_update_opts *o, const struct bgp_nlri *items, size_t count)
{
	uint8_t *attrs_len, *at;
	size_t n;

	writer_u16(m, 0);
	attrs_len = writer_skip(m, 2);
	at = begin_mp_attr(m, BGP_ATTR_MP_UNREACH_NLRI, o->family);
	n = bgp_nlri_encode(m, o->add_path, items, count);
	end_mp_attr(m, at);
	patch_len(m, attrs_len);
	return n;
}

size_t bgp_update_encode_withdraw(
	struct writer *w, const struct bgp_update_opts *o, const struct bgp_nlri *items, size_t count)
{
	struct writer m = message_writer(w, o->max_len);
	uint8_t *begin = bgp_message_begin(&m, BGP_UPDATE);
	size_t n = o->family == BGP_IPV4_UNICAST ? encode_withdrawn_field(&m, o, items, count)
						 : encode_mp_unreach(&m, o, items, count);

	return finish(w, &m, begin, n);
}

/* Moves what was written from at on to the end of the room, out of the way of what belongs in front of it. */
static size_t set_aside(struct writer *m, uint8_t *at)
{
	size_t len = (size_t)(m->p - at);

	if (!writer_ok(m))
		return 0;
	memmove(m->end - len, at, len);
	m->p = at;
	m->end -= len;
	return len;
}

/* Puts it behind what has been written meanwhile. */
static void bring_back(struct writer *m, size_t len)
{
	const uint8_t *aside = m->end;
	uint8_t *to;

	m->end += len;
	to = writer_skip(m, len);
	if (to)
		memmove(to, aside, len);
}

/* MP_REACH_NLRI is the very first attribute (RFC 7606 5.1), so that its routes are found whatever is wrong with the
 * others. The others are written first, because it takes what room they leave. */
static size_t encode_with_mp_reach(struct writer *m, const struct bgp_update_opts *o,
	const struct bgp_attrs *attrs, const struct bgp_next_hop *nh, const struct bgp_nlri *items,
	size_t count)
{
	const struct bgp_attr_opts opts = { .as4 = o->as4 };
	uint8_t *start = m->p, *at;
	size_t n, others;

	bgp_attrs_encode(m, attrs, &opts, NULL);
	others = set_aside(m, start);
	at = begin_mp_attr(m, BGP_ATTR_MP_REACH_NLRI, o->family);
	writer_u8(m, nh->len);
	writer_bytes(m, nh->octets, nh->len);
	writer_u8(m, 0);
	n = bgp_nlri_encode(m, o->add_path, items, count);
	end_mp_attr(m, at);
	bring_back(m, others);
	return n;
}

size_t bgp_update_encode_announce(struct writer *w, const struct bgp_update_opts *o,
	const struct bgp_attrs *attrs, const struct bgp_next_hop *next_hop, const struct bgp_nlri *items,
	size_t count)
{
	const struct bgp_attr_opts opts = { .as4 = o->as4 };
	bool classic = o->family == BGP_IPV4_UNICAST && next_hop->len == IPV4_LEN;
	struct writer m = message_writer(w, o->max_len);
	uint8_t *begin = bgp_message_begin(&m, BGP_UPDATE), *attrs_len;
	size_t n;

	writer_u16(&m, 0);
	attrs_len = writer_skip(&m, 2);
	if (classic) {
		bgp_attrs_encode(&m, attrs, &opts, next_hop->octets);
		patch_len(&m, attrs_len);
		n = bgp_nlri_encode(&m, o->add_path, items, count);
	} else {
		n = encode_with_mp_reach(&m, o, attrs, next_hop, items, count);
		patch_len(&m, attrs_len);
	}
	return finish(w, &m, begin, n);
}

void bgp_update_encode_end_of_rib(struct writer *w, enum bgp_family family)
{
	uint8_t *begin = bgp_message_begin(w, BGP_UPDATE), *attrs_len, *at;

	writer_u16(w, 0);
	attrs_len = writer_skip(w, 2);
	if (family != BGP_IPV4_UNICAST) {
		at = begin_mp_attr(w, BGP_ATTR_MP_UNREACH_NLRI, family);
		end_mp_attr(w, at);
	}
	patch_len(w, attrs_len);
	bgp_message_end(w, begin);
}

struct ip_addr bgp_next_hop_addr(const struct bgp_next_hop *nh)
{
	if (nh->len == 0)
		return (struct ip_addr){ .family = IP_NONE };
	return ip_addr_from_bytes(nh->len == IPV4_LEN ? IP_V4 : IP_V6, nh->octets);
}

struct bgp_next_hop bgp_next_hop_from_addr(const struct ip_addr *a)
{
	struct bgp_next_hop nh = { .len = (uint8_t)ip_family_bytes(a->family) };

	memcpy(nh.octets, a->bytes, nh.len);
	return nh;
}

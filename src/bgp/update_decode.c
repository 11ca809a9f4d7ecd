/*
 * UPDATEs from the wire, in three steps: cut the message into its fields, judge the attributes and then the message as
 * a whole, and only then, when it is clear whether what was announced counts as announced or as withdrawn, decode the
 * prefixes. Each field of prefixes was checked and counted by then, so every list is allocated once.
 *
 * A message whose routes cannot be told resets the session; one whose routes can, never does. What belongs to a family
 * that was not agreed on is ignored (RFC 4760 7).
 *
 * Does not judge prefixes (martians and the like are policy), and leaves a prefix that is both withdrawn and announced
 * in both lists: withdrawn first, then announced is what RFC 4271 4.3 asks of the reader.
 *
 * RFC 4271 4.3 and 6.3, RFC 4724 2, RFC 4760 3, 4 and 7, RFC 7606 3-5 and 7.11, RFC 7911 3, RFC 8950 3.
 */
#include "bgp/attr_decode.h"
#include "bgp/message.h"
#include "bgp/nlri.h"
#include "bgp/update.h"

#include <string.h>

enum { IPV4_LEN = 4, IPV6_LEN = 16, IPV6_PAIR_LEN = 32 };

struct update_reader {
	const struct bgp_negotiated *n;
	struct arena *arena;
	struct bgp_update *out;
	struct bgp_fault *fault; /* attrs.fault */
	struct bgp_attr_reader attrs;
	struct bgp_nlri_field withdrawn, nlri, mp_reach, mp_unreach; /* len 0 where ignored */
	enum bgp_family mp_unreach_family;
	bool mp_unreach_known;
	bool announces; /* also when it is of a family that is ignored */
	bool apart;	/* IPv4 routes by two next hops */
	struct bgp_next_hop mp_next_hop;
};

static void add_fault(struct update_reader *r, struct bgp_fault f)
{
	bgp_fault_add(r->fault, f);
}

static bool reset(
	struct update_reader *r, uint8_t attr, uint8_t subcode, const char *reason, struct bgp_octets data)
{
	add_fault(r, (struct bgp_fault){ .verdict = BGP_VERDICT_SESSION_RESET,
			     .attr = attr,
			     .subcode = subcode,
			     .reason = reason,
			     .data = data });
	return false;
}

/* --- the fields of the message --- */

static bool check_classic_field(
	struct update_reader *r, struct cursor c, struct bgp_nlri_field *out, const char *reason)
{
	*out = (struct bgp_nlri_field){ .data = c.p,
		.len = cursor_left(&c),
		.family = BGP_IPV4_UNICAST,
		.add_path = r->n->add_path_rx[BGP_IPV4_UNICAST] };
	if (!r->n->family[BGP_IPV4_UNICAST]) {
		out->len = 0;
		return true;
	}
	if (bgp_nlri_check(out))
		return true;
	return reset(r, 0, BGP_UPDATE_INVALID_NETWORK, reason, (struct bgp_octets){ 0 });
}

/* The family of an MP attribute; false when it is none that was agreed on. */
static bool mp_family(const struct update_reader *r, struct cursor *c, enum bgp_family *out)
{
	uint16_t afi = cursor_u16(c);
	uint8_t safi = cursor_u8(c);

	return bgp_family_from_wire(afi, safi, out) && r->n->family[*out];
}

static bool check_mp_field(struct update_reader *r, struct cursor c, enum bgp_family family, uint8_t attr,
	struct bgp_octets tlv, struct bgp_nlri_field *out)
{
	*out = (struct bgp_nlri_field){
		.data = c.p, .len = cursor_left(&c), .family = family, .add_path = r->n->add_path_rx[family]
	};
	if (bgp_nlri_check(out))
		return true;
	return reset(r, attr, BGP_UPDATE_OPTIONAL_ATTRIBUTE, "prefixes malformed", tlv);
}

/* RFC 7606 7.11 */
static bool next_hop_len_expected(const struct update_reader *r, enum bgp_family family, size_t len)
{
	bool ipv6 = len == IPV6_LEN || len == IPV6_PAIR_LEN;

	if (family == BGP_IPV4_UNICAST)
		return len == IPV4_LEN || (ipv6 && r->n->extended_next_hop);
	return ipv6;
}

static bool check_mp_reach(struct update_reader *r, const struct bgp_mp_attr *mp)
{
	struct cursor c = cursor_init(mp->value.data, mp->value.len), next_hop;
	enum bgp_family family;

	if (!mp_family(r, &c, &family)) {
		r->announces = true;
		return true;
	}
	next_hop = cursor_sub(&c, cursor_u8(&c));
	cursor_u8(&c); /* reserved */
	if (!cursor_ok(&c) || !next_hop_len_expected(r, family, cursor_left(&next_hop)))
		return reset(r, BGP_ATTR_MP_REACH_NLRI, BGP_UPDATE_OPTIONAL_ATTRIBUTE, "length of next hop",
			mp->tlv);
	r->mp_next_hop.len = (uint8_t)cursor_left(&next_hop);
	memcpy(r->mp_next_hop.octets, next_hop.p, r->mp_next_hop.len);
	r->announces = r->announces || cursor_left(&c);
	return check_mp_field(r, c, family, BGP_ATTR_MP_REACH_NLRI, mp->tlv, &r->mp_reach);
}

static bool check_mp_unreach(struct update_reader *r, const struct bgp_mp_attr *mp)
{
	struct cursor c = cursor_init(mp->value.data, mp->value.len);

	r->mp_unreach_known = mp_family(r, &c, &r->mp_unreach_family);
	if (!r->mp_unreach_known)
		return true;
	return check_mp_field(r, c, r->mp_unreach_family, BGP_ATTR_MP_UNREACH_NLRI, mp->tlv, &r->mp_unreach);
}

/* Cuts the body into fields and checks each by itself; false when the session is to be reset. */
static bool read_fields(struct update_reader *r, struct cursor body)
{
	struct cursor withdrawn = cursor_sub(&body, cursor_u16(&body));
	struct cursor attrs = cursor_sub(&body, cursor_u16(&body));

	if (!cursor_ok(&body))
		return reset(r, 0, BGP_UPDATE_MALFORMED_ATTRIBUTE_LIST, "lengths exceed the message",
			(struct bgp_octets){ 0 });
	r->announces = cursor_left(&body) != 0;
	if (!check_classic_field(r, withdrawn, &r->withdrawn, "withdrawn routes malformed") ||
		!check_classic_field(r, body, &r->nlri, "NLRI malformed"))
		return false;
	bgp_attrs_decode(&r->attrs, attrs);
	if (r->fault->verdict == BGP_VERDICT_SESSION_RESET)
		return false;
	if (r->attrs.mp_reach.present && !check_mp_reach(r, &r->attrs.mp_reach))
		return false;
	return !r->attrs.mp_unreach.present || check_mp_unreach(r, &r->attrs.mp_unreach);
}

/* --- the message as a whole --- */

static void withdraw_all(struct update_reader *r, uint8_t attr, uint8_t subcode, const char *reason)
{
	add_fault(r, (struct bgp_fault){ .verdict = BGP_VERDICT_TREAT_AS_WITHDRAW,
			     .attr = attr,
			     .subcode = subcode,
			     .reason = reason });
}

/* RFC 4271 6.3: the address of a host. No host is in 0.0.0.0/8, nor from 224.0.0.0 on (RFC 1112 4). */
static bool next_hop_valid(const struct bgp_next_hop *nh)
{
	struct ip_addr a = bgp_next_hop_addr(nh);

	if (a.family == IP_V4)
		return a.bytes[0] != 0 && a.bytes[0] < 224;
	return !ip_addr_is_any(&a) && !ip_addr_is_multicast(&a);
}

static void check_next_hops(struct update_reader *r, const struct bgp_next_hop *classic)
{
	if (r->nlri.count && classic->len && !next_hop_valid(classic))
		withdraw_all(r, BGP_ATTR_NEXT_HOP, BGP_UPDATE_INVALID_NEXT_HOP, "no address of a host");
	if (r->mp_reach.count && !next_hop_valid(&r->mp_next_hop))
		withdraw_all(r, BGP_ATTR_MP_REACH_NLRI, BGP_UPDATE_INVALID_NEXT_HOP,
			"next hop is no address of a host");
	r->apart = r->nlri.count && r->mp_reach.count && r->mp_reach.family == BGP_IPV4_UNICAST &&
		   (classic->len != r->mp_next_hop.len ||
			   memcmp(classic->octets, r->mp_next_hop.octets, classic->len) != 0);
}

/* RFC 7606 3 d. A malformed attribute counts as missing, but its own fault was found first and stands. */
static void check_mandatory(struct update_reader *r)
{
	bool any = r->nlri.count || r->mp_reach.count;
	uint32_t has = r->out->attrs.has;

	if (any && !(has & BGP_HAS_ORIGIN))
		withdraw_all(r, BGP_ATTR_ORIGIN, BGP_UPDATE_MISSING_WELL_KNOWN, "missing");
	if (any && !(has & BGP_HAS_AS_PATH))
		withdraw_all(r, BGP_ATTR_AS_PATH, BGP_UPDATE_MISSING_WELL_KNOWN, "missing");
	if (r->nlri.count && !r->attrs.next_hop)
		withdraw_all(r, BGP_ATTR_NEXT_HOP, BGP_UPDATE_MISSING_WELL_KNOWN, "missing");
}

/* RFC 7606 5.2: with attributes but no routes to withdraw, where the routes went is anybody's guess. */
static void escalate_without_routes(struct update_reader *r)
{
	unsigned others = r->attrs.count - (r->attrs.mp_unreach.present ? 1 : 0);

	if (r->fault->verdict == BGP_VERDICT_TREAT_AS_WITHDRAW && !r->announces && others)
		r->fault->verdict = BGP_VERDICT_SESSION_RESET;
}

static void judge(struct update_reader *r)
{
	struct bgp_next_hop classic = { 0 };

	if (r->attrs.next_hop) {
		classic.len = IPV4_LEN;
		memcpy(classic.octets, r->attrs.next_hop, IPV4_LEN);
	}
	check_mandatory(r);
	check_next_hops(r, &classic);
	escalate_without_routes(r);
	if (r->fault->verdict >= BGP_VERDICT_TREAT_AS_WITHDRAW)
		return;
	if (r->nlri.count)
		r->out->next_hop[BGP_IPV4_UNICAST] = classic;
	if (r->apart)
		r->out->apart_next_hop = r->mp_next_hop;
	else if (r->mp_reach.count)
		r->out->next_hop[r->mp_reach.family] = r->mp_next_hop;
}

/* --- the result --- */

static void decode_list(struct update_reader *r, struct bgp_nlri_list *out,
	const struct bgp_nlri_field *const *fields, size_t n, enum bgp_family family)
{
	struct bgp_nlri *at;

	for (size_t i = 0; i < n; i++)
		if (fields[i]->family == family)
			out->count += fields[i]->count;
	if (!out->count)
		return;
	at = out->item = arena_alloc(r->arena, out->count * sizeof(*out->item));
	for (size_t i = 0; i < n; i++)
		if (fields[i]->family == family)
			at = bgp_nlri_decode(fields[i], at);
}

static void decode_routes(struct update_reader *r)
{
	const struct bgp_nlri_field *const field[] = { &r->withdrawn, &r->mp_unreach, &r->nlri,
		&r->mp_reach };
	bool withdraw = r->fault->verdict == BGP_VERDICT_TREAT_AS_WITHDRAW;

	for (int i = 0; i < BGP_FAMILIES; i++) {
		enum bgp_family f = (enum bgp_family)i;

		decode_list(r, &r->out->withdrawn[i], field, withdraw ? 4 : 2, f);
		if (!withdraw)
			decode_list(r, &r->out->announced[i], field + 2, r->apart ? 1 : 2, f);
	}
	if (!withdraw && r->apart)
		decode_list(r, &r->out->apart, field + 3, 1, BGP_IPV4_UNICAST);
}

/* RFC 4724 2 */
static void find_end_of_rib(struct update_reader *r, size_t body_len)
{
	enum { EMPTY_BODY_LEN = 4, EMPTY_UNREACH_LEN = 3 };
	const struct bgp_attr_reader *a = &r->attrs;
	size_t without_attr = body_len - a->mp_unreach.tlv.len;

	if (body_len == EMPTY_BODY_LEN)
		r->out->end_of_rib[BGP_IPV4_UNICAST] = r->n->family[BGP_IPV4_UNICAST];
	else if (r->mp_unreach_known && a->count == 1 && without_attr == EMPTY_BODY_LEN &&
		 a->mp_unreach.value.len == EMPTY_UNREACH_LEN)
		r->out->end_of_rib[r->mp_unreach_family] = true;
}

static void set_verdict(struct update_reader *r)
{
	const struct bgp_fault *f = r->fault;

	r->out->verdict = f->verdict;
	r->out->bad_attr = f->attr;
	r->out->reason = f->reason;
	if (f->verdict != BGP_VERDICT_SESSION_RESET)
		return;
	r->out->error = arena_alloc(r->arena, sizeof(*r->out->error));
	if (f->subcode == BGP_UPDATE_MISSING_WELL_KNOWN)
		bgp_error_set(r->out->error, BGP_ERR_UPDATE, f->subcode, &f->attr, 1);
	else
		bgp_error_set(r->out->error, BGP_ERR_UPDATE, f->subcode, f->data.data, f->data.len);
}

void bgp_update_decode(struct cursor body, const struct bgp_negotiated *n, bool ebgp, struct arena *arena,
	struct bgp_update *out)
{
	const struct bgp_attr_opts opts = { .as4 = n->as4, .ebgp = ebgp };
	size_t body_len = cursor_left(&body);
	struct update_reader r;

	memset(out, 0, sizeof(*out));
	bgp_attr_reader_init(&r.attrs, &opts, arena, &out->attrs);
	r.n = n;
	r.arena = arena;
	r.out = out;
	r.fault = &r.attrs.fault;
	r.withdrawn = r.nlri = r.mp_reach = r.mp_unreach = (struct bgp_nlri_field){ 0 };
	r.mp_unreach_known = r.announces = r.apart = false;
	r.mp_next_hop = (struct bgp_next_hop){ 0 };
	if (read_fields(&r, body))
		judge(&r);
	set_verdict(&r);
	if (out->verdict == BGP_VERDICT_SESSION_RESET)
		return;
	decode_routes(&r);
	find_end_of_rib(&r, body_len);
}

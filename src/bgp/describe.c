#include "bgp/describe.h"

#include "base/prefix.h"

enum { PREFIXES_SHOWN = 8, LIST_TEXT_MAX = 256 };

/* --- OPEN --- */

static void add_identifier(struct text *out, const char *what, uint32_t identifier)
{
	struct ip_addr a = ip_addr_v4(identifier);
	char buf[PREFIX_TEXT_MAX];

	text_add(out, "%s%s", what, ip_addr_format(&a, buf));
}

static void add_capabilities(const struct bgp_caps *c, struct text *out)
{
	static const char *const add_path[] = { "", " (add-path receive)", " (add-path send)",
		" (add-path send and receive)" };

	for (int f = 0; f < BGP_FAMILIES; f++)
		if (c->family[f])
			text_add(out, ", %s%s", bgp_family_text((enum bgp_family)f),
				add_path[c->add_path[f] & BGP_ADD_PATH_BOTH]);
	text_add(out, "%s%s%s%s%s%s", c->as4 ? ", 4-octet AS" : "", c->route_refresh ? ", route-refresh" : "",
		c->enhanced_route_refresh ? ", enhanced route-refresh" : "",
		c->graceful_restart ? ", graceful restart" : "",
		c->extended_message ? ", extended messages" : "",
		c->extended_next_hop ? ", extended next hop" : "");
	if (*c->fqdn)
		text_add(out, ", name \"%s\"", c->fqdn);
	if (*c->software)
		text_add(out, ", software \"%s\"", c->software);
}

void bgp_describe_open(const struct bgp_open *o, struct text *out)
{
	text_add(out, "AS %u", o->as);
	add_identifier(out, ", id ", o->bgp_identifier);
	text_add(out, ", hold time %u s", o->hold_time_s);
	add_capabilities(&o->caps, out);
}

void bgp_describe_negotiated(const struct bgp_negotiated *n, struct text *out)
{
	text_add(out, "hold time %u s", n->hold_time_s);
	for (int f = 0; f < BGP_FAMILIES; f++) {
		if (!n->family[f])
			continue;
		text_add(out, ", %s%s", bgp_family_text((enum bgp_family)f),
			n->add_path_tx[f] && n->add_path_rx[f] ? " (add-path both ways)"
			: n->add_path_tx[f]		       ? " (add-path to the peer)"
			: n->add_path_rx[f]		       ? " (add-path from the peer)"
							       : "");
	}
	text_add(out, "%s%s%s, messages up to %zu octets to the peer and %zu from it",
		n->as4 ? ", 4-octet AS" : ", 2-octet AS",
		n->enhanced_route_refresh ? ", enhanced route-refresh"
		: n->route_refresh	  ? ", route-refresh"
					  : "",
		n->extended_next_hop ? ", extended next hop" : "", n->max_tx, n->max_rx);
}

/* --- UPDATE --- */

static void add_prefixes(struct text *out, const char *what, enum bgp_family f, const struct bgp_nlri_list *l)
{
	char buf[PREFIX_TEXT_MAX];

	if (l->count == 0)
		return;
	text_add(out, "%s%s %zu %s", out->len ? "; " : "", what, l->count, bgp_family_text(f));
	for (size_t i = 0; i < l->count && i < PREFIXES_SHOWN; i++) {
		text_add(out, " %s", prefix_format(&l->item[i].prefix, buf));
		if (l->item[i].path_id)
			text_add(out, " id %u", l->item[i].path_id);
	}
	if (l->count > PREFIXES_SHOWN)
		text_add(out, " and %zu more", l->count - PREFIXES_SHOWN);
}

static void add_next_hop(struct text *out, const struct bgp_next_hop *nh)
{
	struct ip_addr a = bgp_next_hop_addr(nh);
	char buf[PREFIX_TEXT_MAX];

	if (nh->len)
		text_add(out, ", next hop %s", ip_addr_format(&a, buf));
}

static void add_cluster_list(struct text *out, struct bgp_octets list)
{
	struct cursor c = cursor_init(list.data, list.len);
	const char *before = ", clusters ";

	for (; cursor_left(&c) >= 4; before = " ")
		add_identifier(out, before, cursor_u32(&c));
}

static void add_communities(struct text *out, const struct bgp_attrs *a)
{
	char buf[LIST_TEXT_MAX];

	if (a->has & BGP_HAS_COMMUNITIES)
		text_add(out, ", communities %s", bgp_communities_format(a->communities, buf, sizeof(buf)));
	if (a->has & BGP_HAS_EXTENDED_COMMUNITIES)
		text_add(out, ", extended communities %s",
			bgp_extended_communities_format(a->extended_communities, buf, sizeof(buf)));
	if (a->has & BGP_HAS_IPV6_EXTENDED_COMMUNITIES)
		text_add(out, ", IPv6 extended communities %s",
			bgp_ipv6_extended_communities_format(a->ipv6_extended_communities, buf, sizeof(buf)));
	if (a->has & BGP_HAS_LARGE_COMMUNITIES)
		text_add(out, ", large communities %s",
			bgp_large_communities_format(a->large_communities, buf, sizeof(buf)));
}

static void add_attributes(struct text *out, const struct bgp_attrs *a)
{
	char buf[LIST_TEXT_MAX];

	if (a->has & BGP_HAS_ORIGIN)
		text_add(out, ", origin %s", bgp_origin_text(a->origin));
	if (a->has & BGP_HAS_AS_PATH && a->as_path.len)
		text_add(out, ", AS path %s", bgp_as_path_format(a->as_path, buf, sizeof(buf)));
	if (a->has & BGP_HAS_MED)
		text_add(out, ", MED %u", a->med);
	if (a->has & BGP_HAS_LOCAL_PREF)
		text_add(out, ", local preference %u", a->local_pref);
	if (a->has & BGP_HAS_ORIGINATOR_ID)
		add_identifier(out, ", originator ", a->originator_id);
	if (a->has & BGP_HAS_CLUSTER_LIST)
		add_cluster_list(out, a->cluster_list);
	add_communities(out, a);
}

void bgp_describe_update(const struct bgp_update *u, struct text *out)
{
	struct text t = text_init(out->buf + out->len, out->size - out->len);
	bool announces = false;

	for (int f = 0; f < BGP_FAMILIES; f++) {
		add_prefixes(&t, "withdraws", (enum bgp_family)f, &u->withdrawn[f]);
		add_prefixes(&t, "announces", (enum bgp_family)f, &u->announced[f]);
		if (u->announced[f].count)
			add_next_hop(&t, &u->next_hop[f]);
		announces |= u->announced[f].count > 0;
		if (u->end_of_rib[f])
			text_add(&t, "%sEnd-of-RIB of %s", t.len ? "; " : "",
				bgp_family_text((enum bgp_family)f));
	}
	if (u->apart.count) {
		add_prefixes(&t, "announces", BGP_IPV4_UNICAST, &u->apart);
		add_next_hop(&t, &u->apart_next_hop);
	}
	if (announces)
		add_attributes(&t, &u->attrs);
	if (u->verdict != BGP_VERDICT_OK)
		text_add(&t, "%s%s: %s", t.len ? "; " : "", u->reason ? u->reason : "malformed",
			bgp_verdict_text(u->verdict));
	else if (t.len == 0)
		text_add(&t, "nothing");
	out->len += t.len;
	out->cut |= t.cut;
}

/* --- the others --- */

void bgp_describe_notification(const struct bgp_error *e, struct text *out)
{
	char said[256];

	text_add(out, "%s", bgp_error_code_text(e->code));
	if (e->subcode)
		text_add(out, "/%s", bgp_error_subcode_text(e->code, e->subcode));
	if (e->code == BGP_ERR_FSM && e->data_len == 1)
		text_add(out, " (%s)", bgp_message_type_text(e->data[0]));
	if (bgp_error_shutdown_text(e, said, sizeof(said))[0])
		text_add(out, ": \"%s\"", said);
}

void bgp_describe_refresh(const struct bgp_refresh *r, struct text *out)
{
	static const char *const subtype[] = { "request", "begin", "end" };
	enum bgp_family f;

	if (bgp_family_from_wire(r->afi, r->safi, &f))
		text_add(out, "%s", bgp_family_text(f));
	else
		text_add(out, "AFI %u SAFI %u", r->afi, r->safi);
	if (r->subtype <= BGP_REFRESH_END)
		text_add(out, ", %s", subtype[r->subtype]);
	else
		text_add(out, ", subtype %u", r->subtype);
}

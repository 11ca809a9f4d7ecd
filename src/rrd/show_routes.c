#include "rrd/show.h"

#include "base/mem.h"
#include "base/row_net.h"
#include "route/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The table, path by path. A walk that the table's changes do not disturb: rows of one small part of the table are made
 * at a time, so an answer of any length holds only a few.
 */
struct route_rows {
	struct rrd *rrd;
	enum bgp_family family, last_family;
	uint64_t at;
	bool filtered; /* only prefixes inside filter */
	struct prefix filter;
	bool detail;	  /* with the reason and the lists */
	struct row **row; /* made, not yet taken */
	size_t next, count, size;
};

static const struct ip_addr *peer_address(const struct route_path *p)
{
	return &route_peer_config(p->peer)->address;
}

static void put_attributes(struct row *r, const struct route_path *p)
{
	struct bgp_next_hop nh = route_attrs_next_hop(p->attrs);
	struct ip_addr addr = bgp_next_hop_addr(&nh);
	struct bgp_attrs a;
	char buf[1024];

	route_attrs_decode(p->attrs, &a);
	row_addr(r, "next-hop", &addr);
	row_addr(r, "from", peer_address(p));
	row_ipv4(r, "originator-id",
		p->attrs->flags & ROUTE_ATTRS_HAS_ORIGINATOR ? p->attrs->originator_id
							     : route_peer_config(p->peer)->router_id);
	row_int(r, "path-id", p->path_id_in);
	row_int(r, "local-pref", p->attrs->local_pref);
	if (a.has & BGP_HAS_MED)
		row_int(r, "med", a.med);
	row_text(r, "as-path", bgp_as_path_format(a.as_path, buf, sizeof(buf)));
	row_text(r, "origin", bgp_origin_text(a.origin));
	if (a.has & BGP_HAS_COMMUNITIES)
		row_text(r, "communities", bgp_communities_format(a.communities, buf, sizeof(buf)));
}

static void put_detail(struct row *r, struct rrd *rrd, struct route_entry *e, const struct route_path *p)
{
	struct row *clusters = row_new_list();
	struct bgp_attrs a;
	struct cursor c;
	char buf[1024];

	route_attrs_decode(p->attrs, &a);
	c = cursor_init(a.cluster_list.data, a.has & BGP_HAS_CLUSTER_LIST ? a.cluster_list.len : 0);
	while (cursor_left(&c) >= 4) {
		struct ip_addr id = ip_addr_v4(cursor_u32(&c));

		row_append_text(clusters, ip_addr_format(&id, buf));
	}
	row_put(r, "cluster-list", clusters);
	if (a.has & BGP_HAS_EXTENDED_COMMUNITIES)
		row_text(r, "extended-communities",
			bgp_extended_communities_format(a.extended_communities, buf, sizeof(buf)));
	if (a.has & BGP_HAS_LARGE_COMMUNITIES)
		row_text(r, "large-communities",
			bgp_large_communities_format(a.large_communities, buf, sizeof(buf)));
	row_text(r, "why", route_decide_why_text(route_engine_decide(rrd->engine), e, p, buf, sizeof(buf)));
}

static void push(struct route_rows *s, struct row *r)
{
	if (s->count == s->size) {
		s->size = s->size ? s->size * 2 : 16;
		s->row = mem_realloc(s->row, s->size * sizeof(*s->row));
	}
	s->row[s->count++] = r;
}

static void push_path(struct route_rows *s, struct route_entry *e, const struct route_path *p, bool best)
{
	struct prefix prefix = route_entry_prefix(e);
	uint64_t age_ms = rrd_now_ms(s->rrd) - (uint64_t)p->since_s * 1000;
	struct row *r = row_new();

	row_prefix(r, "prefix", &prefix);
	row_bool(r, "best", best);
	row_bool(r, "multipath", p->flags & ROUTE_PATH_MULTIPATH);
	put_attributes(r, p);
	row_int(r, "age-ms", (int64_t)age_ms);
	if (s->detail)
		put_detail(r, s->rrd, e, p);
	push(s, r);
}

static void push_entry(void *user, struct route_entry *e)
{
	struct route_rows *s = user;
	struct prefix prefix = route_entry_prefix(e);
	const struct route_path *best;

	if (s->filtered && !prefix_contains(&s->filter, &prefix))
		return;
	best = route_decide(route_engine_decide(s->rrd->engine), e);
	ROUTE_EACH_PATH (p, &e->paths)
		if (!(p->flags & ROUTE_PATH_GONE))
			push_path(s, e, p, p == best);
}

static bool make_more(struct route_rows *s)
{
	s->next = s->count = 0;
	while (s->count == 0) {
		if (route_rib_walk(route_engine_rib(s->rrd->engine, s->family), &s->at, push_entry, s))
			continue;
		if (s->count)
			break;
		if (s->family == s->last_family)
			return false;
		s->family = (enum bgp_family)(s->family + 1);
		s->at = 0;
	}
	return true;
}

static struct row *next_row(void *state, char *err)
{
	struct route_rows *s = state;

	err[0] = 0;
	if (s->next == s->count && (s->at == UINT64_MAX || !make_more(s)))
		return NULL;
	return s->row[s->next++];
}

static void done(void *state)
{
	struct route_rows *s = state;

	while (s->next < s->count)
		row_free(s->row[s->next++]);
	free(s->row);
	free(s);
}

static bool parse_filter(struct route_rows *s, const char *text, char *err)
{
	bool host_bits;

	if (prefix_parse(text, &s->filter, &host_bits))
		return true;
	snprintf(err, SHOW_ERROR_MAX,
		host_bits ? "%s has host bits set" : "%s is not a prefix, such as 10.1.1.0/24", text);
	return false;
}

static enum bgp_family family_of(const struct prefix *p)
{
	return p->family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;
}

/* One prefix: all rows at once. */
static void only_entry(struct route_rows *s)
{
	struct route_entry *e = route_rib_find(
		route_engine_rib(s->rrd->engine, family_of(&s->filter)), &s->filter);

	s->at = UINT64_MAX;
	if (e)
		push_entry(s, e);
}

bool show_routes(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct route_rows *s = mem_calloc(1, sizeof(*s));
	const char *prefix = row_get_text(args, "prefix");

	s->rrd = user;
	s->last_family = BGP_IPV6_UNICAST;
	*out = (struct control_answer){ next_row, done, s };
	if (!prefix)
		return true;
	if (!parse_filter(s, prefix, err)) {
		done(s);
		return false;
	}
	s->family = s->last_family = family_of(&s->filter);
	s->filtered = true;
	if (!row_get_bool(args, "longer", false))
		only_entry(s);
	return true;
}

bool show_route(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct route_rows *s = mem_calloc(1, sizeof(*s));
	const char *prefix = row_get_text(args, "prefix");

	s->rrd = user;
	s->detail = true;
	if (!prefix || !parse_filter(s, prefix, err)) {
		if (!prefix)
			snprintf(err, SHOW_ERROR_MAX, "which prefix? show route PREFIX [why]");
		done(s);
		return false;
	}
	s->filtered = true;
	only_entry(s);
	if (!s->count) {
		snprintf(err, SHOW_ERROR_MAX, "%s is not in the table", prefix);
		done(s);
		return false;
	}
	*out = (struct control_answer){ next_row, done, s };
	return true;
}

#include "rrd/path_row.h"

#include "base/row_net.h"
#include "route/peer.h"
#include "rrd/rrd.h"

enum { TEXT_MAX = 1024 };

static void put_communities(struct row *r, const struct bgp_attrs *a)
{
	char buf[TEXT_MAX];

	if (a->has & BGP_HAS_COMMUNITIES)
		row_text(r, "communities", bgp_communities_format(a->communities, buf, sizeof(buf)));
}

void path_row_put(struct row *r, const struct route_path *p)
{
	struct bgp_next_hop nh = route_attrs_next_hop(p->attrs);
	struct ip_addr addr = bgp_next_hop_addr(&nh);
	const struct route_peer_config *peer = route_peer_config(p->peer);
	struct bgp_attrs a;
	char buf[TEXT_MAX];

	route_attrs_decode(p->attrs, &a);
	row_addr(r, "next-hop", &addr);
	row_addr(r, "from", &peer->address);
	row_ipv4(r, "originator-id",
		p->attrs->flags & ROUTE_ATTRS_HAS_ORIGINATOR ? p->attrs->originator_id : peer->router_id);
	row_int(r, "path-id", p->path_id_in);
	row_int(r, "local-pref", p->attrs->local_pref);
	if (a.has & BGP_HAS_MED)
		row_int(r, "med", a.med);
	row_text(r, "as-path", bgp_as_path_format(a.as_path, buf, sizeof(buf)));
	row_text(r, "origin", bgp_origin_text(a.origin));
	put_communities(r, &a);
}

void path_row_put_attrs(struct row *r, const struct bgp_attrs *a, const struct bgp_next_hop *next_hop,
	const struct ip_addr *from, uint32_t path_id)
{
	struct ip_addr addr = bgp_next_hop_addr(next_hop);
	char buf[TEXT_MAX];

	row_addr(r, "next-hop", &addr);
	row_addr(r, "from", from);
	if (a->has & BGP_HAS_ORIGINATOR_ID)
		row_ipv4(r, "originator-id", a->originator_id);
	row_int(r, "path-id", path_id);
	if (a->has & BGP_HAS_LOCAL_PREF)
		row_int(r, "local-pref", a->local_pref);
	if (a->has & BGP_HAS_MED)
		row_int(r, "med", a->med);
	row_text(r, "as-path", bgp_as_path_format(a->as_path, buf, sizeof(buf)));
	row_text(r, "origin", bgp_origin_text(a->origin));
	put_communities(r, a);
}

void path_row_put_lists(struct row *r, const struct bgp_attrs *a)
{
	struct cursor c = cursor_init(
		a->cluster_list.data, a->has & BGP_HAS_CLUSTER_LIST ? a->cluster_list.len : 0);
	struct row *clusters = row_new_list();
	char buf[TEXT_MAX];

	while (cursor_left(&c) >= 4) {
		struct ip_addr id = ip_addr_v4(cursor_u32(&c));

		row_append_text(clusters, ip_addr_format(&id, buf));
	}
	row_put(r, "cluster-list", clusters);
	if (a->has & BGP_HAS_EXTENDED_COMMUNITIES)
		row_text(r, "extended-communities",
			bgp_extended_communities_format(a->extended_communities, buf, sizeof(buf)));
	if (a->has & BGP_HAS_IPV6_EXTENDED_COMMUNITIES)
		row_text(r, "ipv6-extended-communities",
			bgp_ipv6_extended_communities_format(a->ipv6_extended_communities, buf, sizeof(buf)));
	if (a->has & BGP_HAS_LARGE_COMMUNITIES)
		row_text(r, "large-communities",
			bgp_large_communities_format(a->large_communities, buf, sizeof(buf)));
}

void path_row_put_age(struct row *r, const struct rrd *rrd, const struct route_path *p)
{
	row_int(r, "age-ms", (int64_t)(rrd_now_ms(rrd) - (uint64_t)p->since_s * 1000));
}

#include "route/engine_private.h"
#include "route/peer_private.h"

#include <string.h>

/* RFC 4456 8: who first brought it into the AS, and through which clusters it came. */
static void reflect(const struct route_engine *e, const struct route_peer *source, struct bgp_attrs *a)
{
	uint8_t *list = arena_alloc(e->arena, (size_t)a->cluster_list.len + 4);
	struct writer w = writer_init(list, (size_t)a->cluster_list.len + 4);

	if (!(a->has & BGP_HAS_ORIGINATOR_ID))
		a->originator_id = source->cfg.router_id;
	writer_u32(&w, e->cfg.cluster_id);
	if (a->has & BGP_HAS_CLUSTER_LIST)
		writer_bytes(&w, a->cluster_list.data, a->cluster_list.len);
	a->cluster_list = (struct bgp_octets){ list, (uint16_t)writer_len(&w) };
	a->has |= BGP_HAS_ORIGINATOR_ID | BGP_HAS_CLUSTER_LIST;
}

/* RFC 4271 5.1: our AS in front; what is only for the inside stays inside, and so do extended communities that are not
 * transitive (RFC 4360 6) and what is of a confederation (RFC 5065 4). A MED that came from a neighboring AS is not for
 * other ones (5.1.4). */
static void leave_as(const struct route_engine *e, bool from_inside, struct bgp_attrs *a)
{
	a->has &= ~(uint32_t)(BGP_HAS_LOCAL_PREF | BGP_HAS_ORIGINATOR_ID | BGP_HAS_CLUSTER_LIST);
	if (a->has & BGP_HAS_EXTENDED_COMMUNITIES)
		a->extended_communities = bgp_extended_communities_transitive(
			a->extended_communities, BGP_EXTENDED_COMMUNITY_LEN, e->arena);
	if (a->has & BGP_HAS_IPV6_EXTENDED_COMMUNITIES)
		a->ipv6_extended_communities = bgp_extended_communities_transitive(
			a->ipv6_extended_communities, BGP_IPV6_EXTENDED_COMMUNITY_LEN, e->arena);
	a->as_path = bgp_as_path_leave_confederation(a->as_path, e->arena);
	if (a->as_path.len || !from_inside)
		a->has &= ~(uint32_t)BGP_HAS_MED;
	a->as_path = bgp_as_path_prepend(a->as_path, e->cfg.local_as, e->arena);
	a->has |= BGP_HAS_AS_PATH;
}

/* RFC 4271 5.1.5: no UPDATE to an internal peer goes without it, not even where the source left it out. Of a route from
 * outside it is the degree of preference that the decision here went by (GRACEFUL_SHUTDOWN: 0, RFC 8326 4), so that all in the
 * AS decide alike. */
static void stay_inside(const struct route_item *item, bool from_inside, struct bgp_attrs *a)
{
	if (a->has & BGP_HAS_LOCAL_PREF)
		return;
	a->local_pref = from_inside ? ROUTE_LOCAL_PREF_DEFAULT : item->attrs->local_pref;
	a->has |= BGP_HAS_LOCAL_PREF;
}

/* RFC 8326 3: the community, and nobody inside prefers it who knows another way. */
static void shut_down_gracefully(const struct route_engine *e, bool internal, struct bgp_attrs *a)
{
	size_t len = a->has & BGP_HAS_COMMUNITIES ? a->communities.len : 0;
	bool has = len && bgp_communities_contain(a->communities, BGP_COMMUNITY_GRACEFUL_SHUTDOWN);
	uint8_t *list = arena_alloc(e->arena, len + 4);
	struct writer w = writer_init(list, len + 4);

	if (internal)
		a->local_pref = 0;
	if (has || len + 4 > UINT16_MAX)
		return;
	if (len)
		writer_bytes(&w, a->communities.data, len);
	writer_u32(&w, BGP_COMMUNITY_GRACEFUL_SHUTDOWN);
	a->communities = (struct bgp_octets){ list, (uint16_t)writer_len(&w) };
	a->has |= BGP_HAS_COMMUNITIES;
}

void route_outgoing(struct route_group *g, const struct route_item *item, struct bgp_attrs *attrs,
	struct bgp_next_hop *nh)
{
	struct route_engine *e = g->engine;
	bool from_inside = item->source->cfg.type != ROUTE_PEER_EBGP;

	arena_reset(e->arena);
	route_attrs_decode(item->attrs, attrs);
	*nh = route_attrs_next_hop(item->attrs);
	if (g->key.type == ROUTE_PEER_EBGP)
		leave_as(e, from_inside, attrs);
	else
		stay_inside(item, from_inside, attrs);
	if (g->key.type != ROUTE_PEER_EBGP && from_inside)
		reflect(e, item->source, attrs);
	if (g->key.graceful_shutdown)
		shut_down_gracefully(e, g->key.type != ROUTE_PEER_EBGP, attrs);
	if (g->key.next_hop_self)
		*nh = bgp_next_hop_from_addr(&g->key.local);
}

enum {
	/* What attributes may grow by on their way out and what stands around them in the message, with room to spare. */
	AROUND_ATTRS = 256,
};

/* Twice: AS4_PATH beside AS_PATH. */
static bool fits_surely(const struct route_group *g, const struct route_path *path)
{
	size_t octets = path->attrs->octets_len;

	return (g->key.as4 ? octets : 2 * octets) + AROUND_ATTRS <= g->key.max_len;
}

static bool fits_by_trial(struct route_group *g, const struct route_path *path)
{
	struct route_item item;
	struct bgp_update_opts opts = route_group_update_opts(g);
	struct bgp_next_hop nh;
	struct bgp_attrs attrs;
	struct writer w;
	uint8_t *room;
	bool fits;

	route_group_item(g, path, path->attrs, &item);
	route_outgoing(g, &item, &attrs, &nh);
	room = arena_alloc(g->engine->arena, opts.max_len);
	do {
		w = writer_init(room, opts.max_len);
		fits = bgp_update_encode_announce(&w, &opts, &attrs, &nh, &item.nlri, 1) == 1;
	} while (!fits && route_pack_make_room(&attrs));
	return fits;
}

bool route_outgoing_fits(struct route_group *g, const struct route_path *path)
{
	return fits_surely(g, path) || fits_by_trial(g, path);
}

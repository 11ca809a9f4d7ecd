/* What one peer was told of a path: the group's mark on it, and the attributes as they went out. */
#include "route/engine_private.h"
#include "route/peer_private.h"

bool route_peer_told(const struct route_peer *p, const struct route_path *path, struct route_told *out)
{
	const struct prefix prefix = route_entry_prefix(path->entry);
	enum bgp_family f = prefix.family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;
	const struct route_member *m = p->member[f];
	struct route_item item = { .attrs = path->attrs, .source = path->peer };
	const struct route_sent *sent;

	if (!m || path->flags & ROUTE_PATH_GONE || path->peer == p)
		return false;
	sent = route_rib_sent(m->group->rib);
	if (!route_sent_any(sent, path->sent, m->group->id))
		return false;
	out->pending = !route_sent_current(sent, path->sent, m->group->id);
	out->path_id = route_group_add_path(m->group) ? path->path_id_out : 0;
	route_outgoing(m->group, &item, &out->attrs, &out->next_hop);
	return true;
}

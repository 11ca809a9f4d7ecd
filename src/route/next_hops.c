#include "route/next_hops.h"

#include "base/mem.h"
#include "route/peer_private.h"

#include <stdlib.h>

void route_balancers_fini(struct route_balancers *b)
{
	free(b->item);
	*b = (struct route_balancers){ 0 };
}

static struct route_balancer balancer_of(const struct route_path *p)
{
	struct bgp_next_hop nh = route_attrs_next_hop(p->attrs);

	return (struct route_balancer){
		.next_hop = bgp_next_hop_addr(&nh),
		.originator_id = p->attrs->flags & ROUTE_ATTRS_HAS_ORIGINATOR ? p->attrs->originator_id
									      : p->peer->cfg.router_id,
		.bandwidth = p->attrs->bandwidth,
	};
}

static void add(struct route_balancers *b, const struct route_path *p)
{
	if (b->count == b->size) {
		b->size = b->size ? b->size * 2 : 64;
		b->item = mem_realloc(b->item, b->size * sizeof(*b->item));
	}
	b->item[b->count++] = balancer_of(p);
}

bool route_balancers_of(struct route_decide *d, struct route_entry *e, struct route_balancers *b,
	const struct route_path **bad)
{
	b->count = 0;
	if (bad)
		*bad = NULL;
	if (!route_decide(d, e))
		return false;
	ROUTE_EACH_PATH (p, &e->paths) {
		if (!(p->flags & ROUTE_PATH_MULTIPATH))
			continue;
		add(b, p);
		if (bad && p->attrs->flags & ROUTE_ATTRS_BAD_BANDWIDTH)
			*bad = p;
	}
	return true;
}

#include "route/next_hops.h"

#include "base/mem.h"
#include "route/peer_private.h"

#include <stdlib.h>

struct balancer {
	struct ip_addr next_hop;
	uint32_t originator_id;
};

static int balancer_cmp(const void *a, const void *b)
{
	const struct balancer *x = a, *y = b;
	int c = ip_addr_cmp(&x->next_hop, &y->next_hop);

	if (c)
		return c;
	return x->originator_id < y->originator_id ? -1 : x->originator_id > y->originator_id;
}

static struct balancer balancer_of(const struct route_path *p)
{
	struct bgp_next_hop nh = route_attrs_next_hop(p->attrs);

	return (struct balancer){
		.next_hop = bgp_next_hop_addr(&nh),
		.originator_id = p->attrs->flags & ROUTE_ATTRS_HAS_ORIGINATOR ? p->attrs->originator_id
									      : p->peer->cfg.router_id,
	};
}

static size_t count_balancers(
	const struct balancer *list, size_t count, struct route_next_hop *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (i && balancer_cmp(&list[i], &list[i - 1]) == 0)
			continue;
		if (n && ip_addr_equal(&out[n - 1].addr, &list[i].next_hop)) {
			if (out[n - 1].weight < 255)
				out[n - 1].weight++;
			continue;
		}
		if (n == max)
			break;
		out[n++] = (struct route_next_hop){ list[i].next_hop, 1 };
	}
	return n;
}

size_t route_next_hops(struct route_decide *d, struct route_entry *e, struct route_next_hop *out, size_t max)
{
	struct balancer few[64], *list = few;
	size_t count = 0, n;

	if (!route_decide(d, e))
		return 0;
	for (struct route_path *p = e->paths; p; p = p->next)
		count += (p->flags & ROUTE_PATH_MULTIPATH) != 0;
	if (count > sizeof(few) / sizeof(few[0]))
		list = mem_alloc(count * sizeof(*list));
	count = 0;
	for (struct route_path *p = e->paths; p; p = p->next)
		if (p->flags & ROUTE_PATH_MULTIPATH)
			list[count++] = balancer_of(p);
	qsort(list, count, sizeof(*list), balancer_cmp);
	n = count_balancers(list, count, out, max);
	if (list != few)
		free(list);
	return n;
}

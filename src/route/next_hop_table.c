#include "route/next_hop_table.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void route_hops_init(struct route_hops *h, bool check, const struct route_hops_ops *ops, void *user)
{
	*h = (struct route_hops){ .check = check, .user = user };
	if (ops)
		h->ops = *ops;
}

void route_hops_fini(struct route_hops *h)
{
	hash_fini(&h->table);
}

/* Why no packet can be sent to an address, whatever the routing table says; or NULL. */
static const char *nobodys(const struct ip_addr *a)
{
	if (ip_addr_is_any(a))
		return "it is the unspecified address";
	if (a->family == IP_V4 && a->bytes[0] == 0)
		return "it is in 0.0.0.0/8, which is nobody's";
	if (ip_addr_is_loopback(a))
		return "it is a loopback address";
	if (ip_addr_is_multicast(a))
		return "it is a multicast address";
	return NULL;
}

static struct route_hop *find(const struct route_hops *h, const struct ip_addr *addr, uint32_t hash)
{
	for (struct hash_node *n = hash_first(&h->table, hash); n; n = hash_next(n)) {
		struct route_hop *hop = HASH_ENTRY(n, struct route_hop, node);

		if (ip_addr_equal(&hop->addr, addr))
			return hop;
	}
	return NULL;
}

const struct route_hop *route_hops_find(const struct route_hops *h, const struct ip_addr *addr)
{
	return find(h, addr, ip_addr_hash(addr));
}

static struct route_hop *add(struct route_hops *h, const struct ip_addr *addr, uint32_t hash)
{
	struct route_hop *hop = mem_calloc(1, sizeof(*hop));

	hop->addr = *addr;
	hop->reach.eligible = true;
	hash_add(&h->table, &hop->node, hash);
	if (!h->check)
		return hop;
	hop->reach.why = nobodys(addr);
	hop->reach.eligible = !hop->reach.why;
	hop->known = hop->reach.why;
	if (!hop->known && h->ops.used)
		h->ops.used(h->user, addr);
	return hop;
}

struct route_hop *route_hops_ref(struct route_hops *h, const struct ip_addr *addr)
{
	uint32_t hash = ip_addr_hash(addr);
	struct route_hop *hop = find(h, addr, hash);

	if (!hop)
		hop = add(h, addr, hash);
	hop->paths++;
	return hop;
}

void route_hops_unref(struct route_hops *h, struct route_hop *hop)
{
	if (--hop->paths)
		return;
	hash_del(&h->table, &hop->node);
	if (h->check && !nobodys(&hop->addr) && h->ops.unused)
		h->ops.unused(h->user, &hop->addr);
	free(hop);
}

bool route_hops_tell(struct route_hops *h, const struct ip_addr *addr, const struct route_reach *reach)
{
	struct route_hop *hop = find(h, addr, ip_addr_hash(addr));
	bool matters;

	if (!hop || !h->check || nobodys(addr))
		return false;
	matters = hop->reach.eligible != reach->eligible ||
		  (reach->eligible && hop->reach.interior_cost != reach->interior_cost);
	hop->known = true;
	hop->reach = *reach;
	if (matters)
		hop->changed = ++h->changes;
	return matters;
}

const char *route_hop_state_text(const struct route_hops *h, const struct route_hop *hop)
{
	if (!h->check)
		return "unchecked";
	if (!hop->known)
		return "pending";
	return hop->reach.eligible ? "eligible" : "ineligible";
}

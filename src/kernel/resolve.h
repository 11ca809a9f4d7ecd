/*
 * How the kernel reaches a next hop: interface, and the gateway when it is not on-link. Asks the kernel's own lookup.
 *
 * A next hop does not count as reachable through a route of ours (it would resolve through itself), through the
 * default route unless that is allowed, or when it is no address a packet can be sent to.
 */
#pragma once

#include "base/prefix.h"
#include "kernel/message.h"
#include "kernel/netlink.h"
#include "kernel/plan.h"

void resolve_next_hop(struct netlink *nl, const struct message_ours *ours, bool via_default,
	const struct ip_addr *addr, struct plan_resolution *out);

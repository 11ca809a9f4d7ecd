/*
 * The `local` route that makes a whole prefix our own, as a load balancer needs it for its service's addresses
 * (ip route add local PREFIX dev lo), and two questions to the kernel about our own addresses.
 *
 * Synchronous, in the network namespace of the calling thread. Stands beside the FIB and shares nothing with it.
 */
#pragma once

#include "base/prefix.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct local_route {
	struct prefix prefix;
	bool created; /* by us: it was not there before */
};

/* Puts the route in; one that is there already is right and stays the property of whoever made it. Adding twice is adding
 * once. False with a reason in err that says what to do. */
bool local_route_add(struct local_route *r, const struct prefix *prefix, char *err, size_t err_size);
/* Takes the route out if we have created it; one that is gone already is right. */
bool local_route_del(struct local_route *r, char *err, size_t err_size);

/* The source address the kernel would give a packet to an address. */
bool local_route_source(const struct ip_addr *to, struct ip_addr *out, char *err, size_t err_size);
/* The name of the interface that has an address. */
bool local_route_interface(const struct ip_addr *addr, char out[IF_NAMESIZE], char *err, size_t err_size);

/*
 * The `local` route that makes a whole prefix our own, as a load balancer needs it for its service's addresses
 * (ip route add local PREFIX dev lo), and questions to the kernel about our own addresses and the ways to others.
 *
 * Synchronous, in the network namespace of the calling thread. Stands beside the FIB and shares nothing with it.
 */
#pragma once

#include "base/prefix.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct local_route;

/* Puts the route in, with protocol bgp, on an interface ("lo" is always right). One that is there already is right too: with
 * our protocol it was left by an announcer that was killed, and is ours again; with another it stays its maker's. NULL
 * with a reason in err that says what to do, as when another process in this network namespace has it. */
struct local_route *local_route_add(
	const struct prefix *prefix, const char *interface, char *err, size_t err_size);
/* To another interface; at no time the prefix is not local. False, with a reason in err and nothing changed. */
bool local_route_move(struct local_route *r, const char *interface, char *err, size_t err_size);
/* Puts it in again where somebody has taken it out. 0: it was there; 1: it was not; a negative errno with a reason in err. */
int local_route_mend(const struct local_route *r, char *err, size_t err_size);
/* Takes the route out if it is ours by its protocol (one that is gone already is right; a failure is logged) and frees r. */
void local_route_del(struct local_route *r);

/* The source address the kernel would give a packet to an address; false: it has no way there. */
bool local_route_source(const struct ip_addr *to, struct ip_addr *out);
/* The name of the interface that has an address; false: none. */
bool local_route_interface(const struct ip_addr *addr, char out[IF_NAMESIZE]);

/* The networks that we are on, of both families, without loopback's and link-local ones; returns how many there are, which may be more
 * than max. */
size_t local_route_networks(struct prefix *out, size_t max);

/* How the kernel would send a packet. */
struct local_route_way {
	bool there; /* it has a way */
	bool local; /* the address is our own */
	uint32_t mtu;
	char interface[IF_NAMESIZE];
};

void local_route_way(const struct ip_addr *to, struct local_route_way *out);

/*
 * Routes in the network namespace of the node we run on: PREFIX via our address, so that the node hands us the packets of
 * a service. Fig. 7(b)(2) of the paper, by address instead of by interface: no question of who answers for the prefix.
 *
 * Synchronous. Our own network namespace is never left: only the netlink socket is made in the other one. Of two that want
 * the same prefix the second is refused; which one should have it is not for either of them to decide.
 */
#pragma once

#include "base/prefix.h"

#include <stddef.h>

struct node_netns;
struct node_route;

/* path: the namespace as a file, such as /proc/1/ns/net. NULL with a reason in err that says what to do. */
struct node_netns *node_netns_open(const char *path, char *err, size_t err_size);
/* Its routes stay as they are; call node_route_del() for each before. */
void node_netns_close(struct node_netns *n);

/* Puts the route into table main, with protocol bgp. One that is there already by this gateway is right too: with our
 * protocol it was left by one who was killed, and is ours again; with another it stays its maker's. NULL with a reason in
 * err: above all, that another gateway has the prefix. */
struct node_route *node_route_add(struct node_netns *n, const struct prefix *prefix,
	const struct ip_addr *gateway, char *err, size_t err_size);
/* Takes the route out if it is ours by gateway and protocol (one that is gone already is right; a failure is logged) and
 * frees r. */
void node_route_del(struct node_route *r);

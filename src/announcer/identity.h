/*
 * Who this pod is: its addresses, its BGP Identifier, and the node it runs on.
 *
 * What the configuration leaves to `auto` is found from the environment, as the Kubernetes downward API sets it, and from
 * the kernel's choice of source address. The identifier is always the pod's own: two load-balancer pods on one node that
 * both used the node's address would be one and the same to everybody (the reason why a reflector stands in the overlay).
 */
#pragma once

#include "base/prefix.h"
#include "config/announcer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct identity {
	struct ip_addr pod[2];	/* IPv4, IPv6; IP_NONE: none known */
	struct ip_addr node[2]; /* the same */
	uint32_t router_id;
};

/* The address of a family; NULL: none known. */
const struct ip_addr *identity_pod(const struct identity *id, uint8_t family);
const struct ip_addr *identity_node(const struct identity *id, uint8_t family);

/* getenv: where the environment comes from. source: the address the kernel would use towards another; false: no route.
 * False, and what to do in err, when something that is needed cannot be found. */
bool identity_find(struct identity *id, const struct config_announcer *cfg,
	const char *(*env)(const char *name), bool (*source)(const struct ip_addr *to, struct ip_addr *out),
	char *err, size_t err_size);

/* The same of a running speaker whose configuration is another now: its addresses stay as they were found, and so does the
 * identifier that was found and not given. before, cfg_before: what it is and whose. */
bool identity_again(struct identity *id, const struct identity *before,
	const struct config_announcer *cfg_before, const struct config_announcer *cfg,
	bool (*source)(const struct ip_addr *to, struct ip_addr *out), char *err, size_t err_size);

/* The next hop of a service of cfg: what it says itself, or the node's address. False, and what to do in err, when that is not known. */
bool identity_next_hop(const struct identity *id, const struct config_announcer *cfg,
	const struct config_service *c, struct ip_addr *out, char *err, size_t err_size);

/* Whether all that the configuration leaves to be found can be found here: identity_find() and every next hop. */
bool identity_check(const struct config_announcer *cfg, const char *(*env)(const char *name),
	bool (*source)(const struct ip_addr *to, struct ip_addr *out), char *err, size_t err_size);

/* The process's own environment, for the above. */
const char *identity_environment(const char *name);

/* A stable identifier for a speaker without IPv4 address: a hash of its IPv6 address, never 0. */
uint32_t identity_hash(const struct ip_addr *a);

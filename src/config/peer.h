/*
 * What may be said of a peer: in a peer group, for a neighbor of its own, and so for all that a range lets in.
 *
 * One structure and one table for all three. What holds for a neighbor is the default, then its group's keys, then its
 * own, key by key also inside import, export and add-paths: a neighbor that sets import.max-prefixes keeps its group's
 * list of prefixes.
 */
#pragma once

#include "base/prefix.h"
#include "bgp/proto.h"
#include "config/bfd.h"
#include "config/schema.h"
#include "config/secret.h"

enum config_peer_as_kind {
	CONFIG_PEER_AS_INTERNAL, /* the router's own */
	CONFIG_PEER_AS_EXTERNAL, /* any but the router's own */
	CONFIG_PEER_AS_ANY,
	CONFIG_PEER_AS_NUMBER,
};

struct config_peer_as {
	enum config_peer_as_kind kind;
	uint32_t number; /* NUMBER; INTERNAL: once the router's AS is known; else 0 */
};

enum config_add_path_send {
	CONFIG_SEND_BEST,      /* no add-path: the best path */
	CONFIG_SEND_ALL,       /* every path */
	CONFIG_SEND_BEST_N,    /* the best N paths */
	CONFIG_SEND_MULTIPATH, /* the best path and those equal to it */
};

struct config_add_path {
	enum config_add_path_send send;
	uint16_t best; /* BEST_N: N */
};

/* A prefix with its own length, or with any from ge to le. */
struct config_prefix_rule {
	struct prefix prefix;
	uint8_t ge, le;
};

/* Which routes pass. Both lists must let a route pass; an empty list lets all. */
struct config_policy {
	bool none; /* no route passes, whatever the lists say */
	struct config_prefix_rule *rules;
	size_t rule_count;
	struct prefix *next_hops; /* import: where the next hop must be */
	size_t next_hop_count;
	uint32_t max_prefixes; /* import: 0: no limit */
};

struct config_peer {
	bool enabled;
	const char *description;
	struct config_peer_as as;
	struct ip_addr local_address; /* IP_NONE: the kernel's choice */
	uint16_t port;
	bool route_reflector_client, passive, next_hop_self;
	uint16_t hold_time_s, min_hold_time_s, keepalive_s, send_hold_time_s;
	uint16_t connect_retry_s, connect_retry_max_s;
	uint16_t idle_hold_s, idle_hold_max_s;
	uint16_t advertisement_interval_s;
	uint32_t keep_rejected;	   /* refused routes that are remembered */
	uint8_t multihop_ttl;	   /* 0: the kernel's default */
	uint8_t ttl_security_hops; /* 0: off */
	bool family[BGP_FAMILIES];
	struct config_add_path add_path_send;
	bool add_path_receive;
	bool extended_messages, extended_next_hop, route_refresh;
	struct config_secret password; /* TCP-MD5 */
	const char *tcp_ao;	       /* never set: no build has it */
	struct config_policy import, export;
	struct config_bfd bfd;
};

/* A struct config_prefix_rule as a scalar. */
extern const struct config_scalar config_rule;
extern const struct config_schema config_peer_schema;

/* Checks that need the router's AS and more than one key. p is what holds, own the keys of the peer or group itself and
 * group those of its group, or NULL: an error stands where one of own's keys made it, and nothing is said about what
 * the group alone got wrong. */
struct config_peer_check {
	struct config_errors *errs;
	const struct config_node *own, *group;
	uint32_t router_as; /* 0: not known */
};
void config_peer_check(const struct config_peer_check *c, const struct config_peer *p);

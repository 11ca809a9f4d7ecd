/*
 * lb-announcer.conf as a structure: what a load balancer's pod announces, and to whom.
 *
 * What is "auto" stays open here: the pod's and the node's address are found by the program, from the environment whose
 * names stand under environment, or from the interface. That the identifier is the pod's and never the node's is
 * checked there too. All text and lists belong to the structure.
 */
#pragma once

#include "base/prefix.h"
#include "config/announcer_condition.h"
#include "config/announcer_gate.h"
#include "config/bfd.h"
#include "config/common.h"
#include "config/secret.h"

struct config_announcer_router {
	uint32_t as;
	uint32_t router_id;	      /* host byte order; 0: auto */
	struct ip_addr local_address; /* IP_NONE: auto */
	uint64_t capacity_bit_s;      /* of a service that says nothing else; never 0 */
	bool capacity_by_health;      /* the same */
};

/* A reflector to announce to. */
struct config_reflector {
	struct config_head head;
	struct ip_addr address;
	uint32_t peer_as;
	uint16_t port;
	struct ip_addr local_address; /* the router's unless given; IP_NONE: auto */
	const char *description;
	uint16_t hold_time_s, keepalive_s;
	uint16_t connect_retry_s, connect_retry_max_s;
	uint16_t idle_hold_s, idle_hold_max_s;
	uint8_t ttl_security_hops;     /* 0: off */
	struct config_secret password; /* TCP-MD5 */
	const char *tcp_ao;	       /* never set: no build has it */
	struct config_bfd bfd;
};

struct config_med {
	bool set;
	uint32_t value;
};

struct config_service {
	struct config_head head;
	struct prefix prefix;
	struct ip_addr next_hop; /* IP_NONE: auto, the node's address */
	struct config_med med;
	uint32_t local_preference;
	uint32_t *communities;
	size_t community_count;
	bool local_route;
	const char *interface;	 /* of the local route */
	uint64_t capacity_bit_s; /* the router's unless given */
	bool capacity_by_health; /* the same */
	/* What lb-ipvs-agent must say for it to be announced; only where there is an agent. */
	const char **agent_services; /* none: all whose address is in the prefix */
	size_t agent_service_count;
	struct config_need min_healthy, min_healthy_return;
	uint16_t return_delay_s;
	struct config_condition *conditions;
	size_t condition_count;
	struct config_on_change on_change;
};

/* How the announcer leaves. */
enum config_drain_method {
	CONFIG_DRAIN_WEIGHT,		/* link bandwidth 0 */
	CONFIG_DRAIN_GRACEFUL_SHUTDOWN, /* RFC 8326 */
};

struct config_drain {
	unsigned method; /* enum config_drain_method */
	uint16_t time_s, linger_s;
	const char *file; /* while it exists we are drained; NULL: none */
};

struct config_node_route {
	const char *socket; /* of lb-announcer --node; NULL: it is not asked */
	const char *netns;  /* a file; NULL: the node has no route of ours */
};

struct config_environment {
	const char *pod_ip, *node_ip; /* names of environment variables */
};

struct config_announcer {
	struct arena *arena;
	const struct config_node *root; /* of the tree it was read from */
	struct config_announcer_router router;
	struct config_reflector *neighbors;
	size_t neighbor_count;
	struct config_service *services;
	size_t service_count;
	struct config_agent_link agent;
	struct config_drain drain;
	struct config_node_route node_route;
	struct config_environment environment;
	struct config_bfd_daemon bfd;
	struct config_control control;
	struct config_log log;
};

extern const struct config_schema config_announcer_schema, config_reflector_schema;

/* NULL when anything is wrong; errs then holds all of it. */
struct config_announcer *config_announcer_load(const char *path, struct config_errors *errs);
struct config_announcer *config_announcer_parse(
	const char *text, size_t len, const char *name, struct config_errors *errs);
void config_announcer_free(struct config_announcer *c);

/* What no key alone can tell (announcer_check.c). */
void config_announcer_check(
	const struct config_announcer *c, const struct config_node *root, struct config_errors *errs);

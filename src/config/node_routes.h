/*
 * lb-announcer-node.conf as a structure: which routes of the node lb-announcer --node writes, and for whom.
 *
 * Who may connect to the socket may have the packets of any prefix in services sent to any address in pods: the two
 * lists are what keeps a pod from taking anything else. All text and lists belong to the structure.
 */
#pragma once

#include "base/prefix.h"
#include "config/common.h"
#include "config/fib.h"

struct config_node_group {
	enum config_group_type type;
	uint16_t buckets;
	uint32_t idle_timer_s, unbalanced_timer_s;
};

enum config_hash { CONFIG_HASH_OWN, CONFIG_HASH_KEEP };

struct config_node_settings {
	const char *socket;
	const char *socket_group; /* NULL: none */
	struct prefix *services, *pods;
	size_t service_count, pod_count;
	uint32_t table;
	uint32_t metric;
	uint8_t protocol;
	uint32_t next_hop_id_base, next_hop_id_count;
	struct config_node_group group;
	uint32_t restart_time_s, compare_interval_s; /* compare_interval_s 0: never */
	enum config_sysctls sysctls;
	enum config_hash hash;
	enum config_on_exit on_exit;
};

struct config_node_routes {
	struct arena *arena;
	const struct config_node *root; /* of the tree it was read from */
	struct config_node_settings node;
	struct config_control control;
	struct config_log log;
};

extern const struct config_schema config_node_routes_schema;

/* NULL when anything is wrong; errs then holds all of it. */
struct config_node_routes *config_node_routes_load(const char *path, struct config_errors *errs);
struct config_node_routes *config_node_routes_parse(
	const char *text, size_t len, const char *name, struct config_errors *errs);
void config_node_routes_free(struct config_node_routes *c);
/* Whether services of a family may be registered. */
bool config_node_has_services(const struct config_node_settings *n, uint8_t family);

/*
 * rrd.conf as a structure: read whole, checked whole, then never changed.
 *
 * Everything is filled in: defaults, and for each neighbor and range what holds for it after its peer group was merged in.
 * All text and lists belong to the structure. Nothing here asks the system but for the files of passwords: whether a
 * group of users or an interface exists shows when the daemon starts.
 */
#pragma once

#include "base/prefix.h"
#include "config/common.h"
#include "config/fib.h"
#include "config/peer.h"

struct config_router {
	uint32_t as;
	uint32_t router_id;  /* host byte order */
	uint32_t cluster_id; /* host byte order */
	bool always_compare_med;
	bool as_path_relax;
	uint16_t multipath_max;
	bool next_hop_check;
};

struct config_listen {
	struct config_head head;
	struct ip_addr address;
	uint16_t port;
};

struct config_group {
	struct config_head head; /* with its name */
	struct config_peer peer;
};

struct config_range {
	struct config_head head;
	struct prefix prefix;
	const char *peer_group;
	uint32_t limit;	     /* sessions */
	uint32_t limit_rate; /* new ones in a second; 0: any number */
	struct config_secret password;
	struct config_peer peer; /* the group's, with the minimum hold time and the password of the range */
};

struct config_neighbor {
	struct config_head head;
	struct ip_addr address;
	const char *peer_group;	 /* NULL: none */
	struct config_peer peer; /* merged */
};

enum config_on_empty { CONFIG_ON_EMPTY_REMOVE, CONFIG_ON_EMPTY_UNREACHABLE, CONFIG_ON_EMPTY_BLACKHOLE };

enum { CONFIG_FIB_GROUPS_MAX = 64 };

/* The kind of next-hop groups for some prefixes. */
struct config_fib_group {
	struct config_head head;
	struct config_prefix_rule *rules;
	size_t rule_count;
	enum config_group_type type;
	uint16_t buckets;
	uint32_t idle_timer_s, unbalanced_timer_s;
	uint32_t link_bandwidth_unit; /* octets/s; 0: that of the FIB */
};

struct config_fib {
	bool enabled;
	uint32_t table;
	uint32_t metric;
	uint8_t protocol;
	uint32_t next_hop_id_base, next_hop_id_count;
	enum config_on_empty on_empty;
	struct config_fib_group *groups; /* the first that fits a prefix decides */
	size_t group_count;
	uint32_t max_resilient_groups;
	bool resolve_via_default;
	uint32_t restart_time_s, compare_interval_s; /* compare_interval_s 0: never */
	enum config_sysctls sysctls;
	enum config_on_exit on_exit;
	uint32_t link_bandwidth_unit; /* octets/s; 0: chosen */
};

struct config_rrd {
	struct arena *arena;
	const struct config_node *root; /* the file's tree */
	struct config_router router;
	struct config_listen *listen;
	size_t listen_count;
	struct config_group *groups;
	size_t group_count;
	struct config_range *ranges;
	size_t range_count;
	struct config_neighbor *neighbors;
	size_t neighbor_count;
	struct config_fib fib;
	struct config_bfd_daemon bfd;
	struct config_control control;
	struct config_log log;
};

extern const struct config_schema config_rrd_schema;

/* NULL when anything is wrong; errs then holds all of it. */
struct config_rrd *config_rrd_load(const char *path, struct config_errors *errs);
/* The same of text in memory; name stands for the file's in messages. */
struct config_rrd *config_rrd_parse(
	const char *text, size_t len, const char *name, struct config_errors *errs);
void config_rrd_free(struct config_rrd *c);

/* Contradictions, names of things that are not there, things that are there twice (rrd_check.c). */
void config_rrd_check(const struct config_rrd *c, const struct config_node *root, struct config_errors *errs);

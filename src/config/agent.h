/*
 * lb-ipvs-agent.conf as a structure: the virtual services, where their servers come from, how they are checked and drained.
 *
 * What is written under `defaults` is applied to every service before its own keys. All text and lists belong to the
 * structure. Units stand in the names; ports are in host byte order.
 */
#pragma once

#include "base/prefix.h"
#include "config/check.h"
#include "config/common.h"
#include "config/endpoints.h"
#include "config/kubernetes.h"

enum config_forward { CONFIG_FORWARD_NAT, CONFIG_FORWARD_DR, CONFIG_FORWARD_TUN };
enum config_tunnel_type { CONFIG_TUNNEL_IPIP, CONFIG_TUNNEL_GUE, CONFIG_TUNNEL_GRE };
enum config_tunnel_checksum {
	CONFIG_TUNNEL_NO_CHECKSUM,
	CONFIG_TUNNEL_CHECKSUM,
	CONFIG_TUNNEL_REMOTE_CHECKSUM
};
enum config_service_flag {
	CONFIG_MH_FALLBACK,
	CONFIG_MH_PORT,
	CONFIG_SH_FALLBACK,
	CONFIG_SH_PORT,
	CONFIG_SERVICE_FLAGS
};

struct config_tunnel {
	unsigned type;	   /* enum config_tunnel_type */
	uint16_t port;	   /* GUE */
	unsigned checksum; /* enum config_tunnel_checksum */
};

struct config_persistence {
	uint32_t timeout_s; /* 0: not persistent */
	uint8_t prefix_len; /* 0: the whole address */
	const char *engine; /* "sip" or NULL */
};

enum config_source_kind {
	CONFIG_SOURCE_NONE,
	CONFIG_SOURCE_STATIC,
	CONFIG_SOURCE_FILE,
	CONFIG_SOURCE_DIRECTORY,
	CONFIG_SOURCE_DNS,
	CONFIG_SOURCE_KUBERNETES
};

struct config_source_dns {
	const char *name;    /* NULL: none */
	uint32_t interval_s; /* between two questions */
	unsigned family;     /* enum ip_family; IP_NONE: both, with tunnels (any is filled in otherwise) */
};

struct config_static_server {
	struct config_head head;
	struct endpoint endpoint;
};

struct config_source {
	enum config_source_kind kind; /* set by the check: exactly one of what follows is given */
	struct config_static_server *servers;
	size_t server_count;
	const char *file, *directory;
	struct config_source_dns dns;
	struct config_source_kubernetes kubernetes;
};

enum config_leave { CONFIG_LEAVE_AUTO, CONFIG_LEAVE_KEEP, CONFIG_LEAVE_DRAIN, CONFIG_LEAVE_CUT };

struct config_server_drain {
	uint32_t time_s; /* the deadline for active connections */
	unsigned
		on_failure; /* enum config_leave: what becomes of a server whose check fails; auto is filled in */
	unsigned udp;	    /* CONFIG_LEAVE_DRAIN or _CUT: of a server that leaves, for UDP */
};

struct config_virtual {
	struct config_head head;
	bool wrong;		/* one of its keys is: contradictions are not looked for */
	const char *name;	/* given, or made of the key: "10.1.1.1:80/tcp", "mark:7/ipv4" */
	unsigned protocol;	/* IPPROTO_*; 0 with a mark */
	struct ip_addr address; /* IP_NONE with a mark */
	uint16_t port;
	uint32_t mark;
	unsigned family; /* enum ip_family, of a mark; else the address's */
	const char *scheduler;
	bool flags[CONFIG_SERVICE_FLAGS];
	bool one_packet;
	struct config_persistence persistence;
	unsigned forward; /* enum config_forward */
	struct config_tunnel tunnel;
	uint16_t server_port; /* 0: the service's own */
	int32_t weight;
	uint32_t upper_threshold, lower_threshold;
	struct config_source source;
	struct config_check *checks;
	size_t check_count;
	struct config_server_drain drain;
};

struct config_ipvs_timeouts {
	uint32_t tcp_s, tcp_fin_s, udp_s; /* 0: as the kernel has it */
};

/* Settings of net.ipv4.vs; a value below 0 means auto: what the services need. */
struct config_vs_sysctls {
	int conntrack, expire_nodest_conn, expire_quiescent_template, conn_reuse_mode, sloppy_tcp,
		sloppy_sctp, schedule_icmp;
	bool set; /* may we write them? otherwise they are only compared */
};

/* What becomes of the kernel's rules when the agent is told to end. */
enum config_exit { CONFIG_EXIT_REMOVE, CONFIG_EXIT_KEEP };

struct config_ipvs {
	unsigned on_exit;     /* enum config_exit */
	uint32_t exit_wait_s; /* for the announcer to withdraw, when told to end */
	uint32_t compare_s;
	const char *state_file;
	unsigned mh_table_size;
	uint32_t check_mark; /* the first of the CONFIG_CHECK_MARKS marks for checks through the tunnel */
};

enum { CONFIG_CHECK_MARKS = 65536 };

struct config_agent {
	struct arena *arena;
	const struct config_node *root; /* of the tree it was read from */
	bool preserve_connections;
	bool masquerade; /* NAT: let answers come back through us by rewriting the source (iptables -m ipvs) */
	struct config_virtual defaults; /* as read; services have them merged in */
	struct config_virtual *services;
	size_t service_count;
	struct config_ipvs_timeouts timeouts;
	struct config_vs_sysctls sysctls;
	struct config_ipvs ipvs;
	struct config_kubernetes kubernetes;
	struct config_control control;
	struct config_log log;
};

extern const struct config_schema config_agent_schema;

/* NULL when anything is wrong; errs then holds all of it. */
struct config_agent *config_agent_load(const char *path, struct config_errors *errs);
struct config_agent *config_agent_parse(
	const char *text, size_t len, const char *name, struct config_errors *errs);
void config_agent_free(struct config_agent *c);

/* What no key alone can tell (agent_check.c). */
void config_agent_check(struct config_agent *c, const struct config_node *root, struct config_errors *errs);

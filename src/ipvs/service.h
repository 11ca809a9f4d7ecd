/*
 * IPVS's objects as values: virtual services and their destinations (real servers), as the kernel has them.
 *
 * All may be copied and compared; unused fields are zero. Ports and marks are in host byte order. Terms as in ipvsadm(8).
 */
#pragma once

#include "base/prefix.h"

#include <stdbool.h>
#include <stdint.h>

enum { IPVS_SCHEDULER_MAX = 16, IPVS_KEY_TEXT_MAX = 80 };

/* Identifies a service: protocol, address and port; or a firewall mark and a family. */
struct ipvs_key {
	uint8_t family;	     /* enum ip_family */
	uint8_t protocol;    /* IPPROTO_TCP, _UDP, _SCTP; 0 with a mark */
	uint16_t port;	     /* 0 with a mark, or a persistent service of all ports */
	uint32_t mark;	     /* 0: none */
	struct ip_addr addr; /* IP_NONE with a mark */
};

enum ipvs_flag {
	IPVS_PERSISTENT = 0x01,
	IPVS_ONE_PACKET = 0x04,
	IPVS_SCHED_1 = 0x08, /* mh-fallback, sh-fallback */
	IPVS_SCHED_2 = 0x10, /* mh-port, sh-port */
	IPVS_SCHED_3 = 0x20,
	IPVS_FLAGS = 0x3d, /* all that may be set */
};

struct ipvs_service {
	struct ipvs_key key;
	char scheduler[IPVS_SCHEDULER_MAX];
	uint32_t flags;			 /* mask of enum ipvs_flag */
	uint32_t persistence_s;		 /* 0 unless IPVS_PERSISTENT */
	uint8_t persistence_len;	 /* prefix length that counts as one client; 0 means all bits */
	char engine[IPVS_SCHEDULER_MAX]; /* persistence engine ("sip") or "" */
};

enum ipvs_forward { IPVS_NAT = 0, IPVS_LOCAL = 1, IPVS_TUN = 2, IPVS_DR = 3 };
enum ipvs_tunnel { IPVS_IPIP = 0, IPVS_GUE = 1, IPVS_GRE = 2 };
enum ipvs_tunnel_flag { IPVS_TUNNEL_CSUM = 1, IPVS_TUNNEL_REMCSUM = 2 };

struct ipvs_dest {
	struct ip_addr addr;
	uint16_t port;
	uint8_t forward;      /* enum ipvs_forward */
	uint8_t tunnel;	      /* enum ipvs_tunnel, with IPVS_TUN */
	uint16_t tunnel_port; /* GUE */
	uint16_t tunnel_flags;
	int32_t weight;
	uint32_t upper_threshold, lower_threshold; /* connections; 0: none */
};

/* What the kernel counts of a destination. */
struct ipvs_counts {
	uint32_t active, inactive, persistent;
	uint64_t connections, packets_in, packets_out, octets_in, octets_out;
};

bool ipvs_key_equal(const struct ipvs_key *a, const struct ipvs_key *b);
uint32_t ipvs_key_hash(const struct ipvs_key *k);
/* "TCP 10.1.1.1:80", "UDP [2001:db8::1]:53", "mark 7 IPv4". Returns buf (IPVS_KEY_TEXT_MAX octets). */
const char *ipvs_key_format(const struct ipvs_key *k, char *buf);
/* The same destination: address and port. */
bool ipvs_dest_same(const struct ipvs_dest *a, const struct ipvs_dest *b);
/* The canonical order of a service's servers, which every load balancer follows: by family, address, port. */
int ipvs_dest_cmp(const struct ipvs_dest *a, const struct ipvs_dest *b);
/* Sets to 0 what has no meaning beside the rest (a tunnel's port under direct routing), as both wishes and the kernel's words
 * are compared. */
void ipvs_dest_tidy(struct ipvs_dest *d);
void ipvs_service_tidy(struct ipvs_service *s);
/* Equal in everything the kernel keeps; both tidy. */
bool ipvs_dest_equal(const struct ipvs_dest *a, const struct ipvs_dest *b);
bool ipvs_service_equal(const struct ipvs_service *a, const struct ipvs_service *b);

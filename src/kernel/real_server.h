/*
 * A real server's side of IPVS: what a web pod's network namespace needs so that packets which a load balancer sends by TUN or
 * DR are taken, and answered within the overlay's MTU.
 *
 * Look (real_server_look), compare (real_server_plan, pure), carry out step by step (real_server_do). The same plan made
 * again afterwards is empty; each step can be undone by itself, and only steps that were carried out should be. Nothing else
 * in the namespace is touched.
 *
 *	TUN	the device that takes the outer header off, up; loose reverse-path filter on it; the address on it;
 *		routes announce a maximum segment size that leaves room for the outer header
 *	DR	the address on lo
 *	both	IPv4: nobody but the load balancer answers ARP requests for the address
 *
 * Everything happens in the network namespace of the calling thread.
 */
#pragma once

#include "base/prefix.h"
#include "base/text.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netlink;

enum real_server_mode { REAL_SERVER_TUN, REAL_SERVER_DR };
enum real_server_tunnel { REAL_SERVER_IPIP, REAL_SERVER_GUE, REAL_SERVER_GRE };

struct real_server_wish {
	enum real_server_mode mode;
	enum real_server_tunnel tunnel;
	uint16_t gue_port;
	uint8_t over; /* family of the outer header; IP_NONE: as the address's */
	uint32_t mtu; /* of the way from the load balancers; 0: as the interfaces' */
	const struct ip_addr *addrs;
	size_t count;
};

/* --- what is there --- */

struct real_server_link {
	char name[IF_NAMESIZE];
	uint32_t index, mtu;
	bool up, loopback, tunnel;
};

struct real_server_route {
	struct prefix to;
	uint32_t index, mtu, advmss; /* 0: not set */
	bool learned;		     /* from router advertisements, which renew it as it was */
	void *message;		     /* as the kernel told it */
};

struct real_server_found {
	struct real_server_link *links;
	struct ip_addr *addrs; /* of all interfaces */
	struct real_server_route *routes;
	size_t link_count, addr_count, route_count;
	bool gue_ipv4, gue_ipv6; /* the wish's port is open */
	bool (*sysctl)(const char *key, long *value);
};

/* 0, or a negative errno with words in err. */
int real_server_look(struct netlink *nl, const struct real_server_wish *w, struct real_server_found *out,
	char *err, size_t err_size);
void real_server_found_fini(struct real_server_found *f);

/* --- what is to be done --- */

enum real_server_op {
	REAL_SERVER_SYSCTL,   /* key: old -> value */
	REAL_SERVER_GUE_OPEN, /* port value, for outer headers of family */
	REAL_SERVER_LINK_ADD, /* device of kind */
	REAL_SERVER_LINK_UP,
	REAL_SERVER_ADVMSS, /* prefix: old -> value */
	REAL_SERVER_ADDRESS /* prefix on device */
};

enum { REAL_SERVER_KEY_MAX = 64, REAL_SERVER_KIND_MAX = 16 };

struct real_server_step {
	enum real_server_op op;
	char device[IF_NAMESIZE], kind[REAL_SERVER_KIND_MAX], key[REAL_SERVER_KEY_MAX];
	uint8_t family;
	struct prefix prefix;
	long value, old;
	const char *why; /* NULL in one that was read back */
};

struct real_server_plan {
	struct real_server_step *steps; /* in their order */
	size_t count;
	const struct real_server_route **learned; /* routes that would need an advmss and cannot have one */
	size_t learned_count;
};

/* Pure. out refers to f. */
void real_server_plan(
	const struct real_server_wish *w, const struct real_server_found *f, struct real_server_plan *out);
void real_server_plan_fini(struct real_server_plan *p);

/* As a command that does the same. */
void real_server_step_format(const struct real_server_step *s, struct text *out);
/* For a file, one line without its newline, and back. */
void real_server_step_write(const struct real_server_step *s, struct text *out);
bool real_server_step_read(const char *line, struct real_server_step *out);

/* --- doing it --- */

/* Carries one out; s->old becomes what was there. 0; 1 when it was so already and is not ours to undo; or a negative errno with
 * words in err that say what to do. */
int real_server_do(struct netlink *nl, struct real_server_step *s, char *err, size_t err_size);
/* Makes it as it was, unless somebody else has changed it since. 0 also when it is gone already. */
int real_server_undo(struct netlink *nl, const struct real_server_step *s, char *err, size_t err_size);

/* Routes and next-hop objects as rtnetlink messages, both ways. */
#pragma once

#include "kernel/plan.h"

#include <stdbool.h>
#include <stdint.h>

struct nl_msg;
struct nlmsghdr;

/* What is ours in the kernel's routing table. */
struct message_ours {
	uint32_t table, metric;
	uint8_t protocol;
	uint32_t id_base, id_count; /* of next-hop objects */
	bool classic;		    /* routes carry their next hops, instead of a next-hop object's id */
};

enum { MESSAGE_WRITE_MAX = 256 + FIB_NEXT_HOPS_MAX * 48 };

/* Writes the request that carries out an operation; there is room for MESSAGE_WRITE_MAX octets. */
void message_write(struct nlmsghdr *m, const struct message_ours *ours, const struct plan_op *op);
/* Listings: of all next-hop objects; of the routes of one family with our protocol in our table. */
struct nl_msg *message_list_objects(void);
/* Of the buckets of a resilient group. */
struct nl_msg *message_list_buckets(uint32_t group_id);
struct nl_msg *message_list_routes(const struct message_ours *ours, uint8_t family);
/* How would a packet to addr go; fib_match: by which route of the table. */
struct nl_msg *message_get_route(const struct ip_addr *addr, bool fib_match);

struct message_route {
	struct prefix prefix;
	uint8_t type, protocol; /* RTN_*, RTPROT_* */
	uint8_t tos;
	bool link_down;
	uint32_t table, metric;
	uint32_t next_hop_id;	/* 0: none */
	uint32_t ifindex;	/* 0: none, or several */
	struct ip_addr gateway; /* IP_NONE: none, or several */
	struct ip_addr source;	/* the preferred source address, or IP_NONE */
};

/* RTM_NEWROUTE and RTM_DELROUTE of both families; false for anything else and for cached routes. */
bool message_decode_route(const struct nlmsghdr *h, struct message_route *out);
/* Whether it has the key of one of ours: another route with this key cannot be put in. */
bool message_has_our_key(const struct message_ours *ours, const struct message_route *r);
/* Whether it is ours: by key and protocol, and by a next-hop id of our range or by having no next hop at all. */
bool message_is_ours(const struct message_ours *ours, const struct message_route *r);
/* PLAN_REMOVE: it does not reject. */
enum plan_on_empty message_reject(const struct message_route *r);

struct message_object {
	uint32_t id;
	bool is_group, resilient;
	size_t count; /* of hop */
	struct plan_hop hop[FIB_NEXT_HOPS_MAX];
};

/* The next hop a bucket has now, from RTM_NEWNEXTHOPBUCKET; false for anything else. */
bool message_decode_bucket(const struct nlmsghdr *h, uint32_t *next_hop_id);

/* RTM_NEWNEXTHOP and RTM_DELNEXTHOP; false for anything else. */
bool message_decode_object(const struct nlmsghdr *h, struct message_object *out);

/*
 * Attribute sets: what a path carries besides its prefix, interned.
 *
 * Equal sets are one object, so comparing is comparing pointers and a full table costs one copy per distinct set. A set
 * is immutable; to change one, build another and intern it. It keeps the attributes in canonical wire form (AS numbers
 * of 4 octets, ascending by type, without next hop) and beside them, decoded, what the decision process asks for.
 */
#pragma once

#include "base/hash.h"
#include "bgp/attr.h"
#include "bgp/update.h"
#include "route/next_hop_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROUTE_LOCAL_PREF_DEFAULT = 100 };

enum route_attrs_flag {
	ROUTE_ATTRS_HAS_ORIGINATOR = 1,
	ROUTE_ATTRS_NO_ADVERTISE = 2,	   /* RFC 1997 */
	ROUTE_ATTRS_NO_EXPORT = 4,	   /* RFC 1997, NO_EXPORT_SUBCONFED too: we have no confederation */
	ROUTE_ATTRS_GRACEFUL_SHUTDOWN = 8, /* RFC 8326 */
	ROUTE_ATTRS_BAD_BANDWIDTH = 16,	   /* its link bandwidth is no bandwidth, and counts as none */
};

struct route_attrs {
	struct hash_node node;
	struct route_hop *hop; /* of its next hop; counts this set's references */
	uint32_t refs;
	uint32_t local_pref;	/* 100 where there is none, 0 under GRACEFUL_SHUTDOWN (RFC 8326 3) */
	uint32_t med;		/* 0 where there is none */
	uint32_t neighbor_as;	/* as the AS_PATH tells it; 0: it does not */
	uint32_t originator_id; /* valid with ROUTE_ATTRS_HAS_ORIGINATOR */
	float bandwidth;	/* link bandwidth as in struct route_balancer */
	uint16_t as_path_len;
	uint16_t cluster_list_len; /* identifiers */
	uint16_t octets_len;
	uint8_t origin;
	uint8_t next_hop_len;
	uint8_t flags;	  /* enum route_attrs_flag */
	uint8_t octets[]; /* the next hop, then the attributes in canonical form */
};

struct route_attr_store;

/* hops: borrowed. */
struct route_attr_store *route_attr_store_new(struct route_hops *hops);
void route_attr_store_free(struct route_attr_store *s);
/* Sets alive, and octets they take. */
size_t route_attr_store_count(const struct route_attr_store *s);
size_t route_attr_store_bytes(const struct route_attr_store *s);

/* The set with these values, with one reference for the caller. */
struct route_attrs *route_attrs_intern(
	struct route_attr_store *s, const struct bgp_attrs *a, const struct bgp_next_hop *next_hop);
static inline struct route_attrs *route_attrs_ref(struct route_attrs *a)
{
	a->refs++;
	a->hop->paths++;
	return a;
}
void route_attrs_unref(struct route_attr_store *s, struct route_attrs *a);

/* The set as a structure again; its lists point into a. */
void route_attrs_decode(const struct route_attrs *a, struct bgp_attrs *out);
struct bgp_next_hop route_attrs_next_hop(const struct route_attrs *a);

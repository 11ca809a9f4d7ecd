/*
 * Path attributes as a structure. RFC 4271 4.3 and 5, RFC 4456, 4760, 6793, 7606 and others named in proto.h.
 *
 * A struct bgp_attrs is a value with borrowed parts: lists point into the message it was decoded from, or into the
 * arena given to the decoder. AS numbers are always 4 octets here: an old peer's AS_PATH and AS4_PATH are merged when
 * read and split again when written. NEXT_HOP and the next hop of MP_REACH_NLRI are not kept here but with the routes
 * they belong to (struct bgp_update).
 */
#pragma once

#include "base/arena.h"
#include "base/cursor.h"
#include "base/writer.h"
#include "bgp/error.h"
#include "bgp/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets that somebody else owns. */
struct bgp_octets {
	const uint8_t *data;
	uint16_t len;
};

struct bgp_aggregator {
	uint32_t as;
	uint32_t bgp_identifier;
};

/* Octets of one community of each kind. */
enum {
	BGP_EXTENDED_COMMUNITY_LEN = 8,
	BGP_IPV6_EXTENDED_COMMUNITY_LEN = 20,
	BGP_LARGE_COMMUNITY_LEN = 12,
};

/* Which attributes of struct bgp_attrs are there. */
enum bgp_has {
	BGP_HAS_ORIGIN = 1 << 0,
	BGP_HAS_AS_PATH = 1 << 1,
	BGP_HAS_MED = 1 << 2,
	BGP_HAS_LOCAL_PREF = 1 << 3,
	BGP_HAS_ATOMIC_AGGREGATE = 1 << 4,
	BGP_HAS_AGGREGATOR = 1 << 5,
	BGP_HAS_COMMUNITIES = 1 << 6,
	BGP_HAS_ORIGINATOR_ID = 1 << 7,
	BGP_HAS_CLUSTER_LIST = 1 << 8,
	BGP_HAS_EXTENDED_COMMUNITIES = 1 << 9,
	BGP_HAS_LARGE_COMMUNITIES = 1 << 10,
	BGP_HAS_UNKNOWN = 1 << 11,
	BGP_HAS_IPV6_EXTENDED_COMMUNITIES = 1 << 12,
};

struct bgp_attrs {
	uint32_t has;	/* enum bgp_has */
	uint8_t origin; /* enum bgp_origin */
	uint32_t med, local_pref;
	uint32_t originator_id; /* host byte order */
	struct bgp_aggregator aggregator;
	bool aggregator_partial, communities_partial, extended_communities_partial, large_communities_partial;
	bool ipv6_extended_communities_partial;
	struct bgp_octets as_path;		     /* segments on the wire, AS numbers of 4 octets */
	struct bgp_octets communities;		     /* 4 octets each */
	struct bgp_octets cluster_list;		     /* 4 octets each */
	struct bgp_octets extended_communities;	     /* 8 octets each */
	struct bgp_octets ipv6_extended_communities; /* 20 octets each, RFC 5701 */
	struct bgp_octets large_communities;	     /* 12 octets each, none twice */
	/* Unknown optional transitive attributes as whole TLVs (flags, type, length, value), ascending by type, each with
	 * the Partial bit already set (RFC 4271 5). Unknown non-transitive ones are dropped by the decoder. Known ones
	 * may stand between them (bgp_attrs_decode_canonical): walk with bgp_attrs_next_unknown(). */
	struct bgp_octets unknown;
};

/* How a session writes and reads attributes. */
struct bgp_attr_opts {
	bool as4; /* AS numbers of 4 octets in AS_PATH and AGGREGATOR */
	bool ebgp; /* LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST are discarded when read (RFC 7606 7.5, 7.9, 7.10) */
};

/* Writes all attributes there are, ascending by type. For a peer of 2 octets AS_PATH and AGGREGATOR are written with
 * AS_TRANS, with AS4_PATH and AS4_AGGREGATOR when needed (RFC 6793 4.2.2). next_hop: 4 octets written as NEXT_HOP, or
 * NULL for none (MP_REACH_NLRI is bgp_update_encode_announce's). */
void bgp_attrs_encode(struct writer *w, const struct bgp_attrs *a, const struct bgp_attr_opts *opts,
	const uint8_t *next_hop);

/* Reads back what bgp_attrs_encode wrote with as4 (the canonical form that the RIB keeps): trusted octets of our own.
 * All lists point into data. */
void bgp_attrs_decode_canonical(struct bgp_octets data, struct bgp_attrs *out);

/* Takes the next unknown attribute off a cursor over bgp_attrs.unknown, as a whole TLV; false at the end. */
bool bgp_attrs_next_unknown(struct cursor *c, struct bgp_octets *tlv);

/* AS_PATH as decision needs it. Length counts an AS_SET as 1 and confederation segments as 0 (RFC 4271 9.1.2.2,
 * RFC 5065 5.3). */
unsigned bgp_as_path_length(struct bgp_octets as_path);
/* The neighboring AS: the first of a path that begins with an AS_SEQUENCE behind its confederation segments (MED, RFC
 * 4271 9.1.2.2 c, RFC 5065 5.3). 0: the local AS, or of a route from outside its neighbor's, which the path does not tell. */
uint32_t bgp_as_path_neighbor(struct bgp_octets as_path);
/* The last AS of the path, 0 when empty or ending in a set. */
uint32_t bgp_as_path_origin(struct bgp_octets as_path);
bool bgp_as_path_contains(struct bgp_octets as_path, uint32_t as);
/* A new path with as in front (RFC 4271 5.1.2 b), in the arena. A path that is as long as an attribute can be stays as
 * it is. */
struct bgp_octets bgp_as_path_prepend(struct bgp_octets as_path, uint32_t as, struct arena *arena);
/* The path without confederation segments: what is of a confederation does not leave it (RFC 5065 4 c). */
struct bgp_octets bgp_as_path_leave_confederation(struct bgp_octets as_path, struct arena *arena);
/* Text like "65001 65002 {65003 65004}", confederations in () and []; cut where buf ends. Returns buf. */
const char *bgp_as_path_format(struct bgp_octets as_path, char *buf, size_t size);
bool bgp_communities_contain(struct bgp_octets communities, uint32_t community);
/* Those of a list of extended communities, of size octets each (8, or 20 of the kind with IPv6 addresses), that may go to
 * another AS (RFC 4360 6). */
struct bgp_octets bgp_extended_communities_transitive(
	struct bgp_octets extended, size_t size, struct arena *arena);
/* The list with each large community once, where it stood first (RFC 8092 3). */
struct bgp_octets bgp_large_communities_unique(struct bgp_octets large, struct arena *arena);
/* "65001:100 no-export"; extended and large in their usual forms. Return buf. */
const char *bgp_communities_format(struct bgp_octets communities, char *buf, size_t size);
const char *bgp_extended_communities_format(struct bgp_octets extended, char *buf, size_t size);
const char *bgp_ipv6_extended_communities_format(struct bgp_octets extended, char *buf, size_t size);
const char *bgp_large_communities_format(struct bgp_octets large, char *buf, size_t size);
const char *bgp_origin_text(uint8_t origin);  /* "igp", "egp", "incomplete" */
const char *bgp_attr_type_text(uint8_t type); /* "AS_PATH"; "attribute" for an unknown one */

/*
 * Reading the path attributes of one UPDATE. Used by update_decode.c, which knows what the attributes belong to.
 *
 * Here an attribute is judged by itself; what follows from the message as a whole (missing attributes, attributes
 * without routes, the routes inside MP_REACH_NLRI and MP_UNREACH_NLRI) is update_decode.c's.
 */
#pragma once

#include "base/arena.h"
#include "base/cursor.h"
#include "bgp/attr.h"
#include "bgp/error.h"

#include <stdbool.h>
#include <stdint.h>

/* The most severe thing found so far; of equals the first. */
struct bgp_fault {
	enum bgp_verdict verdict;
	uint8_t attr;		/* type, 0: none */
	uint8_t subcode;	/* enum bgp_update_error, should it come to a NOTIFICATION */
	const char *reason;	/* static */
	struct bgp_octets data; /* of the NOTIFICATION */
};

/* Takes the new fault unless one at least as severe is there. */
void bgp_fault_add(struct bgp_fault *f, struct bgp_fault new_one);

/* One MP_REACH_NLRI or MP_UNREACH_NLRI. */
struct bgp_mp_attr {
	bool present;
	struct bgp_octets tlv, value;
};

enum { BGP_ATTR_TYPES = 256 };

struct bgp_attr_reader {
	/* set by the caller */
	struct bgp_attr_opts opts;
	struct arena *arena;
	struct bgp_attrs *attrs;

	/* results */
	struct bgp_fault fault;
	unsigned count;		 /* attributes in the message, a broken one included */
	const uint8_t *next_hop; /* 4 octets of NEXT_HOP, NULL: not there */
	struct bgp_mp_attr mp_reach, mp_unreach;

	/* inside */
	uint8_t flags, type;   /* of the attribute at hand */
	struct bgp_octets tlv; /* the same, whole */
	struct bgp_octets as4_path;
	bool has_as4_aggregator;
	struct bgp_aggregator as4_aggregator;
	uint8_t seen[BGP_ATTR_TYPES / 8];
	unsigned unknown_count;
	struct bgp_octets unknown[BGP_ATTR_TYPES]; /* TLVs; only the first unknown_count are set */
};

/* Everything set by the caller, everything else zero. */
void bgp_attr_reader_init(struct bgp_attr_reader *r, const struct bgp_attr_opts *opts, struct arena *arena,
	struct bgp_attrs *attrs);
/* Reads the whole list of attributes. Stops early when the verdict is SESSION_RESET. */
void bgp_attrs_decode(struct bgp_attr_reader *r, struct cursor list);

/* Whether bgp_attr_type_text() has a name for it: then it never stands among the unknown. */
bool bgp_attr_known(uint8_t type);

/*
 * UPDATE messages. RFC 4271 4.3 and 6.3, RFC 4760, RFC 7911 (path identifiers), RFC 7606 (verdicts), RFC 8950.
 *
 * The decoder is pure: it returns what was said and a verdict, and never sends, logs or changes state. Everything in a
 * struct bgp_update lives in the message or in the arena given, until either is reused.
 */
#pragma once

#include "base/arena.h"
#include "base/cursor.h"
#include "base/prefix.h"
#include "base/writer.h"
#include "bgp/attr.h"
#include "bgp/error.h"
#include "bgp/open.h"
#include "bgp/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bgp_nlri {
	struct prefix prefix;
	uint32_t path_id; /* 0 where add-path is not in use */
};

struct bgp_nlri_list {
	struct bgp_nlri *item;
	size_t count;
};

/* A next hop as it was on the wire, so that it is reflected untouched: 4 octets, 16, or 32 (global and link-local). */
struct bgp_next_hop {
	uint8_t len; /* 0: none */
	uint8_t octets[32];
};

struct bgp_update {
	/* When the verdict is TREAT_AS_WITHDRAW everything that was announced stands in withdrawn instead. With
	 * SESSION_RESET nothing else is valid but error. */
	enum bgp_verdict verdict;
	uint8_t bad_attr;	 /* the attribute the verdict is about; 0: none */
	const char *reason;	 /* static text for the log, NULL when the verdict is OK */
	struct bgp_error *error; /* the NOTIFICATION to send; NULL unless the verdict is SESSION_RESET */
	/* A prefix may stand in both lists: it counts as announced, so handle withdrawn first (RFC 4271 4.3). */
	struct bgp_nlri_list announced[BGP_FAMILIES];
	struct bgp_nlri_list withdrawn[BGP_FAMILIES];
	bool end_of_rib[BGP_FAMILIES];
	bool disable_family[BGP_FAMILIES]; /* verdict DISABLE_FAMILY: these (RFC 7606 2, 5.4) */
	struct bgp_attrs attrs;		   /* for all that is announced */
	struct bgp_next_hop next_hop[BGP_FAMILIES];
	/* IPv4 routes of MP_REACH_NLRI where those of the message's own field have another next hop. Nobody may send such a message,
	 * and all have to read it (RFC 7606 5.1); nearly always empty. */
	struct bgp_nlri_list apart;
	struct bgp_next_hop apart_next_hop;
};

/* How to read a session's UPDATEs: opts from negotiation, ebgp from the AS numbers. */
void bgp_update_decode(struct cursor body, const struct bgp_negotiated *n, bool ebgp, struct arena *arena,
	struct bgp_update *out);

/* --- writing --- */

/* How to write a session's (or an update group's) UPDATEs of one family. */
struct bgp_update_opts {
	enum bgp_family family;
	bool add_path;
	bool as4;
	size_t max_len; /* octets of a message */
};

/* Writes one UPDATE that withdraws as many of the items as fit; returns how many (at least 1 while count > 0). */
size_t bgp_update_encode_withdraw(
	struct writer *w, const struct bgp_update_opts *o, const struct bgp_nlri *items, size_t count);
/* Writes one UPDATE that announces as many of the items as fit with these attributes; returns how many. 0: not even one
 * fits into max_len beside its attributes; nothing was written. IPv4 with a next hop of 4 octets uses the UPDATE's own
 * NLRI field, all else MP_REACH_NLRI. w must have room for max_len octets. */
size_t bgp_update_encode_announce(struct writer *w, const struct bgp_update_opts *o,
	const struct bgp_attrs *attrs, const struct bgp_next_hop *next_hop, const struct bgp_nlri *items,
	size_t count);
/* RFC 4724 2. */
void bgp_update_encode_end_of_rib(struct writer *w, enum bgp_family family);

struct ip_addr bgp_next_hop_addr(const struct bgp_next_hop *nh); /* the (global) address */
struct bgp_next_hop bgp_next_hop_from_addr(const struct ip_addr *a);

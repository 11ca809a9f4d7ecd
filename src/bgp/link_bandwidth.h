/*
 * The link bandwidth extended community: how much a next hop can take, in octets per second.
 * draft-ietf-idr-link-bandwidth, RFC 4360.
 *
 * Eight octets: type (0x40, non-transitive; 0x00, transitive, is read too), sub-type 0x04, an AS number of 2 octets, an
 * IEEE 754 number of 4 octets. 0 is a value like any other: "send nothing new here". What a weight is made of it is not
 * decided here.
 */
#pragma once

#include "base/writer.h"
#include "bgp/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum { BGP_LINK_BANDWIDTH_LEN = 8 };

struct bgp_link_bandwidth {
	bool transitive;
	uint16_t as;	/* BGP_AS_TRANS for one of 4 octets */
	float octets_s; /* may be anything when the verdict is INVALID */
};

enum bgp_link_bandwidth_verdict {
	BGP_LINK_BANDWIDTH_NONE,    /* another community, or none of a list */
	BGP_LINK_BANDWIDTH_OK,	    /* finite and not negative */
	BGP_LINK_BANDWIDTH_INVALID, /* NaN, infinite or negative: to be discarded */
};

/* Writes the non-transitive one. octets_s: finite, at least 0. */
void bgp_link_bandwidth_encode(struct writer *w, uint32_t as, double octets_s);
/* Reads one community of BGP_LINK_BANDWIDTH_LEN octets; out is filled in unless the verdict is NONE. */
enum bgp_link_bandwidth_verdict bgp_link_bandwidth_decode(
	const uint8_t *community, struct bgp_link_bandwidth *out);
/* Finds it in bgp_attrs.extended_communities. Of several the smallest counts, whoever sent them; one that is invalid
 * makes the whole invalid, with that one in out. */
enum bgp_link_bandwidth_verdict bgp_link_bandwidth_find(
	struct bgp_octets extended, struct bgp_link_bandwidth *out);

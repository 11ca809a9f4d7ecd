/* OPEN messages, capabilities, and what two of them agree on. RFC 4271 4.2, 5492, 9072. Pure. */
#pragma once

#include "base/cursor.h"
#include "base/writer.h"
#include "bgp/error.h"
#include "bgp/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bgp_add_path {
	BGP_ADD_PATH_NONE = 0,
	BGP_ADD_PATH_RECEIVE = 1,
	BGP_ADD_PATH_SEND = 2,
	BGP_ADD_PATH_BOTH = 3
};

struct bgp_caps {
	bool family[BGP_FAMILIES];	/* multiprotocol */
	bool any_multiprotocol;		/* said at least one, perhaps of a family we do not know */
	uint8_t add_path[BGP_FAMILIES]; /* enum bgp_add_path, from the sender's point of view */
	bool route_refresh;
	bool enhanced_route_refresh;
	bool graceful_restart; /* only read: RFC 7313 4 asks for it */
	bool extended_message;
	bool extended_next_hop; /* IPv4 unicast with IPv6 next hop */
	bool as4;
	uint32_t as4_number;
	char fqdn[256];	    /* "" when not said; printable */
	char software[256]; /* "" when not said; printable */
};

struct bgp_open {
	uint32_t
		as; /* encode: the 4-octet AS, AS_TRANS is derived; decode: the AS4 capability's where there is one */
	uint16_t hold_time_s;
	uint32_t bgp_identifier; /* host byte order */
	struct bgp_caps caps;
};

/* Decodes an OPEN's body. False fills err with the NOTIFICATION to send: version, parameters, malformed capabilities,
 * AS 0 (RFC 7607), identifier 0 (RFC 6286), hold time 1 or 2. Unknown capabilities are skipped. What the caller's
 * configuration decides (peer AS, minimum hold time, identifier equal to ours) is the caller's to check. */
bool bgp_open_decode(struct cursor body, struct bgp_open *out, struct bgp_error *err);
/* The whole message, capabilities included; RFC 9072 form when they need more than 255 octets. */
void bgp_open_encode(struct writer *w, const struct bgp_open *o);
/* One Multiprotocol capability as it stands in an OPEN: also the data of an Unsupported Capability (RFC 5492 5). */
void bgp_capability_encode_multiprotocol(struct writer *w, enum bgp_family family);

/* What both sides said: how this session's UPDATEs are written and read. */
struct bgp_negotiated {
	bool family[BGP_FAMILIES];
	bool add_path_rx[BGP_FAMILIES], add_path_tx[BGP_FAMILIES];
	bool as4;
	bool route_refresh;    /* we may ask */
	bool route_refresh_rx; /* the peer may, whether or not it can be asked (RFC 2918 4) */
	bool enhanced_route_refresh;
	bool extended_next_hop;
	size_t max_tx;	      /* octets of the longest message we may send */
	size_t max_rx;	      /* of the longest we must take */
	uint16_t hold_time_s; /* the smaller one; 0: no keepalives */
};

/* A peer without any multiprotocol capability speaks IPv4 unicast (RFC 4760 8). */
void bgp_negotiate(const struct bgp_open *local, const struct bgp_open *remote, struct bgp_negotiated *out);

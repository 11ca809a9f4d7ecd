/* The header that all messages share, and the messages without a body of their own. RFC 4271 4.1. Pure. */
#pragma once

#include "base/cursor.h"
#include "base/writer.h"
#include "bgp/error.h"
#include "bgp/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bgp_frame_result { BGP_FRAME_INCOMPLETE, BGP_FRAME_OK, BGP_FRAME_BAD };

struct bgp_frame {
	enum bgp_message_type type;
	size_t len;	    /* the whole message, header included */
	struct cursor body; /* points into the caller's buffer */
};

/* Looks for one message at the start of buf. max_len: 4096, or 65535 when extended messages were negotiated (OPEN and
 * KEEPALIVE stay bounded by 4096, RFC 8654 4). BAD fills err with the NOTIFICATION to send (RFC 4271 6.1). */
enum bgp_frame_result bgp_frame_decode(
	const uint8_t *buf, size_t len, size_t max_len, struct bgp_frame *out, struct bgp_error *err);

/* Begins a message of a type and returns the place of its length, for bgp_message_end(). */
uint8_t *bgp_message_begin(struct writer *w, enum bgp_message_type type);
void bgp_message_end(struct writer *w, uint8_t *begin);

void bgp_keepalive_encode(struct writer *w);
void bgp_notification_encode(struct writer *w, const struct bgp_error *e);
/* The body of a received NOTIFICATION; one that is too short yields code 0. */
void bgp_notification_decode(struct cursor body, struct bgp_error *out);

struct bgp_refresh {
	uint16_t afi;
	uint8_t subtype; /* enum bgp_refresh_subtype */
	uint8_t safi;
};

void bgp_refresh_encode(struct writer *w, enum bgp_family family, enum bgp_refresh_subtype subtype);
/* False, with err filled, when the length is wrong. A refresh with an ORF part (RFC 5291) is longer. enhanced: RFC 7313 was
 * agreed on, whose error this is then (5). Otherwise it is a Bad Message Length, and what stands in the place of the subtype, which RFC
 * 2918 3 reserves, is taken for a request. */
bool bgp_refresh_decode(struct cursor body, bool enhanced, struct bgp_refresh *out, struct bgp_error *err);

/* Our small number of a family; false when we do not speak it. */
bool bgp_family_from_wire(uint16_t afi, uint8_t safi, enum bgp_family *out);
uint16_t bgp_family_afi(enum bgp_family f);
const char *bgp_family_text(enum bgp_family f); /* "ipv4-unicast", "ipv6-unicast" */
const char *bgp_message_type_text(uint8_t type);

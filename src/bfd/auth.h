/*
 * Keyed SHA1 and Meticulous Keyed SHA1 of BFD packets: the section behind a packet, and the judgement of one. RFC 5880 4.4, 6.7.4.
 *
 * A packet is good when its digest over all its octets and the key is right and its sequence number is not behind the last one's, nor
 * too far ahead. Meticulous: nor the same. Ours grows with each packet in both, so that nothing of what was sent can be sent again for
 * long.
 */
#pragma once

#include "bfd/packet.h"

#include <stdbool.h>
#include <stdint.h>

/* RFC 5880 4.1 */
enum bfd_auth_type { BFD_AUTH_NONE = 0, BFD_AUTH_KEYED_SHA1 = 4, BFD_AUTH_METICULOUS_KEYED_SHA1 = 5 };

enum { BFD_KEY_MAX = 20 };

struct bfd_auth {
	enum bfd_auth_type type;
	uint8_t key_id;
	uint8_t key[BFD_KEY_MAX]; /* with zeros behind it */
};

/* The variables of RFC 5880 6.8.1. Who owns it sets known to false when twice the detection time has passed without a packet. */
struct bfd_auth_state {
	uint32_t sent, received; /* sequence numbers */
	bool known;		 /* received is one */
};

/* Nothing where type is NONE. w holds a packet of bfd_packet_encode(); false: no room, or no OpenSSL. */
bool bfd_auth_sign(const struct bfd_auth *a, struct bfd_auth_state *st, struct writer *w);
/* octets: of a packet that bfd_packet_decode() took as p. detect_mult: ours, by which the sequence number may be ahead. Right too when neither
 * the packet nor we have authentication. */
bool bfd_auth_check(const struct bfd_auth *a, struct bfd_auth_state *st, const uint8_t *octets, size_t len,
	const struct bfd_packet *p, uint8_t detect_mult);

bool bfd_auth_equal(const struct bfd_auth *a, const struct bfd_auth *b);
/* As configured: "none", "keyed-sha1", "meticulous-keyed-sha1" */
const char *bfd_auth_text(enum bfd_auth_type type);

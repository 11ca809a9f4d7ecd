/* BFD control packets to and from structures. RFC 5880 4, and the checks of 6.8.6 that need no session. Pure. */
#pragma once

#include "base/cursor.h"
#include "base/writer.h"

#include <stdbool.h>
#include <stdint.h>

/* RFC 5881 4, RFC 5883 5 */
enum { BFD_PORT = 3784, BFD_PORT_MULTIHOP = 4784 };
enum { BFD_PACKET_LEN = 24, BFD_PACKET_MAX = 24 + 28 };

/* RFC 5880 4.1 */
enum bfd_state { BFD_ADMIN_DOWN, BFD_DOWN, BFD_INIT, BFD_UP, BFD_STATES };

enum bfd_diagnostic {
	BFD_DIAG_NONE = 0,
	BFD_DIAG_EXPIRED = 1,	       /* Control Detection Time Expired */
	BFD_DIAG_ECHO_FAILED = 2,      /* Echo Function Failed */
	BFD_DIAG_NEIGHBOR_DOWN = 3,    /* Neighbor Signaled Session Down */
	BFD_DIAG_FORWARDING_RESET = 4, /* Forwarding Plane Reset */
	BFD_DIAG_PATH_DOWN = 5,	       /* Path Down */
	BFD_DIAG_CONCATENATED = 6,     /* Concatenated Path Down */
	BFD_DIAG_ADMIN_DOWN = 7,       /* Administratively Down */
	BFD_DIAG_REVERSE = 8,	       /* Reverse Concatenated Path Down */
};

struct bfd_packet {
	uint8_t diagnostic; /* enum bfd_diagnostic; values that nobody knows yet are possible */
	uint8_t state;	    /* enum bfd_state */
	bool poll, final, demand;
	bool authenticated; /* an authentication section follows, and is not looked at here */
	uint8_t detect_mult;
	uint32_t my_discriminator, your_discriminator;
	uint32_t desired_min_tx_us, required_min_rx_us, required_min_echo_rx_us;
};

/* Why a packet is dropped, RFC 5880 6.8.6; the order of the checks is the RFC's. */
enum bfd_verdict {
	BFD_PACKET_OK,
	BFD_PACKET_TOO_SHORT,
	BFD_PACKET_BAD_VERSION,
	BFD_PACKET_BAD_LENGTH,
	BFD_PACKET_NO_DETECT_MULT,
	BFD_PACKET_MULTIPOINT,
	BFD_PACKET_NO_MY_DISCRIMINATOR,
	BFD_PACKET_NO_YOUR_DISCRIMINATOR, /* and the state is neither Down nor AdminDown */
	BFD_PACKET_POLL_AND_FINAL,	  /* 6.5 */
	BFD_VERDICTS,
};

/* *out is filled when the verdict is OK, and not touched otherwise. */
enum bfd_verdict bfd_packet_decode(struct cursor octets, struct bfd_packet *out);
/* BFD_PACKET_LEN octets, without authentication. */
void bfd_packet_encode(struct writer *w, const struct bfd_packet *p);

const char *bfd_verdict_text(enum bfd_verdict v);
/* "AdminDown", "Down", "Init", "Up" */
const char *bfd_state_text(uint8_t state);
/* In the RFC's words; "unknown" for what it does not name. */
const char *bfd_diagnostic_text(uint8_t diagnostic);

/*
 * What is wrong with a message, in the words of RFC 4271 (a NOTIFICATION to send or received) and of RFC 7606 (how
 * far the damage reaches).
 */
#pragma once

#include "bgp/proto.h"

#include <stddef.h>
#include <stdint.h>

/* RFC 7606 2, from mild to severe. */
enum bgp_verdict {
	BGP_VERDICT_OK,
	BGP_VERDICT_ATTRIBUTE_DISCARD,
	BGP_VERDICT_TREAT_AS_WITHDRAW,
	BGP_VERDICT_DISABLE_FAMILY,
	BGP_VERDICT_SESSION_RESET,
};

enum { BGP_ERROR_DATA_MAX = BGP_MESSAGE_MAX - BGP_HEADER_LEN - 2 };

/* The contents of a NOTIFICATION. Large: keep it on the stack or in one place per session. */
struct bgp_error {
	uint8_t code; /* enum bgp_error_code; 0: no error */
	uint8_t subcode;
	uint16_t data_len;
	uint8_t data[BGP_ERROR_DATA_MAX];
};

/* Sets an error; data longer than fits is cut. data may be NULL when len is 0. */
void bgp_error_set(struct bgp_error *e, uint8_t code, uint8_t subcode, const void *data, size_t len);

/* Static strings, never NULL: "Cease", "Connection Collision Resolution", "Open Message Error", ... */
const char *bgp_error_code_text(uint8_t code);
const char *bgp_error_subcode_text(uint8_t code, uint8_t subcode);
/* The free text of a Cease/2 or Cease/4 (RFC 9003) as printable text, or "" when there is none. buf at least 256. */
const char *bgp_error_shutdown_text(const struct bgp_error *e, char *buf, size_t size);
const char *bgp_verdict_text(enum bgp_verdict v);

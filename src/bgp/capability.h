/* The capabilities of an OPEN, one after another: RFC 5492 4. Used by open.c alone. */
#pragma once

#include "base/cursor.h"
#include "base/writer.h"
#include "bgp/open.h"

#include <stdbool.h>

/* Longest output of bgp_capabilities_encode(). */
enum { BGP_CAPABILITIES_MAX = 1024 };

/* Reads the value of one Capabilities parameter and adds what it says to caps. False when a capability runs past the
 * end or has a length that its RFC does not allow. Unknown ones are skipped. */
bool bgp_capabilities_decode(struct cursor c, struct bgp_caps *caps);
/* as: the number the AS4 capability carries. */
void bgp_capabilities_encode(struct writer *w, const struct bgp_caps *caps, uint32_t as);

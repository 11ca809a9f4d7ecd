/* Fields of prefixes as they stand in UPDATEs. RFC 4271 4.3, RFC 4760 5, RFC 7911 3. Used inside bgp/. */
#pragma once

#include "base/writer.h"
#include "bgp/update.h"

#include <stdbool.h>
#include <stddef.h>

struct bgp_nlri_field {
	const uint8_t *data;
	size_t len;
	enum bgp_family family;
	bool add_path;
	size_t count; /* prefixes, set by bgp_nlri_check() */
};

/* Checks the syntax and counts the prefixes; false when one is too long or is cut short (RFC 7606 5.3). */
bool bgp_nlri_check(struct bgp_nlri_field *f);
/* Decodes a field that was checked into count items; returns the place behind the last. Host bits are cleared. */
struct bgp_nlri *bgp_nlri_decode(const struct bgp_nlri_field *f, struct bgp_nlri *out);
/* Writes as many items as fit; returns how many. Never makes the writer full. */
size_t bgp_nlri_encode(struct writer *w, bool add_path, const struct bgp_nlri *items, size_t count);

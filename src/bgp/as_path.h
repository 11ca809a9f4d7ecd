/* AS_PATH on its way from and to the wire: checks, and the two widths of AS numbers. RFC 4271 4.3, 5065, 6793, 7607.
 * What decision and policy need of a path stands in attr.h. */
#pragma once

#include "base/arena.h"
#include "base/writer.h"
#include "bgp/attr.h"

#include <stdbool.h>
#include <stddef.h>

/* NULL when the segments are well formed; otherwise what is wrong with them, a static text. as_size: 2 or 4. */
const char *bgp_as_path_check(struct bgp_octets as_path, unsigned as_size, bool confederation_allowed);
/* From AS numbers of 2 octets to 4, in the arena. False when the result would leave no room for one more AS in front. */
bool bgp_as_path_widen(struct bgp_octets narrow, struct arena *arena, struct bgp_octets *out);
/* What AS_PATH (already widened) and AS4_PATH say together: RFC 6793 4.2.3. Both checked. */
struct bgp_octets bgp_as_path_merge(
	struct bgp_octets as_path, struct bgp_octets as4_path, struct arena *arena);

/* Octets that the path takes with AS numbers of 2 octets, and the writing of them (RFC 6793 4.2.2). */
size_t bgp_as_path_narrow_len(struct bgp_octets as_path);
void bgp_as_path_encode_narrow(struct writer *w, struct bgp_octets as_path);
/* Octets of the AS4_PATH that must stand beside it, 0: none is needed; and the writing of it. */
size_t bgp_as4_path_len(struct bgp_octets as_path);
void bgp_as4_path_encode(struct writer *w, struct bgp_octets as_path);

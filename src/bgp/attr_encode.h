/* Writing a part of the attributes: what update_encode.c needs to put MP_REACH_NLRI in its place between them. */
#pragma once

#include "base/writer.h"
#include "bgp/attr.h"

#include <stdint.h>

/* As bgp_attrs_encode(), but only the types from first to last. */
void bgp_attrs_encode_range(struct writer *w, const struct bgp_attrs *a, const struct bgp_attr_opts *opts,
	const uint8_t *next_hop, unsigned first, unsigned last);
/* Flags, type and length. len at most 65535. */
void bgp_attr_header_encode(struct writer *w, uint8_t flags, uint8_t type, size_t len);

/* A path as a row: the keys that all answers about routes have in common. */
#pragma once

#include "base/row.h"
#include "bgp/attr.h"
#include "bgp/update.h"
#include "route/rib.h"

#include <stdbool.h>
#include <stdint.h>

struct rrd;

/* As it was taken: next-hop, from, originator-id, path-id, local-pref, med, as-path, origin, communities. */
void path_row_put(struct row *r, const struct route_path *p);
/* The same of attributes at hand, what is not among them left out; originator-id only where there is one. */
void path_row_put_attrs(struct row *r, const struct bgp_attrs *a, const struct bgp_next_hop *next_hop,
	const struct ip_addr *from, uint32_t path_id);
/* cluster-list, extended-communities, large-communities. */
void path_row_put_lists(struct row *r, const struct bgp_attrs *a);
/* age-ms. */
void path_row_put_age(struct row *r, const struct rrd *rrd, const struct route_path *p);

/* What may come in or go out: prefix lists with length ranges, next hops, a maximum. Immutable once made. Pure. */
#pragma once

#include "base/prefix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Matches prefixes inside prefix whose length is in ge..le. */
struct route_prefix_rule {
	struct prefix prefix;
	uint8_t ge, le;
};

struct route_policy_config {
	bool none;				  /* nothing passes */
	const struct route_prefix_rule *prefixes; /* empty: every prefix */
	size_t prefix_count;
	const struct prefix *next_hops; /* empty: every next hop */
	size_t next_hop_count;
	uint32_t max_prefixes; /* 0: no limit */
};

struct route_policy;

struct route_policy *route_policy_new(const struct route_policy_config *cfg);
void route_policy_free(struct route_policy *p);
/* p may be NULL in all of these: no policy, everything passes. */
bool route_policy_none(const struct route_policy *p);
bool route_policy_allows_prefix(const struct route_policy *p, const struct prefix *prefix);
bool route_policy_allows_next_hop(const struct route_policy *p, const struct ip_addr *next_hop);
/* The next hop is in the list of those that may be: not merely because there is no list. */
bool route_policy_names_next_hop(const struct route_policy *p, const struct ip_addr *next_hop);
uint32_t route_policy_max_prefixes(const struct route_policy *p);
/* Whether after names a next hop in this prefix that before does not name. When in doubt, yes. */
bool route_policy_names_more(
	const struct route_policy *before, const struct route_policy *after, const struct prefix *in);
/* Whether after lets a route pass that before does not. When in doubt, yes. */
bool route_policy_admits_more(const struct route_policy *before, const struct route_policy *after);
bool route_policy_equal(const struct route_policy *a, const struct route_policy *b);

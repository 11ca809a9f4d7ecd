/*
 * What another configuration would change in the running daemon, in words: the dry run of a reload, and its report.
 *
 * What a group says is told once, with how many sessions it concerns; what a neighbor or a range says of its own is told of
 * it. Nothing is changed here. What happens to a session is neighbor_change()'s to say, here and in the reload itself.
 */
#pragma once

#include "reload/plan.h"
#include "rrd/rrd.h"

struct reload_plan *rrd_reload_plan(const struct rrd *r, const struct config_rrd *to);

/* --- shared with the reload --- */

const struct config_neighbor *reload_plan_find_neighbor(
	const struct config_rrd *c, const struct ip_addr *address);
const struct config_range *reload_plan_find_range(const struct config_rrd *c, const struct prefix *prefix);
/* The range that decides for an address; NULL: none. */
const struct config_range *reload_plan_match_range(const struct config_rrd *c, const struct ip_addr *address);

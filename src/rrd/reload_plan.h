/*
 * What another configuration would change in the running daemon, in words: the dry run of a reload, and its report.
 *
 * What a group says is told once, with how many sessions it concerns; what a neighbor or a range says of its own is told of
 * it. Nothing is changed here. What happens to a session is neighbor_change()'s to say, here and in the reload itself.
 */
#pragma once

#include "base/row.h"
#include "rrd/rrd.h"

struct reload_plan_line {
	enum config_apply apply;
	char *subject; /* "neighbor 10.0.0.110"; NULL: the daemon */
	char *change;  /* "hold-time 9 -> 30", "added" */
	char *effect;  /* "resets this session"; NULL: nothing more to say */
};

struct reload_plan {
	struct reload_plan_line *line; /* by what they touch, least first */
	size_t count;
};

struct reload_plan *reload_plan_new(const struct rrd *r, const struct config_rrd *to);
void reload_plan_free(struct reload_plan *p);
/* {"apply", "subject", "change", "effect"}, without those that are NULL. */
struct row *reload_plan_line_row(const struct reload_plan_line *l);
/* "neighbor 10.0.0.110: hold-time 9 -> 30: resets this session". The caller frees it. */
char *reload_plan_line_text(const struct reload_plan_line *l);

/* --- shared with the reload --- */

const struct config_neighbor *reload_plan_find_neighbor(
	const struct config_rrd *c, const struct ip_addr *address);
const struct config_range *reload_plan_find_range(const struct config_rrd *c, const struct prefix *prefix);
/* The range that decides for an address; NULL: none. */
const struct config_range *reload_plan_match_range(const struct config_rrd *c, const struct ip_addr *address);

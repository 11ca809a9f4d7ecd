#include "route/decide.h"

#include "base/mem.h"
#include "route/peer_private.h"

#include <stdio.h>
#include <stdlib.h>

void route_decide_fini(struct route_decide *d)
{
	free(d->path);
	d->path = NULL;
	d->size = d->count = 0;
}

static void candidate_add(struct route_decide *d, struct route_path *p)
{
	if (d->count == d->size) {
		d->size = d->size ? d->size * 2 : 64;
		d->path = mem_realloc(d->path, d->size * sizeof(*d->path));
	}
	d->path[d->count++] = p;
}

static bool takes_part(const struct route_path *p)
{
	return !(p->flags & ROUTE_PATH_GONE) && p->attrs->hop->reach.eligible;
}

static void collect(struct route_decide *d, const struct route_entry *e)
{
	d->count = 0;
	ROUTE_EACH_PATH (p, &e->paths)
		if (takes_part(p))
			candidate_add(d, p);
}

static bool is_ebgp(const struct route_path *p)
{
	return p->peer->cfg.type == ROUTE_PEER_EBGP;
}

static uint32_t router_id(const struct route_path *p)
{
	return p->attrs->flags & ROUTE_ATTRS_HAS_ORIGINATOR ? p->attrs->originator_id
							    : p->peer->cfg.router_id;
}

/* What a step compares; the smaller value is better. Steps MED and PEER_ADDRESS are not of this kind. */
static uint32_t measure(enum route_step step, const struct route_path *p)
{
	switch (step) {
	case ROUTE_STEP_LOCAL_PREF:
		return UINT32_MAX - p->attrs->local_pref;
	case ROUTE_STEP_AS_PATH:
		return p->attrs->as_path_len;
	case ROUTE_STEP_ORIGIN:
		return p->attrs->origin;
	case ROUTE_STEP_MED:
		return p->attrs->med;
	case ROUTE_STEP_EBGP:
		return is_ebgp(p) ? 0 : 1;
	case ROUTE_STEP_ROUTER_ID:
		return router_id(p);
	case ROUTE_STEP_CLUSTER_LIST:
		return p->attrs->cluster_list_len;
	case ROUTE_STEP_PATH_ID:
		return p->path_id_in;
	case ROUTE_STEP_INTERIOR_COST:
		return p->attrs->hop->reach.interior_cost;
	case ROUTE_STEP_PEER_ADDRESS:
	case ROUTE_STEP_NEXT_HOP:
	case ROUTE_STEP_BEST:
		break;
	}
	return 0;
}

/* Keeps the candidates with the smallest measure, in order. */
static void keep_smallest(struct route_decide *d, enum route_step step)
{
	uint32_t best = UINT32_MAX;
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++) {
		uint32_t m = measure(step, d->path[i]);

		if (m < best) {
			best = m;
			kept = 0;
		}
		if (m == best)
			d->path[kept++] = d->path[i];
	}
	d->count = kept;
}

static bool all_equal_med(const struct route_decide *d)
{
	for (size_t i = 1; i < d->count; i++)
		if (d->path[i]->attrs->med != d->path[0]->attrs->med)
			return false;
	return true;
}

/* RFC 4271 9.1.2.2 c: of a route from outside whose path names none in front, the AS from which it came. */
static uint32_t neighbor_as(const struct route_path *p)
{
	return p->attrs->neighbor_as || !is_ebgp(p) ? p->attrs->neighbor_as : p->peer->cfg.peer_as;
}

/* MED is comparable only among paths of one neighboring AS: a path goes when another of its AS has a lower one. */
static void keep_lowest_med(struct route_decide *d)
{
	size_t kept = 0;

	if (d->opts.always_compare_med) {
		keep_smallest(d, ROUTE_STEP_MED);
		return;
	}
	if (all_equal_med(d))
		return;
	/* Compacting in place is safe: what eliminates a path has the lowest MED of its AS and so stays itself. */
	for (size_t i = 0; i < d->count; i++) {
		const struct route_path *a = d->path[i];
		bool beaten = false;

		for (size_t k = 0; k < d->count && !beaten; k++) {
			const struct route_path *b = d->path[k];

			beaten = b->attrs->med < a->attrs->med && neighbor_as(b) == neighbor_as(a);
		}
		if (!beaten)
			d->path[kept++] = d->path[i];
	}
	d->count = kept;
}

static void keep_lowest_address(struct route_decide *d)
{
	const struct ip_addr *best = &d->path[0]->peer->cfg.address;
	size_t kept = 0;

	for (size_t i = 1; i < d->count; i++)
		if (ip_addr_cmp(&d->path[i]->peer->cfg.address, best) < 0)
			best = &d->path[i]->peer->cfg.address;
	for (size_t i = 0; i < d->count; i++)
		if (ip_addr_equal(&d->path[i]->peer->cfg.address, best))
			d->path[kept++] = d->path[i];
	d->count = kept;
}

static void eliminate(struct route_decide *d, enum route_step step)
{
	if (d->count < 2)
		return;
	if (step == ROUTE_STEP_MED)
		keep_lowest_med(d);
	else if (step == ROUTE_STEP_PEER_ADDRESS)
		keep_lowest_address(d);
	else
		keep_smallest(d, step);
}

/* Steps 1 to 6: leaves the equal-cost set, before the rule for eBGP paths. */
static void eliminate_unequal(struct route_decide *d)
{
	for (int step = ROUTE_STEP_LOCAL_PREF; step <= ROUTE_STEP_INTERIOR_COST; step++)
		eliminate(d, (enum route_step)step);
}

/* Steps 7 to 10: leaves one. */
static void break_ties(struct route_decide *d)
{
	for (int step = ROUTE_STEP_ROUTER_ID; step <= ROUTE_STEP_PATH_ID; step++)
		eliminate(d, (enum route_step)step);
}

static bool multipath_with(
	const struct route_decide_opts *o, const struct route_path *best, const struct route_path *p)
{
	return !is_ebgp(best) || o->as_path_relax || neighbor_as(p) == neighbor_as(best);
}

static struct route_path *decide_single(struct route_entry *e)
{
	struct route_path *p = route_paths_at(e->paths, 0);

	p->flags &= (unsigned)~ROUTE_PATH_MULTIPATH & 15;
	if (!takes_part(p))
		return NULL;
	p->flags |= ROUTE_PATH_MULTIPATH;
	e->flags |= ROUTE_ENTRY_HAS_BEST;
	return p;
}

struct route_path *route_decide(struct route_decide *d, struct route_entry *e)
{
	struct route_path *best;

	if (e->flags & ROUTE_ENTRY_DECIDED)
		return e->flags & ROUTE_ENTRY_HAS_BEST ? route_paths_at(e->paths, 0) : NULL;
	e->flags = ROUTE_ENTRY_DECIDED;
	if (!route_paths_count(e->paths))
		return NULL;
	if (route_paths_count(e->paths) == 1)
		return decide_single(e);
	ROUTE_EACH_PATH (p, &e->paths)
		p->flags &= (unsigned)~ROUTE_PATH_MULTIPATH & 15;
	collect(d, e);
	if (d->count == 0)
		return NULL;
	eliminate_unequal(d);
	for (size_t i = 0; i < d->count; i++)
		d->path[i]->flags |= ROUTE_PATH_MULTIPATH;
	break_ties(d);
	best = d->path[0];
	ROUTE_EACH_PATH (p, &e->paths)
		if (p->flags & ROUTE_PATH_MULTIPATH && !multipath_with(&d->opts, best, p))
			p->flags &= (unsigned)~ROUTE_PATH_MULTIPATH & 15;
	route_paths_to_front(&e->paths, best);
	e->flags |= ROUTE_ENTRY_HAS_BEST;
	return best;
}

size_t route_decide_rank(struct route_decide *d, struct route_entry *e, size_t n)
{
	struct route_path **rest;
	size_t total, ranked = 0;

	collect(d, e);
	total = d->count;
	if (total <= n || total < 2)
		return total;
	/* The ranked ones are put aside in front of what is left; the work array is one behind them. */
	rest = mem_alloc(total * sizeof(*rest));
	for (size_t i = 0; i < total; i++)
		rest[i] = d->path[i];
	for (; ranked < n; ranked++) {
		struct route_path *best;
		size_t at = ranked;

		d->count = 0;
		for (size_t i = ranked; i < total; i++)
			candidate_add(d, rest[i]);
		eliminate_unequal(d);
		break_ties(d);
		best = d->path[0];
		while (rest[at] != best)
			at++;
		rest[at] = rest[ranked];
		rest[ranked] = best;
	}
	for (size_t i = 0; i < n; i++)
		d->path[i] = rest[i];
	free(rest);
	return n;
}

static bool is_candidate(const struct route_decide *d, const struct route_path *path)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->path[i] == path)
			return true;
	return false;
}

enum route_step route_decide_why(struct route_decide *d, struct route_entry *e, const struct route_path *path)
{
	collect(d, e);
	if (!is_candidate(d, path))
		return ROUTE_STEP_NEXT_HOP;
	for (int step = ROUTE_STEP_LOCAL_PREF; step <= ROUTE_STEP_PATH_ID; step++) {
		eliminate(d, (enum route_step)step);
		if (!is_candidate(d, path))
			return (enum route_step)step;
	}
	return ROUTE_STEP_BEST;
}

static void id_text(uint32_t id, char *buf)
{
	struct ip_addr a = ip_addr_v4(id);

	ip_addr_format(&a, buf);
}

const char *route_decide_why_text(
	struct route_decide *d, struct route_entry *e, const struct route_path *path, char *buf, size_t size)
{
	enum route_step step = route_decide_why(d, e, path);
	const struct route_path *best = route_decide(d, e);
	char mine[PREFIX_TEXT_MAX], its[PREFIX_TEXT_MAX];

	/* A next hop has just become eligible, and what follows from it is not decided yet. */
	if (!best)
		best = path;
	switch (step) {
	case ROUTE_STEP_BEST:
		snprintf(buf, size, "best");
		break;
	case ROUTE_STEP_NEXT_HOP:
		snprintf(buf, size, "next hop not eligible: %s", path->attrs->hop->reach.why);
		break;
	case ROUTE_STEP_LOCAL_PREF:
		snprintf(buf, size, "LOCAL_PREF lower (%u, best %u)", path->attrs->local_pref,
			best->attrs->local_pref);
		break;
	case ROUTE_STEP_AS_PATH:
		snprintf(buf, size, "AS_PATH longer (%u, best %u)", path->attrs->as_path_len,
			best->attrs->as_path_len);
		break;
	case ROUTE_STEP_ORIGIN:
		snprintf(buf, size, "ORIGIN worse (%s, best %s)", bgp_origin_text(path->attrs->origin),
			bgp_origin_text(best->attrs->origin));
		break;
	case ROUTE_STEP_MED:
		snprintf(buf, size, "MED higher (%u) than another path's of the same neighboring AS",
			path->attrs->med);
		break;
	case ROUTE_STEP_EBGP:
		snprintf(buf, size, "iBGP, best is eBGP");
		break;
	case ROUTE_STEP_INTERIOR_COST:
		snprintf(buf, size, "interior cost to the next hop higher (%u, best %u)",
			path->attrs->hop->reach.interior_cost, best->attrs->hop->reach.interior_cost);
		break;
	case ROUTE_STEP_ROUTER_ID:
		id_text(router_id(path), mine);
		id_text(router_id(best), its);
		snprintf(buf, size, "BGP identifier higher (%s, best %s)", mine, its);
		break;
	case ROUTE_STEP_CLUSTER_LIST:
		snprintf(buf, size, "CLUSTER_LIST longer (%u, best %u)", path->attrs->cluster_list_len,
			best->attrs->cluster_list_len);
		break;
	case ROUTE_STEP_PEER_ADDRESS:
		ip_addr_format(&path->peer->cfg.address, mine);
		ip_addr_format(&best->peer->cfg.address, its);
		snprintf(buf, size, "peer address higher (%s, best %s)", mine, its);
		break;
	case ROUTE_STEP_PATH_ID:
		snprintf(buf, size, "path identifier higher (%u, best %u)", path->path_id_in,
			best->path_id_in);
		break;
	}
	return buf;
}

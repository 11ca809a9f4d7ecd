/*
 * What one neighbor told us, was told by us, and told us in vain: Adj-RIB-In, Adj-RIB-Out, and the memory of what was refused.
 *
 * The first two are walks over the table that ask each path; a walk belongs to a session of the neighbor, and ends with an
 * error when that has ended.
 */
#include "rrd/show.h"

#include "base/mem.h"
#include "base/row_net.h"
#include "route/rejects.h"
#include "rrd/neighbor.h"
#include "rrd/path_row.h"
#include "rrd/table_rows.h"

#include <stdio.h>
#include <stdlib.h>

struct adj_rows {
	struct rrd *rrd;
	struct control_caller *caller;
	struct ip_addr address;
	uint64_t established;	       /* times the session was up when the walk began */
	const struct route_peer *peer; /* while a slice is made */
	struct table_rows *rows;
	bool advertised;
};

/* The session of the walk; NULL when it has ended. */
static const struct route_peer *peer_of(const struct adj_rows *a)
{
	const struct session *s = session_neighbors_find(a->rrd->neighbors, &a->address);
	const struct neighbor *n = s ? session_user(s) : NULL;

	return s && session_counters(s)->established == a->established ? n->peer : NULL;
}

static struct row *begin_row(const struct route_path *p)
{
	struct prefix prefix = route_entry_prefix(p->entry);
	struct row *r = row_new();

	row_prefix(r, "prefix", &prefix);
	return r;
}

static struct row *received_row(const struct rrd *rrd, const struct route_path *p)
{
	struct row *r = begin_row(p);
	struct bgp_attrs a;

	path_row_put(r, p);
	path_row_put_age(r, rrd, p);
	route_attrs_decode(p->attrs, &a);
	path_row_put_lists(r, &a);
	return r;
}

static struct row *advertised_row(const struct adj_rows *a, const struct route_path *p)
{
	struct route_told told;
	struct row *r;

	if (!route_peer_told(a->peer, p, &told))
		return NULL;
	r = begin_row(p);
	path_row_put_attrs(
		r, &told.attrs, &told.next_hop, &route_peer_config(p->peer)->address, told.path_id);
	path_row_put_age(r, a->rrd, p);
	path_row_put_lists(r, &told.attrs);
	row_bool(r, "pending", told.pending);
	return r;
}

static void add_entry(void *user, struct table_rows *t, struct route_entry *e)
{
	const struct adj_rows *a = user;

	ROUTE_EACH_PATH (p, &e->paths) {
		struct row *r = NULL;

		if (p->flags & ROUTE_PATH_GONE)
			continue;
		if (a->advertised)
			r = advertised_row(a, p);
		else if (p->peer == a->peer)
			r = received_row(a->rrd, p);
		if (r)
			table_rows_add(t, r);
	}
}

static struct row *next_row(void *state, char *err)
{
	struct adj_rows *a = state;
	bool over;

	err[0] = 0;
	a->peer = peer_of(a);
	if (a->peer)
		return table_rows_next(a->rows, a->caller, &over);
	snprintf(err, SHOW_ERROR_MAX, "the neighbor's session has ended meanwhile: ask again");
	return NULL;
}

static void done(void *state)
{
	struct adj_rows *a = state;

	table_rows_free(a->rows);
	free(a);
}

static bool start(
	struct rrd *r, const struct row *args, bool advertised, struct control_answer *out, char *err)
{
	const struct session *s = show_find_neighbor(r, args, err);
	const struct neighbor *n = s ? session_user(s) : NULL;
	char text[PREFIX_TEXT_MAX];
	struct adj_rows *a;

	if (!s)
		return false;
	if (!n->peer) {
		snprintf(err, SHOW_ERROR_MAX, "neighbor %s is not up: it is %s",
			ip_addr_format(&session_config(s)->remote, text),
			session_state_text(session_state(s)));
		return false;
	}
	a = mem_calloc(1, sizeof(*a));
	a->rrd = r;
	a->caller = control_answer_caller(out);
	a->address = session_config(s)->remote;
	a->established = session_counters(s)->established;
	a->advertised = advertised;
	a->rows = table_rows_new(r, add_entry, a);
	*out = (struct control_answer){ next_row, done, a, NULL };
	return true;
}

bool show_received(void *user, const struct row *args, struct control_answer *out, char *err)
{
	return start(user, args, false, out, err);
}

bool show_advertised(void *user, const struct row *args, struct control_answer *out, char *err)
{
	return start(user, args, true, out, err);
}

/* --- refused --- */

enum { BATCH = 64 };

struct reject_rows {
	struct rrd *rrd;
	struct ip_addr address;
	uint64_t below; /* the number that was looked at last */
	struct route_reject_entry entry[BATCH];
	size_t count, next;
	bool over;
};

static const struct neighbor *neighbor_of(const struct reject_rows *s)
{
	const struct session *session = session_neighbors_find(s->rrd->neighbors, &s->address);

	return session ? session_user(session) : NULL;
}

static const struct route_rejects *rejects_of(const struct neighbor *n)
{
	return !n ? NULL : n->peer ? route_peer_rejects(n->peer) : n->rejects;
}

/* Another version of it is in the table by now. */
static bool is_taken(const struct reject_rows *s, const struct route_reject_entry *e)
{
	const struct neighbor *n = neighbor_of(s);
	enum bgp_family f = e->nlri.prefix.family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST;
	const struct route_entry *entry = route_rib_find(
		route_engine_rib(s->rrd->engine, f), &e->nlri.prefix);

	return entry && n && n->peer && route_paths_find(&entry->paths, n->peer, e->nlri.path_id);
}

static struct row *reject_row(const struct reject_rows *s, const struct route_reject_entry *e)
{
	struct row *r = row_new();

	row_prefix(r, "prefix", &e->nlri.prefix);
	row_addr(r, "next-hop", &e->next_hop);
	row_int(r, "path-id", e->nlri.path_id);
	row_text(r, "reason", route_reject_text(e->why));
	row_int(r, "age-ms", (int64_t)(rrd_now_ms(s->rrd) - e->at_s * 1000));
	return r;
}

static bool get_more(struct reject_rows *s)
{
	const struct route_rejects *rejects = rejects_of(neighbor_of(s));

	s->next = 0;
	s->count = rejects ? route_rejects_get(rejects, s->below, s->entry, BATCH) : 0;
	if (s->count)
		s->below = s->entry[s->count - 1].number;
	return s->count > 0;
}

/* How much there is beyond what is remembered; NULL when that is all. */
static struct row *note(const struct reject_rows *s)
{
	const struct neighbor *n = neighbor_of(s);
	const struct route_rejects *rejects = rejects_of(n);
	uint64_t more = rejects ? route_rejects_dropped(rejects) : 0;
	struct row *r;

	if (n && n->cfg->keep_rejected == 0)
		more = neighbor_rejected_all(n);
	if (!more)
		return NULL;
	r = row_new();
	row_int(r, "not-kept", (int64_t)more);
	row_printf(r, "note", "and %llu more, not kept (keep-rejected is %u)", (unsigned long long)more,
		n->cfg->keep_rejected);
	return r;
}

static struct row *next_reject(void *state, char *err)
{
	struct reject_rows *s = state;

	err[0] = 0;
	while (!s->over && (s->next < s->count || get_more(s))) {
		const struct route_reject_entry *e = &s->entry[s->next++];

		if (!is_taken(s, e))
			return reject_row(s, e);
	}
	if (s->over)
		return NULL;
	s->over = true;
	return note(s);
}

bool show_rejected(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct session *session = show_find_neighbor(user, args, err);
	struct reject_rows *s;

	if (!session)
		return false;
	s = mem_calloc(1, sizeof(*s));
	s->rrd = user;
	s->address = session_config(session)->remote;
	s->below = UINT64_MAX;
	*out = (struct control_answer){ next_reject, free, s, NULL };
	return true;
}

#include "route/watch.h"

#include "base/mem.h"
#include "route/engine_private.h"
#include "route/peer_private.h"
#include "route/watch_private.h"

#include <stdlib.h>

enum { SLICE_ENTRIES = 512 /* told of per call; each may be a row for several people */ };

struct watched_table {
	struct route_watch *watch;
	struct route_rib *rib;
	unsigned told, best; /* group ids */
	struct route_reader reader;
	uint64_t walk_at;
	bool walking;
};

struct route_watch {
	struct route_engine *engine;
	const struct route_watch_ops *ops;
	void *user;
	bool over; /* the marks are being taken away */
	bool ready;
	struct watched_table table[BGP_FAMILIES];
};

/* --- marks --- */

static bool is_told(const struct watched_table *t, const struct route_path *p, unsigned id)
{
	return route_sent_any(route_rib_sent(t->rib), p->sent, id);
}

static bool is_current(const struct watched_table *t, const struct route_path *p)
{
	return route_sent_current(route_rib_sent(t->rib), p->sent, t->told);
}

bool route_watch_shows(const struct route_path *p)
{
	return !(p->flags & ROUTE_PATH_GONE) && !p->peer->closed;
}

static const struct route_path *best_told(const struct watched_table *t, const struct route_entry *e)
{
	ROUTE_EACH_PATH (p, &e->paths)
		if (is_told(t, p, t->best))
			return p;
	return NULL;
}

/* --- telling --- */

static void tell(struct watched_table *t, enum route_watch_event what, struct route_entry *e,
	const struct route_path *path, const struct route_path *old)
{
	if (t->watch->ready)
		t->watch->ops->event(t->watch->user, what, e, path, old);
}

/* Before any path is unmarked, and so freed. The best that changes while it stays the best is told of as a path. */
static void look_at_best(struct watched_table *t, struct route_entry *e)
{
	struct route_path *best = route_decide(&t->watch->engine->decide, e);
	const struct route_path *old = best_told(t, e);

	if (best == old)
		return;
	tell(t, ROUTE_WATCH_BEST, e, best, old);
	if (best)
		route_path_sent(t->rib, best, t->best);
	ROUTE_EACH_PATH (p, &e->paths)
		if (p != best && is_told(t, p, t->best))
			route_path_unsent(t->rib, p, t->best);
}

/* Withdrawals first: a path that was withdrawn and came again is another one with the same name. */
static void look_at_paths(struct watched_table *t, struct route_entry *e)
{
	ROUTE_EACH_PATH (p, &e->paths)
		if (!route_watch_shows(p) && is_told(t, p, t->told))
			tell(t, ROUTE_WATCH_WITHDRAWN, e, p, NULL);
	ROUTE_EACH_PATH (p, &e->paths) {
		bool told = is_told(t, p, t->told);

		if (!route_watch_shows(p) || is_current(t, p))
			continue;
		tell(t, told ? ROUTE_WATCH_CHANGED : ROUTE_WATCH_ADDED, e, p, NULL);
		route_path_sent(t->rib, p, t->told);
	}
}

static void forget_gone(struct watched_table *t, struct route_entry *e)
{
	ROUTE_EACH_PATH (p, &e->paths)
		if (!route_watch_shows(p) && is_told(t, p, t->told))
			route_path_unsent(t->rib, p, t->told);
}

static void look(struct watched_table *t, struct route_entry *e)
{
	look_at_paths(t, e);
	look_at_best(t, e);
	forget_gone(t, e);
}

static void look_silently(void *user, struct route_entry *e)
{
	look(user, e);
}

static void forget(void *user, struct route_entry *e)
{
	struct watched_table *t = user;

	ROUTE_EACH_PATH (p, &e->paths) {
		bool told = is_told(t, p, t->told);

		/* The last mark taken away frees a tombstone. */
		if (is_told(t, p, t->best))
			route_path_unsent(t->rib, p, t->best);
		if (told)
			route_path_unsent(t->rib, p, t->told);
	}
}

/* --- work --- */

/* True when the pass goes on. */
static bool pass(struct watched_table *t, void (*fn)(void *user, struct route_entry *e))
{
	for (unsigned i = 0; t->walking && i < t->watch->engine->cfg.walk_parts; i++)
		t->walking = route_rib_walk(t->rib, &t->walk_at, fn, t);
	return t->walking;
}

static bool read_changes(struct watched_table *t)
{
	struct route_entry *e;

	for (int i = 0; i < SLICE_ENTRIES && (e = route_reader_next(&t->reader)); i++)
		look(t, e);
	return route_reader_behind(&t->reader);
}

/* What no watch has to be told of any more. */
static void free_gone_peers(struct route_engine *e)
{
	LIST_FOREACH (l, &e->gone) {
		list_del(l);
		free(LIST_ENTRY(l, struct route_peer, link));
	}
}

static void end(struct route_watch *w)
{
	struct route_engine *e = w->engine;

	for (int f = 0; f < BGP_FAMILIES; f++) {
		route_engine_give_group_id(e, (enum bgp_family)f, w->table[f].told);
		route_engine_give_group_id(e, (enum bgp_family)f, w->table[f].best);
	}
	free_gone_peers(e);
	e->watch = NULL;
	free(w);
}

static bool work_over(struct route_watch *w)
{
	bool more = false;

	for (int f = 0; f < BGP_FAMILIES; f++)
		more |= pass(&w->table[f], forget);
	if (!more)
		end(w);
	return more;
}

bool route_watch_work(struct route_engine *e)
{
	struct route_watch *w = e->watch;
	bool walking = false, behind = false;

	if (!w)
		return false;
	if (w->over)
		return work_over(w);
	for (int f = 0; f < BGP_FAMILIES; f++) {
		walking |= pass(&w->table[f], look_silently);
		behind |= read_changes(&w->table[f]);
		route_rib_trim(w->table[f].rib);
	}
	if (!walking && !w->ready) {
		w->ready = true;
		w->ops->ready(w->user);
	}
	if (!behind)
		free_gone_peers(e);
	return walking || behind;
}

/* --- for the program --- */

static void begin(struct route_watch *w)
{
	w->over = w->ready = false;
	for (int f = 0; f < BGP_FAMILIES; f++) {
		w->table[f].walking = true;
		w->table[f].walk_at = 0;
		route_reader_init(&w->table[f].reader, w->table[f].rib);
	}
	w->engine->ops.wake(w->engine->user);
}

static bool take_ids(struct route_watch *w)
{
	struct route_engine *e = w->engine;
	int id[BGP_FAMILIES][2];
	bool ok = true;

	for (int f = 0; f < BGP_FAMILIES; f++)
		for (int i = 0; i < 2; i++) {
			id[f][i] = route_engine_take_group_id(e, (enum bgp_family)f);
			ok &= id[f][i] >= 0;
		}
	for (int f = 0; f < BGP_FAMILIES; f++) {
		for (int i = 0; !ok && i < 2; i++)
			if (id[f][i] >= 0)
				route_engine_give_group_id(e, (enum bgp_family)f, (unsigned)id[f][i]);
		w->table[f] = (struct watched_table){
			.watch = w, .rib = e->rib[f], .told = (unsigned)id[f][0], .best = (unsigned)id[f][1]
		};
	}
	return ok;
}

bool route_engine_watch(struct route_engine *e, const struct route_watch_ops *ops, void *user)
{
	struct route_watch *w = e->watch;

	if (!w) {
		w = mem_calloc(1, sizeof(*w));
		w->engine = e;
		if (!take_ids(w)) {
			free(w);
			return false;
		}
		e->watch = w;
	}
	w->ops = ops;
	w->user = user;
	/* Marks of an earlier watch that are still there are as good as those the pass makes. */
	begin(w);
	return true;
}

void route_engine_unwatch(struct route_engine *e)
{
	struct route_watch *w = e->watch;

	if (!w || w->over)
		return;
	w->over = true;
	w->ready = false;
	for (int f = 0; f < BGP_FAMILIES; f++) {
		route_reader_fini(&w->table[f].reader);
		w->table[f].walking = true;
		w->table[f].walk_at = 0;
	}
	e->ops.wake(e->user);
}

void route_engine_watch_look(struct route_engine *e, struct route_entry *entry)
{
	if (e->watch && e->watch->ready)
		look(&e->watch->table[entry->family == IP_V4 ? BGP_IPV4_UNICAST : BGP_IPV6_UNICAST], entry);
}

bool route_engine_watch_ready(const struct route_engine *e)
{
	return e->watch && e->watch->ready;
}

void route_watch_fini(struct route_engine *e)
{
	struct route_watch *w = e->watch;

	if (w && !w->over)
		for (int f = 0; f < BGP_FAMILIES; f++)
			route_reader_fini(&w->table[f].reader);
	free_gone_peers(e);
	free(w);
	e->watch = NULL;
}

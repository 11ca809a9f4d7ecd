#include "rrd/watch_routes.h"

#include "base/list.h"
#include "base/mem.h"
#include "base/row_net.h"
#include "route/watch.h"
#include "rrd/path_row.h"
#include "rrd/show.h"
#include "rrd/table_rows.h"
#include "rrd/watch.h"

#include <stdio.h>
#include <stdlib.h>

struct watch_routes {
	struct rrd *rrd;
	struct list watchers;
};

struct route_watcher {
	struct list link;
	struct rrd *rrd;
	struct control_feed *feed;
	struct control_caller *caller;
	bool waiting; /* for the engine's watch to be ready */
	bool filtered, longer;
	struct prefix filter;
	struct table_rows *rows; /* NULL: what is there is not asked for */
	bool showing;		 /* just now, what is there of an entry */
	bool told;		 /* "watching" */
};

struct watch_routes *watch_routes_new(struct rrd *r)
{
	struct watch_routes *w = mem_calloc(1, sizeof(*w));

	w->rrd = r;
	list_init(&w->watchers);
	return w;
}

void watch_routes_free(struct watch_routes *w)
{
	free(w);
}

/* --- events --- */

static const struct ip_addr *source_of(const struct route_path *p)
{
	return &route_peer_config(p->peer)->address;
}

/* A withdrawn path has its name left: prefix, neighbor and path identifier. */
static void put_path(struct row *r, const struct route_path *p)
{
	if (route_watch_shows(p)) {
		path_row_put(r, p);
		return;
	}
	row_addr(r, "from", source_of(p));
	row_int(r, "path-id", p->path_id_in);
}

static struct row *event_row(enum route_watch_event what, struct route_entry *e,
	const struct route_path *path, const struct route_path *old)
{
	static const char *const event[] = { "added", "changed", "withdrawn", "best" };
	struct row *r = control_feed_row(event[what]);
	struct prefix prefix = route_entry_prefix(e);

	row_prefix(r, "prefix", &prefix);
	if (path)
		put_path(r, path);
	if (old)
		row_addr(r, "was", source_of(old));
	if (what == ROUTE_WATCH_BEST && !path)
		row_text(r, "text", "no path is left that can be used");
	return r;
}

/* What has happened to an entry before it was shown is in what is shown. */
static bool wants(const struct route_watcher *w, const struct route_entry *e, const struct prefix *p)
{
	if (w->rows && (w->showing || !table_rows_passed(w->rows, e)))
		return false;
	if (!w->filtered)
		return true;
	return w->longer ? prefix_contains(&w->filter, p) : prefix_equal(&w->filter, p);
}

static void on_event(void *user, enum route_watch_event what, struct route_entry *e,
	const struct route_path *path, const struct route_path *old)
{
	struct watch_routes *w = user;
	struct prefix prefix = route_entry_prefix(e);

	LIST_FOREACH (l, &w->watchers) {
		struct route_watcher *watcher = LIST_ENTRY(l, struct route_watcher, link);

		if (wants(watcher, e, &prefix) && control_feed_wanted(watcher->feed))
			control_feed_push(watcher->feed, event_row(what, e, path, old));
	}
}

static void on_ready(void *user)
{
	struct watch_routes *w = user;

	LIST_FOREACH (l, &w->watchers) {
		struct route_watcher *watcher = LIST_ENTRY(l, struct route_watcher, link);

		if (!watcher->waiting)
			continue;
		watcher->waiting = false;
		control_caller_resume(watcher->caller);
	}
}

/* --- the answer --- */

static void add_present(void *user, struct table_rows *t, struct route_entry *e)
{
	struct route_watcher *w = user;
	struct prefix prefix = route_entry_prefix(e);
	const struct route_path *best;

	w->showing = true;
	route_engine_watch_look(w->rrd->engine, e);
	w->showing = false;
	best = route_decide(route_engine_decide(w->rrd->engine), e);

	ROUTE_EACH_PATH (p, &e->paths) {
		struct row *r;

		if (!route_watch_shows(p))
			continue;
		r = control_feed_row("present");
		row_prefix(r, "prefix", &prefix);
		put_path(r, p);
		row_bool(r, "best", p == best);
		table_rows_add(t, r);
	}
}

static struct row *next_row(void *state, char *err)
{
	struct route_watcher *w = state;
	struct row *r = NULL;
	bool over = true;

	err[0] = 0;
	if (w->rows)
		r = table_rows_next(w->rows, w->caller, &over);
	if (r || !over || w->told)
		return r;
	w->told = true;
	return control_feed_row("watching");
}

static void done(void *state)
{
	struct route_watcher *w = state;
	const struct watch_routes *all = watch_routes_of(w->rrd->watch);

	list_del(&w->link);
	if (list_empty(&all->watchers))
		route_engine_unwatch(w->rrd->engine);
	table_rows_free(w->rows);
	control_feed_free(w->feed);
	free(w);
}

/* The first one begins the engine's watch. */
static bool begin(struct watch_routes *all, char *err)
{
	static const struct route_watch_ops ops = { on_event, on_ready };

	if (!list_empty(&all->watchers) || route_engine_watch(all->rrd->engine, &ops, all))
		return true;
	snprintf(err, SHOW_ERROR_MAX,
		"routes cannot be watched: there are %d kinds of peers with other settings already, no more "
		"fit",
		(int)ROUTE_GROUPS_MAX);
	return false;
}

bool watch_routes(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const char *text = row_get_text(args, "prefix");
	struct rrd *r = user;
	struct watch_routes *all = watch_routes_of(r->watch);
	struct route_watcher *w;
	struct prefix prefix;

	if ((text && !show_parse_prefix(text, &prefix, err)) || !begin(all, err))
		return false;
	w = mem_calloc(1, sizeof(*w));
	w->rrd = r;
	w->feed = control_feed_new(0);
	w->caller = control_answer_caller(out);
	w->longer = row_get_bool(args, "longer", false);
	if (row_get_bool(args, "all", false))
		w->rows = table_rows_new(r, add_present, w);
	if (text) {
		w->filtered = true;
		w->filter = prefix;
	}
	if (text && w->rows)
		table_rows_filter(w->rows, &prefix, w->longer);
	list_add_tail(&all->watchers, &w->link);
	if (!route_engine_watch_ready(r->engine)) {
		w->waiting = true;
		control_caller_hold(w->caller);
	}
	*out = (struct control_answer){ next_row, done, w, w->feed };
	return true;
}

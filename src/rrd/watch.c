#include "rrd/watch.h"

#include "base/mem.h"
#include "base/row_net.h"
#include "base/text.h"
#include "rrd/neighbor.h"
#include "rrd/show.h"
#include "rrd/watch_routes.h"

#include <stdio.h>
#include <stdlib.h>

struct watch {
	struct rrd *rrd;
	struct control_feed *neighbors, *fib;
	unsigned fib_watchers;
	struct watch_routes *routes;
};

struct watch *watch_new(struct rrd *r)
{
	struct watch *w = mem_calloc(1, sizeof(*w));

	w->rrd = r;
	w->neighbors = control_feed_new(0);
	w->fib = control_feed_new(0);
	w->routes = watch_routes_new(r);
	return w;
}

void watch_free(struct watch *w)
{
	control_feed_free(w->neighbors);
	control_feed_free(w->fib);
	watch_routes_free(w->routes);
	free(w);
}

struct watch_routes *watch_routes_of(struct watch *w)
{
	return w->routes;
}

/* --- answers that begin with what is there --- */

struct present {
	struct rrd *rrd;
	bool all, told, started;
	struct ip_addr address;
	struct fib_listing *routes;
	struct row *(*next)(struct present *p);
	void (*done)(struct rrd *r);
};

static struct row *next_present(void *state, char *err)
{
	struct present *p = state;
	struct row *r = p->all ? p->next(p) : NULL;

	err[0] = 0;
	p->started = true;
	if (r || p->told)
		return r;
	p->all = false;
	p->told = true;
	return control_feed_row("watching");
}

static void present_done(void *state)
{
	struct present *p = state;

	if (p->done)
		p->done(p->rrd);
	fib_listing_free(p->routes);
	free(p);
}

static void begin(struct rrd *r, const struct row *args, struct row *(*next)(struct present *p),
	void (*done)(struct rrd *r), struct control_feed *feed, struct control_answer *out)
{
	struct present *p = mem_calloc(1, sizeof(*p));

	p->rrd = r;
	p->all = row_get_bool(args, "all", false);
	p->next = next;
	p->done = done;
	*out = (struct control_answer){ next_present, present_done, p, feed };
}

/* --- neighbors --- */

static void put_neighbor(struct row *r, const struct session *s)
{
	const struct neighbor *n = session_user(s);
	const struct bgp_open *open = session_remote_open(s);

	row_addr(r, "address", &session_config(s)->remote);
	row_int(r, "as", open ? open->as : session_config(s)->peer_as);
	if (open)
		row_ipv4(r, "router-id", open->bgp_identifier);
	if (n->peer_group)
		row_text(r, "peer-group", n->peer_group);
	if (n->cfg->description)
		row_text(r, "description", n->cfg->description);
	row_text(r, "state", session_state_text(session_state(s)));
}

void watch_neighbor(struct watch *w, const char *event, struct session *s, const struct session_down *why)
{
	struct row *r;

	if (!control_feed_wanted(w->neighbors))
		return;
	r = control_feed_row(event);
	put_neighbor(r, s);
	if (why) {
		row_text(r, "text", why->text);
		if (why->code) {
			row_int(r, "code", why->code);
			row_int(r, "subcode", why->subcode);
		}
	}
	control_feed_push(w->neighbors, r);
}

static void push_address(struct watch *w, const char *event, const struct ip_addr *address, const char *text)
{
	struct row *r;

	if (!control_feed_wanted(w->neighbors))
		return;
	r = control_feed_row(event);
	row_addr(r, "address", address);
	if (text)
		row_text(r, "text", text);
	control_feed_push(w->neighbors, r);
}

void watch_admin(struct watch *w, const char *event, const struct ip_addr *address, const char *text)
{
	push_address(w, event, address, text);
}

void watch_refused(struct watch *w, const struct ip_addr *remote, const char *why)
{
	push_address(w, "refused", remote, why);
}

/* Those that are shut down and not here are not among them. */
static struct row *next_neighbor(struct present *p)
{
	const struct session *s = session_neighbors_next(p->rrd->neighbors, p->started ? &p->address : NULL);
	struct row *r;

	if (!s)
		return NULL;
	p->address = session_config(s)->remote;
	r = control_feed_row("present");
	put_neighbor(r, s);
	return r;
}

bool watch_neighbors(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct rrd *r = user;

	(void)err;
	begin(r, args, next_neighbor, NULL, r->watch->neighbors, out);
	return true;
}

/* --- the kernel's table --- */

/* For people: "10.0.0.105 weight 128, 10.0.0.106 weight 128". */
static void put_hops_text(struct row *r, const struct row *hops)
{
	char buf[512];
	struct text t = text_init(buf, sizeof(buf));

	for (size_t i = 0; i < row_list_size(hops); i++) {
		const struct row *hop = row_list_get(hops, i);

		text_add(&t, "%s%s weight %lld", i ? ", " : "", row_get_text(hop, "address"),
			(long long)row_get_int(hop, "weight", 1));
	}
	if (t.len)
		row_text(r, "via", buf);
}

/* Takes r over. error: of the kernel; NULL: what the row says itself. */
static struct row *fib_event(struct row *r, const char *event, const char *error)
{
	const char *why = error ? error : row_get_text(r, "error");

	control_feed_stamp(r, event);
	put_hops_text(r, row_get(r, "next-hops"));
	if (why)
		row_text(r, "text", why);
	return r;
}

static struct row *change_row(const struct fib *f, const struct fib_change *c, bool group)
{
	struct row *r = group ? fib_group_row(f, c->group_id) : fib_row_of(f, &c->prefix);

	if (r)
		return r;
	r = row_new();
	if (group)
		row_int(r, "group-id", c->group_id);
	else
		row_prefix(r, "prefix", &c->prefix);
	return r;
}

void watch_fib_changed(void *user, const struct fib_change *c)
{
	static const char *const event[] = { "installed", "changed", "removed", "failed", "group-changed" };
	const struct rrd *r = user;
	struct watch *w = r->watch;
	bool group = c->prefix.family == IP_NONE;

	if (control_feed_wanted(w->fib))
		control_feed_push(w->fib, fib_event(change_row(r->fib, c, group), event[c->kind], c->error));
}

static struct row *next_route(struct present *p)
{
	struct row *r;

	if (!p->routes)
		p->routes = fib_listing_new();
	r = p->rrd->fib ? fib_row(p->rrd->fib, p->routes) : NULL;
	return r ? fib_event(r, "present", NULL) : NULL;
}

static void fib_unwatched(struct rrd *r)
{
	if (--r->watch->fib_watchers == 0 && r->fib)
		fib_tell_changes(r->fib, false);
}

bool watch_fib(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct rrd *r = user;

	if (!show_is_router(r, err))
		return false;
	if (r->watch->fib_watchers++ == 0)
		fib_tell_changes(r->fib, true);
	begin(r, args, next_route, fib_unwatched, r->watch->fib, out);
	return true;
}

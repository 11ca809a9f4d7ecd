#include "route/group.h"

#include "base/mem.h"
#include "route/engine_private.h"
#include "route/peer_private.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLICE_ENTRIES = 4096,	   /* entries looked at between two looks at what came of them */
	SLICE_PATHS = 16384,	   /* and no more paths than these and one entry's */
	SLICES = 4,		   /* per call */
	STREAM_AHEAD = 256 * 1024, /* octets written per call */
	NOTE_OCTETS = 64 * 1024,   /* of the stream noted down per call, by all that left it */
	NOTES_AHEAD = 65536,	   /* marks made per call, of all members that do not read the stream */
	PARTS = 4,		   /* of a slice, between which what was collected is sent */
	SLOW_PER_WINDOW = 4,	   /* so many who are behind have one window more */
	WINDOWS_MAX = 8,
	IPV6_LEN = 16,
};

struct route_group *route_group_new(
	struct route_engine *e, struct route_rib *rib, unsigned id, const struct route_group_key *key)
{
	struct route_group *g = mem_calloc(1, sizeof(*g));

	g->engine = e;
	g->rib = rib;
	g->id = id;
	g->key = *key;
	g->walking = true;
	list_init(&g->members);
	list_init(&g->leavers);
	route_stream_init(&g->stream);
	route_reader_init(&g->reader, rib);
	if (key->advertisement_interval_ms)
		g->deferred = route_marks_new();
	return g;
}

void route_group_free(struct route_group *g)
{
	route_reader_fini(&g->reader);
	route_stream_fini(&g->stream);
	route_pack_fini(&g->pack);
	route_marks_free(g->deferred);
	free(g);
}

bool route_group_add_path(const struct route_group *g)
{
	return g->key.send_mode != ROUTE_SEND_BEST;
}

/* IPv6 routes have IPv6 next hops only; IPv4 routes may have one where that was agreed on (RFC 8950 4). */
static bool next_hop_fits(const struct route_group *g, const struct route_path *path)
{
	size_t len = g->key.next_hop_self ? ip_family_bytes(g->key.local.family) : path->attrs->next_hop_len;

	if (route_rib_family(g->rib) == BGP_IPV6_UNICAST || len == 0)
		return len >= IPV6_LEN;
	return len < IPV6_LEN || g->key.extended_next_hop;
}

/* RFC 4271 9.1.3: a route whose next hop cannot be reached is told to nobody, also by add-path. */
static bool is_eligible(const struct route_group *g, const struct route_path *path)
{
	return !g->engine->hops.check || path->attrs->hop->reach.eligible;
}

static bool may_send(const struct route_group *g, const struct route_path *path)
{
	const struct route_attrs *a = path->attrs;
	struct prefix prefix;

	if (!is_eligible(g, path))
		return false;
	if (a->flags & ROUTE_ATTRS_NO_ADVERTISE)
		return false;
	if (g->key.type == ROUTE_PEER_EBGP && a->flags & ROUTE_ATTRS_NO_EXPORT)
		return false;
	/* RFC 4456 6: what a non-client sent is for clients (and the outside) only. */
	if (g->key.type == ROUTE_PEER_IBGP && path->peer->cfg.type == ROUTE_PEER_IBGP)
		return false;
	if (!next_hop_fits(g, path))
		return false;
	if (!g->key.export)
		return true;
	prefix = route_entry_prefix(path->entry);
	return route_policy_allows_prefix(g->key.export, &prefix);
}

/* --- saying something --- */

/* item: the next one of the pack. */
static void say(struct route_group *g, const struct route_entry *e, const struct route_item *item)
{
	if (g->streaming)
		route_pack_add(&g->pack);
	if (g->streaming < g->member_count) {
		g->notes += g->member_count - g->streaming;
		LIST_FOREACH (l, &g->members)
			route_member_note(LIST_ENTRY(l, struct route_member, link), item, e);
	}
	/* Whatever it is about, even a path of their own: they are told what their new group says of it. */
	LIST_FOREACH (l, &g->leavers) {
		struct route_member *m = LIST_ENTRY(l, struct route_member, from_link);

		route_marks_add(m->marks, &item->nlri.prefix, item->nlri.path_id);
		g->notes++;
	}
}

/* The member of this group that is a path's source; NULL for a tombstone, whose peer may be gone. */
static struct route_peer *source_member(const struct route_group *g, const struct route_path *path)
{
	struct route_member *m;

	if (path->flags & ROUTE_PATH_GONE)
		return NULL;
	m = path->peer->member[route_rib_family(g->rib)];
	return m && m->group == g ? path->peer : NULL;
}

static bool was_sent(const struct route_group *g, const struct route_path *path)
{
	return route_sent_any(route_rib_sent(g->rib), path->sent, g->id);
}

static bool is_current(const struct route_group *g, const struct route_path *path)
{
	if (g->resaying)
		return false;
	return route_sent_current(route_rib_sent(g->rib), path->sent, g->id);
}

static void mark_sent(struct route_group *g, struct route_path *path)
{
	g->sent += !was_sent(g, path);
	route_path_sent(g->rib, path, g->id);
}

static void mark_unsent(struct route_group *g, struct route_path *path)
{
	g->sent--;
	route_path_unsent(g->rib, path, g->id);
}

void route_group_item(const struct route_group *g, const struct route_path *path,
	const struct route_attrs *attrs, struct route_item *item)
{
	const struct route_entry *e = path->entry;

	item->attrs = attrs;
	item->source = path->peer;
	item->only = NULL;
	prefix_set(&item->nlri.prefix, e->family, e->len, e->addr);
	item->nlri.path_id = route_group_add_path(g) ? path->path_id_out : 0;
}

static void announce(struct route_group *g, struct route_path *path)
{
	struct route_item *item = route_pack_next(&g->pack);

	route_group_item(g, path, path->attrs, item);
	say(g, path->entry, item);
	mark_sent(g, path);
}

static void withdraw(struct route_group *g, struct route_path *path, const struct route_peer *only)
{
	struct route_item *item = route_pack_next(&g->pack);

	route_group_item(g, path, NULL, item);
	item->only = only;
	say(g, path->entry, item);
	if (!only)
		mark_unsent(g, path);
}

/* --- one entry: what should be held against what was sent --- */

/* The path of which members were told as the prefix's only route. */
static struct route_path *holder_of(const struct route_group *g, const struct route_entry *e)
{
	ROUTE_EACH_PATH (p, &e->paths)
		if (was_sent(g, p))
			return p;
	return NULL;
}

/* RFC 4271 9.2. What does not fit is not said, what was said of it before is withdrawn, and somebody should know. */
static bool may_say(struct route_group *g, const struct route_path *path)
{
	struct prefix prefix;

	if (!may_send(g, path))
		return false;
	if (route_outgoing_fits(g, path))
		return true;
	prefix = route_entry_prefix(path->entry);
	LIST_FOREACH (l, &g->members)
		LIST_ENTRY(l, struct route_member, link)->peer->counters.oversized++;
	g->engine->ops.oversized(g->engine->user, &prefix, &path->peer->cfg);
	return false;
}

static void sync_best(struct route_group *g, struct route_entry *e)
{
	struct route_path *best = route_decide(&g->engine->decide, e), *holder = holder_of(g, e);
	struct route_peer *source;

	if (best && !may_say(g, best))
		best = NULL;
	if (!best) {
		if (holder)
			withdraw(g, holder, NULL);
		return;
	}
	if (holder == best && is_current(g, best))
		return;
	/* The new source is not told of its own path, so it must be told to forget the one it holds. */
	source = source_member(g, best);
	if (source && holder && holder->peer != source)
		withdraw(g, holder, source);
	announce(g, best);
	if (holder && holder != best)
		mark_unsent(g, holder);
}

static bool selected(const struct route_group *g, const struct route_path *path, size_t ranked)
{
	const struct route_decide *d = &g->engine->decide;

	switch (g->key.send_mode) {
	case ROUTE_SEND_ALL:
		return true;
	case ROUTE_SEND_MULTIPATH:
		return path->flags & ROUTE_PATH_MULTIPATH;
	case ROUTE_SEND_BEST_N:
		for (size_t i = 0; i < ranked; i++)
			if (d->path[i] == path)
				return true;
		return false;
	case ROUTE_SEND_BEST:
		break;
	}
	return false;
}

/* Without looking at its attributes, which are somewhere else in memory (only where next hops are checked at these): what was sent of all
 * paths stays sent, since neither the path nor what judges it has changed. Passes over the table look at everything. */
static bool stays_sent(const struct route_group *g, const struct route_path *path)
{
	return g->key.send_mode == ROUTE_SEND_ALL && !g->walking && !(path->flags & ROUTE_PATH_GONE) &&
	       is_current(g, path) && is_eligible(g, path);
}

static void sync_paths(struct route_group *g, struct route_entry *e)
{
	size_t ranked = 0;

	if (g->key.send_mode == ROUTE_SEND_MULTIPATH)
		route_decide(&g->engine->decide, e);
	else if (g->key.send_mode == ROUTE_SEND_BEST_N)
		ranked = route_decide_rank(&g->engine->decide, e, g->key.send_n);
	ROUTE_EACH_PATH (p, &e->paths) {
		bool wanted = stays_sent(g, p) ||
			      (!(p->flags & ROUTE_PATH_GONE) && selected(g, p, ranked) && may_say(g, p));

		if (wanted && !is_current(g, p))
			announce(g, p);
		else if (!wanted && was_sent(g, p))
			withdraw(g, p, NULL);
	}
}

static void sync_entry(struct route_group *g, struct route_entry *e)
{
	g->looked += route_paths_count(e->paths);
	if (route_group_add_path(g))
		sync_paths(g, e);
	else
		sync_best(g, e);
}

/* --- the advertisement interval: withdrawals pass, announcements wait (RFC 4271 9.2.1.1) --- */

static void sync_withdrawals(struct route_group *g, struct route_entry *e)
{
	struct prefix prefix = route_entry_prefix(e);
	struct route_path *holder = route_group_add_path(g) ? NULL : holder_of(g, e), *best;

	route_marks_add(g->deferred, &prefix, 0);
	if (!route_group_add_path(g)) {
		best = route_decide(&g->engine->decide, e);
		if (holder && (!best || !may_say(g, best)))
			withdraw(g, holder, NULL);
		return;
	}
	ROUTE_EACH_PATH (p, &e->paths) {
		if (was_sent(g, p) && (p->flags & ROUTE_PATH_GONE || !may_say(g, p)))
			withdraw(g, p, NULL);
	}
}

static void sync_deferred(struct route_group *g)
{
	struct route_mark mark;

	while (route_marks_take(g->deferred, &mark)) {
		struct route_entry *e = route_rib_find(g->rib, &mark.prefix);

		if (e)
			sync_entry(g, e);
	}
}

/* --- messages into the stream --- */

static uint8_t *stream_room(void *user, size_t len)
{
	struct route_group *g = user;

	return route_stream_room(&g->stream, len);
}

static void stream_commit(void *user, size_t len, const struct route_item *first)
{
	struct route_group *g = user;

	route_stream_commit(&g->stream, len, first->source, first->only);
}

static void outgoing(
	void *user, const struct route_item *first, struct bgp_attrs *attrs, struct bgp_next_hop *nh)
{
	route_outgoing(user, first, attrs, nh);
}

struct bgp_update_opts route_group_update_opts(const struct route_group *g)
{
	return (struct bgp_update_opts){ .family = route_rib_family(g->rib),
		.add_path = route_group_add_path(g),
		.as4 = g->key.as4,
		.max_len = g->key.max_len };
}

struct route_sink route_group_sink(struct route_group *g)
{
	return (struct route_sink){
		.opts = route_group_update_opts(g),
		.outgoing = outgoing,
		.room = stream_room,
		.commit = stream_commit,
		.user = g,
	};
}

static void flush(struct route_group *g)
{
	struct route_sink sink = route_group_sink(g);

	route_pack_flush(&g->pack, &sink);
	LIST_FOREACH (l, &g->members) {
		struct route_member *m = LIST_ENTRY(l, struct route_member, link);

		if (m->hungry && route_stream_ready(&g->stream, &m->pos, m->peer)) {
			m->hungry = false;
			g->hungry--;
			g->engine->ops.kick(m->peer->user);
		}
	}
}

/* --- work --- */

static void walk_entry(void *user, struct route_entry *e)
{
	struct route_group *g = user;

	g->resaying = g->resay;
	sync_entry(g, e);
	g->resaying = false;
}

/* A slice of it; a table of which little is to be said must not be passed in one go. */
static void pass(struct route_group *g)
{
	uint64_t begin = g->stream.appended;

	for (int part = 0; g->walking && part < PARTS && g->stream.appended - begin < STREAM_AHEAD; part++) {
		g->looked = 0;
		for (size_t i = 0;
			g->walking && i <= g->engine->cfg.walk_parts / PARTS && g->looked < SLICE_PATHS; i++)
			g->walking = route_rib_walk(g->rib, &g->walk_at, walk_entry, g);
		flush(g);
	}
	if (g->walking)
		return;
	g->engine->regroup |= g->again;
	g->again = g->resay = false;
	LIST_FOREACH (l, &g->members)
		route_member_table_complete(LIST_ENTRY(l, struct route_member, link));
	flush(g);
}

static void forget_entry(void *user, struct route_entry *e)
{
	struct route_group *g = user;

	ROUTE_EACH_PATH (p, &e->paths) {
		if (was_sent(g, p))
			route_path_unsent(g->rib, p, g->id);
	}
}

static size_t window_of(const struct route_group *g)
{
	return g->engine->cfg.stream_window;
}

static bool is_behind(const struct route_group *g, const struct route_member *m, size_t window)
{
	return m->state == ROUTE_MEMBER_STREAM && g->stream.appended - m->pos.position > window / 2;
}

/* The stream is there once for all of them, marks are each member's own: the more are behind, the more the stream may hold. */
static size_t window_for_slow(const struct route_group *g)
{
	size_t behind = 0, windows;

	LIST_FOREACH (l, &g->members)
		behind += is_behind(g, LIST_ENTRY(l, struct route_member, link), window_of(g));
	windows = 1 + behind / SLOW_PER_WINDOW;
	return window_of(g) * (windows < WINDOWS_MAX ? windows : WINDOWS_MAX);
}

/* Slow members leave the stream when that holds more than the window for them. */
static void detach_slow(struct route_group *g)
{
	size_t window;

	if (g->stream.bytes < window_of(g))
		return;
	window = window_for_slow(g);
	if (g->stream.bytes < window)
		return;
	LIST_FOREACH (l, &g->members) {
		struct route_member *m = LIST_ENTRY(l, struct route_member, link);

		if (is_behind(g, m, window))
			route_member_detach(m);
	}
}

static void note_down(struct route_group *g)
{
	size_t octets = NOTE_OCTETS;

	LIST_FOREACH (l, &g->members) {
		struct route_member *m = LIST_ENTRY(l, struct route_member, link);
		size_t done = m->noting ? route_member_note_down(m, octets) : 0;

		if (done >= octets)
			return;
		octets -= done;
	}
}

static void read_changes(struct route_group *g, uint64_t now_ms)
{
	bool hold = g->key.advertisement_interval_ms && now_ms < g->next_advertisement_ms;
	struct route_entry *e;

	if (g->deferred && !hold && (route_marks_count(g->deferred) || route_reader_behind(&g->reader))) {
		g->next_advertisement_ms = now_ms + g->key.advertisement_interval_ms;
		sync_deferred(g);
	}
	g->looked = 0;
	for (size_t i = 0; i < SLICE_ENTRIES && g->looked < SLICE_PATHS && g->notes < NOTES_AHEAD &&
			   (e = route_reader_next(&g->reader));
		i++) {
		if (hold)
			sync_withdrawals(g, e);
		else
			sync_entry(g, e);
	}
	flush(g);
}

bool route_group_waiting(const struct route_group *g)
{
	return g->walking || route_reader_behind(&g->reader) ||
	       (g->deferred && route_marks_count(g->deferred));
}

/* While nobody who reads the stream can take more, changes wait in the change list, where they merge; unless somebody waits
 * for the end of the pass. */
static bool stalled(const struct route_group *g)
{
	return g->streaming && !g->hungry && !g->expected && !route_rib_crowded(g->rib);
}

static bool deferred_due(const struct route_group *g, uint64_t now_ms)
{
	return g->deferred && now_ms >= g->next_advertisement_ms && route_marks_count(g->deferred);
}

void route_group_retire_if_idle(struct route_group *g)
{
	if (g->member_count || g->expected || !list_empty(&g->leavers))
		return;
	g->retired = true;
	g->walk_at = 0;
	route_reader_fini(&g->reader);
	route_stream_fini(&g->stream);
}

bool route_group_key_equal(const struct route_group_key *a, const struct route_group_key *b)
{
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c): keys are filled into zeros. */
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool route_group_key_looks_different(const struct route_group_key *a, const struct route_group_key *b)
{
	return a->next_hop_self != b->next_hop_self || !ip_addr_equal(&a->local, &b->local) ||
	       a->graceful_shutdown != b->graceful_shutdown;
}

void route_group_rekey(struct route_group *g, const struct route_group_key *key)
{
	struct route_group_key old = g->key;

	g->key = *key;
	if (key->advertisement_interval_ms && !g->deferred)
		g->deferred = route_marks_new();
	g->next_advertisement_ms = 0;
	old.advertisement_interval_ms = key->advertisement_interval_ms;
	if (route_group_key_equal(&old, key))
		return;
	g->resay |= route_group_key_looks_different(&old, key);
	g->again |= !g->walking;
	g->walking = true;
	g->walk_at = 0;
}

static uint64_t forget(struct route_group *g)
{
	for (size_t i = 0; i < SLICE_ENTRIES; i++)
		if (!route_rib_walk(g->rib, &g->walk_at, forget_entry, g))
			return UINT64_MAX;
	return 0;
}

static uint64_t tell(struct route_group *g, uint64_t now_ms)
{
	uint64_t begin = g->stream.appended;

	g->notes = 0;
	if (stalled(g) || g->expected)
		detach_slow(g);
	if (stalled(g))
		return UINT64_MAX;
	if (g->walking) {
		pass(g);
		if (!g->again)
			return 0;
	}
	for (int i = 0; i < SLICES && (route_reader_behind(&g->reader) || deferred_due(g, now_ms)); i++) {
		read_changes(g, now_ms);
		detach_slow(g);
		if (g->stream.appended - begin > STREAM_AHEAD || g->notes >= NOTES_AHEAD || stalled(g))
			break;
	}
	if (g->walking)
		return stalled(g) ? UINT64_MAX : 0;
	if (route_reader_behind(&g->reader))
		return stalled(g) ? UINT64_MAX : 0;
	if (g->deferred && route_marks_count(g->deferred))
		return g->next_advertisement_ms - now_ms;
	return UINT64_MAX;
}

uint64_t route_group_work(struct route_group *g, uint64_t now_ms)
{
	uint64_t wait;

	if (g->retired)
		return forget(g);
	if (g->noting)
		note_down(g);
	/* Writing is faster than noting down: what is not noted yet must not become more and more. */
	if (g->noting && g->stream.bytes > window_of(g) + window_for_slow(g))
		return 0;
	wait = tell(g, now_ms);
	return g->noting ? 0 : wait;
}

#include "base/mem.h"
#include "bgp/message.h"
#include "route/engine_private.h"
#include "route/group.h"
#include "route/peer_private.h"

#include <stdlib.h>

enum {
	SERVE_OCTETS = 64 * 1024, /* put into a peer's own queue per call */
	SERVE_ROUTES = 2048,	  /* looked at between two looks at the queue */
};

struct route_member *route_member_new(struct route_group *g, struct route_peer *p)
{
	struct route_member *m = mem_calloc(1, sizeof(*m));

	m->group = g;
	m->peer = p;
	m->end_of_rib = true;
	list_add_tail(&g->members, &m->link);
	g->member_count++;
	if (g->walking && g->walk_at == 0 && g->sent == 0) {
		/* The group has said nothing yet: its first pass is this member's table. */
		m->state = ROUTE_MEMBER_STREAM;
		m->hungry = true;
		g->streaming++;
		g->hungry++;
		route_stream_attach(&g->stream, &m->pos);
	} else {
		m->marks = route_marks_new();
	}
	return m;
}

/* It is told by the stream no more, though it may have to note down what is in it. */
static void leave_stream(struct route_member *m)
{
	struct route_group *g = m->group;

	g->streaming--;
	if (m->hungry)
		g->hungry--;
	m->hungry = false;
}

void route_member_free(struct route_member *m)
{
	struct route_group *g = m->group;

	route_member_move_cancel(m);
	g->engine->regroup |= g->yields;
	if (m->state == ROUTE_MEMBER_STREAM)
		leave_stream(m);
	g->noting -= m->noting;
	route_stream_detach(&g->stream, &m->pos);
	list_del(&m->link);
	g->member_count--;
	route_marks_free(m->marks);
	free(m);
}

void route_member_note(struct route_member *m, const struct route_item *item, const struct route_entry *e)
{
	if (m->state == ROUTE_MEMBER_STREAM)
		return;
	if (item->only ? item->only != m->peer : item->source == m->peer)
		return;
	/* What the walk has yet to come to it will find as it is then; but not what is gone by then. */
	if (m->state == ROUTE_MEMBER_WALK && item->attrs && !route_rib_walked(m->group->rib, m->walk_at, e))
		return;
	route_marks_add(m->marks, &item->nlri.prefix, item->nlri.path_id);
}

/* --- leaving the stream --- */

static void note_message(struct route_member *m, struct arena *arena, const uint8_t *message, size_t len)
{
	struct route_group *g = m->group;
	enum bgp_family f = route_rib_family(g->rib);
	struct bgp_negotiated as_sent = {
		.family = { true, true }, .as4 = g->key.as4, .extended_next_hop = true
	};
	struct bgp_update u;

	as_sent.add_path_rx[f] = route_group_add_path(g);
	bgp_update_decode(cursor_init(message + BGP_HEADER_LEN, len - BGP_HEADER_LEN), &as_sent,
		g->key.type == ROUTE_PEER_EBGP, arena, &u);
	for (size_t i = 0; i < u.announced[f].count; i++)
		route_marks_add(m->marks, &u.announced[f].item[i].prefix, u.announced[f].item[i].path_id);
	for (size_t i = 0; i < u.withdrawn[f].count; i++)
		route_marks_add(m->marks, &u.withdrawn[f].item[i].prefix, u.withdrawn[f].item[i].path_id);
	if (u.end_of_rib[f])
		m->end_of_rib = true;
}

static void noted_all(struct route_member *m)
{
	struct route_group *g = m->group;

	m->noting = false;
	g->noting--;
	route_stream_detach(&g->stream, &m->pos);
	g->engine->ops.kick(m->peer->user);
}

size_t route_member_note_down(struct route_member *m, size_t octets)
{
	struct route_group *g = m->group;
	struct arena *arena = g->engine->arena;
	const uint8_t *message = NULL;
	size_t done = 0, len;

	while (done < octets && m->pos.position < m->note_until &&
		(message = route_stream_next(&g->stream, &m->pos, m->peer, &len))) {
		arena_reset(arena);
		note_message(m, arena, message, len);
		done += len;
	}
	if (!message || m->pos.position >= m->note_until)
		noted_all(m);
	return done;
}

void route_member_detach(struct route_member *m)
{
	struct route_group *g = m->group;

	m->marks = route_marks_new();
	if (m->pos.rest) {
		bgp_queue_put_rest(&m->peer->queue, route_stream_rest(&m->pos), m->pos.rest);
		route_stream_consume(&g->stream, &m->pos, m->peer, m->pos.rest);
	}
	leave_stream(m);
	m->state = ROUTE_MEMBER_MARKS;
	m->noting = true;
	m->note_until = g->stream.appended;
	g->noting++;
	g->engine->ops.wake(g->engine->user);
}

static void begin_refresh(struct route_member *m, enum bgp_refresh_subtype subtype)
{
	struct bgp_queue *q = &m->peer->queue;
	struct writer w = writer_init(bgp_queue_room(q, BGP_MESSAGE_MAX), BGP_MESSAGE_MAX);

	bgp_refresh_encode(&w, route_rib_family(m->group->rib), subtype);
	bgp_queue_commit(q, writer_len(&w));
}

/* A refresh asked for during an enhanced one begins when that one has ended, and all of these are one: otherwise a peer
 * that asks and does not read would fill the queue with beginnings. One that moves has ends of its own to meet first. */
void route_member_walk(struct route_member *m)
{
	if (m->end_refresh || m->state == ROUTE_MEMBER_MOVE) {
		m->walk_again = true;
		return;
	}
	if (m->state == ROUTE_MEMBER_STREAM)
		route_member_detach(m);
	m->state = ROUTE_MEMBER_WALK;
	m->walk_at = 0;
	if (m->peer->negotiated.enhanced_route_refresh) {
		m->end_refresh = true;
		begin_refresh(m, BGP_REFRESH_BEGIN);
	} else {
		m->end_of_rib = true;
	}
}

/* --- serving --- */

static bool told(const struct route_member *m, const struct route_path *path)
{
	return !(path->flags & ROUTE_PATH_GONE) && path->peer != m->peer &&
	       route_sent_any(route_rib_sent(m->group->rib), path->sent, m->group->id);
}

void route_member_pack(struct route_member *m, const struct route_path *path)
{
	struct route_pack *pack = &m->group->engine->pack;

	route_group_item(m->group, path, path->attrs, route_pack_next(pack));
	route_pack_add(pack);
}

static void walk_entry(void *user, struct route_entry *e)
{
	struct route_member *m = user;

	ROUTE_EACH_PATH (p, &e->paths)
		if (told(m, p))
			route_member_pack(m, p);
}

static void serve_mark(struct route_member *m, const struct route_mark *mark)
{
	struct route_entry *e = route_rib_find(m->group->rib, &mark->prefix);
	struct route_pack *pack = &m->group->engine->pack;
	struct route_paths paths = e ? e->paths : (struct route_paths){ 0 };

	ROUTE_EACH_PATH (p, &paths) {
		if (!told(m, p) || (route_group_add_path(m->group) && p->path_id_out != mark->path_id))
			continue;
		route_member_pack(m, p);
		return;
	}
	*route_pack_next(pack) = (struct route_item){ .nlri = { mark->prefix, mark->path_id } };
	route_pack_add(pack);
}

static uint8_t *queue_room(void *user, size_t len)
{
	struct route_member *m = user;

	return bgp_queue_room(&m->peer->queue, len);
}

static void queue_commit(void *user, size_t len, const struct route_item *first)
{
	struct route_member *m = user;

	(void)first;
	bgp_queue_commit(&m->peer->queue, len);
}

static void outgoing(
	void *user, const struct route_item *first, struct bgp_attrs *attrs, struct bgp_next_hop *nh)
{
	struct route_member *m = user;

	route_outgoing(m->group, first, attrs, nh);
}

void route_member_flush(struct route_member *m)
{
	struct route_sink sink = route_group_sink(m->group);

	sink.outgoing = outgoing;
	sink.room = queue_room;
	sink.commit = queue_commit;
	sink.user = m;
	route_pack_flush(&m->group->engine->pack, &sink);
}

static void say_end_of_rib(struct route_member *m)
{
	struct bgp_queue *q = &m->peer->queue;
	struct writer w = writer_init(bgp_queue_room(q, BGP_MESSAGE_MAX), BGP_MESSAGE_MAX);

	bgp_update_encode_end_of_rib(&w, route_rib_family(m->group->rib));
	bgp_queue_commit(q, writer_len(&w));
	m->end_of_rib = false;
}

static void join_stream(struct route_member *m)
{
	struct route_group *g = m->group;

	route_marks_free(m->marks);
	m->marks = NULL;
	m->state = ROUTE_MEMBER_STREAM;
	g->streaming++;
	route_stream_attach(&g->stream, &m->pos);
	if (m->end_refresh)
		begin_refresh(m, BGP_REFRESH_END);
	m->end_refresh = false;
	if (m->end_of_rib && !g->walking)
		say_end_of_rib(m);
	if (m->walk_again) {
		m->walk_again = false;
		route_member_walk(m);
	}
}

void route_member_serve(struct route_member *m)
{
	struct bgp_queue *q = &m->peer->queue;
	struct route_mark mark;
	bool more = true;

	while (m->state == ROUTE_MEMBER_WALK && q->octets < SERVE_OCTETS) {
		for (int i = 0; more && i < SERVE_ROUTES; i++)
			more = route_rib_walk(m->group->rib, &m->walk_at, walk_entry, m);
		route_member_flush(m);
		if (more)
			continue;
		m->state = ROUTE_MEMBER_MARKS;
		if (m->next)
			m->group->engine->ops.wake(m->group->engine->user);
	}
	while (m->state == ROUTE_MEMBER_MARKS && !m->noting && !m->parting && q->octets < SERVE_OCTETS) {
		for (int i = 0; i < SERVE_ROUTES && (more = route_marks_take(m->marks, &mark)); i++)
			serve_mark(m, &mark);
		route_member_flush(m);
		if (!more)
			join_stream(m);
	}
}

static void end_of_rib_in_stream(struct route_member *m)
{
	struct route_group *g = m->group;
	struct writer w = writer_init(route_stream_room(&g->stream, BGP_MESSAGE_MAX), BGP_MESSAGE_MAX);

	bgp_update_encode_end_of_rib(&w, route_rib_family(g->rib));
	route_stream_commit(&g->stream, writer_len(&w), NULL, m->peer);
	m->end_of_rib = false;
}

void route_member_table_complete(struct route_member *m)
{
	if (m->end_of_rib && m->state == ROUTE_MEMBER_STREAM)
		end_of_rib_in_stream(m);
}

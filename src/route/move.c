/*
 * A member that goes from one update group to another and is sent nothing but the difference.
 *
 * What it holds is what its old group told it, and that is known path by path; so is what the new group told its members.
 * The member stays where it is until no pass over the table is under way, in neither group, and it has seen its own table
 * to the end; then it parts from the stream and notes down what it has not read of it. When that is done it is a member of the new group and a leaver of the old one, and a walk compares the two, entry by entry.
 * What either group says meanwhile is noted in the member's marks, which are served behind the walk by what the new group
 * says then. So each entry is right when the walk has passed it, or will be by a mark.
 */
#include "base/mem.h"
#include "route/engine_private.h"
#include "route/group.h"
#include "route/peer_private.h"

enum {
	QUEUE_OCTETS = 64 * 1024, /* of a member's queue: a full one waits */
	SLICES = 4,		  /* members that go on per call */
};

/* --- the difference of one entry --- */

struct views {
	struct route_member *m;
	const struct route_sent *sent;
	bool looks_different;
};

/* The member was told the path by its old group. */
static bool holds(const struct views *v, const struct route_path *path)
{
	return v->m->from && path->peer != v->m->peer && route_sent_any(v->sent, path->sent, v->m->from->id);
}

static bool shall_hold(const struct views *v, const struct route_path *path)
{
	return !(path->flags & ROUTE_PATH_GONE) && path->peer != v->m->peer &&
	       route_sent_any(v->sent, path->sent, v->m->group->id);
}

/* What it holds may be an earlier version: the new group will not say the new one again. */
static bool is_the_same(const struct views *v, const struct route_path *path)
{
	return !v->looks_different && route_sent_current(v->sent, path->sent, v->m->from->id);
}

static void forget(struct route_member *m, const struct route_path *path)
{
	struct route_pack *pack = &m->group->engine->pack;

	route_group_item(m->group, path, NULL, route_pack_next(pack));
	route_pack_add(pack);
}

static void compare_paths(const struct views *v, const struct route_entry *e)
{
	ROUTE_EACH_PATH (p, &e->paths) {
		bool has = holds(v, p), shall = shall_hold(v, p);

		if (shall && !(has && is_the_same(v, p)))
			route_member_pack(v->m, p);
		else if (has && !shall)
			forget(v->m, p);
	}
}

/* Without path identifiers the prefix has one route, which may be of another path now. */
static void compare_routes(const struct views *v, const struct route_entry *e)
{
	const struct route_path *held = NULL, *wanted = NULL;

	ROUTE_EACH_PATH (p, &e->paths) {
		if (!held && holds(v, p))
			held = p;
		if (!wanted && shall_hold(v, p))
			wanted = p;
	}
	if (wanted && !(held == wanted && is_the_same(v, wanted)))
		route_member_pack(v->m, wanted);
	else if (held && !wanted)
		forget(v->m, held);
}

static void compare(void *user, struct route_entry *e)
{
	struct route_member *m = user;
	struct views v = { m, route_rib_sent(m->group->rib),
		m->from && route_group_key_looks_different(&m->from->key, &m->group->key) };

	if (route_group_add_path(m->group))
		compare_paths(&v, e);
	else
		compare_routes(&v, e);
}

/* --- the move --- */

static void stop_waiting(struct route_member *m)
{
	struct route_group *g = m->next;

	if (!g)
		return;
	m->next = NULL;
	m->parting = false;
	g->expected--;
	route_group_retire_if_idle(g);
}

static void forget_from(struct route_member *m)
{
	struct route_group *g = m->from;

	if (!g)
		return;
	m->from = NULL;
	list_del(&m->from_link);
	g->engine->regroup |= g->yields;
	route_group_retire_if_idle(g);
}

void route_member_move_cancel(struct route_member *m)
{
	stop_waiting(m);
	forget_from(m);
	list_del(&m->move_link);
}

void route_member_move(struct route_member *m, struct route_group *to)
{
	struct route_engine *e = m->group->engine;

	if (m->next == to)
		return;
	to->expected++;
	stop_waiting(m);
	m->next = to;
	if (to == m->group) {
		stop_waiting(m);
		e->ops.kick(m->peer->user);
	} else if (!list_linked(&m->move_link)) {
		list_add_tail(&e->movers, &m->move_link);
	}
	e->ops.wake(e->user);
}

static bool may_part(const struct route_member *m)
{
	return m->next && !m->parting && !m->from && m->state != ROUTE_MEMBER_WALK && !m->group->walking &&
	       !m->next->walking;
}

/* What it has not read of the stream it has to note down first. */
static bool may_begin(const struct route_member *m)
{
	return m->parting && !m->noting;
}

/* From here on its marks are not served before they are those of the new group. */
static void part(struct route_member *m)
{
	m->parting = true;
	if (m->state == ROUTE_MEMBER_STREAM)
		route_member_detach(m);
}

static void begin(struct route_member *m)
{
	struct route_group *from = m->group, *to = m->next;

	list_del(&m->link);
	from->member_count--;
	list_add_tail(&from->leavers, &m->from_link);
	m->from = from;
	m->next = NULL;
	m->parting = false;
	m->group = to;
	list_add_tail(&to->members, &m->link);
	to->member_count++;
	to->expected--;
	m->state = ROUTE_MEMBER_MOVE;
	m->walk_at = 0;
}

/* The member of a move is a member as others are, with marks to be served. */
static void end(struct route_member *m)
{
	m->state = ROUTE_MEMBER_MARKS;
	forget_from(m);
	m->group->engine->ops.kick(m->peer->user);
}

static bool can_go_on(const struct route_member *m)
{
	return m->state == ROUTE_MEMBER_MOVE && m->peer->queue.octets < QUEUE_OCTETS;
}

static void go_on(struct route_member *m)
{
	bool more = true;

	for (unsigned i = 0; more && i < m->group->engine->cfg.walk_parts; i++)
		more = route_rib_walk(m->group->rib, &m->walk_at, compare, m);
	route_member_flush(m);
	if (m->peer->queue.octets)
		m->group->engine->ops.kick(m->peer->user);
	if (!more)
		end(m);
}

bool route_moves_work(struct route_engine *e)
{
	bool more = false;
	int slices = 0;

	LIST_FOREACH (l, &e->movers) {
		struct route_member *m = LIST_ENTRY(l, struct route_member, move_link);

		if (may_part(m))
			part(m);
		if (may_begin(m))
			begin(m);
		if (can_go_on(m) && slices++ < SLICES)
			go_on(m);
		/* The group that it has left may have work to do now. */
		if (m->state != ROUTE_MEMBER_MOVE && !m->next) {
			list_del(&m->move_link);
			more = true;
		} else {
			more |= can_go_on(m) || may_part(m) || may_begin(m) || (m->parting && m->noting);
		}
	}
	/* Others come first next time. */
	if (!list_empty(&e->movers)) {
		struct list *first = e->movers.next;

		list_del(first);
		list_add_tail(&e->movers, first);
	}
	return more;
}

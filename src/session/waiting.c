/*
 * Dynamic neighbors that are not up yet, and which of them gives way.
 *
 * Each costs memory, a descriptor and a place in its range, and whoever may connect may connect and say nothing. So in a full
 * range, and where there are too many of them in all, one that comes takes the place of one that is not up: the one that
 * has waited longest goes, and all that are up stay. Before that it is heard: what it has said may be waiting where
 * we have not read it yet, and then it was we who were slow. One that has got further by it goes to the end of the line.
 *
 * Of those who have got further only so many are heard for each one that comes, so that letting in one takes no longer than
 * that; meanwhile a few more than the bound may wait.
 *
 * A peer may be slow itself when thousands come at once: where there are too many in all, nobody gives way who has not had
 * a second to speak, and those that come wait at the door meanwhile (arrivals.c).
 *
 * The bounds are wide on purpose: when thousands of good pods come at once, a narrow one would turn them away. What bounds the time
 * is the session's own timer.
 */
#include "session/neighbors_private.h"

enum { HEARD_MAX = 128, PATIENCE_US = 1000000 };

void neighbors_wait(struct neighbor *n)
{
	if (!n->range || list_linked(&n->waiting_link))
		return;
	list_add_tail(&n->set->waiting, &n->waiting_link);
	list_add_tail(&n->range->waiting, &n->range_waiting_link);
	n->waiting_since_us = io_loop_now_us(n->set->io->loop);
	n->waiting_state = session_state(n->session);
	if (n->waiting_state < SESSION_OPEN_SENT)
		n->waiting_state = SESSION_OPEN_SENT;
	n->set->waiting_count++;
	n->range->info.waiting++;
}

void neighbors_wait_over(struct neighbor *n)
{
	if (!list_linked(&n->waiting_link))
		return;
	list_del(&n->waiting_link);
	list_del(&n->range_waiting_link);
	n->set->waiting_count--;
	n->range->info.waiting--;
	neighbors_arrivals_go_on(n->set);
}

static void to_the_end(struct neighbor *n)
{
	neighbors_wait_over(n);
	neighbors_wait(n);
}

/* True when it goes. */
static bool gives_way(struct neighbor *n)
{
	session_hear(n->session);
	if (!list_linked(&n->waiting_link))
		return false;
	if (session_state(n->session) > n->waiting_state) {
		to_the_end(n);
		return false;
	}
	n->set->counters.gave_way++;
	n->range->info.gave_way++;
	neighbors_note_failure(n->set, n->range, &n->session->cfg.remote,
		"did not come up, and gave way to another when there was no room");
	session_stop(n->session, BGP_CEASE_CONNECTION_REJECTED, NULL);
	neighbors_remove(n);
	return true;
}

static struct neighbor *longest(const struct session_neighbors *set)
{
	return LIST_ENTRY(set->waiting.next, struct neighbor, waiting_link);
}

static struct neighbor *longest_of(const struct neighbor_range *r)
{
	return LIST_ENTRY(r->waiting.next, struct neighbor, range_waiting_link);
}

uint64_t neighbors_patience_us(const struct session_neighbors *set)
{
	uint64_t waited_us;

	if (set->waiting_count < set->waiting_max)
		return 0;
	waited_us = io_loop_now_us(set->io->loop) - longest(set)->waiting_since_us;
	return waited_us < PATIENCE_US ? PATIENCE_US - waited_us : 0;
}

void neighbors_make_room(struct session_neighbors *set, struct neighbor_range *r)
{
	/* Each is heard once at most: if all of them have got further, the one that comes is refused. */
	unsigned left = r->info.waiting < HEARD_MAX ? r->info.waiting : HEARD_MAX;

	for (; left > 0 && r->info.waiting > 0 && r->info.neighbors >= r->info.limit; left--)
		gives_way(longest_of(r));
	for (left = HEARD_MAX; left > 0 && set->waiting_count >= set->waiting_max; left--)
		gives_way(longest(set));
}

void neighbors_give_back(struct session_neighbors *set, unsigned count)
{
	while (count-- && set->waiting_count)
		gives_way(longest(set));
}

void session_neighbors_set_waiting_max(struct session_neighbors *set, size_t max)
{
	set->waiting_max = max ? max : 1;
}

size_t session_neighbors_waiting(const struct session_neighbors *set)
{
	return set->waiting_count;
}

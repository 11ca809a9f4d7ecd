/*
 * Connections between accept() and admission.
 *
 * The kernel's own queue is short (net.core.somaxconn, 4,096): whoever does not fit into it asks again a second later, and once
 * more after that. To take a connection out of it costs a tenth of what it costs to answer one. So all are taken out at
 * once; strangers are turned away and configured neighbors let in at the door, and the others are admitted in the order of
 * their coming, a share of each turn, as long as those before them have had their time to speak (waiting.c). They may be as
 * many here as may wait there.
 */
#include "base/mem.h"
#include "io/tcp.h"
#include "session/neighbors_private.h"

#include <stdlib.h>
#include <unistd.h>

enum { ARRIVALS_LEAST = 64 };

struct arrival {
	struct list link;
	struct ip_addr remote, local;
	int fd;
};

static void go_in(void *user)
{
	struct session_neighbors *set = user;
	uint64_t pause_us = 0;

	while (!list_empty(&set->arrivals) && !io_loop_share_used(set->io->loop)) {
		struct arrival *a = LIST_ENTRY(set->arrivals.next, struct arrival, link);

		pause_us = neighbors_patience_us(set);
		if (pause_us)
			break;
		list_del(&a->link);
		set->arrived--;
		neighbors_admit(set, a->fd, &a->remote, &a->local);
		free(a);
	}
	if (pause_us)
		io_timer_set(set->admission_timer, pause_us);
	else
		neighbors_arrivals_go_on(set);
}

void neighbors_arrivals_go_on(struct session_neighbors *set)
{
	if (!list_empty(&set->arrivals))
		io_job_post(set->admission_job);
}

static void pause_over(void *user)
{
	neighbors_arrivals_go_on(user);
}

void neighbors_arrivals_init(struct session_neighbors *set)
{
	list_init(&set->arrivals);
	set->admission_job = io_job_new(set->io->loop, go_in, set);
	set->admission_timer = io_timer_new(set->io->loop, pause_over, set);
}

bool neighbors_arrivals_full(const struct session_neighbors *set)
{
	return set->arrived >= ARRIVALS_LEAST && set->arrived >= set->waiting_max;
}

void neighbors_arrive(
	struct session_neighbors *set, int fd, const struct ip_addr *remote, const struct ip_addr *local)
{
	struct arrival *a;

	if (!neighbors_is_dynamic(set, remote)) {
		neighbors_admit(set, fd, remote, local);
		return;
	}
	a = mem_calloc(1, sizeof(*a));
	*a = (struct arrival){ .fd = fd, .remote = *remote, .local = *local };
	list_add_tail(&set->arrivals, &a->link);
	set->arrived++;
	io_job_post(set->admission_job);
}

void neighbors_arrivals_set_keys(const struct session_neighbors *set)
{
	static const struct io_tcp_key none;

	LIST_FOREACH (link, (struct list *)(uintptr_t)&set->arrivals) {
		const struct arrival *a = LIST_ENTRY(link, struct arrival, link);
		const struct io_tcp_key *key = session_neighbors_key(set, &a->remote);
		struct prefix host = prefix_host(&a->remote);

		/* Where this fails the peer does not get through, as with any wrong key, and comes again. */
		io_tcp_set_key(a->fd, &host, key ? key : &none);
	}
}

void neighbors_arrivals_fini(struct session_neighbors *set)
{
	while (!list_empty(&set->arrivals)) {
		struct arrival *a = LIST_ENTRY(set->arrivals.next, struct arrival, link);

		list_del(&a->link);
		close(a->fd);
		free(a);
	}
	io_timer_free(set->admission_timer);
	io_job_free(set->admission_job);
}

/* Listening sockets. When the process has no descriptor left for one more connection, accepting pauses: the socket
 * would stay readable and the loop would spin. */
#include "base/mem.h"
#include "io/tcp.h"
#include "session/neighbors_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GIVEN_BACK = 64, PAUSE_US = 100000 };

struct listener {
	struct list link;
	struct session_neighbors *set;
	struct ip_addr address;
	uint16_t port;
	int fd;
	struct io_watch *watch;
	struct io_timer *pause;
};

static void go_on(void *user)
{
	struct listener *l = user;

	io_watch_set(l->watch, IO_READ);
}

static void pause_accepting(struct listener *l, int error)
{
	struct session_neighbors *set = l->set;
	uint64_t more;

	set->counters.accept_errors++;
	if (neighbors_log_pass(set, &set->accept_limit, &more))
		log_error("cannot accept a connection: %s; raise the limit of open files? (%llu more before)",
			strerror(error), (unsigned long long)more);
	neighbors_give_back(set, GIVEN_BACK);
	io_watch_set(l->watch, 0);
	io_timer_set(l->pause, PAUSE_US);
}

static void listener_ready(void *user, unsigned events)
{
	struct listener *l = user;
	struct ip_addr remote, local;

	(void)events;
	while (!neighbors_arrivals_full(l->set) && !io_loop_share_used(l->set->io->loop)) {
		int fd = io_tcp_accept(l->fd, &remote, &local);

		if (fd == -EAGAIN)
			return;
		if (fd < 0) {
			pause_accepting(l, -fd);
			return;
		}
		neighbors_arrive(l->set, fd, &remote, &local);
	}
}

static struct listener *find(
	const struct session_neighbors *set, const struct ip_addr *address, uint16_t port)
{
	LIST_FOREACH (link, &set->listeners) {
		struct listener *l = LIST_ENTRY(link, struct listener, link);

		if (l->port == port && ip_addr_equal(&l->address, address))
			return l;
	}
	return NULL;
}

/* Everything that must be there before the first SYN is judged. */
static int prepare(const struct session_neighbors *set, int fd, uint8_t family)
{
	const struct ttl_guard *guard = &set->guard[family == IP_V6];
	int err = neighbors_keys_to_socket(set, fd, family);

	if (!err)
		err = io_tcp_guard_listener(fd, family, guard->min_ttl, guard->keep_syn);
	return err ? err : io_tcp_start_listening(fd);
}

int session_neighbors_listen(struct session_neighbors *set, const struct ip_addr *address, uint16_t port)
{
	struct listener *l;
	int fd, err;

	if (find(set, address, port))
		return -EEXIST;
	fd = io_tcp_bind(address, port);
	if (fd < 0)
		return fd;
	err = prepare(set, fd, address->family);
	if (err) {
		close(fd);
		return err;
	}
	l = mem_calloc(1, sizeof(*l));
	l->set = set;
	l->address = *address;
	l->port = port;
	l->fd = fd;
	l->watch = io_watch_new(set->io->loop, fd, listener_ready, l);
	io_watch_set_urgent(l->watch);
	l->pause = io_timer_new(set->io->loop, go_on, l);
	io_watch_set(l->watch, IO_READ);
	list_add_tail(&set->listeners, &l->link);
	return 0;
}

int session_neighbors_try_listen(
	const struct session_neighbors *set, const struct ip_addr *address, uint16_t port)
{
	int fd;

	if (find(set, address, port))
		return -EEXIST;
	fd = io_tcp_bind(address, port);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void listener_free(struct listener *l)
{
	list_del(&l->link);
	io_watch_free(l->watch);
	io_timer_free(l->pause);
	close(l->fd);
	free(l);
}

bool session_neighbors_unlisten(struct session_neighbors *set, const struct ip_addr *address, uint16_t port)
{
	struct listener *l = find(set, address, port);

	if (!l)
		return false;
	listener_free(l);
	return true;
}

int neighbors_listeners_set_key(
	struct session_neighbors *set, const struct prefix *peers, const struct io_tcp_key *key)
{
	int err = 0;

	LIST_FOREACH (link, &set->listeners) {
		const struct listener *l = LIST_ENTRY(link, struct listener, link);

		if (!err && l->address.family == peers->family)
			err = io_tcp_set_key(l->fd, peers, key);
	}
	return err;
}

int session_neighbors_guard_ttl(struct session_neighbors *set, enum ip_family family, uint8_t least, bool any)
{
	int err = 0;

	set->guard[family == IP_V6] = (struct ttl_guard){ .min_ttl = least, .keep_syn = any };
	LIST_FOREACH (link, &set->listeners) {
		const struct listener *l = LIST_ENTRY(link, struct listener, link);

		if (!err && l->address.family == family)
			err = io_tcp_guard_listener(l->fd, l->address.family, least, any);
	}
	return err;
}

void neighbors_listeners_fini(struct session_neighbors *set)
{
	while (!list_empty(&set->listeners))
		listener_free(LIST_ENTRY(set->listeners.next, struct listener, link));
}

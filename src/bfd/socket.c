#include "bfd/socket.h"

#include "base/mem.h"
#include "bfd/packet.h"
#include "io/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { SOURCE_FIRST = 49152, SOURCE_LAST = 65535 };

void bfd_sockets_init(struct bfd_sockets *all, int epoll)
{
	*all = (struct bfd_sockets){ .epoll = epoll };
	list_init(&all->idle);
}

void bfd_sockets_fini(struct bfd_sockets *all)
{
	bfd_sockets_sweep(all);
	hash_fini(&all->by_address);
}

static struct bfd_socket *find(const struct bfd_sockets *all, const struct ip_addr *local, bool multihop)
{
	for (struct hash_node *n = hash_first(&all->by_address, ip_addr_hash(local)); n; n = hash_next(n)) {
		struct bfd_socket *s = HASH_ENTRY(n, struct bfd_socket, by_address);

		if (s->multihop == multihop && ip_addr_equal(&s->local, local))
			return s;
	}
	return NULL;
}

static int open_both(struct bfd_socket *s, int epoll)
{
	uint16_t port = s->multihop ? BFD_PORT_MULTIHOP : BFD_PORT;
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };

	s->rx = io_udp_bind(&s->local, port, port);
	if (s->rx < 0)
		return -s->rx;
	s->tx = io_udp_bind(&s->local, SOURCE_FIRST, SOURCE_LAST);
	if (s->tx < 0)
		return -s->tx;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, s->rx, &e) ? errno : 0;
}

static void close_both(struct bfd_sockets *all, struct bfd_socket *s)
{
	hash_del(&all->by_address, &s->by_address);
	list_del(&s->idle);
	if (s->rx >= 0)
		close(s->rx);
	if (s->tx >= 0)
		close(s->tx);
	free(s);
}

struct bfd_socket *bfd_socket_get(
	struct bfd_sockets *all, const struct ip_addr *local, bool multihop, int *error)
{
	struct bfd_socket *s = find(all, local, multihop);

	if (!s) {
		s = mem_calloc(1, sizeof(*s));
		s->local = *local;
		s->multihop = multihop;
		s->rx = s->tx = -1;
		hash_add(&all->by_address, &s->by_address, ip_addr_hash(local));
		*error = open_both(s, all->epoll);
		if (*error) {
			close_both(all, s);
			return NULL;
		}
	}
	list_del(&s->idle);
	s->users++;
	return s;
}

void bfd_socket_put(struct bfd_sockets *all, struct bfd_socket *s)
{
	if (s && --s->users == 0)
		list_add_tail(&all->idle, &s->idle);
}

void bfd_sockets_sweep(struct bfd_sockets *all)
{
	while (!list_empty(&all->idle))
		close_both(all, LIST_ENTRY(all->idle.next, struct bfd_socket, idle));
}

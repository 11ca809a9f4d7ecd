#include "bfd/socket.h"

#include "base/mem.h"
#include "bfd/packet.h"
#include "io/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { SOURCE_FIRST = 49152, SOURCE_LAST = 65535 };

static struct bfd_socket *find(const struct list *all, const struct ip_addr *local, bool multihop)
{
	LIST_FOREACH (link, (struct list *)(uintptr_t)all) {
		struct bfd_socket *s = LIST_ENTRY(link, struct bfd_socket, link);

		if (s->multihop == multihop && ip_addr_cmp(&s->local, local) == 0)
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

static void close_both(struct bfd_socket *s)
{
	list_del(&s->link);
	if (s->rx >= 0)
		close(s->rx);
	if (s->tx >= 0)
		close(s->tx);
	free(s);
}

struct bfd_socket *bfd_socket_get(
	struct list *all, int epoll, const struct ip_addr *local, bool multihop, int *error)
{
	struct bfd_socket *s = find(all, local, multihop);

	if (!s) {
		s = mem_calloc(1, sizeof(*s));
		s->local = *local;
		s->multihop = multihop;
		s->rx = s->tx = -1;
		list_add_tail(all, &s->link);
		*error = open_both(s, epoll);
		if (*error) {
			close_both(s);
			return NULL;
		}
	}
	s->users++;
	return s;
}

void bfd_socket_put(struct bfd_socket *s)
{
	if (s)
		s->users--;
}

void bfd_sockets_sweep(struct list *all)
{
	LIST_FOREACH (link, all) {
		struct bfd_socket *s = LIST_ENTRY(link, struct bfd_socket, link);

		if (!s->users)
			close_both(s);
	}
}

/* The sockets of one local address: one that hears, one that speaks. RFC 5881 4, RFC 5883 5. For the sessions' thread. */
#pragma once

#include "base/list.h"
#include "base/prefix.h"

#include <stdbool.h>
#include <stddef.h>

struct bfd_socket {
	struct list link;
	struct ip_addr local;
	bool multihop;
	int rx, tx;
	size_t users;
};

/* Those in the list, or new ones in it and in the epoll set, with themselves as the event's pointer; one user more. NULL with errno in
 * *error. */
struct bfd_socket *bfd_socket_get(
	struct list *all, int epoll, const struct ip_addr *local, bool multihop, int *error);
/* One user less. NULL is ignored. */
void bfd_socket_put(struct bfd_socket *s);
/* Closes those without users: when no event of them is in hand any more. */
void bfd_sockets_sweep(struct list *all);

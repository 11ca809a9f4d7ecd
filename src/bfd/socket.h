/* The sockets of all local addresses: for each one that hears and one that speaks. RFC 5881 4, RFC 5883 5. For the sessions' thread. */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "base/prefix.h"

#include <stdbool.h>
#include <stddef.h>

struct bfd_socket {
	struct hash_node by_address;
	struct list idle; /* linked while it has no users */
	struct ip_addr local;
	bool multihop;
	int rx, tx;
	size_t users;
};

struct bfd_sockets {
	struct hash by_address;
	struct list idle;
	int epoll; /* not owned */
};

void bfd_sockets_init(struct bfd_sockets *all, int epoll);
/* All must have been put back. */
void bfd_sockets_fini(struct bfd_sockets *all);
/* Those that are there, or new ones that are in the epoll set, too, with themselves as the event's pointer; one user more. NULL with errno
 * in *error. */
struct bfd_socket *bfd_socket_get(
	struct bfd_sockets *all, const struct ip_addr *local, bool multihop, int *error);
/* One user less. NULL is ignored. */
void bfd_socket_put(struct bfd_sockets *all, struct bfd_socket *s);
/* Closes those without users: when no event of them is in hand any more. */
void bfd_sockets_sweep(struct bfd_sockets *all);
static inline size_t bfd_sockets_count(const struct bfd_sockets *all)
{
	return all->by_address.count;
}

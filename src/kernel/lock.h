/*
 * One daemon per routing table: a second one with the same table, protocol and metric would take the first one's routes
 * for its own.
 *
 * The lock is a listening socket with a name of its own in the network namespace (unix(7), abstract), as the routing
 * table is the namespace's; it goes with its process, however that ends.
 */
#pragma once

#include "base/prefix.h"

#include <stddef.h>
#include <stdint.h>

/* A file descriptor to be closed; -1 with a reason in err that names the other process. */
int kernel_lock(uint32_t table, uint8_t protocol, uint32_t metric, char *err, size_t err_size);
/* The same for the local route of a prefix (local_route.h): who ends takes it away, and the other would never know. */
int kernel_lock_local(const struct prefix *prefix, char *err, size_t err_size);

/*
 * The addresses of this host and which of them stand on one interface, as they were at most a second ago.
 *
 * Thousands of connections may come at once, and the kernel's list may have thousands of addresses: it is asked only
 * when the answer at hand is older than a second, and only when somebody wants to know.
 */
#pragma once

#include "base/prefix.h"

#include <stdbool.h>
#include <stdint.h>

struct io_own_addresses;

struct io_own_addresses *io_own_addresses_new(void);
void io_own_addresses_free(struct io_own_addresses *own);
/* Has an interface this address? All of 127.0.0.0/8 are this host's too. When the kernel does not tell, none is. */
bool io_own_addresses_have(struct io_own_addresses *own, const struct ip_addr *a, uint64_t now_us);
/* Is the neighbor in the subnet that our address has on its interface? Asks the kernel each time; false when it does not tell, and for
 * an address of ours that no interface has. */
bool io_is_on_link(const struct ip_addr *own, const struct ip_addr *neighbor);
/* An address of the other IP version on the interface that has this one, no link-local one; IP_NONE when there is none. */
struct ip_addr io_own_addresses_beside(
	struct io_own_addresses *own, const struct ip_addr *a, uint64_t now_us);

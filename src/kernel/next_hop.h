/* A next hop as the program wishes it: the BGP NEXT_HOP and its share of the traffic. */
#pragma once

#include "base/prefix.h"

#include <stdint.h>

enum { FIB_NEXT_HOPS_MAX = 256 };

struct fib_next_hop {
	struct ip_addr addr; /* of either family: IPv4 routes may have IPv6 next hops */
	uint16_t weight;     /* 1..255 */
};

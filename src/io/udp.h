/* A UDP socket with one peer: non-blocking, close-on-exec, connected, so that the kernel tells ICMP errors. */
#pragma once

#include "base/prefix.h"

#include <stdint.h>

/* source: NULL or IP_NONE: the kernel's choice; mark: SO_MARK, 0: none. A descriptor or -errno. */
int io_udp_connect(const struct ip_addr *remote, uint16_t port, const struct ip_addr *source, uint32_t mark);

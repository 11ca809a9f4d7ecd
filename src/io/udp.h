/* UDP sockets: non-blocking, close-on-exec. One with one peer, connected, so that the kernel tells ICMP errors; and one that hears
 * everybody and knows from how far they came. */
#pragma once

#include "base/prefix.h"

#include <stddef.h>
#include <stdint.h>

/* source: NULL or IP_NONE: the kernel's choice; mark: SO_MARK, 0: none. A descriptor or -errno. */
int io_udp_connect(const struct ip_addr *remote, uint16_t port, const struct ip_addr *source, uint32_t mark);

enum { IO_DATAGRAM_MAX = 64, IO_DATAGRAMS_MAX = 32 };

struct io_datagram {
	struct ip_addr from;
	uint8_t ttl;			 /* with which it came; 0: the kernel did not tell */
	uint8_t octets[IO_DATAGRAM_MAX]; /* what is longer is cut, and len tells so */
	size_t len;
};

/* At that address and the first free port of first..last; what it sends leaves with TTL 255, as CS6 and before other traffic. A descriptor or -errno. */
int io_udp_bind(const struct ip_addr *local, uint16_t first, uint16_t last);
/* Up to max (at most IO_DATAGRAMS_MAX) that are waiting; their number, 0: none. */
size_t io_udp_receive(int fd, struct io_datagram *out, size_t max);
/* 0 or -errno. */
int io_udp_send(int fd, const struct ip_addr *to, uint16_t port, const void *octets, size_t len);

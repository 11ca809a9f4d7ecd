/*
 * TCP-MD5 (RFC 2385): keys on sockets.
 *
 * A socket has keys by the peer's prefix; the longest one that contains the peer counts. With a key, the kernel signs what
 * it sends to the peer and drops what comes without the right signature, a SYN too: there is no answer at all. An accepted
 * socket has its peer's key from the listener. A key is per address: ports do not matter, and there is no way to except
 * an address from a prefix.
 *
 * Keys are never logged.
 */
#pragma once

#include "base/prefix.h"

#include <stdbool.h>
#include <stdint.h>

enum { IO_TCP_KEY_MAX = 80 };

struct io_tcp_key {
	uint8_t len; /* 0: none */
	uint8_t octets[IO_TCP_KEY_MAX];
};

bool io_tcp_key_equal(const struct io_tcp_key *a, const struct io_tcp_key *b);
/* Sets or replaces the key for exactly this prefix, whatever state the socket is in; one of no octets takes it away, and
 * it is no error when there was none. The socket must be of the prefix's family. 0 or -errno. */
int io_tcp_set_key(int fd, const struct prefix *peers, const struct io_tcp_key *key);
/* A socket on which nothing is but keys, to see whether the kernel takes them. A descriptor or -errno. */
int io_tcp_key_trial(uint8_t family);
/* Why the kernel refused a key, and what to do. */
const char *io_tcp_key_error(int error);

/* SHA-1, by OpenSSL. For protocols that have it, where it guards no secrets for long (RFC 5880 6.7.4). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IO_SHA1_LEN = 20 };

/* False: this build has no OpenSSL. */
bool io_sha1(const void *octets, size_t len, uint8_t out[IO_SHA1_LEN]);

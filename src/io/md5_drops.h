/*
 * What the kernel has thrown away because of TCP-MD5 (RFC 2385), in this network namespace: nobody is told of it otherwise, since
 * there is no connection and no answer. By whom and for which socket is not known.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct io_md5_drops {
	uint64_t missing;    /* segments without a signature where a key is set */
	uint64_t unexpected; /* with one where none is */
	uint64_t wrong;	     /* with one by another key */
};

/* From the text of /proc/net/netstat. False when it tells none of these. */
bool io_md5_drops_parse(const char *text, struct io_md5_drops *out);
/* False when the kernel does not tell; *out is all zero then. */
bool io_md5_drops_read(struct io_md5_drops *out);

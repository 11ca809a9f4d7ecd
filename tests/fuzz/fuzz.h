/*
 * Fuzz targets: what comes from outside, one function each, octets in.
 *
 * A target must take any octets at all. It checks what it says at its head by FUZZ_CHECK, beside what the sanitizers find. The same
 * function is linked with libFuzzer (tests/fuzz/run) and with replay.c, which gives it every file of its corpus in `make check`.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(what)                                                                                     \
	do {                                                                                                 \
		if (!(what)) {                                                                               \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);                   \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* A copy whose end is the end of its allocation, so that reading one octet too far is seen. The caller frees it. */
static inline void *fuzz_copy(const uint8_t *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	FUZZ_CHECK(copy);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

/*
 * A writing cursor over a buffer of fixed size that remembers its first overflow.
 *
 * Owns nothing. After the first write that does not fit nothing more is written and writer_ok() is false, so an
 * encoder writes a whole structure and checks once. Integers are in network byte order. A length that is known only
 * later is reserved with writer_skip() and filled in with writer_patch_u8/u16().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct writer {
	uint8_t *start, *p, *end;
	bool full;
};

static inline struct writer writer_init(void *data, size_t size)
{
	return (struct writer){ .start = data, .p = data, .end = (uint8_t *)data + size };
}

static inline bool writer_ok(const struct writer *w)
{
	return !w->full;
}

static inline size_t writer_len(const struct writer *w)
{
	return (size_t)(w->p - w->start);
}

static inline size_t writer_left(const struct writer *w)
{
	return (size_t)(w->end - w->p);
}

/* Reserves n octets and returns them, or NULL (and the writer full) when they do not fit. */
static inline uint8_t *writer_skip(struct writer *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->full || n > writer_left(w)) {
		w->full = true;
		return NULL;
	}
	w->p += n;
	return p;
}

static inline void writer_bytes(struct writer *w, const void *data, size_t n)
{
	uint8_t *p = writer_skip(w, n);

	if (p && n)
		memcpy(p, data, n);
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
	uint8_t *p = writer_skip(w, 1);

	if (p)
		*p = v;
}

static inline void writer_u16(struct writer *w, uint16_t v)
{
	uint8_t *p = writer_skip(w, 2);

	if (p) {
		p[0] = (uint8_t)(v >> 8);
		p[1] = (uint8_t)v;
	}
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
	uint8_t *p = writer_skip(w, 4);

	if (p) {
		p[0] = (uint8_t)(v >> 24);
		p[1] = (uint8_t)(v >> 16);
		p[2] = (uint8_t)(v >> 8);
		p[3] = (uint8_t)v;
	}
}

/* Fills in a place that writer_skip() reserved; a NULL place (it did not fit) is ignored. */
static inline void writer_patch_u8(uint8_t *at, size_t v)
{
	if (at)
		*at = (uint8_t)v;
}

static inline void writer_patch_u16(uint8_t *at, size_t v)
{
	if (at) {
		at[0] = (uint8_t)(v >> 8);
		at[1] = (uint8_t)v;
	}
}

/*
 * A reading cursor over bytes of a peer that remembers its first error.
 *
 * Owns nothing: it points into the caller's buffer. After the first read past the end every read yields zero
 * (or NULL) and cursor_ok() is false, so a parser reads a whole structure and checks once. An inner structure gets
 * a cursor of its own (cursor_sub) and cannot read its neighbour. Integers are in network byte order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *p, *end;
	bool bad;
};

static inline struct cursor cursor_init(const void *data, size_t len)
{
	/* No octets may stand nowhere, but C has no arithmetic on NULL. */
	return (struct cursor){ .p = data, .end = len ? (const uint8_t *)data + len : data };
}

static inline bool cursor_ok(const struct cursor *c)
{
	return !c->bad;
}

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

/* The next n octets, or NULL (and the cursor bad) when fewer are left. */
static inline const uint8_t *cursor_bytes(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->bad || n > cursor_left(c)) {
		c->bad = true;
		c->p = c->end;
		return NULL;
	}
	c->p += n;
	return p;
}

/* A cursor over the next n octets; bad when fewer are left. */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
	const uint8_t *p = cursor_bytes(c, n);

	return (struct cursor){ .p = p, .end = p ? p + n : NULL, .bad = !p };
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_bytes(c, 1);

	return p ? p[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
	const uint8_t *p = cursor_bytes(c, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
	const uint8_t *p = cursor_bytes(c, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

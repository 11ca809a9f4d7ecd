/* What the tests of the codec share: octets written as hex, exact copies for the address sanitizer, UPDATE bodies. */
#pragma once

#include "base/arena.h"
#include "bgp/update.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

struct octets {
	uint8_t data[65535 * 2];
	size_t len;
};

static inline unsigned hex_digit(char c)
{
	return isdigit((unsigned char)c) ? (unsigned)(c - '0') : (unsigned)(tolower(c) - 'a' + 10);
}

/* Appends octets written as pairs of hex digits; spaces are for the reader. */
static inline void add_hex(struct octets *o, const char *hex)
{
	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		assert_true(isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]));
		o->data[o->len++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
		hex++;
	}
}

static inline void add_u16(struct octets *o, size_t v)
{
	o->data[o->len++] = (uint8_t)(v >> 8);
	o->data[o->len++] = (uint8_t)v;
}

/* A copy that ends where its allocation ends: reading one octet too far is seen. */
static inline uint8_t *exact_copy(const uint8_t *data, size_t len)
{
	uint8_t *p = malloc(len ? len : 1);

	assert_non_null(p);
	memcpy(p, data, len);
	return p;
}

/* The body of an UPDATE from its three fields. */
static inline void update_body(struct octets *o, const char *withdrawn, const char *attrs, const char *nlri)
{
	size_t at;

	o->len = 2;
	add_hex(o, withdrawn);
	o->data[0] = (uint8_t)((o->len - 2) >> 8);
	o->data[1] = (uint8_t)(o->len - 2);
	at = o->len;
	add_u16(o, 0);
	add_hex(o, attrs);
	o->data[at] = (uint8_t)((o->len - at - 2) >> 8);
	o->data[at + 1] = (uint8_t)(o->len - at - 2);
	add_hex(o, nlri);
}

/* A session with both families, 4-octet AS numbers and nothing else. */
static inline struct bgp_negotiated plain_session(void)
{
	return (struct bgp_negotiated){
		.family = { true, true }, .as4 = true, .max_tx = 4096, .max_rx = 4096, .hold_time_s = 9
	};
}

/* What must hold of every result, whatever the octets were. */
static inline void assert_sound(const struct bgp_update *u)
{
	bool reset = u->verdict == BGP_VERDICT_SESSION_RESET;

	assert_in_range(u->verdict, BGP_VERDICT_OK, BGP_VERDICT_SESSION_RESET);
	assert_true((u->error != NULL) == reset);
	assert_true((u->reason != NULL) == (u->verdict != BGP_VERDICT_OK));
	if (reset)
		assert_int_equal(u->error->code, BGP_ERR_UPDATE);
	for (int f = 0; f < BGP_FAMILIES && !reset; f++) {
		if (u->verdict == BGP_VERDICT_TREAT_AS_WITHDRAW)
			assert_int_equal(u->announced[f].count, 0);
		if (u->announced[f].count) {
			assert_true(u->next_hop[f].len);
			assert_true((u->attrs.has & BGP_HAS_ORIGIN) && (u->attrs.has & BGP_HAS_AS_PATH));
		}
	}
}

/* Decodes the first len octets of a body, each time from a copy of exactly that size. */
static inline void decode_truncated(const struct octets *o, const struct bgp_negotiated *n, bool ebgp)
{
	struct arena *arena = arena_new();

	for (size_t len = 0; len < o->len; len++) {
		uint8_t *copy = exact_copy(o->data, len);
		struct bgp_update u;

		bgp_update_decode(cursor_init(copy, len), n, ebgp, arena, &u);
		assert_sound(&u);
		free(copy);
		arena_reset(arena);
	}
	arena_free(arena);
}

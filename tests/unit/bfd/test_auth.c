/* RFC 5880 4.4, 6.7.4: what is signed is taken, and nothing else. */
#include "bfd/auth.h"

#include "io/sha1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { WHOLE = 52, MULT = 3, AHEAD_MAX = 3 * MULT };

static const struct bfd_auth keyed = { BFD_AUTH_KEYED_SHA1, 7, "a key" },
			     meticulous = { BFD_AUTH_METICULOUS_KEYED_SHA1, 7, "a key" }, none;

static size_t make(const struct bfd_auth *a, struct bfd_auth_state *st, uint8_t out[WHOLE])
{
	const struct bfd_packet p = {
		.state = BFD_UP, .detect_mult = 3, .my_discriminator = 1, .your_discriminator = 2
	};
	struct writer w = writer_init(out, WHOLE);

	bfd_packet_encode(&w, &p);
	assert_true(bfd_auth_sign(a, st, &w));
	return writer_len(&w);
}

static bool check(const struct bfd_auth *a, struct bfd_auth_state *st, const uint8_t *octets, size_t len)
{
	struct bfd_packet p;

	return bfd_packet_decode(cursor_init(octets, len), &p) == BFD_PACKET_OK &&
	       bfd_auth_check(a, st, octets, len, &p, MULT);
}

static void sha1_is_sha1(void **state)
{
	static const uint8_t abc[IO_SHA1_LEN] = { 0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
		0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d };
	uint8_t out[IO_SHA1_LEN];

	(void)state;
	assert_true(io_sha1("abc", 3, out));
	assert_memory_equal(out, abc, sizeof(abc));
}

static void what_is_signed_is_taken(void **state)
{
	const struct bfd_auth *const all[] = { &keyed, &meticulous };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct bfd_auth_state from = { .sent = UINT32_MAX - 1 }, to = { 0 };
		uint8_t octets[WHOLE];

		/* Over the end of the sequence numbers, too. */
		for (int n = 0; n < 5; n++) {
			assert_int_equal(make(all[i], &from, octets), WHOLE);
			assert_true(check(all[i], &to, octets, sizeof(octets)));
		}
		assert_int_equal(to.received, 3);
	}
}

static void any_octet_that_differs_is_noticed(void **state)
{
	struct bfd_auth_state from = { 0 };
	uint8_t octets[WHOLE];

	(void)state;
	make(&keyed, &from, octets);
	for (size_t i = 0; i < sizeof(octets); i++) {
		struct bfd_auth_state to = { 0 };

		octets[i] ^= 0x40;
		assert_false(check(&keyed, &to, octets, sizeof(octets)));
		octets[i] ^= 0x40;
		assert_true(check(&keyed, &to, octets, sizeof(octets)));
	}
}

static void another_key_type_or_number_is_refused(void **state)
{
	struct bfd_auth other = keyed;
	struct bfd_auth_state from = { 0 }, to = { 0 };
	uint8_t octets[WHOLE];
	size_t len = make(&keyed, &from, octets);

	(void)state;
	assert_false(check(&meticulous, &to, octets, len));
	assert_false(check(&none, &to, octets, len));
	other.key_id++;
	assert_false(check(&other, &to, octets, len));
	other = keyed;
	other.key[0]++;
	assert_false(check(&other, &to, octets, len));
	len = make(&none, &from, octets);
	assert_int_equal(len, BFD_PACKET_LEN);
	assert_true(check(&none, &to, octets, len));
	assert_false(check(&keyed, &to, octets, len));
}

static void what_was_sent_before_is_refused(void **state)
{
	struct bfd_auth_state from = { 0 }, to = { 0 };
	uint8_t octets[6 + AHEAD_MAX][WHOLE];

	(void)state;
	for (int i = 0; i < 6 + AHEAD_MAX; i++)
		make(&meticulous, &from, octets[i]);
	assert_true(check(&meticulous, &to, octets[3], WHOLE));
	assert_false(check(&meticulous, &to, octets[3], WHOLE));
	assert_false(check(&meticulous, &to, octets[2], WHOLE));
	/* At most three times the multiplier ahead. */
	assert_false(check(&meticulous, &to, octets[3 + AHEAD_MAX + 1], WHOLE));
	assert_true(check(&meticulous, &to, octets[3 + AHEAD_MAX], WHOLE));
	/* Keyed: the same again is good. */
	to = (struct bfd_auth_state){ 0 };
	make(&keyed, &from, octets[0]);
	assert_true(check(&keyed, &to, octets[0], WHOLE));
	assert_true(check(&keyed, &to, octets[0], WHOLE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha1_is_sha1),
		cmocka_unit_test(what_is_signed_is_taken),
		cmocka_unit_test(any_octet_that_differs_is_noticed),
		cmocka_unit_test(another_key_type_or_number_is_refused),
		cmocka_unit_test(what_was_sent_before_is_refused),
	};
	uint8_t out[IO_SHA1_LEN];

	/* 77: skipped. */
	return io_sha1("", 0, out) ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}

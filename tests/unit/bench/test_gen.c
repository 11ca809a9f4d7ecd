/* What the benchmark's figures rest on: how its receivers count, and how it sums up times. */
#include "../../../bench/parts/gen/feed.h"
#include "../../../bench/parts/gen/view.h"
#include "../../../bench/parts/gen/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { FIRST = 0x20000000, PREFIXES = 1000, IDENTIFIER = 0x0a020001 };

static const struct numbers numbers = { .first = FIRST, .count = PREFIXES };

static struct feed_spec spec_of(uint32_t first, uint32_t count, uint32_t path_id)
{
	return (struct feed_spec){ .base = FIRST,
		.first = first,
		.count = count,
		.per_set = 6,
		.next_hop = 0x0a010001,
		.path_id = path_id };
}

static void take_all(struct view *v, const uint8_t *octets, size_t len)
{
	while (len) {
		size_t n = wire_length(octets);

		view_update(v, octets, n, 1);
		octets += n;
		len -= n;
	}
}

static void play(struct view *v, const struct feed_spec *s, bool announce)
{
	struct feed f = { 0 };

	feed_make(&f, s);
	take_all(v, announce ? f.announce : f.withdraw, announce ? f.announce_len : f.withdraw_len);
	feed_fini(&f);
}

static void each_prefix_counts_once(void **state)
{
	struct feed_spec all = spec_of(0, PREFIXES, 0), some = spec_of(100, 7, 0);
	struct view v;

	(void)state;
	view_init(&v, &numbers, IDENTIFIER);
	play(&v, &all, true);
	assert_int_equal(v.present, PREFIXES);
	assert_int_equal(v.announced, PREFIXES);
	play(&v, &some, true);
	assert_int_equal(v.present, PREFIXES);
	assert_int_equal(v.again, 7);
	play(&v, &some, false);
	assert_int_equal(v.present, PREFIXES - 7);
	play(&v, &some, false);
	assert_int_equal(v.present, PREFIXES - 7);
	assert_int_equal(v.unheld, 7);
	assert_int_equal(v.broken + v.unknown, 0);
	view_fini(&v);
}

static void paths_of_a_prefix_are_told_apart(void **state)
{
	struct view v;

	(void)state;
	view_init(&v, &numbers, IDENTIFIER);
	v.add_path = true;
	for (uint32_t id = 1; id <= 20; id++) {
		struct feed_spec s = spec_of(0, PREFIXES, id);

		play(&v, &s, true);
		assert_int_equal(v.present, id * PREFIXES);
	}
	/* In an order that leaves gaps everywhere; each is there just once. */
	for (uint32_t i = 0; i < 20; i++) {
		struct feed_spec s = spec_of(0, PREFIXES, i * 7 % 20 + 1);

		play(&v, &s, false);
		assert_int_equal(v.present, (19 - i) * PREFIXES);
		play(&v, &s, false);
		assert_int_equal(v.present, (19 - i) * PREFIXES);
	}
	assert_int_equal(v.unheld, 20 * PREFIXES);
	view_fini(&v);
}

static void strange_prefixes_are_told(void **state)
{
	struct feed_spec s = spec_of(PREFIXES - 1, 2, 0);
	struct view v;

	(void)state;
	view_init(&v, &numbers, IDENTIFIER);
	play(&v, &s, true);
	assert_int_equal(v.present, 1);
	assert_int_equal(v.unknown, 1);
	view_fini(&v);
}

static void cut_messages_are_told(void **state)
{
	uint8_t message[WIRE_MESSAGE_MAX];
	struct feed_spec s = spec_of(0, PREFIXES, 0);
	size_t len = feed_change(message, &s, 3, 9);

	(void)state;
	for (size_t cut = WIRE_HEADER; cut < len; cut++) {
		struct view v;

		/* What is left of the prefixes may be whole: none, here. */
		view_init(&v, &numbers, IDENTIFIER);
		view_update(&v, message, cut, 1);
		assert_true(v.broken == 1 || (cut == len - 4 && v.announced == 0));
		assert_int_equal(v.present, 0);
		view_fini(&v);
	}
	for (int i = -1; i <= 1; i += 2) {
		uint8_t *attributes_len = message + WIRE_HEADER + 3;
		struct view v;

		*attributes_len = (uint8_t)(*attributes_len + i);
		view_init(&v, &numbers, IDENTIFIER);
		view_update(&v, message, len, 1);
		assert_int_equal(v.broken, 1);
		view_fini(&v);
		*attributes_len = (uint8_t)(*attributes_len - i);
	}
}

static void prefixes_of_a_capture_have_numbers(void **state)
{
	struct numbers n = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(numbers_add(&n, i << 12, 20 + i % 5), i);
	for (uint32_t i = 0; i < 5000; i++) {
		assert_int_equal(numbers_find(&n, i << 12, 20 + i % 5), i);
		assert_int_equal(numbers_find(&n, i << 12, 25), NUMBERS_NONE);
	}
	assert_int_equal(numbers_add(&n, 7 << 12, 22), 7);
	numbers_fini(&n);
}

static void a_newer_change_stands_for_the_older(void **state)
{
	struct churn c = { 0 };
	struct churn_view v = { 0 };

	(void)state;
	churn_init(&c, 2, 10);
	churn_view_init(&v, &c);
	assert_int_equal(churn_next(&c, 0, 1000), 1);
	assert_int_equal(churn_next(&c, 1, 2000), 2);
	assert_int_equal(churn_next(&c, 0, 3000), 3);
	churn_view_seen(&v, 3, 5000);
	assert_int_equal(v.received, 2);
	assert_int_equal(v.overtaken, 1);
	assert_int_equal(v.worst_ns, 4000);
	/* Seen before, or never sent: nothing. */
	churn_view_seen(&v, 1, 9000);
	churn_view_seen(&v, 4, 9000);
	assert_int_equal(v.received, 2);
	churn_view_seen(&v, 2, 9000);
	assert_int_equal(v.received, 3);
	churn_view_fini(&v);
	/* The next run's changes are others. */
	churn_fini(&c);
	churn_init(&c, 2, 10);
	assert_int_equal(churn_next(&c, 0, 1000), 4);
	churn_view_init(&v, &c);
	churn_view_seen(&v, 3, 5000);
	assert_int_equal(v.received, 0);
	churn_view_seen(&v, 4, 5000);
	assert_int_equal(v.received, 1);
	churn_view_fini(&v);
	churn_fini(&c);
}

static void quantiles_are_at_most_three_percent_too_large(void **state)
{
	struct churn c = { 0 };
	struct churn_view v = { 0 };

	(void)state;
	churn_init(&c, 1000, 1000);
	churn_view_init(&v, &c);
	for (uint32_t i = 0; i < 1000; i++)
		churn_view_seen(&v, churn_next(&c, i, 0), (i + 1) * 1000);
	for (unsigned q = 1; q <= 1000; q += 37)
		assert_in_range(churn_quantile_ns(v.bucket, q), q * 1000, q * 1032);
	assert_int_equal(v.worst_ns, 1000000);
	churn_view_fini(&v);
	churn_fini(&c);
}

static void what_comes_back_is_not_held(void **state)
{
	uint8_t message[WIRE_MESSAGE_MAX];
	struct feed_spec s = spec_of(0, PREFIXES, 0);
	size_t len = feed_change(message, &s, 3, 9);
	uint8_t *attributes = message + WIRE_HEADER + 4;
	static const uint8_t originator[] = { 0x80, 9, 4, 10, 2, 0, 1 };
	struct view v;

	(void)state;
	memmove(attributes + sizeof(originator), attributes, len - WIRE_HEADER - 4);
	memcpy(attributes, originator, sizeof(originator));
	message[WIRE_HEADER + 3] = (uint8_t)(message[WIRE_HEADER + 3] + sizeof(originator));
	view_init(&v, &numbers, IDENTIFIER);
	view_update(&v, message, len + sizeof(originator), 1);
	assert_int_equal(v.returned, 1);
	assert_int_equal(v.present, 0);
	v.bgp_identifier++;
	view_update(&v, message, len + sizeof(originator), 1);
	assert_int_equal(v.present, 1);
	view_fini(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_prefix_counts_once),
		cmocka_unit_test(paths_of_a_prefix_are_told_apart),
		cmocka_unit_test(strange_prefixes_are_told),
		cmocka_unit_test(cut_messages_are_told),
		cmocka_unit_test(prefixes_of_a_capture_have_numbers),
		cmocka_unit_test(a_newer_change_stands_for_the_older),
		cmocka_unit_test(quantiles_are_at_most_three_percent_too_large),
		cmocka_unit_test(what_comes_back_is_not_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

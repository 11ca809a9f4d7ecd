#include "check/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { RISE = 2, FALL = 3, SECOND_US = 1000000 };

/* '+' passed, '-' failed; expected after each: 'U' up, 'D' down, small while it is not known. */
static void play(bool up, const char *results, const char *expected)
{
	struct health h;

	assert_int_equal(strlen(results), strlen(expected));
	health_init(&h, up, 100);
	for (size_t i = 0; results[i]; i++) {
		bool before = h.up, changed = health_result(&h, results[i] == '+', RISE, FALL, 1000 + i);
		int is = h.up ? (h.known ? 'U' : 'u') : h.known ? 'D' : 'd';

		if (is != expected[i])
			fail_msg("%s after %zu: %c, expected %c", results, i + 1, is, expected[i]);
		assert_int_equal(changed, before != h.up);
		if (changed)
			assert_int_equal(h.since_us, 1000 + i);
	}
}

static void rise_and_fall_are_counted_in_a_row(void **state)
{
	(void)state;
	play(false, "++", "dU");
	play(false, "+-+-++", "dddddU");
	play(true, "---", "uuD");
	play(true, "--+--+", "uuuuuu");
	play(true, "++---++", "uUUUDDU");
	play(false, "---++", "ddDDU");
	play(true, "++--+---", "uUUUUUUD");
	play(false, "--+--++", "ddddddU");
}

static void one_result_may_be_enough(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, false, 7);
	assert_int_equal(h.since_us, 7);
	assert_true(health_result(&h, true, 1, 1, 10));
	assert_true(h.known && h.up);
	assert_true(health_result(&h, false, 1, 1, 20));
	assert_false(h.up);
	assert_int_equal(h.changes, 2);
	assert_int_equal(h.since_us, 20);
	assert_false(health_result(&h, false, 1, 1, 30));
	assert_int_equal(h.since_us, 20);
}

static void in_doubt_is_who_answers_otherwise_than_before(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, false, 0);
	assert_false(health_in_doubt(&h));
	for (int up = 1; up >= 0; up--) {
		uint16_t needed = up ? RISE : FALL;

		for (uint16_t i = 1; i <= needed; i++) {
			health_result(&h, up, RISE, FALL, i);
			assert_int_equal(health_in_doubt(&h), i < needed);
		}
	}
	health_result(&h, true, RISE, FALL, 9);
	assert_true(health_in_doubt(&h));
	health_result(&h, false, RISE, FALL, 10);
	assert_false(health_in_doubt(&h));
}

static void results_are_counted(void **state)
{
	struct health h;

	(void)state;
	health_init(&h, true, 0);
	for (int i = 0; i < 70000; i++)
		health_result(&h, i % 7 == 0, RISE, FALL, (uint64_t)i);
	assert_int_equal(h.runs, 70000);
	assert_int_equal(h.failures, 60000);
	for (int i = 0; i < 70000; i++)
		health_result(&h, true, RISE, FALL, (uint64_t)i);
	assert_int_equal(h.in_a_row, UINT16_MAX); /* it does not begin anew */
	assert_true(h.up);
}

static uint32_t phase(unsigned i, unsigned of)
{
	return (uint32_t)((uint64_t)i * UINT32_MAX / of);
}

static void first_runs_come_within_a_second_and_spread(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (unsigned i = 0; i <= 1000; i++) {
		uint64_t us = health_first_us(phase(i, 1000), 30 * (uint64_t)SECOND_US);

		assert_in_range(us, i * 1000 - (i > 0), i * 1000);
		assert_in_range(health_first_us(phase(i, 1000), 200000), i * 200 - (i > 0), i * 200);
		assert_true(i == 0 || us > last);
		last = us;
	}
}

/* Runs told one after the other stay an interval apart, however long each takes. */
static void runs_keep_their_place(void **state)
{
	const uint64_t intervals[] = { 50000, 1000000, 60000000, UINT64_C(86400) * SECOND_US };

	(void)state;
	for (int k = 0; k < 4; k++) {
		for (unsigned i = 0; i < 50; i++) {
			uint64_t now_us = 123456789 + i * UINT64_C(987654321), interval_us = intervals[k],
				 due_us = now_us + health_next_us(phase(i, 50), interval_us, now_us), next_us;

			for (int run = 0; run < 5; run++) {
				uint64_t ended_us = due_us + interval_us / 7 * (uint64_t)run;

				next_us = ended_us + health_next_us(phase(i, 50), interval_us, ended_us);
				assert_int_equal(next_us - due_us, interval_us);
				due_us = next_us;
			}
		}
	}
}

static void no_run_follows_at_once(void **state)
{
	(void)state;
	for (uint64_t now_us = 0; now_us < 2 * SECOND_US; now_us += 777) {
		uint64_t wait_us = health_next_us(0x40000000, SECOND_US, now_us);

		assert_in_range(wait_us, SECOND_US / 10, SECOND_US * 11 / 10);
	}
	assert_int_equal(health_next_us(0, SECOND_US, 0), SECOND_US);
	/* A day has more microseconds than 32 bits. */
	assert_true(health_next_us(UINT32_MAX, 86400 * (uint64_t)SECOND_US, 0) > 86399 * (uint64_t)SECOND_US);
	assert_int_equal(health_next_us(5, 1, 9), 1);
	assert_int_equal(health_next_us(0, 0, 5), 0);
}

static void thousands_of_runs_are_spread_evenly(void **state)
{
	unsigned in[10] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		in[(health_next_us(phase(i, 10000), SECOND_US, 0) % SECOND_US) * 10 / SECOND_US]++;
	for (int k = 0; k < 10; k++)
		assert_in_range(in[k], 998, 1002);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rise_and_fall_are_counted_in_a_row),
		cmocka_unit_test(one_result_may_be_enough),
		cmocka_unit_test(in_doubt_is_who_answers_otherwise_than_before),
		cmocka_unit_test(results_are_counted),
		cmocka_unit_test(first_runs_come_within_a_second_and_spread),
		cmocka_unit_test(runs_keep_their_place),
		cmocka_unit_test(no_run_follows_at_once),
		cmocka_unit_test(thousands_of_runs_are_spread_evenly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

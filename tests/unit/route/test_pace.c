/* A group waits for who is behind and reads, and for nobody long. */
#include "route/pace.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { WINDOW = 8000, NEAR = 1000, FAR = 2001 };

static uint64_t look(struct route_pace *p, size_t behind, uint64_t positions, uint64_t now_ms)
{
	struct route_pace_look l = { behind, positions };

	return route_pace_wait(p, &l, WINDOW, now_ms);
}

static void nobody_is_waited_for_who_is_not_far_behind(void **unused)
{
	struct route_pace p = { 0 };

	(void)unused;
	assert_int_equal(route_pace_near(WINDOW), NEAR);
	for (size_t behind = 0; behind < FAR; behind++)
		assert_int_equal(look(&p, behind, behind, behind), 0);
}

static void who_reads_is_waited_for_until_he_is_near(void **unused)
{
	struct route_pace p = { 0 };

	(void)unused;
	for (size_t i = 0; FAR - i * 100 > NEAR; i++)
		assert_int_equal(look(&p, FAR - i * 100, i * 100, 5000 + i * 2), 2);
	assert_int_equal(look(&p, NEAR, 1500, 5030), 0);
	/* near is not far again at once, and the next wait is as long as the first */
	assert_int_equal(look(&p, NEAR + 1, 1500, 5031), 0);
	for (uint64_t ms = 0; ms < 100; ms++)
		assert_int_equal(look(&p, FAR, 1500 + ms, 6000 + ms), 2);
}

static void nobody_is_waited_for_longer_than_100_ms(void **unused)
{
	struct route_pace p = { 0 };

	(void)unused;
	for (uint64_t ms = 0; ms < 100; ms++)
		assert_int_equal(look(&p, FAR, ms, ms), 2);
	for (uint64_t ms = 100; ms < 1000; ms++)
		assert_int_equal(look(&p, FAR + ms, ms, ms), 0);
	/* until all have been near once */
	assert_int_equal(look(&p, NEAR, 0, 1000), 0);
	assert_int_equal(look(&p, FAR, 0, 1001), 2);
}

static void who_reads_nothing_is_waited_for_20_ms(void **unused)
{
	struct route_pace p = { 0 };

	(void)unused;
	for (uint64_t ms = 0; ms < 15; ms++)
		assert_int_equal(look(&p, FAR, 7, ms), 2);
	assert_int_equal(look(&p, FAR, 8, 15), 2); /* reads */
	for (uint64_t ms = 16; ms < 35; ms++)
		assert_int_equal(look(&p, FAR, 8, ms), 2);
	assert_int_equal(look(&p, FAR, 8, 35), 0);
	assert_int_equal(look(&p, FAR, 9, 36), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_waited_for_who_is_not_far_behind),
		cmocka_unit_test(who_reads_is_waited_for_until_he_is_near),
		cmocka_unit_test(nobody_is_waited_for_longer_than_100_ms),
		cmocka_unit_test(who_reads_nothing_is_waited_for_20_ms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* How much of its capacity a service is announced with: steps of a quarter, down at once, up when it has held. */
#include "announcer/share.h"

#include "unit/announcer/support.h"

static void it_is_rounded_up_to_quarters_and_never_nothing(void **state)
{
	static const struct {
		uint64_t healthy, servers;
		unsigned quarters;
	} v[] = { { 0, 4, 1 }, { 1, 4, 1 }, { 2, 4, 2 }, { 3, 4, 3 }, { 4, 4, 4 }, { 1, 3, 2 }, { 2, 3, 3 },
		{ 1, 100, 1 }, { 25, 100, 1 }, { 26, 100, 2 }, { 75, 100, 3 }, { 76, 100, 4 }, { 1, 1, 4 },
		{ 0, 0, 4 }, { 5, 4, 4 }, { UINT32_MAX, UINT32_MAX, 4 }, { UINT32_MAX / 2, UINT32_MAX, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_int_equal(share_of(v[i].healthy, v[i].servers), v[i].quarters);
}

static void the_first_one_is_in_effect_at_once(void **state)
{
	struct share s = { 0 };

	(void)state;
	assert_true(share_step(&s, 3, 1000));
	assert_int_equal(s.quarters, 3);
	assert_false(share_step(&s, 3, 2000));
	assert_int_equal(share_wait_ms(&s, 2000), -1);
}

static void less_is_told_at_once_and_more_when_it_has_held(void **state)
{
	struct share s = { .quarters = 4 };

	(void)state;
	assert_true(share_step(&s, 2, 1000));
	assert_false(share_step(&s, 4, 2000));
	assert_int_equal(share_wait_ms(&s, 2000), SHARE_RAISE_MS);
	assert_false(share_step(&s, 4, 2000 + SHARE_RAISE_MS - 1));
	assert_int_equal(share_wait_ms(&s, 2000 + SHARE_RAISE_MS), 0);
	assert_true(share_step(&s, 4, 2000 + SHARE_RAISE_MS));
	assert_int_equal(s.quarters, 4);
	assert_int_equal(share_wait_ms(&s, 60000), -1);
}

static void what_comes_and_goes_stays_low(void **state)
{
	struct share s = { .quarters = 3 };

	(void)state;
	for (uint64_t now_ms = 1000; now_ms < 100000; now_ms += 4000) {
		assert_false(share_step(&s, 4, now_ms));
		assert_false(share_step(&s, 3, now_ms + 2000));
	}
	assert_int_equal(s.quarters, 3);
}

static void what_has_held_is_the_least_of_what_was_true(void **state)
{
	struct share s = { .quarters = 1 };

	(void)state;
	share_step(&s, 3, 1000);
	share_step(&s, 2, 2000);
	assert_true(share_step(&s, 4, 1000 + SHARE_RAISE_MS));
	assert_int_equal(s.quarters, 2);
	/* The rest has to hold from then on. */
	assert_false(share_step(&s, 4, 1000 + 2 * SHARE_RAISE_MS - 1));
	assert_true(share_step(&s, 4, 1000 + 2 * SHARE_RAISE_MS));
	assert_int_equal(s.quarters, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_rounded_up_to_quarters_and_never_nothing),
		cmocka_unit_test(the_first_one_is_in_effect_at_once),
		cmocka_unit_test(less_is_told_at_once_and_more_when_it_has_held),
		cmocka_unit_test(what_comes_and_goes_stays_low),
		cmocka_unit_test(what_has_held_is_the_least_of_what_was_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

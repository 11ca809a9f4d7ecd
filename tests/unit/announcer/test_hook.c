#include "announcer/hook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RETRY = 1000, RETRY_MAX = 5000 };

static struct hook fresh(void)
{
	struct hook h;

	hook_init(&h, RETRY, RETRY_MAX);
	return h;
}

/* Begins what is due, which must be this. */
static void begin(struct hook *h, enum hook_state state, uint64_t now_ms)
{
	assert_int_equal(hook_next(h, now_ms), state);
	hook_started(h);
	assert_int_equal(hook_next(h, now_ms + 100000), HOOK_UNKNOWN);
	assert_int_equal(hook_wait_ms(h, now_ms), -1);
	assert_false(hook_settled(h));
}

static void nothing_is_told_before_something_is_known(void **state)
{
	struct hook h = fresh();

	(void)state;
	assert_int_equal(hook_next(&h, 1), HOOK_UNKNOWN);
	assert_int_equal(hook_wait_ms(&h, 1), -1);
	assert_true(hook_settled(&h));
}

static void each_change_is_told_once(void **state)
{
	struct hook h = fresh();

	(void)state;
	assert_true(hook_want(&h, HOOK_ACTIVE, 10));
	assert_false(hook_want(&h, HOOK_ACTIVE, 11));
	assert_int_equal(hook_wait_ms(&h, 11), 0);
	begin(&h, HOOK_ACTIVE, 11);
	hook_ended(&h, true, 20);
	assert_true(hook_settled(&h));
	assert_int_equal(hook_next(&h, 100000), HOOK_UNKNOWN);
	assert_true(hook_want(&h, HOOK_INACTIVE, 30));
	begin(&h, HOOK_INACTIVE, 30);
	hook_ended(&h, true, 40);
	assert_true(hook_settled(&h));
	assert_int_equal(h.runs, 2);
	assert_int_equal(h.failed, 0);
}

static void failures_back_off_up_to_a_limit(void **state)
{
	static const uint64_t waits[] = { 1000, 2000, 4000, 5000, 5000 };
	struct hook h = fresh();
	uint64_t now_ms = 1;

	(void)state;
	hook_want(&h, HOOK_ACTIVE, now_ms);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		begin(&h, HOOK_ACTIVE, now_ms);
		hook_ended(&h, false, now_ms);
		assert_int_equal(hook_wait_ms(&h, now_ms), waits[i]);
		assert_int_equal(hook_next(&h, now_ms + waits[i] - 1), HOOK_UNKNOWN);
		now_ms += waits[i];
	}
	begin(&h, HOOK_ACTIVE, now_ms);
	hook_ended(&h, true, now_ms);
	assert_true(hook_settled(&h));
	assert_int_equal(h.failed, 5);
	/* The next trouble begins with the shortest wait. */
	hook_want(&h, HOOK_INACTIVE, now_ms);
	begin(&h, HOOK_INACTIVE, now_ms);
	hook_ended(&h, false, now_ms);
	assert_int_equal(hook_wait_ms(&h, now_ms), 1000);
	hook_hurry(&h, now_ms);
	begin(&h, HOOK_INACTIVE, now_ms);
}

static void only_the_newest_state_counts(void **state)
{
	struct hook h = fresh();

	(void)state;
	hook_want(&h, HOOK_ACTIVE, 1);
	begin(&h, HOOK_ACTIVE, 1);
	hook_want(&h, HOOK_INACTIVE, 2);
	hook_want(&h, HOOK_ACTIVE, 3);
	hook_ended(&h, true, 4);
	assert_true(hook_settled(&h));
	/* What was meanwhile is told to nobody; what is new is told at once. */
	hook_want(&h, HOOK_INACTIVE, 5);
	begin(&h, HOOK_INACTIVE, 5);
	hook_want(&h, HOOK_ACTIVE, 6);
	hook_ended(&h, true, 7);
	begin(&h, HOOK_ACTIVE, 7);
	hook_ended(&h, true, 8);
	assert_true(hook_settled(&h));
}

/* A run that failed may have done its work all the same. */
static void after_a_failure_nobody_knows_and_all_is_told_again(void **state)
{
	struct hook h = fresh();

	(void)state;
	hook_want(&h, HOOK_ACTIVE, 1);
	begin(&h, HOOK_ACTIVE, 1);
	hook_ended(&h, true, 2);
	hook_want(&h, HOOK_INACTIVE, 3);
	begin(&h, HOOK_INACTIVE, 3);
	hook_want(&h, HOOK_ACTIVE, 4);
	hook_ended(&h, false, 5);
	/* Another state than the one that failed: no waiting. */
	begin(&h, HOOK_ACTIVE, 5);
	hook_ended(&h, false, 6);
	assert_int_equal(hook_wait_ms(&h, 6), 1000);
	/* Nor when it changes while one waits. */
	hook_want(&h, HOOK_INACTIVE, 7);
	begin(&h, HOOK_INACTIVE, 7);
}

static void what_was_forgotten_is_told_again(void **state)
{
	struct hook h = fresh();

	(void)state;
	hook_forget(&h, 1);
	assert_true(hook_settled(&h)); /* nothing was to be told */
	hook_want(&h, HOOK_ACTIVE, 2);
	begin(&h, HOOK_ACTIVE, 2);
	/* The run under way tells by the old command. */
	hook_forget(&h, 3);
	hook_ended(&h, true, 4);
	begin(&h, HOOK_ACTIVE, 4);
	hook_ended(&h, true, 5);
	assert_true(hook_settled(&h));
	hook_forget(&h, 6);
	begin(&h, HOOK_ACTIVE, 6);
	hook_ended(&h, false, 7);
	assert_int_equal(hook_wait_ms(&h, 7), RETRY);
	hook_forget(&h, 8);
	begin(&h, HOOK_ACTIVE, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_told_before_something_is_known),
		cmocka_unit_test(each_change_is_told_once),
		cmocka_unit_test(failures_back_off_up_to_a_limit),
		cmocka_unit_test(only_the_newest_state_counts),
		cmocka_unit_test(after_a_failure_nobody_knows_and_all_is_told_again),
		cmocka_unit_test(what_was_forgotten_is_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* By what intervals are multiplied when all sessions want more packets than allowed. */
#include "bfd/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MS = 1000 };

/* 20 packets a second. */
static const struct bfd_intervals wanted = { 100 * MS, 100 * MS, 3, false };

static void add(struct bfd_budget *b, int count)
{
	for (; count > 0; count--)
		bfd_budget_add(b, &wanted);
	for (; count < 0; count++)
		bfd_budget_del(b, &wanted);
}

static void the_factor_is_the_least_that_keeps_the_bound(void **state)
{
	struct bfd_budget b = { 0 };

	(void)state;
	assert_int_equal(bfd_budget_settle(&b, 100), 1);
	add(&b, 5);
	assert_int_equal(bfd_budget_settle(&b, 100), 1);
	add(&b, 1);
	assert_int_equal(bfd_budget_settle(&b, 100), 2);
	add(&b, 4);
	assert_int_equal(bfd_budget_settle(&b, 100), 2);
	add(&b, 1);
	assert_int_equal(bfd_budget_settle(&b, 100), 3);
}

static void it_becomes_smaller_where_that_leaves_room(void **state)
{
	struct bfd_budget b = { 0 };

	(void)state;
	add(&b, 6);
	assert_int_equal(bfd_budget_settle(&b, 100), 2);
	/* 100 would do, but the next one to come would change all again. */
	add(&b, -1);
	assert_int_equal(bfd_budget_settle(&b, 100), 2);
	add(&b, -1);
	assert_int_equal(bfd_budget_settle(&b, 100), 1);
	/* From afar it comes as near as it may. */
	add(&b, 26);
	assert_int_equal(bfd_budget_settle(&b, 100), 6);
	add(&b, -20);
	assert_int_equal(bfd_budget_settle(&b, 100), 3);
}

static void without_a_bound_there_is_no_factor(void **state)
{
	struct bfd_budget b = { 0 };

	(void)state;
	add(&b, 1000);
	assert_int_equal(bfd_budget_settle(&b, 100), 200);
	assert_int_equal(bfd_budget_settle(&b, 1), BFD_FACTOR_MAX);
	assert_int_equal(bfd_budget_settle(&b, 0), 1);
}

static void slow_sessions_count_too(void **state)
{
	const struct bfd_intervals slow = { 3600 * 1000 * UINT32_C(1000), 1500 * MS, 3, false };
	struct bfd_budget b = { 0 };

	(void)state;
	for (int i = 0; i < 150; i++)
		bfd_budget_add(&b, &slow);
	assert_int_equal(bfd_budget_settle(&b, 40), 3);
	for (int i = 0; i < 150; i++)
		bfd_budget_del(&b, &slow);
	assert_int_equal(b.packets, 0);
}

static void intervals_are_multiplied_as_far_as_a_packet_can_tell_them(void **state)
{
	const struct bfd_intervals slow = { 3600 * 1000 * UINT32_C(1000), 1500 * MS, 4, true };
	struct bfd_budget b = { 0 };
	struct bfd_intervals i = bfd_budget_apply(&b, &slow);

	(void)state;
	assert_int_equal(i.desired_min_tx_us, slow.desired_min_tx_us);
	assert_int_equal(i.required_min_rx_us, slow.required_min_rx_us);
	b.factor = 3;
	i = bfd_budget_apply(&b, &slow);
	assert_int_equal(i.desired_min_tx_us, UINT32_MAX);
	assert_int_equal(i.required_min_rx_us, 4500 * MS);
	assert_int_equal(i.detect_mult, 4);
	assert_true(i.passive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_factor_is_the_least_that_keeps_the_bound),
		cmocka_unit_test(it_becomes_smaller_where_that_leaves_room),
		cmocka_unit_test(without_a_bound_there_is_no_factor),
		cmocka_unit_test(slow_sessions_count_too),
		cmocka_unit_test(intervals_are_multiplied_as_far_as_a_packet_can_tell_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

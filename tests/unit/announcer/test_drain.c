/* The order in which a load balancer leaves, and when: a clock of the test's own, no sockets. */
#include "announcer/drain.h"

#include "unit/announcer/support.h"

enum { START = 1000, TIME = 5000, LINGER = 1000 };

static struct drain fresh(void)
{
	struct drain d;

	drain_init(&d, START, TIME, LINGER);
	return d;
}

static void assert_state(const struct drain *d, const char *expected)
{
	assert_string_equal(drain_state_text(d->state), expected);
}

/* Nothing happens before the time, and then exactly this. */
static void only_at(struct drain *d, uint64_t now_ms, uint64_t when_ms, enum drain_action action)
{
	assert_int_equal(drain_step(d, when_ms - 1, true), DRAIN_NOTHING);
	assert_int_equal(drain_wait_ms(d, now_ms, true), (int64_t)(when_ms - now_ms));
	assert_int_equal(drain_step(d, when_ms, true), action);
}

static void nothing_happens_by_itself_while_announcing(void **state)
{
	struct drain d = fresh();

	(void)state;
	assert_state(&d, "announcing");
	assert_int_equal(drain_wait_ms(&d, START, true), -1);
	assert_int_equal(drain_step(&d, UINT64_MAX - 1, true), DRAIN_NOTHING);
}

static void told_to_end_it_drains_withdraws_lingers_and_leaves(void **state)
{
	struct drain d = fresh();

	(void)state;
	assert_int_equal(drain_end(&d, 2000, true), DRAIN_ANNOUNCE);
	assert_state(&d, "draining");
	only_at(&d, 2000, 2000 + TIME, DRAIN_WITHDRAW);
	assert_state(&d, "withdrawn");
	only_at(&d, 2000 + TIME, 2000 + TIME + LINGER, DRAIN_CEASE);
	assert_state(&d, "leaving");
	assert_int_equal(drain_step(&d, 100000, true), DRAIN_NOTHING);
}

static void without_time_it_withdraws_at_once_and_says_nothing_before(void **state)
{
	struct drain d;

	(void)state;
	drain_init(&d, START, 0, 0);
	assert_int_equal(drain_end(&d, 2000, true), DRAIN_WITHDRAW);
	assert_state(&d, "withdrawn");
	assert_int_equal(drain_step(&d, 2000, true), DRAIN_CEASE);
}

static void with_nobody_to_tell_it_waits_only_for_packets(void **state)
{
	struct drain d = fresh();

	(void)state;
	assert_int_equal(drain_end(&d, 2000, false), DRAIN_WITHDRAW);
	only_at(&d, 2000, 2000 + LINGER, DRAIN_CEASE);
	d = fresh();
	drain_start(&d, 2000, 60000);
	assert_int_equal(drain_end(&d, 3000, false), DRAIN_NOTHING);
	assert_int_equal(drain_step(&d, 3000, true), DRAIN_WITHDRAW);
}

static void told_twice_it_waits_for_nothing_and_keeps_the_order(void **state)
{
	struct drain d = fresh();

	(void)state;
	drain_end(&d, 2000, true);
	assert_int_equal(drain_end(&d, 2100, true), DRAIN_NOTHING);
	assert_int_equal(drain_wait_ms(&d, 2100, true), 0);
	assert_int_equal(drain_step(&d, 2100, true), DRAIN_WITHDRAW);
	/* The withdrawals have to be sent before the Cease. */
	assert_int_equal(drain_step(&d, 2100, false), DRAIN_NOTHING);
	assert_true(drain_wait_ms(&d, 2100, false) > 0);
	assert_int_equal(drain_step(&d, 2101, true), DRAIN_CEASE);
	d = fresh();
	drain_end(&d, 2000, true);
	drain_step(&d, 2000 + TIME, true);
	assert_int_equal(drain_step(&d, 2001 + TIME, true), DRAIN_NOTHING);
	drain_end(&d, 2001 + TIME, true);
	assert_int_equal(drain_step(&d, 2001 + TIME, true), DRAIN_CEASE);
}

static void withdrawals_that_do_not_get_out_are_waited_for_but_not_for_ever(void **state)
{
	uint64_t withdrawn = 2000 + TIME, last = withdrawn + LINGER + DRAIN_PATIENCE_MS;
	struct drain d = fresh();

	(void)state;
	drain_end(&d, 2000, true);
	drain_step(&d, withdrawn, true);
	assert_int_equal(drain_step(&d, withdrawn + LINGER, false), DRAIN_NOTHING);
	assert_int_equal(drain_step(&d, last - 1, false), DRAIN_NOTHING);
	assert_int_equal(drain_step(&d, last, false), DRAIN_CEASE);
	assert_false(drain_late(&d, last + DRAIN_PATIENCE_MS - 1));
	assert_true(drain_wait_ms(&d, last, false) > 0);
	assert_true(drain_late(&d, last + DRAIN_PATIENCE_MS));
}

static void a_drain_by_hand_withdraws_and_stays(void **state)
{
	struct drain d = fresh();

	(void)state;
	assert_int_equal(drain_start(&d, 2000, 7000), DRAIN_ANNOUNCE);
	assert_state(&d, "draining");
	only_at(&d, 2000, 9000, DRAIN_WITHDRAW);
	assert_state(&d, "withdrawn");
	assert_int_equal(drain_wait_ms(&d, 9000, true), -1);
	assert_int_equal(drain_step(&d, 1000000, true), DRAIN_NOTHING);
	assert_int_equal(drain_start(&d, 1000000, 7000), DRAIN_NOTHING);
}

static void a_drain_by_hand_can_be_given_another_time(void **state)
{
	struct drain d = fresh();

	(void)state;
	drain_start(&d, 2000, 7000);
	assert_int_equal(drain_start(&d, 3000, 60000), DRAIN_NOTHING);
	only_at(&d, 3000, 63000, DRAIN_WITHDRAW);
	d = fresh();
	assert_int_equal(drain_start(&d, 2000, 0), DRAIN_WITHDRAW);
}

static void undrain_announces_again_from_wherever_it_was(void **state)
{
	struct drain d = fresh();
	enum drain_action action;

	(void)state;
	assert_true(drain_undo(&d, 2000, &action));
	assert_int_equal(action, DRAIN_NOTHING);
	drain_start(&d, 2000, 7000);
	assert_true(drain_undo(&d, 3000, &action));
	assert_int_equal(action, DRAIN_ANNOUNCE);
	assert_state(&d, "announcing");
	assert_int_equal(drain_step(&d, 9000, true), DRAIN_NOTHING);
	drain_start(&d, 10000, 0);
	assert_true(drain_undo(&d, 11000, &action));
	assert_int_equal(action, DRAIN_ANNOUNCE);
	assert_int_equal(drain_start(&d, 12000, 7000), DRAIN_ANNOUNCE);
}

static void the_end_cannot_be_taken_back(void **state)
{
	struct drain d = fresh();
	enum drain_action action;

	(void)state;
	drain_end(&d, 2000, true);
	assert_false(drain_undo(&d, 2100, &action));
	assert_int_equal(action, DRAIN_NOTHING);
	assert_state(&d, "draining");
}

static void the_end_counts_the_time_that_was_drained_by_hand(void **state)
{
	struct drain d = fresh();

	(void)state;
	/* Long enough drained: nothing to wait for but the packets. */
	drain_start(&d, 2000, 600000);
	assert_int_equal(drain_end(&d, 2000 + TIME + 1, true), DRAIN_NOTHING);
	assert_int_equal(drain_step(&d, 2000 + TIME + 1, true), DRAIN_WITHDRAW);
	assert_int_equal(drain_step(&d, 2000 + TIME + 2, true), DRAIN_NOTHING);
	/* Not yet: the rest of the configured time, or of the one given if that is less. */
	d = fresh();
	drain_start(&d, 2000, 600000);
	drain_end(&d, 3000, true);
	only_at(&d, 3000, 2000 + TIME, DRAIN_WITHDRAW);
	d = fresh();
	drain_start(&d, 2000, 1500);
	drain_end(&d, 3000, true);
	only_at(&d, 3000, 3500, DRAIN_WITHDRAW);
	/* Withdrawn long ago: nothing is on its way any more. */
	d = fresh();
	drain_start(&d, 2000, 0);
	assert_int_equal(drain_end(&d, 2000 + LINGER, true), DRAIN_NOTHING);
	assert_int_equal(drain_step(&d, 2000 + LINGER, true), DRAIN_CEASE);
}

/* Reports come four times a second. The first ones may tell of connections on their way to a weight of before. */
static void a_drain_ends_when_nobody_is_connected_any_more(void **state)
{
	struct drain d = fresh();

	(void)state;
	drain_report(&d, 40, 0, 1500);
	drain_report(&d, 41, 0, 1900);
	drain_end(&d, 2000, true);
	drain_report(&d, 42, 0, 2500);
	drain_report(&d, 43, 0, 2999);
	drain_report(&d, 44, 3, 3200);
	drain_report(&d, 45, 0, 3400);
	drain_report(&d, 45, 0, 3450);
	assert_int_equal(drain_step(&d, 3500, true), DRAIN_NOTHING);
	drain_report(&d, 46, 1, 3600);
	drain_report(&d, 47, 0, 3900);
	assert_int_equal(drain_step(&d, 3900, true), DRAIN_NOTHING);
	drain_report(&d, 48, 0, 4200);
	assert_int_equal(drain_wait_ms(&d, 4200, true), 0);
	assert_int_equal(drain_step(&d, 4200, true), DRAIN_WITHDRAW);
	only_at(&d, 4200, 4200 + LINGER, DRAIN_CEASE);
}

static void what_was_reported_before_the_drain_or_of_another_one_does_not_count(void **state)
{
	enum drain_action action;
	struct drain d = fresh();

	(void)state;
	drain_start(&d, 2000, 60000);
	drain_report(&d, 1, 0, 3500);
	drain_undo(&d, 3600, &action);
	drain_start(&d, 3700, 60000);
	drain_report(&d, 2, 0, 4600);
	drain_report(&d, 3, 0, 4800);
	assert_int_equal(drain_step(&d, 4800, true), DRAIN_NOTHING);
	drain_report(&d, 4, 0, 5000);
	assert_int_equal(drain_step(&d, 5000, true), DRAIN_WITHDRAW);
}

static void reports_never_prolong_a_drain_and_mean_nothing_outside_of_one(void **state)
{
	struct drain d = fresh();

	(void)state;
	for (unsigned i = 1; i < 10; i++)
		drain_report(&d, i, 0, 2000 + i * 1000);
	assert_int_equal(drain_step(&d, 20000, true), DRAIN_NOTHING);
	drain_end(&d, 20000, true);
	drain_report(&d, 10, 5, 20000 + TIME);
	assert_int_equal(drain_step(&d, 20000 + TIME, true), DRAIN_WITHDRAW);
}

static void what_is_announced_no_more_is_not_waited_for(void **state)
{
	struct drain d = fresh();

	(void)state;
	drain_hasten(&d, 1500);
	assert_state(&d, "announcing");
	drain_start(&d, 2000, 7000);
	drain_hasten(&d, 2500);
	assert_int_equal(drain_step(&d, 2500, true), DRAIN_WITHDRAW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_happens_by_itself_while_announcing),
		cmocka_unit_test(told_to_end_it_drains_withdraws_lingers_and_leaves),
		cmocka_unit_test(without_time_it_withdraws_at_once_and_says_nothing_before),
		cmocka_unit_test(with_nobody_to_tell_it_waits_only_for_packets),
		cmocka_unit_test(told_twice_it_waits_for_nothing_and_keeps_the_order),
		cmocka_unit_test(withdrawals_that_do_not_get_out_are_waited_for_but_not_for_ever),
		cmocka_unit_test(a_drain_by_hand_withdraws_and_stays),
		cmocka_unit_test(a_drain_by_hand_can_be_given_another_time),
		cmocka_unit_test(undrain_announces_again_from_wherever_it_was),
		cmocka_unit_test(the_end_cannot_be_taken_back),
		cmocka_unit_test(the_end_counts_the_time_that_was_drained_by_hand),
		cmocka_unit_test(a_drain_ends_when_nobody_is_connected_any_more),
		cmocka_unit_test(what_was_reported_before_the_drain_or_of_another_one_does_not_count),
		cmocka_unit_test(reports_never_prolong_a_drain_and_mean_nothing_outside_of_one),
		cmocka_unit_test(what_is_announced_no_more_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

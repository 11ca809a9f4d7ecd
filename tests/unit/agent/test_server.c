/* One server's life: every reason to leave, every way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/server.h"

static const struct server_policy drain = { SERVER_LEAVE_DRAIN, SERVER_LEAVE_DRAIN, 60000000 };
static const struct server_policy keep = { SERVER_LEAVE_KEEP, SERVER_LEAVE_DRAIN, 60000000 };
static const struct server_policy cut = { SERVER_LEAVE_CUT, SERVER_LEAVE_CUT, 60000000 };

static const struct server_facts good = { .listed = true, .healthy = true, .known = true };
static const struct server_facts bad = { .listed = true, .healthy = false, .known = true };
static const struct server_facts unknown = { .listed = true };
static const struct server_facts terminating = {
	.listed = true, .terminating = true, .healthy = true, .known = true
};
static const struct server_facts drained = {
	.listed = true, .drained = true, .healthy = true, .known = true
};
static const struct server_facts removed = { .healthy = true, .known = true };

static struct server_life up(void)
{
	struct server_life s;

	server_init(&s, false, 0);
	assert_true(server_update(&s, &good, &drain, 1));
	assert_int_equal(s.state, SERVER_UP);
	return s;
}

static void check(const struct server_life *s, enum server_state state, enum server_reason reason)
{
	assert_int_equal(s->state, state);
	assert_int_equal(s->reason, reason);
	assert_int_equal(server_present(s), state != SERVER_GONE);
	assert_int_equal(server_takes(s), state == SERVER_UP);
}

static void waits_for_its_first_verdict(void **state)
{
	struct server_life s;

	(void)state;
	server_init(&s, false, 5);
	assert_true(server_update(&s, &unknown, &drain, 5));
	check(&s, SERVER_CHECKING, SERVER_NO_REASON);
	assert_false(server_update(&s, &unknown, &drain, 6));
	assert_int_equal(s.since_us, 5);
	assert_true(server_update(&s, &good, &drain, 7));
	check(&s, SERVER_UP, SERVER_NO_REASON);
	assert_int_equal(s.since_us, 7);
}

static void failure_follows_the_policy(void **state)
{
	struct server_life s = up();

	(void)state;
	server_update(&s, &bad, &keep, 10);
	check(&s, SERVER_DOWN, SERVER_FAILED);
	server_update(&s, &good, &keep, 11);
	check(&s, SERVER_UP, SERVER_NO_REASON);
	server_update(&s, &bad, &drain, 12);
	check(&s, SERVER_DRAINING, SERVER_FAILED);
	server_update(&s, &good, &drain, 13);
	check(&s, SERVER_UP, SERVER_NO_REASON);
	server_update(&s, &bad, &cut, 14);
	check(&s, SERVER_GONE, SERVER_FAILED);
	server_update(&s, &bad, &cut, 15);
	check(&s, SERVER_GONE, SERVER_FAILED);
	server_update(&s, &good, &cut, 16);
	check(&s, SERVER_UP, SERVER_NO_REASON);
}

static void every_reason_to_leave_drains(void **state)
{
	static const struct {
		const struct server_facts *facts;
		enum server_reason reason;
	} cases[] = { { &terminating, SERVER_TERMINATING }, { &drained, SERVER_COMMAND },
		{ &removed, SERVER_REMOVED } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server_life s = up();

		assert_true(server_update(&s, cases[i].facts, &keep, 100));
		check(&s, SERVER_DRAINING, cases[i].reason);
		assert_int_equal(s.deadline_us, 60000100);
		/* Told again later: the clock does not start again. */
		assert_false(server_update(&s, cases[i].facts, &keep, 200));
		assert_int_equal(s.deadline_us, 60000100);
		assert_true(server_update(&s, &good, &keep, 300));
		check(&s, SERVER_UP, SERVER_NO_REASON);
		server_update(&s, cases[i].facts, &cut, 400);
		check(&s, SERVER_GONE, cases[i].reason);
	}
}

static void a_drain_ends_with_its_connections(void **state)
{
	struct server_life s = up();

	(void)state;
	assert_false(server_counted(&s, 0, 0, 1));
	server_update(&s, &terminating, &drain, 100);
	assert_false(server_counted(&s, 3, 0, 200));
	/* Counted before the kernel had lowered its weight: worth nothing. */
	assert_false(server_counted(&s, 0, 1, 300));
	assert_false(server_counted(&s, 0, 0, 400));
	assert_false(server_counted(&s, 1, 0, 500));
	assert_false(server_counted(&s, 0, 0, 600));
	assert_true(server_counted(&s, 0, 0, 700));
	check(&s, SERVER_GONE, SERVER_TERMINATING);
	/* Still listed, still terminating: it stays away. */
	assert_false(server_update(&s, &terminating, &drain, 800));
	check(&s, SERVER_GONE, SERVER_TERMINATING);
	assert_true(server_update(&s, &good, &drain, 900));
	check(&s, SERVER_UP, SERVER_NO_REASON);
}

static void a_drain_ends_with_its_time(void **state)
{
	struct server_life s = up();

	(void)state;
	assert_false(server_tick(&s, 1000000000));
	server_update(&s, &removed, &drain, 100);
	assert_false(server_tick(&s, 60000099));
	assert_true(server_tick(&s, 60000100));
	check(&s, SERVER_GONE, SERVER_REMOVED);
	assert_false(server_tick(&s, 60000101));
}

static void a_second_reason_keeps_the_clock(void **state)
{
	struct server_life s = up();

	(void)state;
	server_update(&s, &bad, &drain, 100);
	assert_true(server_update(&s, &removed, &drain, 5000));
	check(&s, SERVER_DRAINING, SERVER_REMOVED);
	assert_int_equal(s.deadline_us, 60000100);
	assert_int_equal(s.since_us, 100);
}

static void wanted_again_but_failed_waits_in_its_place(void **state)
{
	struct server_life s = up();

	(void)state;
	server_update(&s, &drained, &keep, 100);
	server_update(&s, &bad, &keep, 200);
	check(&s, SERVER_DOWN, SERVER_FAILED);
}

static void never_in_the_kernel_never_drains(void **state)
{
	struct server_life s;

	(void)state;
	server_init(&s, false, 0);
	server_update(&s, &terminating, &drain, 1);
	check(&s, SERVER_GONE, SERVER_TERMINATING);
	server_init(&s, true, 0);
	server_update(&s, &removed, &drain, 1);
	check(&s, SERVER_DRAINING, SERVER_REMOVED);
}

static void a_time_of_its_own(void **state)
{
	struct server_life s = up();

	(void)state;
	server_update(&s, &drained, &drain, 100);
	server_set_deadline(&s, 500);
	assert_false(server_tick(&s, 499));
	assert_true(server_tick(&s, 500));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_its_first_verdict),
		cmocka_unit_test(failure_follows_the_policy),
		cmocka_unit_test(every_reason_to_leave_drains),
		cmocka_unit_test(a_drain_ends_with_its_connections),
		cmocka_unit_test(a_drain_ends_with_its_time),
		cmocka_unit_test(a_second_reason_keeps_the_clock),
		cmocka_unit_test(wanted_again_but_failed_waits_in_its_place),
		cmocka_unit_test(never_in_the_kernel_never_drains),
		cmocka_unit_test(a_time_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

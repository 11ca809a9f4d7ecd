/* Dynamic neighbors that are not up: which gives way, who is counted, and the rate of a range. GTSM at accept. */
#include "harness.h"

#include "io/tcp.h"
#include "session/rate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct prefix range_prefix(void)
{
	struct prefix p;

	assert_true(prefix_parse("127.0.2.0/24", &p, NULL));
	return p;
}

static void add_range(struct world *w, unsigned limit)
{
	struct prefix p = range_prefix();

	session_neighbors_set_range(w->set, &p, limit, w);
}

static struct session_range_info info(struct world *w)
{
	struct session_range_info i;

	assert_true(session_neighbors_next_range(w->set, NULL, &i));
	return i;
}

static struct raw *come(struct world *w, unsigned host)
{
	char from[32];

	snprintf(from, sizeof(from), "127.0.2.%u", host);
	return raw_connect(w, from);
}

static void the_silent_give_way_oldest_first_and_those_that_are_up_stay(void **state)
{
	struct world *w = *state;
	struct raw *up, *silent[3], *late;

	add_range(w, 3);
	up = come(w, 1);
	raw_establish(w, up, NULL, 0x0a000001, 9);
	for (unsigned i = 0; i < 2; i++) {
		silent[i] = come(w, 10 + i);
		raw_expect(w, silent[i], BGP_OPEN, NULL);
	}
	assert_int_equal(info(w).waiting, 2);
	assert_int_equal(session_neighbors_waiting(w->set), 2);
	silent[2] = come(w, 12);
	raw_expect(w, silent[2], BGP_OPEN, NULL);
	raw_expect_notification(w, silent[0], BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
	assert_int_equal(info(w).gave_way, 1);
	assert_int_equal(info(w).neighbors, 3);
	assert_int_equal(info(w).waiting, 2);
	/* the others come up, and then there is no place for one more */
	raw_send_open(silent[1], 65021, 0x0a000002, 9);
	raw_send_keepalive(silent[1]);
	raw_send_open(silent[2], 65021, 0x0a000003, 9);
	raw_send_keepalive(silent[2]);
	late = come(w, 13);
	raw_expect_notification(w, late, BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
	assert_int_equal(info(w).gave_way, 1);
	assert_int_equal(info(w).refused, 1);
	assert_int_equal(info(w).waiting, 0);
	assert_int_equal(session_neighbors_counters(w->set)->gave_way, 1);
	raw_free(up);
	for (int i = 0; i < 3; i++)
		raw_free(silent[i]);
	raw_free(late);
}

/* Its OPEN is here and has not been read; it must not be taken for silent. */
static void one_that_has_spoken_is_heard_first(void **state)
{
	struct world *w = *state;
	struct raw *spoken, *silent, *late;

	add_range(w, 2);
	spoken = come(w, 1);
	raw_expect(w, spoken, BGP_OPEN, NULL);
	silent = come(w, 2);
	raw_expect(w, silent, BGP_OPEN, NULL);
	raw_send_open(spoken, 65021, 0x0a000001, 9);
	late = come(w, 3);
	raw_expect(w, late, BGP_OPEN, NULL);
	raw_expect_notification(w, silent, BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
	raw_expect(w, spoken, BGP_KEEPALIVE, NULL);
	assert_int_equal(info(w).gave_way, 1);
	raw_free(spoken);
	raw_free(silent);
	raw_free(late);
}

static void there_is_a_bound_for_all_ranges(void **state)
{
	struct world *w = *state;
	struct raw *silent[3];
	struct prefix p;

	add_range(w, 10);
	assert_true(prefix_parse("127.0.3.0/24", &p, NULL));
	session_neighbors_set_range(w->set, &p, 10, w);
	session_neighbors_set_waiting_max(w->set, 2);
	silent[0] = come(w, 1);
	raw_expect(w, silent[0], BGP_OPEN, NULL);
	silent[1] = come(w, 2);
	raw_expect(w, silent[1], BGP_OPEN, NULL);
	silent[2] = raw_connect(w, "127.0.3.1");
	raw_expect(w, silent[2], BGP_OPEN, NULL);
	raw_expect_notification(w, silent[0], BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
	assert_int_equal(session_neighbors_waiting(w->set), 2);
	assert_int_equal(info(w).gave_way, 1);
	for (int i = 0; i < 3; i++)
		raw_free(silent[i]);
}

/* The silent one has the descriptor that the other needs. */
static void without_descriptors_the_silent_give_way(void **state)
{
	struct world *w = *state;
	struct rlimit before, few;
	struct raw *silent, *late;

	log_init("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
	add_range(w, 10);
	silent = come(w, 1);
	raw_expect(w, silent, BGP_OPEN, NULL);
	late = come(w, 2);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)late->fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	raw_expect_notification(w, silent, BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
	raw_free(silent);
	raw_expect(w, late, BGP_OPEN, NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	raw_free(late);
}

static void one_that_falls_waits_no_more_when_it_is_gone(void **state)
{
	struct world *w = *state;
	struct raw *r;

	add_range(w, 3);
	for (unsigned i = 1; i <= 3; i++) {
		r = come(w, i);
		raw_establish(w, r, NULL, 0x0a000001, 9);
		raw_send_notification(r, BGP_ERR_CEASE, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN);
		raw_expect(w, r, 0, NULL);
		raw_free(r);
	}
	assert_int_equal(info(w).waiting, 0);
	assert_int_equal(session_neighbors_waiting(w->set), 0);
	assert_int_equal(info(w).gave_way, 0);
}

static void a_range_has_a_rate(void **state)
{
	struct world *w = *state;
	struct prefix p = range_prefix();
	struct raw *r[4];

	assert_false(session_neighbors_set_range_rate(w->set, &p, 3));
	add_range(w, 10);
	assert_true(session_neighbors_set_range_rate(w->set, &p, 3));
	for (unsigned i = 0; i < 3; i++) {
		r[i] = come(w, i + 1);
		raw_expect(w, r[i], BGP_OPEN, NULL);
	}
	r[3] = come(w, 4);
	raw_expect_reset(w, r[3]);
	assert_int_equal(info(w).too_fast, 1);
	assert_int_equal(session_neighbors_counters(w->set)->too_fast, 1);
	assert_int_equal(info(w).neighbors, 3);
	for (int i = 0; i < 4; i++)
		raw_free(r[i]);
}

static void a_rate_lets_a_seconds_worth_pass_and_then_one_after_the_other(void **state)
{
	struct session_rate r = { 0 };
	unsigned passed = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		passed += session_rate_pass(&r, 10, 5000000);
	assert_int_equal(passed, 10);
	assert_false(session_rate_pass(&r, 10, 5099999));
	assert_true(session_rate_pass(&r, 10, 5100000));
	assert_false(session_rate_pass(&r, 10, 5100000));
	/* what was not used in a long time is not kept for longer than a second */
	passed = 0;
	for (int i = 0; i < 100; i++)
		passed += session_rate_pass(&r, 10, 900000000);
	assert_int_equal(passed, 10);
	assert_true(session_rate_pass(&r, 0, 900000000));
	r = (struct session_rate){ 0 };
	assert_true(session_rate_pass(&r, 1, 5000000));
	assert_false(session_rate_pass(&r, 1, 5999999));
	assert_true(session_rate_pass(&r, 1, 6000000));
}

/* On the loopback interface a packet comes with the TTL it was sent with. */
static struct raw *come_with_ttl(struct world *w, uint8_t ttl)
{
	return raw_connect_with_ttl(w, "127.0.2.1", ttl);
}

static void a_far_connection_is_reset_whatever_it_has_said(void **state)
{
	struct world *w = *state;
	struct raw *r;

	add_range(w, 10);
	w->dynamic_cfg.ttl = 255;
	w->dynamic_cfg.min_ttl = 254;
	r = come_with_ttl(w, 253);
	raw_send_open(r, 65021, 0x0a000001, 9);
	raw_send_keepalive(r);
	raw_expect_reset(w, r);
	assert_int_equal(session_neighbors_counters(w->set)->from_afar, 1);
	/* and takes nobody's place */
	assert_int_equal(session_neighbors_count(w->set), 0);
	assert_int_equal(info(w).neighbors, 0);
	assert_int_equal(w->dynamic_gone, 1);
	raw_free(r);
	r = come_with_ttl(w, 254);
	raw_establish(w, r, NULL, 0x0a000001, 9);
	raw_free(r);
}

/* Nobody kept the SYN, as when the kernel sends cookies: only what the listener itself asked for is known. */
static void without_a_syn_the_listeners_word_counts(void **state)
{
	struct world *w = *state;
	struct raw *r;

	add_range(w, 10);
	w->dynamic_cfg.ttl = 255;
	w->dynamic_cfg.min_ttl = 254;
	assert_int_equal(session_neighbors_guard_ttl(w->set, IP_V4, 0, false), 0);
	r = come_with_ttl(w, 255);
	raw_expect_reset(w, r);
	raw_free(r);
	assert_int_equal(session_neighbors_guard_ttl(w->set, IP_V4, 254, false), 0);
	r = come_with_ttl(w, 255);
	raw_establish(w, r, NULL, 0x0a000001, 9);
	raw_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_silent_give_way_oldest_first_and_those_that_are_up_stay,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			one_that_has_spoken_is_heard_first, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			one_that_falls_waits_no_more_when_it_is_gone, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_range_has_a_rate, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(there_is_a_bound_for_all_ranges, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			without_descriptors_the_silent_give_way, world_setup, world_teardown),
		cmocka_unit_test(a_rate_lets_a_seconds_worth_pass_and_then_one_after_the_other),
		cmocka_unit_test_setup_teardown(
			a_far_connection_is_reset_whatever_it_has_said, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			without_a_syn_the_listeners_word_counts, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("session/waiting", tests, NULL, NULL);
}

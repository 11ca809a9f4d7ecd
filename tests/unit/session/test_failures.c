/* Who did not come up, and why: the bounded list, and what a range with neighbors writes into it. */
#include "harness.h"

#include "session/failures.h"

#include <stdio.h>
#include <string.h>

static void who_fails_again_is_in_front_and_counted(void **state)
{
	struct session_failures f = { 0 };
	struct ip_addr a = addr_of("127.0.2.1"), b = addr_of("127.0.2.2");

	(void)state;
	assert_null(session_failures_of(&f, &a));
	session_failures_note(&f, &a, "one", 10);
	session_failures_note(&f, &b, "two", 20);
	session_failures_note(&f, &a, "three", 30);
	assert_int_equal(f.count, 2);
	assert_ptr_equal(session_failures_of(&f, &a), f.item[0]);
	assert_string_equal(f.item[0]->text, "three");
	assert_int_equal(f.item[0]->times, 2);
	assert_int_equal(f.item[0]->at_us, 30);
	assert_string_equal(f.item[1]->text, "two");
	assert_int_equal(f.item[1]->times, 1);
	session_failures_fini(&f);
	assert_int_equal(f.count, 0);
}

static void the_oldest_makes_room(void **state)
{
	struct session_failures f = { 0 };
	struct ip_addr address;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < SESSION_FAILURES_MAX + 3; i++) {
		address = ip_addr_v4(0x7f000200 + i);
		snprintf(text, sizeof(text), "failure %u", i);
		session_failures_note(&f, &address, text, i);
	}
	assert_int_equal(f.count, SESSION_FAILURES_MAX);
	assert_string_equal(f.item[0]->text, "failure 34");
	assert_string_equal(f.item[SESSION_FAILURES_MAX - 1]->text, "failure 3");
	/* The last one comes to the front, and nobody is lost by that. */
	session_failures_note(&f, &f.item[SESSION_FAILURES_MAX - 1]->address, "again", 99);
	assert_int_equal(f.count, SESSION_FAILURES_MAX);
	assert_string_equal(f.item[0]->text, "again");
	assert_int_equal(f.item[0]->times, 2);
	assert_string_equal(f.item[SESSION_FAILURES_MAX - 1]->text, "failure 4");
	session_failures_fini(&f);
}

/* --- in a range --- */

static struct prefix add_range(struct world *w, unsigned limit)
{
	struct prefix p;

	assert_true(prefix_parse("127.0.2.0/24", &p, NULL));
	session_neighbors_set_range(w->set, &p, limit, w);
	return p;
}

static const struct session_failure *newest(struct world *w, const struct prefix *range)
{
	const struct session_failure *f = session_neighbors_failure(w->set, range, 0);

	assert_non_null(f);
	return f;
}

static bool all_are_gone(void *world)
{
	return session_neighbors_count(((struct world *)world)->set) == 0;
}

static bool a_stranger_is_remembered(void *world)
{
	return session_neighbors_failure(((struct world *)world)->set, NULL, 0);
}

static void a_dynamic_neighbor_that_is_gone_leaves_the_reason(void **state)
{
	struct world *w = *state;
	struct prefix range = add_range(w, 10);
	struct ip_addr address = addr_of("127.0.2.7");
	struct raw *r = raw_connect(w, "127.0.2.7");

	raw_expect(w, r, BGP_OPEN, NULL);
	raw_send_open(r, 65099, 0x0a000007, 9);
	raw_expect_notification(w, r, BGP_ERR_OPEN, BGP_OPEN_BAD_PEER_AS);
	raw_free(r);
	assert_true(world_wait(w, all_are_gone, w));
	assert_string_equal(newest(w, &range)->text,
		"we sent OPEN Message Error/Bad Peer AS: it is AS 65099, AS 65021 is expected (peer-as)");
	assert_ptr_equal(newest(w, &range), session_neighbors_failure_of(w->set, &address));
	assert_null(session_neighbors_failure(w->set, &range, 1));
}

static void a_session_that_ends_in_error_is_a_failure_and_a_goodbye_is_none(void **state)
{
	struct world *w = *state;
	struct prefix range = add_range(w, 10);
	struct raw *r = raw_connect(w, "127.0.2.8");

	raw_establish(w, r, NULL, 0x0a000008, 9);
	raw_send_notification(r, BGP_ERR_CEASE, BGP_CEASE_ADMINISTRATIVE_SHUTDOWN);
	raw_free(r);
	assert_true(world_wait(w, all_are_gone, w));
	assert_null(session_neighbors_failure(w->set, &range, 0));
	r = raw_connect(w, "127.0.2.8");
	raw_establish(w, r, NULL, 0x0a000008, 9);
	raw_free(r);
	assert_true(world_wait(w, all_are_gone, w));
	assert_string_equal(newest(w, &range)->text, "peer closed the connection");
}

static void who_is_beyond_the_limit_is_remembered(void **state)
{
	struct world *w = *state;
	struct prefix range = add_range(w, 1);
	struct raw *up = raw_connect(w, "127.0.2.9"), *late;
	struct ip_addr address = addr_of("127.0.2.10");

	raw_establish(w, up, NULL, 0x0a000009, 9);
	late = raw_connect(w, "127.0.2.10");
	raw_expect_notification(w, late, BGP_ERR_CEASE, BGP_CEASE_CONNECTION_REJECTED);
	assert_true(ip_addr_equal(&newest(w, &range)->address, &address));
	assert_string_equal(newest(w, &range)->text, "refused: the limit of the range is reached");
	assert_true(session_neighbors_del_range(w->set, &range));
	assert_null(session_neighbors_failure(w->set, &range, 0));
	raw_free(up);
	raw_free(late);
}

static void who_is_in_no_range_is_remembered_apart(void **state)
{
	struct world *w = *state;
	struct prefix range = add_range(w, 1);
	struct ip_addr address = addr_of("127.0.3.1");
	struct raw *r = raw_connect(w, "127.0.3.1");

	assert_true(world_wait(w, a_stranger_is_remembered, w));
	raw_free(r);
	assert_null(session_neighbors_failure(w->set, &range, 0));
	assert_ptr_equal(
		session_neighbors_failure(w->set, NULL, 0), session_neighbors_failure_of(w->set, &address));
	assert_string_equal(session_neighbors_failure(w->set, NULL, 0)->text,
		"refused: neither a neighbor nor in a range");
	assert_null(session_neighbors_failure(w->set, NULL, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_fails_again_is_in_front_and_counted),
		cmocka_unit_test(the_oldest_makes_room),
		cmocka_unit_test_setup_teardown(
			a_dynamic_neighbor_that_is_gone_leaves_the_reason, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_session_that_ends_in_error_is_a_failure_and_a_goodbye_is_none, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			who_is_beyond_the_limit_is_remembered, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			who_is_in_no_range_is_remembered_apart, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("session/failures", tests, NULL, NULL);
}

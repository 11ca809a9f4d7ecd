/* More than one connection with a neighbor: collisions, takeovers, two speakers, silent ones. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEER "127.0.0.2"
enum { LOW_ID = 0x0a000002, HIGH_ID = 0x0a0000f0 }; /* ours, 10.0.0.20, is between them */

/* An active neighbor that has connected to the raw peer (*out), and the raw peer to it (*in); both have read OPEN. */
static struct program *cross(struct world *w, int listener, struct raw **out, struct raw **in)
{
	struct session_config cfg = config_for(w, PEER);
	struct program *p;

	cfg.passive = false;
	p = add_neighbor(w, &cfg);
	*out = raw_accept(w, listener);
	raw_expect(w, *out, BGP_OPEN, NULL);
	*in = raw_connect(w, PEER);
	raw_expect(w, *in, BGP_OPEN, NULL);
	return p;
}

/* OPENs in both orders, from a peer with this identifier; one connection comes up, the other gets Cease/7. */
static void expect_collision(struct world *w, uint32_t id, bool first_in, bool in_stays)
{
	int listener = raw_listen(w, PEER);
	struct raw *out, *in, *first, *stays;
	struct program *p = cross(w, listener, &out, &in);

	first = first_in ? in : out;
	stays = in_stays ? in : out;
	raw_send_open(first, 65021, id, 9);
	raw_expect(w, first, BGP_KEEPALIVE, NULL);
	raw_send_open(first == in ? out : in, 65021, id, 9);
	raw_expect_notification(w, stays == in ? out : in, BGP_ERR_CEASE, BGP_CEASE_COLLISION_RESOLUTION);
	if (stays != first)
		raw_expect(w, stays, BGP_KEEPALIVE, NULL);
	raw_send_keepalive(stays);
	assert_true(world_wait(w, is_up, p));
	assert_int_equal(p->session->primary->outgoing, !in_stays);
	assert_int_equal(p->ups, 1);
	assert_null(p->session->silent);
	assert_null(p->session->accepted);
	raw_free(in);
	raw_free(out);
	close(listener);
}

static void a_collision_is_won_by_the_peer_with_the_higher_id_whichever_open_comes_first(void **state)
{
	expect_collision(*state, HIGH_ID, true, true);
}

static void a_collision_is_won_by_the_peer_with_the_higher_id_in_the_other_order(void **state)
{
	expect_collision(*state, HIGH_ID, false, true);
}

static void a_collision_is_won_by_us_with_the_higher_id_whichever_open_comes_first(void **state)
{
	expect_collision(*state, LOW_ID, true, false);
}

static void a_collision_is_won_by_us_with_the_higher_id_in_the_other_order(void **state)
{
	expect_collision(*state, LOW_ID, false, false);
}

static void an_established_connection_wins_over_one_that_was_there_before(void **state)
{
	struct world *w = *state;
	int listener = raw_listen(w, PEER);
	struct raw *out, *in;
	struct program *p = cross(w, listener, &out, &in);

	raw_send_open(out, 65021, HIGH_ID, 9);
	raw_send_keepalive(out);
	assert_true(world_wait(w, is_up, p));
	raw_send_open(in, 65021, HIGH_ID, 9);
	raw_expect_notification(w, in, BGP_ERR_CEASE, BGP_CEASE_COLLISION_RESOLUTION);
	assert_int_equal(p->downs, 0);
	assert_int_equal(session_two_speakers(p->session, NULL), 0);
	raw_free(in);
	raw_free(out);
	close(listener);
}

static bool both_up(void *arg)
{
	struct program **p = arg;

	return is_up(p[0]) && is_up(p[1]);
}

/* Two real neighbors that both connect. The second set stands for the other side. */
static void expect_mutual(struct world *w, uint32_t other_id)
{
	struct session_config a = config_for(w, PEER), b = config_for(w, "127.0.0.1");
	struct ip_addr there = addr_of(PEER);
	struct program *p[2];

	assert_int_equal(session_neighbors_listen(w->set, &there, w->port), 0);
	a.passive = b.passive = false;
	b.local = there;
	b.router_id = other_id;
	p[0] = add_neighbor(w, &a);
	p[1] = add_neighbor(w, &b);
	assert_true(world_wait(w, both_up, p));
	world_run_ms(w, 100);
	assert_true(both_up(p));
	assert_int_equal(p[0]->ups, 1);
	assert_int_equal(p[1]->ups, 1);
	assert_int_not_equal(p[0]->session->primary->outgoing, p[1]->session->primary->outgoing);
	assert_int_equal(p[0]->session->primary->outgoing, other_id == LOW_ID);
}

static void two_that_connect_at_once_agree_when_the_one_is_higher(void **state)
{
	expect_mutual(*state, HIGH_ID);
}

static void two_that_connect_at_once_agree_when_the_other_is_higher(void **state)
{
	expect_mutual(*state, LOW_ID);
}

static void a_speaker_that_comes_back_takes_over(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *old = raw_connect(w, PEER), *again;

	raw_establish(w, old, p, LOW_ID, 9);
	again = raw_connect(w, PEER);
	raw_expect(w, again, BGP_OPEN, NULL);
	assert_true(is_up(p));
	raw_send_open(again, 65021, LOW_ID, 9);
	raw_expect(w, again, BGP_KEEPALIVE, NULL);
	assert_int_equal(p->downs, 1);
	assert_int_equal(p->why.reason, SESSION_DOWN_TAKEN_OVER);
	raw_expect_notification(w, old, BGP_ERR_CEASE, BGP_CEASE_COLLISION_RESOLUTION);
	raw_send_keepalive(again);
	assert_true(world_wait(w, is_up, p));
	assert_int_equal(p->ups, 2);
	raw_free(old);
	/* once more in the same second: too often */
	old = raw_connect(w, PEER);
	raw_expect(w, old, BGP_OPEN, NULL);
	raw_send_open(old, 65021, LOW_ID, 9);
	raw_expect_notification(w, old, BGP_ERR_CEASE, BGP_CEASE_COLLISION_RESOLUTION);
	assert_true(is_up(p));
	assert_int_equal(p->downs, 1);
	raw_free(old);
	raw_free(again);
}

static void a_takeover_needs_an_open_that_would_be_accepted(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *old = raw_connect(w, PEER), *again;

	raw_establish(w, old, p, LOW_ID, 9);
	again = raw_connect(w, PEER);
	raw_expect(w, again, BGP_OPEN, NULL);
	raw_send_open(again, 65021, LOW_ID, 0);
	raw_expect_notification(w, again, BGP_ERR_OPEN, BGP_OPEN_UNACCEPTABLE_HOLD_TIME);
	assert_true(is_up(p));
	assert_int_equal(p->downs, 0);
	raw_free(old);
	raw_free(again);
}

static void two_speakers_behind_one_address_are_told_and_do_not_harm_the_first(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *first = raw_connect(w, PEER), *second;
	char text[SESSION_SPEAKERS_TEXT_MAX];
	uint32_t other;

	raw_establish(w, first, p, LOW_ID, 9);
	assert_string_equal(session_speakers_text(p->session, text, sizeof(text)), "");
	for (unsigned i = 1; i <= 2; i++) {
		second = raw_connect(w, PEER);
		raw_expect(w, second, BGP_OPEN, NULL);
		raw_send_open(second, 65021, HIGH_ID, 9);
		raw_expect_notification(w, second, BGP_ERR_CEASE, BGP_CEASE_COLLISION_RESOLUTION);
		raw_free(second);
		assert_int_equal(session_two_speakers(p->session, &other), i);
		assert_int_equal(other, HIGH_ID);
	}
	assert_string_equal(session_speakers_text(p->session, text, sizeof(text)),
		"two speakers (IDs 10.0.0.2, 10.0.0.240) behind one address: SNAT? put the reflector into "
		"the overlay");
	assert_true(is_up(p));
	assert_int_equal(p->downs, 0);
	raw_free(first);
}

static void a_silent_connection_never_blocks_the_next_one(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *silent[3], *talks;

	for (int i = 0; i < 3; i++) {
		silent[i] = raw_connect(w, PEER);
		raw_expect(w, silent[i], BGP_OPEN, NULL);
		if (i)
			raw_expect_notification(
				w, silent[i - 1], BGP_ERR_CEASE, BGP_CEASE_COLLISION_RESOLUTION);
	}
	talks = raw_connect(w, PEER);
	raw_establish(w, talks, p, LOW_ID, 9);
	raw_free(silent[2]);
	/* nor does one that stops after its OPEN */
	raw_free(talks);
	assert_true(world_wait(w, is_down, p));
	silent[2] = raw_connect(w, PEER);
	raw_expect(w, silent[2], BGP_OPEN, NULL);
	raw_send_open(silent[2], 65021, LOW_ID, 9);
	raw_expect(w, silent[2], BGP_KEEPALIVE, NULL);
	p->session->accepted->since_us -= COLLISION_CROSSING_US;
	talks = raw_connect(w, PEER);
	raw_establish(w, talks, p, LOW_ID, 9);
	raw_expect_notification(w, silent[2], BGP_ERR_CEASE, BGP_CEASE_COLLISION_RESOLUTION);
	for (int i = 0; i < 3; i++)
		raw_free(silent[i]);
	raw_free(talks);
}

static void the_established_session_goes_on_beside_a_silent_connection(void **state)
{
	struct world *w = *state;
	struct session_config cfg = config_for(w, PEER);
	struct program *p = add_neighbor(w, &cfg);
	struct raw *first = raw_connect(w, PEER), *silent;

	raw_establish(w, first, p, LOW_ID, 9);
	silent = raw_connect(w, PEER);
	raw_expect(w, silent, BGP_OPEN, NULL);
	io_timer_set(p->session->primary->keepalive, 0);
	raw_expect(w, first, BGP_KEEPALIVE, NULL);
	raw_free(silent);
	world_run_ms(w, 10);
	assert_null(p->session->silent);
	assert_true(is_up(p));
	raw_free(first);
	assert_true(world_wait(w, is_down, p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_collision_is_won_by_the_peer_with_the_higher_id_whichever_open_comes_first,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_collision_is_won_by_the_peer_with_the_higher_id_in_the_other_order, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			a_collision_is_won_by_us_with_the_higher_id_whichever_open_comes_first, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			a_collision_is_won_by_us_with_the_higher_id_in_the_other_order, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(an_established_connection_wins_over_one_that_was_there_before,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			two_that_connect_at_once_agree_when_the_one_is_higher, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			two_that_connect_at_once_agree_when_the_other_is_higher, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_speaker_that_comes_back_takes_over, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_takeover_needs_an_open_that_would_be_accepted, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			two_speakers_behind_one_address_are_told_and_do_not_harm_the_first, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			a_silent_connection_never_blocks_the_next_one, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_established_session_goes_on_beside_a_silent_connection,
			world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("session/connections", tests, NULL, NULL);
}

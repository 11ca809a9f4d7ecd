/* The state table, every cell, against RFC 4271 8.2.2 written down a second time; and who wins a collision. */
#include "session/collision.h"
#include "session/fsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/*
 * One letter per state, Idle to Established:
 *   =  nothing happens                          X  to Idle, closed without a word
 *   N  to Idle, the event's NOTIFICATION sent   F  to Idle, FSM Error sent
 *   c  to Connect: retry timer, connects        r  to Connect: drops, retry timer, connects
 *   a  to Active: retry timer                   A  to Active: drops, the timer runs on (not the RFC: see fsm.h)
 *   R  to Active: drops, retry timer            O  to OpenSent: retry timer stopped, OPEN sent, large hold time
 *   K  to OpenConfirm: KEEPALIVE, both timers   E  to Established: hold timer, up
 *   k  KEEPALIVE sent, its timer again          h  hold timer again
 *   u  hold timer again, UPDATE taken           f  ROUTE-REFRESH served
 */
static const struct {
	enum fsm_event event;
	const char *cells;
} rfc[] = {
	{ FSM_MANUAL_START, "c=====" },
	{ FSM_MANUAL_STOP, "=XXNNN" },
	{ FSM_AUTOMATIC_START, "c=====" },
	{ FSM_MANUAL_START_PASSIVE, "a=====" },
	{ FSM_AUTOMATIC_START_PASSIVE, "a=====" },
	{ FSM_AUTOMATIC_STOP, "=XXNNN" },
	{ FSM_CONNECT_RETRY_EXPIRES, "=rcFFF" },
	{ FSM_HOLD_EXPIRES, "=XXNNN" },
	{ FSM_KEEPALIVE_EXPIRES, "=XXFkk" },
	{ FSM_TCP_CR_ACKED, "=OO===" },
	{ FSM_TCP_CONFIRMED, "=OO===" },
	{ FSM_TCP_FAILS, "=AARXX" },
	{ FSM_BGP_OPEN, "=XXKFF" },
	{ FSM_HEADER_ERR, "=XXNNN" },
	{ FSM_OPEN_MSG_ERR, "=XXNNF" },
	{ FSM_COLLISION_DUMP, "=XXNNN" },
	{ FSM_NOTIF_MSG_VER_ERR, "=XXXXX" },
	{ FSM_NOTIF_MSG, "=XXXXX" },
	{ FSM_KEEPALIVE_MSG, "=XXFEh" },
	{ FSM_UPDATE_MSG, "=XXFFu" },
	{ FSM_UPDATE_MSG_ERR, "=XXFFN" },
	{ FSM_SEND_HOLD_EXPIRES, "=XXFFN" },
	{ FSM_REFRESH_MSG, "=XXFFf" },
	{ FSM_REFRESH_MSG_ERR, "=XXFFN" },
};

static struct fsm_cell meaning(char letter, enum session_state state)
{
	unsigned down = state == SESSION_ESTABLISHED ? FSM_DOWN : 0;
	struct fsm_cell stay = { (uint8_t)state, 0 };

	switch (letter) {
	case 'X':
		return (struct fsm_cell){ SESSION_IDLE, FSM_DROP | FSM_RETRY_STOP | down };
	case 'N':
		return (struct fsm_cell){ SESSION_IDLE, FSM_NOTIFY | FSM_DROP | FSM_RETRY_STOP | down };
	case 'F':
		return (struct fsm_cell){ SESSION_IDLE,
			FSM_NOTIFY_FSM_ERROR | FSM_DROP | FSM_RETRY_STOP | down };
	case 'c':
		return (struct fsm_cell){ SESSION_CONNECT, FSM_RETRY_START | FSM_CONNECT };
	case 'r':
		return (struct fsm_cell){ SESSION_CONNECT, FSM_DROP | FSM_RETRY_START | FSM_CONNECT };
	case 'a':
		return (struct fsm_cell){ SESSION_ACTIVE, FSM_RETRY_START };
	case 'A':
		return (struct fsm_cell){ SESSION_ACTIVE, FSM_DROP };
	case 'R':
		return (struct fsm_cell){ SESSION_ACTIVE, FSM_DROP | FSM_RETRY_START };
	case 'O':
		return (struct fsm_cell){ SESSION_OPEN_SENT,
			FSM_RETRY_STOP | FSM_SEND_OPEN | FSM_HOLD_LARGE };
	case 'K':
		return (struct fsm_cell){ SESSION_OPEN_CONFIRM,
			FSM_RETRY_STOP | FSM_SEND_KEEPALIVE | FSM_HOLD_START | FSM_KEEPALIVE_START };
	case 'E':
		return (struct fsm_cell){ SESSION_ESTABLISHED, FSM_HOLD_START | FSM_UP };
	case 'k':
		stay.actions = FSM_SEND_KEEPALIVE | FSM_KEEPALIVE_START;
		break;
	case 'h':
		stay.actions = FSM_HOLD_START;
		break;
	case 'u':
		stay.actions = FSM_HOLD_START | FSM_UPDATE;
		break;
	case 'f':
		stay.actions = FSM_REFRESH;
		break;
	default:
		assert_int_equal(letter, '=');
	}
	return stay;
}

static void every_cell_is_as_the_rfc_has_it(void **state)
{
	bool seen[FSM_EVENTS] = { false };

	(void)state;
	for (size_t i = 0; i < sizeof(rfc) / sizeof(rfc[0]); i++) {
		assert_int_equal(strlen(rfc[i].cells), SESSION_STATES);
		seen[rfc[i].event] = true;
		for (enum session_state st = SESSION_IDLE; st < SESSION_STATES; st++) {
			struct fsm_cell want = meaning(rfc[i].cells[st], st), is = fsm_step(st, rfc[i].event);

			if (want.next != is.next || want.actions != is.actions)
				fail_msg("%s in %s: to %s with actions %#x, not to %s with %#x",
					fsm_event_text(rfc[i].event), session_state_text(st),
					session_state_text(is.next), is.actions,
					session_state_text(want.next), want.actions);
		}
	}
	for (int i = 0; i < FSM_EVENTS; i++)
		assert_true(seen[i]);
}

/* --- collisions --- */

enum { SECOND = 1000000 };
static const struct collision_side ours = { 65021, 20, .outgoing = true, .since_us = SECOND };
static const struct collision_side theirs = { 65021, 20, .outgoing = false, .since_us = SECOND };

static struct collision_side established(struct collision_side s, uint64_t since_us)
{
	s.established = true;
	s.since_us = since_us;
	return s;
}

static void the_higher_identifier_keeps_the_connection_it_began(void **state)
{
	(void)state;
	assert_int_equal(collision_decide(65021, 10, &ours, &theirs, SECOND), COLLISION_KEEP_NEW);
	assert_int_equal(collision_decide(65021, 10, &theirs, &ours, SECOND), COLLISION_KEEP_OLD);
	assert_int_equal(collision_decide(65021, 30, &ours, &theirs, SECOND), COLLISION_KEEP_OLD);
	assert_int_equal(collision_decide(65021, 30, &theirs, &ours, SECOND), COLLISION_KEEP_NEW);
}

static void identifiers_that_are_equal_leave_it_to_the_as(void **state)
{
	(void)state;
	assert_int_equal(collision_decide(65022, 20, &ours, &theirs, SECOND), COLLISION_KEEP_OLD);
	assert_int_equal(collision_decide(65020, 20, &ours, &theirs, SECOND), COLLISION_KEEP_NEW);
}

static void a_newer_connection_of_the_same_speaker_takes_over(void **state)
{
	struct collision_side up = established(theirs, SECOND);

	(void)state;
	assert_int_equal(collision_decide(65021, 30, &theirs, &theirs, 2 * SECOND), COLLISION_KEEP_NEW);
	assert_int_equal(collision_decide(65021, 10, &theirs, &theirs, 2 * SECOND), COLLISION_KEEP_NEW);
	assert_int_equal(collision_decide(65021, 30, &up, &theirs, SECOND), COLLISION_TAKEOVER);
}

static void of_two_young_connections_of_one_speaker_the_first_stays_unless_its_identifier_is_higher(
	void **state)
{
	(void)state;
	assert_int_equal(collision_decide(65021, 30, &theirs, &theirs, 2 * SECOND - 1), COLLISION_KEEP_OLD);
	assert_int_equal(collision_decide(65021, 10, &theirs, &theirs, 2 * SECOND - 1), COLLISION_KEEP_NEW);
}

static void an_established_connection_of_ours_is_taken_over_only_when_it_is_not_a_crossing(void **state)
{
	struct collision_side up = established(ours, 5 * SECOND), late = theirs;

	(void)state;
	late.since_us = 4 * SECOND; /* was there before ours came up */
	assert_int_equal(collision_decide(65021, 10, &up, &late, 9 * SECOND), COLLISION_KEEP_OLD);
	late.since_us = 5 * SECOND + 10;
	assert_int_equal(collision_decide(65021, 10, &up, &late, 5 * SECOND + 20), COLLISION_KEEP_OLD);
	late.since_us = 7 * SECOND;
	assert_int_equal(collision_decide(65021, 10, &up, &late, 7 * SECOND), COLLISION_TAKEOVER);
	up = established(theirs, SECOND);
	assert_int_equal(collision_decide(65021, 30, &up, &ours, 9 * SECOND), COLLISION_KEEP_OLD);
}

static void another_identifier_or_as_is_another_speaker(void **state)
{
	struct collision_side other = theirs, up = established(theirs, SECOND);

	(void)state;
	other.bgp_identifier = 21;
	assert_int_equal(collision_decide(65021, 10, &up, &other, 9 * SECOND), COLLISION_TWO_SPEAKERS);
	other = theirs;
	other.as = 65099;
	assert_int_equal(collision_decide(65021, 10, &up, &other, 9 * SECOND), COLLISION_TWO_SPEAKERS);
}

static void takeovers_are_limited(void **state)
{
	struct takeover_limit l = { 0 };
	uint64_t now = 100 * SECOND;

	(void)state;
	assert_true(takeover_pass(&l, now));
	assert_false(takeover_pass(&l, now + SECOND / 2));
	for (int i = 1; i < 5; i++)
		assert_true(takeover_pass(&l, now + (uint64_t)i * SECOND));
	assert_false(takeover_pass(&l, now + 6 * SECOND));
	assert_false(takeover_pass(&l, now + 29 * SECOND));
	assert_true(takeover_pass(&l, now + 30 * SECOND));
	assert_false(takeover_pass(&l, now + 30 * SECOND + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_is_as_the_rfc_has_it),
		cmocka_unit_test(the_higher_identifier_keeps_the_connection_it_began),
		cmocka_unit_test(identifiers_that_are_equal_leave_it_to_the_as),
		cmocka_unit_test(a_newer_connection_of_the_same_speaker_takes_over),
		cmocka_unit_test(
			of_two_young_connections_of_one_speaker_the_first_stays_unless_its_identifier_is_higher),
		cmocka_unit_test(
			an_established_connection_of_ours_is_taken_over_only_when_it_is_not_a_crossing),
		cmocka_unit_test(another_identifier_or_as_is_another_speaker),
		cmocka_unit_test(takeovers_are_limited),
	};

	return cmocka_run_group_tests_name("session/fsm", tests, NULL, NULL);
}

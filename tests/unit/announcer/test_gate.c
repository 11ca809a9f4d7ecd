/* Whether a service may be announced: every state under every verdict, then the times. A clock of the test's own. */
#include "announcer/gate.h"

#include "unit/announcer/support.h"

enum { START = 10000, GRACE = 3000, DELAY = 20000 };

enum kind {
	HELD_BACK,   /* by another condition */
	MISSING,     /* a service that was named */
	NONE,	     /* the agent has none in the prefix */
	TOO_FEW,     /* of one of two, the other has enough */
	FEW_UNKNOWN, /* too few of one, the other is not known */
	AWAY,
	NOT_KNOWN,
	ENOUGH,
	LEAVING_IDLE, /* enough, but the agent leaves */
	LEAVING_BUSY,
	KINDS
};

static const struct gate_word two_well[] = { { "web", true, 4, 4 }, { "dns", true, 4, 2 } };
static const struct gate_word one_few[] = { { "web", true, 4, 4 }, { "dns", true, 4, 0 } };
static const struct gate_word one_unknown[] = { { "web", true, 4, 4 }, { "dns", false, 0, 0 } };
static const struct gate_word few_unknown[] = { { "web", false, 0, 0 }, { "dns", true, 4, 0 } };

static struct gate_facts facts(enum kind kind)
{
	struct gate_facts f = { .heard = true,
		.away = "away",
		.words = two_well,
		.word_count = 2,
		.active = 5,
		.counted = true };

	switch (kind) {
	case HELD_BACK:
		f.held_back = "its file is there";
		break;
	case MISSING:
		f.missing = "smtp";
		break;
	case NONE:
		f.word_count = 0;
		break;
	case TOO_FEW:
		f.words = one_few;
		break;
	case FEW_UNKNOWN:
		f.words = few_unknown;
		break;
	case AWAY:
		f.heard = false;
		break;
	case NOT_KNOWN:
		f.words = one_unknown;
		break;
	case LEAVING_IDLE:
		f.active = 0;
		/* fall through */
	case LEAVING_BUSY:
		f.leaving = true;
		f.leaving_until_ms = START + 60000;
		break;
	case ENOUGH:
	case KINDS:
		break;
	}
	return f;
}

static struct gate_policy policy(void)
{
	return (struct gate_policy){ .bound = true,
		.drains = true,
		.grace_ms = GRACE,
		.return_delay_ms = DELAY,
		.need = { 1, false },
		.need_return = { 1, false } };
}

/* One that has come to this state and has been in it for a while. */
static struct gate in_state(enum gate_state state)
{
	struct gate_policy p = policy();
	struct gate_facts f = facts(ENOUGH), busy = facts(LEAVING_BUSY), few = facts(TOO_FEW);
	struct gate g;

	gate_init(&g, 1000);
	assert_true(gate_step(&g, &p, &f, 2000));
	assert_int_equal(g.state, GATE_OPEN);
	if (state == GATE_DRAINING)
		assert_true(gate_step(&g, &p, &busy, 9000));
	if (state == GATE_CLOSED)
		assert_true(gate_step(&g, &p, &few, 9000));
	assert_int_equal(g.state, state);
	return g;
}

static void every_state_under_every_verdict(void **state)
{
	/* At once; and, with nothing else heard, when the time that was waited for is over. */
	static const struct {
		enum gate_state now, then;
		uint64_t due_ms; /* after now; 0: it stays so */
	} cells[3][KINDS] = {
		[GATE_CLOSED] = { [HELD_BACK] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[MISSING] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[NONE] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[TOO_FEW] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[FEW_UNKNOWN] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[AWAY] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[NOT_KNOWN] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[ENOUGH] = { GATE_CLOSED, GATE_OPEN, DELAY },
			[LEAVING_IDLE] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[LEAVING_BUSY] = { GATE_CLOSED, GATE_CLOSED, 0 } },
		[GATE_DRAINING] = { [HELD_BACK] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[MISSING] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[NONE] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[TOO_FEW] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[FEW_UNKNOWN] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[AWAY] = { GATE_DRAINING, GATE_CLOSED, GRACE },
			[NOT_KNOWN] = { GATE_DRAINING, GATE_CLOSED, GRACE },
			[ENOUGH] = { GATE_OPEN, GATE_OPEN, 0 },
			[LEAVING_IDLE] = { GATE_DRAINING, GATE_CLOSED, 60000 },
			[LEAVING_BUSY] = { GATE_DRAINING, GATE_CLOSED, 60000 } },
		[GATE_OPEN] = { [HELD_BACK] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[MISSING] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[NONE] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[TOO_FEW] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[FEW_UNKNOWN] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[AWAY] = { GATE_OPEN, GATE_CLOSED, GRACE },
			[NOT_KNOWN] = { GATE_OPEN, GATE_CLOSED, GRACE },
			[ENOUGH] = { GATE_OPEN, GATE_OPEN, 0 },
			[LEAVING_IDLE] = { GATE_CLOSED, GATE_CLOSED, 0 },
			[LEAVING_BUSY] = { GATE_DRAINING, GATE_CLOSED, 60000 } },
	};
	struct gate_policy p = policy();

	(void)state;
	for (int st = GATE_CLOSED; st <= GATE_OPEN; st++)
		for (int kind = 0; kind < KINDS; kind++) {
			struct gate g = in_state((enum gate_state)st);
			struct gate_facts f = facts((enum kind)kind);
			uint64_t due_ms = START + cells[st][kind].due_ms;
			bool changed = gate_step(&g, &p, &f, START);

			if (g.state != cells[st][kind].now)
				fail_msg("state %d, verdict %d: %d", st, kind, g.state);
			assert_int_equal(changed, (int)g.state != st);
			assert_true(g.why[0] != 0);
			assert_int_equal(g.since_ms == START, changed);
			if (!cells[st][kind].due_ms) {
				assert_true(g.next_ms == UINT64_MAX);
				assert_false(gate_step(&g, &p, &f, START + 1000000));
				continue;
			}
			assert_int_equal(g.next_ms, due_ms);
			assert_false(gate_step(&g, &p, &f, due_ms - 1));
			assert_true(gate_step(&g, &p, &f, due_ms));
			assert_int_equal(g.state, cells[st][kind].then);
		}
}

static void at_first_it_waits_for_a_good_word_and_then_for_nothing_else(void **state)
{
	static const enum kind not_yet[] = { AWAY, NOT_KNOWN, TOO_FEW, NONE, MISSING, HELD_BACK,
		LEAVING_BUSY };
	struct gate_policy p = policy();
	struct gate_facts well = facts(ENOUGH);
	struct gate g;

	(void)state;
	p.need_return.number = 4;
	gate_init(&g, START);
	for (size_t i = 0; i < sizeof(not_yet) / sizeof(not_yet[0]); i++) {
		struct gate_facts f = facts(not_yet[i]);

		assert_false(gate_step(&g, &p, &f, START + i * 100000));
		assert_int_equal(g.state, GATE_CLOSED);
		assert_true(g.next_ms == UINT64_MAX);
	}
	assert_true(gate_step(&g, &p, &well, START + 1000000));
	assert_int_equal(g.state, GATE_OPEN);
	assert_string_equal(g.why, "dns: 2 of 4 servers healthy");
}

static void without_an_agent_only_other_conditions_count(void **state)
{
	struct gate_policy p = { .bound = false };
	struct gate_facts f = { 0 };
	struct gate g;

	(void)state;
	gate_init(&g, START);
	assert_true(gate_step(&g, &p, &f, START));
	assert_int_equal(g.state, GATE_OPEN);
	f.held_back = "told so";
	assert_true(gate_step(&g, &p, &f, START + 1));
	assert_int_equal(g.state, GATE_CLOSED);
	assert_string_equal(g.why, "told so");
	f.held_back = NULL;
	assert_true(gate_step(&g, &p, &f, START + 2));
	assert_int_equal(g.state, GATE_OPEN);
}

static void without_grace_what_is_not_known_is_withdrawn_at_once(void **state)
{
	struct gate_policy p = policy();
	struct gate_facts away = facts(AWAY);
	struct gate g = in_state(GATE_OPEN);

	(void)state;
	p.grace_ms = 0;
	assert_true(gate_step(&g, &p, &away, START));
	assert_int_equal(g.state, GATE_CLOSED);
	assert_string_equal(g.why, "away");
}

/* Away, there again without a word, then with one: a restart within its time. */
static void an_agent_that_is_back_in_time_was_never_away(void **state)
{
	struct gate_policy p = policy();
	struct gate_facts away = facts(AWAY), starting = facts(NOT_KNOWN), well = facts(ENOUGH);
	struct gate g = in_state(GATE_OPEN);

	(void)state;
	assert_false(gate_step(&g, &p, &away, START));
	assert_false(gate_step(&g, &p, &starting, START + 2000));
	assert_int_equal(g.next_ms, START + GRACE);
	assert_false(gate_step(&g, &p, &well, START + GRACE - 1));
	assert_true(g.next_ms == UINT64_MAX);
	/* And the next time it has its whole time again. */
	assert_false(gate_step(&g, &p, &away, START + GRACE));
	assert_false(gate_step(&g, &p, &away, START + 2 * GRACE - 1));
	assert_true(gate_step(&g, &p, &away, START + 2 * GRACE));
}

static void one_that_is_back_without_a_word_has_no_more_time_than_one_that_is_away(void **state)
{
	struct gate_policy p = policy();
	struct gate_facts away = facts(AWAY), starting = facts(NOT_KNOWN);
	struct gate g = in_state(GATE_OPEN);

	(void)state;
	gate_step(&g, &p, &away, START);
	gate_step(&g, &p, &starting, START + 1000);
	gate_step(&g, &p, &away, START + 2000);
	assert_true(gate_step(&g, &p, &starting, START + GRACE));
	assert_int_equal(g.state, GATE_CLOSED);
}

static void once_withdrawn_it_needs_more_and_that_for_a_while(void **state)
{
	static const struct gate_word three[] = { { "web", true, 4, 3 } }, two[] = { { "web", true, 4, 2 } },
				      one[] = { { "web", true, 4, 1 } };
	struct gate_policy p = policy();
	struct gate_facts f = facts(ENOUGH);
	struct gate g;

	(void)state;
	p.need.number = 2;
	p.need_return.number = 3;
	f.word_count = 1;
	f.words = two;
	gate_init(&g, 1000);
	assert_true(gate_step(&g, &p, &f, 1000));
	f.words = one;
	assert_true(gate_step(&g, &p, &f, 2000));
	assert_string_equal(g.why, "web: 1 of 4 servers healthy, 2 needed");
	f.words = two;
	assert_false(gate_step(&g, &p, &f, 3000));
	assert_string_equal(g.why, "web: 2 of 4 servers healthy, 3 needed");
	assert_true(g.next_ms == UINT64_MAX);
	f.words = three;
	assert_false(gate_step(&g, &p, &f, 4000));
	assert_int_equal(g.next_ms, 4000 + DELAY);
	f.words = two;
	assert_false(gate_step(&g, &p, &f, 4000 + DELAY - 1));
	f.words = three;
	assert_false(gate_step(&g, &p, &f, 4000 + DELAY));
	assert_true(gate_step(&g, &p, &f, 4000 + 2 * DELAY));
	f.words = two;
	assert_false(gate_step(&g, &p, &f, 4001 + 2 * DELAY));
	assert_int_equal(g.state, GATE_OPEN);
}

static void a_share_is_rounded_up_and_at_least_one(void **state)
{
	static const struct {
		struct config_need need;
		uint64_t servers, needed;
	} v[] = { { { 50, true }, 4, 2 }, { { 50, true }, 5, 3 }, { { 1, true }, 4, 1 },
		{ { 100, true }, 7, 7 }, { { 50, true }, 0, 1 }, { { 34, true }, 3, 2 },
		{ { 33, true }, 3, 1 }, { { 3, false }, 2, 3 }, { { 100, true }, UINT32_MAX, UINT32_MAX } };

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_int_equal(gate_needed(&v[i].need, v[i].servers), v[i].needed);
}

static void a_number_to_stay_and_a_share_to_return_both_count(void **state)
{
	static const struct gate_word two[] = { { "web", true, 10, 2 } }, four[] = { { "web", true, 10, 4 } };
	struct gate_policy p = policy();
	struct gate_facts f = facts(ENOUGH);
	struct gate g = in_state(GATE_CLOSED);

	(void)state;
	p.return_delay_ms = 0;
	p.need = (struct config_need){ 3, false };
	p.need_return = (struct config_need){ 20, true };
	f.word_count = 1;
	f.words = two;
	assert_false(gate_step(&g, &p, &f, START));
	f.words = four;
	assert_true(gate_step(&g, &p, &f, START));
}

static void an_agent_that_leaves_is_waited_for_until_nobody_is_connected(void **state)
{
	struct gate_policy p = policy();
	struct gate_facts f = facts(LEAVING_BUSY);
	struct gate g = in_state(GATE_OPEN);

	(void)state;
	f.report = 10;
	assert_true(gate_step(&g, &p, &f, START));
	assert_int_equal(g.state, GATE_DRAINING);
	f.active = 0;
	for (f.report = 11; f.report < 15; f.report++) /* too soon for routers to have followed */
		assert_false(gate_step(&g, &p, &f, START + (f.report - 10) * 249));
	f.report = 15;
	assert_false(gate_step(&g, &p, &f, START + 1250));
	assert_false(gate_step(&g, &p, &f, START + 1300));
	f.report = 16;
	assert_true(gate_step(&g, &p, &f, START + 1500));
	assert_int_equal(g.state, GATE_CLOSED);
	/* Withdrawn it stays as long as the agent leaves. */
	assert_false(gate_step(&g, &p, &f, START + 100000));
	assert_string_equal(g.why, "lb-ipvs-agent has been told to end");
}

static void one_that_has_no_time_left_is_not_waited_for(void **state)
{
	struct gate_policy p = policy();
	struct gate_facts f = facts(LEAVING_BUSY);
	struct gate g = in_state(GATE_OPEN);

	(void)state;
	f.leaving_until_ms = 0;
	assert_true(gate_step(&g, &p, &f, START));
	assert_int_equal(g.state, GATE_CLOSED);
	g = in_state(GATE_DRAINING);
	assert_true(gate_step(&g, &p, &f, START));
	assert_int_equal(g.state, GATE_CLOSED);
}

static void where_nothing_drains_it_is_withdrawn_at_once(void **state)
{
	struct gate_policy p = policy();
	struct gate_facts f = facts(LEAVING_BUSY);
	struct gate g = in_state(GATE_OPEN);

	(void)state;
	p.drains = false;
	assert_true(gate_step(&g, &p, &f, START));
	assert_int_equal(g.state, GATE_CLOSED);
}

/* Its rules are still there, but not for longer than it said itself. */
static void an_agent_that_is_killed_while_it_leaves_keeps_its_word(void **state)
{
	struct gate_policy p = policy();
	struct gate_facts f = facts(LEAVING_BUSY), away = facts(AWAY);
	struct gate g = in_state(GATE_OPEN);

	(void)state;
	f.leaving_until_ms = START + 2000;
	gate_step(&g, &p, &f, START);
	assert_false(gate_step(&g, &p, &away, START + 500));
	assert_int_equal(g.state, GATE_DRAINING);
	assert_int_equal(g.next_ms, START + 2000);
	assert_true(gate_step(&g, &p, &away, START + 2000));
	assert_int_equal(g.state, GATE_CLOSED);
}

static void the_worst_is_what_is_not_known_and_then_the_smallest_share(void **state)
{
	static const struct gate_word unknown[] = { { "a", true, 4, 0 }, { "b", false, 4, 4 } },
				      shares[] = { { "a", true, 100, 10 }, { "b", true, 4, 1 },
					      { "c", true, 2, 2 } },
				      none[] = { { "a", true, 1, 1 }, { "b", true, 0, 0 } };
	struct gate_facts f = { .words = unknown, .word_count = 2 };

	(void)state;
	assert_string_equal(gate_worst(&f)->name, "b");
	f = (struct gate_facts){ .words = shares, .word_count = 3 };
	assert_string_equal(gate_worst(&f)->name, "a");
	f = (struct gate_facts){ .words = none, .word_count = 2 };
	assert_string_equal(gate_worst(&f)->name, "b");
	f.word_count = 0;
	assert_null(gate_worst(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_under_every_verdict),
		cmocka_unit_test(at_first_it_waits_for_a_good_word_and_then_for_nothing_else),
		cmocka_unit_test(without_an_agent_only_other_conditions_count),
		cmocka_unit_test(without_grace_what_is_not_known_is_withdrawn_at_once),
		cmocka_unit_test(an_agent_that_is_back_in_time_was_never_away),
		cmocka_unit_test(one_that_is_back_without_a_word_has_no_more_time_than_one_that_is_away),
		cmocka_unit_test(once_withdrawn_it_needs_more_and_that_for_a_while),
		cmocka_unit_test(a_share_is_rounded_up_and_at_least_one),
		cmocka_unit_test(a_number_to_stay_and_a_share_to_return_both_count),
		cmocka_unit_test(an_agent_that_leaves_is_waited_for_until_nobody_is_connected),
		cmocka_unit_test(one_that_has_no_time_left_is_not_waited_for),
		cmocka_unit_test(where_nothing_drains_it_is_withdrawn_at_once),
		cmocka_unit_test(an_agent_that_is_killed_while_it_leaves_keeps_its_word),
		cmocka_unit_test(the_worst_is_what_is_not_known_and_then_the_smallest_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One session, and two that speak to each other over a wire of the test's. RFC 5880 6.8. */
#include "bfd/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MS = 1000 };

static const struct bfd_intervals fast = {
	.desired_min_tx_us = 50 * MS, .required_min_rx_us = 50 * MS, .detect_mult = 3
};

/* Rows: AdminDown, Down, Init, Up. Columns: AdminDown, Down, Init, Up received, silence, stopped. RFC 5880 6.2, 6.8.6, 6.8.16. */
static void every_cell_of_the_table(void **state)
{
	static const char *const wanted[BFD_STATES] = { "AAAAAA", "DIUDDA", "DIUUDA", "DDUUDA" };
	static const char letter[BFD_STATES] = { 'A', 'D', 'I', 'U' };

	(void)state;
	for (int st = 0; st < BFD_STATES; st++)
		for (int in = 0; in < BFD_INPUTS; in++)
			assert_int_equal(
				letter[bfd_machine_next((uint8_t)st, (enum bfd_input)in)], wanted[st][in]);
}

/* --- two ends --- */

struct end {
	struct bfd_machine m;
	enum bfd_event event; /* the last that was one */
	unsigned sent, polls, finals;
	uint64_t last_us, shortest_us, longest_us; /* between regular packets */
};

struct wire {
	struct end end[2];
	uint64_t now_us;
	bool cut[2]; /* what this end sends is lost */
	uint32_t noise;
};

static void note(struct end *e, enum bfd_event event)
{
	if (event != BFD_EVENT_NONE)
		e->event = event;
}

static void start(struct wire *w, const struct bfd_intervals *a, const struct bfd_intervals *b)
{
	*w = (struct wire){ .now_us = 1000 * MS, .noise = 1 };
	bfd_machine_init(&w->end[0].m, a, 1, w->now_us);
	bfd_machine_init(&w->end[1].m, b, 2, w->now_us);
}

static void count(struct end *e, const struct bfd_packet *p, uint64_t now_us)
{
	uint64_t us = now_us - e->last_us;

	e->sent++;
	e->polls += p->poll;
	e->finals += p->final;
	if (p->final)
		return;
	if (e->last_us) {
		e->shortest_us = !e->shortest_us || us < e->shortest_us ? us : e->shortest_us;
		e->longest_us = us > e->longest_us ? us : e->longest_us;
	}
	e->last_us = now_us;
}

static void deliver(struct wire *w, int from)
{
	struct end *e = &w->end[from], *other = &w->end[!from];
	struct bfd_packet p;

	w->noise = w->noise * 1664525 + 1013904223;
	bfd_machine_send(&e->m, w->now_us, w->noise, &p);
	assert_false(p.poll && p.final);
	count(e, &p, w->now_us);
	if (!w->cut[from])
		note(other, bfd_machine_receive(&other->m, &p, w->now_us));
}

static uint64_t earliest(const struct wire *w)
{
	uint64_t at_us = BFD_NEVER;

	for (int i = 0; i < 2; i++) {
		const struct bfd_machine *m = &w->end[i].m;

		at_us = m->answer ? w->now_us : at_us;
		at_us = m->send_at_us < at_us ? m->send_at_us : at_us;
		at_us = m->detect_at_us < at_us ? m->detect_at_us : at_us;
	}
	return at_us;
}

/* Plays on for so long. */
static void play(struct wire *w, uint64_t us)
{
	uint64_t end_us = w->now_us + us;

	for (uint64_t at_us; (at_us = earliest(w)) <= end_us;) {
		w->now_us = at_us > w->now_us ? at_us : w->now_us;
		for (int i = 0; i < 2; i++) {
			struct end *e = &w->end[i];

			if (e->m.detect_at_us <= w->now_us)
				note(e, bfd_machine_expire(&e->m, w->now_us));
			if (bfd_machine_may_send(&e->m, w->now_us))
				deliver(w, i);
		}
	}
	w->now_us = end_us;
}

static void assert_both(const struct wire *w, uint8_t st)
{
	assert_int_equal(w->end[0].m.state, st);
	assert_int_equal(w->end[1].m.state, st);
}

static void up(struct wire *w)
{
	start(w, &fast, &fast);
	play(w, 500 * MS);
	assert_both(w, BFD_UP);
	for (int i = 0; i < 2; i++)
		w->end[i] = (struct end){ .m = w->end[i].m };
}

static void two_ends_are_up_after_a_few_packets_and_not_after_seconds(void **state)
{
	struct wire w;

	(void)state;
	start(&w, &fast, &fast);
	play(&w, 1 * MS);
	assert_both(&w, BFD_UP);
	assert_int_equal(w.end[0].event, BFD_EVENT_UP);
	play(&w, 300 * MS);
	/* The poll for the shorter interval is over. */
	assert_false(w.end[0].m.polling || w.end[1].m.polling);
	assert_in_range(w.end[0].polls, 1, 4);
	assert_in_range(w.end[0].finals, 1, 4);
	assert_int_equal(bfd_machine_tx_interval_us(&w.end[0].m), 50 * MS);
	assert_int_equal(bfd_machine_detection_time_us(&w.end[0].m), 150 * MS);
}

static void packets_come_at_the_interval_shortened_by_up_to_a_quarter(void **state)
{
	struct wire w;

	(void)state;
	up(&w);
	play(&w, 20000 * MS);
	assert_in_range(w.end[0].shortest_us, 37500, 39000);
	assert_in_range(w.end[0].longest_us, 48500, 50000);
	assert_in_range(w.end[0].sent, 400, 534);
	assert_int_equal(w.end[0].event, BFD_EVENT_NONE);
}

static void with_a_multiplier_of_one_by_ten_percent_at_least(void **state)
{
	struct bfd_intervals one = fast;
	struct wire w;

	(void)state;
	one.detect_mult = 1;
	start(&w, &one, &one);
	play(&w, 500 * MS);
	w.end[0].shortest_us = w.end[0].longest_us = 0;
	play(&w, 10000 * MS);
	assert_both(&w, BFD_UP);
	assert_in_range(w.end[0].shortest_us, 37500, 39000);
	assert_in_range(w.end[0].longest_us, 43500, 45000);
}

static void silence_is_noticed_after_the_detection_time_and_the_session_comes_back(void **state)
{
	struct wire w;

	(void)state;
	up(&w);
	w.cut[0] = w.cut[1] = true;
	play(&w, 99 * MS);
	assert_both(&w, BFD_UP);
	play(&w, 52 * MS);
	assert_both(&w, BFD_DOWN);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(w.end[i].event, BFD_EVENT_FAILED);
		assert_int_equal(w.end[i].m.diagnostic, BFD_DIAG_EXPIRED);
		assert_int_equal(w.end[i].m.remote_discriminator, 0);
	}
	w.cut[0] = w.cut[1] = false;
	play(&w, 1100 * MS);
	assert_both(&w, BFD_UP);
	assert_int_equal(w.end[0].m.diagnostic, BFD_DIAG_NONE);
}

static void what_we_did_not_listen_to_is_no_silence(void **state)
{
	struct wire w;

	(void)state;
	up(&w);
	w.cut[0] = w.cut[1] = true;
	play(&w, 20 * MS);
	bfd_machine_excuse(&w.end[0].m, 200 * MS);
	play(&w, 180 * MS);
	assert_int_equal(w.end[0].m.state, BFD_UP);
	assert_int_equal(w.end[1].m.state, BFD_DOWN);
	/* Other intervals count from there, too. */
	bfd_machine_configure(&w.end[0].m, &fast, w.now_us);
	play(&w, 90 * MS);
	assert_int_equal(w.end[0].m.state, BFD_UP);
	play(&w, 85 * MS);
	assert_int_equal(w.end[0].m.state, BFD_DOWN);
	/* Nothing is waited for, and that stays so. */
	bfd_machine_excuse(&w.end[0].m, 200 * MS);
	assert_int_equal(w.end[0].m.detect_at_us, BFD_NEVER);
}

static void who_is_not_heard_is_told_so_by_the_other(void **state)
{
	struct wire w;

	(void)state;
	up(&w);
	w.cut[0] = true;
	play(&w, 151 * MS);
	assert_int_equal(w.end[1].m.diagnostic, BFD_DIAG_EXPIRED);
	assert_int_equal(w.end[0].event, BFD_EVENT_FAILED);
	assert_int_equal(w.end[0].m.diagnostic, BFD_DIAG_NEIGHBOR_DOWN);
}

static void a_stop_is_no_failure(void **state)
{
	struct wire w;

	(void)state;
	up(&w);
	bfd_machine_stop(&w.end[0].m, w.now_us);
	play(&w, 60 * MS);
	assert_int_equal(w.end[0].m.state, BFD_ADMIN_DOWN);
	assert_int_equal(w.end[0].m.diagnostic, BFD_DIAG_ADMIN_DOWN);
	assert_int_equal(w.end[1].m.state, BFD_DOWN);
	assert_int_equal(w.end[1].event, BFD_EVENT_ADMIN_DOWN);
	play(&w, 5000 * MS);
	assert_int_equal(w.end[1].m.state, BFD_DOWN);
	assert_int_equal(w.end[1].event, BFD_EVENT_ADMIN_DOWN);
}

static void a_passive_end_waits_and_is_back_after_a_flap(void **state)
{
	struct bfd_intervals passive = fast;
	struct wire w;

	(void)state;
	passive.passive = true;
	start(&w, &passive, &passive);
	play(&w, 5000 * MS);
	assert_int_equal(w.end[0].sent + w.end[1].sent, 0);
	start(&w, &fast, &passive);
	play(&w, 1 * MS);
	assert_both(&w, BFD_UP);
	w.cut[0] = w.cut[1] = true;
	play(&w, 3000 * MS);
	w.end[1].sent = 0;
	play(&w, 3000 * MS);
	assert_int_equal(w.end[1].sent, 0);
	w.cut[0] = w.cut[1] = false;
	play(&w, 1100 * MS);
	assert_both(&w, BFD_UP);
}

static void a_passive_end_answers_who_knows_another_of_its_discriminators(void **state)
{
	struct bfd_intervals passive = fast;
	struct bfd_packet out;
	struct bfd_machine m;

	(void)state;
	passive.passive = true;
	bfd_machine_init(&m, &passive, 1, 5);
	assert_false(bfd_machine_may_send(&m, BFD_NEVER - 1));
	bfd_machine_prompt(&m, 10);
	assert_true(bfd_machine_may_send(&m, 10));
	bfd_machine_send(&m, 10, 0, &out);
	assert_int_equal(out.state, BFD_DOWN);
	assert_int_equal(out.your_discriminator, 0);
	/* Once, and not as often as somebody likes. */
	assert_false(bfd_machine_may_send(&m, BFD_NEVER - 1));
	bfd_machine_prompt(&m, 1000);
	assert_false(bfd_machine_may_send(&m, 1000));
	bfd_machine_prompt(&m, 10 + BFD_SLOW_US);
	assert_true(bfd_machine_may_send(&m, 10 + BFD_SLOW_US));
}

/* 6.8.3: told by a poll, and no packet later than the other end waits for. */
static void slower_is_told_first_and_done_when_it_was_heard(void **state)
{
	const struct bfd_intervals slow = { 300 * MS, 300 * MS, 3, false };
	struct wire w;

	(void)state;
	up(&w);
	w.cut[1] = true;
	bfd_machine_configure(&w.end[0].m, &slow, w.now_us);
	play(&w, 100 * MS);
	assert_true(w.end[0].m.polling);
	assert_int_equal(bfd_machine_tx_interval_us(&w.end[0].m), 50 * MS);
	w.cut[1] = false;
	play(&w, 400 * MS);
	assert_false(w.end[0].m.polling);
	assert_int_equal(bfd_machine_tx_interval_us(&w.end[0].m), 300 * MS);
	assert_int_equal(bfd_machine_detection_time_us(&w.end[1].m), 900 * MS);
	assert_int_equal(bfd_machine_detection_time_us(&w.end[0].m), 900 * MS);
	play(&w, 5000 * MS);
	assert_both(&w, BFD_UP);
	/* And back. */
	bfd_machine_configure(&w.end[0].m, &fast, w.now_us);
	play(&w, 1000 * MS);
	assert_int_equal(bfd_machine_detection_time_us(&w.end[1].m), 150 * MS);
	assert_int_equal(bfd_machine_detection_time_us(&w.end[0].m), 150 * MS);
	play(&w, 5000 * MS);
	assert_both(&w, BFD_UP);
	assert_int_equal(w.end[0].event, BFD_EVENT_NONE);
	assert_int_equal(w.end[1].event, BFD_EVENT_NONE);
}

/* The other end may be slow from the moment on at which it hears so, and its answer may be lost. */
static void who_asks_for_slower_packets_waits_for_them_at_once(void **state)
{
	const struct bfd_intervals slow_to_hear = { 50 * MS, 300 * MS, 3, false };
	struct wire w;

	(void)state;
	up(&w);
	w.cut[1] = true;
	bfd_machine_configure(&w.end[0].m, &slow_to_hear, w.now_us);
	assert_int_equal(bfd_machine_detection_time_us(&w.end[0].m), 900 * MS);
	play(&w, 840 * MS);
	assert_int_equal(w.end[0].m.state, BFD_UP);
	play(&w, 61 * MS);
	assert_int_equal(w.end[0].m.state, BFD_DOWN);
}

static void a_change_during_a_poll_begins_another(void **state)
{
	const struct bfd_intervals slow = { 100 * MS, 100 * MS, 3, false },
				   slower = { 200 * MS, 200 * MS, 3, false };
	struct wire w;

	(void)state;
	up(&w);
	bfd_machine_configure(&w.end[0].m, &slow, w.now_us);
	assert_true(w.end[0].m.polling);
	bfd_machine_configure(&w.end[0].m, &slower, w.now_us);
	play(&w, 60 * MS);
	assert_true(w.end[0].m.polling);
	assert_int_equal(bfd_machine_tx_interval_us(&w.end[0].m), 50 * MS);
	play(&w, 200 * MS);
	assert_false(w.end[0].m.polling);
	assert_int_equal(bfd_machine_tx_interval_us(&w.end[0].m), 200 * MS);
	play(&w, 5000 * MS);
	assert_both(&w, BFD_UP);
}

static struct bfd_packet packet(uint8_t st)
{
	return (struct bfd_packet){ .state = st,
		.detect_mult = 3,
		.my_discriminator = 9,
		.your_discriminator = 1,
		.desired_min_tx_us = 50 * MS,
		.required_min_rx_us = 50 * MS };
}

static void asked_for_nothing_it_sends_answers_alone(void **state)
{
	struct bfd_packet p = packet(BFD_INIT), out;
	struct bfd_machine m;

	(void)state;
	bfd_machine_init(&m, &fast, 1, 0);
	p.required_min_rx_us = 0;
	assert_int_equal(bfd_machine_receive(&m, &p, 10), BFD_EVENT_UP);
	assert_int_equal(m.send_at_us, BFD_NEVER);
	p.poll = true;
	bfd_machine_receive(&m, &p, 20);
	assert_true(bfd_machine_may_send(&m, 20));
	bfd_machine_send(&m, 20, 0, &out);
	assert_true(out.final && !out.poll);
	assert_false(bfd_machine_may_send(&m, 30));
}

static void in_demand_mode_nothing_is_sent_while_both_are_up(void **state)
{
	struct bfd_packet p = packet(BFD_UP), out;
	struct bfd_machine m;

	(void)state;
	bfd_machine_init(&m, &fast, 1, 0);
	p.state = BFD_INIT;
	bfd_machine_receive(&m, &p, 10);
	p.state = BFD_UP;
	p.demand = true;
	bfd_machine_receive(&m, &p, 20);
	/* The poll for our new interval goes on. */
	assert_int_not_equal(m.send_at_us, BFD_NEVER);
	p.final = true;
	bfd_machine_receive(&m, &p, 30);
	assert_int_equal(m.send_at_us, BFD_NEVER);
	p.final = p.demand = false;
	bfd_machine_receive(&m, &p, 100 * MS);
	assert_true(bfd_machine_may_send(&m, 100 * MS));
	bfd_machine_send(&m, 100 * MS, 0, &out);
	assert_int_equal(out.state, BFD_UP);
}

static void while_down_a_packet_a_second_is_told_and_sent(void **state)
{
	struct bfd_packet out;
	struct bfd_machine m;

	(void)state;
	bfd_machine_init(&m, &fast, 1, 5);
	assert_true(bfd_machine_may_send(&m, 5));
	bfd_machine_send(&m, 5, 0, &out);
	assert_int_equal(out.desired_min_tx_us, BFD_SLOW_US);
	assert_int_equal(out.required_min_rx_us, 50 * MS);
	assert_int_equal(out.my_discriminator, 1);
	assert_int_equal(out.your_discriminator, 0);
	assert_int_equal(m.send_at_us, 5 + BFD_SLOW_US);
	bfd_machine_send(&m, m.send_at_us, UINT32_MAX, &out);
	assert_int_equal(m.send_at_us, 5 + BFD_SLOW_US + BFD_SLOW_US * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_of_the_table),
		cmocka_unit_test(two_ends_are_up_after_a_few_packets_and_not_after_seconds),
		cmocka_unit_test(packets_come_at_the_interval_shortened_by_up_to_a_quarter),
		cmocka_unit_test(with_a_multiplier_of_one_by_ten_percent_at_least),
		cmocka_unit_test(silence_is_noticed_after_the_detection_time_and_the_session_comes_back),
		cmocka_unit_test(what_we_did_not_listen_to_is_no_silence),
		cmocka_unit_test(who_is_not_heard_is_told_so_by_the_other),
		cmocka_unit_test(a_stop_is_no_failure),
		cmocka_unit_test(a_passive_end_waits_and_is_back_after_a_flap),
		cmocka_unit_test(a_passive_end_answers_who_knows_another_of_its_discriminators),
		cmocka_unit_test(slower_is_told_first_and_done_when_it_was_heard),
		cmocka_unit_test(who_asks_for_slower_packets_waits_for_them_at_once),
		cmocka_unit_test(a_change_during_a_poll_begins_another),
		cmocka_unit_test(asked_for_nothing_it_sends_answers_alone),
		cmocka_unit_test(in_demand_mode_nothing_is_sent_while_both_are_up),
		cmocka_unit_test(while_down_a_packet_a_second_is_told_and_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

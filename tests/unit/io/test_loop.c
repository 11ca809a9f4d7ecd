#include "io/loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void stop(void *user)
{
	io_loop_stop(user);
}

static void a_timer_on_an_idle_loop_is_never_early_and_hardly_late(void **state)
{
	struct io_loop *loop = io_loop_new();
	struct io_timer *t = io_timer_new(loop, stop, loop);
	uint64_t least_late_us = UINT64_MAX;

	(void)state;
	for (int i = 0; i < 20; i++) {
		uint64_t due_us = clock_us() + 3100, late_us;

		io_timer_set(t, 3100);
		io_loop_run(loop);
		late_us = clock_us() - due_us;
		assert_true(clock_us() >= due_us);
		if (late_us < least_late_us)
			least_late_us = late_us;
	}
	/* The machine may be busy; but a loop that counts in milliseconds would never come under this. */
	assert_in_range(least_late_us, 0, 800);
	io_timer_free(t);
	io_loop_free(loop);
}

struct order {
	struct io_loop *loop;
	char text[64];
};

struct named {
	struct order *order;
	char name;
	struct io_timer *timer;
};

static void note(void *user)
{
	struct named *n = user;
	size_t len = strlen(n->order->text);

	n->order->text[len] = n->name;
	n->order->text[len + 1] = '\0';
	if (n->name == 'z')
		io_loop_stop(n->order->loop);
}

static void timers_fire_by_deadline_and_then_as_they_were_set(void **state)
{
	struct order o = { .loop = io_loop_new() };
	struct named n[5];
	const char names[] = "zbcad";
	const uint64_t delays_us[] = { 9000, 2000, 2000, 1000, 3000 };

	(void)state;
	for (int i = 0; i < 5; i++) {
		n[i] = (struct named){ .order = &o, .name = names[i] };
		n[i].timer = io_timer_new(o.loop, note, &n[i]);
		io_timer_set(n[i].timer, delays_us[i]);
	}
	io_timer_cancel(n[4].timer);
	assert_false(io_timer_pending(n[4].timer));
	assert_int_equal(io_timer_left_us(n[4].timer), 0);
	assert_in_range(io_timer_left_us(n[0].timer), 1, 9000);
	io_loop_run(o.loop);
	assert_string_equal(o.text, "abcz");
	for (int i = 0; i < 5; i++)
		io_timer_free(n[i].timer);
	io_loop_free(o.loop);
}

static void a_timer_pushed_forward_does_not_fire_at_its_old_time(void **state)
{
	struct order o = { .loop = io_loop_new() };
	struct named late = { &o, 'x', NULL }, end = { &o, 'z', NULL };

	(void)state;
	late.timer = io_timer_new(o.loop, note, &late);
	end.timer = io_timer_new(o.loop, note, &end);
	io_timer_set(late.timer, 1000);
	io_timer_set(end.timer, 6000);
	io_timer_set(late.timer, 60 * 1000 * 1000);
	io_loop_run(o.loop);
	assert_string_equal(o.text, "z");
	assert_true(io_timer_pending(late.timer));
	io_timer_free(late.timer);
	io_timer_free(end.timer);
	io_loop_free(o.loop);
}

enum { MANY = 5000 };

struct crowd {
	struct io_timer *timers[MANY];
	struct crowd_member {
		struct crowd *crowd;
		uint64_t earliest_us, latest_us; /* its deadline lies between */
		bool cancelled;
	} members[MANY];
	struct io_loop *loop;
	uint64_t last_us;
	unsigned fired;
	bool bad;
};

static void crowd_fires(void *user)
{
	struct crowd_member *m = user;

	m->crowd->bad |= m->latest_us < m->crowd->last_us || m->cancelled;
	m->crowd->last_us = m->earliest_us;
	m->crowd->fired++;
}

static void thousands_of_timers_set_moved_and_cancelled_fire_in_order(void **state)
{
	struct crowd *c = calloc(1, sizeof(*c));
	struct io_timer *end;
	unsigned expected = 0;

	(void)state;
	srandom(7);
	c->loop = io_loop_new();
	end = io_timer_new(c->loop, stop, c->loop);
	for (int i = 0; i < MANY; i++) {
		c->members[i].crowd = c;
		c->timers[i] = io_timer_new(c->loop, crowd_fires, &c->members[i]);
		io_timer_set(c->timers[i], (uint64_t)random() % 20000);
	}
	for (int i = 0; i < MANY; i++) {
		uint64_t delay_us = 1000 * ((uint64_t)random() % 20);

		if (random() % 3 == 0) {
			io_timer_cancel(c->timers[i]);
			c->members[i].cancelled = true;
			continue;
		}
		c->members[i].earliest_us = clock_us() + delay_us;
		io_timer_set(c->timers[i], delay_us);
		c->members[i].latest_us = clock_us() + delay_us;
		expected++;
	}
	io_timer_set(end, 60000);
	io_loop_run(c->loop);
	assert_int_equal(c->fired, expected);
	assert_false(c->bad);
	for (int i = 0; i < MANY; i++)
		io_timer_free(c->timers[i]);
	io_timer_free(end);
	io_loop_free(c->loop);
	free(c);
}

struct turns {
	struct io_loop *loop;
	struct io_job *first, *second;
	int runs, reads, reads_before_second;
	uint64_t now_us[3];
};

static void first_runs(void *user)
{
	struct turns *t = user;

	t->now_us[0] = io_loop_now_us(t->loop);
	t->runs++;
	io_job_post(t->second);
	io_job_post(t->second);
}

static void second_runs(void *user)
{
	struct turns *t = user;

	t->reads_before_second = t->reads;
	t->now_us[1] = io_loop_now_us(t->loop);
	t->runs++;
	io_loop_stop(t->loop);
}

static void count_read(void *user, unsigned events)
{
	struct turns *t = user;

	t->reads += events == IO_READ;
}

static void a_job_posted_by_a_job_runs_in_the_next_turn_after_input_and_without_sleep(void **state)
{
	struct turns t = { .loop = io_loop_new() };
	struct io_watch *w;
	int fds[2];
	uint64_t start_us = clock_us();

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	t.first = io_job_new(t.loop, first_runs, &t);
	t.second = io_job_new(t.loop, second_runs, &t);
	w = io_watch_new(t.loop, fds[0], count_read, &t);
	io_watch_set(w, IO_READ);
	io_job_post(t.first);
	io_loop_run(t.loop);
	assert_int_equal(t.runs, 2);
	assert_int_equal(t.reads_before_second, 2);
	assert_true(t.now_us[1] >= t.now_us[0]);
	assert_true(clock_us() - start_us < 2000000);
	io_watch_free(w);
	io_job_free(t.first);
	io_job_free(t.second);
	io_loop_free(t.loop);
	close(fds[0]);
	close(fds[1]);
}

static void timers_are_not_starved_by_input_that_never_ends(void **state)
{
	struct turns t = { .loop = io_loop_new() };
	struct io_timer *end = io_timer_new(t.loop, stop, t.loop);
	struct io_watch *w;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	w = io_watch_new(t.loop, fds[0], count_read, &t);
	io_watch_set(w, IO_READ);
	io_timer_set(end, 2000);
	io_loop_run(t.loop);
	assert_true(t.reads > 1);
	io_watch_free(w);
	io_timer_free(end);
	io_loop_free(t.loop);
	close(fds[0]);
	close(fds[1]);
}

enum { PEERS = 200 };

struct peer {
	struct io_timer *hold;
	struct io_watch *watch;
	int fds[2];
	bool expired;
};

static void peer_reads(void *user, unsigned events)
{
	struct peer *p = user;
	char c;

	(void)events;
	if (read(p->fds[0], &c, 1) == 1)
		io_timer_set(p->hold, 50000);
}

static void peer_expires(void *user)
{
	struct peer *p = user;

	p->expired = true;
}

static void a_process_that_was_stopped_reads_what_waits_before_it_judges_timers(void **state)
{
	struct io_loop *loop = io_loop_new();
	struct peer *peers = calloc(PEERS, sizeof(*peers));
	struct io_timer *end = io_timer_new(loop, stop, loop);

	(void)state;
	for (int i = 0; i < PEERS; i++) {
		struct peer *p = &peers[i];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p->fds), 0);
		p->hold = io_timer_new(loop, peer_expires, p);
		p->watch = io_watch_new(loop, p->fds[0], peer_reads, p);
		io_watch_set(p->watch, IO_READ);
		io_timer_set(p->hold, 50000);
		assert_int_equal(write(p->fds[1], "k", 1), 1);
	}
	io_timer_set(end, 0);
	usleep(200000);
	io_loop_run(loop);
	for (int i = 0; i < PEERS; i++) {
		assert_false(peers[i].expired);
		io_watch_free(peers[i].watch);
		io_timer_free(peers[i].hold);
		close(peers[i].fds[0]);
		close(peers[i].fds[1]);
	}
	io_timer_free(end);
	io_loop_free(loop);
	free(peers);
}

enum { BUSY = 20, CALL_US = 3000 };

struct busy {
	struct io_loop *loop;
	struct io_watch *watch[BUSY], *urgent;
	struct io_job *each_turn;
	int pipe[2], calls, calls_of_turn, most_of_a_turn, calls_before_urgent, served_of[BUSY];
};

struct busy_one {
	struct busy *busy;
	int index;
};

static void busy_ready(void *user, unsigned events)
{
	struct busy_one *one = user;
	struct busy *b = one->busy;
	uint64_t end_us = clock_us() + CALL_US;

	(void)events;
	b->calls++;
	b->served_of[one->index]++;
	if (++b->calls_of_turn > b->most_of_a_turn)
		b->most_of_a_turn = b->calls_of_turn;
	if (b->calls == 1 && b->urgent)
		io_watch_set(b->urgent, IO_READ);
	while (clock_us() < end_us)
		;
}

static void busy_turn_ends(void *user)
{
	struct busy *b = user;

	b->calls_of_turn = 0;
	if (b->calls >= BUSY)
		io_loop_stop(b->loop);
	else
		io_job_post(b->each_turn);
}

static void urgent_ready(void *user, unsigned events)
{
	struct busy *b = user;

	(void)events;
	b->calls_before_urgent = b->calls;
	io_watch_set(b->urgent, 0);
}

/* All watches look at one pipe that is readable for ever. */
static void run_busy(struct busy *b, bool with_urgent)
{
	struct busy_one one[BUSY];

	b->loop = io_loop_new();
	assert_int_equal(pipe(b->pipe), 0);
	assert_int_equal(write(b->pipe[1], "x", 1), 1);
	if (with_urgent) {
		b->urgent = io_watch_new(b->loop, b->pipe[0], urgent_ready, b);
		io_watch_set_urgent(b->urgent);
	}
	for (int i = 0; i < BUSY; i++) {
		one[i] = (struct busy_one){ b, i };
		b->watch[i] = io_watch_new(b->loop, b->pipe[0], busy_ready, &one[i]);
		io_watch_set(b->watch[i], IO_READ);
	}
	b->each_turn = io_job_new(b->loop, busy_turn_ends, b);
	io_job_post(b->each_turn);
	io_loop_run(b->loop);
}

static void end_busy(struct busy *b)
{
	for (int i = 0; i < BUSY; i++)
		io_watch_free(b->watch[i]);
	io_watch_free(b->urgent);
	io_job_free(b->each_turn);
	io_loop_free(b->loop);
	close(b->pipe[0]);
	close(b->pipe[1]);
}

static void many_busy_descriptors_share_out_over_turns_and_each_has_its_own(void **state)
{
	struct busy b = { .loop = NULL };

	(void)state;
	run_busy(&b, false);
	assert_in_range(b.most_of_a_turn, 1, BUSY / 2);
	for (int i = 0; i < BUSY; i++)
		assert_in_range(b.served_of[i], 1, 2);
	assert_true(io_loop_longest_turn(b.loop)->us >= CALL_US);
	assert_true(io_loop_longest_turn(b.loop)->descriptors_us >= CALL_US);
	assert_in_range(io_loop_longest_turn(b.loop)->served, 1, BUSY / 2);
	end_busy(&b);
}

static void what_is_urgent_does_not_wait_for_all_that_was_ready_before(void **state)
{
	struct busy b = { .calls_before_urgent = BUSY };

	(void)state;
	run_busy(&b, true);
	assert_in_range(b.calls_before_urgent, 1, BUSY / 2);
	end_busy(&b);
}

struct long_job {
	struct io_loop *loop;
	bool used_at_once;
	uint64_t took_us;
};

static void use_the_share(void *user)
{
	struct long_job *j = user;
	uint64_t begin_us = clock_us();

	j->used_at_once = io_loop_share_used(j->loop);
	while (!io_loop_share_used(j->loop) && clock_us() - begin_us < 5000000)
		;
	j->took_us = clock_us() - begin_us;
	io_loop_stop(j->loop);
}

static void stand_still(void *user)
{
	(void)user;
	usleep(150000);
}

static void a_job_is_told_when_it_has_used_up_its_share_and_long_turns_are_counted(void **state)
{
	struct long_job j = { .loop = io_loop_new() };
	struct io_job *job = io_job_new(j.loop, use_the_share, &j);
	struct io_timer *slow = io_timer_new(j.loop, stand_still, NULL);

	(void)state;
	io_timer_set(slow, 0);
	io_job_post(job);
	io_loop_run(j.loop);
	assert_false(j.used_at_once);
	assert_in_range(j.took_us, 1000, 4999999);
	assert_true(io_loop_longest_turn(j.loop)->timers_us >= 150000);
	assert_true(io_loop_longest_turn(j.loop)->jobs_us >= j.took_us);
	assert_true(io_loop_long_turns(j.loop) >= 1);
	io_timer_free(slow);
	io_job_free(job);
	io_loop_free(j.loop);
}

struct mask {
	struct io_loop *loop;
	struct io_watch *watch;
	unsigned seen;
};

static void mask_ready(void *user, unsigned events)
{
	struct mask *m = user;

	m->seen |= events;
	io_watch_set(m->watch, 0);
	io_loop_stop(m->loop);
}

static void a_hang_up_is_reported_as_what_was_asked_for(void **state)
{
	struct mask m = { .loop = io_loop_new() };
	struct io_timer *end = io_timer_new(m.loop, stop, m.loop);
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	close(fds[1]);
	m.watch = io_watch_new(m.loop, fds[0], mask_ready, &m);
	io_watch_set(m.watch, IO_WRITE);
	io_watch_set(m.watch, IO_WRITE);
	io_loop_run(m.loop);
	assert_int_equal(m.seen, IO_WRITE);
	m.seen = 0;
	io_watch_set(m.watch, IO_READ);
	io_loop_run(m.loop);
	assert_int_equal(m.seen, IO_READ);
	m.seen = 0; /* nothing is asked for now, so nothing is reported */
	io_timer_set(end, 5000);
	io_loop_run(m.loop);
	assert_int_equal(m.seen, 0);
	io_watch_free(m.watch);
	io_timer_free(end);
	io_loop_free(m.loop);
	close(fds[0]);
}

struct suicide {
	struct io_loop *loop;
	struct io_watch *watch;
	int calls;
};

static void suicide_ready(void *user, unsigned events)
{
	struct suicide *s = user;

	(void)events;
	s->calls++;
	io_watch_free(s->watch);
	io_loop_stop(s->loop);
}

static void a_watch_may_be_freed_from_its_own_callback(void **state)
{
	struct suicide s = { .loop = io_loop_new() };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	s.watch = io_watch_new(s.loop, fds[0], suicide_ready, &s);
	io_watch_set(s.watch, IO_READ | IO_WRITE);
	io_loop_run(s.loop);
	assert_int_equal(s.calls, 1);
	io_loop_free(s.loop);
	close(fds[0]);
	close(fds[1]);
}

static void a_signal_wakes_the_loop(void **state)
{
	struct io_loop *loop = io_loop_new();
	struct io_signal *s = io_signal_new(loop, SIGUSR1, stop, loop);

	(void)state;
	raise(SIGUSR1);
	io_loop_run(loop);
	io_signal_free(s);
	io_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_on_an_idle_loop_is_never_early_and_hardly_late),
		cmocka_unit_test(timers_fire_by_deadline_and_then_as_they_were_set),
		cmocka_unit_test(a_timer_pushed_forward_does_not_fire_at_its_old_time),
		cmocka_unit_test(thousands_of_timers_set_moved_and_cancelled_fire_in_order),
		cmocka_unit_test(a_job_posted_by_a_job_runs_in_the_next_turn_after_input_and_without_sleep),
		cmocka_unit_test(timers_are_not_starved_by_input_that_never_ends),
		cmocka_unit_test(a_process_that_was_stopped_reads_what_waits_before_it_judges_timers),
		cmocka_unit_test(many_busy_descriptors_share_out_over_turns_and_each_has_its_own),
		cmocka_unit_test(what_is_urgent_does_not_wait_for_all_that_was_ready_before),
		cmocka_unit_test(a_job_is_told_when_it_has_used_up_its_share_and_long_turns_are_counted),
		cmocka_unit_test(a_hang_up_is_reported_as_what_was_asked_for),
		cmocka_unit_test(a_watch_may_be_freed_from_its_own_callback),
		cmocka_unit_test(a_signal_wakes_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

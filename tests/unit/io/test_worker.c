#include "io/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { GUARD_US = 10000000, MANY = 1000 };

struct bench {
	struct io_loop *loop;
	struct io_worker *worker;
	struct io_timer *guard;
	unsigned done, dropped;
	pthread_t loop_thread;
	int gate[2]; /* a job that waits reads from it */
};

struct job {
	struct io_work work;
	struct bench *bench;
	unsigned number;
	bool waits, frees_worker;
	atomic_bool ran;
	pthread_t ran_in;
	char thread_name[16];
	bool signals_blocked;
};

static void too_late(void *user)
{
	(void)user;
	fail_msg("the worker does not answer");
}

static struct bench *bench_new(const char *thread_name)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->loop = io_loop_new();
	b->worker = io_worker_new(b->loop, thread_name);
	b->guard = io_timer_new(b->loop, too_late, NULL);
	b->loop_thread = pthread_self();
	assert_non_null(b->worker);
	assert_int_equal(pipe(b->gate), 0);
	io_timer_set(b->guard, GUARD_US);
	return b;
}

static void count_drop(struct io_work *w)
{
	((struct job *)w)->bench->dropped++;
}

static void bench_free(struct bench *b)
{
	io_worker_free(b->worker, count_drop);
	io_timer_free(b->guard);
	io_loop_free(b->loop);
	close(b->gate[0]);
	close(b->gate[1]);
	free(b);
}

static void run(struct io_work *w)
{
	struct job *j = (struct job *)w;
	sigset_t blocked;
	char c;

	j->ran = true;
	j->ran_in = pthread_self();
	pthread_getname_np(pthread_self(), j->thread_name, sizeof(j->thread_name));
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	j->signals_blocked = sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGCHLD) == 1;
	if (j->waits && read(j->bench->gate[0], &c, 1) != 1)
		j->ran = false;
}

static void done(struct io_work *w)
{
	struct job *j = (struct job *)w;
	struct bench *b = j->bench;

	assert_true(pthread_equal(pthread_self(), b->loop_thread));
	assert_int_equal(j->number, b->done);
	b->done++;
	if (j->frees_worker) {
		io_worker_free(b->worker, count_drop);
		b->worker = NULL;
	}
	if (j->number == MANY - 1 || j->frees_worker)
		io_loop_stop(b->loop);
}

static struct job *jobs_new(struct bench *b, unsigned count)
{
	struct job *j = calloc(count, sizeof(*j));

	for (unsigned i = 0; i < count; i++)
		j[i] = (struct job){ .work = { .run = run, .done = done }, .bench = b, .number = i };
	return j;
}

static void jobs_run_in_the_thread_and_come_back_in_order(void **state)
{
	struct bench *b = bench_new("resolver");
	struct job *j = jobs_new(b, MANY);

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		io_worker_submit(b->worker, &j[i].work);
	io_loop_run(b->loop);
	assert_int_equal(b->done, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(j[i].ran && !pthread_equal(j[i].ran_in, b->loop_thread));
	assert_string_equal(j[0].thread_name, "resolver");
	assert_true(j[0].signals_blocked);
	bench_free(b);
	free(j);
}

static void the_loop_is_not_held_by_a_job(void **state)
{
	struct bench *b = bench_new("slow");
	struct job *j = jobs_new(b, 1);
	struct io_timer *tick;

	(void)state;
	j->waits = true;
	io_worker_submit(b->worker, &j->work);
	tick = io_timer_new(b->loop, (void (*)(void *))io_loop_stop, b->loop);
	io_timer_set(tick, 1000);
	io_loop_run(b->loop);
	assert_int_equal(b->done, 0);
	j->frees_worker = true; /* the end of it stops the loop */
	assert_int_equal(write(b->gate[1], "x", 1), 1);
	io_loop_run(b->loop);
	assert_int_equal(b->done, 1);
	io_timer_free(tick);
	bench_free(b);
	free(j);
}

static void done_may_free_the_worker_and_the_rest_is_dropped(void **state)
{
	struct bench *b = bench_new("leaving");
	struct job *j = jobs_new(b, 20);

	(void)state;
	j[2].frees_worker = true;
	for (unsigned i = 0; i < 20; i++)
		io_worker_submit(b->worker, &j[i].work);
	io_loop_run(b->loop);
	assert_int_equal(b->done, 3);
	assert_int_equal(b->dropped, 17);
	bench_free(b);
	free(j);
}

static void *open_the_gate_later(void *user)
{
	struct job *j = user;

	usleep(20000);
	return write(j->bench->gate[1], "x", 1) == 1 ? NULL : user;
}

static void free_waits_for_the_job_under_way_and_drops_all(void **state)
{
	struct bench *b = bench_new("busy");
	struct job *j = jobs_new(b, 3);
	pthread_t opener;

	(void)state;
	j->waits = true;
	for (unsigned i = 0; i < 3; i++)
		io_worker_submit(b->worker, &j[i].work);
	pthread_create(&opener, NULL, open_the_gate_later, j);
	/* Only a job that was begun must be waited for. */
	while (!j->ran)
		usleep(100);
	io_worker_free(b->worker, count_drop);
	b->worker = NULL;
	pthread_join(opener, NULL);
	assert_int_equal(b->dropped, 3);
	assert_int_equal(b->done, 0);
	assert_false(j[1].ran || j[2].ran);
	bench_free(b);
	free(j);
}

static void one_may_wait_outside_the_loop_but_not_for_ever(void **state)
{
	struct bench *b = bench_new("waited");
	struct job *j = jobs_new(b, 3);
	pthread_t opener;

	(void)state;
	j[1].waits = true;
	assert_false(io_worker_wait(b->worker, 0));
	for (unsigned i = 0; i < 3; i++)
		io_worker_submit(b->worker, &j[i].work);
	assert_true(io_worker_wait(b->worker, GUARD_US / 1000));
	assert_int_equal(b->done, 1);
	assert_false(io_worker_wait(b->worker, 1));
	pthread_create(&opener, NULL, open_the_gate_later, j);
	assert_true(io_worker_wait(b->worker, GUARD_US / 1000));
	assert_true(io_worker_wait(b->worker, GUARD_US / 1000));
	assert_int_equal(b->done, 3);
	assert_false(io_worker_wait(b->worker, 0));
	pthread_join(opener, NULL);
	bench_free(b);
	free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_run_in_the_thread_and_come_back_in_order),
		cmocka_unit_test(the_loop_is_not_held_by_a_job),
		cmocka_unit_test(done_may_free_the_worker_and_the_rest_is_dropped),
		cmocka_unit_test(free_waits_for_the_job_under_way_and_drops_all),
		cmocka_unit_test(one_may_wait_outside_the_loop_but_not_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The order in which routes of a plan leave for the kernel, as far as somebody may rely on it. Nothing is carried out here. */
#include "kernel/plan_store.h"
#include "plan_model.h"

enum {
	BATCH = 4096,
	LARGE = 60000, /* routes: some pieces of the pool */
	SAMPLE = 1000,
	STRIDE = 37717, /* has no divisor in common with LARGE */
};

/* What left, in its order. */
struct order {
	struct plan *plan;
	size_t count;
	uint8_t kind[2 * LARGE];
	size_t number[2 * LARGE];
};

static struct order *order_new(void)
{
	struct order *o = calloc(1, sizeof(*o));

	o->plan = new_plan(false);
	return o;
}

static void order_free(struct order *o)
{
	plan_free(o->plan);
	free(o);
}

static void put(struct order *o, size_t number)
{
	struct fib_next_hop nh = { hop_nr(0), 1 };
	struct prefix p = prefix_nr(number);

	plan_set(o->plan, &p, 0, &nh, 1);
}

static void take(struct order *o, size_t number)
{
	struct prefix p = prefix_nr(number);

	plan_del(o->plan, &p);
}

static void resolve_all(struct plan *p)
{
	struct plan_resolution r = { .reachable = true, .ifindex = 7, .interface = "eth0" };
	struct ip_addr *ask;
	size_t count = plan_ask(p, PLAN_ASK_NEW, &ask);

	for (size_t i = 0; i < count; i++) {
		r.gateway = ask[i];
		plan_resolve(p, &ask[i], &r);
	}
	plan_resolve_end(p);
	free(ask);
}

static void note(struct order *o, const struct plan_op *op)
{
	if (op->kind != PLAN_ROUTE_SET && op->kind != PLAN_ROUTE_DEL)
		return;
	assert_true(o->count < 2 * LARGE);
	o->kind[o->count] = op->kind;
	o->number[o->count++] = number_of(&op->prefix);
}

/* One batch, which the kernel carries out at once; false when there was none. */
static bool run_one(struct order *o)
{
	struct plan_batch b = { 0 };
	bool some;

	resolve_all(o->plan);
	some = plan_run(o->plan, BATCH, true, &b);
	for (size_t i = 0; i < b.count; i++)
		note(o, &b.op[i]);
	if (some)
		plan_done(o->plan, &b);
	plan_batch_fini(&b);
	return some;
}

static void run_all(struct order *o)
{
	while (run_one(o))
		;
}

static struct order *order_of_many(void)
{
	struct order *o = order_new();

	for (size_t i = 0; i < LARGE; i++)
		put(o, i);
	run_all(o);
	assert_int_equal(o->count, LARGE);
	o->count = 0;
	return o;
}

static void what_is_to_be_there_goes_first_and_in_its_turn(void **state)
{
	struct order *o = order_of_many();

	(void)state;
	for (size_t i = 0; i < SAMPLE; i++) {
		take(o, i);
		put(o, LARGE + i);
	}
	run_all(o);
	assert_int_equal(o->count, 2 * SAMPLE);
	for (size_t i = 0; i < SAMPLE; i++) {
		assert_int_equal(o->kind[i], PLAN_ROUTE_SET);
		assert_int_equal(o->number[i], LARGE + i);
		assert_int_equal(o->kind[SAMPLE + i], PLAN_ROUTE_DEL);
	}
	order_free(o);
}

/* All at once in one sweep, in the order in which they were put in, whatever the one of the withdrawals. */
static void the_withdrawn_leave_as_they_were_put_in(void **state)
{
	struct order *o = order_of_many();

	(void)state;
	for (size_t i = 0; i < LARGE; i++)
		take(o, i * STRIDE % LARGE);
	run_all(o);
	assert_int_equal(o->count, LARGE);
	for (size_t i = 0; i < LARGE; i++)
		assert_int_equal(o->number[i], i);
	assert_int_equal(plan_stats(o->plan).routes, 0);
	order_free(o);
}

/* One behind which the sweep has passed goes with the next one, and is not waited for by those before it. */
static void the_withdrawn_leave_in_sweeps(void **state)
{
	struct order *o = order_of_many();

	(void)state;
	for (size_t i = 0; i < BATCH + SAMPLE; i++)
		take(o, LARGE / 2 + i);
	assert_true(run_one(o));
	assert_int_equal(o->number[BATCH - 1], LARGE / 2 + BATCH - 1);
	for (size_t i = 0; i < SAMPLE; i++) {
		take(o, i);
		take(o, LARGE - SAMPLE + i);
	}
	o->count = 0;
	run_all(o);
	assert_int_equal(o->count, 3 * SAMPLE);
	for (size_t i = 0; i < SAMPLE; i++) {
		assert_int_equal(o->number[i], LARGE / 2 + BATCH + i);
		assert_int_equal(o->number[SAMPLE + i], LARGE - SAMPLE + i);
		assert_int_equal(o->number[2 * SAMPLE + i], i);
	}
	order_free(o);
}

/* Others come as fast as they go, for good: the withdrawn wait for PLAN_AHEAD_MAX of them, then both go by turns. */
static void the_withdrawn_do_not_wait_for_ever(void **state)
{
	struct order *o = order_of_many();
	size_t next = LARGE, sets = 0, before_first = 0, dels = 0;

	(void)state;
	for (size_t i = 0; i < SAMPLE; i++)
		take(o, i);
	while (dels < SAMPLE && sets < PLAN_AHEAD_MAX + 4 * SAMPLE) {
		for (size_t i = 0; i < BATCH; i++)
			put(o, next++);
		o->count = 0;
		assert_true(run_one(o));
		for (size_t i = 0; i < o->count; i++) {
			if (o->kind[i] == PLAN_ROUTE_SET)
				sets++;
			else if (dels++ == 0)
				before_first = sets;
		}
	}
	assert_int_equal(before_first, PLAN_AHEAD_MAX);
	assert_int_equal(dels, SAMPLE);
	order_free(o);
}

static void what_is_wished_again_before_it_left_stays(void **state)
{
	struct order *o = order_of_many();

	(void)state;
	for (size_t i = 0; i < SAMPLE; i++)
		take(o, i);
	for (size_t i = 0; i < SAMPLE; i += 2)
		put(o, i);
	run_all(o);
	assert_int_equal(o->count, SAMPLE / 2);
	for (size_t i = 0; i < o->count; i++) {
		assert_int_equal(o->kind[i], PLAN_ROUTE_DEL);
		assert_int_equal(o->number[i] % 2, 1);
	}
	assert_int_equal(plan_stats(o->plan).routes, LARGE - SAMPLE / 2);
	order_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_to_be_there_goes_first_and_in_its_turn),
		cmocka_unit_test(the_withdrawn_leave_as_they_were_put_in),
		cmocka_unit_test(the_withdrawn_leave_in_sweeps),
		cmocka_unit_test(the_withdrawn_do_not_wait_for_ever),
		cmocka_unit_test(what_is_wished_again_before_it_left_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The plan against a model of the kernel: what the kernel has and nobody has wished, and a restart. */
#include "plan_model.h"

#include <stdio.h>

static void leftovers_are_kept_and_swept(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, i < 8 ? 7 : 24, 1);
	commit(m, 100);
	/* The daemon is killed and comes again. */
	clear_counts(m);
	plan_free(m->plan);
	m->plan = new_plan(false);
	list_kernel(m, true);
	for (size_t i = 0; i < 10; i++)
		m->wished[i] = 0;
	for (size_t i = 0; i < 4; i++)
		wish(m, i, 3, 1);
	commit(m, 100);
	for (size_t i = 0; i <= PLAN_NEXT_HOP_DEL; i++)
		assert_int_equal(m->ops[i], 0);
	assert_int_equal(plan_stats(m->plan).leftover_routes, 6);
	assert_int_equal(view_of(m, 9).state, PLAN_LEFTOVER);
	for (size_t i = 0; i < 10; i++)
		assert_true(m->route[i].there);
	plan_sweep(m->plan);
	commit(m, 100);
	check_equal(m);
	model_free(m);
}

static void what_somebody_else_took_out_comes_back(void **state)
{
	struct model *m = model_new(false);
	struct prefix p = prefix_nr(0);

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, i < 5 ? 7 : 56, 1);
	commit(m, 100);
	m->route[0].there = false;
	plan_lost_route(m->plan, &p);
	commit(m, 100);
	check_equal(m);
	/* As when a link goes down: the kernel takes next hops, groups and routes without a word. */
	flush_group(m, m->route[0].group);
	flush_hop(m, m->group[m->route[5].group - ID_BASE].member[1]);
	list_kernel(m, false);
	commit(m, 100);
	check_equal(m);
	/* A route rewritten by hand. */
	m->route[1].group = m->route[5].group;
	p = prefix_nr(1);
	plan_found_route(m->plan, &p, m->route[5].group, PLAN_REMOVE, 0);
	commit(m, 100);
	check_equal(m);
	for (size_t i = 3; i < 7; i++)
		m->route[i].there = false;
	list_kernel(m, true);
	commit(m, 100);
	check_equal(m);
	model_free(m);
}

static void nothing_is_done_when_the_kernel_is_right(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, 1 + (unsigned)i, 1);
	commit(m, 100);
	clear_counts(m);
	list_kernel(m, true);
	resolve(m, PLAN_ASK_ALL);
	plan_retry(m->plan);
	commit(m, 100);
	for (size_t i = 0; i <= PLAN_NEXT_HOP_DEL; i++)
		assert_int_equal(m->ops[i], 0);
	model_free(m);
}

static void what_a_route_wanted_before_a_restart_is_not_wanted_for_ever(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	wish(m, 0, 7, 1);
	commit(m, 100);
	plan_free(m->plan);
	m->plan = new_plan(false);
	list_kernel(m, true);
	wish(m, 0, 8, 1);
	commit(m, 100);
	m->wished[0] = 15;
	check_equal(m);
	m->wished[0] = 8;
	clear_counts(m);
	plan_sweep(m->plan);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 0);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 0);
	assert_int_equal(m->ops[PLAN_NEXT_HOP_DEL], 3);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leftovers_are_kept_and_swept),
		cmocka_unit_test(what_somebody_else_took_out_comes_back),
		cmocka_unit_test(nothing_is_done_when_the_kernel_is_right),
		cmocka_unit_test(what_a_route_wanted_before_a_restart_is_not_wanted_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The plan against a model of the kernel: one change at a time. */
#include "plan_model.h"

#include <errno.h>
#include <stdio.h>

static void one_route_makes_a_group_of_one(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	wish(m, 0, 1, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_NEXT_HOP_SET], 1);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 1);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 1);
	assert_int_equal(view_of(m, 0).state, PLAN_INSTALLED);
	wish(m, 0, 0, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(plan_stats(m->plan).routes, 0);
	assert_int_equal(plan_stats(m->plan).groups, 0);
	assert_int_equal(plan_stats(m->plan).next_hops, 0);
	model_free(m);
}

static void a_group_whose_routes_all_change_alike_is_changed_in_place(void **state)
{
	struct model *m = model_new(false);
	uint32_t id;

	(void)state;
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, 7, 1);
	commit(m, 100);
	id = m->route[0].group;
	clear_counts(m);
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, 11, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 1);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 0);
	assert_int_equal(m->ops[PLAN_NEXT_HOP_DEL], 1);
	assert_int_equal(m->route[0].group, id);
	model_free(m);
}

/* Wishes of a change that is not whole: what is planned then, carried out. */
static void run_part(struct model *m, size_t route_sets, size_t route_dels)
{
	struct plan_batch b = { 0 };

	clear_counts(m);
	if (plan_run(m->plan, 100, false, &b)) {
		run_batch(m, &b);
		plan_done(m->plan, &b);
	}
	plan_batch_fini(&b);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], route_sets);
	assert_int_equal(m->ops[PLAN_ROUTE_DEL], route_dels);
}

static void routes_that_move_wait_for_the_whole_change_and_others_do_not(void **state)
{
	struct model *m = model_new(false);
	uint32_t id;

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, 7, 1);
	wish(m, 10, 1, 1);
	commit(m, 100);
	id = m->route[0].group;
	for (size_t i = 0; i < 5; i++)
		wish(m, i, 3, 1);
	wish(m, 9, 0, 1);
	wish(m, 11, 1, 1);
	run_part(m, 1, 1);
	/* It does not move after all. */
	wish(m, 4, 0, 1);
	run_part(m, 0, 1);
	run_part(m, 0, 0);
	for (size_t i = 5; i < 9; i++)
		wish(m, i, 3, 1);
	clear_counts(m);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 0);
	assert_int_equal(m->route[0].group, id);
	model_free(m);
}

static void a_next_hop_that_is_gone_leaves_its_groups_by_being_deleted(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 7 : 6, 1);
	commit(m, 100);
	clear_counts(m);
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 3 : 2, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_NEXT_HOP_DEL], 1);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 0);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 0);
	model_free(m);
}

/* It would move flows twice. */
static void a_next_hop_does_not_leave_a_group_that_changes_otherwise_too(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 7 : 6, 1);
	commit(m, 100);
	clear_counts(m);
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 3 : 10, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 2);
	assert_int_equal(m->ops[PLAN_NEXT_HOP_DEL], 1);
	clear_counts(m);
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 1 : 8, 2);
	commit(m, 100);
	check_equal(m);
	/* The weight of the one that stays, as the only member of its group. */
	assert_int_equal(m->ops[PLAN_GROUP_SET], 2);
	model_free(m);
}

static void a_next_hop_that_may_not_be_deleted_leaves_its_group_all_the_same(void **state)
{
	struct model *m = model_new(false);
	struct plan_batch b = { 0 };
	uint16_t weight;

	(void)state;
	wish(m, 0, 7, 1);
	commit(m, 100);
	wish(m, 0, 3, 1);
	assert_true(plan_run(m->plan, 100, true, &b));
	assert_int_equal(b.count, 1);
	assert_int_equal(b.op[0].kind, PLAN_NEXT_HOP_DEL);
	b.op[0].error = -EPERM;
	plan_done(m->plan, &b);
	plan_batch_fini(&b);
	commit(m, 100);
	assert_int_equal(mask_of(m, 0, &weight), 3);
	plan_retry(m->plan);
	commit(m, 100);
	check_equal(m);
	model_free(m);
}

static void routes_move_when_only_some_of_a_group_change(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, 7, 1);
	commit(m, 100);
	clear_counts(m);
	for (size_t i = 0; i < 4; i++)
		wish(m, i, 3, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 1);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 4);
	assert_int_not_equal(m->route[0].group, m->route[9].group);
	model_free(m);
}

static void routes_move_to_a_group_that_has_their_set_already(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < 10; i++)
		wish(m, i, i < 5 ? 7 : 3, 1);
	commit(m, 100);
	clear_counts(m);
	for (size_t i = 0; i < 5; i++)
		wish(m, i, 3, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 0);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 5);
	assert_int_equal(m->ops[PLAN_GROUP_DEL], 1);
	model_free(m);
}

static void a_weight_makes_another_set(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	wish(m, 0, 3, 1);
	wish(m, 1, 3, 2);
	commit(m, 100);
	check_equal(m);
	assert_int_not_equal(m->route[0].group, m->route[1].group);
	model_free(m);
}

static void an_unreachable_next_hop_is_left_out_and_comes_back(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	m->reachable[1] = false;
	wish(m, 0, 3, 1);
	wish(m, 1, 2, 1);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(view_of(m, 0).state, PLAN_INSTALLED);
	assert_string_equal(view_of(m, 0).error, "next hop 192.0.2.1 is unreachable: no route to it");
	assert_int_equal(view_of(m, 1).state, PLAN_FAILED);
	m->reachable[1] = true;
	resolve(m, PLAN_ASK_UNREACHABLE);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(view_of(m, 1).state, PLAN_INSTALLED);
	assert_string_equal(view_of(m, 0).error, "");
	m->reachable[0] = m->reachable[1] = false;
	resolve(m, PLAN_ASK_ALL);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(view_of(m, 0).state, PLAN_FAILED);
	model_free(m);
}

static void a_dead_next_hop_costs_one_operation_per_group(void **state)
{
	struct model *m = model_new(false);

	(void)state;
	for (size_t i = 0; i < PREFIXES; i++)
		wish(m, i, i % 2 ? 3 : 5, 1);
	commit(m, 100);
	clear_counts(m);
	m->reachable[0] = false;
	resolve(m, PLAN_ASK_ALL);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(m->ops[PLAN_GROUP_SET], 2);
	assert_int_equal(m->ops[PLAN_ROUTE_SET], 0);
	model_free(m);
}

static void a_refused_route_keeps_its_place_and_is_tried_again(void **state)
{
	struct model *m = model_new(false);
	struct plan_batch b = { 0 };

	(void)state;
	wish(m, 0, 1, 1);
	wish(m, 1, 1, 1);
	commit(m, 100);
	wish(m, 0, 2, 1);
	resolve(m, PLAN_ASK_NEW);
	assert_true(plan_run(m->plan, 100, true, &b));
	for (size_t i = 0; i < b.count; i++)
		b.op[i].error = b.op[i].kind == PLAN_ROUTE_SET ? -EEXIST : carry_out(m, &b.op[i]);
	plan_done(m->plan, &b);
	plan_batch_fini(&b);
	assert_int_equal(view_of(m, 0).state, PLAN_FAILED);
	assert_string_equal(view_of(m, 0).error,
		"another program has a route to this prefix with the same metric in the table");
	assert_int_equal(view_of(m, 0).group_id, m->route[1].group);
	assert_int_equal(plan_stats(m->plan).failed, 1);
	commit(m, 100);
	assert_int_equal(view_of(m, 0).state, PLAN_FAILED);
	plan_retry(m->plan);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(view_of(m, 0).state, PLAN_INSTALLED);
	model_free(m);
}

static void a_group_that_could_not_be_changed_keeps_its_old_next_hop(void **state)
{
	struct model *m = model_new(false);
	struct plan_batch b = { 0 };

	(void)state;
	wish(m, 0, 1, 1);
	commit(m, 100);
	wish(m, 0, 2, 1);
	resolve(m, PLAN_ASK_NEW);
	assert_true(plan_run(m->plan, 100, true, &b));
	for (size_t i = 0; i < b.count; i++)
		b.op[i].error = b.op[i].kind == PLAN_GROUP_SET ? -ENOBUFS : carry_out(m, &b.op[i]);
	plan_done(m->plan, &b);
	plan_batch_fini(&b);
	/* Deleting the old next hop would empty the group and take the route with it. */
	commit(m, 100);
	assert_true(m->route[0].there);
	assert_int_equal(view_of(m, 0).state, PLAN_FAILED);
	plan_retry(m->plan);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(plan_stats(m->plan).next_hops, 1);
	model_free(m);
}

static void a_wish_during_a_batch_is_planned_after_it(void **state)
{
	struct model *m = model_new(false);
	struct plan_batch b = { 0 };

	(void)state;
	wish(m, 0, 1, 1);
	resolve(m, PLAN_ASK_NEW);
	assert_true(plan_run(m->plan, 100, true, &b));
	wish(m, 0, 2, 1);
	wish(m, 0, 0, 1);
	run_batch(m, &b);
	plan_done(m->plan, &b);
	plan_batch_fini(&b);
	commit(m, 100);
	check_equal(m);
	assert_int_equal(plan_stats(m->plan).next_hops, 0);
	model_free(m);
}

static void assert_goes_ahead(struct model *m, size_t nr, struct plan_batch *b)
{
	struct prefix prefix = prefix_nr(nr);

	assert_true(plan_run(m->plan, 1, true, b));
	assert_int_equal(b->count, 1);
	assert_int_equal(b->op[0].kind, m->wished[nr] ? PLAN_ROUTE_SET : PLAN_ROUTE_DEL);
	assert_true(prefix_equal(&b->op[0].prefix, &prefix));
	run_batch(m, b);
}

static void routes_go_ahead_of_results_and_nothing_else_does(void **state)
{
	struct model *m = model_new(false);
	struct plan_batch b[4] = { 0 };

	(void)state;
	wish(m, 0, 1, 1);
	commit(m, 100);
	for (size_t i = 1; i < 4; i++)
		wish(m, i, 1, 1);
	wish(m, 0, 0, 1);
	for (size_t i = 0; i < 3; i++)
		assert_goes_ahead(m, i + 1, &b[i]);
	/* The first one's result is still to come. */
	wish(m, 1, 0, 1);
	assert_goes_ahead(m, 0, &b[3]);
	assert_false(plan_run(m->plan, 1, true, &(struct plan_batch){ 0 }));
	for (size_t i = 0; i < 4; i++) {
		plan_done(m->plan, &b[i]);
		plan_batch_fini(&b[i]);
	}
	/* A next hop and a group that the kernel has not confirmed. */
	wish(m, 4, 2, 1);
	resolve(m, PLAN_ASK_NEW);
	b[0] = (struct plan_batch){ 0 };
	assert_true(plan_run(m->plan, 100, true, &b[0]));
	run_batch(m, &b[0]);
	wish(m, 5, 1, 1);
	assert_false(plan_run(m->plan, 100, true, &(struct plan_batch){ 0 }));
	plan_done(m->plan, &b[0]);
	plan_batch_fini(&b[0]);
	commit(m, 100);
	check_equal(m);
	model_free(m);
}

static void a_full_range_of_ids_is_told_in_words(void **state)
{
	struct plan_config cfg = { .id_base = ID_BASE, .id_count = 3 };
	struct model *m = model_new(false);

	(void)state;
	plan_free(m->plan);
	m->plan = plan_new(&cfg);
	for (size_t i = 0; i < 4; i++)
		wish(m, i, 1u << i, 1);
	m->fail_one_in = 1u << 23; /* errors are expected, none are drawn */
	commit(m, 100);
	assert_int_equal(view_of(m, 3).state, PLAN_FAILED);
	assert_non_null(strstr(view_of(m, 3).error, "next-hop ids of the configured range"));
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_route_makes_a_group_of_one),
		cmocka_unit_test(a_group_whose_routes_all_change_alike_is_changed_in_place),
		cmocka_unit_test(routes_that_move_wait_for_the_whole_change_and_others_do_not),
		cmocka_unit_test(a_next_hop_that_is_gone_leaves_its_groups_by_being_deleted),
		cmocka_unit_test(a_next_hop_does_not_leave_a_group_that_changes_otherwise_too),
		cmocka_unit_test(a_next_hop_that_may_not_be_deleted_leaves_its_group_all_the_same),
		cmocka_unit_test(routes_move_when_only_some_of_a_group_change),
		cmocka_unit_test(routes_move_to_a_group_that_has_their_set_already),
		cmocka_unit_test(a_weight_makes_another_set),
		cmocka_unit_test(an_unreachable_next_hop_is_left_out_and_comes_back),
		cmocka_unit_test(a_dead_next_hop_costs_one_operation_per_group),
		cmocka_unit_test(a_refused_route_keeps_its_place_and_is_tried_again),
		cmocka_unit_test(a_group_that_could_not_be_changed_keeps_its_old_next_hop),
		cmocka_unit_test(a_wish_during_a_batch_is_planned_after_it),
		cmocka_unit_test(routes_go_ahead_of_results_and_nothing_else_does),
		cmocka_unit_test(a_full_range_of_ids_is_told_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who takes the node's packets: registrations, what was found in the kernel, and the next hops that follow. */
#include "node/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GIGABIT = 1000000000, HOPS_MAX = 8 };

static struct prefix service(void)
{
	struct prefix p;

	assert_true(prefix_parse("10.1.1.0/24", &p, NULL));
	return p;
}

static struct ip_addr pod(unsigned n)
{
	return ip_addr_v4(0xac100100 | n);
}

/* The test's own opinion of where packets may be sent: not to pod 99. */
static bool usable(void *user, const struct ip_addr *a)
{
	(void)user;
	return (ip_addr_to_u32(a) & 0xff) != 99;
}

struct want {
	unsigned pod, weight;
};

static void expect_hops(struct node_table *t, uint64_t now_ms, const struct want *want)
{
	struct fib_next_hop nh[FIB_NEXT_HOPS_MAX];
	struct prefix p = service();
	size_t n = node_table_next_hops(t, &p, usable, NULL, now_ms, nh), wanted = 0;

	for (; want[wanted].pod; wanted++) {
		struct ip_addr a = pod(want[wanted].pod);
		size_t i = 0;

		while (i < n && !ip_addr_equal(&nh[i].addr, &a))
			i++;
		if (i == n || nh[i].weight != want[wanted].weight)
			fail_msg("pod %u: weight %u, not %u", want[wanted].pod, i < n ? nh[i].weight : 0,
				want[wanted].weight);
	}
	assert_int_equal(n, wanted);
}

#define HOPS(t, now_ms, ...) expect_hops(t, now_ms, (struct want[]){ __VA_ARGS__, { 0, 0 } })
#define NO_HOPS(t, now_ms)   expect_hops(t, now_ms, (struct want[]){ { 0, 0 } })

static struct node_member *join(struct node_table *t, unsigned n, enum node_state state, uint64_t capacity)
{
	struct prefix p = service();
	struct ip_addr a = pod(n);
	struct node_member *m = node_table_add(t, &p, &a, NULL);

	node_table_set(t, m, state, capacity);
	return m;
}

static void found(struct node_table *t, const struct want *hops)
{
	struct fib_next_hop nh[HOPS_MAX];
	struct prefix p = service();
	size_t n = 0;

	for (; hops[n].pod; n++)
		nh[n] = (struct fib_next_hop){ pod(hops[n].pod), (uint16_t)hops[n].weight };
	node_table_found(t, &p, nh, n);
}

static size_t changes(struct node_table *t)
{
	struct prefix p;
	size_t n = 0;

	while (node_table_changed(t, &p))
		n++;
	return n;
}

static void pods_share_by_capacity(void **state)
{
	struct node_table *t = node_table_new();
	struct node_member *one = join(t, 1, NODE_ANNOUNCING, GIGABIT);

	(void)state;
	HOPS(t, 0, { 1, 1 });
	join(t, 2, NODE_ANNOUNCING, GIGABIT);
	HOPS(t, 0, { 1, 1 }, { 2, 1 });
	join(t, 3, NODE_ANNOUNCING, UINT64_C(2) * GIGABIT);
	HOPS(t, 0, { 1, 1 }, { 2, 1 }, { 3, 2 });
	node_table_del(t, one);
	HOPS(t, 0, { 2, 1 }, { 3, 2 });
	node_table_free(t);
}

static void one_that_drains_has_the_lowest_weight_unless_all_do(void **state)
{
	struct node_table *t = node_table_new();
	struct node_member *one = join(t, 1, NODE_DRAINING, GIGABIT),
			   *two = join(t, 2, NODE_ANNOUNCING, GIGABIT);
	struct fib_next_hop nh[FIB_NEXT_HOPS_MAX];
	struct prefix p = service();

	(void)state;
	assert_int_equal(node_table_next_hops(t, &p, usable, NULL, 0, nh), 2);
	assert_int_equal(nh[0].weight, 1);
	assert_true(nh[1].weight >= 50);
	node_table_set(t, two, NODE_DRAINING, GIGABIT);
	HOPS(t, 0, { 1, 1 }, { 2, 1 });
	node_table_set(t, one, NODE_ANNOUNCING, GIGABIT);
	assert_int_equal(node_table_next_hops(t, &p, usable, NULL, 5000, nh), 2);
	assert_true(nh[0].weight >= 50 && nh[1].weight == 1);
	node_table_free(t);
}

static void withdrawn_ones_serve_only_where_nobody_else_does(void **state)
{
	struct node_table *t = node_table_new();
	struct node_member *one = join(t, 1, NODE_WITHDRAWN, GIGABIT),
			   *two = join(t, 2, NODE_ANNOUNCING, GIGABIT);

	(void)state;
	HOPS(t, 0, { 2, 1 });
	node_table_set(t, two, NODE_WITHDRAWN, GIGABIT);
	HOPS(t, 0, { 1, 1 }, { 2, 1 });
	node_table_set(t, one, NODE_DRAINING, GIGABIT);
	HOPS(t, 0, { 1, 1 });
	node_table_free(t);
}

static void two_announcers_of_one_pod_are_one_next_hop(void **state)
{
	struct node_table *t = node_table_new();
	struct node_member *old = join(t, 1, NODE_WITHDRAWN, GIGABIT), *new;

	(void)state;
	new = join(t, 1, NODE_ANNOUNCING, GIGABIT);
	HOPS(t, 0, { 1, 1 });
	node_table_del(t, old);
	HOPS(t, 0, { 1, 1 });
	old = join(t, 1, NODE_DRAINING, GIGABIT);
	join(t, 2, NODE_ANNOUNCING, GIGABIT);
	/* The smaller capacity counts, and who drains has none. */
	HOPS(t, 0, { 1, 1 }, { 2, 238 });
	node_table_del(t, new);
	node_table_del(t, old);
	HOPS(t, 0, { 2, 1 });
	node_table_free(t);
}

static void a_pod_that_must_not_be_used_is_left_out(void **state)
{
	struct node_table *t = node_table_new();

	(void)state;
	join(t, 99, NODE_ANNOUNCING, GIGABIT);
	NO_HOPS(t, 0);
	join(t, 1, NODE_ANNOUNCING, GIGABIT);
	HOPS(t, 0, { 1, 1 });
	node_table_free(t);
}

static void what_may_have_changed_is_told_once(void **state)
{
	struct node_table *t = node_table_new();
	struct ip_addr one = pod(1), other = pod(7);
	struct node_member *m = join(t, 1, NODE_ANNOUNCING, GIGABIT);

	(void)state;
	assert_int_equal(changes(t), 1);
	node_table_touch(t, &other);
	assert_int_equal(changes(t), 0);
	node_table_touch(t, &one);
	node_table_set(t, m, NODE_DRAINING, GIGABIT);
	assert_int_equal(changes(t), 1);
	node_table_del(t, m);
	assert_int_equal(changes(t), 1);
	NO_HOPS(t, 0);
	assert_null(node_table_next(t, NULL));
	node_table_free(t);
}

static void what_was_found_keeps_its_weights_until_all_have_come_back(void **state)
{
	struct node_table *t = node_table_new();

	(void)state;
	found(t, (struct want[]){ { 1, 1 }, { 2, 238 }, { 0, 0 } });
	HOPS(t, 0, { 1, 1 }, { 2, 238 });
	/* The draining one comes first; alone it would have the weight of any other. */
	join(t, 1, NODE_DRAINING, GIGABIT);
	HOPS(t, 0, { 1, 1 }, { 2, 238 });
	/* Who is new takes as much as the heaviest. */
	join(t, 3, NODE_ANNOUNCING, GIGABIT);
	HOPS(t, 0, { 1, 1 }, { 2, 238 }, { 3, 238 });
	join(t, 2, NODE_ANNOUNCING, GIGABIT);
	HOPS(t, 0, { 1, 1 }, { 2, 238 }, { 3, 238 });
	assert_int_equal(node_table_forget(t), 0);
	node_table_free(t);
}

static void what_nobody_names_goes_when_it_is_forgotten(void **state)
{
	struct node_table *t = node_table_new();
	struct fib_next_hop nh;

	(void)state;
	found(t, (struct want[]){ { 1, 3 }, { 2, 3 }, { 0, 0 } });
	join(t, 1, NODE_ANNOUNCING, GIGABIT);
	HOPS(t, 0, { 1, 3 }, { 2, 3 });
	assert_true(node_service_unclaimed(node_table_next(t, NULL), 0, &nh));
	assert_int_equal(ip_addr_to_u32(&nh.addr) & 0xff, 2);
	assert_false(node_service_unclaimed(node_table_next(t, NULL), 1, &nh));
	changes(t);
	assert_int_equal(node_table_forget(t), 1);
	assert_int_equal(changes(t), 1);
	HOPS(t, 0, { 1, 1 });
	node_table_free(t);
}

static void one_that_came_back_and_died_is_out_while_the_rest_is_held(void **state)
{
	struct node_table *t = node_table_new();
	struct node_member *one;

	(void)state;
	found(t, (struct want[]){ { 1, 3 }, { 2, 3 }, { 0, 0 } });
	one = join(t, 1, NODE_ANNOUNCING, GIGABIT);
	node_table_del(t, one);
	HOPS(t, 0, { 2, 3 });
	/* And when the last is named there is nothing left to hold. */
	join(t, 2, NODE_ANNOUNCING, GIGABIT);
	HOPS(t, 0, { 2, 1 });
	assert_int_equal(node_table_forget(t), 0);
	node_table_free(t);
}

static void one_that_came_back_withdrawn_is_out_beside_others(void **state)
{
	struct node_table *t = node_table_new();

	(void)state;
	found(t, (struct want[]){ { 1, 1 }, { 2, 1 }, { 0, 0 } });
	join(t, 1, NODE_WITHDRAWN, GIGABIT);
	HOPS(t, 0, { 2, 1 });
	node_table_free(t);
}

static void a_change_of_capacity_waits_for_its_second(void **state)
{
	struct node_table *t = node_table_new();
	struct node_member *one = join(t, 1, NODE_ANNOUNCING, GIGABIT);
	struct prefix p = service(), due;
	uint64_t wait_ms;

	(void)state;
	join(t, 2, NODE_ANNOUNCING, GIGABIT);
	HOPS(t, 1000, { 1, 1 }, { 2, 1 });
	node_table_set(t, one, NODE_ANNOUNCING, GIGABIT / 2);
	HOPS(t, 3000, { 1, 1 }, { 2, 2 });
	node_table_set(t, one, NODE_ANNOUNCING, GIGABIT / 4);
	HOPS(t, 3100, { 1, 1 }, { 2, 2 });
	assert_false(node_table_due(t, 3100, &due, &wait_ms));
	assert_true(wait_ms > 0 && wait_ms <= 900);
	assert_true(node_table_due(t, 4000, &due, &wait_ms));
	assert_true(prefix_equal(&due, &p));
	HOPS(t, 4000, { 1, 30 }, { 2, 119 });
	node_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods_share_by_capacity),
		cmocka_unit_test(one_that_drains_has_the_lowest_weight_unless_all_do),
		cmocka_unit_test(withdrawn_ones_serve_only_where_nobody_else_does),
		cmocka_unit_test(two_announcers_of_one_pod_are_one_next_hop),
		cmocka_unit_test(a_pod_that_must_not_be_used_is_left_out),
		cmocka_unit_test(what_may_have_changed_is_told_once),
		cmocka_unit_test(what_was_found_keeps_its_weights_until_all_have_come_back),
		cmocka_unit_test(what_nobody_names_goes_when_it_is_forgotten),
		cmocka_unit_test(one_that_came_back_and_died_is_out_while_the_rest_is_held),
		cmocka_unit_test(one_that_came_back_withdrawn_is_out_beside_others),
		cmocka_unit_test(a_change_of_capacity_waits_for_its_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

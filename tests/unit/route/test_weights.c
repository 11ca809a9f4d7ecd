/* Weights by link bandwidth: every rule of src/route/weights.h, with tables. */
#include "route/weight_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NONE ROUTE_BANDWIDTH_NONE

enum { MAX = 8 };

struct balancer {
	unsigned originator, next_hop; /* the last octets of 10.9.9.x and 10.0.0.x */
	float bandwidth;
};

static size_t fill(struct route_balancer *out, const struct balancer *in)
{
	size_t n = 0;

	for (; in[n].originator; n++)
		out[n] = (struct route_balancer){ .next_hop = ip_addr_v4(0x0a000000 | in[n].next_hop),
			.originator_id = 0x0a090900 | in[n].originator,
			.bandwidth = in[n].bandwidth };
	return n;
}

/* Ends with a weight of 0. */
static void expect_weights(const struct route_next_hop *got, size_t count, const uint16_t *weight)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(got[i].weight, weight[i]);
	assert_int_equal(weight[count], 0);
}

struct row {
	double unit;
	struct balancer list[MAX];
	uint16_t weight[MAX]; /* by next hop */
};

static void expect_rows(const struct row *row, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct route_weights w = { 0 };
		struct route_balancer list[MAX];
		struct route_next_hop nh[MAX];
		size_t n = route_balancers_merge(list, fill(list, row[i].list));

		assert_int_equal(route_weights_update(&w, list, n, 5000), 0);
		expect_weights(nh, route_weights_next_hops(&w, row[i].unit, nh, MAX), row[i].weight);
		route_weights_fini(&w);
	}
}

#define EXPECT(rows) expect_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void without_bandwidth_each_balancer_weighs_one(void **state)
{
	static const struct row rows[] = {
		{ 0, { { 1, 5, NONE }, { 2, 6, NONE } }, { 1, 1 } },
		{ 0, { { 1, 5, NONE }, { 2, 5, NONE }, { 3, 6, NONE } }, { 2, 1 } },
		{ 100, { { 1, 5, NONE }, { 2, 5, NONE }, { 3, 6, NONE } }, { 2, 1 } },
	};

	(void)state;
	EXPECT(rows);
}

static void two_pods_on_one_node_add_up(void **state)
{
	static const struct row rows[] = {
		{ 10, { { 1, 5, 100 }, { 2, 5, 50 }, { 3, 6, 100 } }, { 15, 10 } },
	};

	(void)state;
	EXPECT(rows);
}

static void one_pod_heard_twice_counts_once_and_the_smaller_bandwidth_wins(void **state)
{
	static const struct row rows[] = {
		{ 10, { { 1, 5, 100 }, { 1, 5, 100 }, { 3, 6, 100 } }, { 10, 10 } },
		{ 10, { { 1, 5, 100 }, { 1, 5, 40 }, { 3, 6, 100 } }, { 4, 10 } },
		{ 10, { { 1, 5, 40 }, { 1, 5, 100 }, { 3, 6, 100 } }, { 4, 10 } },
		/* one that says something beats one that does not */
		{ 10, { { 1, 5, NONE }, { 1, 5, 40 }, { 3, 6, 100 } }, { 4, 10 } },
		{ 10, { { 1, 5, 40 }, { 1, 5, NONE }, { 3, 6, 100 } }, { 4, 10 } },
		{ 10, { { 1, 5, 1000 }, { 1, 5, 0 }, { 3, 6, 1000 } }, { 1, 100 } },
	};

	(void)state;
	EXPECT(rows);
}

static void a_configured_unit_divides_and_is_doubled_when_a_weight_would_not_fit(void **state)
{
	static const struct row rows[] = {
		{ 125e6, { { 1, 5, 125e6f }, { 2, 6, 1250e6f } }, { 1, 10 } },
		{ 100, { { 1, 5, 149 }, { 2, 6, 151 } }, { 1, 2 } },
		{ 100, { { 1, 5, 1 }, { 2, 6, 25500 } }, { 1, 255 } },
		{ 100, { { 1, 5, 1000 }, { 2, 6, 25600 } }, { 5, 128 } },
	};

	(void)state;
	EXPECT(rows);
}

static void the_chosen_unit_is_the_smallest_power_of_two_that_fits(void **state)
{
	static const struct row rows[] = {
		{ 0, { { 1, 5, 255 }, { 2, 6, 51 } }, { 5, 1 } }, /* the common divisor is taken out */
		{ 0, { { 1, 5, 256 }, { 2, 6, 65 } }, { 128, 33 } },
		{ 0, { { 1, 5, 125e6f }, { 2, 6, 1250e6f } }, { 15, 149 } }, /* 2^23 */
		{ 0, { { 1, 5, 1 }, { 2, 6, 2 }, { 3, 7, 3 } }, { 1, 2, 3 } },
		{ 0, { { 1, 5, 0.001f }, { 2, 6, 0.002f } }, { 66, 131 } },
		{ 0, { { 1, 5, 3e38f }, { 2, 5, 3e38f }, { 3, 6, 3e38f } }, { 2, 1 } },
		{ 0, { { 1, 5, 1e-45f }, { 2, 6, 1 } }, { 1, 128 } },
		{ 0, { { 1, 5, 1e-45f } }, { 1 } },
		/* what all behind one next hop carry together must fit */
		{ 0, { { 1, 5, 200 }, { 2, 5, 200 }, { 3, 6, 201 } }, { 200, 101 } },
	};

	(void)state;
	EXPECT(rows);
}

static void who_says_nothing_weighs_the_median_of_the_others(void **state)
{
	static const struct row rows[] = {
		{ 10, { { 1, 5, 100 }, { 2, 6, NONE } }, { 10, 10 } },
		{ 10, { { 1, 5, 100 }, { 2, 6, 300 }, { 3, 7, 2000 }, { 4, 8, NONE } }, { 10, 30, 200, 30 } },
		{ 10, { { 1, 5, 100 }, { 2, 6, 300 }, { 4, 8, NONE } }, { 10, 30, 20 } },
		/* who drains has no say in it */
		{ 1, { { 1, 5, 0 }, { 2, 6, 100 }, { 3, 7, NONE } }, { 1, 100, 100 } },
	};

	(void)state;
	EXPECT(rows);
}

static void who_drains_weighs_one_beside_others_of_at_least_fifty(void **state)
{
	static const struct row rows[] = {
		{ 10, { { 1, 5, 10 }, { 2, 6, 10 }, { 3, 7, 0 } }, { 50, 50, 1 } },
		{ 10, { { 1, 5, 10 }, { 2, 6, 30 }, { 3, 7, 0 } }, { 50, 150, 1 } },
		/* heavy enough already */
		{ 10, { { 1, 5, 600 }, { 2, 6, 900 }, { 3, 7, 0 } }, { 60, 90, 1 } },
		{ 0, { { 1, 5, 128 }, { 2, 6, 255 }, { 3, 7, 0 } }, { 128, 255, 1 } },
		/* proportions hold: the smallest has its 50 only where the largest leaves room */
		{ 0, { { 1, 5, 100 }, { 2, 6, 1000 }, { 3, 7, 0 } }, { 26, 255, 1 } },
		/* nobody else says a bandwidth */
		{ 0, { { 1, 5, NONE }, { 2, 5, NONE }, { 3, 6, NONE }, { 4, 7, 0 } }, { 100, 50, 1 } },
		/* one of two pods of a node: the other one's share stays */
		{ 10, { { 1, 5, 1000 }, { 2, 5, 0 }, { 3, 6, 1000 } }, { 100, 100 } },
	};

	(void)state;
	EXPECT(rows);
}

static void when_all_drain_they_stay_with_equal_weights(void **state)
{
	static const struct row rows[] = {
		{ 0, { { 1, 5, 0 }, { 2, 6, 0 } }, { 1, 1 } },
		{ 10, { { 1, 5, 0 }, { 2, 5, 0 }, { 3, 6, 0 } }, { 2, 1 } },
		{ 0, { { 1, 5, 0 } }, { 1 } },
	};

	(void)state;
	EXPECT(rows);
}

static void of_too_many_next_hops_the_lowest_are_taken(void **state)
{
	static const struct balancer all[] = { { 2, 6, 100 }, { 1, 5, 0 }, { 3, 7, 200 }, { 0 } };
	struct route_balancer list[MAX];
	struct route_next_hop nh[MAX];
	struct route_weights w = { 0 };
	size_t n = route_balancers_merge(list, fill(list, all));

	(void)state;
	route_weights_update(&w, list, n, 0);
	assert_int_equal(route_weights_next_hops(&w, 0, nh, 1), 1);
	assert_int_equal(ip_addr_to_u32(&nh[0].addr), 0x0a000005);
	assert_int_equal(nh[0].weight, 1);
	assert_int_equal(route_weights_next_hops(&w, 0, nh, 2), 2);
	assert_int_equal(ip_addr_to_u32(&nh[1].addr), 0x0a000006);
	route_weights_fini(&w);
}

/* What happens to one prefix in time. */
struct moment {
	uint64_t now_ms;
	struct balancer list[MAX];
	uint16_t weight[MAX];
	uint64_t wait_ms; /* from then */
};

static void expect_moments(double unit, const struct moment *m, size_t count)
{
	struct route_weights w = { 0 };

	for (size_t i = 0; i < count; i++) {
		struct route_balancer list[MAX];
		struct route_next_hop nh[MAX];
		size_t n = route_balancers_merge(list, fill(list, m[i].list));

		assert_int_equal(route_weights_update(&w, list, n, m[i].now_ms), m[i].wait_ms);
		expect_weights(nh, route_weights_next_hops(&w, unit, nh, MAX), m[i].weight);
	}
	route_weights_fini(&w);
}

#define EXPECT_MOMENTS(unit, m) expect_moments(unit, m, sizeof(m) / sizeof((m)[0]))

static void less_than_ten_percent_is_no_change_but_it_adds_up(void **state)
{
	static const struct moment m[] = {
		{ 0, { { 1, 5, 1000 }, { 2, 6, 1000 } }, { 100, 100 }, 0 },
		{ 5000, { { 1, 5, 1090 }, { 2, 6, 910 } }, { 100, 100 }, 0 },
		{ 6000, { { 1, 5, 1100 }, { 2, 6, 901 } }, { 110, 100 }, 0 },
		{ 8000, { { 1, 5, 1010 }, { 2, 6, 900 } }, { 110, 90 }, 0 },
	};

	(void)state;
	EXPECT_MOMENTS(10, m);
}

static void weights_move_at_most_once_a_second(void **state)
{
	static const struct moment m[] = {
		{ 1000, { { 1, 5, 1000 }, { 2, 6, 1000 } }, { 100, 100 }, 0 },
		{ 1100, { { 1, 5, 2000 }, { 2, 6, 1000 } }, { 100, 100 }, 900 },
		{ 1999, { { 1, 5, 2000 }, { 2, 6, 1500 } }, { 100, 100 }, 1 },
		{ 2000, { { 1, 5, 2000 }, { 2, 6, 1500 } }, { 200, 150 }, 0 },
		/* one that came back needs not wait */
		{ 2100, { { 1, 5, 500 }, { 2, 6, 1500 } }, { 200, 150 }, 900 },
		{ 2200, { { 1, 5, 2000 }, { 2, 6, 1500 } }, { 200, 150 }, 0 },
		/* the attribute comes or goes: a change like another */
		{ 2300, { { 1, 5, 2000 }, { 2, 6, NONE } }, { 200, 150 }, 700 },
		{ 3000, { { 1, 5, 2000 }, { 2, 6, NONE } }, { 200, 200 }, 0 },
	};

	(void)state;
	EXPECT_MOMENTS(10, m);
}

static void a_drain_is_immediate_and_its_end_is_not(void **state)
{
	static const struct moment m[] = {
		{ 1000, { { 1, 5, 1000 }, { 2, 6, 1000 } }, { 100, 100 }, 0 },
		{ 1001, { { 1, 5, 0 }, { 2, 6, 2000 } }, { 1, 100 }, 1000 },
		{ 1002, { { 1, 5, 1000 }, { 2, 6, 2000 } }, { 1, 100 }, 999 },
		{ 2001, { { 1, 5, 1000 }, { 2, 6, 2000 } }, { 100, 200 }, 0 },
	};

	(void)state;
	EXPECT_MOMENTS(10, m);
}

static void who_comes_or_goes_does_so_at_once_and_moves_nobody_else(void **state)
{
	static const struct moment m[] = {
		{ 1000, { { 1, 5, 1000 }, { 2, 6, 1000 } }, { 100, 100 }, 0 },
		{ 1100, { { 1, 5, 1050 }, { 2, 6, 1000 }, { 3, 7, 500 } }, { 100, 100, 50 }, 0 },
		{ 1200, { { 1, 5, 3000 }, { 3, 7, 500 } }, { 100, 50 }, 800 },
	};

	(void)state;
	EXPECT_MOMENTS(10, m);
}

static void the_chosen_unit_changes_only_when_forced(void **state)
{
	static const struct moment m[] = {
		{ 0, { { 1, 5, 201 }, { 2, 6, 100 } }, { 201, 100 }, 0 },
		/* half the unit would fit now */
		{ 1000, { { 1, 5, 100.5f }, { 2, 6, 100 } }, { 101, 100 }, 0 },
		{ 2000, { { 1, 5, 10.25f }, { 2, 6, 10 } }, { 1, 1 }, 0 },
		/* forced: it does not fit */
		{ 3000, { { 1, 5, 300 }, { 2, 6, 103 } }, { 75, 26 }, 0 },
		{ 4000, { { 1, 5, 200 }, { 2, 6, 91 } }, { 50, 23 }, 0 },
		/* forced: 10 % would not show */
		{ 5000, { { 1, 5, 18.1f }, { 2, 6, 9 } }, { 145, 72 }, 0 },
	};

	(void)state;
	EXPECT_MOMENTS(0, m);
}

/* --- the table --- */

static struct prefix prefix_from(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p, NULL));
	return p;
}

static void tell(struct route_weight_table *t, double unit, const char *prefix, const struct balancer *b,
	uint64_t now_ms, const uint16_t *weight)
{
	struct prefix p = prefix_from(prefix);
	struct route_balancer list[MAX];
	struct route_next_hop nh[MAX];

	expect_weights(
		nh, route_weight_table_next_hops(t, &p, unit, list, fill(list, b), now_ms, nh, MAX), weight);
}

#define LIST(...)    ((const struct balancer[]){ __VA_ARGS__, { 0 } })
#define WEIGHTS(...) ((const uint16_t[]){ __VA_ARGS__, 0 })

static void only_prefixes_with_bandwidth_take_memory(void **state)
{
	struct route_weight_table *t = route_weight_table_new();
	struct prefix gone = prefix_from("2001:db8::/64");

	(void)state;
	tell(t, 10, "10.1.1.0/24", LIST({ 1, 5, NONE }, { 2, 6, NONE }), 0, WEIGHTS(1, 1));
	assert_int_equal(route_weight_table_count(t), 0);
	tell(t, 10, "10.1.1.0/24", LIST({ 1, 5, 100 }, { 2, 6, NONE }), 0, WEIGHTS(10, 10));
	tell(t, 10, "2001:db8::/64", LIST({ 1, 5, 100 }), 0, WEIGHTS(10));
	assert_int_equal(route_weight_table_count(t), 2);
	assert_true(route_weight_table_bytes(t) > 3 * sizeof(struct route_balancer));
	/* all bandwidth goes: after its second the state does */
	tell(t, 10, "10.1.1.0/24", LIST({ 1, 5, NONE }, { 2, 6, NONE }), 2000, WEIGHTS(1, 1));
	assert_int_equal(route_weight_table_count(t), 1);
	/* the prefix goes */
	assert_int_equal(route_weight_table_next_hops(t, &gone, 10, NULL, 0, 100, NULL, MAX), 0);
	assert_int_equal(route_weight_table_count(t), 0);
	assert_int_equal(route_weight_table_next_hops(t, &gone, 10, NULL, 0, 100, NULL, MAX), 0);
	route_weight_table_free(t);
}

static void what_waits_is_due_after_its_second(void **state)
{
	struct route_weight_table *t = route_weight_table_new();
	struct prefix p, expected = prefix_from("10.1.1.0/24");
	uint64_t wait_ms;

	(void)state;
	tell(t, 10, "10.1.1.0/24", LIST({ 1, 5, 100 }, { 2, 6, 100 }), 1000, WEIGHTS(10, 10));
	assert_false(route_weight_table_due(t, 1000, &p, &wait_ms));
	assert_true(wait_ms == UINT64_MAX);
	tell(t, 10, "10.1.1.0/24", LIST({ 1, 5, 100 }, { 2, 6, 300 }), 1100, WEIGHTS(10, 10));
	tell(t, 10, "10.1.1.0/24", LIST({ 1, 5, 100 }, { 2, 6, 200 }), 1200, WEIGHTS(10, 10));
	assert_false(route_weight_table_due(t, 1300, &p, &wait_ms));
	assert_int_equal(wait_ms, 700);
	assert_true(route_weight_table_due(t, 2000, &p, &wait_ms));
	assert_true(prefix_equal(&p, &expected));
	assert_false(route_weight_table_due(t, 2000, &p, &wait_ms));
	tell(t, 10, "10.1.1.0/24", LIST({ 1, 5, 100 }, { 2, 6, 200 }), 2000, WEIGHTS(10, 20));
	/* gone while it waits */
	tell(t, 10, "10.1.1.0/24", LIST({ 1, 5, 100 }, { 2, 6, 300 }), 2100, WEIGHTS(10, 20));
	tell(t, 10, "10.1.1.0/24", LIST({ 0 }), 2200, WEIGHTS(0));
	assert_false(route_weight_table_due(t, 9000, &p, &wait_ms));
	assert_true(wait_ms == UINT64_MAX);
	assert_int_equal(route_weight_table_count(t), 0);
	route_weight_table_free(t);
}

static void a_prefix_without_paths_is_forgotten_at_once_even_while_a_change_waits(void **state)
{
	struct route_weight_table *t = route_weight_table_new();

	(void)state;
	tell(t, 0, "10.1.1.0/24", LIST({ 1, 5, 100 }), 1000, WEIGHTS(1));
	tell(t, 0, "10.1.1.0/24", LIST({ 1, 5, NONE }), 1100, WEIGHTS(1));
	assert_int_equal(route_weight_table_count(t), 1);
	tell(t, 0, "10.1.1.0/24", LIST({ 0 }), 1200, WEIGHTS(0));
	assert_int_equal(route_weight_table_count(t), 0);
	route_weight_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_bandwidth_each_balancer_weighs_one),
		cmocka_unit_test(two_pods_on_one_node_add_up),
		cmocka_unit_test(one_pod_heard_twice_counts_once_and_the_smaller_bandwidth_wins),
		cmocka_unit_test(a_configured_unit_divides_and_is_doubled_when_a_weight_would_not_fit),
		cmocka_unit_test(the_chosen_unit_is_the_smallest_power_of_two_that_fits),
		cmocka_unit_test(who_says_nothing_weighs_the_median_of_the_others),
		cmocka_unit_test(who_drains_weighs_one_beside_others_of_at_least_fifty),
		cmocka_unit_test(when_all_drain_they_stay_with_equal_weights),
		cmocka_unit_test(of_too_many_next_hops_the_lowest_are_taken),
		cmocka_unit_test(less_than_ten_percent_is_no_change_but_it_adds_up),
		cmocka_unit_test(weights_move_at_most_once_a_second),
		cmocka_unit_test(a_drain_is_immediate_and_its_end_is_not),
		cmocka_unit_test(who_comes_or_goes_does_so_at_once_and_moves_nobody_else),
		cmocka_unit_test(the_chosen_unit_changes_only_when_forced),
		cmocka_unit_test(only_prefixes_with_bandwidth_take_memory),
		cmocka_unit_test(what_waits_is_due_after_its_second),
		cmocka_unit_test(a_prefix_without_paths_is_forgotten_at_once_even_while_a_change_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The plan against a model of the kernel: random sequences end where they should; and listings. */
#include "plan_model.h"

#include <errno.h>
#include <stdio.h>

/* --- random sequences --- */

/* Somebody else, or the kernel itself, takes something out. */
static void lose_something(struct model *m)
{
	size_t i = draw(m, PREFIXES);
	struct prefix p = prefix_nr(i);

	if (draw(m, 2) && m->route[i].there) {
		m->route[i].there = false;
		plan_lost_route(m->plan, &p);
	} else if (!m->classic && m->route[i].there) {
		if (draw(m, 2))
			flush_group(m, m->route[i].group);
		else
			flush_hop(m, m->group[m->route[i].group - ID_BASE].member[0]);
		list_kernel(m, draw(m, 2));
	}
}

static void one_random_step(struct model *m)
{
	switch (draw(m, 12)) {
	case 4:
		lose_something(m);
		break;
	case 0:
		m->reachable[draw(m, HOPS)] = draw(m, 3);
		resolve(m, PLAN_ASK_ALL);
		break;
	case 1: { /* all routes with one set go to another */
		unsigned from = m->wished[draw(m, PREFIXES)], to = 1 + draw(m, (1u << HOPS) - 1);

		for (size_t i = 0; i < PREFIXES; i++)
			if (m->wished[i] == from && m->weight[i] == 1)
				wish(m, i, to, 1);
		break;
	}
	case 2:
		if (draw(m, 4) == 0)
			plan_clear(m->plan), memset(m->wished, 0, sizeof(m->wished));
		break;
	case 3: /* few sets, so that they are shared */
		for (size_t i = 0; i < PREFIXES; i += 3)
			wish(m, i, 3, 1);
		break;
	default:
		wish(m, draw(m, PREFIXES), draw(m, 1u << HOPS), (uint16_t)(1 + draw(m, 2)));
	}
}

/* Up to three batches are written before the results of the first are told; wishes come in between. */
static void random_batches(struct model *m, bool with_wishes)
{
	struct plan_batch b[3] = { 0 };
	size_t count = 0;

	while (count <= draw(m, 3) && count < 3 && !plan_has_new(m->plan) &&
		plan_run(m->plan, 1 + draw(m, 30), draw(m, 2), &b[count])) {
		run_batch(m, &b[count++]);
		for (uint32_t i = with_wishes ? draw(m, 3) : 0; i > 0; i--)
			wish(m, draw(m, PREFIXES), draw(m, 1u << HOPS), 1);
	}
	m->most_under_way = count > m->most_under_way ? count : m->most_under_way;
	for (size_t i = 0; i < count; i++)
		plan_done(m->plan, &b[i]);
	for (size_t i = 0; i < 3; i++)
		plan_batch_fini(&b[i]);
}

static void random_run(bool classic, unsigned fail_one_in, uint32_t seed)
{
	struct model *m = model_new(classic);

	m->some_resilient = seed % 2;

	m->random = seed;
	for (int round = 0; round < 3000; round++) {
		for (uint32_t i = draw(m, 6); i > 0; i--)
			one_random_step(m);
		m->fail_one_in = round % 20 < 15 ? fail_one_in : 0;
		resolve(m, PLAN_ASK_NEW);
		random_batches(m, fail_one_in || classic);
		if (round % 20 != 19)
			continue;
		resolve(m, PLAN_ASK_ALL);
		plan_retry(m->plan);
		commit(m, 1 + draw(m, 30));
		check_equal(m);
		if (!classic && draw(m, 2))
			restart(m);
	}
	assert_in_range(m->most_under_way, classic ? 1 : 2, classic ? 1 : 3);
	memset(m->wished, 0, sizeof(m->wished));
	plan_clear(m->plan);
	m->fail_one_in = 0;
	commit(m, 7);
	check_equal(m);
	assert_int_equal(plan_stats(m->plan).routes, 0);
	assert_int_equal(plan_stats(m->plan).groups, 0);
	model_free(m);
}

static void random_wishes_end_where_they_should(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 5; seed++)
		random_run(false, 0, seed);
}

static void random_wishes_end_where_they_should_though_the_kernel_refuses_some(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 5; seed++)
		random_run(false, 9, seed);
}

static void random_wishes_end_where_they_should_in_classic_mode(void **state)
{
	(void)state;
	random_run(true, 0, 1);
	random_run(true, 9, 2);
}

/* --- listings --- */

enum { LISTED = 12007 };

/* Prefixes in their order: all lengths; many IPv6 ones that differ only behind the first 64 bits. */
static struct prefix sorted_prefix(size_t i, size_t of)
{
	struct prefix p = { .family = i < of / 2 ? IP_V4 : IP_V6 };
	size_t nr = p.family == IP_V4 ? i : i - of / 2;

	if (p.family == IP_V4) {
		p.bytes[0] = (uint8_t)(nr >> 8);
		p.bytes[1] = (uint8_t)(nr & 0xf8);
		p.len = (uint8_t)(14 + (nr & 7));
	} else {
		p.bytes[0] = 0xfd;
		p.bytes[6] = (uint8_t)(nr >> 12);
		p.bytes[14] = (uint8_t)(nr >> 2);
		p.bytes[13] = (uint8_t)(nr >> 10 & 3);
		p.len = (uint8_t)(125 + (nr & 3));
	}
	prefix_mask(&p);
	return p;
}

static void switch_route(struct plan *plan, bool *in, const struct prefix *p)
{
	const struct fib_next_hop nh = { hop_nr(0), 1 };

	if (*in)
		plan_del(plan, p);
	else
		plan_set(plan, p, 0, &nh, 1);
	*in = !*in;
}

/* None can be reached, so there is nothing to be done but to forget what is not wished. */
static void settle(struct plan *plan)
{
	struct plan_batch b = { 0 };

	assert_false(plan_run(plan, SIZE_MAX, true, &b));
	plan_batch_fini(&b);
}

static void check_listing(const struct plan *plan, const bool *in, const struct prefix *p)
{
	struct plan_rows *rows = plan_rows_new();
	struct plan_view v;

	for (size_t k = 0; k < LISTED; k++) {
		if (!in[k])
			continue;
		assert_true(plan_rows_next(plan, rows, &v));
		assert_true(prefix_equal(&v.prefix, &p[k]));
	}
	assert_false(plan_rows_next(plan, rows, &v));
	assert_false(plan_rows_next(plan, rows, &v));
	plan_rows_free(rows);
}

/* What stays is listed once and in its place, though others come and go. */
static void check_moving_listing(struct plan *plan, bool *in, const struct prefix *p, struct model *m)
{
	struct plan_rows *rows = plan_rows_new();
	struct prefix last = { 0 };
	size_t stayed = 0, odd = 0;
	struct plan_view v;

	for (size_t k = 0; k < LISTED; k++)
		odd += k % 2 && in[k];
	while (plan_rows_next(plan, rows, &v)) {
		assert_true(prefix_cmp(&v.prefix, &last) > 0);
		last = v.prefix;
		for (size_t k = 1; k < LISTED; k += 2)
			if (in[k] && prefix_equal(&p[k], &last))
				stayed++;
		for (int n = 0; n < 3; n++) {
			size_t k = draw(m, LISTED / 2) * 2;

			switch_route(plan, &in[k], &p[k]);
		}
		settle(plan);
	}
	assert_int_equal(stayed, odd);
	plan_rows_free(rows);
}

static void listings_are_sorted_while_routes_come_and_go(void **state)
{
	static struct prefix p[LISTED];
	static bool in[LISTED];
	struct plan *plan = new_plan(false);
	struct model m = { .random = 99 };

	(void)state;
	check_listing(plan, in, p);
	for (size_t i = 0; i < LISTED; i++)
		p[i] = sorted_prefix(i, LISTED);
	for (size_t i = 0; i < LISTED; i++)
		switch_route(plan, &in[i * 1103 % LISTED], &p[i * 1103 % LISTED]);
	check_listing(plan, in, p);
	check_moving_listing(plan, in, p, &m);
	for (int round = 0; round < 20; round++) {
		for (int n = 0; n < 2000; n++) {
			size_t i = draw(&m, LISTED);

			switch_route(plan, &in[i], &p[i]);
		}
		settle(plan);
		check_listing(plan, in, p);
	}
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_wishes_end_where_they_should),
		cmocka_unit_test(random_wishes_end_where_they_should_though_the_kernel_refuses_some),
		cmocka_unit_test(random_wishes_end_where_they_should_in_classic_mode),
		cmocka_unit_test(listings_are_sorted_while_routes_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "control/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct metrics_family apples = { "farm_apples", METRICS_GAUGE, "Apples by tree." };
static const struct metrics_family picked = { "farm_picked_total", METRICS_COUNTER, "Apples picked." };
static const struct metrics_family size = { "farm_size_ha", METRICS_GAUGE, "The farm." };

struct farm {
	unsigned trees, calls, freed;
};

/* One tree a call, none from the second, and more than one piece from the third. */
static bool more(void *state, struct metrics *m)
{
	struct farm *f = state;

	switch (f->calls++) {
	case 0:
		metrics_add(m, &apples, 7, "tree", "old \"one\"\n", "colour", "red", NULL);
		metrics_add_real(m, &size, 1.5, NULL);
		return true;
	case 1:
		return true;
	default:
		for (unsigned i = 0; i < f->trees; i++)
			metrics_add(m, &picked, UINT64_C(1) << 53, NULL);
		return false;
	}
}

static void farm_done(void *state)
{
	((struct farm *)state)->freed++;
}

static void expect_row(struct control_answer *a, const char *text)
{
	char err[256] = "", *got;
	struct row *r = a->next(a->state, err);

	assert_non_null(r);
	got = row_format(r);
	assert_string_equal(got, text);
	assert_string_equal(err, "");
	free(got);
	row_free(r);
}

static void samples_become_rows_a_few_at_a_time(void **state)
{
	struct farm f = { .trees = 100 };
	struct control_answer a;
	char err[256];

	(void)state;
	metrics_answer(&a, more, &f, farm_done);
	assert_int_equal(f.calls, 0);
	expect_row(&a, "{\"name\":\"farm_apples\",\"type\":\"gauge\",\"help\":\"Apples by tree.\","
		       "\"labels\":{\"tree\":\"old \\\"one\\\"\\n\",\"colour\":\"red\"},\"value\":7}");
	expect_row(&a, "{\"name\":\"farm_size_ha\",\"type\":\"gauge\",\"help\":\"The farm.\",\"labels\":{},"
		       "\"value\":1.5}");
	assert_int_equal(f.calls, 1);
	for (unsigned i = 0; i < f.trees; i++)
		expect_row(&a, "{\"name\":\"farm_picked_total\",\"type\":\"counter\",\"help\":\"Apples "
			       "picked.\",\"labels\":{},\"value\":9007199254740992}");
	assert_int_equal(f.calls, 3);
	assert_null(a.next(a.state, err));
	assert_null(a.next(a.state, err));
	assert_int_equal(f.calls, 3);
	a.done(a.state);
	assert_int_equal(f.freed, 1);
}

static bool one_histogram(void *state, struct metrics *m)
{
	static const struct metrics_family age = { "farm_age_years", METRICS_HISTOGRAM, "Of trees." };
	const double bound[] = { 0.5, 10 };
	const uint64_t count[] = { 2, 3, 1 };

	(void)state;
	metrics_add_histogram(m, &age, bound, 2, count, 40.5);
	return false;
}

static void a_histogram_is_told_in_sums_from_below(void **state)
{
#define HEAD "{\"name\":\"farm_age_years\",\"type\":\"histogram\",\"help\":\"Of trees.\",\"labels\":"
	struct control_answer a;

	(void)state;
	metrics_answer(&a, one_histogram, NULL, NULL);
	expect_row(&a, HEAD "{\"le\":\"0.5\"},\"sample\":\"bucket\",\"value\":2}");
	expect_row(&a, HEAD "{\"le\":\"10\"},\"sample\":\"bucket\",\"value\":5}");
	expect_row(&a, HEAD "{\"le\":\"+Inf\"},\"sample\":\"bucket\",\"value\":6}");
	expect_row(&a, HEAD "{},\"sample\":\"sum\",\"value\":40.5}");
	expect_row(&a, HEAD "{},\"sample\":\"count\",\"value\":6}");
	a.done(a.state);
}

/* The sanitizers see what is forgotten. */
static void an_answer_may_end_anywhere(void **state)
{
	struct farm f = { .trees = 3 };
	struct control_answer a;
	char err[256];

	(void)state;
	metrics_answer(&a, more, &f, farm_done);
	row_free(a.next(a.state, err));
	a.done(a.state);
	assert_int_equal(f.freed, 1);
	metrics_answer(&a, more, &f, NULL);
	a.done(a.state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_become_rows_a_few_at_a_time),
		cmocka_unit_test(a_histogram_is_told_in_sums_from_below),
		cmocka_unit_test(an_answer_may_end_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who is watched, when it is asked about, and what is news. */
#include "kernel/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ip_addr addr(unsigned last)
{
	return ip_addr_v4(0x0a000000 | last);
}

static struct plan_resolution way(unsigned gateway, uint32_t metric)
{
	struct plan_resolution r = { .reachable = true, .ifindex = 2, .metric = metric };

	r.gateway = addr(gateway);
	strcpy(r.interface, "eth0");
	return r;
}

static bool resolve(struct watch_list *w, unsigned last, struct plan_resolution r)
{
	struct ip_addr a = addr(last);

	return watch_resolve(w, &a, &r);
}

static void add(struct watch_list *w, unsigned last)
{
	struct ip_addr a = addr(last);

	watch_add(w, &a);
}

/* How many are asked about beside the first ones of the plan. */
static size_t asked(struct watch_list *w, enum plan_ask which, unsigned of_plan)
{
	struct ip_addr *list = malloc((of_plan + 1) * sizeof(*list));
	size_t n;

	for (unsigned i = 0; i < of_plan; i++)
		list[i] = addr(i + 1);
	n = watch_ask(w, which, &list, of_plan);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			assert_false(ip_addr_equal(&list[i], &list[k]));
	free(list);
	return n - of_plan;
}

static void who_is_to_be_asked_about(void **state)
{
	struct watch_list w = { 0 };

	(void)state;
	assert_int_equal(asked(&w, PLAN_ASK_ALL, 2), 0);
	for (unsigned i = 1; i <= 4; i++)
		add(&w, i);
	add(&w, 4);
	assert_int_equal(w.unknown, 4);
	assert_int_equal(asked(&w, PLAN_ASK_NEW, 0), 4);
	assert_int_equal(asked(&w, PLAN_ASK_NEW, 3), 1);
	assert_true(resolve(&w, 1, way(1, 0)));
	assert_true(resolve(&w, 2, (struct plan_resolution){ .why = "no" }));
	assert_int_equal(w.unknown, 2);
	assert_int_equal(w.unreachable, 1);
	assert_int_equal(asked(&w, PLAN_ASK_NEW, 0), 2);
	assert_int_equal(asked(&w, PLAN_ASK_UNREACHABLE, 0), 3);
	assert_int_equal(asked(&w, PLAN_ASK_ALL, 0), 4);
	watch_list_fini(&w);
}

static void only_what_differs_is_news(void **state)
{
	static const char one[] = "one", other[] = "other";
	struct watch_list w = { 0 };

	(void)state;
	assert_false(resolve(&w, 1, way(1, 0)));
	add(&w, 1);
	assert_true(resolve(&w, 1, way(1, 0)));
	assert_false(resolve(&w, 1, way(1, 0)));
	assert_true(resolve(&w, 1, way(9, 0)));
	assert_true(resolve(&w, 1, way(9, 20)));
	assert_true(resolve(&w, 1, (struct plan_resolution){ .why = one }));
	assert_false(resolve(&w, 1, (struct plan_resolution){ .why = one }));
	assert_true(resolve(&w, 1, (struct plan_resolution){ .why = other }));
	assert_int_equal(w.unreachable, 1);
	assert_true(resolve(&w, 1, way(9, 20)));
	assert_int_equal(w.unreachable, 0);
	watch_list_fini(&w);
}

static void who_is_forgotten_is_new_again(void **state)
{
	struct watch_list w = { 0 };
	struct ip_addr a = addr(1);

	(void)state;
	watch_del(&w, &a);
	add(&w, 1);
	assert_true(watch_has(&w, &a));
	assert_true(resolve(&w, 1, (struct plan_resolution){ .why = "no" }));
	watch_del(&w, &a);
	assert_false(watch_has(&w, &a));
	assert_int_equal(w.unreachable, 0);
	assert_int_equal(w.unknown, 0);
	add(&w, 1);
	assert_int_equal(w.unknown, 1);
	assert_true(resolve(&w, 1, (struct plan_resolution){ .why = "no" }));
	watch_list_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_to_be_asked_about),
		cmocka_unit_test(only_what_differs_is_news),
		cmocka_unit_test(who_is_forgotten_is_new_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

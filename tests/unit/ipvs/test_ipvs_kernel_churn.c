/*
 * A thousand servers and ten thousand random changes on a real kernel, which at the end has what is wished, in order; and how
 * long one change takes. Skipped where there is no IPVS.
 */
#include "lab.h"

#include "base/mem.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { SERVERS = 1000, CHANGES = 10000, TIMED = 50 };

static const struct ipvs_config config = { .mh_table_size = 4093 };

static int clear(void **state)
{
	(void)state;
	lab_sh("ipvsadm -C");
	return 0;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* --- the world: for each server, its weight, or that it is not wished --- */

struct world {
	int32_t weight[SERVERS]; /* below 0: not wished */
	uint32_t random;
};

static uint32_t draw(struct world *w, uint32_t below)
{
	w->random = w->random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)w->random * below >> 32);
}

static void change(struct world *w)
{
	int32_t *weight = &w->weight[draw(w, SERVERS)];

	switch (draw(w, 4)) {
	case 0:
		*weight = -1;
		break;
	case 1:
		*weight = 0;
		break;
	default:
		*weight = 1 + (int32_t)draw(w, 3);
	}
}

static size_t wishes(const struct world *w, struct ipvs_wish_dest *d)
{
	size_t n = 0;

	for (unsigned i = 0; i < SERVERS; i++) {
		if (w->weight[i] < 0)
			continue;
		d[n] = value_nth(i);
		d[n].dest.weight = w->weight[i];
		d[n++].full_weight = w->weight[i] ? w->weight[i] : 2;
	}
	return n;
}

static const struct ipvs_service *the_service;

static bool at_rest(struct lab *l)
{
	struct ipvs_view v;

	ipvs_view(l->ipvs, &the_service->key, &v);
	return lab_settled(l) && (v.ordered || strcmp(the_service->scheduler, "mh") != 0);
}

/* What ipvsadm reads is what is wished, each with its weight; under mh in canonical order. */
static void expect_kernel(const struct ipvs_wish_dest *d, size_t n)
{
	bool mh = strcmp(the_service->scheduler, "mh") == 0;
	char *found = lab_output("ipvsadm -Sn"), line[128], addr[PREFIX_TEXT_MAX];
	struct ip_addr *order = mem_alloc((SERVERS + 1) * sizeof(*order));

	assert_int_equal(n, lab_order(order, SERVERS + 1));
	for (size_t i = 0; i < n; i++) {
		snprintf(line, sizeof(line), "-r %s:80 -g -w %d\n", ip_addr_format(&d[i].dest.addr, addr),
			d[i].dest.weight);
		if (!strstr(found, line))
			fail_msg("missing: %s", line);
		if (mh && !ip_addr_equal(&order[i], &d[i].dest.addr))
			fail_msg("%s is not the %zu-th", addr, i);
	}
	free(order);
	free(found);
}

static void churn(const char *scheduler)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, "10.9.9.9", 80, scheduler);
	struct ipvs_wish_dest *d = mem_alloc(SERVERS * sizeof(*d));
	struct world w = { .random = 4711 };
	double begin = now_ms();
	struct ipvs_view v;
	unsigned before;
	struct lab l;
	size_t n;

	the_service = &s;
	for (unsigned i = 0; i < SERVERS; i++)
		w.weight[i] = 1;
	lab_start(&l, &config);
	lab_set(&l, &s, d, wishes(&w, d));
	lab_wait(&l, at_rest);
	printf("# %s: %u servers added in %.0f ms\n", scheduler, (unsigned)SERVERS, now_ms() - begin);
	begin = now_ms();
	before = lab_writes();
	for (unsigned i = 0; i < CHANGES; i++) {
		change(&w);
		n = wishes(&w, d);
		lab_set(&l, &s, d, n);
		if (draw(&w, 8) == 0)
			lab_run(&l, draw(&w, 3));
	}
	lab_wait(&l, at_rest);
	printf("# %s: %u changes in %.0f ms, %u operations\n", scheduler, (unsigned)CHANGES, now_ms() - begin,
		lab_writes() - before);
	expect_kernel(d, n);
	ipvs_view(l.ipvs, &s.key, &v);
	assert_int_equal(n, v.count);
	assert_string_equal("", v.error);
	assert_int_equal(0, v.repairs);
	/* The model was right all the time: a listing brings no news. */
	ipvs_count(l.ipvs, &s.key);
	lab_run(&l, 300);
	ipvs_view(l.ipvs, &s.key, &v);
	assert_int_equal(0, v.repairs);
	lab_stop(&l);
	free(d);
}

static void churn_wlc(void **state)
{
	(void)state;
	churn("wlc");
}

static void churn_mh(void **state)
{
	(void)state;
	churn("mh");
}

/* --- one change --- */

static double timed[TIMED];

static int cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void one_change_is_quick(void **state)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, "10.9.9.9", 80, "wlc");
	struct ipvs_wish_dest d[100];
	struct lab l;

	(void)state;
	the_service = &s;
	for (unsigned i = 0; i < 100; i++)
		d[i] = value_nth(i);
	lab_start(&l, &config);
	lab_set(&l, &s, d, 100);
	lab_wait(&l, at_rest);
	for (unsigned i = 0; i < TIMED; i++) {
		double begin = now_ms();

		d[i].dest.weight = 0;
		lab_set(&l, &s, d, 100);
		lab_wait(&l, at_rest);
		timed[i] = now_ms() - begin;
	}
	qsort(timed, TIMED, sizeof(timed[0]), cmp);
	printf("# a change until its result is back: p50 %.2f ms, max %.2f ms\n", timed[TIMED / 2],
		timed[TIMED - 1]);
	assert_true(timed[TIMED / 2] < 50);
	lab_stop(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(churn_wlc, clear),
		cmocka_unit_test_setup(churn_mh, clear),
		cmocka_unit_test_setup(one_change_is_quick, clear),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

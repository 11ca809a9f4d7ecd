/* Marks against an array that counts what is to come. */
#include "route/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PREFIXES = 2000, IDS = 3 };

struct fixture {
	struct route_marks *marks;
	uint8_t family;
	bool due[PREFIXES][IDS];
	unsigned added[PREFIXES][IDS];
};

static struct prefix prefix_number(uint8_t family, int i)
{
	struct prefix p = { .family = family, .len = (uint8_t)(i % 2 ? ip_family_bits(family) : 0) };

	if (p.len) {
		p.bytes[1] = (uint8_t)(i >> 8);
		p.bytes[ip_family_bytes(family) - 1] = (uint8_t)i;
	} else {
		p.len = (uint8_t)(i / 2 % (ip_family_bits(family) - 15) + 15);
		p.bytes[0] = (uint8_t)(i >> 8);
		p.bytes[1] = (uint8_t)(i & 0xfe);
	}
	return p;
}

static void add(struct fixture *x, int i, int id)
{
	struct prefix p = prefix_number(x->family, i);

	route_marks_add(x->marks, &p, (uint32_t)id * 0x80000001u);
	x->due[i][id] = true;
	x->added[i][id]++;
}

/* Finds out which of all it is. One that was added again while it was about to be taken comes twice, not more. */
static void take(struct fixture *x)
{
	struct route_mark mark;

	if (!route_marks_take(x->marks, &mark)) {
		assert_int_equal(route_marks_count(x->marks), 0);
		return;
	}
	for (int i = 0; i < PREFIXES; i++) {
		struct prefix p = prefix_number(x->family, i);

		for (int id = 0; id < IDS; id++) {
			if (mark.path_id != (uint32_t)id * 0x80000001u || !prefix_equal(&p, &mark.prefix))
				continue;
			assert_true(x->added[i][id]-- > 0);
			x->due[i][id] = false;
			return;
		}
	}
	fail();
}

static void none_is_lost_and_none_made_up(uint8_t family)
{
	struct fixture *x = calloc(1, sizeof(*x));

	srandom(11);
	x->family = family;
	x->marks = route_marks_new();
	for (int round = 0; round < 20; round++) {
		for (int n = 0; n < 1000; n++)
			add(x, (int)random() % PREFIXES, (int)random() % IDS);
		for (int n = 0; n < 600; n++)
			take(x);
	}
	while (route_marks_count(x->marks))
		take(x);
	for (int i = 0; i < PREFIXES; i++)
		for (int id = 0; id < IDS; id++)
			assert_false(x->due[i][id]);
	assert_false(route_marks_take(x->marks, &(struct route_mark){ .path_id = 0 }));
	route_marks_free(x->marks);
	free(x);
}

static void ipv4(void **state)
{
	(void)state;
	none_is_lost_and_none_made_up(IP_V4);
}

static void ipv6(void **state)
{
	(void)state;
	none_is_lost_and_none_made_up(IP_V6);
}

static void one_mark_however_often_it_is_added(void **state)
{
	struct route_marks *m = route_marks_new();
	struct prefix p = prefix_number(IP_V4, 1);
	struct route_mark mark;

	(void)state;
	for (int i = 0; i < 100; i++)
		route_marks_add(m, &p, 7);
	assert_int_equal(route_marks_count(m), 1);
	assert_true(route_marks_take(m, &mark));
	assert_int_equal(mark.path_id, 7);
	assert_false(route_marks_take(m, &mark));
	route_marks_free(m);
}

/* Of a slow peer and a full table. */
static void little_memory_for_each(void **state)
{
	struct route_marks *m = route_marks_new();
	struct route_mark mark;

	(void)state;
	for (uint32_t i = 0; i < 300000; i++) {
		struct ip_addr a = ip_addr_v4(i << 8);
		struct prefix p = prefix_of(&a, 24);

		route_marks_add(m, &p, 0);
	}
	assert_int_equal(route_marks_count(m), 300000);
	assert_true(route_marks_bytes(m) <= 300000 * 20);
	for (int i = 0; i < 200000; i++)
		assert_true(route_marks_take(m, &mark));
	assert_true(route_marks_bytes(m) <= 130000 * 20);
	route_marks_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(one_mark_however_often_it_is_added),
		cmocka_unit_test(little_memory_for_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

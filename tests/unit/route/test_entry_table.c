/* The table of prefixes against an array that knows which are in; with hash values that crowd at the ends. */
#include "route/entry_table.h"
#include "route/rib.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ENTRIES = 6000 };

struct fixture {
	struct route_entry_table t;
	struct prefix prefix[ENTRIES];
	uint32_t hash[ENTRIES];
	struct route_entry *entry[ENTRIES]; /* NULL: not in the table */
	size_t count;
};

/* One in four at the upper end, some of them equal: what the last places cannot hold must find room behind them. */
static uint32_t some_hash(int i)
{
	return i % 4 ? (uint32_t)random() << 1 : UINT32_MAX - (uint32_t)(i % 50 ? random() % 4096 : 0);
}

static struct fixture *fixture_new(void)
{
	struct fixture *x = calloc(1, sizeof(*x));

	srandom(5);
	route_entry_table_init(&x->t);
	for (int i = 0; i < ENTRIES; i++) {
		x->prefix[i] = (struct prefix){
			.family = IP_V4, .len = 32, .bytes = { 10, 0, (uint8_t)(i >> 8), (uint8_t)i }
		};
		x->hash[i] = some_hash(i);
	}
	return x;
}

static void put(struct fixture *x, int i)
{
	x->entry[i] = calloc(1, sizeof(*x->entry[i]) + 16);
	x->entry[i]->family = IP_V4;
	x->entry[i]->len = 32;
	memcpy(x->entry[i]->addr, x->prefix[i].bytes, 4);
	route_entry_table_add(&x->t, x->entry[i], x->hash[i]);
	x->count++;
}

static void take(struct fixture *x, int i)
{
	route_entry_table_remove(&x->t, x->entry[i], x->hash[i]);
	free(x->entry[i]);
	x->entry[i] = NULL;
	x->count--;
}

/* What is in is found, in order, and nowhere before its place; the last slot is free. */
static void check(const struct fixture *x)
{
	uint32_t before = 0;
	size_t used = 0;

	assert_int_equal(x->t.count, x->count);
	for (int i = 0; i < ENTRIES; i++)
		assert_ptr_equal(route_entry_table_find(&x->t, &x->prefix[i], x->hash[i]), x->entry[i]);
	for (size_t i = 0; i < x->t.size; i++) {
		if (!x->t.slot[i].entry)
			continue;
		assert_true(x->t.slot[i].hash >= before);
		assert_true(route_entry_table_place(&x->t, x->t.slot[i].hash) <= i);
		before = x->t.slot[i].hash;
		used++;
	}
	assert_int_equal(used, x->count);
	assert_null(x->t.slot[x->t.size - 1].entry);
}

static void fixture_free(struct fixture *x)
{
	for (int i = 0; i < ENTRIES; i++)
		free(x->entry[i]);
	route_entry_table_fini(&x->t);
	free(x);
}

static void as_the_model(void **state)
{
	struct fixture *x = fixture_new();

	(void)state;
	for (int round = 0; round < 40; round++) {
		int bias = round / 10 % 2 ? 25 : 75;

		for (int n = 0; n < ENTRIES / 4; n++) {
			int i = (int)random() % ENTRIES;

			if (x->entry[i] && random() % 100 >= bias)
				take(x, i);
			else if (!x->entry[i] && random() % 100 < bias)
				put(x, i);
		}
		check(x);
	}
	fixture_free(x);
}

static void all_hashes_equal(void **state)
{
	struct fixture *x = fixture_new();

	(void)state;
	for (int i = 0; i < ENTRIES; i++)
		x->hash[i] = UINT32_MAX;
	for (int i = 0; i < 300; i++)
		put(x, i);
	check(x);
	for (int i = 0; i < 300; i++)
		take(x, i);
	check(x);
	fixture_free(x);
}

/* Each hash value belongs to the place whose begin is not above it. */
static void places_divide_all_values(void **state)
{
	struct route_entry_table t = { .slot = NULL };

	(void)state;
	for (t.places = 64; t.places < 4000000; t.places += t.places / 2) {
		assert_int_equal(route_entry_table_place_begin(&t, 0), 0);
		assert_true(route_entry_table_place_begin(&t, t.places) == 1ULL << 32);
		for (size_t i = 1; i < t.places; i += i / 7 + 1) {
			uint32_t begin = (uint32_t)route_entry_table_place_begin(&t, i);

			assert_int_equal(route_entry_table_place(&t, begin), i);
			assert_int_equal(route_entry_table_place(&t, begin - 1), i - 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_model),
		cmocka_unit_test(all_hashes_equal),
		cmocka_unit_test(places_divide_all_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

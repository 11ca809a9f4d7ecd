/* The index against an array that knows which numbers are in; with hash values that crowd at the ends. */
#include "base/hash_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NUMBERS = 12000 };

struct fixture {
	struct hash_index t;
	uint32_t hash[NUMBERS + 1];
	bool in[NUMBERS + 1];
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
	hash_index_init(&x->t);
	for (int i = 1; i <= NUMBERS; i++)
		x->hash[i] = some_hash(i);
	return x;
}

static void put(struct fixture *x, int i)
{
	hash_index_add(&x->t, (uint32_t)i, x->hash[i]);
	x->in[i] = true;
	x->count++;
}

static void take(struct fixture *x, int i)
{
	hash_index_remove(&x->t, (uint32_t)i, x->hash[i]);
	x->in[i] = false;
	x->count--;
}

static bool finds(const struct hash_index *t, uint32_t number, uint32_t hash)
{
	uint32_t found;

	hash_index_expect(t, hash);
	for (size_t i = hash_index_first(t, hash); (found = hash_index_at(t, i, hash)); i++)
		if (found == number)
			return true;
	return false;
}

/* What is in is found, in order, and nowhere before its place; the last slot is free. */
static void check(const struct fixture *x)
{
	uint32_t before = 0;
	size_t used = 0;

	assert_int_equal(x->t.count, x->count);
	for (int i = 1; i <= NUMBERS; i++)
		assert_int_equal(finds(&x->t, (uint32_t)i, x->hash[i]), x->in[i]);
	for (size_t i = 0; i < x->t.size; i++) {
		if (!x->t.slot[i].number)
			continue;
		assert_true(x->t.slot[i].hash >= before);
		assert_true(hash_index_place(&x->t, x->t.slot[i].hash) <= i);
		before = x->t.slot[i].hash;
		used++;
	}
	assert_int_equal(used, x->count);
	assert_int_equal(x->t.slot[x->t.size - 1].number, 0);
}

static void fixture_free(struct fixture *x)
{
	hash_index_fini(&x->t);
	free(x);
}

static void as_the_model(void **state)
{
	struct fixture *x = fixture_new();
	size_t growing = 0;

	(void)state;
	for (int round = 0; round < 200; round++) {
		int bias = round / 20 % 2 ? 25 : 75;

		for (int n = 0; n < NUMBERS / 40; n++) {
			int i = 1 + (int)random() % NUMBERS;

			if (x->in[i] && random() % 100 >= bias)
				take(x, i);
			else if (!x->in[i] && random() % 100 < bias)
				put(x, i);
		}
		growing += x->t.edge != 0;
		check(x);
	}
	assert_true(growing > 5);
	fixture_free(x);
}

/* A walk as its users do it, while others come and go, meets each that stays exactly once. */
static void walks_meet_all_that_stay(void **state)
{
	struct fixture *x = fixture_new();
	unsigned met[NUMBERS + 1] = { 0 };
	uint64_t at = 0, next;

	(void)state;
	for (int i = 1; i <= NUMBERS; i += 2)
		put(x, i);
	for (int k = 0; at >> 32 == 0; at = next, k++) {
		size_t i = hash_index_place(&x->t, (uint32_t)at);

		next = hash_index_place_begin(&x->t, i + 1);
		assert_true(next > at);
		for (; x->t.slot[i].number && x->t.slot[i].hash < next; i++)
			if (x->t.slot[i].hash >= at)
				met[x->t.slot[i].number]++;
		if (k % 2 && k / 2 * 2 + 2 <= NUMBERS && !x->in[k / 2 * 2 + 2])
			put(x, k / 2 * 2 + 2);
	}
	assert_true(x->t.count > NUMBERS * 3 / 4);
	for (int i = 1; i <= NUMBERS; i += 2)
		assert_int_equal(met[i], 1);
	fixture_free(x);
}

static void all_hashes_equal(void **state)
{
	struct fixture *x = fixture_new();

	(void)state;
	for (int i = 1; i <= NUMBERS; i++)
		x->hash[i] = UINT32_MAX;
	for (int i = 1; i <= 2000; i++)
		put(x, i);
	check(x);
	for (int i = 1; i <= 2000; i++)
		take(x, i);
	check(x);
	fixture_free(x);
}

static void check_division(const struct hash_index *t)
{
	for (uint64_t hash = 0; hash >> 32 == 0; hash += hash / 9 + 1) {
		size_t place = hash_index_place(t, (uint32_t)hash);
		uint64_t begin = hash_index_place_begin(t, place),
			 next = hash_index_place_begin(t, place + 1);

		assert_true(begin <= hash && hash < next);
		assert_int_equal(hash_index_place(t, (uint32_t)begin), place);
		assert_true(next >> 32 || hash_index_place(t, (uint32_t)next) > place);
	}
}

/* Each hash value belongs to the place whose begin is not above it, also while the index grows. */
static void places_divide_all_values(void **state)
{
	struct hash_index t = { .slot = NULL };

	(void)state;
	for (t.places = 64; t.places < 4000000; t.places += t.places / 4) {
		t.goal = t.places + t.places / 4;
		for (t.edge = 1ull << 32; t.edge > 1; t.edge = t.edge * 5 / 7)
			check_division(&t);
		t.edge = 0;
		t.goal = t.places;
		check_division(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_model),
		cmocka_unit_test(walks_meet_all_that_stay),
		cmocka_unit_test(all_hashes_equal),
		cmocka_unit_test(places_divide_all_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

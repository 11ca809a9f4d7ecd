/* The set against an array that knows which numbers are in, in some pieces of a pool with others between them that have none. */
#include "base/number_set.h"
#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLACES = 65536, PIECES = 7, NUMBERS = PIECES * PLACES, ROUNDS = 400000 };

struct fixture {
	struct number_set s;
	bool in[NUMBERS];
	size_t count;
};

static struct fixture *fixture_new(void)
{
	srandom(7);
	return calloc(1, sizeof(struct fixture));
}

static void fixture_free(struct fixture *x)
{
	number_set_fini(&x->s);
	assert_int_equal(x->s.count, 0);
	free(x);
}

static void put(struct fixture *x, uint32_t number)
{
	number_set_add(&x->s, number);
	x->in[number] = true;
	x->count++;
}

static void take(struct fixture *x, uint32_t number)
{
	number_set_remove(&x->s, number);
	x->in[number] = false;
	x->count--;
}

/* Numbers at both ends of words, of words of words and of pieces as often as others; none of the pieces 2 to 4. */
static uint32_t some_number(void)
{
	static const uint32_t edge[] = { 1, 63, 64, 65, 4095, 4096, 4097, 65535 };
	uint32_t piece = (uint32_t)random() % 4, place = (uint32_t)random() % PLACES;

	if (random() % 2)
		place = edge[(size_t)random() % (sizeof(edge) / sizeof(edge[0]))];
	piece += piece > 1 ? PIECES - 4 : 0;
	return piece * PLACES + (place ? place : 1);
}

static uint32_t next(const struct fixture *x, uint32_t from)
{
	for (uint32_t n = from; n < NUMBERS; n++)
		if (x->in[n])
			return n;
	for (uint32_t n = 0; n < from && n < NUMBERS; n++)
		if (x->in[n])
			return n;
	return 0;
}

static void change(struct fixture *x)
{
	uint32_t number = some_number();

	if (x->in[number])
		take(x, number);
	else
		put(x, number);
	assert_int_equal(x->s.count, x->count);
}

static void it_finds_the_next_from_anywhere(void **state)
{
	struct fixture *x = fixture_new();

	(void)state;
	assert_int_equal(number_set_next(&x->s, 0), 0);
	assert_int_equal(number_set_next(&x->s, UINT32_MAX), 0);
	for (int i = 0; i < ROUNDS; i++) {
		change(x);
		if (i % 997)
			continue;
		for (uint32_t from = i % 2 ? some_number() : 0; from < NUMBERS; from += NUMBERS / 3)
			assert_int_equal(number_set_next(&x->s, from), next(x, from));
		assert_int_equal(number_set_next(&x->s, NUMBERS + 5), next(x, NUMBERS));
	}
	fixture_free(x);
}

static void one_walk_meets_each_once_and_in_order(void **state)
{
	struct fixture *x = fixture_new();
	uint32_t last = 0, n;
	size_t met = 0;

	(void)state;
	for (int i = 0; i < ROUNDS / 8; i++)
		change(x);
	for (; (n = number_set_next(&x->s, last + 1)) > last; last = n) {
		assert_true(x->in[n]);
		met++;
	}
	assert_int_equal(met, x->count);
	fixture_free(x);
}

static void the_last_and_the_only_one_are_found(void **state)
{
	struct fixture *x = fixture_new();

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint32_t number = some_number();

		put(x, number);
		assert_int_equal(number_set_next(&x->s, number), number);
		assert_int_equal(number_set_next(&x->s, number + 1), number);
		assert_int_equal(number_set_next(&x->s, 0), number);
		take(x, number);
		assert_int_equal(number_set_next(&x->s, number), 0);
	}
	fixture_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_finds_the_next_from_anywhere),
		cmocka_unit_test(one_walk_meets_each_once_and_in_order),
		cmocka_unit_test(the_last_and_the_only_one_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

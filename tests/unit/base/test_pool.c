/* Objects with numbers, and chains of them, against arrays. */
#include "base/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { OBJECTS = 40000, SIZE = 24, OTHER = 36 };

static size_t size_of(int i)
{
	return i % 3 ? SIZE : OTHER;
}

static void check_content(const uint8_t *object, int i)
{
	for (size_t k = 0; k < size_of(i); k++)
		if (object[k] != (uint8_t)i)
			fail_msg("object %d was written over", i);
}

static void objects_keep_number_address_and_content(void **state)
{
	static uint8_t *object[OBJECTS];
	static uint32_t number[OBJECTS];
	struct pool p;
	size_t count = 0;

	(void)state;
	pool_init(&p, SIZE, OTHER);
	srandom(7);
	for (int n = 0; n < 400000; n++) {
		int i = (int)random() % OBJECTS;

		/* Nearly all, then nearly none, and so on: pieces come and go. */
		if (object[i] && random() % 20 > n / 50000 % 2 * 18) {
			check_content(object[i], i);
			assert_ptr_equal(pool_at(&p, number[i]), object[i]);
			pool_free(&p, object[i]);
			object[i] = NULL;
			count--;
		} else if (!object[i]) {
			object[i] = pool_alloc(&p, i % 3 == 0);
			number[i] = pool_number(object[i]);
			assert_int_not_equal(number[i], 0);
			memset(object[i], i, size_of(i));
			count++;
		}
		assert_int_equal(p.count, count);
	}
	for (int i = 0; i < OBJECTS; i++) {
		if (!object[i])
			continue;
		check_content(object[i], i);
		pool_free(&p, object[i]);
	}
	assert_int_equal(p.count, 0);
	pool_fini(&p);
}

static void an_empty_pool_holds_a_piece_of_each_size_at_most(void **state)
{
	static void *object[OBJECTS];
	struct pool p;
	size_t held = 0;

	(void)state;
	pool_init(&p, SIZE, OTHER);
	for (int i = 0; i < OBJECTS; i++)
		object[i] = pool_alloc(&p, i % 3 == 0);
	assert_in_range(p.bytes, OBJECTS * SIZE, OBJECTS * OTHER);
	for (int i = 0; i < OBJECTS; i++)
		pool_free(&p, object[i]);
	for (uint32_t i = 0; i < p.pieces; i++)
		held += p.piece[i] != NULL;
	assert_int_equal(held, 2);
	assert_true(p.bytes < 256);
	pool_fini(&p);
	assert_int_equal(p.bytes, 0);
}

static void check_chain(const struct chain *c, const struct pool *p, const uint32_t *expected, size_t count)
{
	uint32_t at = c->first, before = 0;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(at, expected[i]);
		assert_int_equal(chain_link(p, at)->prev, before);
		assert_true(chain_has(c, p, at));
		before = at;
		at = chain_link(p, at)->next;
	}
	assert_int_equal(at, 0);
	assert_int_equal(c->last, before);
}

static void chains_keep_their_order(void **state)
{
	struct chain a = { 0, 0 }, b = { 0, 0 };
	struct pool p;
	uint32_t n[6];

	(void)state;
	pool_init(&p, sizeof(struct chain_link), 0);
	for (int i = 0; i < 6; i++) {
		struct chain_link *l = pool_alloc(&p, 0);

		*l = (struct chain_link){ 0, 0 };
		n[i] = pool_number(l);
		assert_false(chain_has(&a, &p, n[i]));
	}
	for (int i = 0; i < 3; i++)
		chain_add_tail(&a, &p, n[i]);
	check_chain(&a, &p, n, 3);
	chain_take_all(&a, &p, &b);
	check_chain(&a, &p, n, 3);
	for (int i = 3; i < 6; i++)
		chain_add_tail(&b, &p, n[i]);
	chain_take_all(&a, &p, &b);
	check_chain(&a, &p, n, 6);
	check_chain(&b, &p, NULL, 0);
	chain_take_all(&b, &p, &a);
	check_chain(&b, &p, n, 6);
	chain_del(&b, &p, n[5]);
	chain_del(&b, &p, n[0]);
	chain_del(&b, &p, n[2]);
	assert_false(chain_has(&b, &p, n[2]));
	check_chain(&b, &p, (uint32_t[]){ n[1], n[3], n[4] }, 3);
	chain_add_after(&b, &p, 0, n[5]);
	chain_add_after(&b, &p, n[4], n[0]);
	chain_add_after(&b, &p, n[1], n[2]);
	check_chain(&b, &p, (uint32_t[]){ n[5], n[1], n[2], n[3], n[4], n[0] }, 6);
	for (int i = 0; i < 6; i++)
		chain_del(&b, &p, n[i]);
	check_chain(&b, &p, NULL, 0);
	pool_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_keep_number_address_and_content),
		cmocka_unit_test(an_empty_pool_holds_a_piece_of_each_size_at_most),
		cmocka_unit_test(chains_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A prefix's paths against an array that knows which are in. */
#include "route/rib.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PATHS = 1500, PEERS = 500 };

struct fixture {
	struct route_path path[PATHS];
	bool in[PATHS];
	struct route_paths paths;
	size_t count;
};

/* Peers are only compared: any address will do. */
static struct route_peer *peer(struct fixture *x, int i)
{
	return (struct route_peer *)(void *)&x->path[i % PEERS];
}

static void put(struct fixture *x, int i)
{
	x->path[i] = (struct route_path){ .peer = peer(x, i), .path_id_in = (uint32_t)(i / PEERS) };
	route_paths_add(&x->paths, &x->path[i]);
	x->in[i] = true;
	x->count++;
}

static void take(struct fixture *x, int i)
{
	route_paths_remove(&x->paths, &x->path[i]);
	x->in[i] = false;
	x->count--;
}

static void check(struct fixture *x)
{
	size_t seen = 0;

	assert_int_equal(route_paths_count(x->paths), x->count);
	for (int i = 0; i < PATHS; i++)
		assert_ptr_equal(route_paths_find(&x->paths, peer(x, i), (uint32_t)(i / PEERS)),
			x->in[i] ? &x->path[i] : NULL);
	for (size_t i = 0; i < x->count && i < 8; i++) {
		const struct route_path *p = route_paths_at(x->paths, i);

		assert_non_null(route_paths_likely(&x->paths, p->peer, p->path_id_in));
	}
	ROUTE_EACH_PATH (p, &x->paths) {
		assert_true(x->in[p - x->path]);
		seen++;
	}
	assert_int_equal(seen, x->count);
}

static void as_the_model(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	(void)state;
	srandom(3);
	for (int round = 0; round < 40; round++) {
		/* Mostly filling, then mostly emptying, so lists of all sizes grow and shrink. */
		int bias = round / 10 % 2 ? 20 : 80;

		for (int n = 0; n < PATHS / 4; n++) {
			int i = (int)random() % PATHS;

			if (x->in[i] && random() % 100 >= bias)
				take(x, i);
			else if (!x->in[i] && random() % 100 < bias)
				put(x, i);
		}
		check(x);
	}
	route_paths_fini(&x->paths);
	free(x);
}

static void from_none_to_some_and_back(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	(void)state;
	check(x);
	for (int i = 0; i < 70; i++) {
		put(x, i);
		check(x);
	}
	for (int i = 0; i < 70; i++) {
		take(x, i);
		check(x);
	}
	assert_int_equal(route_paths_octets(&x->paths), 0);
	free(x);
}

/* Removing the path at hand skips no other. */
static void all_are_seen_while_some_go(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	size_t seen = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		put(x, i);
	ROUTE_EACH_PATH (p, &x->paths) {
		seen++;
		if (p - x->path != 42)
			take(x, (int)(p - x->path));
	}
	assert_int_equal(seen, 100);
	check(x);
	take(x, 42);
	free(x);
}

static void the_best_goes_to_the_front(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	(void)state;
	for (int i = 0; i < 9; i++) {
		put(x, i);
		route_paths_to_front(&x->paths, &x->path[i]);
		assert_ptr_equal(route_paths_at(x->paths, 0), &x->path[i]);
		check(x);
	}
	route_paths_fini(&x->paths);
	free(x);
}

static void tombstones_are_not_found(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	(void)state;
	for (int i = 0; i < 3; i++) {
		put(x, i);
		x->path[i].flags = ROUTE_PATH_GONE;
		assert_null(route_paths_find(&x->paths, peer(x, i), 0));
	}
	route_paths_fini(&x->paths);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_model),
		cmocka_unit_test(from_none_to_some_and_back),
		cmocka_unit_test(all_are_seen_while_some_go),
		cmocka_unit_test(the_best_goes_to_the_front),
		cmocka_unit_test(tombstones_are_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

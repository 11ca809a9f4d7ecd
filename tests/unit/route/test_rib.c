/* The table while it grows: nothing is lost, and a walk meets everything once. */
#include "base/mem.h"
#include "route/peer_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUTES = 20000 };

struct table {
	struct route_hops hops;
	struct route_attr_store *store;
	struct route_rib *rib;
	struct route_peer peer;
	struct route_attrs *attrs;
	unsigned seen[ROUTES];
};

static void nothing(void *user)
{
	(void)user;
}

static struct prefix numbered(uint32_t i)
{
	struct ip_addr a = ip_addr_v4(0x0a000000 + i * 256);
	struct prefix p = prefix_host(&a);

	p.len = 24;
	return p;
}

static void table_init(struct table *t)
{
	static const struct route_hops_ops ops = { NULL, NULL };
	const struct bgp_next_hop nh = { .len = 4, .octets = { 10, 0, 0, 1 } };
	const struct bgp_attrs attrs = { .origin = 0 };

	memset(t, 0, sizeof(*t));
	route_hops_init(&t->hops, false, &ops, NULL);
	t->store = route_attr_store_new(&t->hops);
	t->rib = route_rib_new(BGP_IPV4_UNICAST, t->store, nothing, NULL);
	t->attrs = route_attrs_intern(t->store, &attrs, &nh);
}

static void table_fini(struct table *t)
{
	struct chain *paths = &t->peer.adj_rib_in[BGP_IPV4_UNICAST];

	while (paths->first)
		route_rib_remove(t->rib, paths, route_rib_path(t->rib, paths->first));
	route_rib_free(t->rib);
	route_attrs_unref(t->store, t->attrs);
	route_attr_store_free(t->store);
	route_hops_fini(&t->hops);
}

static void add(struct table *t, uint32_t i)
{
	struct prefix p = numbered(i);

	route_rib_announce(
		t->rib, &t->peer, &t->peer.adj_rib_in[BGP_IPV4_UNICAST], &p, 0, route_attrs_ref(t->attrs), 0);
}

static void meet(void *user, struct route_entry *e)
{
	struct prefix p = route_entry_prefix(e);
	struct table *t = user;

	t->seen[((uint32_t)p.bytes[1] << 8 | p.bytes[2])]++;
}

static void everything_is_found_while_the_table_grows(void **state)
{
	struct table *t = mem_alloc(sizeof(*t));

	(void)state;
	table_init(t);
	for (uint32_t i = 0; i < ROUTES; i++) {
		/* One from before, the newest, and one that is not there. */
		uint32_t probe = (uint32_t)((uint64_t)i * 7919 % (i + 1));
		struct prefix before = numbered(probe), newest = numbered(i), none = numbered(i + 1);

		add(t, i);
		assert_non_null(route_rib_find(t->rib, &before));
		assert_non_null(route_rib_find(t->rib, &newest));
		assert_null(route_rib_find(t->rib, &none));
	}
	assert_int_equal(route_rib_entries(t->rib), ROUTES);
	table_fini(t);
	free(t);
}

/* As many as were there when the walk began are met once each, however the table grew meanwhile. */
static void walk_while_growing(uint32_t begin, unsigned steps_per_route)
{
	struct table *t = mem_alloc(sizeof(*t));
	uint64_t at = 0;
	uint32_t i;
	bool more = true;

	table_init(t);
	for (i = 0; i < begin; i++)
		add(t, i);
	while (more) {
		for (unsigned s = 0; more && s < steps_per_route; s++)
			more = route_rib_walk(t->rib, &at, meet, t);
		if (i < ROUTES)
			add(t, i++);
	}
	for (uint32_t k = 0; k < begin; k++)
		assert_int_equal(t->seen[k], 1);
	for (uint32_t k = begin; k < ROUTES; k++)
		assert_in_range(t->seen[k], 0, 1);
	table_fini(t);
	free(t);
}

static void a_walk_meets_everything_once_while_the_table_grows(void **state)
{
	(void)state;
	for (unsigned steps = 1; steps <= 3; steps++)
		for (uint32_t begin = 1; begin < 3000; begin += 61)
			walk_while_growing(begin, steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_found_while_the_table_grows),
		cmocka_unit_test(a_walk_meets_everything_once_while_the_table_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

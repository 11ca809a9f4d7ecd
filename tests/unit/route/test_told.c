/* What a peer was told and what of it was refused: against what its end of the wire has. */
#include "harness.h"
#include "route/rejects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PEERS = 6, PREFIXES = 40, IDS = 2 };

static const struct route_engine_config config = {
	.local_as = 65021, .router_id = 0x0a0000fe, .cluster_id = 0x0a0000fe
};

struct asked {
	const struct test_peer *p;
	size_t told;
};

static const struct held *find(const struct test_peer *p, const struct prefix *prefix, uint32_t path_id)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->held[i].path_id == path_id && prefix_equal(&p->held[i].prefix, prefix))
			return &p->held[i];
	return NULL;
}

static void compare(void *user, struct route_entry *e)
{
	struct prefix prefix = route_entry_prefix(e);
	struct asked *a = user;

	ROUTE_EACH_PATH (path, &e->paths) {
		struct route_told told;
		const struct held *h;
		struct ip_addr hop;

		if (!route_peer_told(a->p->p, path, &told))
			continue;
		a->told++;
		h = find(a->p, &prefix, told.path_id);
		assert_non_null(h);
		hop = bgp_next_hop_addr(&told.next_hop);
		assert_false(told.pending);
		assert_true(ip_addr_equal(&h->next_hop, &hop));
		assert_int_equal(
			h->local_pref, told.attrs.has & BGP_HAS_LOCAL_PREF ? told.attrs.local_pref : 0);
		assert_int_equal(h->med, told.attrs.has & BGP_HAS_MED ? told.attrs.med : 0);
		assert_int_equal(h->as_path_len, bgp_as_path_length(told.attrs.as_path));
		assert_int_equal(h->originator_id,
			told.attrs.has & BGP_HAS_ORIGINATOR_ID ? told.attrs.originator_id : 0);
		assert_int_equal(h->cluster_list_len,
			told.attrs.has & BGP_HAS_CLUSTER_LIST ? told.attrs.cluster_list.len / 4 : 0);
	}
}

static void compare_all(struct harness *h)
{
	for (unsigned i = 1; i <= PEERS; i++) {
		struct asked a = { .p = &h->peer[i] };
		uint64_t at = 0;

		if (!a.p->p)
			continue;
		while (route_rib_walk(route_engine_rib(h->e, BGP_IPV4_UNICAST), &at, compare, &a))
			;
		assert_int_equal(a.told, a.p->count);
	}
}

static void random_step(struct harness *h)
{
	struct test_peer *p = &h->peer[1 + rand() % PEERS];
	uint32_t id = (uint32_t)(rand() % IDS);
	char text[32];
	int dice = rand() % 100;

	snprintf(text, sizeof(text), "10.1.%d.0/24", rand() % PREFIXES);
	if (!p->p)
		harness_up(p);
	else if (dice < 2)
		harness_down(p);
	else if (dice < 30)
		harness_withdraw(p, text, id);
	else
		harness_announce(p, &(struct route){ .prefix = text,
					    .path_id = id,
					    .med = (uint32_t)(rand() % 4) + 1,
					    .local_pref = (uint32_t)(rand() % 3) + 100,
					    .as_path = p->cfg.type == ROUTE_PEER_EBGP ? "65001" : NULL });
}

static void peers_up(struct harness *h)
{
	static const enum route_peer_type types[PEERS] = { ROUTE_PEER_IBGP_CLIENT, ROUTE_PEER_IBGP_CLIENT,
		ROUTE_PEER_IBGP, ROUTE_PEER_EBGP, ROUTE_PEER_EBGP, ROUTE_PEER_IBGP };

	harness_init(h, &config);
	for (unsigned i = 1; i <= PEERS; i++) {
		struct test_peer *p = harness_peer(h, i, types[i - 1]);

		p->n.add_path_rx[BGP_IPV4_UNICAST] = true;
		p->n.add_path_tx[BGP_IPV4_UNICAST] = i % 2;
		p->cfg.send_mode[BGP_IPV4_UNICAST] = i % 2 ? ROUTE_SEND_ALL : ROUTE_SEND_BEST;
		harness_up(p);
	}
}

static void what_was_told_is_what_the_peer_has(void **state)
{
	struct harness *h = calloc(1, sizeof(*h));

	(void)state;
	srand(3);
	peers_up(h);
	for (int i = 0; i < 3000; i++) {
		random_step(h);
		if (i % 1000 == 500)
			route_engine_set_graceful_shutdown(h->e, !route_engine_graceful_shutdown(h->e));
		if (rand() % 20)
			continue;
		harness_settle(h, 0);
		compare_all(h);
	}
	harness_fini(h);
	free(h);
}

static void what_is_on_its_way_is_pending(void **state)
{
	struct harness *h = calloc(1, sizeof(*h));
	struct route_told told;
	struct prefix prefix;
	struct route_path *path;

	(void)state;
	peers_up(h);
	harness_announce(&h->peer[1], &(struct route){ .prefix = "10.1.1.0/24", .med = 1 });
	harness_settle(h, 0);
	assert_true(prefix_parse("10.1.1.0/24", &prefix, NULL));
	path = route_paths_at(route_rib_find(route_engine_rib(h->e, BGP_IPV4_UNICAST), &prefix)->paths, 0);
	harness_announce(&h->peer[1], &(struct route){ .prefix = "10.1.1.0/24", .med = 2 });
	assert_true(route_peer_told(h->peer[2].p, path, &told));
	assert_true(told.pending);
	assert_int_equal(told.attrs.med, 2);
	assert_false(route_peer_told(h->peer[1].p, path, &told));
	harness_fini(h);
	free(h);
}

static void under_graceful_shutdown_all_is_sent_as_to_be_avoided_and_back(void **state)
{
	struct harness *h = calloc(1, sizeof(*h));
	uint64_t announced;

	(void)state;
	peers_up(h);
	harness_announce(&h->peer[1], &(struct route){ .prefix = "10.1.1.0/24", .local_pref = 150 });
	harness_settle(h, 0);
	assert_int_equal(harness_held(&h->peer[2], "10.1.1.0/24", 0)->local_pref, 150);
	announced = h->peer[2].announced;
	route_engine_set_graceful_shutdown(h->e, true);
	harness_settle(h, 0);
	assert_int_equal(harness_held(&h->peer[2], "10.1.1.0/24", 0)->local_pref, 0);
	assert_int_equal(h->peer[2].announced, announced + 1);
	assert_int_equal(h->peer[2].withdrawn, 0);
	route_engine_set_graceful_shutdown(h->e, true);
	harness_settle(h, 0);
	assert_int_equal(h->peer[2].announced, announced + 1);
	route_engine_set_graceful_shutdown(h->e, false);
	harness_settle(h, 0);
	assert_int_equal(harness_held(&h->peer[2], "10.1.1.0/24", 0)->local_pref, 150);
	harness_fini(h);
	free(h);
}

/* --- refused --- */

static struct route_reject_entry entry(int i, uint32_t path_id)
{
	struct route_reject_entry e = { .nlri = { .path_id = path_id }, .why = ROUTE_REJECT_PREFIX };
	char text[32];

	snprintf(text, sizeof(text), "10.1.%d.0/24", i);
	assert_true(prefix_parse(text, &e.nlri.prefix, NULL));
	return e;
}

static void add(struct route_rejects *r, int i, uint32_t path_id)
{
	struct route_reject_entry e = entry(i, path_id);

	route_rejects_add(r, &e);
}

static void expect_kept(const struct route_rejects *r, const int *third_octets, size_t count)
{
	struct route_reject_entry e[16];
	size_t n = route_rejects_get(r, UINT64_MAX, e, 16);

	assert_int_equal(n, count);
	assert_int_equal(route_rejects_count(r), count);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(e[i].nlri.prefix.bytes[2], third_octets[i]);
}

static void the_newest_are_kept_each_once_and_the_others_counted(void **state)
{
	struct route_rejects *r = route_rejects_new(3);
	struct route_reject_entry e[2], gone = entry(7, 0);

	(void)state;
	for (int i = 0; i < 5; i++)
		add(r, i, 0);
	expect_kept(r, (int[]){ 4, 3, 2 }, 3);
	assert_int_equal(route_rejects_dropped(r), 2);
	add(r, 2, 0);
	expect_kept(r, (int[]){ 2, 4, 3 }, 3);
	assert_int_equal(route_rejects_dropped(r), 2);
	/* Another path of the prefix is another route. */
	add(r, 2, 9);
	expect_kept(r, (int[]){ 2, 2, 4 }, 3);
	/* In pieces. */
	assert_int_equal(route_rejects_get(r, UINT64_MAX, e, 2), 2);
	assert_int_equal(route_rejects_get(r, e[1].number, e, 2), 1);
	assert_int_equal(e[0].nlri.prefix.bytes[2], 4);
	route_rejects_del(r, &gone.nlri);
	gone = entry(2, 9);
	route_rejects_del(r, &gone.nlri);
	expect_kept(r, (int[]){ 2, 4 }, 2);
	route_rejects_set_max(r, 1);
	expect_kept(r, (int[]){ 2 }, 1);
	route_rejects_set_max(r, 0);
	add(r, 1, 0);
	expect_kept(r, NULL, 0);
	route_rejects_free(r);
}

static void a_peer_that_sends_nothing_wrong_has_no_memory_of_it(void **state)
{
	struct harness *h = calloc(1, sizeof(*h));
	struct test_peer *p;
	const struct route_rejects *r;

	(void)state;
	harness_init(h, &config);
	p = harness_peer(h, 1, ROUTE_PEER_IBGP_CLIENT);
	p->cfg.rejects_max = 2;
	harness_up(p);
	harness_announce(p, &(struct route){ .prefix = "10.1.1.0/24" });
	assert_null(route_peer_rejects(p->p));
	for (int i = 0; i < 3; i++) {
		char text[32];

		snprintf(text, sizeof(text), "127.%d.0.0/16", i);
		harness_announce(p, &(struct route){ .prefix = text });
	}
	r = route_peer_rejects(p->p);
	assert_int_equal(route_rejects_count(r), 2);
	harness_withdraw(p, "127.2.0.0/16", 0);
	assert_int_equal(route_rejects_count(r), 1);
	/* What the peer does not say again after a beginning is no route of its any more. */
	route_peer_refresh_begin(p->p, BGP_IPV4_UNICAST);
	harness_announce(p, &(struct route){ .prefix = "127.9.0.0/16" });
	route_peer_refresh_end(p->p, BGP_IPV4_UNICAST);
	assert_int_equal(route_rejects_count(r), 1);
	harness_fini(h);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_told_is_what_the_peer_has),
		cmocka_unit_test(what_is_on_its_way_is_pending),
		cmocka_unit_test(under_graceful_shutdown_all_is_sent_as_to_be_avoided_and_back),
		cmocka_unit_test(the_newest_are_kept_each_once_and_the_others_counted),
		cmocka_unit_test(a_peer_that_sends_nothing_wrong_has_no_memory_of_it),
	};

	return cmocka_run_group_tests_name("route/told", tests, NULL, NULL);
}

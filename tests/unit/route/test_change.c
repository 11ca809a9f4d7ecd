/* Settings of live peers: who is told what, and that it is the difference and no more. */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUTES = 1000 };

static const struct route_engine_config config = {
	.local_as = 65021, .router_id = 0x0a0000fe, .cluster_id = 0x0a0000fe
};

struct world {
	struct harness h;
	struct test_peer *source, *a, *b;
	struct route_policy *not_7, *only_7, *none;
};

static void prefix_text(int i, char *buf, size_t size)
{
	snprintf(buf, size, "10.%d.%d.0/24", i / 250, i % 250);
}

/* All of 10.0.0.0/8 but the routes of ROUTES that end in 7, or those alone. */
static struct route_policy *policy(bool sevens)
{
	struct route_prefix_rule *rules = calloc(ROUTES, sizeof(*rules));
	struct route_policy *made;
	size_t count = 0;
	char text[32];

	for (int i = 0; i < ROUTES; i++) {
		if ((i % 10 == 7) != sevens)
			continue;
		prefix_text(i, text, sizeof(text));
		assert_true(prefix_parse(text, &rules[count].prefix, NULL));
		rules[count].ge = rules[count].le = 24;
		count++;
	}
	made = route_policy_new(&(struct route_policy_config){ .prefixes = rules, .prefix_count = count });
	free(rules);
	return made;
}

static void announce_all(struct world *w, struct test_peer *p)
{
	char text[32];

	(void)w;
	for (int i = 0; i < ROUTES; i++) {
		prefix_text(i, text, sizeof(text));
		harness_announce(p, &(struct route){ .prefix = text, .med = 1 });
	}
}

/* A source and two listeners that hold all its routes. */
static struct world *world(enum route_send_mode mode)
{
	struct world *w = calloc(1, sizeof(*w));

	harness_init(&w->h, &config);
	w->source = harness_peer(&w->h, 10, ROUTE_PEER_IBGP_CLIENT);
	w->a = harness_peer(&w->h, 1, ROUTE_PEER_IBGP_CLIENT);
	w->b = harness_peer(&w->h, 2, ROUTE_PEER_IBGP_CLIENT);
	w->a->cfg.send_mode[0] = w->b->cfg.send_mode[0] = mode;
	w->a->n.add_path_tx[0] = w->b->n.add_path_tx[0] = mode != ROUTE_SEND_BEST;
	w->not_7 = policy(false);
	w->only_7 = policy(true);
	w->none = route_policy_new(&(struct route_policy_config){ .none = true });
	harness_up(w->source);
	harness_up(w->a);
	harness_up(w->b);
	announce_all(w, w->source);
	harness_settle(&w->h, 0);
	assert_int_equal(w->a->count, ROUTES);
	assert_int_equal(w->b->count, ROUTES);
	return w;
}

static void end(struct world *w)
{
	for (int i = 0; i < HARNESS_PEERS; i++) {
		assert_int_equal(w->h.peer[i].unknown_withdrawals, 0);
		assert_int_equal(w->h.peer[i].own_routes, 0);
	}
	harness_fini(&w->h);
	route_policy_free(w->not_7);
	route_policy_free(w->only_7);
	route_policy_free(w->none);
	free(w);
}

static void set(struct test_peer *p)
{
	route_peer_set_config(p->p, &p->cfg);
}

static void export(struct test_peer *p, const struct route_policy *policy)
{
	p->cfg.export = policy;
	set(p);
}

/* What settling brings: routes announced and withdrawn, known by what the peer held before. */
struct told {
	uint64_t announced, withdrawn;
};

static struct told settle(struct world *w, struct test_peer *p)
{
	struct told before = { p->announced, p->withdrawn };

	harness_settle(&w->h, 0);
	return (struct told){ p->announced - before.announced, p->withdrawn - before.withdrawn };
}

static void expect(struct told t, uint64_t announced, uint64_t withdrawn)
{
	assert_int_equal(t.announced, announced);
	assert_int_equal(t.withdrawn, withdrawn);
}

static size_t groups(const struct world *w)
{
	return route_engine_groups(w->h.e, BGP_IPV4_UNICAST);
}

static void a_whole_group_takes_the_new_key_and_is_told_the_difference(void **state)
{
	struct world *w = world(*(enum route_send_mode *)*state);
	size_t before = groups(w);

	export(w->a, w->not_7);
	export(w->b, w->not_7);
	/* The source is of another group where they have add-path. */
	if (w->a->cfg.send_mode[0] == ROUTE_SEND_BEST)
		export(w->source, w->not_7);
	route_engine_work(w->h.e, w->h.now_ms);
	assert_int_equal(groups(w), before);
	expect(settle(w, w->a), 0, ROUTES / 10);
	assert_int_equal(w->b->withdrawn, ROUTES / 10);
	assert_int_equal(groups(w), before);
	export(w->a, NULL);
	export(w->b, NULL);
	export(w->source, NULL);
	expect(settle(w, w->b), ROUTES / 10, 0);
	assert_int_equal(w->a->count, ROUTES);
	assert_int_equal(groups(w), before);
	end(w);
}

/* Two of three: the third goes to a group of its own without a word, and comes back. */
static void most_of_a_group_are_told_together(void **state)
{
	struct world *w = world(ROUTE_SEND_BEST);
	size_t before = groups(w);
	struct test_peer *c = harness_peer(&w->h, 3, ROUTE_PEER_IBGP_CLIENT);
	uint64_t octets;

	(void)state;
	harness_up(c);
	harness_settle(&w->h, 0);
	octets = w->source->octets;
	for (int round = 0; round < 2; round++) {
		export(w->a, w->not_7);
		export(w->b, w->not_7);
		export(c, w->not_7);
		expect(settle(w, w->a), 0, ROUTES / 10);
		assert_int_equal(c->count, ROUTES * 9 / 10);
		assert_int_equal(groups(w), before + 1);
		export(w->a, NULL);
		export(w->b, NULL);
		export(c, NULL);
		expect(settle(w, w->b), ROUTES / 10, 0);
		assert_int_equal(c->count, ROUTES);
		assert_int_equal(groups(w), before);
	}
	assert_int_equal(w->source->octets, octets);
	assert_int_equal(w->a->updates, w->b->updates);
	end(w);
}

static void one_that_parts_is_told_the_difference_and_others_nothing(void **state)
{
	struct world *w = world(*(enum route_send_mode *)*state);
	size_t before = groups(w);
	uint64_t octets = w->b->octets;

	export(w->a, w->only_7);
	expect(settle(w, w->a), 0, ROUTES * 9 / 10);
	assert_int_equal(groups(w), before + 1);
	/* To one that is there already, and back. */
	export(w->a, w->not_7);
	expect(settle(w, w->a), ROUTES * 9 / 10, ROUTES / 10);
	export(w->a, NULL);
	expect(settle(w, w->a), ROUTES / 10, 0);
	assert_int_equal(groups(w), before);
	assert_int_equal(w->b->octets, octets);
	assert_int_equal(w->a->end_of_rib[0], 1);
	end(w);
}

static void settings_that_come_back_at_once_change_nothing(void **state)
{
	struct world *w = world(*(enum route_send_mode *)*state);

	export(w->a, w->only_7);
	export(w->a, NULL);
	expect(settle(w, w->a), 0, 0);
	export(w->a, w->only_7);
	route_engine_work(w->h.e, w->h.now_ms);
	export(w->a, NULL);
	harness_settle(&w->h, 0);
	assert_int_equal(w->a->count, ROUTES);
	end(w);
}

static void nothing_is_exported_and_all_again(void **state)
{
	struct world *w = world(*(enum route_send_mode *)*state);

	export(w->a, w->none);
	expect(settle(w, w->a), 0, ROUTES);
	export(w->a, NULL);
	expect(settle(w, w->a), ROUTES, 0);
	/* One that came up so has no group yet. */
	harness_down(w->b);
	w->b->cfg.export = w->none;
	harness_up(w->b);
	expect(settle(w, w->b), 0, 0);
	assert_int_equal(w->b->end_of_rib[0], 1);
	export(w->b, w->only_7);
	expect(settle(w, w->b), ROUTES / 10, 0);
	assert_int_equal(w->b->end_of_rib[0], 1);
	end(w);
}

static void an_interval_alone_is_no_news(void **state)
{
	struct world *w = world(*(enum route_send_mode *)*state);
	char text[32];

	w->a->cfg.advertisement_interval_ms = w->b->cfg.advertisement_interval_ms = 1000;
	set(w->a);
	set(w->b);
	expect(settle(w, w->a), 0, 0);
	prefix_text(0, text, sizeof(text));
	harness_announce(w->source, &(struct route){ .prefix = text, .med = 2 });
	expect(settle(w, w->a), 1, 0);
	harness_announce(w->source, &(struct route){ .prefix = text, .med = 3 });
	expect(settle(w, w->a), 0, 0);
	/* What waits is said when nothing has to wait any more. */
	w->a->cfg.advertisement_interval_ms = w->b->cfg.advertisement_interval_ms = 0;
	set(w->a);
	set(w->b);
	expect(settle(w, w->a), 1, 0);
	assert_int_equal(harness_held(w->a, text, 0)->med, 3);
	end(w);
}

static void another_next_hop_is_said_of_every_route(void **state)
{
	struct world *w = world(*(enum route_send_mode *)*state);
	char text[32];

	w->a->cfg.next_hop_self = true;
	set(w->a);
	expect(settle(w, w->a), ROUTES, 0);
	assert_int_equal(w->b->announced, ROUTES);
	prefix_text(5, text, sizeof(text));
	assert_true(ip_addr_equal(&harness_held(w->a, text, 0)->next_hop, &w->a->cfg.local[0]));
	w->b->cfg.next_hop_self = true;
	set(w->b);
	expect(settle(w, w->b), ROUTES, 0);
	w->a->cfg.next_hop_self = w->b->cfg.next_hop_self = false;
	set(w->a);
	set(w->b);
	expect(settle(w, w->a), ROUTES, 0);
	assert_true(ip_addr_equal(&harness_held(w->b, text, 0)->next_hop, &w->source->cfg.address));
	end(w);
}

static void another_choice_of_paths_is_told_as_a_difference(void **state)
{
	struct world *w = world(ROUTE_SEND_ALL);
	struct test_peer *second = harness_peer(&w->h, 11, ROUTE_PEER_IBGP_CLIENT);

	(void)state;
	harness_up(second);
	announce_all(w, second);
	harness_settle(&w->h, 0);
	assert_int_equal(w->a->count, 2 * ROUTES);
	w->a->cfg.send_mode[0] = ROUTE_SEND_BEST_N;
	w->a->cfg.send_n = 1;
	set(w->a);
	expect(settle(w, w->a), 0, ROUTES);
	w->a->cfg.send_mode[0] = ROUTE_SEND_MULTIPATH;
	set(w->a);
	expect(settle(w, w->a), ROUTES, 0);
	end(w);
}

static void a_slow_peer_is_told_when_it_reads(void **state)
{
	struct world *w = world(*(enum route_send_mode *)*state);

	w->a->stuck = true;
	export(w->a, w->only_7);
	harness_settle(&w->h, 0);
	export(w->a, w->none);
	harness_settle(&w->h, 0);
	export(w->b, w->only_7);
	expect(settle(w, w->b), 0, ROUTES * 9 / 10);
	w->a->stuck = false;
	w->a->kicked = true;
	harness_settle(&w->h, 100);
	assert_int_equal(w->a->count, 0);
	end(w);
}

static void what_import_refuses_from_now_on_is_withdrawn(void **state)
{
	struct world *w = world(*(enum route_send_mode *)*state);
	enum bgp_family f;
	char text[32];

	w->source->cfg.import = w->not_7;
	set(w->source);
	expect(settle(w, w->a), 0, ROUTES / 10);
	assert_int_equal(w->source->refiltered, 1);
	assert_int_equal(route_peer_counters(w->source->p)->received[0], ROUTES * 9 / 10);
	assert_int_equal(route_peer_counters(w->source->p)->rejected[ROUTE_REJECT_PREFIX], ROUTES / 10);
	assert_false(route_peer_over_limit(w->source->p, &f));
	/* What it admits again has to be said again. */
	w->source->cfg.import = NULL;
	set(w->source);
	expect(settle(w, w->a), 0, 0);
	prefix_text(7, text, sizeof(text));
	harness_announce(w->source, &(struct route){ .prefix = text });
	expect(settle(w, w->a), 1, 0);
	set(w->source);
	harness_settle(&w->h, 0);
	assert_int_equal(w->source->refiltered, 2);
	end(w);
}

static void a_next_hop_that_is_refused_from_now_on_is_too(void **state)
{
	struct prefix elsewhere = { .family = IP_V4, .len = 32, .bytes = { 192, 0, 2, 1 } };
	struct route_policy *p = route_policy_new(
		&(struct route_policy_config){ .next_hops = &elsewhere, .next_hop_count = 1 });
	struct world *w = world(*(enum route_send_mode *)*state);

	w->source->cfg.import = p;
	set(w->source);
	expect(settle(w, w->a), 0, ROUTES);
	assert_int_equal(route_peer_counters(w->source->p)->rejected[ROUTE_REJECT_NEXT_HOP], ROUTES);
	end(w);
	route_policy_free(p);
}

static void a_lower_limit_is_passed_by_what_is_held(void **state)
{
	struct route_policy *limit = route_policy_new(&(struct route_policy_config){ .max_prefixes = 10 });
	struct world *w = world(*(enum route_send_mode *)*state);
	enum bgp_family f = BGP_IPV6_UNICAST;

	w->source->cfg.import = limit;
	set(w->source);
	/* While it is not known how much stays, nobody is over it. */
	assert_int_equal(
		harness_announce(w->source, &(struct route){ .prefix = "10.200.0.0/24" }), ROUTE_IMPORT_OK);
	harness_settle(&w->h, 0);
	assert_true(route_peer_over_limit(w->source->p, &f));
	assert_int_equal(f, BGP_IPV4_UNICAST);
	assert_int_equal(harness_announce(w->source, &(struct route){ .prefix = "10.200.1.0/24" }),
		ROUTE_IMPORT_MAX_PREFIXES);
	end(w);
	route_policy_free(limit);
}

static void policies_are_used_as_long_as_somebody_follows_them(void **state)
{
	struct world *w = world(*(enum route_send_mode *)*state);

	assert_false(route_engine_uses(w->h.e, w->not_7));
	export(w->a, w->not_7);
	harness_settle(&w->h, 0);
	assert_true(route_engine_uses(w->h.e, w->not_7));
	w->a->stuck = true;
	export(w->a, NULL);
	assert_true(route_engine_uses(w->h.e, w->not_7));
	w->a->stuck = false;
	w->a->kicked = true;
	harness_settle(&w->h, 0);
	assert_false(route_engine_uses(w->h.e, w->not_7));
	end(w);
}

static unsigned calls_until_idle(struct world *w)
{
	unsigned calls = 1;

	while (route_engine_work(w->h.e, w->h.now_ms) == 0)
		calls++;
	return calls;
}

/* One of 1024 parts or more. */
static void a_table_is_passed_in_slices(void **state)
{
	struct world *w = world(*(enum route_send_mode *)*state);
	struct route_engine_config *cfg = (struct route_engine_config *)(uintptr_t)route_engine_config(
		w->h.e);

	cfg->walk_parts = 16;
	export(w->b, w->only_7);
	calls_until_idle(w);
	/* There is a group that only has to be joined. */
	export(w->a, w->only_7);
	assert_true(calls_until_idle(w) >= 64);
	harness_settle(&w->h, 0);
	w->source->cfg.import = w->not_7;
	set(w->source);
	assert_true(calls_until_idle(w) >= 64);
	harness_settle(&w->h, 0);
	assert_int_equal(w->a->count, 0);
	end(w);
}

static void the_decision_is_made_again(void **state)
{
	struct harness h;
	struct test_peer *x, *y, *to;

	(void)state;
	harness_init(&h, &config);
	x = harness_peer(&h, 1, ROUTE_PEER_IBGP_CLIENT);
	y = harness_peer(&h, 2, ROUTE_PEER_IBGP_CLIENT);
	to = harness_peer(&h, 3, ROUTE_PEER_IBGP_CLIENT);
	harness_up(x);
	harness_up(y);
	harness_up(to);
	harness_announce(x, &(struct route){ .prefix = "10.1.0.0/24", .as_path = "7", .med = 9 });
	harness_announce(y, &(struct route){ .prefix = "10.1.0.0/24", .as_path = "8", .med = 3 });
	harness_settle(&h, 0);
	assert_int_equal(harness_held(to, "10.1.0.0/24", 0)->med, 9);
	route_engine_reevaluate(h.e, &(struct route_decide_opts){ .always_compare_med = true });
	harness_settle(&h, 0);
	assert_int_equal(harness_held(to, "10.1.0.0/24", 0)->med, 3);
	harness_fini(&h);
}

/* --- policies compared --- */

static struct route_policy *rules_of(const char *const *rules, const char *next_hop)
{
	struct route_prefix_rule list[4];
	struct prefix nh;
	size_t n = 0;

	for (; rules[n]; n++) {
		unsigned ge, le;
		char text[32];

		assert_int_equal(sscanf(rules[n], "%31s %u %u", text, &ge, &le), 3);
		assert_true(prefix_parse(text, &list[n].prefix, NULL));
		list[n].ge = (uint8_t)ge;
		list[n].le = (uint8_t)le;
	}
	if (next_hop)
		assert_true(prefix_parse(next_hop, &nh, NULL));
	return route_policy_new(&(struct route_policy_config){
		.prefixes = list, .prefix_count = n, .next_hops = &nh, .next_hop_count = next_hop != NULL });
}

static void a_policy_admits_more_or_not(void **state)
{
	static const char *const none[] = { NULL }, *const wide[] = { "10.0.0.0/8 8 32", NULL },
				 *const narrow[] = { "10.1.0.0/16 16 24", NULL },
				 *const two[] = { "10.1.0.0/16 16 24", "10.9.0.0/16 16 16", NULL },
				 *const longer[] = { "10.1.0.0/16 16 25", NULL };
	static const struct {
		const char *const *a, *a_hop, *const *b, *b_hop;
		bool more;
	} cases[] = {
		{ wide, NULL, narrow, NULL, false },
		{ narrow, NULL, wide, NULL, true },
		{ narrow, NULL, two, NULL, true },
		{ two, NULL, narrow, NULL, false },
		{ narrow, NULL, longer, NULL, true },
		{ longer, NULL, narrow, NULL, false },
		{ wide, NULL, two, NULL, false },
		{ none, NULL, wide, NULL, false },
		{ wide, NULL, none, NULL, true },
		{ none, "10.0.0.0/8", none, "10.1.0.0/16", false },
		{ none, "10.1.0.0/16", none, "10.0.0.0/8", true },
		{ none, "10.1.0.0/16", wide, NULL, true },
		{ none, "10.1.0.0/16", wide, "10.1.0.0/16", false },
	};
	struct route_policy *nothing = route_policy_new(&(struct route_policy_config){ .none = true });

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct route_policy *a = rules_of(cases[i].a, cases[i].a_hop),
				    *b = rules_of(cases[i].b, cases[i].b_hop);

		if (route_policy_admits_more(a, b) != cases[i].more)
			fail_msg("case %zu", i);
		assert_true(route_policy_admits_more(nothing, a));
		assert_false(route_policy_admits_more(a, nothing));
		assert_false(route_policy_admits_more(NULL, a));
		route_policy_free(a);
		route_policy_free(b);
	}
	assert_true(route_policy_admits_more(nothing, NULL));
	route_policy_free(nothing);
}

/* What is refused by no rule of the operator's is taken when a rule names it: our own address, and loopback addresses. */
static void a_policy_that_names_our_own_address_admits_more(void **state)
{
	static const char *const none[] = { NULL };
	static const struct {
		const char *before, *after;
		bool more;
	} cases[] = {
		{ NULL, "192.0.2.0/24", false },
		{ NULL, "10.0.0.254/32", true },
		{ NULL, "10.0.0.0/8", true },
		{ "10.0.0.0/8", "10.0.0.254/32", false },
		{ "10.0.0.0/8", "10.0.0.0/24", false },
		{ "0.0.0.0/0", "127.0.0.0/8", false },
		{ NULL, "127.0.0.2/32", true },
		{ NULL, "0.0.0.0/0", true },
		{ NULL, "::1/128", true },
	};
	struct world *w = world(*(enum route_send_mode *)*state);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct route_policy *before = rules_of(none, cases[i].before),
				    *after = rules_of(none, cases[i].after);

		w->source->cfg.import = before;
		set(w->source);
		harness_settle(&w->h, 0);
		if (route_peer_admits_more(w->source->p, after) != cases[i].more)
			fail_msg("case %zu", i);
		w->source->cfg.import = NULL;
		set(w->source);
		harness_settle(&w->h, 0);
		route_policy_free(before);
		route_policy_free(after);
	}
	end(w);
}

static void no_room_for_another_group_is_told(void **state)
{
	struct route_policy *policy[ROUTE_GROUPS_MAX];
	struct harness h;
	struct test_peer *p, *stay;

	(void)state;
	harness_init(&h, &config);
	stay = harness_peer(&h, 1, ROUTE_PEER_IBGP_CLIENT);
	harness_up(stay);
	/* Each peer leaves a group behind that only it could follow; so all are taken. */
	for (int i = 0; i < ROUTE_GROUPS_MAX; i++)
		policy[i] = route_policy_new(&(struct route_policy_config){ .none = false });
	p = harness_peer(&h, 2, ROUTE_PEER_IBGP_CLIENT);
	for (int i = 1; i < ROUTE_GROUPS_MAX; i++) {
		struct route_peer_config cfg = p->cfg;

		cfg.export = policy[i];
		route_peer_new(h.e, &cfg, &p->n, p);
	}
	harness_up(p);
	assert_int_equal(route_engine_groups(h.e, BGP_IPV4_UNICAST), ROUTE_GROUPS_MAX);
	p->cfg.export = policy[0];
	set(p);
	route_engine_work(h.e, h.now_ms);
	assert_int_equal(p->unserved, 1);
	harness_fini(&h);
	for (int i = 0; i < ROUTE_GROUPS_MAX; i++)
		route_policy_free(policy[i]);
}

static enum route_send_mode best = ROUTE_SEND_BEST, all = ROUTE_SEND_ALL;

#define BOTH(test) cmocka_unit_test_prestate(test, &best), cmocka_unit_test_prestate(test, &all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_whole_group_takes_the_new_key_and_is_told_the_difference),
		BOTH(one_that_parts_is_told_the_difference_and_others_nothing),
		BOTH(settings_that_come_back_at_once_change_nothing),
		BOTH(nothing_is_exported_and_all_again),
		BOTH(an_interval_alone_is_no_news),
		BOTH(another_next_hop_is_said_of_every_route),
		cmocka_unit_test(most_of_a_group_are_told_together),
		cmocka_unit_test(another_choice_of_paths_is_told_as_a_difference),
		BOTH(a_slow_peer_is_told_when_it_reads),
		BOTH(what_import_refuses_from_now_on_is_withdrawn),
		BOTH(a_next_hop_that_is_refused_from_now_on_is_too),
		BOTH(a_lower_limit_is_passed_by_what_is_held),
		BOTH(policies_are_used_as_long_as_somebody_follows_them),
		BOTH(a_table_is_passed_in_slices),
		cmocka_unit_test(the_decision_is_made_again),
		cmocka_unit_test(a_policy_admits_more_or_not),
		cmocka_unit_test_prestate(a_policy_that_names_our_own_address_admits_more, &best),
		cmocka_unit_test(no_room_for_another_group_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

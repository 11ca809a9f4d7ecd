/* The watch: each change told once, the whole of them the table, and nothing left of it when it ends. */
#include "harness.h"
#include "route/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PEERS = 6, PREFIXES = 24, IDS = 2, STEPS = 4000 };

static const struct route_engine_config config = {
	.local_as = 65021, .router_id = 0x0a0000fe, .cluster_id = 0x0a0000fe, .walk_parts = 8
};

/* What somebody knows who adds what he is told to what was there when he came. */
struct known {
	uint32_t value[PEERS][PREFIXES][IDS]; /* 0: no path */
	int best[PREFIXES];		      /* (peer + 1) * IDS + identifier; 0: none */
};

struct world {
	struct harness h;
	struct known known, shown;
	struct route_watch_ops ops;
	bool strict; /* what is told must be news */
	unsigned events[4], ready;
};

static void prefix_text(int i, char *buf, size_t size)
{
	snprintf(buf, size, "10.1.%d.0/24", i);
}

static int prefix_number(const struct route_entry *e)
{
	return route_entry_prefix(e).bytes[2];
}

static int peer_number(const struct route_path *p)
{
	return route_peer_config(p->peer)->address.bytes[3] - 1;
}

static int name_of(const struct route_path *p)
{
	return p ? (peer_number(p) + 1) * IDS + (int)p->path_id_in : 0;
}

/* What it carries, as a number. */
static uint32_t value_of(const struct route_path *p)
{
	struct bgp_attrs a;

	route_attrs_decode(p->attrs, &a);
	return a.med + 1000 * a.local_pref;
}

static void on_event(void *user, enum route_watch_event what, struct route_entry *e,
	const struct route_path *path, const struct route_path *old)
{
	struct world *w = user;
	int prefix = prefix_number(e);
	uint32_t *value = path ? &w->known.value[peer_number(path)][prefix][path->path_id_in] : NULL;

	w->events[what]++;
	switch (what) {
	case ROUTE_WATCH_ADDED:
		assert_true(!w->strict || *value == 0);
		*value = value_of(path);
		break;
	case ROUTE_WATCH_CHANGED:
		assert_true(!w->strict || *value); /* perhaps changed and changed back */
		*value = value_of(path);
		break;
	case ROUTE_WATCH_WITHDRAWN:
		assert_true(!w->strict || *value);
		*value = 0;
		break;
	case ROUTE_WATCH_BEST: /* of the same name where it was withdrawn and came again */
		assert_true(!w->strict || w->known.best[prefix] == name_of(old));
		w->known.best[prefix] = name_of(path);
		break;
	}
}

static void on_ready(void *user)
{
	((struct world *)user)->ready++;
}

static void look(void *user, struct route_entry *e)
{
	struct world *w = user;
	struct known *k = &w->shown;

	route_engine_watch_look(w->h.e, e);
	ROUTE_EACH_PATH (p, &e->paths)
		if (route_watch_shows(p))
			k->value[peer_number(p)][prefix_number(e)][p->path_id_in] = value_of(p);
	k->best[prefix_number(e)] = name_of(route_decide(route_engine_decide(w->h.e), e));
}

/* The table as it is. */
static struct known table(struct world *w)
{
	uint64_t at = 0;

	memset(&w->shown, 0, sizeof(w->shown));
	while (route_rib_walk(route_engine_rib(w->h.e, BGP_IPV4_UNICAST), &at, look, w))
		;
	return w->shown;
}

static void expect_known(struct world *w)
{
	struct known k = table(w);

	assert_memory_equal(&w->known, &k, sizeof(k));
}

static int setup(void **state)
{
	static const enum route_peer_type types[PEERS] = { ROUTE_PEER_IBGP_CLIENT, ROUTE_PEER_IBGP_CLIENT,
		ROUTE_PEER_IBGP, ROUTE_PEER_EBGP, ROUTE_PEER_IBGP_CLIENT, ROUTE_PEER_IBGP };
	struct world *w = calloc(1, sizeof(*w));

	harness_init(&w->h, &config);
	w->ops = (struct route_watch_ops){ on_event, on_ready };
	for (unsigned i = 1; i <= PEERS; i++) {
		struct test_peer *p = harness_peer(&w->h, i, types[i - 1]);

		p->n.add_path_rx[BGP_IPV4_UNICAST] = true;
		p->n.add_path_tx[BGP_IPV4_UNICAST] = i % 2;
		p->cfg.send_mode[BGP_IPV4_UNICAST] = i % 2 ? ROUTE_SEND_ALL : ROUTE_SEND_BEST;
		harness_up(p);
	}
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	harness_fini(&w->h);
	free(w);
	return 0;
}

static struct test_peer *peer(struct world *w, int i)
{
	return &w->h.peer[i + 1];
}

static void random_step(struct world *w)
{
	struct test_peer *p = peer(w, rand() % PEERS);
	uint32_t id = (uint32_t)(rand() % IDS);
	char text[32];
	int dice = rand() % 100;

	prefix_text(rand() % PREFIXES, text, sizeof(text));
	if (!p->p)
		harness_up(p);
	else if (dice < 2)
		harness_down(p);
	else if (dice < 40)
		harness_withdraw(p, text, id);
	else
		harness_announce(p, &(struct route){ .prefix = text,
					    .path_id = id,
					    .med = (uint32_t)(rand() % 4) + 1,
					    .local_pref = (uint32_t)(rand() % 3) + 100,
					    .as_path = p->cfg.type == ROUTE_PEER_EBGP ? "65001" : NULL });
}

static void what_is_told_is_what_has_changed(void **state)
{
	struct world *w = *state;

	srand(7);
	for (int i = 0; i < 200; i++)
		random_step(w);
	harness_settle(&w->h, 0);
	assert_true(route_engine_watch(w->h.e, &w->ops, w));
	harness_settle(&w->h, 0);
	assert_int_equal(w->ready, 1);
	assert_int_equal(w->events[ROUTE_WATCH_ADDED] + w->events[ROUTE_WATCH_BEST], 0);
	w->known = table(w);
	w->strict = true;
	for (int i = 0; i < STEPS; i++) {
		random_step(w);
		if (rand() % 8)
			continue;
		harness_settle(&w->h, 0);
		expect_known(w);
	}
	for (int i = 0; i < 4; i++)
		assert_true(w->events[i] > 100);
}

/* The table changes while the watch begins, ends and begins again. */
static void one_who_comes_in_the_middle_misses_nothing(void **state)
{
	struct world *w = *state;

	srand(11);
	for (int round = 0; round < 60; round++) {
		unsigned ready = w->ready;

		for (int i = 0; i < 60; i++)
			random_step(w);
		if (round % 3 == 0)
			harness_settle(&w->h, 0);
		assert_true(route_engine_watch(w->h.e, &w->ops, w));
		while (w->ready == ready) {
			random_step(w);
			route_engine_work(w->h.e, w->h.now_ms);
		}
		/* There is something to be read while the table is shown, and it changes again before that is. */
		for (int i = 0; i < 30; i++)
			random_step(w);
		w->known = table(w);
		for (int i = 0; i < 60; i++)
			random_step(w);
		harness_settle(&w->h, 0);
		expect_known(w);
		route_engine_unwatch(w->h.e);
		for (int i = rand() % 5; i > 0; i--)
			route_engine_work(w->h.e, w->h.now_ms);
	}
}

static void nothing_is_left_when_nobody_watches(void **state)
{
	struct world *w = *state;
	unsigned told;

	srand(13);
	assert_true(route_engine_watch(w->h.e, &w->ops, w));
	for (int i = 0; i < 500; i++)
		random_step(w);
	harness_settle(&w->h, 0);
	route_engine_unwatch(w->h.e);
	told = w->events[ROUTE_WATCH_ADDED];
	for (int i = 0; i < PEERS; i++)
		if (peer(w, i)->p)
			harness_down(peer(w, i));
	harness_settle(&w->h, 0);
	assert_int_equal(w->events[ROUTE_WATCH_ADDED], told);
	assert_int_equal(route_rib_entries(route_engine_rib(w->h.e, BGP_IPV4_UNICAST)), 0);
	assert_int_equal(route_rib_tombstones(route_engine_rib(w->h.e, BGP_IPV4_UNICAST)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_told_is_what_has_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(one_who_comes_in_the_middle_misses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_left_when_nobody_watches, setup, teardown),
	};

	return cmocka_run_group_tests_name("route/watch", tests, NULL, NULL);
}

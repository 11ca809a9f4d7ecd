/*
 * Random churn against a slow, obvious model: whatever peers announce, withdraw, lose, ask for again or fail to read, and
 * whatever becomes of their settings meanwhile, at each checkpoint every peer holds exactly what the model says, no peer was
 * ever told of its own path, and every withdrawal named a path that really was.
 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PEERS = 12, PREFIXES = 24, IDS = 3, LOCAL_AS = 65021, INTERVAL_MS = 50 };

static const struct route_engine_config config = { .local_as = LOCAL_AS,
	.router_id = 0x0a0000fe,
	.cluster_id = 0x0a0000fe,
	.stream_window = 200 * 1024,
	.walk_parts = 3 };

/* --- the model --- */

struct ann {
	bool there;
	uint32_t med, local_pref;
	const char *as_path;
	unsigned as_path_len, neighbor_as;
	uint8_t origin;
};

/* What a policy of the test lets pass. */
enum { ALL, ODD, LOW, NOTHING, POLICIES };

struct settings {
	int import, export;
	enum route_send_mode mode;
	bool next_hop_self, interval;
};

struct model {
	struct ann ann[PEERS][PREFIXES][IDS];
	struct settings set[PEERS];
	struct route_policy *policy[POLICIES];
};

struct cand {
	int peer, id;
	const struct ann *a;
};

static const enum route_peer_type types[PEERS] = { ROUTE_PEER_IBGP_CLIENT, ROUTE_PEER_IBGP_CLIENT,
	ROUTE_PEER_IBGP_CLIENT, ROUTE_PEER_IBGP_CLIENT, ROUTE_PEER_IBGP_CLIENT, ROUTE_PEER_IBGP_CLIENT,
	ROUTE_PEER_IBGP, ROUTE_PEER_IBGP, ROUTE_PEER_IBGP, ROUTE_PEER_EBGP, ROUTE_PEER_EBGP,
	ROUTE_PEER_IBGP_CLIENT };
static const enum route_send_mode modes[PEERS] = { ROUTE_SEND_BEST, ROUTE_SEND_BEST, ROUTE_SEND_ALL,
	ROUTE_SEND_ALL, ROUTE_SEND_BEST_N, ROUTE_SEND_MULTIPATH, ROUTE_SEND_BEST, ROUTE_SEND_ALL,
	ROUTE_SEND_MULTIPATH, ROUTE_SEND_BEST, ROUTE_SEND_ALL, ROUTE_SEND_BEST };
enum { BEST_N = 3 };

static uint32_t local_pref_of(const struct ann *a)
{
	return a->local_pref ? a->local_pref : 100;
}

static unsigned long peer_id(int peer)
{
	return 0x0a000000ul + (unsigned)peer + 1;
}

/* Steps 1 to 3 and 5 as one number, smaller is better; 4 (MED) stands between and needs the others. */
static unsigned long first_key(const struct cand *c)
{
	return (1000ul - local_pref_of(c->a)) * 10000 + c->a->as_path_len * 100 + c->a->origin;
}

static bool med_beaten(const struct cand *c, const struct cand *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (first_key(&all[i]) == first_key(c) && all[i].a->neighbor_as == c->a->neighbor_as &&
			all[i].a->med < c->a->med)
			return true;
	return false;
}

/* Leaves the equal-cost set in out; the best is out[0]. */
static size_t decide(const struct cand *all, size_t n, struct cand *out)
{
	unsigned long lowest = ~0ul;
	bool ebgp = false;
	size_t m = 0, best = 0, k = 0;

	for (size_t i = 0; i < n; i++)
		if (first_key(&all[i]) < lowest)
			lowest = first_key(&all[i]);
	for (size_t i = 0; i < n; i++)
		if (first_key(&all[i]) == lowest && !med_beaten(&all[i], all, n))
			ebgp |= types[all[i].peer] == ROUTE_PEER_EBGP;
	for (size_t i = 0; i < n; i++)
		if (first_key(&all[i]) == lowest && !med_beaten(&all[i], all, n) &&
			(types[all[i].peer] == ROUTE_PEER_EBGP) == ebgp)
			out[m++] = all[i];
	for (size_t i = 1; i < m; i++)
		if (peer_id(out[i].peer) * 10 + (unsigned)out[i].id <
			peer_id(out[best].peer) * 10 + (unsigned)out[best].id)
			best = i;
	if (m) {
		struct cand b = out[best];

		out[best] = out[0];
		out[0] = b;
	}
	for (size_t i = 0; i < m; i++)
		if (!ebgp || out[i].a->neighbor_as == out[0].a->neighbor_as)
			out[k++] = out[i];
	return k;
}

static bool passes(int policy, int prefix)
{
	return policy == ALL || (policy == ODD && prefix % 2) || (policy == LOW && prefix < PREFIXES / 2);
}

static bool may_send(int from, int to)
{
	return !(types[from] == ROUTE_PEER_IBGP && types[to] == ROUTE_PEER_IBGP);
}

static size_t candidates(const struct model *m, int prefix, struct cand *out)
{
	size_t n = 0;

	for (int p = 0; p < PEERS; p++)
		for (int id = 0; id < IDS; id++)
			if (m->ann[p][prefix][id].there)
				out[n++] = (struct cand){ p, id, &m->ann[p][prefix][id] };
	return n;
}

static size_t rank(const struct cand *all, size_t n, struct cand *out)
{
	struct cand rest[PEERS * IDS], equal[PEERS * IDS] = { 0 };
	size_t ranked = 0;

	memcpy(rest, all, n * sizeof(*all));
	while (ranked < BEST_N && n) {
		decide(rest, n, equal);
		out[ranked++] = equal[0];
		for (size_t i = 0; i < n; i++)
			if (rest[i].peer == equal[0].peer && rest[i].id == equal[0].id) {
				rest[i] = rest[--n];
				break;
			}
	}
	return ranked;
}

/* What peer `to` must hold of a prefix. */
static size_t expected(const struct model *m, int prefix, int to, struct cand *out)
{
	struct cand all[PEERS * IDS], chosen[PEERS * IDS];
	size_t n = candidates(m, prefix, all), count, kept = 0;

	if (!passes(m->set[to].export, prefix))
		return 0;
	switch (m->set[to].mode) {
	case ROUTE_SEND_ALL:
		memcpy(chosen, all, n * sizeof(*all));
		count = n;
		break;
	case ROUTE_SEND_BEST_N:
		count = rank(all, n, chosen);
		break;
	case ROUTE_SEND_MULTIPATH:
		count = decide(all, n, chosen);
		break;
	default:
		count = n ? decide(all, n, chosen) > 0 : 0;
	}
	for (size_t i = 0; i < count; i++)
		if (chosen[i].peer != to && may_send(chosen[i].peer, to))
			out[kept++] = chosen[i];
	return kept;
}

/* --- comparing --- */

static void next_hop_text(int peer, int id, char *buf, size_t size)
{
	snprintf(buf, size, "10.9.%d.%d", peer, id);
}

static void prefix_text(int prefix, char *buf, size_t size)
{
	snprintf(buf, size, "10.1.%d.0/24", prefix);
}

static bool holds(const struct test_peer *p, const char *prefix, const struct cand *c, bool next_hop_self)
{
	bool out = p->cfg.type == ROUTE_PEER_EBGP;
	char nh_text[32];
	struct ip_addr nh;

	next_hop_text(c->peer, c->id, nh_text, sizeof(nh_text));
	ip_addr_parse(nh_text, &nh);
	if (next_hop_self)
		nh = p->cfg.local[0];
	for (size_t i = 0; i < harness_held_count(p, prefix); i++) {
		const struct held *h = harness_held(p, prefix, i);

		if (out ? h->as_path_len == c->a->as_path_len + 1
			: ip_addr_equal(&h->next_hop, &nh) && h->med == c->a->med &&
					h->local_pref == local_pref_of(c->a))
			return true;
	}
	return false;
}

static unsigned received(const struct model *m, int peer)
{
	unsigned n = 0;

	for (int prefix = 0; prefix < PREFIXES; prefix++)
		for (int id = 0; id < IDS; id++)
			n += m->ann[peer][prefix][id].there;
	return n;
}

static void compare(const struct harness *h, const struct model *m)
{
	for (int to = 0; to < PEERS; to++) {
		const struct test_peer *p = &h->peer[to + 1];

		if (!p->p)
			continue;
		assert_int_equal(p->bogus_withdrawals, 0);
		assert_int_equal(p->own_routes, 0);
		assert_int_equal(route_peer_counters(p->p)->received[0], received(m, to));
		for (int prefix = 0; prefix < PREFIXES; prefix++) {
			struct cand want[PEERS * IDS];
			size_t n = expected(m, prefix, to, want);
			char text[32];

			prefix_text(prefix, text, sizeof(text));
			assert_int_equal(harness_held_count(p, text), n);
			for (size_t i = 0; i < n; i++)
				assert_true(holds(p, text, &want[i], m->set[to].next_hop_self));
		}
	}
}

/* --- churn --- */

static void announce(struct harness *h, struct model *m, int peer, int prefix, int id)
{
	static const char *const paths[] = { NULL, "7", "8", "7 8", "8 9" };
	static const unsigned lens[] = { 0, 1, 1, 2, 2 }, neighbors[] = { 0, 7, 8, 7, 8 };
	struct ann *a = &m->ann[peer][prefix][id];
	int path = (int)random() % 5;
	char text[32], nh[32];

	*a = (struct ann){ passes(m->set[peer].import, prefix), (uint32_t)random() % 3,
		random() % 4 ? 0 : 200, paths[path], lens[path], neighbors[path],
		(uint8_t)(random() % 8 == 0) };
	prefix_text(prefix, text, sizeof(text));
	next_hop_text(peer, id, nh, sizeof(nh));
	harness_announce(&h->peer[peer + 1], &(struct route){ .prefix = text,
						     .path_id = (uint32_t)id,
						     .med = a->med,
						     .local_pref = a->local_pref,
						     .as_path = a->as_path,
						     .origin = a->origin,
						     .next_hop = nh,
						     .padding = random() % 4 ? 0 : 900 });
}

/* Other settings for a peer, up or not; several in a row sometimes, before any of them has taken effect. */
static void change(struct harness *h, struct model *m, int peer)
{
	struct test_peer *p = &h->peer[peer + 1];
	struct settings *s = &m->set[peer];
	int import = s->import;

	if (random() % 3 == 0)
		import = (int)random() % POLICIES;
	if (random() % 2)
		s->export = (int)random() % POLICIES;
	if (random() % 4 == 0)
		s->next_hop_self = !s->next_hop_self;
	if (random() % 4 == 0)
		s->interval = !s->interval;
	if (s->mode != ROUTE_SEND_BEST && random() % 2)
		s->mode = (enum route_send_mode)(ROUTE_SEND_ALL + random() % 3);
	p->cfg.import = m->policy[import];
	p->cfg.export = m->policy[s->export];
	p->cfg.next_hop_self = s->next_hop_self;
	p->cfg.advertisement_interval_ms = s->interval ? INTERVAL_MS : 0;
	p->cfg.send_mode[0] = s->mode;
	if (p->p)
		route_peer_set_config(p->p, &p->cfg);
	for (int i = (int)random() % 8; p->p && i > 4; i--)
		route_engine_work(h->e, h->now_ms);
	if (p->p && random() % 4 == 0)
		route_peer_refresh(p->p, BGP_IPV4_UNICAST);
	if (import == s->import)
		return;
	s->import = import;
	for (int prefix = 0; prefix < PREFIXES; prefix++)
		for (int id = 0; id < IDS; id++)
			m->ann[peer][prefix][id].there &= passes(import, prefix);
	/* What a policy removed is gone, even if the next one would have let it pass. */
	harness_settle(h, 0);
}

static void make_policies(struct model *m)
{
	struct route_prefix_rule odd[PREFIXES / 2], low[PREFIXES / 2];
	char text[32];

	for (int i = 0; i < PREFIXES / 2; i++) {
		prefix_text(2 * i + 1, text, sizeof(text));
		odd[i] = (struct route_prefix_rule){ .ge = 24, .le = 24 };
		assert_true(prefix_parse(text, &odd[i].prefix, NULL));
		prefix_text(i, text, sizeof(text));
		low[i] = (struct route_prefix_rule){ .ge = 24, .le = 24 };
		assert_true(prefix_parse(text, &low[i].prefix, NULL));
	}
	m->policy[ODD] = route_policy_new(
		&(struct route_policy_config){ .prefixes = odd, .prefix_count = PREFIXES / 2 });
	m->policy[LOW] = route_policy_new(
		&(struct route_policy_config){ .prefixes = low, .prefix_count = PREFIXES / 2 });
	m->policy[NOTHING] = route_policy_new(&(struct route_policy_config){ .none = true });
}

static void step(struct harness *h, struct model *m)
{
	int peer = (int)random() % PEERS, prefix = (int)random() % PREFIXES, id = (int)random() % IDS;
	struct test_peer *p = &h->peer[peer + 1];
	int what = (int)random() % 1000;
	char text[32];

	prefix_text(prefix, text, sizeof(text));
	if (!p->p) {
		if (what < 200) {
			p->stuck = false;
			harness_up(p);
		}
	} else if (what < 600) {
		announce(h, m, peer, prefix, id);
	} else if (what < 950) {
		harness_withdraw(p, text, (uint32_t)id);
		m->ann[peer][prefix][id].there = false;
	} else if (what < 960) {
		harness_down(p);
		memset(m->ann[peer], 0, sizeof(m->ann[peer]));
	} else if (what < 970) {
		route_peer_refresh(p->p, BGP_IPV4_UNICAST);
	} else if (what < 982) {
		p->stuck = !p->stuck;
		p->kicked = true;
	} else if (what < 992) {
		for (int i = (int)random() % PEERS, n = random() % 4 ? 1 : PEERS; n > 0; i++, n--)
			change(h, m, i % PEERS);
	} else {
		harness_settle(h, (size_t)random() % 300 + 1);
	}
}

static void random_churn_equals_the_model(void **state)
{
	struct harness *hp = calloc(1, sizeof(*hp));
	struct model *m = calloc(1, sizeof(*m));
	size_t moved = 0;

	(void)state;
	srandom(getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : 7);
	make_policies(m);
	harness_init(hp, &config);
	for (unsigned i = 0; i < PEERS; i++) {
		struct test_peer *p = harness_peer(hp, i + 1, types[i]);

		p->cfg.send_mode[0] = m->set[i].mode = modes[i];
		p->cfg.send_n = BEST_N;
		p->n.add_path_tx[0] = modes[i] != ROUTE_SEND_BEST;
		p->n.enhanced_route_refresh = i % 2;
		harness_up(p);
	}
	for (int i = 0; i < 40000; i++) {
		step(hp, m);
		switch (random() % 6) {
		case 0:
			harness_settle(hp, 0);
			break;
		case 1: /* in the middle of what is under way */
			route_engine_work(hp->e, hp->now_ms);
			break;
		}
		if (i % 400 != 399)
			continue;
		for (int k = 1; k <= PEERS; k++) {
			hp->peer[k].stuck = false;
			hp->peer[k].kicked = hp->peer[k].p != NULL;
		}
		harness_settle(hp, (size_t)random() % 5000);
		hp->now_ms += 2 * INTERVAL_MS;
		harness_settle(hp, (size_t)random() % 5000);
		compare(hp, m);
		moved += route_engine_groups(hp->e, BGP_IPV4_UNICAST);
	}
	/* Groups come and go with the settings; there are more than the kinds of peers at the start. */
	assert_true(moved > 100 * 8);
	harness_fini(hp);
	for (int i = 0; i < POLICIES; i++)
		route_policy_free(m->policy[i]);
	free(hp);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_churn_equals_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

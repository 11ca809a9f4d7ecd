#include "route/policy.h"

#include "base/mem.h"
#include "base/trie.h"

#include <stdlib.h>
#include <string.h>

struct route_policy {
	struct route_policy_config cfg; /* with arrays of its own */
	struct trie *prefixes; /* prefix -> the first of its rules; rules of one prefix stand together */
	struct trie *next_hops;
};

static int rule_cmp(const void *a, const void *b)
{
	const struct route_prefix_rule *x = a, *y = b;
	int c = prefix_cmp(&x->prefix, &y->prefix);

	if (c)
		return c;
	return x->ge != y->ge ? (int)x->ge - y->ge : (int)x->le - y->le;
}

static int next_hop_cmp(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

static void *copy(const void *data, size_t count, size_t size)
{
	void *p = mem_calloc(count ? count : 1, size);

	if (count)
		memcpy(p, data, count * size);
	return p;
}

struct route_policy *route_policy_new(const struct route_policy_config *cfg)
{
	struct route_policy *p = mem_calloc(1, sizeof(*p));
	struct route_prefix_rule *rules = copy(cfg->prefixes, cfg->prefix_count, sizeof(*rules));
	struct prefix *next_hops = copy(cfg->next_hops, cfg->next_hop_count, sizeof(*next_hops));

	qsort(rules, cfg->prefix_count, sizeof(*rules), rule_cmp);
	qsort(next_hops, cfg->next_hop_count, sizeof(*next_hops), next_hop_cmp);
	p->cfg = *cfg;
	p->cfg.prefixes = rules;
	p->cfg.next_hops = next_hops;
	p->prefixes = trie_new();
	for (size_t i = cfg->prefix_count; i-- > 0;)
		trie_set(p->prefixes, &rules[i].prefix, &rules[i]);
	p->next_hops = trie_new();
	for (size_t i = 0; i < cfg->next_hop_count; i++)
		trie_set(p->next_hops, &next_hops[i], &next_hops[i]);
	return p;
}

void route_policy_free(struct route_policy *p)
{
	if (!p)
		return;
	trie_free(p->prefixes);
	trie_free(p->next_hops);
	free((void *)(uintptr_t)p->cfg.prefixes);
	free((void *)(uintptr_t)p->cfg.next_hops);
	free(p);
}

bool route_policy_none(const struct route_policy *p)
{
	return p && p->cfg.none;
}

struct match {
	const struct route_policy *policy;
	uint8_t len;
};

static bool length_matches(void *user, const struct prefix *covering, void *value)
{
	const struct match *m = user;
	const struct route_prefix_rule *r = value,
				       *end = m->policy->cfg.prefixes + m->policy->cfg.prefix_count;

	for (; r < end && prefix_equal(&r->prefix, covering); r++)
		if (m->len >= r->ge && m->len <= r->le)
			return true;
	return false;
}

bool route_policy_allows_prefix(const struct route_policy *p, const struct prefix *prefix)
{
	struct match m = { p, prefix->len };

	if (!p)
		return true;
	if (p->cfg.none)
		return false;
	return p->cfg.prefix_count == 0 || trie_walk_covering(p->prefixes, prefix, length_matches, &m);
}

bool route_policy_allows_next_hop(const struct route_policy *p, const struct ip_addr *next_hop)
{
	struct prefix host = prefix_host(next_hop);

	if (!p)
		return true;
	if (p->cfg.none)
		return false;
	return p->cfg.next_hop_count == 0 || trie_match(p->next_hops, &host);
}

bool route_policy_names_next_hop(const struct route_policy *p, const struct ip_addr *next_hop)
{
	return p && p->cfg.next_hop_count && route_policy_allows_next_hop(p, next_hop);
}

uint32_t route_policy_max_prefixes(const struct route_policy *p)
{
	return p ? p->cfg.max_prefixes : 0;
}

/* --- comparing --- */

/* Does one rule of the policy let all pass that the rule does? */
static bool rule_is_covered(const struct route_policy *p, const struct route_prefix_rule *rule)
{
	for (size_t i = 0; i < p->cfg.prefix_count; i++) {
		const struct route_prefix_rule *r = &p->cfg.prefixes[i];

		if (prefix_contains(&r->prefix, &rule->prefix) && r->ge <= rule->ge && r->le >= rule->le)
			return true;
	}
	return p->cfg.prefix_count == 0;
}

static bool next_hop_is_covered(const struct route_policy *p, const struct prefix *next_hop)
{
	for (size_t i = 0; i < p->cfg.next_hop_count; i++)
		if (prefix_contains(&p->cfg.next_hops[i], next_hop))
			return true;
	return p->cfg.next_hop_count == 0;
}

bool route_policy_names_more(
	const struct route_policy *before, const struct route_policy *after, const struct prefix *in)
{
	bool named = before && !before->cfg.none && before->cfg.next_hop_count;

	if (!after || after->cfg.none)
		return false;
	for (size_t i = 0; i < after->cfg.next_hop_count; i++) {
		const struct prefix *n = &after->cfg.next_hops[i];

		if ((prefix_contains(n, in) || prefix_contains(in, n)) &&
			!(named && next_hop_is_covered(before, n)))
			return true;
	}
	return false;
}

bool route_policy_admits_more(const struct route_policy *before, const struct route_policy *after)
{
	if (!before || (after && after->cfg.none))
		return false;
	if (before->cfg.none)
		return true;
	if (!after || (before->cfg.prefix_count && !after->cfg.prefix_count) ||
		(before->cfg.next_hop_count && !after->cfg.next_hop_count))
		return before->cfg.prefix_count || before->cfg.next_hop_count;
	for (size_t i = 0; i < after->cfg.prefix_count; i++)
		if (!rule_is_covered(before, &after->cfg.prefixes[i]))
			return true;
	for (size_t i = 0; i < after->cfg.next_hop_count; i++)
		if (!next_hop_is_covered(before, &after->cfg.next_hops[i]))
			return true;
	return false;
}

bool route_policy_equal(const struct route_policy *a, const struct route_policy *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->cfg.none != b->cfg.none || a->cfg.max_prefixes != b->cfg.max_prefixes ||
		a->cfg.prefix_count != b->cfg.prefix_count || a->cfg.next_hop_count != b->cfg.next_hop_count)
		return false;
	for (size_t i = 0; i < a->cfg.prefix_count; i++)
		if (rule_cmp(&a->cfg.prefixes[i], &b->cfg.prefixes[i]))
			return false;
	for (size_t i = 0; i < a->cfg.next_hop_count; i++)
		if (next_hop_cmp(&a->cfg.next_hops[i], &b->cfg.next_hops[i]))
			return false;
	return true;
}

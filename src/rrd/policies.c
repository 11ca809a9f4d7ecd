#include "rrd/policies.h"

#include "base/mem.h"

#include <stdlib.h>

struct policies {
	struct route_policy **policy;
	size_t count;
};

struct policies *policies_new(void)
{
	return mem_calloc(1, sizeof(struct policies));
}

void policies_free(struct policies *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++)
		route_policy_free(p->policy[i]);
	free(p->policy);
	free(p);
}

static bool passes_everything(const struct config_policy *c)
{
	return !c->none && !c->rule_count && !c->next_hop_count && !c->max_prefixes;
}

static struct route_policy *make(const struct config_policy *c)
{
	struct route_prefix_rule *rules = mem_calloc(c->rule_count + 1, sizeof(*rules));
	struct route_policy *made;

	for (size_t i = 0; i < c->rule_count; i++)
		rules[i] = (struct route_prefix_rule){ c->rules[i].prefix, c->rules[i].ge, c->rules[i].le };
	made = route_policy_new(&(struct route_policy_config){ .none = c->none,
		.prefixes = rules,
		.prefix_count = c->rule_count,
		.next_hops = c->next_hops,
		.next_hop_count = c->next_hop_count,
		.max_prefixes = c->max_prefixes });
	free(rules);
	return made;
}

const struct route_policy *policies_get(struct policies *p, const struct config_policy *c)
{
	struct route_policy *made;

	if (passes_everything(c))
		return NULL;
	made = make(c);
	for (size_t i = 0; i < p->count; i++) {
		if (route_policy_equal(p->policy[i], made)) {
			route_policy_free(made);
			return p->policy[i];
		}
	}
	p->policy = mem_realloc(p->policy, (p->count + 1) * sizeof(struct route_policy *));
	p->policy[p->count++] = made;
	return made;
}

void policies_sweep(struct policies *p, const struct route_engine *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (route_engine_uses(e, p->policy[i]))
			p->policy[kept++] = p->policy[i];
		else
			route_policy_free(p->policy[i]);
	}
	p->count = kept;
}

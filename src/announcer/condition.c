#include "announcer/condition.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	WHY_MAX = 240, /* what a gate keeps of it */
	TARGET_MAX = PREFIX_TEXT_MAX + 16,
};

struct condition {
	struct conditions *all;
	const struct config_check *cfg;
	struct probe *probe;
	char address[TARGET_MAX];
};

struct conditions {
	void (*changed)(void *user);
	void *user;
	char service[PREFIX_TEXT_MAX]; /* for a command's environment */
	char why[WHY_MAX];
	size_t count;
	struct condition list[];
};

static void changed(void *user, const struct probe_view *v)
{
	const struct condition *c = user;

	(void)v;
	c->all->changed(c->all->user);
}

static bool may_run(void *user)
{
	(void)user;
	return true;
}

static const struct probe_ops ops = { .changed = changed, .may_run = may_run };

static void start(
	struct conditions *k, size_t i, const struct check_env *env, const struct config_condition *cfg)
{
	struct condition *c = &k->list[i];
	const struct check_target target = { .addr = cfg->address,
		.port = cfg->check.port,
		.server = cfg->address,
		.server_port = cfg->check.port,
		.service = k->service };
	char text[PREFIX_TEXT_MAX];
	bool v6 = cfg->address.family == IP_V6;

	c->all = k;
	c->cfg = &cfg->check;
	snprintf(c->address, sizeof(c->address), "%s%s%s:%u", v6 ? "[" : "",
		ip_addr_format(&cfg->address, text), v6 ? "]" : "", cfg->check.port);
	/* Phase 0: the first run is at once, since the service waits for it. */
	c->probe = probe_new(env, &cfg->check, &target, false, 0, &ops, c);
}

struct conditions *conditions_new(const struct check_env *env, const struct config_service *c,
	void (*changed_fn)(void *user), void *user)
{
	struct conditions *k;

	if (!c->condition_count)
		return NULL;
	k = mem_calloc(1, sizeof(*k) + c->condition_count * sizeof(k->list[0]));
	k->changed = changed_fn;
	k->user = user;
	k->count = c->condition_count;
	prefix_format(&c->prefix, k->service);
	for (size_t i = 0; i < k->count; i++)
		start(k, i, env, &c->conditions[i]);
	return k;
}

void conditions_free(struct conditions *k)
{
	for (size_t i = 0; k && i < k->count; i++)
		probe_free(k->list[i].probe);
	free(k);
}

size_t conditions_count(const struct conditions *k)
{
	return k ? k->count : 0;
}

void conditions_view(const struct conditions *k, size_t i, struct probe_view *out)
{
	probe_view(k->list[i].probe, out);
}

const char *conditions_target(const struct conditions *k, size_t i)
{
	const struct condition *c = &k->list[i];

	return config_check_is_addressed(c->cfg) ? c->address : c->cfg->command[0];
}

size_t conditions_holding(const struct conditions *k)
{
	size_t holding = 0;

	for (size_t i = 0; i < conditions_count(k); i++) {
		struct probe_view v;

		conditions_view(k, i, &v);
		holding += v.health->up;
	}
	return holding;
}

bool conditions_known(const struct conditions *k)
{
	for (size_t i = 0; i < conditions_count(k); i++) {
		struct probe_view v;

		conditions_view(k, i, &v);
		if (!v.health->known)
			return false;
	}
	return true;
}

static const char *trouble(const struct probe_view *v)
{
	if (v->ran && v->outcome != CHECK_PASSED)
		return v->why;
	return v->health->known ? "not for long enough yet" : "not known yet";
}

const char *conditions_why_not(struct conditions *k)
{
	size_t count = conditions_count(k), more = count - conditions_holding(k);
	struct probe_view v;
	struct text t;

	if (!more)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		conditions_view(k, i, &v);
		if (v.health->up)
			continue;
		t = text_init(k->why, sizeof(k->why));
		text_add(&t, "%s %.64s: %s", v.cfg->name, conditions_target(k, i), trouble(&v));
		if (more > 1)
			text_add(&t, "; and %zu more", more - 1);
		break;
	}
	return k->why;
}

bool conditions_need_http(const struct config_announcer *c)
{
	for (size_t i = 0; i < c->service_count; i++)
		for (size_t k = 0; k < c->services[i].condition_count; k++)
			if (c->services[i].conditions[k].check.type == CONFIG_CHECK_HTTP)
				return true;
	return false;
}

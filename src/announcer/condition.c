#include "announcer/condition.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	struct condition **list;
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
	struct condition *c, const struct check_env *env, const struct config_condition *cfg, bool up)
{
	const struct check_target target = { .addr = cfg->address,
		.port = cfg->check.port,
		.server = cfg->address,
		.server_port = cfg->check.port,
		.service = c->all->service };
	char text[PREFIX_TEXT_MAX];
	bool v6 = cfg->address.family == IP_V6;

	c->cfg = &cfg->check;
	snprintf(c->address, sizeof(c->address), "%s%s%s:%u", v6 ? "[" : "",
		ip_addr_format(&cfg->address, text), v6 ? "]" : "", cfg->check.port);
	/* Phase 0: the first run is at once, since the service waits for it. */
	if (c->probe)
		probe_configure(c->probe, &cfg->check, &target);
	else
		c->probe = probe_new(env, &cfg->check, &target, up, 0, &ops, c);
}

static struct condition *take(struct conditions *k, const struct config_check *cfg)
{
	struct condition *c;

	for (size_t i = 0; i < k->count; i++) {
		c = k->list[i];
		if (!c || c->cfg->type != cfg->type || strcmp(c->cfg->name, cfg->name) != 0)
			continue;
		k->list[i] = NULL;
		return c;
	}
	c = mem_calloc(1, sizeof(*c));
	c->all = k;
	return c;
}

static void free_list(struct condition **list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i])
			probe_free(list[i]->probe);
		free(list[i]);
	}
	free(list);
}

struct conditions *conditions_configure(struct conditions *k, const struct check_env *env,
	const struct config_service *c, bool up, void (*changed_fn)(void *user), void *user)
{
	struct condition **list;

	if (!c->condition_count) {
		conditions_free(k);
		return NULL;
	}
	if (!k)
		k = mem_calloc(1, sizeof(*k));
	k->changed = changed_fn;
	k->user = user;
	prefix_format(&c->prefix, k->service);
	list = mem_calloc(c->condition_count, sizeof(struct condition *));
	for (size_t i = 0; i < c->condition_count; i++) {
		list[i] = take(k, &c->conditions[i].check);
		start(list[i], env, &c->conditions[i], up);
	}
	free_list(k->list, k->count);
	k->list = list;
	k->count = c->condition_count;
	return k;
}

struct conditions *conditions_new(const struct check_env *env, const struct config_service *c,
	void (*changed_fn)(void *user), void *user)
{
	return conditions_configure(NULL, env, c, false, changed_fn, user);
}

void conditions_free(struct conditions *k)
{
	if (k)
		free_list(k->list, k->count);
	free(k);
}

size_t conditions_count(const struct conditions *k)
{
	return k ? k->count : 0;
}

void conditions_view(const struct conditions *k, size_t i, struct probe_view *out)
{
	probe_view(k->list[i]->probe, out);
}

const char *conditions_target(const struct conditions *k, size_t i)
{
	const struct condition *c = k->list[i];

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

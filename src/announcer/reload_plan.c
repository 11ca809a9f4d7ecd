/* What another configuration would change in the running announcer, in words. */
#include "announcer/announcer.h"

#include "base/mem.h"
#include "config/diff.h"

#include <string.h>

static const struct reload_noun nouns[] = { { "neighbors", "neighbor" }, { "services", "service" },
	{ NULL, NULL } };

/* Keys of a service that neighbors are told of. */
static const char *const path_keys[] = { "next-hop", "med", "local-preference", "communities", "capacity" };

static size_t sessions_up(const struct announcer *a)
{
	size_t up = 0;

	for (size_t i = 0; i < a->speaker_count; i++)
		up += a->speakers[i]->up;
	return up;
}

static const struct speaker *find_speaker(const struct announcer *a, const char *name)
{
	struct ip_addr address;

	for (size_t i = 0; ip_addr_parse(name, &address) && i < a->speaker_count; i++)
		if (ip_addr_equal(&a->speakers[i]->cfg->address, &address))
			return a->speakers[i];
	return NULL;
}

static const struct service *find_service(const struct announcer *a, const char *name)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < a->service_count; i++)
		if (strcmp(prefix_format(&a->services[i]->cfg->prefix, text), name) == 0)
			return a->services[i];
	return NULL;
}

static char *neighbor_effect(const struct announcer *a, const struct config_change *c,
	const struct reload_element *e, enum config_apply *apply)
{
	const struct speaker *s = find_speaker(a, e->name);
	bool removed = !*e->rest && strcmp(c->words, "removed") == 0;

	if (removed)
		*apply = CONFIG_RESET_SESSION;
	if (!s || *apply != CONFIG_RESET_SESSION)
		return NULL;
	return mem_strdup(!s->up    ? "its session is down"
			  : removed ? "ends its session"
				    : "resets this session");
}

static bool is_path_key(const char *key)
{
	for (size_t i = 0; i < sizeof(path_keys) / sizeof(path_keys[0]); i++)
		if (strcmp(key, path_keys[i]) == 0)
			return true;
	return false;
}

static char *service_effect(
	const struct announcer *a, const struct config_change *c, const struct reload_element *e)
{
	const struct service *sv = find_service(a, e->name);
	bool announced = sv && sv->told.voice != VOICE_SILENT;

	if (!*e->rest && strcmp(c->words, "removed") == 0)
		return mem_strdup(announced ? "drained, then withdrawn" : "it is not announced now");
	if (!*e->rest)
		return mem_strdup("announced as soon as it works");
	return is_path_key(e->rest) && announced ? mem_strdup("announced anew") : NULL;
}

static char *effect(
	void *user, const struct config_change *c, const struct reload_element *e, enum config_apply *apply)
{
	const struct announcer *a = user;
	size_t up;

	if (e && strcmp(e->list, "neighbors") == 0)
		return neighbor_effect(a, c, e, apply);
	if (e)
		return service_effect(a, c, e);
	if (*apply != CONFIG_RESET_SESSION)
		return NULL;
	up = sessions_up(a);
	return up ? mem_printf("resets %zu session%s", up, up == 1 ? "" : "s")
		  : mem_strdup("no session is up");
}

struct reload_plan *announcer_reload_plan(const struct announcer *a, const struct config_announcer *to)
{
	struct reload_plan *p;
	struct config_diff d;

	config_diff_init(&d);
	config_diff(&d, &config_announcer_schema, a->cfg, to);
	p = reload_plan_of(&d, nouns, effect, (void *)(uintptr_t)a);
	config_diff_fini(&d);
	return p;
}

#include "agent/source_private.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const struct source_kind *kind_of(const struct config_source *cfg)
{
	switch (cfg->kind) {
	case CONFIG_SOURCE_FILE:
		return &source_file;
	case CONFIG_SOURCE_DIRECTORY:
		return &source_directory;
	case CONFIG_SOURCE_DNS:
		return &source_dns;
	case CONFIG_SOURCE_KUBERNETES:
		return &source_kubernetes;
	case CONFIG_SOURCE_STATIC:
	case CONFIG_SOURCE_NONE:
		break;
	}
	return &source_static;
}

static char *make_name(const struct source_kind *kind, const struct config_source *cfg)
{
	const struct config_source_kubernetes *k = &cfg->kubernetes;

	if (kind == &source_static)
		return mem_strdup(kind->word);
	if (kind == &source_kubernetes)
		return mem_printf("%s %s%s%s%s%s", kind->word, k->space ? k->space : "", k->space ? "/" : "",
			k->service, k->port ? " port " : "", k->port ? k->port : "");
	return mem_printf("%s %s", kind->word,
		kind == &source_file	    ? cfg->file
		: kind == &source_directory ? cfg->directory
					    : cfg->dns.name);
}

struct source *source_new(
	const struct source_env *env, const struct config_source *cfg, source_changed_fn *changed, void *user)
{
	struct source *s = mem_calloc(1, sizeof(*s));

	*s = (struct source){ .env = *env, .cfg = cfg, .changed = changed, .user = user };
	s->kind = kind_of(cfg);
	s->name = make_name(s->kind, cfg);
	s->told = arena_new();
	s->error = mem_strdup("");
	s->state = s->kind->start(s);
	return s;
}

void source_free(struct source *s)
{
	if (!s)
		return;
	s->kind->stop(s->state);
	arena_free(s->told);
	free(s->error);
	free(s->name);
	free(s);
}

void source_status(const struct source *s, struct source_status *out)
{
	*out = s->status;
	out->error = s->error;
}

const char *source_name(const struct source *s)
{
	return s->name;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	return ip_addr_equal(&a->addr, &b->addr) && a->port == b->port && a->weight == b->weight &&
	       a->state == b->state && same_text(a->name, b->name);
}

static bool same_list(const struct endpoint_list *a, const struct endpoint_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_endpoint(&a->list[i], &b->list[i]))
			return false;
	return true;
}

struct endpoint_list source_copy(struct arena *arena, const struct endpoint_list *list)
{
	struct endpoint *copy = arena_alloc(arena, (list->count + 1) * sizeof(*copy));

	for (size_t i = 0; i < list->count; i++) {
		copy[i] = list->list[i];
		if (copy[i].name) {
			size_t size = strlen(copy[i].name) + 1;

			copy[i].name = memcpy(arena_alloc(arena, size), copy[i].name, size);
		}
	}
	return (struct endpoint_list){ copy, list->count };
}

void source_tell(struct source *s, const struct endpoint_list *list)
{
	if (s->status.told && same_list(&s->last, list))
		return;
	s->status.changes += s->status.told;
	s->status.told = true;
	s->status.since_us = io_loop_now_us(s->env.loop);
	arena_reset(s->told);
	s->last = source_copy(s->told, list);
	s->changed(s->user, &s->last);
}

static void set_error(struct source *s, const char *why)
{
	if (why)
		s->status.failures++;
	if (strcmp(s->error, why ? why : "") == 0)
		return;
	if (why)
		log_about(LOG_LEVEL_WARNING, LOG_ABOUT("source", .service = s->name),
			"%s%s%s; its servers stay as they were", s->kind->errors_name_it ? "" : s->name,
			s->kind->errors_name_it ? "" : ": ", why);
	else
		log_about(LOG_LEVEL_INFO, LOG_ABOUT("source", .service = s->name), "%s: all is well again",
			s->name);
	free(s->error);
	s->error = mem_strdup(why ? why : "");
}

void source_set_error(struct source *s, const char *why)
{
	set_error(s, why);
	if (why && !s->status.told)
		s->changed(s->user, NULL);
}

static bool same_kubernetes(
	const struct config_source_kubernetes *a, const struct config_source_kubernetes *b)
{
	return same_text(a->space, b->space) && same_text(a->service, b->service) &&
	       same_text(a->port, b->port) && a->conditions == b->conditions && a->family == b->family;
}

bool source_config_equal(const struct config_source *a, const struct config_source *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case CONFIG_SOURCE_NONE:
		return true;
	case CONFIG_SOURCE_FILE:
		return strcmp(a->file, b->file) == 0;
	case CONFIG_SOURCE_DIRECTORY:
		return strcmp(a->directory, b->directory) == 0;
	case CONFIG_SOURCE_DNS:
		return strcmp(a->dns.name, b->dns.name) == 0 && a->dns.interval_s == b->dns.interval_s &&
		       a->dns.family == b->dns.family;
	case CONFIG_SOURCE_KUBERNETES:
		return same_kubernetes(&a->kubernetes, &b->kubernetes);
	case CONFIG_SOURCE_STATIC:
		break;
	}
	if (a->server_count != b->server_count)
		return false;
	for (size_t i = 0; i < a->server_count; i++)
		if (!same_endpoint(&a->servers[i].endpoint, &b->servers[i].endpoint))
			return false;
	return true;
}

#include "reload/plan.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_OCTETS = 256, RESTARTS_MAX = 512 };

struct reload_plan *reload_plan_new(void)
{
	return mem_calloc(1, sizeof(struct reload_plan));
}

void reload_plan_free(struct reload_plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++) {
		free(p->line[i].subject);
		free(p->line[i].change);
		free(p->line[i].effect);
	}
	free(p->line);
	free(p);
}

void reload_plan_add(
	struct reload_plan *p, enum config_apply apply, char *subject, char *change, char *effect)
{
	if (p->count == p->size) {
		p->size = p->size ? p->size * 2 : 16;
		p->line = mem_realloc(p->line, p->size * sizeof(*p->line));
	}
	p->line[p->count++] = (struct reload_line){ apply, subject, change, effect };
}

void reload_plan_sort(struct reload_plan *p)
{
	struct reload_line *sorted = mem_calloc(p->count + 1, sizeof(*sorted));
	size_t n = 0;

	for (enum config_apply a = CONFIG_LIVE; a <= CONFIG_RESTART; a++)
		for (size_t i = 0; i < p->count; i++)
			if (p->line[i].apply == a)
				sorted[n++] = p->line[i];
	free(p->line);
	p->line = sorted;
	p->size = p->count + 1;
}

/* --- of a difference --- */

/* Elements are "LIST[NAME]" or "LIST[NAME].REST". */
static const struct reload_noun *split(const struct config_change *c, const struct reload_noun *nouns,
	char name[NAME_MAX_OCTETS], struct reload_element *out)
{
	size_t list = strlen(c->section), len;
	const char *end = c->path[list] == '[' ? strchr(c->path + list, ']') : NULL;

	if (!end)
		return NULL;
	/* A name that has brackets of its own, as an address with a port has. */
	while (end[1] && end[1] != '.' && strchr(end + 1, ']'))
		end = strchr(end + 1, ']');
	for (const struct reload_noun *n = nouns; n->list; n++) {
		if (strcmp(n->list, c->section) != 0)
			continue;
		len = (size_t)(end - c->path) - list - 1;
		if (len >= NAME_MAX_OCTETS)
			len = NAME_MAX_OCTETS - 1;
		memcpy(name, c->path + list + 1, len);
		name[len] = 0;
		*out = (struct reload_element){ n->list, name, end[1] == '.' ? end + 2 : "" };
		return n;
	}
	return NULL;
}

struct reload_plan *reload_plan_of(const struct config_diff *d, const struct reload_noun *nouns,
	char *(*effect)(void *user, const struct config_change *c, const struct reload_element *e,
		enum config_apply *apply),
	void *user)
{
	struct reload_plan *p = reload_plan_new();

	for (size_t i = 0; i < d->count; i++) {
		const struct config_change *c = &d->item[i];
		struct reload_element e;
		char name[NAME_MAX_OCTETS];
		const struct reload_noun *n = split(c, nouns, name, &e);
		const char *key = n ? e.rest : c->path;
		enum config_apply apply = c->apply;
		char *more = effect(user, c, n ? &e : NULL, &apply);

		if (!more && apply == CONFIG_RESTART)
			more = mem_strdup("cannot change while the daemon runs: restart it");
		reload_plan_add(p, apply, n ? mem_printf("%s %s", n->noun, name) : NULL,
			mem_printf("%s%s%s", key, *key ? " " : "", c->words), more);
	}
	reload_plan_sort(p);
	return p;
}

/* --- in words --- */

struct row *reload_line_row(const struct reload_line *l)
{
	struct row *r = row_new();

	row_text(r, "apply", config_apply_text(l->apply));
	if (l->subject)
		row_text(r, "subject", l->subject);
	row_text(r, "change", l->change);
	if (l->effect)
		row_text(r, "effect", l->effect);
	return r;
}

char *reload_line_text(const struct reload_line *l)
{
	return mem_printf("%s%s%s%s%s", l->subject ? l->subject : "", l->subject ? ": " : "", l->change,
		l->effect ? ": " : "", l->effect ? l->effect : "");
}

char *reload_plan_restarts(const struct reload_plan *p)
{
	char keys[RESTARTS_MAX] = "";
	struct text t = text_init(keys, sizeof(keys));

	for (size_t i = 0; i < p->count; i++)
		if (p->line[i].apply == CONFIG_RESTART)
			text_add(&t, "%s%.*s", t.len ? ", " : "", (int)strcspn(p->line[i].change, " "),
				p->line[i].change);
	return t.len ? mem_strdup(keys) : NULL;
}

#include "convert/model.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_MAX = 400, NAME_MAX_LEN = 64 };

struct convert_part *convert_part_add(
	struct convert_model *m, const char *section, const char *name, struct convert_place at)
{
	struct convert_part *p = arena_alloc(m->arena, sizeof(*p));

	*p = (struct convert_part){ .section = section, .name = name, .at = at };
	if (m->last)
		m->last->next = p;
	else
		m->first = p;
	m->last = p;
	return p;
}

struct convert_part *convert_part_next(
	const struct convert_model *m, const struct convert_part *after, const char *section)
{
	struct convert_part *p = after ? after->next : m->first;

	while (p && strcmp(p->section, section) != 0)
		p = p->next;
	return p;
}

struct convert_part *convert_part_find(const struct convert_model *m, const char *section, const char *name)
{
	struct convert_part *p = NULL;

	while ((p = convert_part_next(m, p, section)) != NULL)
		if (!name || (p->name && strcmp(p->name, name) == 0))
			break;
	return p;
}

struct convert_part *convert_part_need(
	struct convert_model *m, const char *section, const char *name, struct convert_place at)
{
	struct convert_part *p = convert_part_find(m, section, name);

	return p ? p : convert_part_add(m, section, name, at);
}

/* --- the schema's word --- */

static const struct config_field *field_at(const struct config_schema *s, const char *path)
{
	size_t len = strcspn(path, ".");

	for (; s; s = s->include) {
		for (const struct config_field *f = s->fields; f->name; f++) {
			if (strncmp(f->name, path, len) != 0 || f->name[len])
				continue;
			return path[len] ? field_at(f->schema, path + len + 1) : f;
		}
	}
	return NULL;
}

bool convert_takes(
	struct convert_model *m, const char *section, const char *key, const char *text, struct text *why)
{
	struct config_reader r = { .arena = m->arena, .features = config_features() };
	const struct config_field *of = field_at(m->schema, section),
				  *f = of ? field_at(of->schema, key) : NULL;
	char buf[WHY_MAX];
	struct text unwanted = text_init(buf, sizeof(buf));

	assert(f);
	if (!why)
		why = &unwanted;
	if (f->shape == CONFIG_STRUCT) {
		void *out = arena_alloc(m->arena, f->schema->size);

		return f->schema->shorthand && f->schema->shorthand(&r, text, out, why);
	}
	if (!f->type)
		return true;
	return f->type->parse(&r, f, text, arena_alloc(m->arena, f->type->size), why);
}

/* --- settings --- */

const struct convert_setting *convert_setting(const struct convert_part *p, const char *key)
{
	for (const struct convert_setting *s = p ? p->settings : NULL; s; s = s->next)
		if (strcmp(s->key, key) == 0)
			return s;
	return NULL;
}

const char *convert_get(const struct convert_part *p, const char *key)
{
	const struct convert_setting *s = convert_setting(p, key);

	return s ? s->text : NULL;
}

void convert_put(struct convert_model *m, struct convert_part *p, const char *key, const char *text,
	struct convert_place at)
{
	struct convert_setting *s;

	assert(p);
	s = p->settings;
	while (s && strcmp(s->key, key) != 0)
		s = s->next;
	if (!s) {
		s = arena_alloc(m->arena, sizeof(*s));
		*s = (struct convert_setting){ .key = key, .next = p->settings };
		p->settings = s;
	}
	s->text = text;
	s->at = at;
}

bool convert_set(struct convert_model *m, struct convert_part *p, const char *key, const char *text,
	struct convert_place at, const char *what)
{
	char buf[WHY_MAX];
	struct text why = text_init(buf, sizeof(buf));

	if (!convert_takes(m, p->section, key, text, &why)) {
		convert_note(m->notes, CONVERT_LOST, at, "%s: as %s: %s", what, key, buf);
		return false;
	}
	convert_put(m, p, key, text, at);
	return true;
}

bool convert_list_has(const char *list, const char *text)
{
	size_t len = strlen(text);

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += strspn(p, ", "))
		if (strcspn(p, ",") == len && strncmp(p, text, len) == 0)
			return true;
	return false;
}

void convert_list_add(struct convert_model *m, struct convert_part *p, const char *key, const char *text,
	struct convert_place at)
{
	const char *before = convert_get(p, key);

	if (!convert_list_has(before, text))
		convert_put(m, p, key, before ? convert_text(m, "%s, %s", before, text) : text, at);
}

void convert_inherit(struct convert_model *m, struct convert_part *p, const struct convert_part *from)
{
	for (const struct convert_setting *s = from ? from->settings : NULL; s; s = s->next)
		if (!convert_setting(p, s->key))
			convert_put(m, p, s->key, s->text, s->at);
}

/* --- text --- */

struct convert_place convert_at(const struct convert_model *m, unsigned line)
{
	return (struct convert_place){ m->file, line };
}

const char *convert_text(struct convert_model *m, const char *fmt, ...)
{
	va_list ap, again;
	char *out;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	out = arena_alloc(m->arena, (size_t)len + 1);
	vsnprintf(out, (size_t)len + 1, fmt, again);
	va_end(again);
	return out;
}

const char *convert_name(struct convert_model *m, const char *text)
{
	char *name = (char *)(uintptr_t)convert_text(m, "%.*s", NAME_MAX_LEN, *text ? text : "unnamed");

	for (char *c = name; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *c))
			*c = '-';
	return name;
}

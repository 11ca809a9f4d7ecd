#include "config/diff.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 1024, SHOWN_MAX = 8 /* elements of a list that are named */ };

void config_diff_init(struct config_diff *d)
{
	*d = (struct config_diff){ .arena = arena_new() };
}

void config_diff_fini(struct config_diff *d)
{
	arena_free(d->arena);
	free(d->item);
}

enum config_apply config_diff_apply(const struct config_diff *d)
{
	enum config_apply most = CONFIG_LIVE;

	for (size_t i = 0; i < d->count; i++)
		if (d->item[i].apply > most)
			most = d->item[i].apply;
	return most;
}

/* --- values --- */

const char *config_value_format(const struct config_field *f, const void *value, char *buf)
{
	struct text t = text_init(buf, CONFIG_VALUE_MAX);

	f->type->format(f, value, &t);
	return buf;
}

const void *config_list_items(const struct config_field *f, const void *base, size_t *count)
{
	const void *items;

	memcpy(&items, (const char *)base + f->offset, sizeof(items));
	memcpy(count, (const char *)base + f->count_offset, sizeof(*count));
	return items;
}

static bool has_key(const struct config_schema *s)
{
	for (const struct config_field *f = s->fields; f->name; f++)
		if (f->key)
			return true;
	return s->include && has_key(s->include);
}

static void add_keys(struct text *t, const struct config_schema *s, const char *value)
{
	for (const struct config_field *k = s->fields; k->name; k++) {
		if (!k->key)
			continue;
		if (t->len)
			text_add(t, " %s ", k->name);
		k->type->format(k, value + k->offset, t);
	}
	if (s->include)
		add_keys(t, s->include, value + s->include_offset);
}

const char *config_element_name(const struct config_field *f, const void *element, size_t index, char *buf)
{
	struct text t = text_init(buf, CONFIG_VALUE_MAX);

	if (f->shape == CONFIG_MAP)
		text_add(&t, "%s", ((const struct config_head *)element)->name);
	else if (!has_key(f->schema))
		text_add(&t, "%zu", index);
	else if (f->schema->element_name)
		f->schema->element_name(element, &t);
	else
		add_keys(&t, f->schema, element);
	return buf;
}

/* --- where a walk is --- */

struct place {
	struct config_diff *d;
	const char *path;    /* of the structure, with a dot behind it; "" at the top */
	const char *section; /* NULL at the top */
};

static const char *keep(struct config_diff *d, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(arena_alloc(d->arena, size), text, size);
}

/* path + name + more, kept */
static const char *join(struct config_diff *d, const char *path, const char *name, const char *more)
{
	size_t size = strlen(path) + strlen(name) + strlen(more) + 1;
	char *out = arena_alloc(d->arena, size);

	snprintf(out, size, "%s%s%s", path, name, more);
	return out;
}

static void add(const struct place *at, const char *path, const char *section, enum config_apply apply,
	const char *words)
{
	struct config_diff *d = at->d;

	if (d->count == d->size) {
		d->size = d->size ? d->size * 2 : 16;
		d->item = mem_realloc(d->item, d->size * sizeof(*d->item));
	}
	d->item[d->count++] = (struct config_change){ path, at->section ? at->section : section,
		keep(d, words), apply };
}

static void add_value(const struct place *at, const struct config_field *f, enum config_apply apply,
	const char *before, const char *after)
{
	const char *unset = f->def_doc ? f->def_doc : "none";
	char words[2 * CONFIG_VALUE_MAX + 8];
	struct text t = text_init(words, sizeof(words));

	if (f->secret)
		text_add(&t, "%s", !*before ? "set" : *after ? "changed" : "removed");
	else
		text_add(&t, "%s -> %s", *before ? before : unset, *after ? after : unset);
	add(at, join(at->d, at->path, f->name, ""), f->name, apply, words);
}

static void diff_scalar(
	const struct place *at, const struct config_field *f, const void *before, const void *after)
{
	const void *a = (const char *)before + f->offset, *b = (const char *)after + f->offset;
	char old[CONFIG_VALUE_MAX], new[CONFIG_VALUE_MAX];

	if (!f->type->format)
		return;
	if (strcmp(config_value_format(f, a, old), config_value_format(f, b, new)) != 0)
		add_value(at, f, f->apply_change ? f->apply_change(a, b) : f->apply, old, new);
}

/* --- lists of words: as sets --- */

struct words {
	char **item;
	size_t count;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void words_fini(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->item[i]);
	free(w->item);
}

static struct words list_words(const struct config_field *f, const void *base)
{
	struct words w = { 0 };
	const char *items = config_list_items(f, base, &w.count);
	char buf[CONFIG_VALUE_MAX];

	w.item = mem_calloc(w.count + 1, sizeof(*w.item));
	for (size_t i = 0; i < w.count; i++)
		w.item[i] = mem_strdup(config_value_format(f, items + i * f->type->size, buf));
	qsort(w.item, w.count, sizeof(*w.item), by_text);
	return w;
}

static struct words flag_words(const struct config_field *f, const void *base)
{
	const bool *set = (const bool *)((const char *)base + f->offset);
	struct words w = { 0 };
	size_t known = 0;

	while (f->words[known].name)
		known++;
	w.item = mem_calloc(known + 1, sizeof(*w.item));
	for (size_t i = 0; i < known; i++)
		if (set[f->words[i].value])
			w.item[w.count++] = mem_strdup(f->words[i].name);
	qsort(w.item, w.count, sizeof(*w.item), by_text);
	return w;
}

/* Those of a that are not in b, each behind the sign; returns how many there are. */
static size_t add_missing(struct text *t, const char *sign, const struct words *a, const struct words *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++) {
		if (bsearch(&a->item[i], b->item, b->count, sizeof(*b->item), by_text))
			continue;
		if (n++ < SHOWN_MAX)
			text_add(t, "%s%s%s", t->len ? " " : "", sign, a->item[i]);
	}
	if (n > SHOWN_MAX)
		text_add(t, " (%s%zu more)", sign, n - SHOWN_MAX);
	return n;
}

static void add_all(struct text *t, const struct words *w, const char *unset)
{
	if (!w->count)
		text_add(t, "%s", unset);
	for (size_t i = 0; i < w->count && i < SHOWN_MAX; i++)
		text_add(t, "%s%s", i ? ", " : "", w->item[i]);
	if (w->count > SHOWN_MAX)
		text_add(t, " and %zu more", w->count - SHOWN_MAX);
}

static void diff_words(
	const struct place *at, const struct config_field *f, const struct words *a, const struct words *b)
{
	const char *unset = f->def_doc ? f->def_doc : "none";
	char words[WORDS_MAX];
	struct text t = text_init(words, sizeof(words));
	size_t changes = add_missing(&t, "+", b, a) + add_missing(&t, "-", a, b);

	if (!changes)
		return;
	/* An empty list says something else than nothing: how it is called is what matters then. */
	if (!a->count || !b->count) {
		t = text_init(words, sizeof(words));
		add_all(&t, a, unset);
		text_add(&t, " -> ");
		add_all(&t, b, unset);
	}
	add(at, join(at->d, at->path, f->name, ""), f->name, f->apply, f->secret ? "changed" : words);
}

/* As it is written: "[a, b]". */
static void add_sequence(struct text *t, const struct config_field *f, const void *base)
{
	char buf[CONFIG_VALUE_MAX];
	size_t count;
	const char *items = config_list_items(f, base, &count);

	if (!count)
		text_add(t, "%s", f->def_doc ? f->def_doc : "none");
	for (size_t i = 0; i < count; i++)
		text_add(t, "%s%s%s", i ? ", " : "[", config_value_format(f, items + i * f->type->size, buf),
			i + 1 == count ? "]" : "");
}

static bool same_sequence(const struct config_field *f, const void *before, const void *after)
{
	char old[CONFIG_VALUE_MAX], new[CONFIG_VALUE_MAX];
	size_t a_count, b_count;
	const char *a = config_list_items(f, before, &a_count), *b = config_list_items(f, after, &b_count);

	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (strcmp(config_value_format(f, a + i * f->type->size, old),
			    config_value_format(f, b + i * f->type->size, new)) != 0)
			return false;
	return true;
}

static void diff_sequence(
	const struct place *at, const struct config_field *f, const void *before, const void *after)
{
	char words[WORDS_MAX];
	struct text t = text_init(words, sizeof(words));

	if (same_sequence(f, before, after))
		return;
	add_sequence(&t, f, before);
	text_add(&t, " -> ");
	add_sequence(&t, f, after);
	add(at, join(at->d, at->path, f->name, ""), f->name, f->apply, words);
}

static void diff_set(
	const struct place *at, const struct config_field *f, const void *before, const void *after)
{
	bool flags = f->shape == CONFIG_FLAGS;
	struct words a = flags ? flag_words(f, before) : list_words(f, before);
	struct words b = flags ? flag_words(f, after) : list_words(f, after);

	diff_words(at, f, &a, &b);
	words_fini(&a);
	words_fini(&b);
}

/* --- structures --- */

static void diff_schema(
	const struct place *at, const struct config_schema *s, const void *before, const void *after);

static enum config_apply most_of(const struct config_schema *s)
{
	enum config_apply most = CONFIG_LIVE;

	for (const struct config_field *f = s->fields; f->name; f++)
		if (f->apply > most)
			most = f->apply;
	return most;
}

/* One word may stand for the whole structure, before, afterwards or both times. True when so it is. */
static bool diff_shorthand(
	const struct place *at, const struct config_field *f, const void *before, const void *after)
{
	char old[CONFIG_VALUE_MAX] = "", new[CONFIG_VALUE_MAX] = "", words[2 * CONFIG_VALUE_MAX + 8];
	struct text a = text_init(old, sizeof(old)), b = text_init(new, sizeof(new)),
		    t = text_init(words, sizeof(words));
	bool is_a, is_b;

	if (!f->schema->shorthand_format)
		return false;
	is_a = f->schema->shorthand_format(before, &a);
	is_b = f->schema->shorthand_format(after, &b);
	if (!is_a && !is_b)
		return false;
	text_add(&t, "%s -> %s", is_a ? old : "as its keys say", is_b ? new : "as its keys say");
	if (strcmp(old, new) != 0)
		add(at, join(at->d, at->path, f->name, ""), f->name, most_of(f->schema), words);
	return true;
}

static void diff_struct(
	const struct place *at, const struct config_field *f, const void *before, const void *after)
{
	const void *a = (const char *)before + f->offset, *b = (const char *)after + f->offset;
	struct place below = { at->d, join(at->d, at->path, f->name, "."),
		at->section ? at->section : f->name };

	if (!diff_shorthand(at, f, a, b))
		diff_schema(&below, f->schema, a, b);
}

/* --- lists and maps of structures --- */

struct element {
	char *name;
	const void *value;
};

struct elements {
	struct element *item;
	size_t count;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct element *)a)->name, ((const struct element *)b)->name);
}

static struct elements elements_of(const struct config_field *f, const void *base)
{
	struct elements e = { 0 };
	const char *items = config_list_items(f, base, &e.count);
	char buf[CONFIG_VALUE_MAX];

	e.item = mem_calloc(e.count + 1, sizeof(*e.item));
	for (size_t i = 0; i < e.count; i++) {
		e.item[i].value = items + i * f->schema->size;
		e.item[i].name = mem_strdup(config_element_name(f, e.item[i].value, i, buf));
	}
	qsort(e.item, e.count, sizeof(*e.item), by_name);
	return e;
}

static void elements_fini(struct elements *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->item[i].name);
	free(e->item);
}

/* What it touches that an element comes or goes: what its key rows say, or the row of the list. */
static enum config_apply element_apply(const struct config_field *list)
{
	enum config_apply most = list->apply;

	for (const struct config_schema *s = list->schema; s; s = s->include)
		for (const struct config_field *f = s->fields; f->name; f++)
			if (f->key && f->apply > most)
				most = f->apply;
	return most;
}

static void diff_element(const struct place *at, const struct config_field *f, const struct element *a,
	const struct element *b)
{
	const char *open = f->shape == CONFIG_MAP ? "." : "[", *close = f->shape == CONFIG_MAP ? "" : "]";
	const char *list = join(at->d, at->path, f->name, open);
	const struct element *one = a ? a : b;
	struct place below = *at;
	const char *path;

	assert(one);
	path = join(at->d, list, one->name, close);
	below.path = join(at->d, path, ".", "");
	below.section = at->section ? at->section : f->name;
	if (a && b)
		diff_schema(&below, f->schema, a->value, b->value);
	else
		add(at, path, f->name, element_apply(f), a ? "removed" : "added");
}

static void diff_elements(
	const struct place *at, const struct config_field *f, const void *before, const void *after)
{
	struct elements a = elements_of(f, before), b = elements_of(f, after);
	size_t i = 0, k = 0;

	while (i < a.count || k < b.count) {
		int order = i == a.count ? 1 : k == b.count ? -1 : by_name(&a.item[i], &b.item[k]);

		diff_element(at, f, order <= 0 ? &a.item[i] : NULL, order >= 0 ? &b.item[k] : NULL);
		i += order <= 0;
		k += order >= 0;
	}
	elements_fini(&a);
	elements_fini(&b);
}

/* A change of one of them touches at least what the table says that includes them. */
static void diff_included(
	const struct place *at, const struct config_schema *s, const void *before, const void *after)
{
	size_t from = at->d->count;

	diff_schema(at, s->include, before, after);
	for (size_t i = from; i < at->d->count; i++)
		if (at->d->item[i].apply < s->include_apply)
			at->d->item[i].apply = s->include_apply;
}

static void diff_schema(
	const struct place *at, const struct config_schema *s, const void *before, const void *after)
{
	for (const struct config_field *f = s->fields; f->name; f++) {
		if (f->key)
			continue;
		if (f->shape == CONFIG_SCALAR)
			diff_scalar(at, f, before, after);
		else if (f->shape == CONFIG_STRUCT)
			diff_struct(at, f, before, after);
		else if (f->schema)
			diff_elements(at, f, before, after);
		else if (f->ordered)
			diff_sequence(at, f, before, after);
		else
			diff_set(at, f, before, after);
	}
	if (s->include)
		diff_included(at, s, (const char *)before + s->include_offset,
			(const char *)after + s->include_offset);
}

void config_diff(struct config_diff *d, const struct config_schema *s, const void *before, const void *after)
{
	struct place top = { d, "", NULL };

	diff_schema(&top, s, before, after);
}

#include "config/schema.h"

#include "base/mem.h"
#include "base/nearest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_MAX = 400 };

/* Checks that the build has what a key needs. */
static bool check_feature(struct config_reader *r, const struct config_field *f, const struct config_node *n)
{
	const char *why = config_feature_missing(r, f->needs);

	if (why)
		config_error_key(r->errs, n, "%s", why);
	return !why;
}

static const struct config_field *find_field(const struct config_schema *s, const char *name)
{
	for (const struct config_field *f = s->fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static void unknown_key(
	struct config_reader *r, const struct config_schema *schema, const struct config_node *n)
{
	struct nearest near = nearest_init(n->key);
	char keys[WHY_MAX];
	struct text t = text_init(keys, sizeof(keys));

	for (const struct config_schema *s = schema; s; s = s->include) {
		for (const struct config_field *f = s->fields; f->name; f++) {
			nearest_try(&near, f->name);
			text_add(&t, "%s%s", t.len ? ", " : "", f->name);
		}
	}
	if (near.best)
		config_error_key(r->errs, n, "unknown key; did you mean \"%s\"?", near.best);
	else
		config_error_key(
			r->errs, n, "unknown key; known here: %s%s", keys, text_cut(&t) ? "..." : "");
}

static const char *kind_text(const struct config_node *n)
{
	switch (n->kind) {
	case CONFIG_NODE_SCALAR:
		return "a single value";
	case CONFIG_NODE_LIST:
		return "a list";
	case CONFIG_NODE_MAP:
		return "a map";
	}
	return "";
}

/* The value for one scalar, or an error. */
static void read_scalar(
	struct config_reader *r, const struct config_field *f, const struct config_node *n, void *out)
{
	char why[WHY_MAX];
	struct text t = text_init(why, sizeof(why));

	if (n->kind != CONFIG_NODE_SCALAR) {
		bool address = n->kind == CONFIG_NODE_MAP && n->first && strchr(n->first->key, ':');

		config_error_value(r->errs, n, "expects %s, not %s%s", f->type->name, kind_text(n),
			address ? "; an IPv6 address must be in quotes here" : "");
	} else if (config_node_is_empty(n)) {
		config_error_value(
			r->errs, n, "has no value; give it %s or leave the key out", f->type->name);
	} else if (!f->type->parse(r, f, n->text, out, &t)) {
		config_error_value(r->errs, n, "%s", why);
	}
}

static void read_flags(
	struct config_reader *r, const struct config_field *f, const struct config_node *n, bool *out)
{
	char quoted[CONFIG_QUOTE_MAX], known[WHY_MAX];
	struct text t = text_init(known, sizeof(known));

	for (const struct config_word *w = f->words; w->name; w++) {
		out[w->value] = false;
		text_add(&t, "%s%s", t.len ? ", " : "", w->name);
	}
	for (const struct config_node *c = n->first; c; c = c->next) {
		const struct config_word *w = f->words;

		while (w->name && (c->kind != CONFIG_NODE_SCALAR || strcmp(w->name, c->text) != 0))
			w++;
		if (!w->name)
			config_error_value(r->errs, c, "%s is not one of %s",
				c->kind == CONFIG_NODE_SCALAR ? config_quote(c->text, quoted) : kind_text(c),
				known);
		else if (out[w->value])
			config_error_value(r->errs, c, "%s is here twice", w->name);
		else
			out[w->value] = true;
	}
}

/* Pointers to elements have many types; memcpy copies what they all have in common. */
static void set_list(const struct config_field *f, void *out, void *items, size_t count)
{
	memcpy((char *)out + f->offset, &items, sizeof(items));
	memcpy((char *)out + f->count_offset, &count, sizeof(count));
}

static bool name_ok(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return len > 0 && len <= 64 && !name[len];
}

static void read_elements(
	struct config_reader *r, const struct config_field *f, const struct config_node *n, void *out)
{
	size_t size = f->schema ? f->schema->size : f->type->size, count = 0;
	char *items = n->count ? arena_alloc(r->arena, size * n->count) : NULL;

	for (const struct config_node *c = n->first; c; c = c->next, count++) {
		void *item = items + size * count;

		assert(items);
		if (!f->schema) {
			memset(item, 0, size);
			read_scalar(r, f, c, item);
			continue;
		}
		if (c->key && !name_ok(c->key))
			config_error_key(r->errs, c,
				"a name has 1 to 64 letters, digits, dots, underlines and hyphens");
		config_schema_read(r, f->schema, c, item);
		*(struct config_head *)item = (struct config_head){ .name = c->key, .node = c };
	}
	set_list(f, out, items, count);
}

static void read_many(
	struct config_reader *r, const struct config_field *f, const struct config_node *n, void *out)
{
	bool map = f->shape == CONFIG_MAP, empty = config_node_is_empty(n);

	if (!empty && n->kind != (map ? CONFIG_NODE_MAP : CONFIG_NODE_LIST)) {
		config_error_value(r->errs, n, "expects %s, not %s",
			map ? "a map of names, each with keys of its own"
			    : "a list ([a, b], or lines that begin with \"- \")",
			kind_text(n));
		return;
	}
	if (n->count < f->min) {
		config_error_value(r->errs, n, "is empty; name at least one%s",
			f->required ? "" : ", or leave the key out");
		return;
	}
	if (f->shape == CONFIG_FLAGS)
		read_flags(r, f, n, (bool *)((char *)out + f->offset));
	else
		read_elements(r, f, n, out);
}

static void read_field(
	struct config_reader *r, const struct config_field *f, const struct config_node *n, void *out)
{
	if (!check_feature(r, f, n))
		return;
	switch (f->shape) {
	case CONFIG_SCALAR:
		read_scalar(r, f, n, (char *)out + f->offset);
		break;
	case CONFIG_STRUCT:
		config_schema_apply(r, f->schema, n, (char *)out + f->offset);
		break;
	case CONFIG_LIST:
	case CONFIG_MAP:
	case CONFIG_FLAGS:
		read_many(r, f, n, out);
		break;
	}
}

/* False, with an error where it is due, when the node is no map to be read. */
static bool as_map(
	struct config_reader *r, const struct config_schema *s, const struct config_node *n, void *out)
{
	char why[WHY_MAX];
	struct text t = text_init(why, sizeof(why));

	if (config_node_is_empty(n))
		return false;
	if (n->kind == CONFIG_NODE_MAP)
		return s->shorthand ? s->shorthand(r, NULL, out, &t) : true;
	if (n->kind == CONFIG_NODE_SCALAR && s->shorthand) {
		if (!s->shorthand(r, n->text, out, &t))
			config_error_value(r->errs, n, "%s", why);
		return false;
	}
	config_error_value(r->errs, n, "expects keys with values ({key: value}, or indented lines), not %s",
		kind_text(n));
	return false;
}

void config_schema_apply(
	struct config_reader *r, const struct config_schema *s, const struct config_node *n, void *out)
{
	if (!as_map(r, s, n, out))
		return;
	for (const struct config_node *c = n->first; c; c = c->next) {
		const struct config_schema *at = s;
		const struct config_field *f = find_field(s, c->key);
		char *base = out;

		while (!f && at->include) {
			base += at->include_offset;
			at = at->include;
			f = find_field(at, c->key);
		}
		if (f)
			read_field(r, f, c, base);
		else
			unknown_key(r, s, c);
	}
}

/* "a, b" as the list of words that stands in a default. */
static void init_flags(const struct config_field *f, bool *out)
{
	for (const char *p = f->def; p && *p;) {
		size_t len = strcspn(p, ",");
		const struct config_word *w = f->words;

		while (w->name && (strlen(w->name) != len || strncmp(w->name, p, len) != 0))
			w++;
		assert(w->name);
		out[w->value] = true;
		p += len;
		p += strspn(p, ", ");
	}
}

static void init_fields(struct config_reader *r, const struct config_schema *s, void *out)
{
	char why[WHY_MAX];
	struct text t = text_init(why, sizeof(why));

	for (const struct config_field *f = s->fields; f->name; f++) {
		char *at = (char *)out + f->offset;

		if (f->shape == CONFIG_STRUCT) {
			init_fields(r, f->schema, at);
		} else if (f->shape == CONFIG_FLAGS) {
			init_flags(f, (bool *)at);
		} else if (f->shape == CONFIG_SCALAR && f->def) {
			bool ok = f->type->parse(r, f, f->def, at, &t);

			assert(ok);
			(void)ok;
		}
	}
	if (s->include)
		init_fields(r, s->include, (char *)out + s->include_offset);
}

void config_schema_init(struct config_reader *r, const struct config_schema *s, void *out)
{
	memset(out, 0, s->size);
	init_fields(r, s, out);
}

static void check_required(
	struct config_reader *r, const struct config_schema *s, const struct config_node *n)
{
	if (n->kind != CONFIG_NODE_MAP && !config_node_is_empty(n))
		return;
	if (s->include)
		check_required(r, s->include, n);
	for (const struct config_field *f = s->fields; f->name; f++) {
		const struct config_node *c = config_node_get(n, f->name);

		if (f->required && !c)
			config_error_missing(r->errs, n, f->name, "is missing: %s", f->doc);
		if (c && f->shape == CONFIG_STRUCT)
			check_required(r, f->schema, c);
	}
}

void config_schema_read(
	struct config_reader *r, const struct config_schema *s, const struct config_node *n, void *out)
{
	config_schema_init(r, s, out);
	config_schema_apply(r, s, n, out);
	check_required(r, s, n);
}

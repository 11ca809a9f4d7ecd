#include "convert/toml.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 16 };

/* A node and what only its making needs. */
struct growing {
	struct config_node node;
	struct config_node *last;
	bool open;    /* came up as part of another's name only; a header may still define it */
	bool closed;  /* written as a value: nothing is added to it */
	bool headers; /* a list of tables that [[...]] makes */
};

struct toml {
	struct arena *arena;
	struct config_errors *errs;
	const char *p, *end, *line_start;
	unsigned line;
	bool failed;
};

static void *fail(struct toml *t, const char *what)
{
	if (!t->failed)
		config_error_place(t->errs, t->line, (unsigned)(t->p - t->line_start) + 1,
			"not TOML as it is read here: %s", what);
	t->failed = true;
	return NULL;
}

static struct growing *growing(struct config_node *n)
{
	return (struct growing *)(void *)n;
}

static struct config_node *new_node(struct toml *t, enum config_node_kind kind)
{
	struct growing *g = arena_alloc(t->arena, sizeof(*g));

	*g = (struct growing){
		.node = { .kind = kind, .line = t->line, .column = (unsigned)(t->p - t->line_start) + 1 }
	};
	return &g->node;
}

static void add_child(struct config_node *parent, struct config_node *n, const char *key)
{
	n->parent = parent;
	n->key = key;
	n->key_line = n->line;
	n->key_column = n->column;
	n->index = (unsigned)parent->count++;
	if (growing(parent)->last)
		growing(parent)->last->next = n;
	else
		parent->first = n;
	growing(parent)->last = n;
}

static struct config_node *child(struct config_node *parent, const char *key)
{
	return (struct config_node *)(uintptr_t)config_node_get(parent, key);
}

static void blanks(struct toml *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
		t->p++;
}

/* Past blanks, comments and, in an array, ends of lines. */
static void space(struct toml *t, bool lines)
{
	for (;;) {
		blanks(t);
		if (t->p < t->end && *t->p == '#')
			while (t->p < t->end && *t->p != '\n')
				t->p++;
		if (t->p < t->end && *t->p == '\r' && t->end - t->p > 1 && t->p[1] == '\n')
			t->p++;
		if (!lines || t->p == t->end || *t->p != '\n')
			return;
		t->line_start = ++t->p;
		t->line++;
	}
}

static bool take(struct toml *t, char c)
{
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

static char escaped(char c)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	const char *at = c ? strchr(from, c) : NULL;

	if (!at)
		return 0;
	return to[at - from];
}

/* A text in quotes, which stand at p. */
static char *quoted(struct toml *t)
{
	char quote = *t->p++, *out, *o;
	const char *start = t->p;

	if (t->end - t->p >= 2 && t->p[0] == quote && t->p[1] == quote)
		return fail(t, "a text of several lines; write it in one");
	while (start < t->end && *start != quote && *start != '\n')
		start += *start == '\\' && quote == '"' && t->end - start > 1 ? 2 : 1;
	o = out = arena_alloc(t->arena, (size_t)(start - t->p) + 1);
	for (; t->p < t->end && *t->p != quote && *t->p != '\n'; t->p++) {
		if (!*t->p)
			return fail(t, "a NUL octet in the text");
		if (*t->p != '\\' || quote == '\'') {
			*o++ = *t->p;
			continue;
		}
		if (++t->p == t->end || !(*o++ = escaped(*t->p)))
			return fail(t, "an escape that is not read here; write the character itself");
	}
	*o = 0;
	return take(t, quote) ? out : fail(t, "a quoted text that has no end in its line");
}

static bool is_bare(char c)
{
	return c && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", c);
}

static char *bare(struct toml *t, const char *more)
{
	const char *start = t->p;
	size_t len;
	char *out;

	while (t->p < t->end && *t->p && (is_bare(*t->p) || strchr(more, *t->p)))
		t->p++;
	len = (size_t)(t->p - start);
	if (!len)
		return fail(t, "neither a name nor a value");
	out = arena_alloc(t->arena, len + 1);
	memcpy(out, start, len);
	out[len] = 0;
	return out;
}

static char *read_key(struct toml *t)
{
	blanks(t);
	return t->p < t->end && (*t->p == '"' || *t->p == '\'') ? quoted(t) : bare(t, "");
}

static struct config_node *value(struct toml *t, unsigned depth);

/* The map under a key of parent, made when it is not there; of a list of tables its last. */
static struct config_node *descend(struct toml *t, struct config_node *parent, const char *key)
{
	struct config_node *n = child(parent, key);

	if (!n) {
		n = new_node(t, CONFIG_NODE_MAP);
		growing(n)->open = true;
		add_child(parent, n, key);
	}
	if (n->kind == CONFIG_NODE_LIST && growing(n)->headers)
		n = growing(n)->last;
	if (n->kind != CONFIG_NODE_MAP || growing(n)->closed)
		return fail(t, "a value stands under this name already");
	return n;
}

/* key.key = value, into the map. */
static bool assign(struct toml *t, struct config_node *map, unsigned depth)
{
	const char *key = read_key(t);

	for (; key; key = read_key(t)) {
		struct config_node *n;

		blanks(t);
		if (take(t, '.')) {
			map = ++depth < DEPTH_MAX ? descend(t, map, key)
						  : fail(t, "nested more than 16 deep");
			if (!map)
				return false;
			continue;
		}
		if (!take(t, '='))
			return fail(t, "a name without a value; expected =");
		if (child(map, key))
			return fail(t, "this name has a value already");
		blanks(t);
		n = value(t, depth);
		if (n)
			add_child(map, n, key);
		return n;
	}
	return false;
}

static struct config_node *inline_table(struct toml *t, unsigned depth)
{
	struct config_node *n = new_node(t, CONFIG_NODE_MAP);

	t->p++;
	blanks(t);
	if (!take(t, '}')) {
		do {
			if (!assign(t, n, depth))
				return NULL;
			blanks(t);
		} while (take(t, ','));
		if (!take(t, '}'))
			return fail(t, "a table in braces that has no end in its line");
	}
	growing(n)->closed = true;
	return n;
}

static struct config_node *array(struct toml *t, unsigned depth)
{
	struct config_node *n = new_node(t, CONFIG_NODE_LIST);

	t->p++;
	for (space(t, true); !take(t, ']'); space(t, true)) {
		struct config_node *element = value(t, depth);

		if (!element)
			return NULL;
		add_child(n, element, NULL);
		space(t, true);
		if (!take(t, ',') && (t->p == t->end || *t->p != ']'))
			return fail(t, "an array that has no end; expected a comma or ]");
	}
	return n;
}

static struct config_node *value(struct toml *t, unsigned depth)
{
	struct config_node *n;

	if (depth >= DEPTH_MAX)
		return fail(t, "nested more than 16 deep");
	if (t->p == t->end)
		return fail(t, "the text ends before a value");
	if (*t->p == '[')
		return array(t, depth + 1);
	if (*t->p == '{')
		return inline_table(t, depth + 1);
	n = new_node(t, CONFIG_NODE_SCALAR);
	n->plain = *t->p != '"' && *t->p != '\'';
	n->text = n->plain ? bare(t, "+.:") : quoted(t);
	return n->text ? n : NULL;
}

/* The table that a header [a.b] or [[a.b]] names. */
static struct config_node *header_table(
	struct toml *t, struct config_node *parent, const char *key, bool list)
{
	struct config_node *n = child(parent, key), *element;

	if (!list) {
		if (n && (n->kind != CONFIG_NODE_MAP || !growing(n)->open))
			return fail(t, "this table is here twice, or its name has another value");
		n = descend(t, parent, key);
		if (n)
			growing(n)->open = false;
		return n;
	}
	if (!n) {
		n = new_node(t, CONFIG_NODE_LIST);
		growing(n)->headers = true;
		add_child(parent, n, key);
	}
	if (n->kind != CONFIG_NODE_LIST || !growing(n)->headers)
		return fail(t, "this name has another value already");
	element = new_node(t, CONFIG_NODE_MAP);
	add_child(n, element, NULL);
	return element;
}

static struct config_node *header(struct toml *t, struct config_node *root)
{
	struct config_node *at = root;
	bool list;

	t->p++;
	list = take(t, '[');
	for (unsigned depth = 0; at; depth++) {
		const char *key = read_key(t);

		if (!key)
			return NULL;
		if (depth == DEPTH_MAX)
			return fail(t, "nested more than 16 deep");
		blanks(t);
		if (take(t, '.')) {
			at = descend(t, at, key);
			continue;
		}
		at = header_table(t, at, key, list);
		if (at && (!take(t, ']') || (list && !take(t, ']'))))
			return fail(t, "a table's name that has no end; expected ]");
		return at;
	}
	return NULL;
}

struct config_node *toml_parse(struct arena *arena, const char *text, size_t len, struct config_errors *errs)
{
	/* A copy that ends with a NUL, so that a quoted text can be measured. */
	char *own = arena_alloc(arena, len + 1);
	struct toml t = {
		.arena = arena, .errs = errs, .p = own, .end = own + len, .line_start = own, .line = 1
	};
	struct config_node *root, *table;

	memcpy(own, text, len);
	own[len] = 0;
	table = root = new_node(&t, CONFIG_NODE_MAP);
	for (space(&t, true); t.p < t.end && !t.failed; space(&t, true)) {
		if (*t.p == '[')
			table = header(&t, root);
		else
			assign(&t, table, 1);
		space(&t, false);
		if (!t.failed && t.p < t.end && *t.p != '\n')
			fail(&t, "more in the line than belongs there");
	}
	return t.failed ? NULL : root;
}

#include "config/yaml.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/prefix.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* A key of a map that is being read. */
struct seen {
	struct hash_node hash;
	const struct config_node *node;
};

/* A list or map that is being read. */
struct frame {
	struct config_node *node, *last;
	struct hash keys;
	const char *key; /* read, its value not yet */
	unsigned key_line, key_column;
};

struct builder {
	struct arena *arena;
	struct config_errors *errs;
	const char *text;
	size_t len;
	struct frame stack[CONFIG_DEPTH_MAX];
	size_t depth;
	struct config_node *root;
	size_t documents;
};

static char *copy(struct arena *a, const void *text, size_t len)
{
	char *s = arena_alloc(a, len + 1);

	memcpy(s, text, len);
	s[len] = 0;
	return s;
}

static unsigned line_of(const yaml_mark_t *m)
{
	return (unsigned)m->line + 1;
}

static unsigned column_of(const yaml_mark_t *m)
{
	return (unsigned)m->column + 1;
}

/* False when the key was there before. */
static bool remember_key(struct builder *b, struct frame *f, const struct config_node *n)
{
	uint32_t h = hash_bytes(n->key, strlen(n->key), 0);
	char quoted[CONFIG_QUOTE_MAX];
	struct seen *s;

	for (struct hash_node *i = hash_first(&f->keys, h); i; i = hash_next(i)) {
		const struct config_node *other = HASH_ENTRY(i, struct seen, hash)->node;

		if (strcmp(other->key, n->key) != 0)
			continue;
		config_error_key(b->errs, n,
			"the key %s is here twice; it was first set in line %u, column %u",
			config_quote(n->key, quoted), other->key_line, other->key_column);
		return false;
	}
	s = arena_alloc(b->arena, sizeof(*s));
	s->node = n;
	hash_add(&f->keys, &s->hash, h);
	return true;
}

/* A new node at its place in the tree. A value under a key that was there before is read, but hangs in no list. */
static struct config_node *place(struct builder *b, enum config_node_kind kind, const yaml_event_t *e)
{
	struct config_node *n = arena_alloc(b->arena, sizeof(*n));
	struct frame *f = b->depth ? &b->stack[b->depth - 1] : NULL;

	*n = (struct config_node){
		.kind = kind, .line = line_of(&e->start_mark), .column = column_of(&e->start_mark)
	};
	if (!f) {
		b->root = n;
		return n;
	}
	n->parent = f->node;
	n->index = (unsigned)f->node->count;
	if (f->node->kind == CONFIG_NODE_MAP) {
		n->key = f->key;
		n->key_line = f->key_line;
		n->key_column = f->key_column;
		f->key = NULL;
		if (!remember_key(b, f, n))
			return n;
	}
	f->node->count++;
	if (f->last)
		f->last->next = n;
	else
		f->node->first = n;
	f->last = n;
	return n;
}

static bool refuse(struct builder *b, const yaml_event_t *e, const char *why)
{
	config_error_place(b->errs, line_of(&e->start_mark), column_of(&e->start_mark), "%s", why);
	return false;
}

static bool wants_key(const struct builder *b)
{
	const struct frame *f = b->depth ? &b->stack[b->depth - 1] : NULL;

	return f && f->node->kind == CONFIG_NODE_MAP && !f->key;
}

static bool on_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	struct frame *f;
	struct config_node *n;

	if (e->data.scalar.anchor)
		return refuse(
			b, e, "anchors (&name) and aliases (*name) are not taken here; write the value out");
	if (e->data.scalar.tag)
		return refuse(
			b, e, "tags (!name) are not taken here; leave it out, every key knows its own type");
	if (memchr(text, 0, len))
		return refuse(b, e, "a NUL octet in the text; remove it");
	if (wants_key(b)) {
		f = &b->stack[b->depth - 1];
		f->key = copy(b->arena, text, len);
		f->key_line = line_of(&e->start_mark);
		f->key_column = column_of(&e->start_mark);
		return true;
	}
	n = place(b, CONFIG_NODE_SCALAR, e);
	n->text = copy(b->arena, text, len);
	n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return true;
}

static bool on_open(struct builder *b, const yaml_event_t *e, enum config_node_kind kind)
{
	bool list = kind == CONFIG_NODE_LIST;
	const yaml_char_t *anchor = list ? e->data.sequence_start.anchor : e->data.mapping_start.anchor;
	const yaml_char_t *tag = list ? e->data.sequence_start.tag : e->data.mapping_start.tag;
	struct config_node *n;

	if (anchor)
		return refuse(
			b, e, "anchors (&name) and aliases (*name) are not taken here; write the value out");
	if (tag)
		return refuse(
			b, e, "tags (!name) are not taken here; leave it out, every key knows its own type");
	if (wants_key(b))
		return refuse(b, e, "a list or map cannot be a key; a key is a word followed by a colon");
	if (b->depth == CONFIG_DEPTH_MAX)
		return refuse(b, e, "nested more than 16 levels deep; no configuration needs that");
	n = place(b, kind, e);
	b->stack[b->depth++] = (struct frame){ .node = n };
	return true;
}

static void close_frame(struct builder *b)
{
	hash_fini(&b->stack[--b->depth].keys);
}

/* False: stop, an error was added. */
static bool on_event(struct builder *b, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(b, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, e, CONFIG_NODE_LIST);
	case YAML_MAPPING_START_EVENT:
		return on_open(b, e, CONFIG_NODE_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_frame(b);
		return true;
	case YAML_ALIAS_EVENT:
		return refuse(
			b, e, "anchors (&name) and aliases (*name) are not taken here; write the value out");
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++)
			return refuse(b, e, "a second document begins here (\"---\"); a file holds one");
		return true;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return true;
	}
	return true;
}

static bool is_address_char(char c)
{
	return isxdigit((unsigned char)c) || c == ':' || c == '.' || c == '/';
}

static bool is_ipv6(const char *start, size_t len, char *out)
{
	struct ip_addr a;
	size_t addr;

	if (len >= PREFIX_TEXT_MAX)
		return false;
	memcpy(out, start, len);
	out[len] = 0;
	addr = strcspn(out, "/");
	out[addr] = 0;
	if (!ip_addr_parse(out, &a) || a.family != IP_V6)
		return false;
	if (addr < len)
		out[addr] = '/';
	return true;
}

/* The first IPv6 address or prefix that stands outside quotes in a line; false when there is none. */
static bool find_ipv6(const char *line, const char *end, char *out)
{
	char quote = 0;

	for (const char *p = line; p < end && *p != '\n'; p++) {
		const char *start = p;

		if (quote) {
			if (*p == quote)
				quote = 0;
			continue;
		}
		if (*p == '"' || *p == '\'')
			quote = *p;
		if (*p == '#')
			return false;
		if (!is_address_char(*p) || (p > line && isalnum((unsigned char)p[-1])))
			continue;
		while (p < end && is_address_char(*p))
			p++;
		if (is_ipv6(start, (size_t)(p - start), out))
			return true;
		p--;
	}
	return false;
}

/* libyaml takes "{prefix: ::/0}" for broken syntax. Says in which line an address wants quotes; 0: in none. */
static unsigned unquoted_ipv6(const struct builder *b, unsigned from, unsigned to, char *out)
{
	const char *p = b->text, *end = b->text + b->len;

	for (unsigned line = 1; p < end && line <= to; line++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		if (line >= from && find_ipv6(p, end, out))
			return line;
		p = newline ? newline + 1 : end;
	}
	return 0;
}

static bool tab_at(const struct builder *b, const yaml_mark_t *m)
{
	return m->index < b->len && b->text[m->index] == '\t';
}

static void not_text(struct builder *b, const yaml_parser_t *p)
{
	size_t at = p->problem_offset < b->len ? p->problem_offset : b->len, start = at;
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += b->text[i] == '\n';
	while (start > 0 && b->text[start - 1] != '\n')
		start--;
	config_error_place(b->errs, line, (unsigned)(at - start) + 1,
		"not text (%s); a configuration file is UTF-8 without control characters", p->problem);
}

static void syntax_error(struct builder *b, const yaml_parser_t *p)
{
	unsigned line = line_of(&p->problem_mark), column = column_of(&p->problem_mark);
	unsigned from = p->context_mark.line + 1 < line ? (unsigned)p->context_mark.line + 1 : line;
	const char *problem = p->problem ? p->problem : "out of memory";
	char address[PREFIX_TEXT_MAX];

	if (p->error == YAML_READER_ERROR) {
		not_text(b, p);
		return;
	}
	if (!p->context)
		from = line;
	if (unquoted_ipv6(b, line - from > 3 ? line - 3 : from, line, address))
		config_error_place(b->errs, line, column,
			"not valid YAML: %s; an IPv6 address must be in quotes here: \"%s\"", problem,
			address);
	else if (tab_at(b, &p->problem_mark))
		config_error_place(b->errs, line, column,
			"not valid YAML: %s; this is a tab, YAML is indented with spaces", problem);
	else
		config_error_place(b->errs, line, column, "not valid YAML: %s%s%s",
			p->context ? p->context : "", p->context ? ", " : "", problem);
}

static bool build(struct builder *b, yaml_parser_t *p)
{
	for (;;) {
		yaml_event_t e;
		bool ok, end;

		if (!yaml_parser_parse(p, &e)) {
			syntax_error(b, p);
			return false;
		}
		ok = on_event(b, &e);
		end = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
		if (!ok || end)
			return ok;
	}
}

struct config_node *config_yaml_parse(
	struct arena *arena, const char *text, size_t len, struct config_errors *errs)
{
	struct builder b = { .arena = arena, .errs = errs, .text = text, .len = len };
	yaml_parser_t parser;
	bool ok;

	if (len > CONFIG_FILE_MAX) {
		config_error_place(
			errs, 0, 0, "larger than %d octets; no configuration needs that", CONFIG_FILE_MAX);
		return NULL;
	}
	if (!yaml_parser_initialize(&parser)) {
		config_error_place(errs, 0, 0, "not read: out of memory");
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	ok = build(&b, &parser);
	while (b.depth)
		close_frame(&b);
	yaml_parser_delete(&parser);
	if (!ok)
		return NULL;
	if (b.root && !config_node_is_empty(b.root))
		return b.root;
	b.root = arena_alloc(arena, sizeof(*b.root));
	*b.root = (struct config_node){ .kind = CONFIG_NODE_MAP, .line = 1, .column = 1 };
	return b.root;
}

char *config_file_read(const char *path, size_t *len, struct config_errors *errs)
{
	FILE *f = fopen(path, "re");
	char *text, said[CONFIG_OPEN_ERROR_MAX];

	if (!f) {
		config_error_place(errs, 0, 0, "cannot be opened: %s", config_open_error(errno, said));
		return NULL;
	}
	text = mem_alloc(CONFIG_FILE_MAX + 2);
	errno = 0;
	*len = fread(text, 1, CONFIG_FILE_MAX + 1, f);
	if (ferror(f)) {
		config_error_place(errs, 0, 0, "cannot be read: %s", strerror(errno));
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

#include "config/write.h"

#include "config/diff.h"

#include <string.h>

enum { INDENT = 2 };

struct writing {
	FILE *out;
	bool all;
	int indent;
	bool dash;  /* the next line begins an element of a list */
	bool given; /* which stands in the file: its dash is no comment, even if the first key is one */
};

/* The beginning of a line, up to the key; a comment where nothing of it stands in the file. */
static void begin(struct writing *w, bool comment)
{
	const char *mark = comment ? "# " : "", *dash = w->dash ? "- " : "";

	fprintf(w->out, "%*s%s%s", w->indent - (w->dash ? INDENT : 0), "", w->given ? dash : mark,
		w->given ? mark : dash);
	w->dash = w->given = false;
}

static bool is_plain(const char *text)
{
	static const char any[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_-";

	return *text && *text != '-' && !text[strspn(text, any)];
}

static void put_scalar(FILE *out, const char *text)
{
	if (is_plain(text)) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			fprintf(out, "\\x%02x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void put_words(FILE *out, const struct config_field *f, const void *base)
{
	const bool *set = (const bool *)((const char *)base + f->offset);
	const char *before = "";

	fputc('[', out);
	for (const struct config_word *word = f->words; word->name; word++) {
		if (!set[word->value])
			continue;
		fprintf(out, "%s%s", before, word->name);
		before = ", ";
	}
	fputc(']', out);
}

static void put_list(FILE *out, const struct config_field *f, const void *base)
{
	size_t count;
	const char *items = config_list_items(f, base, &count);
	char buf[CONFIG_VALUE_MAX];

	fputc('[', out);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ", " : "", out);
		put_scalar(out, config_value_format(f, items + i * f->type->size, buf));
	}
	fputc(']', out);
}

static bool is_unset(const struct config_field *f, const void *base)
{
	char buf[CONFIG_VALUE_MAX];
	size_t count;

	if (f->shape == CONFIG_SCALAR && !f->type->format)
		return false;
	if (f->shape == CONFIG_SCALAR)
		return !*config_value_format(f, (const char *)base + f->offset, buf);
	if (f->shape != CONFIG_LIST)
		return false;
	config_list_items(f, base, &count);
	return count == 0;
}

static void write_value(
	struct writing *w, const struct config_field *f, const void *base, const struct config_node *n)
{
	char buf[CONFIG_VALUE_MAX];

	if (!n && (!w->all || (f->shape == CONFIG_SCALAR && !f->type->format)))
		return;
	begin(w, !n || f->secret || is_unset(f, base));
	fprintf(w->out, "%s: ", f->name);
	if (is_unset(f, base))
		fputs(f->def_doc ? f->def_doc : "none", w->out);
	else if (f->secret)
		fputs("set, and not shown", w->out);
	else if (f->shape == CONFIG_FLAGS)
		put_words(w->out, f, base);
	else if (f->shape == CONFIG_LIST)
		put_list(w->out, f, base);
	else
		put_scalar(w->out, config_value_format(f, (const char *)base + f->offset, buf));
	fputc('\n', w->out);
}

static void write_schema(
	struct writing *w, const struct config_schema *s, const void *value, const struct config_node *n);

static void write_struct(
	struct writing *w, const struct config_field *f, const void *base, const struct config_node *n)
{
	const void *value = (const char *)base + f->offset;
	char buf[CONFIG_VALUE_MAX];
	struct text word = text_init(buf, sizeof(buf));

	if (!n && !w->all)
		return;
	begin(w, !n);
	if (f->schema->shorthand_format && f->schema->shorthand_format(value, &word)) {
		fprintf(w->out, "%s: %s\n", f->name, buf);
		return;
	}
	if (n && n->kind == CONFIG_NODE_SCALAR && !config_node_is_empty(n)) {
		fprintf(w->out, "%s: %s\n", f->name, n->text);
		return;
	}
	fprintf(w->out, "%s:\n", f->name);
	w->indent += INDENT;
	write_schema(w, f->schema, value, n);
	w->indent -= INDENT;
}

/* given: its list stands in the file. */
static void write_element(struct writing *w, const struct config_field *f, const void *element, bool given)
{
	const struct config_head *head = element;
	const struct config_node *n = given ? head->node : NULL;

	if (f->shape == CONFIG_MAP) {
		begin(w, !given);
		fprintf(w->out, "%s:\n", head->name);
	}
	w->indent += INDENT;
	w->dash = f->shape == CONFIG_LIST;
	w->given = w->dash && n;
	write_schema(w, f->schema, element, n);
	w->dash = w->given = false;
	w->indent -= INDENT;
}

static void write_elements(
	struct writing *w, const struct config_field *f, const void *base, const struct config_node *n)
{
	size_t count;
	const char *items = config_list_items(f, base, &count);

	if (!n && !w->all)
		return;
	begin(w, !n);
	fprintf(w->out, "%s:%s\n", f->name, count ? "" : f->shape == CONFIG_MAP ? " {}" : " []");
	w->indent += INDENT;
	for (size_t i = 0; i < count; i++)
		write_element(w, f, items + i * f->schema->size, n);
	w->indent -= INDENT;
}

static void write_fields(
	struct writing *w, const struct config_schema *s, const void *value, const struct config_node *n)
{
	for (const struct config_field *f = s->fields; f->name; f++) {
		const struct config_node *child = config_node_get(n, f->name);

		if (f->shape == CONFIG_STRUCT)
			write_struct(w, f, value, child);
		else if (f->schema)
			write_elements(w, f, value, child);
		else
			write_value(w, f, value, child);
	}
}

static void write_schema(
	struct writing *w, const struct config_schema *s, const void *value, const struct config_node *n)
{
	write_fields(w, s, value, n);
	if (s->include)
		write_schema(w, s->include, (const char *)value + s->include_offset, n);
}

void config_write(
	FILE *out, const struct config_schema *s, const void *value, const struct config_node *n, bool all)
{
	struct writing w = { .out = out, .all = all };

	write_schema(&w, s, value, n);
}

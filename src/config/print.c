#include "base/mem.h"
#include "config/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A table as text. Reads a schema, never a configuration. */

const char *config_apply_text(enum config_apply a)
{
	switch (a) {
	case CONFIG_LIVE:
		return "live";
	case CONFIG_REEVALUATE:
		return "re-evaluates routes";
	case CONFIG_RESET_SESSION:
		return "resets sessions";
	case CONFIG_RESTART:
		return "restart";
	}
	return "";
}

static void print_words(FILE *out, const struct config_word *w)
{
	for (const char *sep = ""; w->name; w++, sep = " | ")
		fprintf(out, "%s%s", sep, w->name);
}

static void print_type(FILE *out, const struct config_field *f)
{
	if (f->shape == CONFIG_LIST)
		fprintf(out, "list, each ");
	if (f->shape == CONFIG_FLAGS) {
		fprintf(out, "list of ");
		print_words(out, f->words);
		return;
	}
	if (f->words) {
		print_words(out, f->words);
		return;
	}
	fprintf(out, "%s", f->type->name);
	if (f->type->values)
		fprintf(out, ": %s", f->type->values);
	else if (f->max && f->type->text)
		fprintf(out, " of at most %" PRIu64 " octets", f->max);
	else if (f->max && f->shape == CONFIG_SCALAR)
		fprintf(out, " %" PRIu64 "..%" PRIu64, f->min, f->max);
}

static void print_field(FILE *out, const char *path, const struct config_field *f, enum config_apply at_least)
{
	fprintf(out, "%s\t", path);
	print_type(out, f);
	if (f->required)
		fprintf(out, "; required");
	else if (f->def || f->def_doc)
		fprintf(out, "; default %s", f->def_doc ? f->def_doc : f->def);
	fprintf(out, "; %s\t%s\n", config_apply_text(f->apply > at_least ? f->apply : at_least), f->doc);
}

static void print_schema(
	FILE *out, const char *prefix, const struct config_schema *s, enum config_apply at_least)
{
	if (s->shorthand)
		fprintf(out, "%.*s\t%s\n", (int)strlen(prefix) - 1, prefix, s->shorthand_doc);
	for (const struct config_field *f = s->fields; f->name; f++) {
		const char *below = f->shape == CONFIG_MAP ? ".NAME" : f->shape == CONFIG_LIST ? "[]" : "";
		char *path = mem_printf("%s%s", prefix, f->name), *deeper = mem_printf("%s%s.", path, below);

		if (f->schema)
			print_schema(out, deeper, f->schema, at_least);
		else
			print_field(out, path, f, at_least);
		free(deeper);
		free(path);
	}
	if (s->include && s->include_doc)
		fprintf(out, "%s*\t%s\n", prefix, s->include_doc);
	else if (s->include)
		print_schema(
			out, prefix, s->include, s->include_apply > at_least ? s->include_apply : at_least);
}

char *config_schema_print(const struct config_schema *s)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort();
	print_schema(out, "", s, CONFIG_LIVE);
	fclose(out);
	return text;
}

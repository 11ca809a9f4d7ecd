#include "rrctl/exposition.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct family {
	char *name, *type, *help;
	char *text; /* of the samples; valid after a flush of stream */
	size_t len;
	FILE *stream;
};

struct exposition {
	struct family **family; /* each in a place of its own, which its stream knows */
	size_t count, last;	/* last: the family of the sample before */
};

struct exposition *exposition_new(void)
{
	return mem_calloc(1, sizeof(struct exposition));
}

void exposition_free(struct exposition *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->count; i++) {
		struct family *f = e->family[i];

		fclose(f->stream);
		free(f->text);
		free(f->name);
		free(f->type);
		free(f->help);
		free(f);
	}
	free(e->family);
	free(e);
}

/* --- names and texts --- */

/* Letters, digits (not in front) and _; the daemons have no others. */
static char *valid_name(const char *name)
{
	char *valid = mem_printf("%s%s", *name >= '0' && *name <= '9' ? "_" : "", *name ? name : "_");

	for (char *p = valid; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *p))
			*p = '_';
	return valid;
}

static void print_escaped(FILE *out, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\\' || (quotes && *text == '"'))
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

/* The shortest that reads back as the same number. */
static void print_real(FILE *out, double v)
{
	char buf[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, sizeof(buf), "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	fputs(buf, out);
}

/* --- samples --- */

static struct family *find(struct exposition *e, const struct row *sample, const char *name)
{
	const char *type = row_get_text(sample, "type"), *help = row_get_text(sample, "help");
	struct family *f;

	if (e->last < e->count && strcmp(e->family[e->last]->name, name) == 0)
		return e->family[e->last];
	for (e->last = 0; e->last < e->count; e->last++)
		if (strcmp(e->family[e->last]->name, name) == 0)
			return e->family[e->last];
	e->family = mem_realloc(e->family, (e->count + 1) * sizeof(*e->family));
	f = e->family[e->count++] = mem_calloc(1, sizeof(*f));
	f->name = mem_strdup(name);
	f->type = mem_strdup(type ? type : "untyped");
	f->help = mem_strdup(help ? help : "");
	f->stream = open_memstream(&f->text, &f->len);
	return f;
}

struct labels {
	FILE *out;
	const struct row *row;
	bool begun;
};

static void print_label(void *user, const char *key, const char *value)
{
	const char *text = row_get_text(((struct labels *)user)->row, key);
	struct labels *l = user;
	char *name = valid_name(key);

	fprintf(l->out, "%s%s=\"", l->begun ? "," : "{", name);
	print_escaped(l->out, text ? text : value, true);
	fputc('"', l->out);
	l->begun = true;
	free(name);
}

static void print_value(FILE *out, const struct row *sample)
{
	if (row_get_int(sample, "value", 0) == row_get_int(sample, "value", 1))
		fprintf(out, "%lld", (long long)row_get_int(sample, "value", 0));
	else if (row_get_real(sample, "value", 0) == row_get_real(sample, "value", 1))
		print_real(out, row_get_real(sample, "value", 0));
	else
		fputs("NaN", out);
}

void exposition_add(struct exposition *e, const struct row *sample)
{
	const char *given = row_get_text(sample, "name"), *part = row_get_text(sample, "sample");
	char *name = valid_name(given ? given : "");
	struct family *f = find(e, sample, name);
	struct labels l = { f->stream, row_get(sample, "labels"), false };

	fputs(name, f->stream);
	if (part) {
		char *valid = valid_name(part);

		fprintf(f->stream, "_%s", valid);
		free(valid);
	}
	if (l.row)
		row_each(l.row, print_label, &l);
	fputs(l.begun ? "} " : " ", f->stream);
	print_value(f->stream, sample);
	fputc('\n', f->stream);
	free(name);
}

void exposition_print(const struct exposition *e, FILE *out)
{
	for (size_t i = 0; i < e->count; i++) {
		const struct family *f = e->family[i];

		fprintf(out, "# HELP %s ", f->name);
		print_escaped(out, f->help, false);
		fprintf(out, "\n# TYPE %s %s\n", f->name, f->type);
		fflush(f->stream);
		fputs(f->text, out);
	}
}

#include "convert/write.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct writer {
	struct convert_model *m;
	struct convert_output *out;
	FILE *f, *err;
	const char *keys;
	size_t room;
	bool failed;
	const char *
		lead; /* what stands before the next line's key: blanks, or "  - " for the first of an element */
	unsigned indent; /* of the lines after it */
};

static void line_from(struct writer *w, struct convert_place at)
{
	if (w->out->lines == w->room) {
		w->room = w->room ? w->room * 2 : 64;
		w->out->places = mem_realloc(w->out->places, w->room * sizeof(*w->out->places));
	}
	w->out->places[w->out->lines++] = at;
}

/* Plain where YAML reads it as it stands, else in quotes. */
static void write_value(FILE *f, const char *text, size_t len)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/- ";
	bool quote = !len || text[0] == ' ' || text[0] == '-' || text[len - 1] == ' ' ||
		     strspn(text, plain) < len;

	if (!quote) {
		fwrite(text, 1, len, f);
		return;
	}
	fputc('"', f);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(f, "\\x%02x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void write_list(FILE *f, const char *text)
{
	fputc('[', f);
	while (*text) {
		size_t len = strcspn(text, ",");

		write_value(f, text, len);
		text += len;
		if (*text) {
			text += 1 + strspn(text + 1, " ");
			fputs(", ", f);
		}
	}
	fputc(']', f);
}

static void begin_line(struct writer *w, const char *key, struct convert_place at)
{
	if (w->lead)
		fputs(w->lead, w->f);
	else
		fprintf(w->f, "%*s", (int)w->indent, "");
	w->lead = NULL;
	fprintf(w->f, "%s:", key);
	line_from(w, at);
}

/* --- passwords --- */

/* The name of a file for the password of a part. */
static char *key_path(const struct writer *w, const struct convert_part *p)
{
	const char *who = p->name		      ? p->name
			  : convert_get(p, "address") ? convert_get(p, "address")
						      : convert_get(p, "prefix");
	char *path = mem_printf("%s/%s.key", w->keys, who ? who : "neighbor");

	for (char *c = path + strlen(w->keys) + 1; *c; c++)
		if (*c == '/')
			*c = '-';
	return path;
}

static bool write_key(struct writer *w, const char *path, const char *password)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t len = strlen(password);
	bool ok = fd >= 0 && write(fd, password, len) == (ssize_t)len;

	if (!ok)
		fprintf(w->err, "%s: the file for a password cannot be written: %s\n", path, strerror(errno));
	if (fd >= 0 && close(fd))
		ok = false;
	if (fd >= 0 && !ok)
		unlink(path);
	return ok;
}

static void write_secret(struct writer *w, struct convert_part *p, const struct convert_setting *s)
{
	char *path;

	if (!w->keys) {
		begin_line(w, "password", s->at);
		fputc(' ', w->f);
		write_value(w->f, s->text, strlen(s->text));
		fputc('\n', w->f);
		w->out->has_secrets = true;
		return;
	}
	path = key_path(w, p);
	if (write_key(w, path, s->text)) {
		convert_put(w->m, p, "key-file", convert_text(w->m, "%s", path), s->at);
		begin_line(w, "password-file", s->at);
		fputc(' ', w->f);
		write_value(w->f, path, strlen(path));
		fputc('\n', w->f);
	} else {
		w->failed = true;
	}
	free(path);
}

void convert_keys_remove(const struct convert_model *m)
{
	for (const struct convert_part *p = m->first; p; p = p->next)
		if (convert_get(p, "key-file"))
			unlink(convert_get(p, "key-file"));
}

/* --- parts --- */

static bool says_below(const struct convert_part *p, const char *path)
{
	size_t len = strlen(path);

	for (const struct convert_setting *s = p->settings; s; s = s->next)
		if (s->text && strncmp(s->key, path, len) == 0 && s->key[len] == '.')
			return true;
	return false;
}

static void write_field(
	struct writer *w, struct convert_part *p, const struct config_field *f, const char *path);

static void write_fields(
	struct writer *w, struct convert_part *p, const struct config_schema *s, const char *prefix)
{
	for (; s; s = s->include)
		for (const struct config_field *f = s->fields; f->name; f++)
			write_field(
				w, p, f, convert_text(w->m, "%s%s%s", prefix, *prefix ? "." : "", f->name));
}

static void write_field(
	struct writer *w, struct convert_part *p, const struct config_field *f, const char *path)
{
	const struct convert_setting *s = convert_setting(p, path);

	if (f->shape == CONFIG_STRUCT && says_below(p, path)) {
		begin_line(w, f->name, p->at);
		fputc('\n', w->f);
		w->indent += 2;
		write_fields(w, p, f->schema, path);
		w->indent -= 2;
	} else if (s && s->text && f->secret) {
		write_secret(w, p, s);
	} else if (s && s->text) {
		begin_line(w, f->name, s->at);
		fputc(' ', w->f);
		if (f->shape == CONFIG_FLAGS || f->shape == CONFIG_LIST)
			write_list(w->f, s->text);
		else
			write_value(w->f, s->text, strlen(s->text));
		fputc('\n', w->f);
	}
}

static bool says_anything(const struct convert_part *p)
{
	for (const struct convert_setting *s = p->settings; s; s = s->next)
		if (s->text)
			return true;
	return false;
}

static void write_element(struct writer *w, struct convert_part *p, const struct config_field *section)
{
	bool map = section->shape == CONFIG_MAP, any = says_anything(p);

	if (map) {
		fprintf(w->f, "  %s:%s\n", p->name, any ? "" : " {}");
		line_from(w, p->at);
	}
	w->lead = map || !any ? NULL : "  - ";
	w->indent = 4;
	write_fields(w, p, section->schema, "");
	w->lead = NULL;
}

static void heading(struct writer *w, const char *name, const char *rest)
{
	fprintf(w->f, "\n%s:%s\n", name, rest);
	line_from(w, (struct convert_place){ 0 });
	line_from(w, (struct convert_place){ 0 });
}

/* Parts that say nothing, of a list: the list is empty by intention ("listen: []"). */
static void write_section(struct writer *w, const struct config_field *section)
{
	struct convert_part *p = convert_part_next(w->m, NULL, section->name);

	if (!p || (section->shape == CONFIG_STRUCT && !says_anything(p)))
		return;
	if (section->shape == CONFIG_LIST && !says_anything(p) &&
		!convert_part_next(w->m, p, section->name)) {
		heading(w, section->name, " []");
		return;
	}
	heading(w, section->name, "");
	if (section->shape == CONFIG_STRUCT) {
		w->indent = 2;
		write_fields(w, p, section->schema, "");
		return;
	}
	for (; p; p = convert_part_next(w->m, p, section->name)) {
		if (section->shape == CONFIG_MAP && !p->name)
			convert_note(w->m->notes, CONVERT_LOST, p->at, "a peer group without a name");
		else
			write_element(w, p, section);
	}
}

static void write_head(struct writer *w, const char *head)
{
	fputs(head, w->f);
	for (const char *c = head; *c; c++)
		if (*c == '\n')
			line_from(w, (struct convert_place){ 0 });
}

bool convert_write(
	struct convert_model *m, const char *head, const char *keys, FILE *err, struct convert_output *out)
{
	struct writer w = { .m = m, .out = out, .err = err, .keys = keys };

	*out = (struct convert_output){ 0 };
	w.f = open_memstream(&out->text, &out->len);
	if (!w.f)
		abort();
	write_head(&w, head);
	for (const struct config_field *f = m->schema->fields; f->name; f++)
		write_section(&w, f);
	fclose(w.f);
	if (w.failed)
		convert_keys_remove(m);
	return !w.failed;
}

void convert_output_fini(struct convert_output *out)
{
	free(out->text);
	free(out->places);
}

#include "convert/note.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SEEN_NEAR = 256 };

struct note {
	struct convert_place at;
	enum convert_note_kind kind;
	size_t file, order; /* when the file, and the note itself, came up first */
	char *text;
};

struct convert_notes {
	struct note *notes;
	size_t count, room, files;
	size_t of_kind[2];
};

struct convert_notes *convert_notes_new(void)
{
	return mem_calloc(1, sizeof(struct convert_notes));
}

void convert_notes_free(struct convert_notes *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->count; i++)
		free(n->notes[i].text);
	free(n->notes);
	free(n);
}

static size_t file_order(struct convert_notes *n, const char *file)
{
	for (size_t i = n->count; i-- > 0;)
		if (strcmp(n->notes[i].at.file, file) == 0)
			return n->notes[i].file;
	return n->files++;
}

/* Whether the same was said of the same place: what is inherited is read more than once. */
static bool is_here(const struct convert_notes *n, const struct note *note)
{
	size_t near = n->count > SEEN_NEAR ? n->count - SEEN_NEAR : 0;

	for (size_t i = n->count; i-- > near;)
		if (n->notes[i].at.line == note->at.line && n->notes[i].file == note->file &&
			strcmp(n->notes[i].text, note->text) == 0)
			return true;
	return false;
}

void convert_note(
	struct convert_notes *n, enum convert_note_kind kind, struct convert_place at, const char *fmt, ...)
{
	struct note *note;
	va_list ap;
	size_t size;
	FILE *f;

	if (n->count == n->room) {
		n->room = n->room ? n->room * 2 : 16;
		n->notes = mem_realloc(n->notes, n->room * sizeof(*n->notes));
	}
	note = &n->notes[n->count];
	*note = (struct note){ .at = at, .kind = kind, .file = file_order(n, at.file), .order = n->count };
	f = open_memstream(&note->text, &size);
	if (!f)
		abort();
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
	if (is_here(n, note)) {
		free(note->text);
		return;
	}
	n->count++;
	n->of_kind[kind]++;
}

size_t convert_notes_count(const struct convert_notes *n, enum convert_note_kind kind)
{
	return n->of_kind[kind];
}

static int by_place(const void *a, const void *b)
{
	const struct note *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void convert_notes_write(struct convert_notes *n, FILE *out)
{
	if (n->count)
		qsort(n->notes, n->count, sizeof(*n->notes), by_place);
	for (size_t i = 0; i < n->count; i++) {
		const struct note *note = &n->notes[i];

		fprintf(out, "%s:", note->at.file);
		if (note->at.line)
			fprintf(out, "%u:", note->at.line);
		fprintf(out, " %s: %s\n", note->kind == CONVERT_LOST ? "not carried over" : "note",
			note->text);
	}
}

/*
 * What a conversion has to say about its input, each with its place, in the order of the files and of their lines.
 *
 * LOST is something of the input that the output does not hold: with what to do about it. REMARK is something that was
 * carried over and that its reader should know. No value of a secret is ever in a text.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

struct convert_place {
	const char *file; /* outlives the notes */
	unsigned line;	  /* 0: about the file */
};

enum convert_note_kind { CONVERT_LOST, CONVERT_REMARK };

struct convert_notes;

struct convert_notes *convert_notes_new(void);
void convert_notes_free(struct convert_notes *n);
void convert_note(struct convert_notes *n, enum convert_note_kind kind, struct convert_place at,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
size_t convert_notes_count(const struct convert_notes *n, enum convert_note_kind kind);
void convert_notes_write(struct convert_notes *n, FILE *out);

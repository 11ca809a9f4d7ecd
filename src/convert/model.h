/*
 * What was read of another program's configuration, in the words of ours: parts with settings.
 *
 * A part is one map of our file: "router", "fib", one element of "neighbors" or "services", one of "peer-groups" by its name.
 * A setting is a key of it, with the value as our file would have it, and with the place it comes from. Readers fill
 * parts in and know nothing of YAML; the writer knows nothing of where they come from. Each value goes through our own
 * schema when it is set: what it would not take becomes a note and no setting.
 */
#pragma once

#include "base/arena.h"
#include "config/schema.h"
#include "convert/note.h"

struct convert_setting {
	const char *key; /* "add-paths.send" */
	const char *text;
	struct convert_place at;
	struct convert_setting *next;
};

struct convert_part {
	const char *section; /* "neighbors" */
	const char *name;    /* of a map's element; else NULL */
	struct convert_place at;
	struct convert_setting *settings;
	struct convert_part *next; /* of all parts, in the order in which they came up */
};

struct convert_model {
	struct arena *arena;
	struct convert_notes *notes;
	struct config_errors *errs; /* what could not be read */
	const struct config_schema *schema;
	struct convert_part *first, *last;
	const char *file; /* the one that is read */
};

/* A new part. text is borrowed from the arena everywhere. */
struct convert_part *convert_part_add(
	struct convert_model *m, const char *section, const char *name, struct convert_place at);
/* The part of this section and name (NULL: the section's first), or NULL. */
struct convert_part *convert_part_find(const struct convert_model *m, const char *section, const char *name);
/* The same, made when it is not there. */
struct convert_part *convert_part_need(
	struct convert_model *m, const char *section, const char *name, struct convert_place at);
/* The next part of the section after this one (NULL: from the first); NULL at the end. */
struct convert_part *convert_part_next(
	const struct convert_model *m, const struct convert_part *after, const char *section);

/* Sets a key, in place of what was set before. False when the schema refuses the value: then there is a note. what: the
 * input's own words for it, for the note. */
bool convert_set(struct convert_model *m, struct convert_part *p, const char *key, const char *text,
	struct convert_place at, const char *what);
/* Sets it without asking the schema: for lists, whose elements were asked one by one. */
void convert_put(struct convert_model *m, struct convert_part *p, const char *key, const char *text,
	struct convert_place at);
/* Whether the schema takes the value there; when not, what is wrong is in why (NULL: not wanted). */
bool convert_takes(
	struct convert_model *m, const char *section, const char *key, const char *text, struct text *why);
/* Adds an element to a list that is written "a, b", unless it is there. */
void convert_list_add(struct convert_model *m, struct convert_part *p, const char *key, const char *text,
	struct convert_place at);
/* Whether it is in such a list; NULL: an empty one. */
bool convert_list_has(const char *list, const char *text);
const char *convert_get(const struct convert_part *p, const char *key);
const struct convert_setting *convert_setting(const struct convert_part *p, const char *key);
/* What from says and p does not. */
void convert_inherit(struct convert_model *m, struct convert_part *p, const struct convert_part *from);

/* The place of a line of the file that is read. */
struct convert_place convert_at(const struct convert_model *m, unsigned line);
/* Text in the arena. */
const char *convert_text(struct convert_model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A name for a peer group of ours out of any text. */
const char *convert_name(struct convert_model *m, const char *text);

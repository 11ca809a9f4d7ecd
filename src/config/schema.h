/*
 * A configuration file's shape as a table, and the engine that reads a tree into a structure by it.
 *
 * A row of the table says of one key: its name, its type, where in the structure its value goes, its range, its default as
 * it would be written in the file, what a change of it touches, and what the build must have for it. Everything else is
 * derived: reading, error messages, the nearest key to a misspelt one, the printed schema that the manual pages are
 * checked against. A default is read by the same code as a value, so writing a default out changes nothing.
 *
 * Reading never stops at an error: a value that is wrong is reported and its default stays, so that all errors of a file are
 * found at once. What one key alone cannot tell (contradictions, names of other things) is checked by the files that
 * own a structure. To merge settings, fill in the defaults once and apply one tree after the other.
 */
#pragma once

#include "base/arena.h"
#include "base/text.h"
#include "config/errors.h"
#include "config/node.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a change of the key's value touches, from least to most. */
enum config_apply {
	CONFIG_LIVE,	      /* takes effect at once; no session and no route is touched */
	CONFIG_REEVALUATE,    /* routes are looked at again; sessions stay */
	CONFIG_RESET_SESSION, /* the sessions it applies to start again */
	CONFIG_RESTART,	      /* the daemon must start again */
};

/* What a build may lack. */
enum config_feature {
	CONFIG_FEATURE_NONE,
	CONFIG_FEATURE_OPENSSL,
	CONFIG_FEATURE_LIBCURL,
	CONFIG_FEATURE_TCP_AO, /* in no build yet */
};

struct config_reader {
	struct arena *arena;	    /* owns all text and lists of what is read */
	struct config_errors *errs; /* NULL: errors are not wanted */
	unsigned features;	    /* bits 1 << enum config_feature */
};

/* --- feature.c --- */
/* The features of this build. */
unsigned config_features(void);
/* What to do where the build lacks it; NULL when it is there. */
const char *config_feature_missing(const struct config_reader *r, enum config_feature needs);
/* Whether the kernel has TCP-AO (RFC 5925). */
bool config_kernel_has_tcp_ao(void);

struct config_field;
struct config_schema;

struct config_word {
	const char *name; /* NULL ends a list of words */
	unsigned value;
	enum config_feature needs;
};

/* A type of scalar. */
struct config_scalar {
	const char *name;   /* "number": what it is, for messages and manual */
	const char *values; /* what may be written, where a row's range or words do not say it; or NULL */
	size_t size;	    /* of the value in the structure */
	bool text;	    /* a row's range counts octets */
	/* Writes the value; or says what is wrong and what would be right, and returns false. */
	bool (*parse)(struct config_reader *r, const struct config_field *f, const char *text, void *out,
		struct text *why);
	/* The value as parse would take it; nothing where it is unset. NULL: another row compares what stands there, or the
	 * table is never compared. */
	void (*format)(const struct config_field *f, const void *value, struct text *out);
};

enum config_shape {
	CONFIG_SCALAR,
	CONFIG_STRUCT,
	CONFIG_LIST,  /* of scalars, or of structures when there is no type */
	CONFIG_MAP,   /* of structures by name */
	CONFIG_FLAGS, /* a list of words; a bool array, indexed by the words' values */
};

struct config_field {
	const char *name;
	enum config_shape shape;
	const struct config_scalar *type;   /* SCALAR; LIST: of its elements */
	const struct config_schema *schema; /* STRUCT; LIST, MAP: of its elements */
	const struct config_word *words;    /* of an enumeration or of flags */
	size_t offset;			    /* of the value; LIST, MAP: of a pointer to the first element */
	size_t count_offset; /* LIST, MAP, texts that may hold a NUL: of their number, a size_t */
	uint64_t min, max;   /* numbers: the range; text: octets. min of lists: elements */
	const char *def;     /* default, as written in a file; NULL: all octets zero */
	const char *def_doc; /* what the default is, where def does not say it */
	bool required;
	bool key; /* tells the elements of its list apart; the order of a list without such a row matters */
	bool ordered; /* LIST of scalars: their order says something, as of a command's arguments */
	bool secret;  /* never shown, nor what it was or becomes */
	enum config_apply apply;
	/* What a change between these two values touches, where that can be less; or NULL. */
	enum config_apply (*apply_change)(const void *before, const void *after);
	enum config_feature needs;
	const char *doc; /* one sentence, no full stop */
};

struct config_schema {
	size_t size;
	const struct config_field *fields; /* a row without a name ends them */
	/* More keys at the same level, whose values stand in a structure inside this one; or NULL. */
	const struct config_schema *include;
	size_t include_offset;
	enum config_apply include_apply; /* a change of one of them touches at least this */
	const char *include_doc;	 /* printed in the place of those keys; NULL: they are printed */
	/* Takes a scalar in the place of the map ("import: none"), or is told by a NULL text that a map comes; or NULL. */
	bool (*shorthand)(struct config_reader *r, const char *text, void *out, struct text *why);
	const char *shorthand_doc;
	/* What an element of a list is called; NULL: what its key rows say. */
	void (*element_name)(const void *value, struct text *out);
	/* Writes the word when it alone says the value; or NULL. */
	bool (*shorthand_format)(const void *value, struct text *out);
};

/* What the structure of an element of a list or map begins with. */
struct config_head {
	const char *name;		/* in a map; NULL in a list */
	const struct config_node *node; /* where it stands; lives as long as the reader's arena */
};

/* The defaults: clears out and fills it in. */
void config_schema_init(struct config_reader *r, const struct config_schema *s, void *out);
/* Sets what the tree says and leaves everything else. Does not ask for required keys. */
void config_schema_apply(
	struct config_reader *r, const struct config_schema *s, const struct config_node *n, void *out);
/* Both, and errors for required keys that are missing. */
void config_schema_read(
	struct config_reader *r, const struct config_schema *s, const struct config_node *n, void *out);

/* One line per key in the order of the table: PATH, a tab, then "type; default; what a change touches", a tab, and the
 * sentence about it. Elements are named NEIGHBORS[] and GROUPS.NAME. The caller frees the text. */
char *config_schema_print(const struct config_schema *s);
/* "live", "re-evaluates routes", ... */
const char *config_apply_text(enum config_apply a);

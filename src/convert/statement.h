/*
 * The syntax that BIRD and ExaBGP share, and that of FRR, as statements: words, and perhaps a block of statements.
 *
 * "hold time 9;" is three words; "neighbor 10.0.0.1 { ... }" two words and a block. FRR's statements are lines. Quotes are
 * taken off. What the words mean is the reader's to say. A text that breaks the syntax is refused whole, with the place.
 */
#pragma once

#include "base/arena.h"
#include "config/errors.h"

#include <stdbool.h>
#include <stddef.h>

struct statement {
	const char **words;
	size_t count;
	unsigned line; /* of the first word */
	bool block;
	struct statement *first, *next; /* of the block; beside it */
};

struct statement_syntax {
	const char *singles; /* characters that are words by themselves */
	bool c_comments;     /* slash and star, beside # */
	bool programs;	     /* blocks behind "filter" and "function" are programs: passed over, not read */
};

enum { STATEMENT_DEPTH_MAX = 16 };

/* The outermost statement, without words, whose block is the text; NULL with an error added. */
struct statement *statement_parse(struct arena *a, const struct statement_syntax *syntax, const char *text,
	size_t len, struct config_errors *errs);
/* The same of lines: no blocks; "!" and "#" begin comments. */
struct statement *statement_parse_lines(
	struct arena *a, const char *text, size_t len, struct config_errors *errs);

/* The statement's words from the given one on, with blanks between. */
const char *statement_text(struct arena *a, const struct statement *s, size_t from);

/* The statement for a message: cut when long, and behind a word that announces a secret. */
const char *statement_quote(struct arena *a, const struct statement *s);

enum { STATEMENT_ARGUMENTS_MAX = 4 };

/* Whether the words are as the pattern says: a word of it is itself, "a|b" is one of both, "%" any one word, "*" at the end all
 * that is left, perhaps nothing. What % and * stand for is put into arguments. */
bool statement_match(struct arena *a, const struct statement *s, const char *pattern, const char **arguments);

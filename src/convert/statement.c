#include "convert/statement.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 4096, QUOTE_MAX = 200 };

struct reader {
	struct arena *arena;
	struct config_errors *errs;
	const struct statement_syntax *syntax;
	const char *p, *end;
	unsigned line;
	const char *words[WORDS_MAX]; /* of the statement that is read */
	size_t count;
	unsigned first_line;
	bool in_brackets; /* where braces are those of a prefix set: [ 10.0.0.0/8{16,24} ] */
	bool failed;
};

static void fail(struct reader *r, unsigned line, const char *what)
{
	if (!r->failed)
		config_error_place(r->errs, line, 1, "%s", what);
	r->failed = true;
}

static char *copy(struct arena *a, const char *text, size_t len)
{
	char *s = arena_alloc(a, len + 1);

	memcpy(s, text, len);
	s[len] = 0;
	return s;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Past a comment of C's; false when it has no end. */
static bool skip_comment(struct reader *r)
{
	unsigned start = r->line;

	for (r->p += 2; r->end - r->p >= 2; r->p++) {
		if (r->p[0] == '*' && r->p[1] == '/') {
			r->p += 2;
			return true;
		}
		r->line += *r->p == '\n';
	}
	fail(r, start, "a comment begins here that has no end; expected */");
	return false;
}

/* Past blanks and comments. */
static void skip(struct reader *r)
{
	while (r->p < r->end) {
		if (is_blank(*r->p)) {
			r->line += *r->p++ == '\n';
		} else if (*r->p == '#') {
			while (r->p < r->end && *r->p != '\n')
				r->p++;
		} else if (r->syntax->c_comments && r->end - r->p >= 2 && r->p[0] == '/' && r->p[1] == '*') {
			if (!skip_comment(r))
				return;
		} else {
			return;
		}
	}
}

static void add_word(struct reader *r, const char *start, size_t len, unsigned line)
{
	if (r->count == WORDS_MAX) {
		fail(r, line, "a statement of more than 4096 words; expected a semicolon before");
		return;
	}
	if (!r->count)
		r->first_line = line;
	r->words[r->count++] = copy(r->arena, start, len);
}

static void read_quoted(struct reader *r)
{
	char quote = *r->p;
	const char *start = r->p + 1, *q = start;

	while (q < r->end && *q != quote && *q != '\n')
		q++;
	if (q == r->end || *q != quote) {
		fail(r, r->line, "a quoted text begins in this line that has no end");
		return;
	}
	add_word(r, start, (size_t)(q - start), r->line);
	r->p = q + 1;
}

static bool is_single(const struct reader *r, char c)
{
	return c && strchr(r->syntax->singles, c);
}

static void read_word(struct reader *r)
{
	const char *start = r->p;

	if (*r->p == '[' || *r->p == ']')
		r->in_brackets = *r->p == '[';
	if (is_single(r, *r->p) || *r->p == '{' || *r->p == '}')
		r->p++;
	else
		while (r->p < r->end && !is_blank(*r->p) && !strchr(";{}\"'", *r->p) && !is_single(r, *r->p))
			r->p++;
	add_word(r, start, (size_t)(r->p - start), r->line);
}

static struct statement *finish(struct reader *r)
{
	struct statement *s = arena_alloc(r->arena, sizeof(*s));

	*s = (struct statement){ .count = r->count, .line = r->count ? r->first_line : r->line };
	s->words = arena_alloc(r->arena, (r->count + 1) * sizeof(*s->words));
	memcpy(s->words, r->words, r->count * sizeof(*s->words));
	r->count = 0;
	r->in_brackets = false;
	return s;
}

static bool is_program(const struct reader *r, const struct statement *s, const struct statement *before)
{
	if (!r->syntax->programs)
		return false;
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->words[i], "filter") == 0 || strcmp(s->words[i], "function") == 0)
			return true;
	/* "function f() int x; { ... }" */
	return !s->count && before && before->count && strcmp(before->words[0], "function") == 0;
}

/* To the brace that closes the one before. */
static void pass_over(struct reader *r, unsigned line)
{
	for (unsigned depth = 1; depth && !r->failed;) {
		skip(r);
		if (r->failed)
			return;
		if (r->p == r->end) {
			fail(r, line, "a block begins here that has no end; expected }");
		} else if (*r->p == '"' || *r->p == '\'') {
			read_quoted(r);
			r->count = 0;
		} else {
			depth += *r->p == '{';
			depth -= *r->p == '}';
			r->p++;
		}
	}
}

static void append(struct statement *parent, struct statement **last, struct statement *s)
{
	if (*last)
		(*last)->next = s;
	else
		parent->first = s;
	*last = s;
}

/* Up to the closing brace of the parent, or the end of the text. */
static void read_block(struct reader *r, struct statement *parent, unsigned depth)
{
	struct statement *last = NULL;

	for (;;) {
		skip(r);
		if (r->failed)
			return;
		if (r->p == r->end || (*r->p == '}' && !r->in_brackets))
			break;
		if (*r->p == 0) {
			fail(r, r->line, "a NUL octet in the text; this is not a configuration file");
		} else if (*r->p == ';') {
			r->p++;
			if (r->count)
				append(parent, &last, finish(r));
		} else if (*r->p == '{' && !r->in_brackets) {
			struct statement *s = finish(r), *before = last;

			r->p++;
			s->block = true;
			append(parent, &last, s);
			if (depth == STATEMENT_DEPTH_MAX)
				fail(r, s->line, "blocks nested more than 16 deep");
			else if (is_program(r, s, before))
				pass_over(r, s->line);
			else
				read_block(r, s, depth + 1);
		} else if (*r->p == '"' || *r->p == '\'') {
			read_quoted(r);
		} else {
			read_word(r);
		}
	}
	if (r->count)
		fail(r, r->first_line, "a statement begins here that has no end; expected a semicolon");
	if (depth && r->p == r->end)
		fail(r, parent->line, "a block begins here that has no end; expected }");
	else if (!depth && r->p < r->end)
		fail(r, r->line, "a } that closes nothing");
	else if (depth)
		r->p++;
}

struct statement *statement_parse(struct arena *a, const struct statement_syntax *syntax, const char *text,
	size_t len, struct config_errors *errs)
{
	struct reader *r = arena_alloc(a, sizeof(*r));
	struct statement *root;

	*r = (struct reader){
		.arena = a, .errs = errs, .syntax = syntax, .p = text, .end = text + len, .line = 1
	};
	root = finish(r);
	root->block = true;
	read_block(r, root, 0);
	return r->failed ? NULL : root;
}

static bool read_line(struct reader *r)
{
	while (r->p < r->end && *r->p != '\n') {
		const char *start = r->p;

		if (*r->p == 0) {
			fail(r, r->line, "a NUL octet in the text; this is not a configuration file");
			return false;
		}
		if (is_blank(*r->p)) {
			r->p++;
			continue;
		}
		while (r->p < r->end && !is_blank(*r->p) && *r->p)
			r->p++;
		add_word(r, start, (size_t)(r->p - start), r->line);
		if (r->failed)
			return false;
	}
	return true;
}

struct statement *statement_parse_lines(
	struct arena *a, const char *text, size_t len, struct config_errors *errs)
{
	struct reader *r = arena_alloc(a, sizeof(*r));
	struct statement *root, *last = NULL;

	*r = (struct reader){ .arena = a, .errs = errs, .p = text, .end = text + len, .line = 1 };
	root = finish(r);
	root->block = true;
	for (; r->p < r->end && read_line(r); r->p += r->p < r->end, r->line++) {
		if (r->count && *r->words[0] != '!' && *r->words[0] != '#')
			append(root, &last, finish(r));
		r->count = 0;
	}
	return r->failed ? NULL : root;
}

const char *statement_text(struct arena *a, const struct statement *s, size_t from)
{
	size_t len = 1;
	char *out, *p;

	for (size_t i = from; i < s->count; i++)
		len += strlen(s->words[i]) + 1;
	out = p = arena_alloc(a, len);
	for (size_t i = from; i < s->count; i++) {
		size_t n = strlen(s->words[i]);

		if (p > out)
			*p++ = ' ';
		memcpy(p, s->words[i], n);
		p += n;
	}
	*p = 0;
	return out;
}

static bool announces_secret(const char *word)
{
	static const char *const parts[] = { "password", "passwd", "secret", "base64", "md5", "key", "auth",
		"enable", "username" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(word, parts[i]))
			return true;
	return false;
}

const char *statement_quote(struct arena *a, const struct statement *s)
{
	struct statement shown = *s;
	char *text;

	for (size_t i = 0; i < s->count; i++) {
		if (i + 1 < s->count && announces_secret(s->words[i])) {
			shown.count = i + 1;
			break;
		}
	}
	text = arena_alloc(a, QUOTE_MAX + sizeof(" ..."));
	snprintf(text, QUOTE_MAX, "%s", statement_text(a, &shown, 0));
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (shown.count < s->count)
		memcpy(text + strlen(text), " ...", sizeof(" ..."));
	return text;
}

/* One word against "a|b". */
static bool match_word(const char *pattern, size_t len, const char *word)
{
	while (len) {
		const char *bar = memchr(pattern, '|', len);
		size_t n = bar ? (size_t)(bar - pattern) : len;

		if (strlen(word) == n && strncmp(word, pattern, n) == 0)
			return true;
		len -= n + (bar != NULL);
		pattern += n + (bar != NULL);
	}
	return false;
}

bool statement_match(struct arena *a, const struct statement *s, const char *pattern, const char **arguments)
{
	size_t i = 0, argument = 0;

	while (*pattern) {
		size_t len = strcspn(pattern, " ");

		if (*pattern == '*' && len == 1) {
			arguments[argument] = statement_text(a, s, i);
			return true;
		}
		if (i == s->count)
			return false;
		if (*pattern == '%' && len == 1)
			arguments[argument++] = s->words[i];
		else if (!match_word(pattern, len, s->words[i]))
			return false;
		i++;
		pattern += len + (pattern[len] == ' ');
	}
	return i == s->count;
}

/* Statements: words, blocks and lines; patterns. */
#include "config/errors.h"
#include "convert/statement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct statement_syntax syntax = { .singles = "[](),=", .c_comments = true, .programs = true };

static void words_and_blocks_are_read(void **state)
{
	static const char text[] = "a b;# x\n\nc {\n d 'e ; f'; /* } \n */ g [1,2]; h { } ; } ;\ni j;";
	struct arena *a = arena_new();
	const struct statement *s = statement_parse(a, &syntax, text, strlen(text), NULL);

	(void)state;
	assert_non_null(s);
	s = s->first;
	assert_string_equal(statement_text(a, s, 0), "a b");
	s = s->next;
	assert_true(s->block);
	assert_int_equal(s->line, 3);
	assert_string_equal(s->first->words[1], "e ; f");
	assert_string_equal(statement_text(a, s->first->next, 0), "g [ 1 , 2 ]");
	assert_int_equal(s->first->next->line, 5);
	assert_null(s->first->next->next->first);
	assert_null(s->first->next->next->next);
	s = s->next;
	assert_string_equal(statement_text(a, s, 0), "i j");
	assert_int_equal(s->line, 6);
	assert_null(s->next);
	arena_free(a);
}

static void programs_are_passed_over(void **state)
{
	static const char text[] =
		"filter f { if net ~ [ 10.0.0.0/8{16,24} ] then { accept; } else reject \"}\"; }\n"
		"function g(int x) int y; { return { } }\n"
		"import where net ~ [ 10.0.0.0/8{16,24}, 11.0.0.0/8+ ];\n"
		"import filter { accept; };\nend;";
	struct arena *a = arena_new();
	const struct statement *s = statement_parse(a, &syntax, text, strlen(text), NULL);

	(void)state;
	assert_non_null(s);
	s = s->first;
	assert_string_equal(statement_text(a, s, 0), "filter f");
	assert_null(s->first);
	s = s->next->next->next;
	assert_string_equal(s->words[1], "where");
	assert_false(s->block);
	s = s->next->next;
	assert_string_equal(statement_text(a, s, 0), "end");
	assert_int_equal(s->line, 5);
	arena_free(a);
}

static void is_refused(const char *text, const char *place, const char *why)
{
	struct config_errors *errs = config_errors_new();
	struct arena *a = arena_new();
	char *said;

	config_errors_set_file(errs, "f");
	assert_null(statement_parse(a, &syntax, text, strlen(text), errs));
	said = config_errors_format(errs);
	if (strncmp(said, place, strlen(place)) != 0 || !strstr(said, why))
		fail_msg("%s", said);
	free(said);
	arena_free(a);
	config_errors_free(errs);
}

static void broken_syntax_is_refused_with_its_place(void **state)
{
	(void)state;
	is_refused("a;\nb", "f:2:", "expected a semicolon");
	is_refused("a;\nb {\n c;", "f:2:", "expected }");
	is_refused("a; }", "f:1:", "closes nothing");
	is_refused("a \"b\nc\";", "f:1:", "no end");
	is_refused("\n/* a", "f:2:", "expected */");
	is_refused("filter f { {", "f:1:", "expected }");
}

static void lines_are_statements(void **state)
{
	static const char text[] = "! said\nrouter bgp 1\r\n  a  b\tc  \n\n# x\nd";
	struct arena *a = arena_new();
	const struct statement *s = statement_parse_lines(a, text, strlen(text), NULL);

	(void)state;
	assert_non_null(s);
	assert_string_equal(statement_text(a, s->first, 0), "router bgp 1");
	assert_int_equal(s->first->line, 2);
	assert_string_equal(statement_text(a, s->first->next, 0), "a b c");
	assert_string_equal(statement_text(a, s->first->next->next, 0), "d");
	assert_int_equal(s->first->next->next->line, 6);
	arena_free(a);
}

static void patterns_match_words(void **state)
{
	static const char text[] = "hold time 9;";
	const char *arg[STATEMENT_ARGUMENTS_MAX] = { 0 };
	struct arena *a = arena_new();
	const struct statement *s = statement_parse(a, &syntax, text, strlen(text), NULL)->first;

	(void)state;
	assert_true(statement_match(a, s, "hold time %", arg));
	assert_string_equal(arg[0], "9");
	assert_true(statement_match(a, s, "keep|hold *", arg));
	assert_string_equal(arg[0], "time 9");
	assert_true(statement_match(a, s, "hold time 9 *", arg));
	assert_string_equal(arg[0], "");
	assert_false(statement_match(a, s, "hold time", arg));
	assert_false(statement_match(a, s, "hold time 9 %", arg));
	assert_false(statement_match(a, s, "hol|old time %", arg));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_blocks_are_read),
		cmocka_unit_test(programs_are_passed_over),
		cmocka_unit_test(broken_syntax_is_refused_with_its_place),
		cmocka_unit_test(lines_are_statements),
		cmocka_unit_test(patterns_match_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

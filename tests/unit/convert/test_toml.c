/* TOML: what is read, and what is refused with its place. */
#include "config/errors.h"
#include "convert/toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void scalar_is(const char *text, const char *path, const char *value)
{
	struct config_errors *errs = config_errors_new();
	struct arena *a = arena_new();
	const struct config_node *root = toml_parse(a, text, strlen(text), errs), *n;
	char *said = config_errors_format(errs);

	assert_string_equal(said, "");
	n = config_node_find(root, path);
	assert_non_null(n);
	assert_string_equal(n->text, value);
	free(said);
	arena_free(a);
	config_errors_free(errs);
}

static void values_are_read(void **state)
{
	(void)state;
	scalar_is("a = 1", "a", "1");
	scalar_is("a = -1.5e3 # said\r\n", "a", "-1.5e3");
	scalar_is("a=true", "a", "true");
	scalar_is("a = \"x # \\\"y\\\" \\\\ \\t\"", "a", "x # \"y\" \\ \t");
	scalar_is("a = 'x \\n # y'", "a", "x \\n # y");
	scalar_is("a = ''", "a", "");
	scalar_is("a.b . \"c\" = 7", "a.b.c", "7");
	scalar_is("[a.b]\nc = 1\n[a]\nd = 2\n", "a.d", "2");
	scalar_is("[ a . b ]\nc = { d = 'e', f = { g = 1 } }\n", "a.b.c.f.g", "1");
}

static void lists_are_read(void **state)
{
	static const char text[] =
		"a = [ 'x', # one\n  'y',\n]\n[[b]]\nc = 1\n[b.d]\ne = 2\n[[b.f]]\ng = 3\n[[b]]\nc = 4\n";
	struct arena *a = arena_new();
	const struct config_node *root = toml_parse(a, text, strlen(text), NULL), *b;

	(void)state;
	assert_non_null(root);
	assert_int_equal(config_node_get(root, "a")->count, 2);
	assert_string_equal(config_node_get(root, "a")->first->next->text, "y");
	b = config_node_get(root, "b");
	assert_int_equal(b->count, 2);
	assert_string_equal(config_node_find(b->first, "d.e")->text, "2");
	assert_string_equal(config_node_get(config_node_get(b->first, "f")->first, "g")->text, "3");
	assert_string_equal(config_node_get(b->first->next, "c")->text, "4");
	assert_int_equal(config_node_get(b->first->next, "c")->line, 11);
	arena_free(a);
}

static void is_refused(const char *text, const char *place, const char *why)
{
	struct config_errors *errs = config_errors_new();
	struct arena *a = arena_new();
	char *said;

	config_errors_set_file(errs, "f");
	assert_null(toml_parse(a, text, strlen(text), errs));
	said = config_errors_format(errs);
	if (strncmp(said, place, strlen(place)) != 0 || !strstr(said, why))
		fail_msg("%s", said);
	free(said);
	arena_free(a);
	config_errors_free(errs);
}

static void what_is_not_read_is_refused_with_its_place(void **state)
{
	(void)state;
	is_refused("a = \"\"\"x\"\"\"", "f:1:", "several lines");
	is_refused("b = 1\na = 'x", "f:2:", "no end");
	is_refused("a = \"\\u0041\"", "f:1:", "escape");
	is_refused("a = 1\na = 2", "f:2:", "has a value already");
	is_refused("a = 1 2", "f:1:7", "more in the line");
	is_refused("a = [1, 2", "f:1:", "no end");
	is_refused("a = [1 2]", "f:1:", "comma");
	is_refused("a = {b = 1", "f:1:", "no end");
	is_refused("a", "f:1:", "expected =");
	is_refused("a =", "f:1:", "ends before a value");
	is_refused("[a", "f:1:", "expected ]");
	is_refused("[a]\n[a]", "f:2:", "here twice");
	is_refused("a = 1\n[a.b]", "f:2:", "a value stands");
	is_refused("a = {b = 1}\n[a]", "f:2:", "here twice");
	is_refused("a = {b = 1}\na.c = 1", "f:2:", "a value stands");
	is_refused("a = []\n[[a]]", "f:2:", "another value");
	is_refused("= 1", "f:1:1", "neither a name nor a value");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(lists_are_read),
		cmocka_unit_test(what_is_not_read_is_refused_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The YAML reader and the schema engine, the latter with tables of the test's own and over all rows of the real ones. */
#include "base/nearest.h"
#include "config/agent.h"
#include "config/announcer.h"
#include "config/rrd.h"
#include "config/scalar.h"
#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct arena *arena;
	struct config_errors *errs;
	struct config_reader r;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->arena = arena_new();
	f->errs = config_errors_new();
	config_errors_set_file(f->errs, "t");
	f->r = (struct config_reader){ f->arena, f->errs, 1u << CONFIG_FEATURE_NONE };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	config_errors_free(f->errs);
	arena_free(f->arena);
	free(f);
	return 0;
}

static const struct config_node *parse(struct fixture *f, const char *text)
{
	return config_yaml_parse(f->arena, text, strlen(text), f->errs);
}

static void assert_errors(struct fixture *f, const char *expected)
{
	char *text = config_errors_format(f->errs);

	assert_string_equal(text, expected);
	free(text);
}

static void nodes_know_their_place_and_path(void **state)
{
	struct fixture *f = *state;
	const struct config_node *root = parse(f, "a:\n  b: [x, 'y', {c: z}]\n\"d\": ''\ne:\n"), *n;
	char path[CONFIG_PATH_MAX];

	assert_int_equal(root->count, 3);
	n = config_node_get(config_node_get(root, "a"), "b");
	assert_int_equal(n->kind, CONFIG_NODE_LIST);
	assert_int_equal(n->line, 2);
	assert_int_equal(n->column, 6);
	assert_int_equal(n->key_column, 3);
	assert_true(n->first->plain && !n->first->next->plain);
	n = config_node_get(n->first->next->next, "c");
	assert_string_equal(n->text, "z");
	assert_string_equal(config_node_path(n, path), "a.b[2].c");
	assert_false(config_node_is_empty(config_node_get(root, "d")));
	assert_true(config_node_is_empty(config_node_get(root, "e")));
	assert_null(config_node_get(root, "f"));
	assert_null(config_node_get(NULL, "f"));
	assert_errors(f, "");
}

static void scalars_are_text_whatever_they_look_like(void **state)
{
	struct fixture *f = *state;
	const struct config_node *root = parse(
		f, "[010, 0x10, 1e3, null, ~, no, 65021:100, 2020-01-01, .inf]");
	const char *const want[] = { "010", "0x10", "1e3", "null", "~", "no", "65021:100", "2020-01-01",
		".inf" };
	const struct config_node *n = root->first;

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++, n = n->next)
		assert_string_equal(n->text, want[i]);
	assert_null(n);
}

static void a_file_too_large_is_refused(void **state)
{
	struct fixture *f = *state;
	size_t len = CONFIG_FILE_MAX + 1;
	char *text = malloc(len);

	memset(text, ' ', len);
	assert_null(config_yaml_parse(f->arena, text, len, f->errs));
	assert_errors(f, "t: larger than 4194304 octets; no configuration needs that\n");
	free(text);
}

static void many_keys_are_read_in_linear_time(void **state)
{
	struct fixture *f = *state;
	enum { KEYS = 100000 };
	char *text = malloc(KEYS * 16);
	size_t len = 0;

	for (int i = 0; i < KEYS; i++)
		len += (size_t)sprintf(text + len, "k%d: v\n", i);
	len += (size_t)sprintf(text + len, "k7: v\n");
	assert_int_equal(config_yaml_parse(f->arena, text, len, f->errs)->count, KEYS);
	assert_errors(
		f, "t:100001:1: k7: the key \"k7\" is here twice; it was first set in line 8, column 1\n");
	free(text);
}

static void errors_come_in_the_order_of_the_file_and_are_bounded(void **state)
{
	struct fixture *f = *state;
	char *text;

	config_error_place(f->errs, 3, 1, "%s", "third");
	config_error_place(f->errs, 2, 5, "%s", "second");
	config_error_place(f->errs, 2, 5, "%s", "second again");
	config_error_place(f->errs, 0, 0, "%s", "first");
	assert_errors(f, "t: first\nt:2:5: second\nt:2:5: second again\nt:3:1: third\n");
	for (int i = 0; i < 1000; i++)
		config_error_place(f->errs, 4, 1, "more %d", i);
	assert_int_equal(config_errors_count(f->errs), 1004);
	text = config_errors_format(f->errs);
	assert_non_null(strstr(text, "\nand 904 more errors\n"));
	free(text);
}

static void the_same_line_comes_once(void **state)
{
	struct fixture *f = *state;

	config_error_place(f->errs, 3, 1, "wrong for the first");
	config_error_place(f->errs, 3, 1, "wrong for all");
	config_error_place(f->errs, 3, 1, "wrong for all");
	config_error_place(f->errs, 3, 2, "wrong for all");
	assert_int_equal(config_errors_count(f->errs), 3);
	assert_errors(f, "t:3:1: wrong for the first\nt:3:1: wrong for all\nt:3:2: wrong for all\n");
}

struct inner {
	uint8_t small;
};

struct item {
	struct config_head head;
	uint32_t number;
};

struct thing {
	bool flag, set[2];
	uint16_t number;
	const char *text, *secure, *fetched;
	struct inner inner;
	struct item *items, *named;
	uint32_t *numbers;
	size_t item_count, named_count, number_count;
};

static const struct config_word set_words[] = { { "one", 0 }, { "two", 1 }, { NULL } };
static const struct config_field inner_fields[] = {
	{ "small", CONFIG_SCALAR, &config_u8, .offset = offsetof(struct inner, small), .max = 9, .def = "7",
		.doc = "a small number" },
	{ NULL },
};
static const struct config_schema inner_schema = { sizeof(struct inner), inner_fields };
static const struct config_field item_fields[] = {
	{ "number", CONFIG_SCALAR, &config_u32, .offset = offsetof(struct item, number), .required = true,
		.doc = "its number" },
	{ NULL },
};
static const struct config_schema item_schema = { sizeof(struct item), item_fields };
static const struct config_field thing_fields[] = {
	{ "flag", CONFIG_SCALAR, &config_bool, .offset = offsetof(struct thing, flag), .def = "true",
		.doc = "x" },
	{ "set", CONFIG_FLAGS, .words = set_words, .offset = offsetof(struct thing, set), .def = "one",
		.doc = "x" },
	{ "number", CONFIG_SCALAR, &config_u16, .offset = offsetof(struct thing, number), .min = 3, .max = 5,
		.def = "4", .apply = CONFIG_RESTART, .doc = "a number" },
	{ "text", CONFIG_SCALAR, &config_text, .offset = offsetof(struct thing, text), .max = 4, .doc = "x" },
	{ "secure", CONFIG_SCALAR, &config_path, .offset = offsetof(struct thing, secure), .max = 99,
		.needs = CONFIG_FEATURE_OPENSSL, .doc = "x" },
	{ "fetched", CONFIG_SCALAR, &config_path, .offset = offsetof(struct thing, fetched), .max = 99,
		.needs = CONFIG_FEATURE_LIBCURL, .doc = "x" },
	{ "inner", CONFIG_STRUCT, .schema = &inner_schema, .offset = offsetof(struct thing, inner) },
	{ "items", CONFIG_LIST, .schema = &item_schema, .offset = offsetof(struct thing, items),
		.count_offset = offsetof(struct thing, item_count) },
	{ "named", CONFIG_MAP, .schema = &item_schema, .offset = offsetof(struct thing, named),
		.count_offset = offsetof(struct thing, named_count) },
	{ "numbers", CONFIG_LIST, &config_u32, .offset = offsetof(struct thing, numbers),
		.count_offset = offsetof(struct thing, number_count), .max = 100, .doc = "x" },
	{ NULL },
};
static const struct config_schema thing_schema = { sizeof(struct thing), thing_fields };

static void a_table_reads_every_shape(void **state)
{
	struct fixture *f = *state;
	struct thing t;

	config_schema_read(&f->r, &thing_schema,
		parse(f, "flag: no\nset: [two]\nnumber: 5\ntext: 'a b'\ninner: {small: 0}\n"
			 "items: [{number: 1}, {number: 2}]\nnamed: {x: {number: 3}}\nnumbers: [9, 8]\n"),
		&t);
	assert_errors(f, "");
	assert_false(t.flag || t.set[0]);
	assert_true(t.set[1]);
	assert_int_equal(t.number, 5);
	assert_string_equal(t.text, "a b");
	assert_int_equal(t.inner.small, 0);
	assert_int_equal(t.item_count, 2);
	assert_int_equal(t.items[1].number, 2);
	assert_null(t.items[1].head.name);
	assert_int_equal(t.items[1].head.node->line, 6);
	assert_int_equal(t.named_count, 1);
	assert_string_equal(t.named[0].head.name, "x");
	assert_int_equal(t.named[0].number, 3);
	assert_int_equal(t.number_count, 2);
	assert_int_equal(t.numbers[1], 8);
}

static void what_is_missing_or_wrong_keeps_its_default(void **state)
{
	struct fixture *f = *state;
	struct thing t;

	config_schema_read(&f->r, &thing_schema,
		parse(f, "number: 6\ntext: abcde\nitems: [{}, 5]\nnumbers: [101]\ninner: {large: 1}\n"), &t);
	assert_true(t.flag && t.set[0] && !t.set[1]);
	assert_int_equal(t.number, 4);
	assert_int_equal(t.inner.small, 7);
	assert_null(t.text);
	assert_errors(f, "t:1:9: number: 6 is out of range: 3..5\n"
			 "t:2:7: text: has 5 octets; expected 0..4\n"
			 "t:3:9: items[0].number: is missing: its number\n"
			 "t:3:13: items[1]: expects keys with values ({key: value}, or indented lines), not "
			 "a single value\n"
			 "t:4:11: numbers[0]: 101 is out of range: 0..100\n"
			 "t:5:9: inner.large: unknown key; known here: small\n");
}

static void a_tree_applied_over_another_changes_only_what_it_says(void **state)
{
	struct fixture *f = *state;
	struct thing t;

	config_schema_init(&f->r, &thing_schema, &t);
	config_schema_apply(&f->r, &thing_schema, parse(f, "number: 3\nnumbers: [1, 2, 3]\nflag: no\n"), &t);
	config_schema_apply(&f->r, &thing_schema, parse(f, "numbers: [4]\n"), &t);
	assert_errors(f, "");
	assert_int_equal(t.number, 3);
	assert_false(t.flag);
	assert_int_equal(t.number_count, 1);
	assert_int_equal(t.numbers[0], 4);
}

static void a_key_that_the_build_cannot_serve_is_refused_with_the_reason(void **state)
{
	struct fixture *f = *state;
	const char *text = "secure: /key\nfetched: /url\n";
	struct thing t;

	config_schema_read(&f->r, &thing_schema, parse(f, text), &t);
	assert_null(t.secure);
	assert_errors(f, "t:1:1: secure: this build has no OpenSSL (configure --with-openssl)\n"
			 "t:2:1: fetched: this build has no libcurl (configure --with-libcurl)\n");
	f->r.errs = NULL;
	f->r.features |= 1u << CONFIG_FEATURE_OPENSSL;
	config_schema_read(&f->r, &thing_schema, parse(f, text), &t);
	assert_string_equal(t.secure, "/key");
	assert_null(t.fetched);
}

static void a_word_that_the_build_cannot_serve_is_refused_with_the_reason(void **state)
{
	static const struct config_word words[] = { { "plain", 1 }, { "fetched", 2, CONFIG_FEATURE_LIBCURL },
		{ NULL } };
	struct fixture *f = *state;
	char why[200];
	struct text t = text_init(why, sizeof(why));
	unsigned value = 0;

	assert_true(config_parse_word(&f->r, words, "plain", &value, &t));
	assert_int_equal(value, 1);
	assert_false(config_parse_word(&f->r, words, "fetched", &value, &t));
	assert_string_equal(
		why, "fetched cannot be had: this build has no libcurl (configure --with-libcurl)");
	f->r.features |= 1u << CONFIG_FEATURE_LIBCURL;
	assert_true(config_parse_word(&f->r, words, "fetched", &value, &t));
	assert_int_equal(value, 2);
}

static void the_nearest_key_is_named_only_when_it_is_near(void **state)
{
	static const struct {
		const char *text, *nearest;
	} cases[] = { { "hold-tiem", "hold-time" }, { "hold_time", "hold-time" },
		{ "Hold-Time", "hold-time" }, { "hold", "hold-time" }, { "pasive", "passive" },
		{ "pot", "port" }, { "banana", NULL }, { "x", NULL }, { "", NULL } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct nearest n = nearest_init(cases[i].text);

		nearest_try(&n, "port");
		nearest_try(&n, "passive");
		nearest_try(&n, "hold-time");
		if (cases[i].nearest)
			assert_string_equal(n.best, cases[i].nearest);
		else
			assert_null(n.best);
	}
}

static void a_schema_is_printed_a_key_a_line(void **state)
{
	char *text = config_schema_print(&thing_schema);

	(void)state;
	assert_string_equal(text, "flag\ttrue or false; default true; live\tx\n"
				  "set\tlist of one | two; default one; live\tx\n"
				  "number\ta number 3..5; default 4; restart\ta number\n"
				  "text\ta text of at most 4 octets; live\tx\n"
				  "secure\tan absolute path of at most 99 octets; live\tx\n"
				  "fetched\tan absolute path of at most 99 octets; live\tx\n"
				  "inner.small\ta number 0..9; default 7; live\ta small number\n"
				  "items[].number\ta number; required; live\tits number\n"
				  "named.NAME.number\ta number; required; live\tits number\n"
				  "numbers\tlist, each a number; live\tx\n");
	free(text);
}

/* The structure with defaults and the one into which each default was read once more must be equal. */
static void check_row(struct fixture *f, const struct config_schema *s, const struct config_field *row)
{
	bool text = row->type && row->type->text, list = row->shape == CONFIG_FLAGS;
	void *a = calloc(1, s->size), *b = calloc(1, s->size);
	char yaml[512];

	assert_true(row->offset < s->size);
	assert_true(row->schema || row->doc);
	assert_true(row->min <= row->max || row->shape != CONFIG_SCALAR);
	assert_false(row->required && (row->def || row->def_doc));
	assert_int_equal(row->schema == NULL, row->type || row->shape == CONFIG_FLAGS);
	if (row->def) {
		snprintf(yaml, sizeof(yaml), list ? "%s: [%s]" : "%s: '%s'", row->name, row->def);
		config_schema_init(&f->r, s, a);
		config_schema_init(&f->r, s, b);
		config_schema_apply(&f->r, s, parse(f, yaml), b);
		if (text)
			assert_string_equal(
				*(char **)((char *)a + row->offset), *(char **)((char *)b + row->offset));
		else
			assert_memory_equal((char *)a + row->offset, (char *)b + row->offset,
				list ? sizeof(bool) : row->type->size);
	}
	free(a);
	free(b);
}

static size_t check_rows(struct fixture *f, const struct config_schema *s)
{
	size_t rows = 0;

	for (const struct config_field *row = s->fields; row->name; row++, rows++) {
		for (const struct config_field *other = s->fields; other != row; other++)
			assert_string_not_equal(other->name, row->name);
		check_row(f, s, row);
		if (row->schema)
			rows += check_rows(f, row->schema);
	}
	if (s->include)
		rows += check_rows(f, s->include);
	return rows;
}

static void every_default_written_out_changes_nothing(void **state)
{
	struct fixture *f = *state;

	assert_true(check_rows(f, &config_rrd_schema) > 80);
	assert_true(check_rows(f, &config_announcer_schema) > 30);
	assert_true(check_rows(f, &config_agent_schema) > 100);
	assert_errors(f, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nodes_know_their_place_and_path, setup, teardown),
		cmocka_unit_test_setup_teardown(scalars_are_text_whatever_they_look_like, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_too_large_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(many_keys_are_read_in_linear_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			errors_come_in_the_order_of_the_file_and_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(the_same_line_comes_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_table_reads_every_shape, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_missing_or_wrong_keeps_its_default, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_tree_applied_over_another_changes_only_what_it_says, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_key_that_the_build_cannot_serve_is_refused_with_the_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_word_that_the_build_cannot_serve_is_refused_with_the_reason, setup, teardown),
		cmocka_unit_test(the_nearest_key_is_named_only_when_it_is_near),
		cmocka_unit_test(a_schema_is_printed_a_key_a_line),
		cmocka_unit_test_setup_teardown(every_default_written_out_changes_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

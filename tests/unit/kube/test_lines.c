/* Lines out of pieces of every size; the bound. */
#include "kube/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MAX = 20, TEXT_MAX = 256 };

/* The lines in brackets; "!" where one is too long. */
static void feed(struct kube_lines *l, const char *data, size_t len, char *out)
{
	const char *line;
	size_t line_len;

	for (;;) {
		switch (kube_lines_next(l, &data, &len, &line, &line_len)) {
		case KUBE_LINE_MORE:
			assert_int_equal(len, 0);
			return;
		case KUBE_LINE_LONG:
			strcat(out, "!");
			return;
		case KUBE_LINE_WHOLE:
			sprintf(out + strlen(out), "[%.*s]", (int)line_len, line);
		}
	}
}

/* The text in pieces of every size, up to a line that is too long: always so many lines, and so much held of the next. */
static void expect_lines(const char *text, const char *lines, size_t held)
{
	size_t len = strlen(text);

	for (size_t piece = 1; piece <= len + 1; piece++) {
		char out[TEXT_MAX] = "";
		struct kube_lines l;

		kube_lines_init(&l, MAX);
		for (size_t at = 0; at < len && !strchr(out, '!'); at += piece)
			feed(&l, text + at, len - at < piece ? len - at : piece, out);
		assert_string_equal(out, lines);
		if (!strchr(out, '!'))
			assert_int_equal(kube_lines_held(&l), held);
		kube_lines_fini(&l);
	}
}

static void lines_do_not_depend_on_the_pieces(void **state)
{
	(void)state;
	expect_lines("one\ntwo and more\r\n\n\r\n\na\nlast", "[one][two and more\r][a]", 4);
}

static void a_line_of_just_the_bound_will_do(void **state)
{
	(void)state;
	expect_lines("12345678901234567890\n12345678901234567890\n123456789012345678901\n",
		"[12345678901234567890][12345678901234567890]!", 0);
}

static void what_is_held_is_bounded(void **state)
{
	char out[TEXT_MAX] = "";
	struct kube_lines l;

	(void)state;
	kube_lines_init(&l, MAX);
	for (int i = 0; i < 10; i++)
		feed(&l, "1234", i < 5 ? 4 : 0, out);
	assert_int_equal(kube_lines_held(&l), MAX);
	feed(&l, "5", 1, out);
	assert_string_equal(out, "!");
	kube_lines_fini(&l);
	assert_int_equal(kube_lines_held(&l), 0);
}

static void nothing_is_nothing(void **state)
{
	char out[TEXT_MAX] = "";
	struct kube_lines l;

	(void)state;
	kube_lines_init(&l, MAX);
	feed(&l, "", 0, out);
	feed(&l, "\n\n", 2, out);
	assert_string_equal(out, "");
	kube_lines_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_do_not_depend_on_the_pieces),
		cmocka_unit_test(a_line_of_just_the_bound_will_do),
		cmocka_unit_test(what_is_held_is_bounded),
		cmocka_unit_test(nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

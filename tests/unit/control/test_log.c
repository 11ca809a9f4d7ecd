/* The commands about the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/log.h"
#include "control/log.h"

#include <stdio.h>
#include <string.h>

static char err[256];

static bool debug(struct control_debugged *d, const char *request)
{
	struct control_debugged now = *d;
	struct row *args = row_parse(request, strlen(request), err, sizeof(err));
	bool ok;

	assert_non_null(args);
	err[0] = '\0';
	ok = control_log_debug(args, now.prefix, now.count, d, err);
	row_free(args);
	return ok;
}

static void neighbors_are_added_and_taken_out(void **state)
{
	struct control_debugged d = { .count = 0 };
	char text[PREFIX_TEXT_MAX];

	(void)state;
	assert_true(debug(&d, "{\"neighbors\": \"10.0.0.1\"}"));
	assert_true(debug(&d, "{\"neighbors\": \"10.0.0.1/32\"}"));
	assert_true(debug(&d, "{\"neighbors\": \"2001:db8::/32\"}"));
	assert_int_equal(d.count, 2);
	assert_string_equal(prefix_format(&d.prefix[0], text), "10.0.0.1/32");
	assert_false(debug(&d, "{\"neighbors\": \"10.0.0.0/24\", \"off\": true}"));
	assert_non_null(strstr(err, "10.0.0.0/24 as such is not debugged"));
	assert_true(debug(&d, "{\"neighbors\": \"10.0.0.1\", \"off\": true}"));
	assert_int_equal(d.count, 1);
	assert_true(debug(&d, "{\"neighbors\": \"all\"}"));
	assert_int_equal(d.count, 3);
	assert_true(debug(&d, "{\"neighbors\": \"all\", \"off\": true}"));
	assert_int_equal(d.count, 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const bad[] = { "{}", "{\"neighbors\": 7}", "{\"neighbors\": \"\"}",
		"{\"neighbors\": \"10.0.0.1/24\"}", "{\"neighbors\": [\"all\"]}" };
	struct control_debugged d = { .count = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(debug(&d, bad[i]));
		assert_non_null(strstr(err, "is neither an address nor a prefix, nor all"));
		assert_int_equal(d.count, 0);
	}
}

static void there_is_a_limit(void **state)
{
	struct control_debugged d = { .count = 0 };
	char request[64];

	(void)state;
	for (int i = 0; i < CONTROL_DEBUGGED_MAX; i++) {
		snprintf(request, sizeof(request), "{\"neighbors\": \"10.0.%d.%d\"}", i / 256, i % 256);
		assert_true(debug(&d, request));
	}
	assert_false(debug(&d, "{\"neighbors\": \"10.9.9.9\"}"));
	assert_non_null(strstr(err, "turn some off"));
}

static void the_row_tells_all(void **state)
{
	struct prefix p = { .family = IP_V4 };
	struct row *r;

	(void)state;
	log_init("test", LOG_TO_STDERR, LOG_LEVEL_WARNING);
	log_set_format(LOG_FORMAT_JSON);
	r = control_log_row(&p, 1);
	assert_string_equal(row_get_text(r, "level"), "warning");
	assert_string_equal(row_get_text(r, "target"), "stderr");
	assert_string_equal(row_get_text(r, "format"), "json");
	assert_int_equal(row_get_int(r, "lines-lost", -1), 0);
	assert_string_equal(row_list_get_text(row_get(r, "debug-neighbors"), 0), "0.0.0.0/0");
	row_free(r);
	r = control_log_row(NULL, 0);
	assert_false(row_has(r, "debug-neighbors"));
	row_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbors_are_added_and_taken_out),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(the_row_tells_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

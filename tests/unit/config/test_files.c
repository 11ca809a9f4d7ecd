/* Whole files: the good ones and the samples load, each bad one gives exactly the messages that stand beside it, and no
 * octet of any of them can be changed or cut off so that the reader does more than say what is wrong. */
#include "config/agent.h"
#include "config/announcer.h"
#include "config/node_routes.h"
#include "config/rrd.h"
#include "config/yaml.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *join(const char *dir, const char *name)
{
	const char *src = getenv("srcdir");
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s/%s", src ? src : ".", dir, name) > 0);
	return path;
}

/* A file as text with a NUL; NULL when there is none. */
static char *slurp(const char *path, size_t *len)
{
	struct config_errors *errs = config_errors_new();
	char *text = config_file_read(path, len, errs);

	if (text) {
		text = realloc(text, *len + 1);
		text[*len] = 0;
	}
	config_errors_free(errs);
	return text;
}

/* Reads text as the file's name says; the messages, "" for none. */
static char *read_as(const char *name, const char *text, size_t len)
{
	struct config_errors *errs = config_errors_new();
	char *copy = malloc(len ? len : 1), *out;
	bool loaded;

	/* A copy of just this size lets AddressSanitizer see a read beyond the end. */
	memcpy(copy, text, len);
	if (strncmp(name, "agent", 5) == 0 || strncmp(name, "ipvs-agent", 10) == 0) {
		struct config_agent *c = config_agent_parse(copy, len, name, errs);

		loaded = c != NULL;
		config_agent_free(c);
	} else if (strncmp(name, "announcer", 9) == 0) {
		struct config_announcer *c = config_announcer_parse(copy, len, name, errs);

		loaded = c != NULL;
		config_announcer_free(c);
	} else if (strncmp(name, "node", 4) == 0) {
		struct config_node_routes *c = config_node_routes_parse(copy, len, name, errs);

		loaded = c != NULL;
		config_node_routes_free(c);
	} else {
		struct config_rrd *c = config_rrd_parse(copy, len, name, errs);

		loaded = c != NULL;
		config_rrd_free(c);
	}
	assert_int_equal(loaded, config_errors_count(errs) == 0);
	out = config_errors_format(errs);
	assert_int_equal(loaded, *out == 0);
	config_errors_free(errs);
	free(copy);
	return out;
}

static int is_conf(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && strcmp(dot, ".conf") == 0;
}

static void each_file(const char *dir, size_t at_least, void (*fn)(const char *dir, const char *name))
{
	char *path = join(dir, "");
	struct dirent **list;
	int n = scandir(path, &list, is_conf, alphasort);

	assert_true(n >= (int)at_least);
	for (int i = 0; i < n; i++) {
		fn(dir, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	free(path);
}

/* Files use what a build may lack; the only complaint is then that. */
static bool lacks_libcurl_only(const char *errors)
{
	if (config_features() & 1u << CONFIG_FEATURE_LIBCURL || !*errors)
		return false;
	for (const char *line = errors; *line; line = strchr(line, '\n') + 1) {
		const char *why = strstr(line, "this build has no libcurl");

		if (!why || why > strchr(line, '\n'))
			return false;
	}
	return true;
}

static void loads(const char *dir, const char *name)
{
	char *path = join(dir, name), *errors, *text;
	size_t len;

	text = slurp(path, &len);
	assert_non_null(text);
	errors = read_as(name, text, len);
	if (*errors && !lacks_libcurl_only(errors))
		fail_msg("%s", errors);
	free(errors);
	free(text);
	free(path);
}

static void good_files_load(void **state)
{
	(void)state;
	each_file("tests/conf/good", 6, loads);
}

static void samples_load(void **state)
{
	(void)state;
	each_file("etc", 5, loads);
}

/* CONFIG_TEST_UPDATE=1 writes the messages instead of comparing them; then read what git diff says. */
static void says_what_is_expected(const char *dir, const char *name)
{
	char *path = join(dir, name), *text, *errors, *expected;
	size_t len, expected_len;

	text = slurp(path, &len);
	assert_non_null(text);
	errors = read_as(name, text, len);
	if (strstr(name, "libcurl") && !(config_features() & 1u << CONFIG_FEATURE_LIBCURL)) {
		assert_non_null(strstr(errors, "this build has no libcurl"));
		free(errors);
		free(text);
		free(path);
		return;
	}
	strcpy(strrchr(path, '.'), ".exp");
	path = realloc(path, strlen(path) + 8);
	strcat(path, "ect");
	if (getenv("CONFIG_TEST_UPDATE")) {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fputs(errors, f);
		fclose(f);
	}
	expected = slurp(path, &expected_len);
	if (!expected)
		fail_msg("%s is missing; it should hold:\n%s", path, errors);
	assert_true(expected_len > 0);
	assert_string_equal(errors, expected);
	free(expected);
	free(errors);
	free(text);
	free(path);
}

static void bad_files_give_all_their_messages(void **state)
{
	(void)state;
	each_file("tests/conf/bad", 30, says_what_is_expected);
}

static void cut_anywhere(const char *dir, const char *name)
{
	char *path = join(dir, name), *text;
	size_t len;

	text = slurp(path, &len);
	assert_non_null(text);
	for (size_t n = 0; n <= len; n++)
		free(read_as(name, text, n));
	free(text);
	free(path);
}

static void files_cut_at_any_octet_are_refused_or_load(void **state)
{
	(void)state;
	each_file("etc", 3, cut_anywhere);
	each_file("tests/conf/good", 6, cut_anywhere);
}

static void change_at_random(const char *dir, const char *name)
{
	static const char odd[] = "{}[]:,-?#&*!|>'\"%@`~ \t\n\r\\/.0123456789abcdef\x01\x7f\x80\xc3\xff";
	char *path = join(dir, name), *text, *copy;
	size_t len;

	text = slurp(path, &len);
	assert_non_null(text);
	copy = malloc(len + 1);
	for (int round = 0; len > 0 && round < 1500; round++) {
		size_t changes = 1 + (size_t)random() % 4, from, to, n;

		memcpy(copy, text, len + 1);
		while (changes--)
			copy[(size_t)random() % len] = odd[(size_t)random() % (sizeof(odd) - 1)];
		if (round % 3 == 0) {
			from = (size_t)random() % len;
			to = (size_t)random() % len;
			n = (size_t)random() % 40;
			if (from + n < len && to + n < len)
				memmove(copy + to, text + from, n);
		}
		free(read_as(name, copy, len));
	}
	free(copy);
	free(text);
	free(path);
}

static void files_changed_at_random_are_refused_or_load(void **state)
{
	(void)state;
	srandom(4271);
	each_file("etc", 3, change_at_random);
	each_file("tests/conf/good", 6, change_at_random);
	each_file("tests/conf/bad", 30, change_at_random);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct config_errors *errs = config_errors_new();
	char *text;

	(void)state;
	assert_null(config_rrd_load("/nonexistent/rrd.conf", errs));
	assert_null(config_announcer_load("/nonexistent/a.conf", errs));
	text = config_errors_format(errs);
	assert_string_equal(text, "/nonexistent/rrd.conf: cannot be opened: No such file or directory\n"
				  "/nonexistent/a.conf: cannot be opened: No such file or directory\n");
	free(text);
	config_errors_free(errs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files_load),
		cmocka_unit_test(samples_load),
		cmocka_unit_test(bad_files_give_all_their_messages),
		cmocka_unit_test(files_cut_at_any_octet_are_refused_or_load),
		cmocka_unit_test(files_changed_at_random_are_refused_or_load),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

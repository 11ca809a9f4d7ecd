/* The file that remembers what is ours: there and back, and everything that may be wrong with it. */
#include "base/mem.h"
#include "ipvs/state.h"
#include "values.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { KEYS_MAX = 16 };

struct seen {
	struct ipvs_key key[KEYS_MAX];
	size_t count;
};

static char directory[] = "/tmp/test_state.XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/ours", directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static void take(void *user, const struct ipvs_key *key)
{
	struct seen *s = user;

	assert_true(s->count < KEYS_MAX);
	s->key[s->count++] = *key;
}

static size_t read_back(struct seen *s)
{
	s->count = 0;
	ipvs_state_read(path, take, s);
	return s->count;
}

static void put(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static size_t keys(struct ipvs_key *k)
{
	k[0] = value_service(IPPROTO_TCP, "10.1.1.1", 80, "rr").key;
	k[1] = value_service(IPPROTO_UDP, "2001:db8::1", 53, "rr").key;
	k[2] = value_service(IPPROTO_SCTP, "10.1.1.1", 0, "rr").key;
	k[3] = (struct ipvs_key){ .family = IP_V6, .mark = 4000000000 };
	k[4] = (struct ipvs_key){ .family = IP_V4, .mark = 1 };
	return 5;
}

static void there_and_back(void **state)
{
	struct ipvs_key k[KEYS_MAX];
	size_t n = keys(k);
	char *text = ipvs_state_text(k, n);
	struct seen s;

	(void)state;
	assert_int_equal(0, ipvs_state_write(path, text));
	assert_int_equal(n, read_back(&s));
	for (size_t i = 0; i < n; i++)
		assert_true(ipvs_key_equal(&k[i], &s.key[i]));
	free(text);
	/* A shorter one replaces it wholly, and nothing is left beside it: teardown would fail. */
	text = ipvs_state_text(k, 1);
	assert_int_equal(0, ipvs_state_write(path, text));
	assert_int_equal(1, read_back(&s));
	free(text);
}

static void broken_lines_are_skipped(void **state)
{
	struct ipvs_key k[KEYS_MAX];
	char *text, *longer;
	struct seen s;

	(void)state;
	keys(k);
	text = ipvs_state_text(k, 2);
	longer = mem_printf("%sservice 6 10.1.1.1 66000\nservice 300 10.1.1.1 1\nservice 6 nowhere 1\nmark 0 "
			    "IPv4\n\nrubbish\n"
			    "service 6 10.1.1.7 7\nservice 6 10.1.1.8 8",
		text);
	put(longer);
	/* The last one has no end: it was cut off. */
	assert_int_equal(3, read_back(&s));
	assert_int_equal(7, s.key[2].port);
	free(longer);
	free(text);
}

/* What was true in another boot or namespace is not true here. */
static void another_place_or_time_says_nothing(void **state)
{
	struct ipvs_key k[KEYS_MAX];
	char *text, *at;
	struct seen s;

	(void)state;
	keys(k);
	text = ipvs_state_text(k, 2);
	put(text);
	assert_int_equal(2, read_back(&s));
	text[6] = text[6] == '0' ? '1' : '0';
	put(text);
	assert_int_equal(0, read_back(&s));
	free(text);
	text = ipvs_state_text(k, 2);
	at = strchr(text, '\n') - 1;
	*at = *at == '0' ? '1' : '0';
	put(text);
	assert_int_equal(0, read_back(&s));
	put(strchr(text, '\n') + 1);
	assert_int_equal(0, read_back(&s));
	put("");
	assert_int_equal(0, read_back(&s));
	unlink(path);
	assert_int_equal(0, read_back(&s));
	free(text);
}

static void what_cannot_be_written_leaves_the_old_one(void **state)
{
	struct ipvs_key k[KEYS_MAX];
	char *text, *beside;
	struct seen s;

	(void)state;
	keys(k);
	text = ipvs_state_text(k, 2);
	assert_int_equal(0, ipvs_state_write(path, text));
	free(text);
	text = ipvs_state_text(k, 1);
	assert_int_equal(-ENOENT, ipvs_state_write("/nonexistent/file", text));
	/* A directory is in the way of the new one. */
	beside = mem_printf("%s.new", path);
	assert_int_equal(0, mkdir(beside, 0700));
	assert_int_equal(-EISDIR, ipvs_state_write(path, text));
	assert_int_equal(2, read_back(&s));
	rmdir(beside);
	/* And a disk that is full. */
	assert_int_equal(0, symlink("/dev/full", beside));
	assert_int_equal(-ENOSPC, ipvs_state_write(path, text));
	assert_int_equal(2, read_back(&s));
	free(beside);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(broken_lines_are_skipped),
		cmocka_unit_test(another_place_or_time_says_nothing),
		cmocka_unit_test(what_cannot_be_written_leaves_the_old_one),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* A tree of control groups as the kernel shows it, in a directory of the test's. */
#include "daemon/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void put(const char *root, const char *directory, const char *max)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", root, directory);
	if (*directory)
		assert_int_equal(mkdir(path, 0700), 0);
	if (!max)
		return;
	strcat(path, "/cpu.max");
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s\n", max);
	fclose(f);
}

static void the_narrowest_on_the_way_up_counts(void **state)
{
	char root[] = "/tmp/rrd-quota-XXXXXX", command[64];
	struct daemon_quota q = { 0 };

	(void)state;
	assert_non_null(mkdtemp(root));
	put(root, "", NULL);
	put(root, "/pods", "300000 100000");
	put(root, "/pods/one", "20000 100000");
	put(root, "/pods/one/web", "max 100000");
	put(root, "/pods/two", "max 100000");
	put(root, "/free", "max 100000");
	assert_true(daemon_quota_of(root, "/pods/one/web", &q));
	assert_int_equal(q.quota_us, 20000);
	assert_int_equal(q.period_us, 100000);
	assert_true(daemon_quota_of(root, "/pods/two", &q));
	assert_int_equal(q.quota_us, 300000);
	assert_false(daemon_quota_of(root, "/free", &q));
	assert_false(daemon_quota_of(root, "/not/there", &q));
	assert_false(daemon_quota_of(root, "", &q));
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_narrowest_on_the_way_up_counts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Gives a target every file of its corpus ($srcdir/tests/fuzz/corpus/NAME), and short, empty and repeated pieces of each. */
#include "fuzz.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FILE_MAX = 1 << 20 };

static void feed(const char *path)
{
	uint8_t *data = malloc(FILE_MAX);
	FILE *f = fopen(path, "rb");
	size_t size;

	assert_non_null(f);
	size = fread(data, 1, FILE_MAX, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	for (size_t cut = 1; cut < size; cut += size / 16 + 1)
		LLVMFuzzerTestOneInput(data, size - cut);
	free(data);
}

static void every_file_of_the_corpus_is_taken(void **state)
{
	const char *top = getenv("srcdir");
	char directory[4096], path[8192];
	unsigned files = 0;
	struct dirent *entry;
	DIR *dir;

	(void)state;
	snprintf(directory, sizeof(directory), "%s/tests/fuzz/corpus/%s", top ? top : ".", FUZZ_NAME);
	dir = opendir(directory);
	if (!dir)
		fail_msg("%s is not there", directory);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		feed(path);
		files++;
	}
	closedir(dir);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	assert_true(files > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_file_of_the_corpus_is_taken),
	};

	return cmocka_run_group_tests_name(FUZZ_NAME, tests, NULL, NULL);
}

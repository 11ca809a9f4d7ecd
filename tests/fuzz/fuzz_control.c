/* A request on the control socket: one JSON object, or a reason; what was taken can be written and taken again. */
#include "fuzz.h"

#include "base/row.h"

static void look(void *user, const char *key, const char *value)
{
	FUZZ_CHECK(key && value);
	(*(unsigned *)user)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = fuzz_copy(data, size), err[256] = "", *text;
	struct row *row = row_parse(line, size, err, sizeof(err)), *again;
	unsigned keys = 0;

	FUZZ_CHECK(row || err[0]);
	if (row) {
		row_each(row, look, &keys);
		row_get_text(row, "command");
		row_get_int(row, "seconds", 0);
		text = row_format(row);
		FUZZ_CHECK(!strchr(text, '\n'));
		again = row_parse(text, strlen(text), err, sizeof(err));
		FUZZ_CHECK(again);
		row_free(again);
		free(text);
	}
	row_free(row);
	free(line);
	return 0;
}

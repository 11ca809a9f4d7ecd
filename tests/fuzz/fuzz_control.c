/*
 * A request on the control socket of each daemon: one JSON object, or a reason; what was taken can be written and taken again. Whether it is a
 * command with the arguments that it takes, or why not, is told.
 */
#include "fuzz.h"

#include "base/row.h"
#include "control/catalog.h"

static void look(void *user, const char *key, const char *value)
{
	FUZZ_CHECK(key && value);
	(*(unsigned *)user)++;
}

static void ask(const struct row *row, unsigned target)
{
	char err[CONTROL_REASON_MAX] = "";
	const struct control_command *k = control_request_command(control_catalog, target, "fuzz", row, err);
	bool good;

	FUZZ_CHECK((k != NULL) == (err[0] == '\0'));
	if (!k || k->own_check)
		return;
	good = control_command_check(k, row, err);
	FUZZ_CHECK(good == (err[0] == '\0'));
	for (const struct control_argument *a = good ? k->arguments : NULL; a && a->key; a++)
		FUZZ_CHECK(!a->required || row_has(row, a->key));
}

static void read_values(const struct row *row)
{
	const struct row *list = row_get(row, "prefixes");
	unsigned keys = 0;

	row_each(row, look, &keys);
	row_get_text(row, "command");
	row_get_int(row, "seconds", 0);
	row_get_real(row, "seconds", 0);
	row_get_bool(row, "longer", false);
	for (size_t i = 0; list && i < row_list_size(list); i++) {
		row_list_get(list, i);
		row_list_get_text(list, i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = fuzz_copy(data, size), err[256] = "", *text;
	struct row *row = row_parse(line, size, err, sizeof(err)), *again;

	FUZZ_CHECK(row || err[0]);
	if (row) {
		read_values(row);
		for (unsigned target = OF_RRD; target <= OF_REGISTRY; target <<= 1)
			ask(row, target);
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

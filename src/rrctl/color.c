#include "rrctl/color.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char color_of_headers[] = "\033[1m", color_off[] = "\033[0m";

static const char bold[] = "\033[1m", red[] = "\033[31m", green[] = "\033[32m", yellow[] = "\033[33m";

/* The states of all tables; one that is not here is neither good nor bad. */
static const struct {
	const char *state, *color;
} states[] = {
	{ "Established", green },
	{ "installed", green },
	{ "eligible", green },
	{ "announced", green },
	{ "announcing", green },
	{ "up", green },
	{ "OpenSent", yellow },
	{ "OpenConfirm", yellow },
	{ "Connect", yellow },
	{ "pending", yellow },
	{ "checking", yellow },
	{ "draining", yellow },
	{ "leftover", yellow },
	{ "unclaimed", yellow },
	{ "(announced)", yellow },
	{ "(up)", yellow },
	{ "(down)", yellow },
	{ "Idle", red },
	{ "Active", red },
	{ "failed", red },
	{ "empty", red },
	{ "down", red },
	{ "withdrawn", red },
};

bool color_wanted(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

static bool ends_with(const char *key, const char *end)
{
	size_t len = strlen(key), end_len = strlen(end);

	return len >= end_len && strcmp(key + len - end_len, end) == 0;
}

const char *color_of_cell(const struct column *c, const char *text)
{
	if (strcmp(text, "-") == 0 || !*text)
		return NULL;
	if (c->kind == COLUMN_FLAGS)
		return bold;
	if (c->kind == COLUMN_ERROR)
		return *text == '(' ? NULL : red;
	if (ends_with(c->key, "error") || ends_with(c->key, "problem"))
		return red;
	if (strcmp(c->key, "state") != 0 && c->kind != COLUMN_HEALTH)
		return NULL;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i].state, text) == 0)
			return states[i].color;
	return NULL;
}

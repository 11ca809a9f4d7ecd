#include "config/fib.h"

#include "config/scalar.h"

#include <string.h>

static bool parse_word_or_number(const struct config_word *words, uint64_t min, uint64_t max,
	const char *text, uint32_t *out, struct text *why)
{
	uint64_t v;

	for (const struct config_word *w = words; w->name; w++) {
		if (strcmp(text, w->name) == 0) {
			*out = w->value;
			return true;
		}
	}
	if (!config_parse_number(text, min, max, &v, why)) {
		for (const struct config_word *w = words; w->name; w++)
			text_add(why, ", or %s", w->name);
		return false;
	}
	*out = (uint32_t)v;
	return true;
}

static bool parse_table(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	static const struct config_word tables[] = { { "main", 254 }, { "default", 253 }, { NULL } };

	(void)r;
	(void)f;
	if (strcmp(text, "255") == 0 || strcmp(text, "local") == 0) {
		text_add(
			why, "table 255 (local) is the kernel's own; choose main, default or another number");
		return false;
	}
	return parse_word_or_number(tables, 1, UINT32_MAX, text, out, why);
}

static bool parse_protocol(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	static const struct config_word protocols[] = { { "bgp", 186 }, { "static", 4 }, { NULL } };
	uint32_t v;

	(void)r;
	(void)f;
	if (!parse_word_or_number(protocols, 5, 255, text, &v, why))
		return false;
	*(uint8_t *)out = (uint8_t)v;
	return true;
}

const struct config_scalar config_table = { "a routing table", "main | default | 1..4294967295",
	sizeof(uint32_t), .parse = parse_table };
const struct config_scalar config_protocol = { "a routing protocol", "bgp | static | 5..255", sizeof(uint8_t),
	.parse = parse_protocol };

const struct config_word config_on_exit_words[] = { { "remove", CONFIG_ON_EXIT_REMOVE },
	{ "keep", CONFIG_ON_EXIT_KEEP }, { NULL } };
const struct config_word config_sysctls_words[] = { { "check", CONFIG_SYSCTLS_CHECK },
	{ "set", CONFIG_SYSCTLS_SET }, { "ignore", CONFIG_SYSCTLS_IGNORE }, { NULL } };
const struct config_word config_group_type_words[] = { { "hash-threshold", CONFIG_GROUP_HASH_THRESHOLD },
	{ "resilient", CONFIG_GROUP_RESILIENT }, { NULL } };

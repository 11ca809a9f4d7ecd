/*
 * Configuration: the first octet chooses the program (rrd, lb-announcer, lb-ipvs-agent, an endpoint file), the rest is its file.
 *
 * A file is either taken or every mistake is told, with the file's name in front. One that was taken can be written as a file that says
 * the same (rrctl show config), apart from what is a secret.
 */
#include "fuzz.h"

#include "config/agent.h"
#include "config/announcer.h"
#include "config/diff.h"
#include "config/endpoints.h"
#include "config/rrd.h"
#include "config/write.h"

static void same(const struct config_schema *s, const void *a, const void *b)
{
	struct config_diff d;

	config_diff_init(&d);
	config_diff(&d, s, a, b);
	for (size_t i = 0; i < d.count; i++)
		FUZZ_CHECK(strstr(d.item[i].path, "password"));
	config_diff_fini(&d);
}

/* Writes it, with and without what stands at its default, in a comment. */
static char *written(const struct config_schema *s, const void *value, const struct config_node *root,
	bool all, size_t *size)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, size);

	FUZZ_CHECK(f);
	config_write(f, s, value, root, all);
	FUZZ_CHECK(fclose(f) == 0);
	return text;
}

/* A program's file: what was read, and that what is written of it is read as the same. */
#define PROGRAM(kind)                                                                                        \
	static bool kind##_taken(const char *text, size_t size, struct config_errors *errs)                  \
	{                                                                                                    \
		struct config_##kind *c = config_##kind##_parse(text, size, "fuzz", errs), *again;           \
		bool good = c != NULL;                                                                       \
                                                                                                             \
		for (int all = 0; all < 2 && good; all++) {                                                  \
			struct config_errors *more = config_errors_new();                                    \
			size_t len;                                                                          \
			char *out = written(&config_##kind##_schema, c, c->root, all, &len);                 \
                                                                                                             \
			again = config_##kind##_parse(out, len, "fuzz", more);                               \
			FUZZ_CHECK(again);                                                                   \
			same(&config_##kind##_schema, c, again);                                             \
			config_##kind##_free(again);                                                         \
			config_errors_free(more);                                                            \
			free(out);                                                                           \
		}                                                                                            \
		config_##kind##_free(c);                                                                     \
		return good;                                                                                 \
	}

PROGRAM(rrd)
PROGRAM(announcer)
PROGRAM(agent)

static bool endpoints_taken(const char *text, size_t size, struct config_errors *errs)
{
	struct endpoint_list endpoints;
	struct arena *arena = arena_new();
	bool good = config_endpoints_parse(text, size, "fuzz", arena, errs, &endpoints);

	arena_free(arena);
	return good;
}

static bool taken(unsigned kind, const char *text, size_t size, struct config_errors *errs)
{
	switch (kind) {
	case 0:
		return rrd_taken(text, size, errs);
	case 1:
		return announcer_taken(text, size, errs);
	case 2:
		return agent_taken(text, size, errs);
	default:
		return endpoints_taken(text, size, errs);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned kind = size ? (unsigned)data[0] % 4 : 0;
	struct config_errors *errs = config_errors_new();
	char *text, *told;
	bool good;

	size -= size > 0;
	text = fuzz_copy(data + 1, size);
	good = taken(kind, text, size, errs);
	told = config_errors_format(errs);
	FUZZ_CHECK(good == (told[0] == '\0'));
	FUZZ_CHECK(good || strncmp(told, "fuzz", 4) == 0);
	free(told);
	config_errors_free(errs);
	free(text);
	return 0;
}

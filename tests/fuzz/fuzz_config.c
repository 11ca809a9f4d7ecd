/*
 * Configuration: the first octet chooses the program (rrd, lb-announcer, lb-ipvs-agent, an endpoint file), the rest is its file.
 *
 * A file is either taken or every mistake is told, with the file's name in front.
 */
#include "fuzz.h"

#include "config/agent.h"
#include "config/announcer.h"
#include "config/endpoints.h"
#include "config/rrd.h"

static bool taken(unsigned kind, const char *text, size_t size, struct config_errors *errs)
{
	struct endpoint_list endpoints;
	struct config_announcer *announcer;
	struct config_agent *agent;
	struct config_rrd *rrd;
	struct arena *arena;
	bool good;

	switch (kind) {
	case 0:
		rrd = config_rrd_parse(text, size, "fuzz", errs);
		good = rrd != NULL;
		config_rrd_free(rrd);
		return good;
	case 1:
		announcer = config_announcer_parse(text, size, "fuzz", errs);
		good = announcer != NULL;
		config_announcer_free(announcer);
		return good;
	case 2:
		agent = config_agent_parse(text, size, "fuzz", errs);
		good = agent != NULL;
		config_agent_free(agent);
		return good;
	default:
		arena = arena_new();
		good = config_endpoints_parse(text, size, "fuzz", arena, errs, &endpoints);
		arena_free(arena);
		return good;
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

/*
 * Another program's configuration: the first octet says whose it is said to be (nobody says, GoBGP, ExaBGP, BIRD, FRR), the rest is the file.
 *
 * It is refused with a reason, or what comes out is a file that the daemon takes.
 */
#include "fuzz.h"

#include "config/announcer.h"
#include "config/rrd.h"
#include "convert/convert.h"

static bool daemon_takes(const char *text)
{
	struct config_errors *errs = config_errors_new();
	struct config_rrd *rrd = config_rrd_parse(text, strlen(text), "fuzz", errs);
	struct config_announcer *announcer = rrd ? NULL
						 : config_announcer_parse(text, strlen(text), "fuzz", errs);
	bool good = rrd || announcer;

	config_rrd_free(rrd);
	config_announcer_free(announcer);
	config_errors_free(errs);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct convert_opts opts = { .from = size ? data[0] % (CONVERT_FRR + 1) : CONVERT_UNKNOWN,
		.router_id = "10.0.0.1" };
	struct convert_file file = { .name = "fuzz", .len = size - (size > 0) };
	char *text = fuzz_copy(data + 1, file.len), *told = NULL, *out = NULL;
	size_t told_len = 0;
	FILE *err = open_memstream(&told, &told_len);
	enum convert_result got;

	FUZZ_CHECK(err);
	file.text = text;
	got = convert_run(&opts, &file, 1, err, &out);
	FUZZ_CHECK(fclose(err) == 0);
	FUZZ_CHECK((got == CONVERT_REFUSED) == (out == NULL));
	FUZZ_CHECK(got == CONVERT_ALL || told_len > 0);
	FUZZ_CHECK(!out || daemon_takes(out));
	free(out);
	free(told);
	free(text);
	return 0;
}

#include "base/log.h"
#include "config/errors.h"
#include "config/rrd.h"
#include "daemon/options.h"
#include "rrd/rrd.h"

#include <stdio.h>
#include <stdlib.h>

static struct config_rrd *load(const char *path)
{
	struct config_errors *errs = config_errors_new();
	struct config_rrd *cfg = config_rrd_load(path, errs);

	config_errors_tell(errs);
	return cfg;
}

static int run(struct config_rrd *cfg, const char *path)
{
	struct rrd *r;

	config_log_use("rrd", &cfg->log);
	r = rrd_new(cfg, path);
	if (!r)
		return EXIT_FAILURE;
	rrd_run(r);
	rrd_free(r);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct daemon_options options = { .config = SYSCONFDIR "/rrd/rrd.conf" };
	int status = daemon_options_parse(&options, "rrd", argc, argv);
	struct config_rrd *cfg;

	if (status != DAEMON_OPTIONS_GO_ON)
		return status;
	cfg = load(options.config);
	if (!cfg)
		return EXIT_FAILURE;
	if (!options.test)
		return run(cfg, options.config);
	printf("%s: good\n", options.config);
	config_rrd_free(cfg);
	return EXIT_SUCCESS;
}

#include "base/log.h"
#include "config/errors.h"
#include "config/announcer.h"
#include "daemon/options.h"
#include "announcer/announcer.h"
#include "node/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct config_announcer *load(const char *path)
{
	struct config_errors *errs = config_errors_new();
	struct config_announcer *cfg = config_announcer_load(path, errs);

	config_errors_tell(errs);
	return cfg;
}

static int run(struct config_announcer *cfg)
{
	struct announcer *a;

	config_log_use("lb-announcer", &cfg->log);
	a = announcer_new(cfg);
	if (!a)
		return EXIT_FAILURE;
	announcer_run(a);
	announcer_free(a);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct daemon_options options = { .config = SYSCONFDIR "/rrd/lb-announcer.conf",
		.more = "lb-announcer --node [--help]: write the node's routes, for all announcers on it\n" };
	struct config_announcer *cfg;
	int status;

	if (argc > 1 && strcmp(argv[1], "--node") == 0)
		return node_main(argc - 1, argv + 1);
	status = daemon_options_parse(&options, "lb-announcer", argc, argv);
	if (status != DAEMON_OPTIONS_GO_ON)
		return status;
	cfg = load(options.config);
	if (!cfg)
		return EXIT_FAILURE;
	if (!options.test)
		return run(cfg);
	printf("%s: good\n", options.config);
	config_announcer_free(cfg);
	return EXIT_SUCCESS;
}

#include "base/log.h"
#include "config/errors.h"
#include "daemon/options.h"
#include "node/node.h"
#include "node/preflight.h"

#include <stdio.h>
#include <stdlib.h>

static struct config_node_routes *load(const char *path)
{
	struct config_errors *errs = config_errors_new();
	struct config_node_routes *cfg = config_node_routes_load(path, errs);

	config_errors_tell(errs);
	return cfg;
}

static int run(struct config_node_routes *cfg)
{
	struct node *n;

	config_log_use("lb-announcer-node", &cfg->log);
	n = node_new(cfg);
	if (!n)
		return EXIT_FAILURE;
	node_run(n);
	node_free(n);
	return EXIT_SUCCESS;
}

int node_main(int argc, char **argv)
{
	struct daemon_options options = { .config = SYSCONFDIR "/rrd/lb-announcer-node.conf",
		.can_check = true };
	int status = daemon_options_parse(&options, "lb-announcer --node", argc, argv);
	struct config_node_routes *cfg;

	if (status != DAEMON_OPTIONS_GO_ON)
		return status;
	cfg = load(options.config);
	if (!cfg)
		return EXIT_FAILURE;
	if (!options.test && !options.check)
		return run(cfg);
	if (options.check)
		status = node_preflight_main(cfg, options.config);
	else
		status = printf("%s: good\n", options.config) < 0;
	config_node_routes_free(cfg);
	return status;
}

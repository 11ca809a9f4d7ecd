#include "base/log.h"
#include "config/errors.h"
#include "daemon/capability.h"
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

static int run(struct config_node_routes *cfg, const char *path)
{
	struct node *n;

	config_log_use("lb-announcer-node", &cfg->log);
	n = node_new(cfg, path);
	if (!n)
		return EXIT_FAILURE;
	node_run(n);
	node_free(n);
	return EXIT_SUCCESS;
}

static int begun(const struct daemon_options *o)
{
	struct config_node_routes *cfg = load(o->config);
	int status;

	if (!cfg)
		return EXIT_FAILURE;
	if (!daemon_settle(o, "lb-announcer --node", o->may_need))
		status = EXIT_FAILURE;
	else if (!o->test && !o->check)
		return run(cfg, o->config);
	else if (o->check)
		status = node_preflight_main(cfg, o->config);
	else
		status = printf("%s: good\n", o->config) < 0;
	config_node_routes_free(cfg);
	return status;
}

int node_main(int argc, char **argv)
{
	struct daemon_options options = { .config = SYSCONFDIR "/rrd/lb-announcer-node.conf",
		.can_check = true,
		.may_need = DAEMON_CAP_BIT(DAEMON_CAP_NET_ADMIN) };
	int status = daemon_options_parse(&options, "lb-announcer --node", argc, argv);

	if (status != DAEMON_OPTIONS_GO_ON)
		return status;
	if (!daemon_begin(&options, "lb-announcer --node"))
		return EXIT_FAILURE;
	status = begun(&options);
	daemon_end(&options);
	return status;
}

#include "agent/agent.h"
#include "agent/preflight.h"
#include "agent/real_server.h"
#include "base/log.h"
#include "config/errors.h"
#include "daemon/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct config_agent *load(const char *path)
{
	struct config_errors *errs = config_errors_new();
	struct config_agent *cfg = config_agent_load(path, errs);

	config_errors_tell(errs);
	return cfg;
}

static int run(struct config_agent *cfg, const char *path)
{
	struct agent *a;

	config_log_use("lb-ipvs-agent", &cfg->log);
	a = agent_new(cfg, path);
	if (!a)
		return EXIT_FAILURE;
	agent_run(a);
	agent_free(a);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct daemon_options options = { .config = SYSCONFDIR "/rrd/lb-ipvs-agent.conf",
		.can_check = true,
		.more = "lb-ipvs-agent --real-server [--help]: prepare a web pod for TUN or DR\n" };
	struct config_agent *cfg;
	int status;

	if (argc > 1 && strcmp(argv[1], "--real-server") == 0)
		return real_server_main(argc - 1, argv + 1);
	status = daemon_options_parse(&options, "lb-ipvs-agent", argc, argv);
	if (status != DAEMON_OPTIONS_GO_ON)
		return status;
	cfg = load(options.config);
	if (!cfg)
		return EXIT_FAILURE;
	if (!options.test && !options.check)
		return run(cfg, options.config);
	if (options.check)
		status = preflight_main(cfg, options.config);
	else
		status = printf("%s: good\n", options.config) < 0;
	config_agent_free(cfg);
	return status;
}

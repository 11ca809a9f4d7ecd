#include "agent/agent.h"
#include "agent/preflight.h"
#include "agent/real_server.h"
#include "base/log.h"
#include "config/errors.h"
#include "daemon/capability.h"
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

static int begun(const struct daemon_options *o)
{
	struct config_agent *cfg = load(o->config);
	int status;

	if (!cfg)
		return EXIT_FAILURE;
	if (!daemon_settle(o, "lb-ipvs-agent", o->may_need))
		status = EXIT_FAILURE;
	else if (!o->test && !o->check)
		return run(cfg, o->config);
	else if (o->check)
		status = preflight_main(cfg, o->config);
	else
		status = printf("%s: good\n", o->config) < 0;
	config_agent_free(cfg);
	return status;
}

int main(int argc, char **argv)
{
	/* NET_RAW is iptables', which a reload may ask for. */
	struct daemon_options options = { .config = SYSCONFDIR "/rrd/lb-ipvs-agent.conf",
		.can_check = true,
		.may_need = DAEMON_CAP_BIT(DAEMON_CAP_NET_ADMIN) | DAEMON_CAP_BIT(DAEMON_CAP_NET_RAW),
		.more = "lb-ipvs-agent --real-server [--help]: prepare a web pod for TUN or DR\n" };
	int status;

	if (argc > 1 && strcmp(argv[1], "--real-server") == 0)
		return real_server_main(argc - 1, argv + 1);
	status = daemon_options_parse(&options, "lb-ipvs-agent", argc, argv);
	if (status != DAEMON_OPTIONS_GO_ON)
		return status;
	if (!daemon_begin(&options, "lb-ipvs-agent"))
		return EXIT_FAILURE;
	status = begun(&options);
	daemon_end(&options);
	return status;
}

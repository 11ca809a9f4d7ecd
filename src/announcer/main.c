#include "base/log.h"
#include "config/errors.h"
#include "config/announcer.h"
#include "daemon/capability.h"
#include "daemon/options.h"
#include "announcer/announcer.h"
#include "announcer/identity.h"
#include "kernel/local_route.h"
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

static int run(struct config_announcer *cfg, const char *path)
{
	struct announcer *a;

	config_log_use("lb-announcer", &cfg->log);
	a = announcer_new(cfg, path);
	if (!a)
		return EXIT_FAILURE;
	announcer_run(a);
	announcer_free(a);
	return EXIT_SUCCESS;
}

/* To enter the node's network, and to find it by a process of another user. */
static uint64_t needs(const struct config_announcer *cfg)
{
	return DAEMON_CAP_BIT(DAEMON_CAP_NET_ADMIN) |
	       (cfg->node_route.netns
			       ? DAEMON_CAP_BIT(DAEMON_CAP_SYS_ADMIN) | DAEMON_CAP_BIT(DAEMON_CAP_SYS_PTRACE)
			       : 0);
}

/* The file may be checked where no pod is: only --check takes it for a fault when it would not start here. */
static int check(const struct config_announcer *cfg, const struct daemon_options *o)
{
	char err[ANNOUNCER_ERROR_MAX];
	bool here = identity_check(cfg, identity_environment, local_route_source, err, sizeof(err));

	if (here)
		printf("%s: good\n", o->config);
	else
		printf("%s: good, but lb-announcer would not start here: %s\n", o->config, err);
	return here || !o->check ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int begun(const struct daemon_options *o)
{
	struct config_announcer *cfg = load(o->config);
	int status = EXIT_FAILURE;

	if (!cfg)
		return EXIT_FAILURE;
	if (o->test || o->check)
		status = check(cfg, o);
	else if (daemon_settle(o, "lb-announcer", needs(cfg)))
		return run(cfg, o->config);
	config_announcer_free(cfg);
	return fflush(stdout) ? EXIT_FAILURE : status;
}

int main(int argc, char **argv)
{
	struct daemon_options options = { .config = SYSCONFDIR "/rrd/lb-announcer.conf",
		.can_check = true,
		.may_need = DAEMON_CAP_BIT(DAEMON_CAP_NET_ADMIN) | DAEMON_CAP_BIT(DAEMON_CAP_SYS_ADMIN) |
			    DAEMON_CAP_BIT(DAEMON_CAP_SYS_PTRACE),
		.realtime = true,
		.more = "lb-announcer --node [--help]: write the node's routes, for all announcers on it\n" };
	int status;

	if (argc > 1 && strcmp(argv[1], "--node") == 0)
		return node_main(argc - 1, argv + 1);
	status = daemon_options_parse(&options, "lb-announcer", argc, argv);
	if (status != DAEMON_OPTIONS_GO_ON)
		return status;
	if (!daemon_begin(&options, "lb-announcer"))
		return EXIT_FAILURE;
	status = begun(&options);
	daemon_end(&options);
	return status;
}

#include "base/log.h"
#include "config/errors.h"
#include "config/rrd.h"
#include "daemon/capability.h"
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

/* A reload can ask for another port below 1024 and another table, but not make a router of a reflector. */
static uint64_t needs(const struct config_rrd *cfg)
{
	return DAEMON_CAP_BIT(DAEMON_CAP_NET_BIND_SERVICE) |
	       (cfg->fib.enabled ? DAEMON_CAP_BIT(DAEMON_CAP_NET_ADMIN) : 0);
}

static int begun(const struct daemon_options *o)
{
	struct config_rrd *cfg = load(o->config);

	if (!cfg)
		return EXIT_FAILURE;
	if (!o->test && daemon_settle(o, "rrd", needs(cfg)))
		return run(cfg, o->config);
	config_rrd_free(cfg);
	return o->test && printf("%s: good\n", o->config) > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct daemon_options options = { .config = SYSCONFDIR "/rrd/rrd.conf",
		.may_need = DAEMON_CAP_BIT(DAEMON_CAP_NET_BIND_SERVICE) |
			    DAEMON_CAP_BIT(DAEMON_CAP_NET_ADMIN),
		.realtime = true };
	int status = daemon_options_parse(&options, "rrd", argc, argv);

	if (status != DAEMON_OPTIONS_GO_ON)
		return status;
	if (!daemon_begin(&options, "rrd"))
		return EXIT_FAILURE;
	status = begun(&options);
	daemon_end(&options);
	return status;
}

#include "base/log.h"
#include "base/version.h"
#include "config/errors.h"
#include "config/rrd.h"
#include "rrd/rrd.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] = "usage: rrd [-c FILE] [-t]\n"
			    "  -c, --config FILE   the configuration, default " SYSCONFDIR "/rrd/rrd.conf\n"
			    "  -t, --test          check the configuration and exit\n"
			    "  -V, --version       what this is and what is in it\n"
			    "  -h, --help          this text\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "test", no_argument, NULL, 't' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static struct config_rrd *load(const char *path)
{
	struct config_errors *errs = config_errors_new();
	struct config_rrd *cfg = config_rrd_load(path, errs);
	char *text = config_errors_format(errs);

	fputs(text, stderr);
	free(text);
	config_errors_free(errs);
	return cfg;
}

static void print_version(void)
{
	char *text = version_text("rrd");

	fputs(text, stdout);
	free(text);
}

static int run(struct config_rrd *cfg)
{
	struct rrd *r;

	log_init("rrd", cfg->log.to, cfg->log.level);
	r = rrd_new(cfg);
	if (!r)
		return EXIT_FAILURE;
	rrd_run(r);
	rrd_free(r);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *path = SYSCONFDIR "/rrd/rrd.conf";
	struct config_rrd *cfg;
	bool test = false;

	for (int c; (c = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1;) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 't':
			test = true;
			break;
		case 'V':
			print_version();
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "rrd: what is \"%s\"?\n%s", argv[optind], usage);
		return 2;
	}
	cfg = load(path);
	if (!cfg)
		return EXIT_FAILURE;
	if (!test)
		return run(cfg);
	printf("%s: good\n", path);
	config_rrd_free(cfg);
	return EXIT_SUCCESS;
}

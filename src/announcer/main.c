#include "base/log.h"
#include "base/version.h"
#include "config/errors.h"
#include "config/announcer.h"
#include "announcer/announcer.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] = "usage: lb-announcer [-c FILE] [-t]\n"
			    "  -c, --config FILE   the configuration, default " SYSCONFDIR
			    "/rrd/lb-announcer.conf\n"
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

static struct config_announcer *load(const char *path)
{
	struct config_errors *errs = config_errors_new();
	struct config_announcer *cfg = config_announcer_load(path, errs);
	char *text = config_errors_format(errs);

	fputs(text, stderr);
	free(text);
	config_errors_free(errs);
	return cfg;
}

static void print_version(void)
{
	char *text = version_text("lb-announcer");

	fputs(text, stdout);
	free(text);
}

static int run(struct config_announcer *cfg)
{
	struct announcer *a;

	log_init("lb-announcer", cfg->log.to, cfg->log.level);
	a = announcer_new(cfg);
	if (!a)
		return EXIT_FAILURE;
	announcer_run(a);
	announcer_free(a);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *path = SYSCONFDIR "/rrd/lb-announcer.conf";
	struct config_announcer *cfg;
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
		fprintf(stderr, "lb-announcer: what is \"%s\"?\n%s", argv[optind], usage);
		return 2;
	}
	cfg = load(path);
	if (!cfg)
		return EXIT_FAILURE;
	if (!test)
		return run(cfg);
	printf("%s: good\n", path);
	config_announcer_free(cfg);
	return EXIT_SUCCESS;
}

#include "daemon/options.h"

#include "base/version.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

static void print_usage(FILE *f, const char *program, const char *config, const struct daemon_options *o)
{
	fprintf(f,
		"usage: %s [-c FILE] [-t]%s\n"
		"  -c, --config FILE   the configuration, default %s\n"
		"  -t, --test          check the configuration and exit\n"
		"%s"
		"  -V, --version       what this is and what is in it\n"
		"  -h, --help          this text\n"
		"%s",
		program, o->can_check ? " [--check]" : "", config,
		o->can_check ? "      --check         check what is around the program, too, and exit\n" : "",
		o->more ? o->more : "");
}

static void print_version(const char *program)
{
	char *text = version_text(program);

	fputs(text, stdout);
	free(text);
}

/* Where one of the first three descriptors is closed the next file or socket would get its number, and what is meant for stderr
 * would go to a neighbor. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int daemon_options_parse(struct daemon_options *out, const char *program, int argc, char **argv)
{
	struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ out->can_check ? "check" : NULL, no_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config = out->config;

	open_standard_descriptors();
	for (int c; (c = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1;) {
		switch (c) {
		case 'c':
			out->config = optarg;
			break;
		case 't':
			out->test = true;
			break;
		case 'k':
			out->check = true;
			break;
		case 'V':
			print_version(program);
			return EXIT_SUCCESS;
		case 'h':
			print_usage(stdout, program, config, out);
			return EXIT_SUCCESS;
		default:
			print_usage(stderr, program, config, out);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return DAEMON_OPTIONS_GO_ON;
	fprintf(stderr, "%s: what is \"%s\"?\n", program, argv[optind]);
	print_usage(stderr, program, config, out);
	return EXIT_USAGE;
}

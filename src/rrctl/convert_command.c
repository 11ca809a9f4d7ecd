#include "rrctl/convert_command.h"

#include "base/mem.h"
#include "config/yaml.h"
#include "convert/convert.h"
#include "rrctl/rrctl.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: rrctl convert [-f gobgp|exabgp|bird|frr] [-k DIRECTORY] [-r ADDRESS] FILE...\n";

static void help(void)
{
	printf("%s"
	       "\n"
	       "Reads another program's configuration and writes rrd.conf, or from ExaBGP's "
	       "lb-announcer.conf.\n"
	       "What cannot be carried over is told on standard error, with its line and with what to do.\n"
	       "\n"
	       "  -f, --from PROGRAM       whose files these are, where it is not clear from them\n"
	       "  -k, --keys DIRECTORY     passwords go into new files there, instead of into what is "
	       "written\n"
	       "  -r, --router-id ADDRESS  the router id, instead of what the files say\n"
	       "  -h, --help               print this\n"
	       "\n"
	       "FILE may be - for standard input. Exit: 0 all was carried over, 4 not all, 1 nothing was "
	       "written.\n",
		usage);
}

static bool read_file(const char *name, struct convert_file *out)
{
	struct config_errors *errs = config_errors_new();
	bool standard_input = strcmp(name, "-") == 0;

	out->name = standard_input ? "standard input" : name;
	config_errors_set_file(errs, out->name);
	out->text = config_file_read(standard_input ? "/dev/stdin" : name, &out->len, errs);
	config_errors_tell(errs);
	return out->text != NULL;
}

static enum rrctl_exit run(
	const struct convert_opts *opts, const struct convert_file *files, size_t count, char **text)
{
	enum convert_result result = convert_run(opts, files, count, stderr, text);

	if (!*text)
		return RRCTL_REFUSED;
	if (fputs(*text, stdout) < 0 || fflush(stdout)) {
		fprintf(stderr, "rrctl: cannot write what was converted: %s\n", strerror(errno));
		return RRCTL_REFUSED;
	}
	return result == CONVERT_ALL ? RRCTL_OK : RRCTL_PARTLY;
}

static enum rrctl_exit convert(const struct convert_opts *opts, char **names, size_t count)
{
	struct convert_file *files = mem_calloc(count, sizeof(*files));
	enum rrctl_exit result = RRCTL_OK;
	char *text = NULL;

	for (size_t i = 0; i < count; i++)
		if (!read_file(names[i], &files[i]))
			result = RRCTL_REFUSED;
	if (result == RRCTL_OK)
		result = run(opts, files, count, &text);
	for (size_t i = 0; i < count; i++)
		free((char *)(uintptr_t)files[i].text);
	free(files);
	free(text);
	return result;
}

int convert_command(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "keys", required_argument, NULL, 'k' },
		{ "router-id", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	struct convert_opts opts = { 0 };

	argv[0] = (char *)(uintptr_t) "rrctl convert";
	for (int o; (o = getopt_long(argc, argv, "f:k:r:h", options, NULL)) != -1;) {
		switch (o) {
		case 'f':
			opts.from = convert_format_parse(optarg);
			if (!opts.from) {
				fprintf(stderr, "rrctl: --from %s: expected gobgp, exabgp, bird or frr\n",
					optarg);
				return RRCTL_USAGE;
			}
			break;
		case 'k':
			opts.keys = optarg;
			break;
		case 'r':
			opts.router_id = optarg;
			break;
		case 'h':
			help();
			return RRCTL_OK;
		default:
			fputs(usage, stderr);
			return RRCTL_USAGE;
		}
	}
	if (optind == argc) {
		fprintf(stderr, "rrctl: no file to convert\n%s", usage);
		return RRCTL_USAGE;
	}
	if (opts.keys && *opts.keys != '/') {
		fprintf(stderr, "rrctl: --keys %s: expected an absolute path, which the daemon will open\n",
			opts.keys);
		return RRCTL_USAGE;
	}
	return (int)convert(&opts, argv + optind, (size_t)(argc - optind));
}

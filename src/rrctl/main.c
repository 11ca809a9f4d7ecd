#include "base/mem.h"
#include "base/version.h"
#include "rrctl/color.h"
#include "rrctl/command.h"
#include "rrctl/convert_command.h"
#include "rrctl/complete.h"
#include "rrctl/rrctl.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { OPTION_DRY_RUN = 256 };

static void help(void)
{
	printf("usage: rrctl [-a | -i | -n] [-j] [-s SOCKET] COMMAND...\n"
	       "\n"
	       "Asks rrd, or with -a, -i or -n another daemon. Words may be shortened: rrctl sh nei\n"
	       "\n");
	command_help(stdout);
	printf("\n"
	       "no daemon:\n"
	       "  convert [OPTION...] FILE...               another program's configuration as ours; convert "
	       "-h\n");
	printf("\n"
	       "  -a, --announcer      ask lb-announcer instead of rrd\n"
	       "  -i, --ipvs-agent     ask lb-ipvs-agent instead of rrd\n"
	       "  -n, --node           ask lb-announcer --node instead of rrd\n"
	       "  -j, --json           one JSON object per line, as the daemon sent it\n"
	       "  -s, --socket SOCKET  the daemon's control socket\n"
	       "                       (" RUNSTATEDIR "/rrd/rrd.sock; with -a lb-announcer.sock, with -i\n"
	       "                       lb-ipvs-agent.sock, with -n lb-announcer-node.sock there)\n"
	       "  -V, --version        print what this is\n"
	       "  -h, --help           print this\n");
}

static void version(void)
{
	char *text = version_text("rrctl");

	fputs(text, stdout);
	free(text);
}

/* What the terminal shows in a line; 0 when the output is no terminal. COLUMNS says it better than the terminal does. */
static unsigned terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (columns && *columns && columns[strspn(columns, "0123456789")] == '\0')
		return (unsigned)strtoul(columns, NULL, 10);
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

/* --dry-run may stand before the command, too: it is the last of its words. */
static int ask(const struct rrctl_opts *opts, int argc, char **argv, bool dry_run)
{
	char **words = mem_calloc((size_t)argc + 2, sizeof(*words));
	enum rrctl_exit result;

	memcpy(words, argv, (size_t)argc * sizeof(*words));
	if (dry_run)
		words[argc++] = (char *)(uintptr_t) "--dry-run";
	result = rrctl_run(opts, argc, words);
	free(words);
	return (int)result;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "announcer", no_argument, NULL, 'a' },
		{ "ipvs-agent", no_argument, NULL, 'i' },
		{ "node", no_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	struct rrctl_opts opts = {
		.out = stdout, .err = stderr, .width = terminal_width(), .color = color_wanted(STDOUT_FILENO)
	};
	bool dry_run = false;

	if (argc > 1 && strcmp(argv[1], "convert") == 0)
		return convert_command(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "--complete") == 0) {
		complete(stdout, argc - 2, argv + 2);
		return RRCTL_OK;
	}
	for (int o; (o = getopt_long(argc, argv, "ainjs:Vh", options, NULL)) != -1;) {
		switch (o) {
		case 'a':
		case 'i':
		case 'n':
			if (opts.target != TARGET_RRD) {
				fprintf(stderr, "rrctl: one daemon at a time: one of -a, -i and -n\n");
				return RRCTL_USAGE;
			}
			opts.target = o == 'a' ? TARGET_ANNOUNCER : o == 'i' ? TARGET_AGENT : TARGET_NODE;
			break;
		case 'j':
			opts.json = true;
			break;
		case OPTION_DRY_RUN:
			dry_run = true;
			break;
		case 's':
			opts.socket = optarg;
			break;
		case 'V':
			version();
			return RRCTL_OK;
		case 'h':
			help();
			return RRCTL_OK;
		default:
			fprintf(stderr, "rrctl --help lists options and commands\n");
			return RRCTL_USAGE;
		}
	}
	if (optind == argc) {
		fprintf(stderr, "rrctl: no command; rrctl --help lists all\n");
		return RRCTL_USAGE;
	}
	if (strcmp(argv[optind], "convert") == 0) {
		fprintf(stderr,
			"rrctl: convert asks no daemon and takes none of these options: rrctl convert -h\n");
		return RRCTL_USAGE;
	}
	return ask(&opts, argc - optind, argv + optind, dry_run);
}

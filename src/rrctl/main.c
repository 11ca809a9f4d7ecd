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

enum { OPTION_DRY_RUN = 256, OPTION_NODE };

static void help(void)
{
	printf("usage: rrctl [-a | -i | -n] [-j] [-s SOCKET] [-t SECONDS] COMMAND...\n"
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
	       "  -n, --node           ask lb-announcer --node instead of rrd; behind reload: --dry-run\n"
	       "  -j, --json           one JSON object per line, as the daemon sent it\n"
	       "  -s, --socket SOCKET  the daemon's control socket\n"
	       "                       (" RUNSTATEDIR "/rrd/rrd.sock; with -a lb-announcer.sock, with -i\n"
	       "                       lb-ipvs-agent.sock, with -n lb-announcer-node.sock there)\n"
	       "  -t, --timeout SECS   how long the daemon may be silent (10); 0: as long as it takes\n"
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

/* What the command line says. */
struct invocation {
	struct rrctl_opts opts;
	char **words; /* of the command */
	int count;
	bool dry_run;
};

/* --dry-run may stand before the command, too: it is the last of its words. */
static int ask(struct invocation *in)
{
	if (in->count == 0) {
		fprintf(stderr, "rrctl: no command; rrctl --help lists all\n");
		return RRCTL_USAGE;
	}
	if (strcmp(in->words[0], "convert") == 0) {
		fprintf(stderr,
			"rrctl: convert asks no daemon and takes none of these options: rrctl convert -h\n");
		return RRCTL_USAGE;
	}
	if (in->dry_run)
		in->words[in->count++] = (char *)(uintptr_t) "--dry-run";
	return (int)rrctl_run(&in->opts, in->count, in->words);
}

/* Behind "reload" -n can only be meant as everywhere else, and the daemon of the node stands before it. */
static bool is_behind_reload(const struct invocation *in)
{
	static const char reload[] = "reload";
	size_t len = in->count ? strlen(in->words[0]) : 0;

	return len >= 3 && len < sizeof(reload) && strncmp(in->words[0], reload, len) == 0;
}

static bool take_target(struct invocation *in, int option)
{
	if (in->opts.target != TARGET_RRD) {
		fprintf(stderr, "rrctl: one daemon at a time: one of -a, -i and -n\n");
		return false;
	}
	in->opts.target = option == 'a' ? TARGET_ANNOUNCER : option == 'i' ? TARGET_AGENT : TARGET_NODE;
	return true;
}

static bool take_limit(struct invocation *in, const char *value)
{
	char *end;
	unsigned long limit_s = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || limit_s > RRCTL_LIMIT_MAX_S) {
		fprintf(stderr, "rrctl: --timeout %s is no number of seconds, 0..%d\n", value,
			RRCTL_LIMIT_MAX_S);
		return false;
	}
	in->opts.limit_s = (unsigned)limit_s;
	return true;
}

/* False: rrctl is to end with *result. */
static bool take_option(struct invocation *in, int option, char *value, int *result)
{
	*result = RRCTL_USAGE;
	switch (option) {
	case 1:
		in->words[in->count++] = value;
		return true;
	case 'n':
		in->dry_run |= is_behind_reload(in);
		return is_behind_reload(in) || take_target(in, option);
	case 'a':
	case 'i':
	case OPTION_NODE:
		return take_target(in, option);
	case 'j':
		in->opts.json = true;
		return true;
	case OPTION_DRY_RUN:
		in->dry_run = true;
		return true;
	case 's':
		in->opts.socket = value;
		return true;
	case 't':
		return take_limit(in, value);
	case 'V':
		version();
		*result = RRCTL_OK;
		return false;
	case 'h':
		help();
		*result = RRCTL_OK;
		return false;
	default:
		fprintf(stderr, "rrctl --help lists options and commands\n");
		return false;
	}
}

static int parse_and_ask(struct invocation *in, int argc, char **argv)
{
	static const struct option options[] = {
		{ "announcer", no_argument, NULL, 'a' },
		{ "ipvs-agent", no_argument, NULL, 'i' },
		{ "node", no_argument, NULL, OPTION_NODE },
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		{ "timeout", required_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int result;

	/* With '-' in front the words come in their order between the options, as values of option 1. */
	for (int o; (o = getopt_long(argc, argv, "-ainjs:t:Vh", options, NULL)) != -1;)
		if (!take_option(in, o, optarg, &result))
			return result;
	while (optind < argc)
		in->words[in->count++] = argv[optind++];
	return ask(in);
}

int main(int argc, char **argv)
{
	struct invocation in = { .opts = { .out = stdout,
					 .err = stderr,
					 .limit_s = RRCTL_LIMIT_S,
					 .width = terminal_width(),
					 .color = color_wanted(STDOUT_FILENO) } };
	int result;

	if (argc > 1 && strcmp(argv[1], "convert") == 0)
		return convert_command(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "--complete") == 0) {
		complete(stdout, argc - 2, argv + 2);
		return RRCTL_OK;
	}
	in.words = mem_calloc((size_t)argc + 1, sizeof(*in.words));
	result = parse_and_ask(&in, argc, argv);
	free(in.words);
	return result;
}

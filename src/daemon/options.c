#include "daemon/options.h"

#include "base/log.h"
#include "base/version.h"
#include "daemon/limit.h"
#include "daemon/lock.h"
#include "daemon/privileges.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, ERROR_MAX = 256 };

static void print_usage(FILE *f, const char *program, const char *config, const struct daemon_options *o)
{
	fprintf(f,
		"usage: %s [-c FILE] [-t]%s [-u USER [-g GROUP]] [-P FILE]\n"
		"  -c, --config FILE   the configuration, default %s\n"
		"  -t, --test          check the configuration and exit\n"
		"%s"
		"  -u, --user USER     become this user before the first file is read; started by root\n"
		"  -g, --group GROUP   and this group, instead of the user's own\n"
		"  -P, --pid-file FILE write the process id there; a second daemon with this file is "
		"refused\n"
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
		{ "user", required_argument, NULL, 'u' },
		{ "group", required_argument, NULL, 'g' },
		{ "pid-file", required_argument, NULL, 'P' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ out->can_check ? "check" : NULL, no_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config = out->config;

	open_standard_descriptors();
	log_open();
	for (int c; (c = getopt_long(argc, argv, "c:tu:g:P:Vh", options, NULL)) != -1;) {
		switch (c) {
		case 'c':
			out->config = optarg;
			break;
		case 't':
			out->test = true;
			break;
		case 'u':
			out->user = optarg;
			break;
		case 'g':
			out->group = optarg;
			break;
		case 'P':
			out->pid_file = optarg;
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
	if (optind == argc && (out->user || !out->group))
		return DAEMON_OPTIONS_GO_ON;
	if (optind == argc) {
		fprintf(stderr, "%s: -g GROUP goes with -u USER\n", program);
		return EXIT_USAGE;
	}
	fprintf(stderr, "%s: what is \"%s\"?\n", program, argv[optind]);
	print_usage(stderr, program, config, out);
	return EXIT_USAGE;
}

static bool become_user(const struct daemon_options *o, char *err)
{
	struct daemon_user u;
	bool ok;

	if (!o->user)
		return true;
	ok = daemon_user_find(o->user, o->group, &u, err, ERROR_MAX) &&
	     daemon_privileges_become(&u, o->may_need, err, ERROR_MAX);
	free(u.groups);
	return ok;
}

/* Until the loop handles them they wait: one that comes during the start ends or reloads what has started. */
static void hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

bool daemon_begin(struct daemon_options *o, const char *program)
{
	char err[ERROR_MAX];

	if (!o->test && !o->check)
		hold_signals();
	if (o->pid_file && !o->test && !o->check) {
		o->lock = daemon_lock_new(program, o->pid_file, err, sizeof(err));
		if (!o->lock) {
			fprintf(stderr, "%s: %s\n", program, err);
			return false;
		}
	}
	if (o->realtime)
		daemon_allow_realtime();
	if (become_user(o, err))
		return true;
	fprintf(stderr, "%s: -u %s: %s\n", program, o->user, err);
	daemon_end(o);
	return false;
}

bool daemon_settle(const struct daemon_options *o, const char *program, uint64_t needed)
{
	int rc = daemon_privileges_keep(needed & o->may_need);

	if (rc)
		fprintf(stderr, "%s: cannot give up privileges: %s\n", program, strerror(-rc));
	return rc == 0;
}

void daemon_end(struct daemon_options *o)
{
	daemon_lock_free(o->lock);
	o->lock = NULL;
}

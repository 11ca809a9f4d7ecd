#include "rrctl/command.h"

#include "base/nearest.h"
#include "base/text.h"
#include "rrctl/argument.h"

#include <string.h>

const struct command commands[] = {
	{ OF_SPEAKERS, "show neighbors", "", "all neighbors, a line each", 0, 0, NULL, &view_neighbors },
	{ OF_SPEAKERS, "show neighbor", "ADDRESS", "everything about one neighbor", 1, 1, argument_neighbor,
		&view_sheet },
	{ OF_RRD, "show routes", "[PREFIX [longer]]", "the table, a line per path; longer: all in PREFIX", 0,
		2, argument_routes, &view_routes },
	{ OF_RRD, "show route", "PREFIX [why]", "one prefix, with the reason for each path", 1, 2,
		argument_route, &view_route },
	{ OF_RRD, "show received", "ADDRESS", "the paths taken from a neighbor", 1, 1, argument_neighbor,
		&view_received },
	{ OF_RRD, "show advertised", "ADDRESS", "the paths a neighbor was told of, as it was told", 1, 1,
		argument_neighbor, &view_advertised },
	{ OF_RRD, "show rejected", "ADDRESS", "the routes refused last of a neighbor, with the reason", 1, 1,
		argument_neighbor, &view_rejected },
	{ OF_ANNOUNCER, "show routes", "", "the services, a line each", 0, 0, NULL, &view_routes },
	{ OF_ANNOUNCER, "show services", "", "why each service is announced, or not", 0, 0, NULL,
		&view_announced },
	{ OF_ANNOUNCER, "show agent", "", "what is heard of lb-ipvs-agent, and what it was told", 0, 0, NULL,
		&view_sheet },
	{ OF_RRD, "show fib", "", "routes of the kernel that are ours, a line per next hop", 0, 0, NULL,
		&view_fib },
	{ OF_RRD, "show nexthops", "", "the next hops of all paths, and how they are reached", 0, 0, NULL,
		&view_next_hops },
	{ OF_RRD, "show ranges", "", "ranges of dynamic neighbors", 0, 0, NULL, &view_ranges },
	{ OF_SPEAKERS, "show memory", "", "what the tables hold", 0, 0, NULL, &view_memory },
	{ OF_AGENT, "show services", "", "the virtual services, a line each", 0, 0, NULL, &view_services },
	{ OF_AGENT, "show servers", "[SERVICE]", "the real servers, of all services or of one", 0, 3,
		argument_service, &view_servers },
	{ OF_AGENT, "show checks", "[SERVICE]", "the health checks and their last results", 0, 3,
		argument_service, &view_checks },
	{ OF_AGENT, "show table", "[SERVICE]", "the scheduler's table: each server's share of the slots", 0,
		3, argument_service, &view_table },
	{ OF_AGENT, "show sources", "", "where the servers come from", 0, 0, NULL, &view_sources },
	{ OF_NODE, "show services", "", "who has registered what, a line each", 0, 0, NULL,
		&view_node_services },
	{ OF_NODE, "show routes", "", "the node's routes that are ours, a line per next hop", 0, 0, NULL,
		&view_fib },
	{ OF_ALL, "show status", "", "the daemon at a glance", 0, 0, NULL, &view_sheet },
	{ OF_ALL, "show log", "", "where lines of the log go, and how many were lost", 0, 0, NULL,
		&view_sheet },
	{ OF_ALL, "log level", "error|warning|info|debug",
		"the least important lines that are written, until the next reload", 1, 1, argument_level,
		&view_sheet },
	{ OF_SPEAKERS, "log debug", "ADDRESS|PREFIX|all [off]",
		"log sessions and messages of neighbors in detail, until the next reload", 1, 2,
		argument_debug, &view_sheet },
	{ OF_ALL, "metrics", "", "every counter and gauge, as Prometheus reads them", 0, 0, NULL,
		&view_metrics },
	{ OF_ANNOUNCER | OF_AGENT, "watch", "", "what happens, as it happens, until it is interrupted", 0, 0,
		NULL, &view_events },
	{ OF_SPEAKERS, "clear neighbor", "ADDRESS|all [TEXT]",
		"end the session, which then starts again; tell TEXT", 1, -1, argument_clear, &view_sheet },
	{ OF_SPEAKERS | COMMAND_WRITTEN_OUT, "shutdown", "ADDRESS [TEXT]",
		"end the session; no new one until enable; tell TEXT", 1, -1, argument_shutdown,
		&view_sheet },
	{ OF_SPEAKERS, "enable", "ADDRESS", "the end of shutdown", 1, 1, argument_neighbor, &view_sheet },
	{ OF_RRD, "refresh", "ADDRESS|all [in|out]",
		"in: ask for its routes again; out: send ours again; or both", 1, 2, argument_refresh,
		&view_refresh },
	{ OF_RRD, "watch routes", "[PREFIX [longer]] [all]",
		"paths that come, change and go, and best paths; all: first what is there", 0, 3,
		argument_watch_routes, &view_route_events },
	{ OF_RRD, "watch neighbors", "[all]", "sessions that come up and go down", 0, 1, argument_all,
		&view_neighbor_events },
	{ OF_RRD, "watch fib", "[all]", "what the kernel takes of our routes, and what it refuses", 0, 1,
		argument_all, &view_fib_events },
	{ OF_RRD, "drain", "", "send all routes as ones to be avoided (RFC 8326)", 0, 0, NULL, &view_sheet },
	{ OF_RRD, "undrain", "", "the end of drain", 0, 0, NULL, &view_sheet },
	{ OF_ANNOUNCER, "drain", "[SECONDS]", "turn new connections away, then withdraw", 0, 1, argument_time,
		&view_sheet },
	{ OF_ANNOUNCER, "undrain", "", "announce again as ever", 0, 0, NULL, &view_sheet },
	{ OF_AGENT, "drain", "SERVER [SECONDS] [service SERVICE]", "no new connections, then out", 1, 6,
		argument_drain, &view_sheet },
	{ OF_AGENT, "undrain", "SERVER [service SERVICE]", "in again, when it is healthy", 1, 5,
		argument_server, &view_sheet },
	{ OF_AGENT, "check", "SERVER [service SERVICE]", "run its checks now", 1, 5, argument_server,
		&view_sheet },
	{ OF_ALL, "show config", "[all]", "the configuration in use; all: with what is not set, as comments",
		0, 1, argument_all, &view_lines },
	{ OF_ALL, "reload", "[--dry-run]", "read the configuration again, or tell what that would change", 0,
		1, argument_dry_run, &view_changes },
	{ 0 },
};

/* --- finding one --- */

struct match {
	int words;	 /* how many words of argv are the command's own */
	int written_out; /* how many of them are not shortened */
};

/* Do the words of the command, each perhaps shortened, stand at the beginning of argv? */
static bool match_words(const struct command *c, int argc, char **argv, struct match *out)
{
	const char *word = c->words;

	*out = (struct match){ 0 };
	while (*word) {
		size_t len = strcspn(word, " ");
		const char *given = out->words < argc ? argv[out->words] : "";

		if (!*given || strlen(given) > len || strncmp(word, given, strlen(given)) != 0 ||
			(c->targets & COMMAND_WRITTEN_OUT && strlen(given) < len))
			return false;
		out->words++;
		out->written_out += strlen(given) == len;
		word += len + (word[len] == ' ');
	}
	return true;
}

static bool takes(const struct command *c, int args)
{
	return args >= c->min_args && (c->max_args < 0 || args <= c->max_args);
}

struct found {
	const struct command *best;
	struct match match;
	int equals;		      /* commands as good as the best */
	const struct command *misfit; /* one with these words that takes other arguments */
};

static struct found find(unsigned targets, int argc, char **argv)
{
	struct found f = { 0 };
	int misfit_written_out = -1;

	for (const struct command *c = commands; c->words; c++) {
		struct match m;

		if (!(c->targets & targets) || !match_words(c, argc, argv, &m))
			continue;
		if (!takes(c, argc - m.words)) {
			if (m.written_out > misfit_written_out)
				f.misfit = c;
			if (m.written_out > misfit_written_out)
				misfit_written_out = m.written_out;
			continue;
		}
		if (f.best && m.written_out == f.match.written_out)
			f.equals++;
		if (f.best && m.written_out <= f.match.written_out)
			continue;
		f.best = c;
		f.match = m;
		f.equals = 1;
	}
	return f;
}

static void say_ambiguous(const struct found *f, unsigned targets, int argc, char **argv, char *err)
{
	struct text t = text_init(err, COMMAND_ERROR_MAX);
	const char *before = "";

	text_add(&t, "could be ");
	for (const struct command *c = commands; c->words; c++) {
		struct match m;

		if (!(c->targets & targets) || !match_words(c, argc, argv, &m) || !takes(c, argc - m.words) ||
			m.written_out != f->match.written_out)
			continue;
		text_add(&t, "%s\"%s\"", before, c->words);
		before = " or ";
	}
	text_add(&t, ": write more of it");
}

/* What this daemon does not know and others do. False when nobody does. */
static bool say_whose(enum target target, int argc, char **argv, char *err)
{
	struct text t = text_init(err, COMMAND_ERROR_MAX);
	struct found f = find(OF_ALL, argc, argv);
	const struct command *c = f.best ? f.best : f.misfit;
	const char *before = "";

	if (!c)
		return false;
	text_add(&t, "%s has no \"%s\"; ask ", target_name(target), c->words);
	for (int i = 0; i < TARGETS; i++) {
		f = find(1u << i, argc, argv);
		if (!f.best && !f.misfit)
			continue;
		text_add(&t, "%s%s (rrctl%s)", before, target_name((enum target)i),
			target_option((enum target)i));
		before = " or ";
	}
	return true;
}

/* Does argv end before the command's words do? */
static bool begins(const struct command *c, int argc, char **argv)
{
	const char *word = c->words;

	for (int i = 0; i < argc; i++) {
		size_t len = strcspn(word, " ");

		if (!*argv[i] || strlen(argv[i]) > len || strncmp(word, argv[i], strlen(argv[i])) != 0 ||
			!word[len])
			return false;
		word += len + 1;
	}
	return argc > 0;
}

/* What the given words are the beginning of. False when they are none. */
static bool say_rest(unsigned targets, int argc, char **argv, char *err)
{
	struct text t = text_init(err, COMMAND_ERROR_MAX);
	const char *before = "";

	for (const struct command *c = commands; c->words; c++) {
		if (!(c->targets & targets) || !begins(c, argc, argv))
			continue;
		text_add(&t, "%s%s", *before ? before : "there is more to say: ", c->words);
		before = ", ";
	}
	return *before;
}

static void say_unknown(enum target target, int argc, char **argv, char *err)
{
	char buf[128];
	struct text t = text_init(buf, sizeof(buf));
	struct nearest near;

	for (int i = 0; i < argc && i < 2; i++)
		text_add(&t, "%s%s", i ? " " : "", argv[i]);
	near = nearest_init(buf);
	for (const struct command *c = commands; c->words; c++)
		if (c->targets & 1u << target)
			nearest_try(&near, c->words);
	if (near.best)
		snprintf(err, COMMAND_ERROR_MAX, "unknown command \"%s\"; did you mean \"%s\"?", buf,
			near.best);
	else
		snprintf(err, COMMAND_ERROR_MAX, "unknown command \"%s\"; rrctl --help lists all", buf);
}

static void say_usage(enum target target, const struct command *c, char *err)
{
	snprintf(err, COMMAND_ERROR_MAX, "usage: rrctl%s %s%s%s", target_option(target), c->words,
		*c->arguments ? " " : "", c->arguments);
}

const struct command *command_parse(
	enum target target, int argc, char **argv, struct row **request, char *err)
{
	struct found f = find(1u << target, argc, argv);
	struct row *r;

	if (f.equals > 1)
		say_ambiguous(&f, 1u << target, argc, argv, err);
	else if (!f.best && f.misfit)
		say_usage(target, f.misfit, err);
	else if (!f.best && !say_rest(1u << target, argc, argv, err) && !say_whose(target, argc, argv, err))
		say_unknown(target, argc, argv, err);
	if (!f.best || f.equals > 1)
		return NULL;
	r = row_new();
	row_text(r, "command", f.best->words);
	if (f.best->add && !f.best->add(r, argc - f.match.words, argv + f.match.words, err)) {
		row_free(r);
		return NULL;
	}
	*request = r;
	return f.best;
}

static void help_line(FILE *out, const struct command *c)
{
	int len = fprintf(out, "  %s%s%s", c->words, *c->arguments ? " " : "", c->arguments);

	fprintf(out, "%*s%s\n", len < 44 ? 44 - len : 1, "", c->help);
}

void command_help(FILE *out)
{
	static const struct {
		unsigned targets;
		const char *title;
	} groups[] = {
		{ OF_ALL, "every daemon" },
		{ OF_SPEAKERS, "rrd and lb-announcer (-a)" },
		{ OF_ANNOUNCER | OF_AGENT, "lb-announcer (-a) and lb-ipvs-agent (-i)" },
		{ OF_RRD, "rrd" },
		{ OF_ANNOUNCER, "lb-announcer (-a)" },
		{ OF_AGENT, "lb-ipvs-agent (-i)" },
		{ OF_NODE, "lb-announcer --node (-n)" },
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		fprintf(out, "%s%s:\n", i ? "\n" : "", groups[i].title);
		for (const struct command *c = commands; c->words; c++)
			if ((c->targets & OF_ALL) == groups[i].targets)
				help_line(out, c);
	}
}

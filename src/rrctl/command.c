#include "rrctl/command.h"

#include "base/nearest.h"
#include "base/prefix.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- arguments --- */

static bool add_address(struct row *request, const char *text, char *err)
{
	struct ip_addr a;

	if (!ip_addr_parse(text, &a)) {
		snprintf(err, COMMAND_ERROR_MAX,
			"\"%.64s\" is not an address, such as 10.0.0.1 or 2001:db8::1", text);
		return false;
	}
	row_text(request, "address", text);
	return true;
}

static bool add_prefix(struct row *request, const char *text, char *err)
{
	struct prefix p;
	bool host_bits = false;
	char buf[PREFIX_TEXT_MAX];

	if (!prefix_parse(text, &p, &host_bits)) {
		snprintf(err, COMMAND_ERROR_MAX,
			host_bits ? "\"%.64s\" has bits set beyond its length"
				  : "\"%.64s\" is not a prefix, such as 10.1.1.0/24 or 2001:db8::/32",
			text);
		return false;
	}
	row_text(request, "prefix", prefix_format(&p, buf));
	return true;
}

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* A word that is there or not, such as "longer"; it may be shortened. */
static bool add_flag(struct row *request, const char *word, const char *given, char *err)
{
	if (!*given || !begins_with(word, given)) {
		snprintf(err, COMMAND_ERROR_MAX, "\"%.64s\" is not understood here; only \"%s\" is", given,
			word);
		return false;
	}
	row_bool(request, word, true);
	return true;
}

static bool add_neighbor(struct row *request, int argc, char **argv, char *err)
{
	(void)argc;
	return add_address(request, argv[0], err);
}

static bool add_routes(struct row *request, int argc, char **argv, char *err)
{
	return (argc < 1 || add_prefix(request, argv[0], err)) &&
	       (argc < 2 || add_flag(request, "longer", argv[1], err));
}

static bool add_route(struct row *request, int argc, char **argv, char *err)
{
	return add_prefix(request, argv[0], err) && (argc < 2 || add_flag(request, "why", argv[1], err));
}

static bool add_clear(struct row *request, int argc, char **argv, char *err)
{
	enum { SHUTDOWN_TEXT_MAX = 255 }; /* RFC 9003, in octets */
	char buf[SHUTDOWN_TEXT_MAX + 1];
	struct text t = text_init(buf, sizeof(buf));

	if (strcmp(argv[0], "all") == 0)
		row_text(request, "address", "all");
	else if (!add_address(request, argv[0], err))
		return false;
	for (int i = 1; i < argc; i++)
		text_add(&t, "%s%s", i > 1 ? " " : "", argv[i]);
	if (text_cut(&t)) {
		snprintf(err, COMMAND_ERROR_MAX, "the text is too long: at most %d octets",
			(int)SHUTDOWN_TEXT_MAX);
		return false;
	}
	if (argc > 1)
		row_text(request, "text", buf);
	return true;
}

static bool add_time(struct row *request, int argc, char **argv, char *err)
{
	char *end;
	long seconds;

	if (argc < 1)
		return true;
	errno = 0;
	seconds = strtol(argv[0], &end, 10);
	if (!*argv[0] || *end || errno || seconds < 0) {
		snprintf(err, COMMAND_ERROR_MAX, "\"%.64s\" is not a time: expected whole seconds", argv[0]);
		return false;
	}
	row_int(request, "time-s", seconds);
	return true;
}

/* --- the table --- */

const struct command commands[] = {
	{ "show neighbors", "", "all neighbors, a line each", 0, 0, NULL, &view_neighbors },
	{ "show neighbor", "ADDRESS", "everything about one neighbor", 1, 1, add_neighbor, &view_sheet },
	{ "show routes", "[PREFIX [longer]]", "the table, a line per path; longer: all in PREFIX", 0, 2,
		add_routes, &view_routes },
	{ "show route", "PREFIX [why]", "one prefix, with the reason for each path", 1, 2, add_route,
		&view_route },
	{ "show fib", "", "routes of the kernel that are ours, a line per next hop", 0, 0, NULL, &view_fib },
	{ "show nexthops", "", "the next hops of all paths, and how they are reached", 0, 0, NULL,
		&view_next_hops },
	{ "show ranges", "", "ranges of dynamic neighbors", 0, 0, NULL, &view_ranges },
	{ "show memory", "", "what the tables hold", 0, 0, NULL, &view_memory },
	{ "show status", "", "the daemon at a glance", 0, 0, NULL, &view_sheet },
	{ "clear neighbor", "ADDRESS|all [TEXT]", "end the session, which then starts again; tell TEXT", 1,
		-1, add_clear, &view_sheet },
	{ "drain", "[SECONDS]", "lb-announcer: turn new connections away, then withdraw", 0, 1, add_time,
		&view_sheet },
	{ "undrain", "", "lb-announcer: announce again as ever", 0, 0, NULL, &view_sheet },
	{ NULL },
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

		if (!*given || strlen(given) > len || strncmp(word, given, strlen(given)) != 0)
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

static struct found find(int argc, char **argv)
{
	struct found f = { 0 };
	int misfit_written_out = -1;

	for (const struct command *c = commands; c->words; c++) {
		struct match m;

		if (!match_words(c, argc, argv, &m))
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

static void say_ambiguous(const struct found *f, int argc, char **argv, char *err)
{
	struct text t = text_init(err, COMMAND_ERROR_MAX);
	const char *before = "";

	text_add(&t, "could be ");
	for (const struct command *c = commands; c->words; c++) {
		struct match m;

		if (!match_words(c, argc, argv, &m) || !takes(c, argc - m.words) ||
			m.written_out != f->match.written_out)
			continue;
		text_add(&t, "%s\"%s\"", before, c->words);
		before = " or ";
	}
	text_add(&t, ": write more of it");
}

static void say_unknown(int argc, char **argv, char *err)
{
	char buf[128];
	struct text t = text_init(buf, sizeof(buf));
	struct nearest near;

	for (int i = 0; i < argc && i < 2; i++)
		text_add(&t, "%s%s", i ? " " : "", argv[i]);
	near = nearest_init(buf);
	for (const struct command *c = commands; c->words; c++)
		nearest_try(&near, c->words);
	if (near.best)
		snprintf(err, COMMAND_ERROR_MAX, "unknown command \"%s\"; did you mean \"%s\"?", buf,
			near.best);
	else
		snprintf(err, COMMAND_ERROR_MAX, "unknown command \"%s\"; rrctl --help lists all", buf);
}

const struct command *command_parse(int argc, char **argv, struct row **request, char *err)
{
	struct found f = find(argc, argv);
	struct row *r;

	if (f.equals > 1)
		say_ambiguous(&f, argc, argv, err);
	else if (!f.best && f.misfit)
		snprintf(err, COMMAND_ERROR_MAX, "usage: rrctl %s%s%s", f.misfit->words,
			*f.misfit->arguments ? " " : "", f.misfit->arguments);
	else if (!f.best)
		say_unknown(argc, argv, err);
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

void command_help(FILE *out)
{
	for (const struct command *c = commands; c->words; c++) {
		int len = fprintf(out, "  %s%s%s", c->words, *c->arguments ? " " : "", c->arguments);

		fprintf(out, "%*s%s\n", len < 38 ? 38 - len : 1, "", c->help);
	}
}

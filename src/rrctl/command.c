#include "rrctl/command.h"

#include "base/nearest.h"
#include "control/catalog.h"
#include "rrctl/argument.h"

#include <string.h>

static const struct {
	unsigned targets;
	const char *name;
	const struct view *view;
} views[] = {
	{ OF_SPEAKERS, "show neighbors", &view_neighbors },
	{ OF_SPEAKERS, "show neighbor", &view_sheet },
	{ OF_RRD, "show routes", &view_routes },
	{ OF_RRD, "show route", &view_route },
	{ OF_RRD, "show route for", &view_route },
	{ OF_ANNOUNCER, "show routes", &view_routes },
	{ OF_ANNOUNCER, "show services", &view_announced },
	{ OF_ANNOUNCER, "show agent", &view_sheet },
	{ OF_RRD, "show fib", &view_fib },
	{ OF_RRD, "show nexthops", &view_next_hops },
	{ OF_RRD, "show ranges", &view_ranges },
	{ OF_RRD, "show ranges failed", &view_failures },
	{ OF_SPEAKERS, "show bfd", &view_bfd },
	{ OF_SPEAKERS, "show memory", &view_memory },
	{ OF_AGENT, "show services", &view_services },
	{ OF_AGENT, "show servers", &view_servers },
	{ OF_AGENT, "show checks", &view_checks },
	{ OF_AGENT, "show table", &view_table },
	{ OF_AGENT, "show sources", &view_sources },
	{ OF_ANNOUNCER | OF_AGENT, "show ready", &view_sheet },
	{ OF_NODE, "show services", &view_node_services },
	{ OF_NODE, "show routes", &view_fib },
	{ OF_ALL, "show status", &view_status },
	{ OF_ALL, "metrics", &view_metrics },
	{ OF_ANNOUNCER | OF_AGENT, "watch", &view_events },
	{ OF_SPEAKERS, "clear neighbor", &view_sheet },
	{ OF_ANNOUNCER, "drain", &view_sheet },
	{ OF_ANNOUNCER, "undrain", &view_sheet },
	{ OF_AGENT, "drain", &view_sheet },
	{ OF_AGENT, "undrain", &view_sheet },
	{ OF_AGENT, "check", &view_sheet },
	{ OF_ALL, "show config", &view_lines },
	{ OF_ALL, "reload", &view_changes },
	{ OF_ALL, "version", &view_sheet },
	{ OF_RRD, "show received", &view_received },
	{ OF_RRD, "show advertised", &view_advertised },
	{ OF_RRD, "show rejected", &view_rejected },
	{ OF_ALL, "show log", &view_sheet },
	{ OF_ALL, "log level", &view_sheet },
	{ OF_SPEAKERS, "log debug", &view_sheet },
	{ OF_SPEAKERS, "shutdown", &view_sheet },
	{ OF_SPEAKERS, "enable", &view_sheet },
	{ OF_RRD, "refresh", &view_refresh },
	{ OF_RRD, "watch routes", &view_route_events },
	{ OF_RRD, "watch neighbors", &view_neighbor_events },
	{ OF_RRD, "watch fib", &view_fib_events },
	{ OF_SPEAKERS, "watch bfd", &view_bfd_events },
	{ OF_RRD, "drain", &view_sheet },
	{ OF_RRD, "undrain", &view_sheet },
};

const struct view *command_view(const struct control_command *c)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (views[i].targets & c->targets && strcmp(views[i].name, c->name) == 0)
			return views[i].view;
	return NULL;
}

/* --- finding one --- */

/* Of those that are for people. */
static const struct control_command *next_command(const struct control_command *c)
{
	for (c = c ? c + 1 : control_catalog; c->targets; c++)
		if (command_view(c))
			return c;
	return NULL;
}

bool command_match(const struct control_command *c, int argc, char **argv, struct command_match *out)
{
	const char *word = c->name;

	*out = (struct command_match){ 0 };
	while (*word) {
		size_t len = strcspn(word, " ");
		const char *given = out->words < argc ? argv[out->words] : "";

		if (!*given || strlen(given) > len || strncmp(word, given, strlen(given)) != 0 ||
			(c->written_out && strlen(given) < len))
			return false;
		out->words++;
		out->written_out += strlen(given) == len;
		word += len + (word[len] == ' ');
	}
	return true;
}

static bool takes(const struct control_command *c, int args)
{
	int most = arguments_max(c);

	return args >= arguments_min(c) && (most < 0 || args <= most);
}

struct found {
	const struct control_command *best;
	struct command_match match;
	int equals;			      /* commands as good as the best */
	const struct control_command *misfit; /* one with these words that takes other arguments */
};

static struct found find(unsigned targets, int argc, char **argv)
{
	struct found f = { 0 };
	int misfit_written_out = -1;

	for (const struct control_command *c = next_command(NULL); c; c = next_command(c)) {
		struct command_match m;

		if (!(c->targets & targets) || !command_match(c, argc, argv, &m))
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

/* Of one in many: "show neighbors X" can only mean "show neighbor X". NULL: there is no such command. */
static const struct control_command *singular(unsigned targets, const struct control_command *many, int args)
{
	size_t len = strlen(many->name);

	for (const struct control_command *c = next_command(NULL); c; c = next_command(c))
		if (c->targets & targets && strlen(c->name) == len - 1 && many->name[len - 1] == 's' &&
			strncmp(c->name, many->name, len - 1) == 0 && takes(c, args))
			return c;
	return NULL;
}

static void take_singular(struct found *f, unsigned targets, int argc, char **argv)
{
	if (f->best || !f->misfit || !command_match(f->misfit, argc, argv, &f->match))
		return;
	f->best = singular(targets, f->misfit, argc - f->match.words);
	f->equals = f->best != NULL;
}

static void say_ambiguous(const struct found *f, unsigned targets, int argc, char **argv, char *err)
{
	struct text t = text_init(err, COMMAND_ERROR_MAX);
	const char *before = "";

	text_add(&t, "could be ");
	for (const struct control_command *c = next_command(NULL); c; c = next_command(c)) {
		struct command_match m;

		if (!(c->targets & targets) || !command_match(c, argc, argv, &m) ||
			!takes(c, argc - m.words) || m.written_out != f->match.written_out)
			continue;
		text_add(&t, "%s\"%s\"", before, c->name);
		before = " or ";
	}
	text_add(&t, ": write more of it");
}

/* Does argv end before the command's words do? */
static bool begins(const struct control_command *c, int argc, char **argv)
{
	const char *word = c->name;

	for (int i = 0; i < argc; i++) {
		size_t len = strcspn(word, " ");

		if (!*argv[i] || strlen(argv[i]) > len || strncmp(word, argv[i], strlen(argv[i])) != 0 ||
			!word[len])
			return false;
		word += len + 1;
	}
	return argc > 0;
}

/* Another daemon has a command of these words, and this one has others that begin so: what comes behind them is what is wrong. */
static bool is_own_beginning(enum target target, const struct control_command *others, int argc, char **argv)
{
	struct command_match m;

	if (!command_match(others, argc, argv, &m) || takes(others, argc - m.words))
		return false;
	for (const struct control_command *c = next_command(NULL); c; c = next_command(c))
		if (c->targets & 1u << target && begins(c, m.words, argv))
			return true;
	return false;
}

/* What this daemon does not know and others do. False when nobody does. */
static bool say_whose(enum target target, int argc, char **argv, char *err)
{
	struct text t = text_init(err, COMMAND_ERROR_MAX);
	struct found f = find(OF_ALL, argc, argv);
	const struct control_command *c = f.best ? f.best : f.misfit;
	const char *before = "";
	bool takes_it = f.best;

	if (!c || is_own_beginning(target, c, argc, argv))
		return false;
	text_add(&t, "%s has no \"%s\"; ask ", target_name(target), c->name);
	for (int i = 0; i < TARGETS; i++) {
		f = find(1u << i, argc, argv);
		if (takes_it ? !f.best : !f.misfit)
			continue;
		text_add(&t, "%s%s (rrctl%s)", before, target_name((enum target)i),
			target_option((enum target)i));
		before = " or ";
	}
	return true;
}

/* What the given words are the beginning of. False when they are none. */
static bool say_rest(unsigned targets, int argc, char **argv, char *err)
{
	struct text t = text_init(err, COMMAND_ERROR_MAX);
	const char *before = "";

	for (const struct control_command *c = next_command(NULL); c; c = next_command(c)) {
		if (!(c->targets & targets) || !begins(c, argc, argv))
			continue;
		text_add(&t, "%s%s", *before ? before : "there is more to say: ", c->name);
		before = ", ";
	}
	return *before;
}

/* The word of the name behind the first so many. */
static const char *word_behind(const char *name, int words, size_t *len)
{
	while (words-- > 0)
		name += strcspn(name, " ") + 1;
	*len = strcspn(name, " ");
	return name;
}

/* What may stand behind the words that are a beginning, of all the others nothing is known. */
static void say_what_may_follow(enum target target, int argc, char **argv, struct text *out)
{
	const char *last = "";
	int words = argc;
	bool any = false;

	while (words > 0 && !any) {
		words--;
		for (const struct control_command *c = next_command(NULL); words && c; c = next_command(c))
			any |= c->targets & 1u << target && begins(c, words, argv);
	}
	text_add(out, any ? "; behind \"" : "; rrctl --help lists all");
	for (int i = 0; any && i < words; i++)
		text_add(out, "%s%s", i ? " " : "", argv[i]);
	for (const struct control_command *c = next_command(NULL); any && c; c = next_command(c)) {
		size_t len;
		const char *word;

		if (!(c->targets & 1u << target) || !begins(c, words, argv))
			continue;
		word = word_behind(c->name, words, &len);
		if (strncmp(word, last, len + 1) != 0)
			text_add(out, "%s%.*s", *last ? ", " : "\" may stand: ", (int)len, word);
		last = word;
	}
}

static void say_unknown(enum target target, int argc, char **argv, char *err)
{
	char buf[128];
	struct text t = text_init(buf, sizeof(buf)), all = text_init(err, COMMAND_ERROR_MAX);
	struct nearest near;

	for (int i = 0; i < argc && i < 2; i++)
		text_add(&t, "%s%s", i ? " " : "", argv[i]);
	near = nearest_init(buf);
	for (const struct control_command *c = next_command(NULL); c; c = next_command(c))
		if (c->targets & 1u << target)
			nearest_try(&near, c->name);
	text_add(&all, "unknown command \"%s\"", buf);
	if (near.best)
		text_add(&all, "; did you mean \"%s\"?", near.best);
	else
		say_what_may_follow(target, argc, argv, &all);
}

static void say_usage(enum target target, const struct control_command *c, char *err)
{
	char syntax[CONTROL_SYNTAX_MAX] = "";

	control_command_syntax(c, syntax);
	snprintf(err, COMMAND_ERROR_MAX, "usage: rrctl%s %s%s%s", target_option(target), c->name,
		*syntax ? " " : "", syntax);
}

/* More of the words are those of another daemon's command. */
static bool is_rather_anothers(const struct control_command *misfit, int argc, char **argv)
{
	struct found all = find(OF_ALL, argc, argv);
	struct command_match m;

	return all.best && command_match(misfit, argc, argv, &m) && all.match.words > m.words;
}

const struct control_command *command_parse(
	enum target target, int argc, char **argv, struct row **request, char *err)
{
	struct found f = find(1u << target, argc, argv);
	struct row *r;

	take_singular(&f, 1u << target, argc, argv);
	if (f.equals > 1)
		say_ambiguous(&f, 1u << target, argc, argv, err);
	else if (!f.best && f.misfit && !is_rather_anothers(f.misfit, argc, argv))
		say_usage(target, f.misfit, err);
	else if (!f.best && !say_rest(1u << target, argc, argv, err) && !say_whose(target, argc, argv, err))
		say_unknown(target, argc, argv, err);
	if (!f.best || f.equals > 1)
		return NULL;
	r = row_new();
	row_text(r, "command", f.best->name);
	if (!arguments_parse(f.best, r, argc - f.match.words, argv + f.match.words, err)) {
		row_free(r);
		return NULL;
	}
	*request = r;
	return f.best;
}

static void help_line(FILE *out, const struct control_command *c)
{
	char syntax[CONTROL_SYNTAX_MAX] = "";
	int len;

	control_command_syntax(c, syntax);
	len = fprintf(out, "  %s%s%s", c->name, *syntax ? " " : "", syntax);

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
		for (const struct control_command *c = next_command(NULL); c; c = next_command(c))
			if ((c->targets & OF_ALL) == groups[i].targets)
				help_line(out, c);
	}
}

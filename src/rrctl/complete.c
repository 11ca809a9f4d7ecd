#include "rrctl/complete.h"

#include "base/mem.h"
#include "control/catalog.h"
#include "control/client.h"
#include "rrctl/argument.h"
#include "rrctl/command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIVE_S = 2 }; /* how long a daemon may take to tell its values */

struct completion {
	FILE *out;
	enum target target;
	const char *socket;  /* NULL: the usual one */
	const char *current; /* the word to be completed */
	char **offered;
	size_t offered_count;
};

static const struct {
	const char *name, *help;
	char letter;
	bool takes_value;
} options[] = {
	{ "--announcer", "ask lb-announcer", 'a', false },
	{ "--ipvs-agent", "ask lb-ipvs-agent", 'i', false },
	{ "--node", "ask lb-announcer --node", 'n', false },
	{ "--json", "one JSON object per line", 'j', false },
	{ "--socket", "the daemon's control socket", 's', true },
	{ "--timeout", "how long the daemon may be silent", 't', true },
	{ "--version", "print what this is", 'V', false },
	{ "--help", "print a short help", 'h', false },
};
enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

/* len: of the word; each is offered once. */
static void offer(struct completion *c, const char *word, size_t len, const char *help)
{
	size_t begun = strlen(c->current);

	if (len < begun || strncmp(word, c->current, begun) != 0)
		return;
	for (size_t i = 0; i < c->offered_count; i++)
		if (strlen(c->offered[i]) == len && strncmp(c->offered[i], word, len) == 0)
			return;
	c->offered = mem_realloc(c->offered, (c->offered_count + 1) * sizeof(char *));
	c->offered[c->offered_count++] = mem_printf("%.*s", (int)len, word);
	fprintf(c->out, "%.*s%s%s\n", (int)len, word, *help ? "\t" : "", help);
}

/* --- values --- */

static void offer_live(struct completion *c, const char *command, const char *key)
{
	struct row *request;
	const struct row *row;
	char err[CONTROL_ERROR_MAX];
	struct control_client *client;
	bool silent;

	if (!control_command_find(control_catalog, 1u << c->target, command))
		return;
	/* What is known without the daemon is said before it can make us wait; the signal ends the process. */
	fflush(c->out);
	alarm(LIVE_S);
	client = control_client_new(target_name(c->target), c->socket ? c->socket : target_socket(c->target),
		LIVE_S, &silent, err);
	request = row_new();
	row_text(request, "command", command);
	row_int(request, "protocol", CONTROL_PROTOCOL);
	if (client && control_client_send(client, request, err) == CONTROL_SENT)
		while (control_client_next(client, &row, err) == CONTROL_ROW) {
			const char *value = row_get_text(row, key);

			/* One with a blank would have to be quoted, which rrctl does not need. */
			if (value && !strpbrk(value, " \t\n"))
				offer(c, value, strlen(value), "");
		}
	row_free(request);
	control_client_free(client);
	alarm(0);
}

static void offer_words(struct completion *c, const char *words)
{
	for (const char *w = words; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
		offer(c, w, strcspn(w, "|"), "");
}

static void offer_values(struct completion *c, const struct control_argument *a)
{
	switch (a->type) {
	case CONTROL_WORD:
		offer_words(c, a->words);
		break;
	case CONTROL_ADDRESS_OR_ALL:
	case CONTROL_NEIGHBORS:
		offer(c, "all", 3, "");
		offer_live(c, "show neighbors", "address");
		break;
	case CONTROL_ADDRESS:
		offer_live(c, "show neighbors", "address");
		break;
	case CONTROL_SERVICE:
		offer_live(c, "show services", "service");
		break;
	case CONTROL_SERVER:
		offer_live(c, "show servers", "server");
		break;
	case CONTROL_TEXT:
	case CONTROL_FLAG:
	case CONTROL_NUMBER:
	case CONTROL_PREFIX:
		break;
	}
}

static void offer_argument(struct completion *c, const struct control_argument *a)
{
	const char *word = a->type == CONTROL_FLAG ? control_argument_shown(a) : a->keyword;

	if (word)
		offer(c, word, strlen(word), "");
	else
		offer_values(c, a);
}

/* argv: what stands between the command's own words and the one to be completed. */
static void complete_arguments(struct completion *c, const struct control_command *k, int argc, char **argv)
{
	bool before = false; /* the argument before is given */

	for (const struct control_argument *a = k->arguments; a && a->key; a++) {
		int words = argument_words(a, argc, argv);

		if (argc > 0 && words == 1 && argc == 1 && a->keyword && a->type != CONTROL_FLAG) {
			offer_values(c, a);
			return;
		}
		if (argc == 0 && (!a->behind || before)) {
			offer_argument(c, a);
			if (a->required)
				return;
		}
		argc -= words;
		argv += words;
		before = words > 0;
	}
}

/* --- words --- */

/* The next of the command's own words, where those before stand at argv. */
static void complete_words(struct completion *c, const struct control_command *k, int argc, char **argv)
{
	const char *word = k->name;

	for (int i = 0; i < argc && *word; i++) {
		size_t len = strcspn(word, " "), given = strlen(argv[i]);

		if (given > len || strncmp(word, argv[i], given) != 0)
			return;
		word += len + (word[len] == ' ');
	}
	if (*word) {
		size_t len = strcspn(word, " ");

		offer(c, word, len, word[len] ? "" : k->help);
	}
}

static void complete_command(struct completion *c, int argc, char **argv)
{
	struct command_match m;
	int best = -1;

	for (const struct control_command *k = control_catalog; k->targets; k++) {
		if (!(k->targets & 1u << c->target) || !command_view(k))
			continue;
		complete_words(c, k, argc, argv);
		if (command_match(k, argc, argv, &m) && m.written_out > best)
			best = m.written_out;
	}
	/* Of "show route" and "show routes" the one that is written out. */
	for (const struct control_command *k = control_catalog; k->targets; k++)
		if (k->targets & 1u << c->target && command_view(k) && command_match(k, argc, argv, &m) &&
			m.written_out == best)
			complete_arguments(c, k, argc - m.words, argv + m.words);
}

/* The command that needs no daemon and has options of its own. Its files the shell knows better. */
static void complete_convert(struct completion *c, int argc, char **argv)
{
	if (argc > 0 && strcmp(argv[argc - 1], "-f") == 0)
		offer_words(c, "gobgp|exabgp|bird|frr");
	else if (*c->current == '-')
		offer_words(c, "-f|-k|-r|-h");
}

/* --- options --- */

static void take_letter(struct completion *c, char letter)
{
	if (letter == 'a')
		c->target = TARGET_ANNOUNCER;
	else if (letter == 'i')
		c->target = TARGET_AGENT;
	else if (letter == 'n')
		c->target = TARGET_NODE;
}

/* An option that stands before the word to be completed. Its number of words. */
static int take_option(struct completion *c, int argc, char **argv)
{
	const char *given = argv[0];
	bool takes_value = false, names_socket = false;

	if (strncmp(given, "--socket=", 9) == 0)
		c->socket = given + 9;
	for (size_t i = 0; i < OPTIONS; i++) {
		bool is_it = strcmp(options[i].name, given) == 0 ||
			     (given[1] != '-' && strchr(given, options[i].letter));

		if (!is_it)
			continue;
		take_letter(c, options[i].letter);
		takes_value |= options[i].takes_value;
		names_socket |= options[i].letter == 's';
	}
	if (names_socket && argc > 1)
		c->socket = argv[1];
	return 1 + takes_value;
}

static void complete_option(struct completion *c)
{
	for (size_t i = 0; i < OPTIONS; i++)
		offer(c, options[i].name, strlen(options[i].name), options[i].help);
}

void complete(FILE *out, int argc, char **argv)
{
	struct completion c = { .out = out, .target = TARGET_RRD, .current = argc ? argv[argc - 1] : "" };
	char **words = mem_calloc((size_t)argc + 1, sizeof(*words));
	int count = 0, i = 0;

	if (argc > 1 && strcmp(argv[0], "convert") == 0) {
		complete_convert(&c, argc - 1, argv);
		i = argc;
	} else if (argc == 1) {
		offer(&c, "convert", strlen("convert"), "other daemons' files to ours");
	}
	while (i < argc - 1)
		if (argv[i][0] == '-' && argv[i][1] && strcmp(argv[i], "--dry-run") != 0)
			i += take_option(&c, argc - i, argv + i);
		else
			words[count++] = argv[i++];
	/* Behind an option whose value is missing there is a file's name, which the shell knows better. */
	if (i <= argc - 1) {
		complete_command(&c, count, words);
		if (*c.current == '-')
			complete_option(&c);
	}
	for (size_t k = 0; k < c.offered_count; k++)
		free(c.offered[k]);
	free(c.offered);
	free(words);
}

#include "rrctl/argument.h"

#include "base/prefix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_MAX_OCTETS = 255,
	TEXT_MAX_OCTETS = 255, /* RFC 9003 */
	PORT_MAX = 65535,
	SERVICE_WORDS_MAX = 3, /* "mark 7 IPv4" */
};

/* --- values --- */

static bool add_address(struct row *request, const char *key, const char *text, char *err)
{
	struct ip_addr a;

	if (!ip_addr_parse(text, &a)) {
		snprintf(err, ARGUMENT_ERROR_MAX,
			"\"%.64s\" is not an address, such as 10.0.0.1 or 2001:db8::1", text);
		return false;
	}
	row_text(request, key, text);
	return true;
}

static bool add_prefix(struct row *request, const char *key, const char *text, char *err)
{
	struct prefix p;
	bool host_bits = false;
	char buf[PREFIX_TEXT_MAX];

	if (!prefix_parse(text, &p, &host_bits)) {
		snprintf(err, ARGUMENT_ERROR_MAX,
			host_bits ? "\"%.64s\" has bits set beyond its length"
				  : "\"%.64s\" is not a prefix, such as 10.1.1.0/24 or 2001:db8::/32",
			text);
		return false;
	}
	row_text(request, key, prefix_format(&p, buf));
	return true;
}

static bool add_neighbors(struct row *request, const char *key, const char *text, char *err)
{
	struct ip_addr a;
	struct prefix p;
	bool host_bits = false;

	if (strcmp(text, "all") != 0 && !ip_addr_parse(text, &a) && !prefix_parse(text, &p, &host_bits)) {
		snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is neither an address nor a prefix, nor all",
			text);
		return false;
	}
	row_text(request, key, text);
	return true;
}

/* Whole and not negative; -1 when it is no such number or too large. */
static long number(const char *text)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	return *text < '0' || *text > '9' || *end || errno ? -1 : value;
}

static bool add_number(struct row *request, const char *key, const char *text, char *err)
{
	const char *unit = strrchr(key, '-');
	bool time = unit && strcmp(unit, "-s") == 0;
	long value = number(text);

	if (value < 0)
		snprintf(err, ARGUMENT_ERROR_MAX,
			time ? "\"%.64s\" is not a time: expected whole seconds"
			     : "\"%.64s\" is not a number",
			text);
	else
		row_int(request, key, value);
	return value >= 0;
}

static bool add_words(struct row *request, const char *key, int argc, char **argv, char *err)
{
	char buf[TEXT_MAX_OCTETS + 1];
	struct text t = text_init(buf, sizeof(buf));

	for (int i = 0; i < argc; i++)
		text_add(&t, "%s%s", i > 0 ? " " : "", argv[i]);
	if (text_cut(&t)) {
		snprintf(err, ARGUMENT_ERROR_MAX, "the text is too long: at most %d octets",
			(int)TEXT_MAX_OCTETS);
		return false;
	}
	row_text(request, key, buf);
	return true;
}

static bool add_service(struct row *request, const char *key, int argc, char **argv, char *err)
{
	char buf[NAME_MAX_OCTETS + 1];
	struct text t = text_init(buf, sizeof(buf));

	for (int i = 0; i < argc; i++)
		text_add(&t, "%s%s", i > 0 ? " " : "", argv[i]);
	if (!*buf || text_cut(&t)) {
		snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is not a service: see show services", buf);
		return false;
	}
	row_text(request, key, buf);
	return true;
}

/* One of the words, perhaps shortened; the first that fits. */
static bool add_word(struct row *request, const struct control_argument *a, const char *text, char *err)
{
	for (const char *w = a->words; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL) {
		if (!*text || strncmp(w, text, strlen(text)) != 0 || strlen(text) > strcspn(w, "|"))
			continue;
		row_printf(request, a->key, "%.*s", (int)strcspn(w, "|"), w);
		return true;
	}
	snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is not understood here; only %s are", text, a->words);
	return false;
}

/* "172.16.1.5:80" or "[2001:db8::1]:80"; the brackets may stand without a port. */
static bool parse_address_port(const char *text, struct ip_addr *addr, long *port)
{
	const char *bracket = *text == '[' ? strchr(text, ']') : NULL;
	const char *colon = bracket ? bracket + 1 : strchr(text, ':');
	char host[PREFIX_TEXT_MAX];
	size_t len;

	*port = 0;
	text += bracket != NULL;
	len = bracket ? (size_t)(bracket - text) : colon ? (size_t)(colon - text) : 0;
	if (len == 0 || len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!ip_addr_parse(host, addr) || (addr->family == IP_V6) != (bracket != NULL))
		return false;
	if (bracket && !*colon)
		return true;
	*port = *colon == ':' ? number(colon + 1) : -1;
	return *port > 0 && *port <= PORT_MAX;
}

/* What can only be meant as an address, and not as a name. */
static bool looks_like_address(const char *text)
{
	return strpbrk(text, ":[]") || text[strspn(text, "0123456789.")] == '\0';
}

static bool add_server(struct row *request, const char *key, const char *text, char *err)
{
	struct ip_addr addr;
	char buf[PREFIX_TEXT_MAX];
	long port;

	if (ip_addr_parse(text, &addr)) {
		row_text(request, key, ip_addr_format(&addr, buf));
	} else if (parse_address_port(text, &addr, &port)) {
		ip_addr_format(&addr, buf);
		if (port == 0)
			row_text(request, key, buf);
		else
			row_printf(request, key, addr.family == IP_V6 ? "[%s]:%ld" : "%s:%ld", buf, port);
	} else if (looks_like_address(text) || strlen(text) > NAME_MAX_OCTETS) {
		snprintf(err, ARGUMENT_ERROR_MAX,
			"\"%.64s\" is not a server, such as 172.16.1.5, 172.16.1.5:80, [2001:db8::1]:80 or a "
			"name",
			text);
		return false;
	} else {
		row_text(request, key, text);
	}
	return true;
}

/* argc: the argument's own words; one at least. */
static bool add_value(struct row *request, const struct control_argument *a, int argc, char **argv, char *err)
{
	switch (a->type) {
	case CONTROL_FLAG:
		row_bool(request, a->key, true);
		return true;
	case CONTROL_NUMBER:
		return add_number(request, a->key, argv[0], err);
	case CONTROL_ADDRESS_OR_ALL:
		if (strcmp(argv[0], "all") == 0)
			return add_words(request, a->key, argc, argv, err);
		return add_address(request, a->key, argv[0], err);
	case CONTROL_ADDRESS:
		return add_address(request, a->key, argv[0], err);
	case CONTROL_PREFIX:
		return add_prefix(request, a->key, argv[0], err);
	case CONTROL_NEIGHBORS:
		return add_neighbors(request, a->key, argv[0], err);
	case CONTROL_WORD:
		return add_word(request, a, argv[0], err);
	case CONTROL_SERVICE:
		return add_service(request, a->key, argc, argv, err);
	case CONTROL_SERVER:
		return add_server(request, a->key, argv[0], err);
	case CONTROL_TEXT:
		break;
	}
	return add_words(request, a->key, argc, argv, err);
}

/* --- words --- */

static bool is_keyword(const struct control_argument *a)
{
	return a->keyword && a->type != CONTROL_FLAG;
}

/* An option of a command may be written without its dashes too. */
bool argument_is_word(const struct control_argument *a, const char *given)
{
	const char *word = is_keyword(a) ? a->keyword : control_argument_shown(a);

	if (a->type != CONTROL_FLAG && !is_keyword(a))
		return false;
	word += strncmp(word, "--", 2) == 0 ? 2 : 0;
	given += strncmp(given, "--", 2) == 0 ? 2 : 0;
	return *given && strncmp(word, given, strlen(given)) == 0;
}

static int words_max(const struct control_argument *a)
{
	if (a->type == CONTROL_TEXT)
		return -1;
	return is_keyword(a) + (a->type == CONTROL_SERVICE ? SERVICE_WORDS_MAX : 1);
}

/* The word is meant as an argument that stands behind this one. */
static bool is_later_word(const struct control_argument *a, const char *given)
{
	while ((++a)->key)
		if (argument_is_word(a, given))
			return true;
	return false;
}

static bool may_be_number(const char *text)
{
	return *text == '-' || (*text >= '0' && *text <= '9');
}

int argument_words(const struct control_argument *a, int argc, char **argv)
{
	int most = words_max(a);

	if (argc == 0)
		return 0;
	if (a->type == CONTROL_FLAG || is_keyword(a))
		return !argument_is_word(a, argv[0]) ? 0 : most < 0 || most > argc ? argc : most;
	if (!a->required && is_later_word(a, argv[0]))
		return 0;
	if (!a->required && a[1].key && a->type == CONTROL_NUMBER && !may_be_number(argv[0]))
		return 0;
	return most < 0 || most > argc ? argc : most;
}

int arguments_min(const struct control_command *k)
{
	int n = 0;

	for (const struct control_argument *a = k->arguments; a && a->key; a++)
		n += a->required;
	return n;
}

int arguments_max(const struct control_command *k)
{
	int n = 0;

	for (const struct control_argument *a = k->arguments; a && a->key; a++) {
		if (words_max(a) < 0)
			return -1;
		n += words_max(a);
	}
	return n;
}

/* --- all of them --- */

/* A word that no argument took: what could have stood there. */
static bool say_left_over(const struct control_argument *a, const char *given, char *err)
{
	bool keyword = a && a->key && is_keyword(a);

	if (a && a->key)
		snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is not understood here; only \"%s%s\" is", given,
			keyword ? a->keyword : control_argument_shown(a), keyword ? " NAME" : "");
	else
		snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is one word too many", given);
	return false;
}

static bool add(struct row *request, const struct control_argument *a, int words, char **argv, char *err)
{
	int own = is_keyword(a);

	if (words == own) {
		snprintf(err, ARGUMENT_ERROR_MAX, "which %s? %s NAME; see show %ss", a->keyword, a->keyword,
			a->keyword);
		return false;
	}
	if (a->behind && !row_has(request, a[-1].key)) {
		snprintf(err, ARGUMENT_ERROR_MAX, "\"%s\" means something only behind %s",
			control_argument_shown(a), control_argument_shown(a - 1));
		return false;
	}
	return add_value(request, a, words - own, argv + own, err);
}

bool arguments_parse(const struct control_command *k, struct row *request, int argc, char **argv, char *err)
{
	const struct control_argument *last = NULL; /* that was passed over */

	for (const struct control_argument *a = k->arguments; a && a->key; a++) {
		int words = argument_words(a, argc, argv);

		if (words == 0)
			last = a;
		else if (!add(request, a, words, argv, err))
			return false;
		argc -= words;
		argv += words;
	}
	return argc == 0 || say_left_over(last, argv[0], err);
}

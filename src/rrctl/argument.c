#include "rrctl/argument.h"

#include "base/log.h"
#include "base/prefix.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_OCTETS = 255, PORT_MAX = 65535 };

static bool add_address(struct row *request, const char *text, char *err)
{
	struct ip_addr a;

	if (!ip_addr_parse(text, &a)) {
		snprintf(err, ARGUMENT_ERROR_MAX,
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
		snprintf(err, ARGUMENT_ERROR_MAX,
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
		snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is not understood here; only \"%s\" is", given,
			word);
		return false;
	}
	row_bool(request, word, true);
	return true;
}

bool argument_all(struct row *request, int argc, char **argv, char *err)
{
	return argc == 0 || add_flag(request, "all", argv[0], err);
}

/* rrctl's options may stand anywhere, so this one looks like one of them. */
bool argument_dry_run(struct row *request, int argc, char **argv, char *err)
{
	const char *given = argc ? argv[0] : "";

	if (argc == 0)
		return true;
	return add_flag(request, "dry-run", strncmp(given, "--", 2) == 0 ? given + 2 : given, err);
}

/* Levels may be shortened. */
bool argument_level(struct row *request, int argc, char **argv, char *err)
{
	static const enum log_level levels[] = { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
		LOG_LEVEL_DEBUG };

	(void)argc;
	for (size_t i = 0; *argv[0] && i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (!begins_with(log_level_format(levels[i]), argv[0]))
			continue;
		row_text(request, "level", log_level_format(levels[i]));
		return true;
	}
	snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is no level: error, warning, info and debug are",
		argv[0]);
	return false;
}

/* "on" is what happens without a word. */
bool argument_debug(struct row *request, int argc, char **argv, char *err)
{
	struct ip_addr a;
	struct prefix p;
	bool host_bits;

	if (strcmp(argv[0], "all") != 0 && !ip_addr_parse(argv[0], &a) &&
		!prefix_parse(argv[0], &p, &host_bits)) {
		snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is neither an address nor a prefix, nor all",
			argv[0]);
		return false;
	}
	row_text(request, "neighbors", argv[0]);
	return argc < 2 || strcmp(argv[1], "on") == 0 || add_flag(request, "off", argv[1], err);
}

bool argument_neighbor(struct row *request, int argc, char **argv, char *err)
{
	(void)argc;
	return add_address(request, argv[0], err);
}

bool argument_routes(struct row *request, int argc, char **argv, char *err)
{
	return (argc < 1 || add_prefix(request, argv[0], err)) &&
	       (argc < 2 || add_flag(request, "longer", argv[1], err));
}

bool argument_route(struct row *request, int argc, char **argv, char *err)
{
	return add_prefix(request, argv[0], err) && (argc < 2 || add_flag(request, "why", argv[1], err));
}

/* All words from here on, for a NOTIFICATION. */
static bool add_shutdown_text(struct row *request, int argc, char **argv, char *err)
{
	enum { SHUTDOWN_TEXT_MAX = 255 }; /* RFC 9003, in octets */
	char buf[SHUTDOWN_TEXT_MAX + 1];
	struct text t = text_init(buf, sizeof(buf));

	for (int i = 0; i < argc; i++)
		text_add(&t, "%s%s", i > 0 ? " " : "", argv[i]);
	if (text_cut(&t)) {
		snprintf(err, ARGUMENT_ERROR_MAX, "the text is too long: at most %d octets",
			(int)SHUTDOWN_TEXT_MAX);
		return false;
	}
	if (argc > 0)
		row_text(request, "text", buf);
	return true;
}

static bool add_address_or_all(struct row *request, const char *text, char *err)
{
	if (strcmp(text, "all") != 0)
		return add_address(request, text, err);
	row_text(request, "address", "all");
	return true;
}

bool argument_clear(struct row *request, int argc, char **argv, char *err)
{
	return add_address_or_all(request, argv[0], err) &&
	       add_shutdown_text(request, argc - 1, argv + 1, err);
}

bool argument_shutdown(struct row *request, int argc, char **argv, char *err)
{
	return add_address(request, argv[0], err) && add_shutdown_text(request, argc - 1, argv + 1, err);
}

bool argument_refresh(struct row *request, int argc, char **argv, char *err)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	if (!add_address_or_all(request, argv[0], err))
		return false;
	if (word && (!*word || (!begins_with("in", word) && !begins_with("out", word)))) {
		snprintf(err, ARGUMENT_ERROR_MAX,
			"\"%.64s\" is not understood here; only \"in\" and \"out\" are", word);
		return false;
	}
	if (word)
		row_text(request, "direction", *word == 'i' ? "in" : "out");
	return true;
}

bool argument_watch_routes(struct row *request, int argc, char **argv, char *err)
{
	bool all = argc > 0 && *argv[argc - 1] && begins_with("all", argv[argc - 1]);

	argc -= all;
	if (all)
		row_bool(request, "all", true);
	if (argc > 2) {
		snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is not understood here; only \"all\" is",
			argv[2]);
		return false;
	}
	return argument_routes(request, argc, argv, err);
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

bool argument_time(struct row *request, int argc, char **argv, char *err)
{
	long seconds = argc < 1 ? 0 : number(argv[0]);

	if (seconds < 0)
		snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is not a time: expected whole seconds", argv[0]);
	else if (argc > 0)
		row_int(request, "time-s", seconds);
	return seconds >= 0;
}

/* --- services and servers --- */

bool argument_service(struct row *request, int argc, char **argv, char *err)
{
	char buf[NAME_MAX_OCTETS + 1];
	struct text t = text_init(buf, sizeof(buf));

	for (int i = 0; i < argc; i++)
		text_add(&t, "%s%s", i > 0 ? " " : "", argv[i]);
	if (argc > 0 && (!*buf || text_cut(&t))) {
		snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is not a service: see show services", buf);
		return false;
	}
	if (argc > 0)
		row_text(request, "service", buf);
	return true;
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

static bool add_server(struct row *request, const char *text, char *err)
{
	struct ip_addr addr;
	char buf[PREFIX_TEXT_MAX];
	long port;

	if (ip_addr_parse(text, &addr)) {
		row_text(request, "server", ip_addr_format(&addr, buf));
	} else if (parse_address_port(text, &addr, &port)) {
		ip_addr_format(&addr, buf);
		if (port == 0)
			row_text(request, "server", buf);
		else
			row_printf(
				request, "server", addr.family == IP_V6 ? "[%s]:%ld" : "%s:%ld", buf, port);
	} else if (looks_like_address(text) || strlen(text) > NAME_MAX_OCTETS) {
		snprintf(err, ARGUMENT_ERROR_MAX,
			"\"%.64s\" is not a server, such as 172.16.1.5, 172.16.1.5:80, [2001:db8::1]:80 or a "
			"name",
			text);
		return false;
	} else {
		row_text(request, "server", text);
	}
	return true;
}

/* "service NAME", the word perhaps shortened, or nothing. */
static bool add_of_service(struct row *request, int argc, char **argv, char *err)
{
	static const char word[] = "service";

	if (argc == 0)
		return true;
	if (!*argv[0] || !begins_with(word, argv[0])) {
		snprintf(err, ARGUMENT_ERROR_MAX, "\"%.64s\" is not understood here; only \"%s NAME\" is",
			argv[0], word);
		return false;
	}
	if (argc == 1) {
		snprintf(err, ARGUMENT_ERROR_MAX, "which service? %s NAME; see show services", word);
		return false;
	}
	return argument_service(request, argc - 1, argv + 1, err);
}

bool argument_server(struct row *request, int argc, char **argv, char *err)
{
	return add_server(request, argv[0], err) && add_of_service(request, argc - 1, argv + 1, err);
}

bool argument_drain(struct row *request, int argc, char **argv, char *err)
{
	bool timed = argc > 1 && (*argv[1] == '-' || (*argv[1] >= '0' && *argv[1] <= '9'));

	return add_server(request, argv[0], err) && argument_time(request, timed, argv + 1, err) &&
	       add_of_service(request, argc - 1 - timed, argv + 1 + timed, err);
}

#include "control/command.h"

#include "base/nearest.h"
#include "base/prefix.h"
#include "config.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *shown, *such_as;
} types[] = {
	[CONTROL_TEXT] = { "text", "TEXT", "text" },
	[CONTROL_FLAG] = { "true or false", "", "true or false" },
	[CONTROL_NUMBER] = { "number", "NUMBER", "a whole number, 0 or more" },
	[CONTROL_ADDRESS] = { "address", "ADDRESS", "an address as text, such as \"10.0.0.1\"" },
	[CONTROL_ADDRESS_OR_ALL] = { "address or all", "ADDRESS|all",
		"an address as text, such as \"10.0.0.1\", or \"all\"" },
	[CONTROL_PREFIX] = { "prefix", "PREFIX", "a prefix as text, such as \"10.1.1.0/24\"" },
	[CONTROL_NEIGHBORS] = { "address, prefix or all", "ADDRESS|PREFIX|all",
		"an address or a prefix as text, such as \"172.16.0.0/16\", or \"all\"" },
	[CONTROL_WORD] = { "word", "", "" },
	[CONTROL_SERVICE] = { "service", "SERVICE", "a service's name as text" },
	[CONTROL_SERVER] = { "server", "SERVER", "a server as text, such as \"172.16.1.5:80\"" },
};

const char *control_type_text(enum control_type t)
{
	return types[t].name;
}

/* --- for people --- */

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && strcmp(text + len - end_len, end) == 0;
}

const char *control_argument_shown(const struct control_argument *a)
{
	if (a->type == CONTROL_FLAG)
		return a->keyword ? a->keyword : a->key;
	if (a->type == CONTROL_WORD)
		return a->words;
	if (a->type == CONTROL_NUMBER && ends_with(a->key, "-s"))
		return "SECONDS";
	return types[a->type].shown;
}

const char *control_command_syntax(const struct control_command *k, char *buf)
{
	struct text t = text_init(buf, CONTROL_SYNTAX_MAX);
	unsigned open = 0;

	for (const struct control_argument *a = k->arguments; a && a->key; a++) {
		const char *blank = a == k->arguments ? "" : " ";
		bool keyword = a->keyword && a->type != CONTROL_FLAG;

		text_add(&t, "%s%s%s%s%s", blank, a->required ? "" : "[", keyword ? a->keyword : "",
			keyword ? " " : "", control_argument_shown(a));
		open += !a->required;
		for (; open > 0 && !(a[1].key && a[1].behind); open--)
			text_add(&t, "]");
	}
	return buf;
}

/* --- for requests --- */

const struct control_command *control_command_find(
	const struct control_command *table, unsigned targets, const char *name)
{
	for (const struct control_command *k = table; k->targets; k++)
		if (k->targets & targets && strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

static const struct control_argument *find(const struct control_command *k, const char *key)
{
	for (const struct control_argument *a = k->arguments; a && a->key; a++)
		if (strcmp(a->key, key) == 0)
			return a;
	return NULL;
}

struct unknown {
	const struct control_command *command;
	char *err;
	bool found;
};

static void say_unknown(const struct control_command *k, const char *key, char *err)
{
	struct nearest near = nearest_init(key);
	struct text t = text_init(err, CONTROL_REASON_MAX);

	text_add(&t, "\"%s\" takes no \"%.60s\"", k->name, key);
	for (const struct control_argument *a = k->arguments; a && a->key; a++)
		nearest_try(&near, a->key);
	if (near.best) {
		text_add(&t, "; did you mean \"%s\"?", near.best);
		return;
	}
	text_add(&t, "; it takes %s", k->arguments ? "" : "no arguments");
	for (const struct control_argument *a = k->arguments; a && a->key; a++)
		text_add(&t, "%s\"%s\"", a == k->arguments ? "" : ", ", a->key);
}

static void look_for_unknown(void *user, const char *key, const char *value)
{
	struct unknown *u = user;

	(void)value;
	if (u->found || strcmp(key, "command") == 0 || strcmp(key, "protocol") == 0 || find(u->command, key))
		return;
	u->found = true;
	say_unknown(u->command, key, u->err);
}

static bool is_address(const char *text)
{
	struct ip_addr addr;

	return ip_addr_parse(text, &addr);
}

static bool is_prefix(const char *text)
{
	struct prefix p;
	bool host_bits = false;

	return prefix_parse(text, &p, &host_bits) && !host_bits;
}

static bool is_word(const char *words, const char *text)
{
	size_t len = strlen(text);

	for (const char *w = words; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
		if (len && strcspn(w, "|") == len && strncmp(w, text, len) == 0)
			return true;
	return false;
}

static bool is_of_type(const struct control_argument *a, const struct row *request)
{
	const char *text = row_get_text(request, a->key);

	switch (a->type) {
	case CONTROL_FLAG:
		return row_get_bool(request, a->key, false) == row_get_bool(request, a->key, true);
	case CONTROL_NUMBER:
		return row_get_int(request, a->key, -1) >= 0;
	case CONTROL_ADDRESS:
		return text && is_address(text);
	case CONTROL_ADDRESS_OR_ALL:
		return text && (strcmp(text, "all") == 0 || is_address(text));
	case CONTROL_PREFIX:
		return text && is_prefix(text);
	case CONTROL_NEIGHBORS:
		return text && (strcmp(text, "all") == 0 || is_address(text) || is_prefix(text));
	case CONTROL_WORD:
		return text && is_word(a->words, text);
	case CONTROL_SERVICE:
	case CONTROL_SERVER:
		return text && *text;
	case CONTROL_TEXT:
		break;
	}
	return text;
}

static void describe(const struct control_argument *a, struct text *t)
{
	if (a->type == CONTROL_WORD)
		text_add(t, "one of %s", a->words);
	else
		text_add(t, "%s", types[a->type].such_as);
}

static bool check_argument(const struct control_command *k, const struct control_argument *a,
	const struct row *request, char *err)
{
	struct text t = text_init(err, CONTROL_REASON_MAX);
	bool there = row_has(request, a->key);

	if (there && a->behind && !row_has(request, a[-1].key)) {
		text_add(&t, "\"%s\" means something only with \"%s\"", a->key, a[-1].key);
		return false;
	}
	if (there ? is_of_type(a, request) : !a->required)
		return true;
	if (there)
		text_add(&t, "\"%s\" must be ", a->key);
	else
		text_add(&t, "\"%s\" needs \"%s\": ", k->name, a->key);
	describe(a, &t);
	return false;
}

bool control_command_check(const struct control_command *k, const struct row *request, char *err)
{
	struct unknown u = { k, err, false };

	if (k->own_check)
		return true;
	row_each(request, look_for_unknown, &u);
	for (const struct control_argument *a = k->arguments; !u.found && a && a->key; a++)
		if (!check_argument(k, a, request, err))
			return false;
	return !u.found;
}

static const struct control_command *unknown_command(
	const struct control_command *table, unsigned targets, const char *name, char *err)
{
	struct nearest near = nearest_init(name);

	for (const struct control_command *k = table; k->targets; k++)
		if (k->targets & targets)
			nearest_try(&near, k->name);
	if (near.best)
		snprintf(err, CONTROL_REASON_MAX, "unknown command \"%.60s\"; did you mean \"%s\"?", name,
			near.best);
	else
		snprintf(err, CONTROL_REASON_MAX,
			"unknown command \"%.60s\"; {\"command\": \"help\"} lists all", name);
	return NULL;
}

/* A client may say what it was written for; who says nothing takes what comes. */
static bool check_protocol(const char *program, const struct row *request, char *err)
{
	int64_t theirs = row_get_int(
		request, "protocol", row_has(request, "protocol") ? 0 : CONTROL_PROTOCOL);

	if (theirs >= CONTROL_PROTOCOL_OLDEST && theirs <= CONTROL_PROTOCOL)
		return true;
	if (theirs < 1)
		snprintf(err, CONTROL_REASON_MAX, "\"protocol\" must be a number, such as %d",
			CONTROL_PROTOCOL);
	else
		snprintf(err, CONTROL_REASON_MAX,
			"this client speaks version %lld of the control protocol, %s %s speaks %d: use the "
			"client of the daemon's release, or restart the daemon if its release was installed "
			"since",
			(long long)theirs, program, PACKAGE_VERSION, CONTROL_PROTOCOL);
	return false;
}

const struct control_command *control_request_command(const struct control_command *table, unsigned targets,
	const char *program, const struct row *request, char *err)
{
	const char *name = row_get_text(request, "command");
	const struct control_command *k;

	if (!name) {
		snprintf(err, CONTROL_REASON_MAX, "%s; a request looks like {\"command\": \"help\"}",
			row_has(request, "command") ? "\"command\" is not text" : "no \"command\"");
		return NULL;
	}
	if (!check_protocol(program, request, err))
		return NULL;
	k = control_command_find(table, targets, name);
	return k ? k : unknown_command(table, targets, name, err);
}

#include "config/check_types.h"

#include "config/check.h"
#include "config/scalar.h"

#include <ctype.h>
#include <string.h>

enum {
	DURATION_MIN_MS = 10,
	DURATION_MAX_MS = 3600000,
	STATUS_MIN = 100,
	STATUS_MAX = 599,
	OCTETS_MAX = 1024,
};

static void set_text(void *out, const char *text)
{
	memcpy(out, &text, sizeof(text));
}

/* "1.5" times a unit that has at least as many zeros as there are digits behind the point; false when it is no such number. */
static bool duration(const char *text, uint64_t *out)
{
	static const struct config_word units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 }, { NULL } };
	size_t whole = strspn(text, "0123456789"), part = 0;
	uint64_t v = 0, divisor = 1;
	const struct config_word *u = units;

	if (!whole || whole > 9)
		return false;
	if (text[whole] == '.')
		part = strspn(text + whole + 1, "0123456789");
	if (part > 3 || (text[whole] == '.' && !part))
		return false;
	while (u->name && strcmp(u->name, text + whole + part + (part > 0)) != 0)
		u++;
	for (const char *p = text; p < text + whole + part + (part > 0); p++) {
		if (*p == '.')
			continue;
		v = v * 10 + (uint64_t)(*p - '0');
		divisor *= p > text + whole ? 10 : 1;
	}
	if (!u->name || v * u->value % divisor)
		return false;
	*out = v * u->value / divisor;
	return true;
}

static bool parse_duration(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];
	uint64_t ms;

	(void)r;
	(void)f;
	if (!duration(text, &ms)) {
		text_add(why, "%s is not a duration; expected one as in 500ms, 2s, 1m or 0.5 (seconds)",
			config_quote(text, q));
		return false;
	}
	if (ms < DURATION_MIN_MS || ms > DURATION_MAX_MS) {
		text_add(why, "%s is out of range: 10ms..1h", config_quote(text, q));
		return false;
	}
	*(uint32_t *)out = (uint32_t)ms;
	return true;
}

static bool parse_choice(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	unsigned value;

	if (!config_parse_word(r, f->words, text, &value, why))
		return false;
	*(bool *)out = value != 0;
	return true;
}

static bool status_number(const char *text, size_t len, uint16_t *out)
{
	if (len != 3 || strspn(text, "0123456789") < 3)
		return false;
	*out = (uint16_t)((text[0] - '0') * 100 + (text[1] - '0') * 10 + text[2] - '0');
	return *out >= STATUS_MIN && *out <= STATUS_MAX;
}

static bool parse_status(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	size_t len = strcspn(text, "-");
	struct config_status_range range = { 0 };
	char q[CONFIG_QUOTE_MAX];
	bool ok = status_number(text, len, &range.from);

	(void)r;
	(void)f;
	if (text[len])
		ok = ok && status_number(text + len + 1, strlen(text + len + 1), &range.to);
	else
		range.to = range.from;
	if (!ok || range.from > range.to) {
		text_add(why, "%s is not a status; expected one of 100..599, or a range as in 200-299",
			config_quote(text, q));
		return false;
	}
	*(struct config_status_range *)out = range;
	return true;
}

/* The value of a digit. */
static unsigned hex(char c)
{
	return (unsigned)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* The octet behind a backslash; the number of characters it took, 0 for none that is known. */
static size_t escape(const char *p, char *out)
{
	static const char from[] = "nrt\\", to[] = "\n\r\t\\";
	const char *at = *p ? strchr(from, *p) : NULL;

	if (at) {
		*out = to[at - from];
		return 1;
	}
	if (*p != 'x' || !isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2]))
		return 0;
	*out = (char)(hex(p[1]) << 4 | hex(p[2]));
	return 3;
}

static bool parse_octets(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char *octets = config_copy(r, text);
	size_t len = 0, taken;

	for (const char *p = text; *p; len++) {
		if (*p != '\\') {
			octets[len] = *p++;
			continue;
		}
		taken = escape(p + 1, &octets[len]);
		if (!taken) {
			text_add(why,
				"a backslash must be followed by n, r, t, x and two digits of base 16, or "
				"another backslash");
			return false;
		}
		p += 1 + taken;
	}
	octets[len] = 0;
	if (!len || len > OCTETS_MAX) {
		text_add(why, "has %zu octets; expected 1..%d", len, OCTETS_MAX);
		return false;
	}
	set_text(out, octets);
	memcpy((char *)out - f->offset + f->count_offset, &len, sizeof(len));
	return true;
}

static bool parse_argument(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	(void)f;
	(void)why;
	set_text(out, config_copy(r, text));
	return true;
}

static bool parse_method(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];

	if (!*text || text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")]) {
		text_add(why, "%s is not a method; expected a word in capitals as in GET, HEAD or OPTIONS",
			config_quote(text, q));
		return false;
	}
	return config_text.parse(r, f, text, out, why);
}

/* Whatever would end a line or a field of the request is refused. */
static bool is_visible(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f)
			return false;
	return true;
}

static bool parse_url_path(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];

	if (*text != '/' || !is_visible(text) || strchr(text, '#')) {
		text_add(why,
			"%s is not a path; expected one that begins with a slash, other than plain "
			"characters "
			"written as %%20",
			config_quote(text, q));
		return false;
	}
	return config_text.parse(r, f, text, out, why);
}

static bool parse_host(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];

	if (!*text || !is_visible(text) || strpbrk(text, "/@?#\"<>\\")) {
		text_add(why, "%s is not a host; expected a name as in www.example.com, or an address",
			config_quote(text, q));
		return false;
	}
	return config_text.parse(r, f, text, out, why);
}

/* --- values as text --- */

static void format_duration(const struct config_field *f, const void *value, struct text *out)
{
	static const struct config_word units[] = { { "h", 3600000 }, { "m", 60000 }, { "s", 1000 },
		{ "ms", 1 } };
	const struct config_word *u = units;
	uint32_t ms = *(const uint32_t *)value;

	(void)f;
	while (ms % u->value)
		u++;
	if (ms)
		text_add(out, "%u%s", ms / u->value, u->name);
}

static void format_choice(const struct config_field *f, const void *value, struct text *out)
{
	for (const struct config_word *w = f->words; w->name; w++)
		if (w->value == *(const bool *)value)
			text_add(out, "%s", w->name);
}

static void format_status(const struct config_field *f, const void *value, struct text *out)
{
	const struct config_status_range *s = value;

	(void)f;
	text_add(out, "%u", s->from);
	if (s->to != s->from)
		text_add(out, "-%u", s->to);
}

static void format_octets(const struct config_field *f, const void *value, struct text *out)
{
	static const char from[] = "\n\r\t\\", to[] = "nrt\\";
	const char *octets, *at;
	size_t len;

	memcpy(&octets, value, sizeof(octets));
	memcpy(&len, (const char *)value - f->offset + f->count_offset, sizeof(len));
	for (size_t i = 0; octets && i < len; i++) {
		unsigned char c = (unsigned char)octets[i];

		at = c ? strchr(from, c) : NULL;
		if (at)
			text_add(out, "\\%c", to[at - from]);
		else if (c < 0x20 || c >= 0x7f)
			text_add(out, "\\x%02x", c);
		else
			text_add(out, "%c", c);
	}
}

const struct config_scalar config_duration = { "a duration", "10ms..1h, as in 500ms, 2s, 1m or 0.5 (seconds)",
	sizeof(uint32_t), .parse = parse_duration, .format = format_duration };
const struct config_scalar config_choice = { "a word", NULL, sizeof(bool), .parse = parse_choice,
	.format = format_choice };
const struct config_scalar config_status = { "a status", "100..599, or a range as in 200-299",
	sizeof(struct config_status_range), .parse = parse_status, .format = format_status };
const struct config_scalar config_octets = { "octets",
	"text with \\n, \\r, \\t, \\\\ and \\xNN, at most 1024", sizeof(char *), .parse = parse_octets,
	.format = format_octets };
const struct config_scalar config_argument = { "an argument", NULL, sizeof(char *), .text = true,
	.parse = parse_argument, .format = config_text_format };
const struct config_scalar config_method = { "a method", NULL, sizeof(char *), .text = true,
	.parse = parse_method, .format = config_text_format };
const struct config_scalar config_url_path = { "a path", NULL, sizeof(char *), .text = true,
	.parse = parse_url_path, .format = config_text_format };
const struct config_scalar config_host = { "a host", NULL, sizeof(char *), .text = true, .parse = parse_host,
	.format = config_text_format };

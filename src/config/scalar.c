#include "config/scalar.h"

#include "bgp/proto.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

char *config_copy(struct config_reader *r, const char *text)
{
	size_t len = strlen(text) + 1;

	return memcpy(arena_alloc(r->arena, len), text, len);
}

/* A decimal number of at most 18 digits. */
static bool decimal(const char *text, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; isdigit((unsigned char)text[i]); i++) {
		if (i >= 18)
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*out = v;
	return i > 0 && !text[i];
}

bool config_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out, struct text *why)
{
	size_t digits = strspn(text + (*text == '-'), "0123456789");
	char q[CONFIG_QUOTE_MAX];

	if (decimal(text, out) && *out >= min && *out <= max)
		return true;
	if (digits && !text[(*text == '-') + digits])
		text_add(why, "%s is out of range: %" PRIu64 "..%" PRIu64,
			strlen(text) > 40 ? config_quote(text, q) : text, min, max);
	else
		text_add(why, "%s is not a number; expected %" PRIu64 "..%" PRIu64, config_quote(text, q),
			min, max);
	return false;
}

static bool parse_row_number(
	const struct config_field *f, const char *text, uint64_t type_max, uint64_t *out, struct text *why)
{
	return config_parse_number(text, f->max ? f->min : 0, f->max ? f->max : type_max, out, why);
}

static bool parse_u8(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	uint64_t v;

	(void)r;
	if (!parse_row_number(f, text, UINT8_MAX, &v, why))
		return false;
	*(uint8_t *)out = (uint8_t)v;
	return true;
}

static bool parse_u16(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	uint64_t v;

	(void)r;
	if (!parse_row_number(f, text, UINT16_MAX, &v, why))
		return false;
	*(uint16_t *)out = (uint16_t)v;
	return true;
}

static bool parse_u32(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	uint64_t v;

	(void)r;
	if (!parse_row_number(f, text, UINT32_MAX, &v, why))
		return false;
	*(uint32_t *)out = (uint32_t)v;
	return true;
}

static bool parse_bool(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];
	bool yes = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;

	(void)r;
	(void)f;
	if (!yes && strcmp(text, "false") != 0 && strcmp(text, "no") != 0) {
		text_add(why, "%s is neither true nor false (yes and no are taken too)",
			config_quote(text, q));
		return false;
	}
	*(bool *)out = yes;
	return true;
}

bool config_parse_word(struct config_reader *r, const struct config_word *words, const char *text,
	unsigned *out, struct text *why)
{
	const char *lacks;
	char q[CONFIG_QUOTE_MAX];

	for (const struct config_word *w = words; w->name; w++) {
		if (strcmp(w->name, text) != 0)
			continue;
		*out = w->value;
		lacks = config_feature_missing(r, w->needs);
		if (lacks)
			text_add(why, "%s cannot be had: %s", w->name, lacks);
		return !lacks;
	}
	text_add(why, "%s is not one of ", config_quote(text, q));
	for (const struct config_word *w = words; w->name; w++)
		text_add(why, "%s%s", w == words ? "" : ", ", w->name);
	return false;
}

static bool parse_enum(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	unsigned value;

	if (!config_parse_word(r, f->words, text, &value, why))
		return false;
	memcpy(out, &value, sizeof(value));
	return true;
}

/* asdot: two numbers of 16 bits */
static bool asdot(const char *text, uint64_t *out)
{
	char high[8];
	size_t n = strcspn(text, ".");
	uint64_t h, l;

	if (!text[n] || n >= sizeof(high))
		return false;
	memcpy(high, text, n);
	high[n] = 0;
	if (!decimal(high, &h) || !decimal(text + n + 1, &l) || h > UINT16_MAX || l > UINT16_MAX)
		return false;
	*out = h << 16 | l;
	return true;
}

bool config_parse_as(const char *text, uint32_t *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];
	uint64_t v;

	if (!decimal(text, &v) && !asdot(text, &v)) {
		text_add(why, "%s is not an AS number; expected 1..4294967295, or two numbers as in 1.10",
			config_quote(text, q));
		return false;
	}
	if (v == 0 || v > UINT32_MAX) {
		text_add(why, "AS number %s is out of range: 1..4294967295", text);
		return false;
	}
	if (v == BGP_AS_TRANS) {
		text_add(why, "AS 23456 stands for AS numbers that an old peer cannot read (RFC 6793), "
			      "nobody has it");
		return false;
	}
	*out = (uint32_t)v;
	return true;
}

static bool parse_as(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	(void)r;
	(void)f;
	return config_parse_as(text, out, why);
}

static bool parse_addr(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];

	(void)r;
	(void)f;
	if (ip_addr_parse(text, out))
		return true;
	text_add(why, "%s is not an IP address%s", config_quote(text, q),
		strchr(text, '/') ? "; this key takes one address, without a length" : "");
	return false;
}

static bool parse_router_id(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];
	struct ip_addr a;

	(void)r;
	(void)f;
	if (!ip_addr_parse(text, &a) || a.family != IP_V4 || ip_addr_is_any(&a)) {
		text_add(why,
			"%s is not an identifier; expected an IPv4 address other than 0.0.0.0 (RFC 6286)",
			config_quote(text, q));
		return false;
	}
	*(uint32_t *)out = ip_addr_to_u32(&a);
	return true;
}

/* The prefix that was meant where bits behind the length are set. */
static bool mask_text(const char *text, struct prefix *out)
{
	const char *slash = strchr(text, '/');
	char addr[PREFIX_TEXT_MAX];
	struct ip_addr a;
	uint64_t len;

	if (!slash || slash - text >= PREFIX_TEXT_MAX)
		return false;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = 0;
	if (!ip_addr_parse(addr, &a) || !decimal(slash + 1, &len) || len > ip_family_bits(a.family))
		return false;
	*out = prefix_of(&a, (uint8_t)len);
	return true;
}

bool config_parse_prefix(const char *text, struct prefix *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX], buf[PREFIX_TEXT_MAX];
	struct ip_addr a;
	struct prefix meant;
	bool host_bits;

	if (ip_addr_parse(text, &a)) {
		meant = prefix_host(&a);
		text_add(why, "%s has no length; did you mean %s?", text, prefix_format(&meant, buf));
		return false;
	}
	if (prefix_parse(text, out, &host_bits))
		return true;
	if (host_bits && mask_text(text, &meant))
		text_add(why, "%s has host bits set; did you mean %s?", text, prefix_format(&meant, buf));
	else
		text_add(why, "%s is not a prefix; expected one like 10.1.0.0/16 or \"fd00::/8\"",
			config_quote(text, q));
	return false;
}

static bool parse_prefix(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	(void)r;
	(void)f;
	return config_parse_prefix(text, out, why);
}

static bool parse_text(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	size_t len = strlen(text), max = f->max ? f->max : 255;
	const char *s;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			text_add(why, "has a control character in it; a text is one line");
			return false;
		}
	}
	if (len < f->min || len > max) {
		text_add(why, "has %zu octets; expected %" PRIu64 "..%zu", len, f->min, max);
		return false;
	}
	s = config_copy(r, text);
	memcpy(out, &s, sizeof(s));
	return true;
}

static bool parse_path(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];

	if (*text != '/') {
		text_add(
			why, "%s is not an absolute path; it must begin with a slash", config_quote(text, q));
		return false;
	}
	return parse_text(r, f, text, out, why);
}

static bool parse_name(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];

	if (!*text || strpbrk(text, " \t\n/:")) {
		text_add(why, "%s is not a name: no blanks, slashes or colons", config_quote(text, q));
		return false;
	}
	return parse_text(r, f, text, out, why);
}

/* --- values as text --- */

static void format_bool(const struct config_field *f, const void *value, struct text *out)
{
	(void)f;
	text_add(out, "%s", *(const bool *)value ? "true" : "false");
}

static void format_u8(const struct config_field *f, const void *value, struct text *out)
{
	(void)f;
	text_add(out, "%u", *(const uint8_t *)value);
}

static void format_u16(const struct config_field *f, const void *value, struct text *out)
{
	(void)f;
	text_add(out, "%u", *(const uint16_t *)value);
}

static void format_u32(const struct config_field *f, const void *value, struct text *out)
{
	(void)f;
	text_add(out, "%" PRIu32, *(const uint32_t *)value);
}

static void format_enum(const struct config_field *f, const void *value, struct text *out)
{
	unsigned v;

	memcpy(&v, value, sizeof(v));
	for (const struct config_word *w = f->words; w->name; w++) {
		if (w->value == v) {
			text_add(out, "%s", w->name);
			return;
		}
	}
}

static void format_addr(const struct config_field *f, const void *value, struct text *out)
{
	const struct ip_addr *a = value;
	char buf[PREFIX_TEXT_MAX];

	(void)f;
	if (a->family != IP_NONE)
		text_add(out, "%s", ip_addr_format(a, buf));
}

static void format_router_id(const struct config_field *f, const void *value, struct text *out)
{
	struct ip_addr a = ip_addr_v4(*(const uint32_t *)value);

	if (*(const uint32_t *)value)
		format_addr(f, &a, out);
}

static void format_prefix(const struct config_field *f, const void *value, struct text *out)
{
	const struct prefix *p = value;
	char buf[PREFIX_TEXT_MAX];

	(void)f;
	if (p->family != IP_NONE)
		text_add(out, "%s", prefix_format(p, buf));
}

void config_text_format(const struct config_field *f, const void *value, struct text *out)
{
	const char *s;

	(void)f;
	memcpy(&s, value, sizeof(s));
	if (s)
		text_add(out, "%s", s);
}

const struct config_scalar config_bool = { "true or false", NULL, sizeof(bool), .parse = parse_bool,
	.format = format_bool };
const struct config_scalar config_u8 = { "a number", NULL, sizeof(uint8_t), .parse = parse_u8,
	.format = format_u8 };
const struct config_scalar config_u16 = { "a number", NULL, sizeof(uint16_t), .parse = parse_u16,
	.format = format_u16 };
const struct config_scalar config_u32 = { "a number", NULL, sizeof(uint32_t), .parse = parse_u32,
	.format = format_u32 };
const struct config_scalar config_seconds = { "seconds", NULL, sizeof(uint16_t), .parse = parse_u16,
	.format = format_u16 };
const struct config_scalar config_seconds32 = { "seconds", NULL, sizeof(uint32_t), .parse = parse_u32,
	.format = format_u32 };
const struct config_scalar config_enum = { "a word", NULL, sizeof(unsigned), .parse = parse_enum,
	.format = format_enum };
const struct config_scalar config_as = { "an AS number", NULL, sizeof(uint32_t), .parse = parse_as,
	.format = format_u32 };
const struct config_scalar config_router_id = { "an IPv4 address", NULL, sizeof(uint32_t),
	.parse = parse_router_id, .format = format_router_id };
const struct config_scalar config_addr = { "an IP address", NULL, sizeof(struct ip_addr), .parse = parse_addr,
	.format = format_addr };
const struct config_scalar config_prefix = { "a prefix", NULL, sizeof(struct prefix), .parse = parse_prefix,
	.format = format_prefix };
const struct config_scalar config_text = { "a text", NULL, sizeof(char *), .text = true, .parse = parse_text,
	.format = config_text_format };
const struct config_scalar config_path = { "an absolute path", NULL, sizeof(char *), .text = true,
	.parse = parse_path, .format = config_text_format };
const struct config_scalar config_name = { "a name", NULL, sizeof(char *), .text = true, .parse = parse_name,
	.format = config_text_format };

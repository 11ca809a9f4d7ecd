#include "config/agent_types.h"

#include "config/agent.h"
#include "config/scalar.h"

#include <ctype.h>
#include <string.h>

enum {
	LABEL_MAX = 63,
	NAME_MAX_OCTETS = 253,
};

static const char label_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void set_text(void *out, const char *text)
{
	memcpy(out, &text, sizeof(text));
}

/* What the kernel has under net/netfilter/ipvs. */
static bool parse_scheduler(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	static const struct config_word schedulers[] = { { "rr" }, { "wrr" }, { "lc" }, { "wlc" }, { "fo" },
		{ "ovf" }, { "lblc" }, { "lblcr" }, { "dh" }, { "sh" }, { "mh" }, { "sed" }, { "nq" },
		{ "twos" }, { NULL } };
	unsigned value;

	(void)f;
	if (!config_parse_word(r, schedulers, text, &value, why))
		return false;
	set_text(out, config_copy(r, text));
	return true;
}

static bool parse_engine(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	static const struct config_word engines[] = { { "none", 0 }, { "sip", 1 }, { NULL } };
	unsigned value;

	(void)f;
	if (!config_parse_word(r, engines, text, &value, why))
		return false;
	set_text(out, value ? "sip" : NULL);
	return true;
}

/* Marks are written as iptables(8) shows them, too: 0x10000. */
static bool parse_mark(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	uint64_t v = 0;
	size_t digits;

	(void)r;
	if (strncmp(text, "0x", 2) != 0) {
		if (!config_parse_number(text, 1, f->max, &v, why))
			return false;
		*(uint32_t *)out = (uint32_t)v;
		return true;
	}
	digits = strspn(text + 2, "0123456789abcdefABCDEF");
	for (size_t i = 2; digits <= 8 && i < digits + 2; i++)
		v = v << 4 |
		    (uint64_t)(isdigit((unsigned char)text[i]) ? text[i] - '0' : (text[i] | 0x20) - 'a' + 10);
	if (!digits || digits > 8 || text[2 + digits] || v < 1 || v > f->max) {
		char q[CONFIG_QUOTE_MAX];

		text_add(why, "%s is not a mark; expected 0x1..0x%llx", config_quote(text, q),
			(unsigned long long)f->max);
		return false;
	}
	*(uint32_t *)out = (uint32_t)v;
	return true;
}

static bool parse_weight(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	uint64_t v;

	(void)r;
	if (!config_parse_number(text, f->min, f->max, &v, why))
		return false;
	*(int32_t *)out = (int32_t)v;
	return true;
}

bool config_is_dns_name(const char *text)
{
	size_t len = strlen(text);

	if (!len || len > NAME_MAX_OCTETS)
		return false;
	while (*text) {
		size_t label = strspn(text, label_chars);

		if (!label || label > LABEL_MAX || (text[label] && text[label] != '.'))
			return false;
		text += label + (text[label] == '.');
	}
	return true;
}

static bool parse_dns_name(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	char q[CONFIG_QUOTE_MAX];
	struct ip_addr a;

	(void)f;
	if (ip_addr_parse(text, &a)) {
		text_add(why, "%s is an address and no name; write it under servers", text);
		return false;
	}
	if (!config_is_dns_name(text)) {
		text_add(why, "%s is not a name; expected one as in web.default.svc.cluster.local",
			config_quote(text, q));
		return false;
	}
	set_text(out, config_copy(r, text));
	return true;
}

static bool parse_auto(const char *text, uint64_t max, int *out, struct text *why)
{
	uint64_t v;

	if (strcmp(text, "auto") == 0) {
		*out = -1;
		return true;
	}
	if (!config_parse_number(text, 0, max, &v, why)) {
		text_add(why, ", or auto");
		return false;
	}
	*out = (int)v;
	return true;
}

static bool parse_switch(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	(void)r;
	(void)f;
	return parse_auto(text, 1, out, why);
}

static bool parse_reuse_mode(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	(void)r;
	(void)f;
	return parse_auto(text, 3, out, why);
}

static void format_engine(const struct config_field *f, const void *value, struct text *out)
{
	const char *engine;

	(void)f;
	memcpy(&engine, value, sizeof(engine));
	text_add(out, "%s", engine ? engine : "none");
}

static void format_mark(const struct config_field *f, const void *value, struct text *out)
{
	(void)f;
	if (*(const uint32_t *)value)
		text_add(out, "0x%x", *(const uint32_t *)value);
}

static void format_weight(const struct config_field *f, const void *value, struct text *out)
{
	(void)f;
	text_add(out, "%d", *(const int32_t *)value);
}

static void format_auto(const struct config_field *f, const void *value, struct text *out)
{
	int v = *(const int *)value;

	(void)f;
	if (v < 0)
		text_add(out, "auto");
	else
		text_add(out, "%d", v);
}

const struct config_scalar config_scheduler = { "a scheduler",
	"rr | wrr | lc | wlc | fo | ovf | lblc | lblcr | dh | sh | mh | sed | nq | twos", sizeof(char *),
	.parse = parse_scheduler, .format = config_text_format };
const struct config_scalar config_engine = { "an engine", "none | sip", sizeof(char *), .parse = parse_engine,
	.format = format_engine };
const struct config_scalar config_mark = { "a mark", NULL, sizeof(uint32_t), .parse = parse_mark,
	.format = format_mark };
const struct config_scalar config_weight = { "a number", NULL, sizeof(int32_t), .parse = parse_weight,
	.format = format_weight };
const struct config_scalar config_dns_name = { "a name in the DNS", NULL, sizeof(char *), .text = true,
	.parse = parse_dns_name, .format = config_text_format };
const struct config_scalar config_switch = { "a switch", "auto | 0 | 1", sizeof(int), .parse = parse_switch,
	.format = format_auto };
const struct config_scalar config_reuse_mode = { "a mode", "auto | 0..3", sizeof(int),
	.parse = parse_reuse_mode, .format = format_auto };

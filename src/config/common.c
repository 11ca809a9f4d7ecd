#include "config/common.h"

#include "config/scalar.h"

#include <string.h>

static const struct config_word targets[] = { { "auto", LOG_TO_AUTO }, { "stderr", LOG_TO_STDERR },
	{ "syslog", LOG_TO_SYSLOG }, { "journal", LOG_TO_JOURNAL }, { NULL } };
static const struct config_word formats[] = { { "text", LOG_FORMAT_TEXT }, { "json", LOG_FORMAT_JSON },
	{ "logfmt", LOG_FORMAT_LOGFMT }, { NULL } };
static const struct config_word levels[] = { { "error", LOG_LEVEL_ERROR }, { "warning", LOG_LEVEL_WARNING },
	{ "info", LOG_LEVEL_INFO }, { "debug", LOG_LEVEL_DEBUG }, { NULL } };

static bool parse_addresses(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	struct ip_addr a;

	(void)r;
	(void)f;
	if (!ip_addr_parse(text, &a))
		return config_parse_prefix(text, out, why);
	*(struct prefix *)out = prefix_host(&a);
	return true;
}

static void format_addresses(const struct config_field *f, const void *value, struct text *out)
{
	const struct prefix *p = value;
	struct ip_addr a = prefix_addr(p);
	char buf[PREFIX_TEXT_MAX];
	bool one = p->len == (p->family == IP_V4 ? 32 : 128);

	(void)f;
	text_add(out, "%s", one ? ip_addr_format(&a, buf) : prefix_format(p, buf));
}

const struct config_scalar config_addresses = { "an address or a prefix", NULL, sizeof(struct prefix),
	.parse = parse_addresses, .format = format_addresses };

#define LOG(member) .offset = offsetof(struct config_log, member), .apply = CONFIG_LIVE

static const struct config_field log_fields[] = {
	{ "to", CONFIG_SCALAR, &config_enum, .words = targets, LOG(to), .def = "auto",
		.doc = "where lines go; auto: to the journal where systemd has connected stderr to it, else "
		       "to "
		       "stderr" },
	{ "format", CONFIG_SCALAR, &config_enum, .words = formats, LOG(format), .def = "text",
		.doc = "how lines to stderr and syslog are written; the journal has fields of its own" },
	{ "level", CONFIG_SCALAR, &config_enum, .words = levels, LOG(level), .def = "info",
		.doc = "the least important lines that are written" },
	{ NULL },
};

const struct config_schema config_log_schema = { sizeof(struct config_log), log_fields };

static const struct config_field speaker_log_fields[] = {
	{ "debug-neighbors", CONFIG_LIST, &config_addresses, LOG(debug_neighbors),
		.count_offset = offsetof(struct config_log, debug_neighbor_count),
		.doc = "the neighbors whose sessions and messages are logged in detail, whatever the level" },
	{ NULL },
};

const struct config_schema config_speaker_log_schema = { sizeof(struct config_log), speaker_log_fields,
	.include = &config_log_schema };

void config_log_use(const char *program, const struct config_log *log)
{
	log_set_format(log->format);
	log_init(program, log->to, log->level);
}

void config_control_check(
	const struct config_control *c, const struct config_node *root, struct config_errors *errs)
{
	const struct config_node *socket = config_node_find(root, "control.read-only-socket"),
				 *group = config_node_find(root, "control.read-only-group");

	if (socket && c->socket && c->read_only_socket && strcmp(c->socket, c->read_only_socket) == 0)
		config_error_value(errs, socket,
			"control.socket is the same, and anything may be asked there; name another path");
	if (group && c->read_only_group && !c->read_only_socket)
		config_error_value(errs, group, "there is no read-only-socket that it could use; name one");
}

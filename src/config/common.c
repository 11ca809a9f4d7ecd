#include "config/common.h"

#include "config/scalar.h"

#include <string.h>

static const struct config_word targets[] = { { "stderr", LOG_TO_STDERR }, { "syslog", LOG_TO_SYSLOG },
	{ NULL } };
static const struct config_word levels[] = { { "error", LOG_LEVEL_ERROR }, { "warning", LOG_LEVEL_WARNING },
	{ "info", LOG_LEVEL_INFO }, { "debug", LOG_LEVEL_DEBUG }, { NULL } };

static const struct config_field log_fields[] = {
	{ "to", CONFIG_SCALAR, &config_enum, .words = targets, .offset = offsetof(struct config_log, to),
		.def = "stderr", .apply = CONFIG_LIVE, .doc = "where lines go" },
	{ "level", CONFIG_SCALAR, &config_enum, .words = levels, .offset = offsetof(struct config_log, level),
		.def = "info", .apply = CONFIG_LIVE, .doc = "the least important lines that are written" },
	{ NULL },
};

const struct config_schema config_log_schema = { sizeof(struct config_log), log_fields };

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

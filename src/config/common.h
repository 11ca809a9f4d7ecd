/* Parts that the configuration files of all daemons share. */
#pragma once

#include "base/log.h"
#include "config/schema.h"

/* What fits into a unix socket's address. */
enum { CONFIG_SOCKET_PATH_MAX = 107 };

struct config_control {
	const char *socket;
	const char *group; /* NULL: none */
};

struct config_log {
	enum log_target to;
	enum log_level level;
};

extern const struct config_schema config_log_schema;

/* The row of control.group, and what a change touches. That of control.socket stands in each daemon's own table: its default
 * differs. */
#define CONFIG_CONTROL_GROUP CONFIG_CONTROL_GROUP_ROW(CONFIG_RESTART)
#define CONFIG_CONTROL_GROUP_ROW(touches)                                                                    \
	{                                                                                                    \
		"group", CONFIG_SCALAR, &config_name,                                                        \
			.offset = offsetof(struct config_control, group), .max = 32, .def_doc = "none",      \
			.apply = (touches),                                                                  \
			.doc = "the group that may use the socket, beside root and the daemon's own user"    \
	}

/* Parts that the configuration files of all daemons share. */
#pragma once

#include "base/log.h"
#include "base/prefix.h"
#include "config/schema.h"

/* What fits into a unix socket's address. */
enum { CONFIG_SOCKET_PATH_MAX = 107 };

struct config_control {
	const char *socket;
	const char *group;	      /* NULL: none */
	const char *read_only_socket; /* NULL: none */
	const char *read_only_group;  /* NULL: none */
};

struct config_log {
	enum log_target to;
	enum log_format format;
	enum log_level level;
	const struct prefix *debug_neighbors; /* of programs that have neighbors */
	size_t debug_neighbor_count;
};

extern const struct config_schema config_log_schema, config_speaker_log_schema;
/* struct prefix, all of whose addresses are meant; a single address may be written without a length. */
extern const struct config_scalar config_addresses;

/* From now on the program's lines go where the file says. */
void config_log_use(const char *program, const struct config_log *log);

/* The rows of control, but for control.socket, which stands in each daemon's own table: its default differs. touches: what a
 * change touches. */
#define CONFIG_CONTROL_ROWS(touches)                                                                         \
	{ "group", CONFIG_SCALAR, &config_name, .offset = offsetof(struct config_control, group), .max = 32, \
		.def_doc = "none", .apply = (touches),                                                       \
		.doc = "the group that may use the socket, beside root and the daemon's own user" },         \
		{ "read-only-socket", CONFIG_SCALAR, &config_path,                                           \
			.offset = offsetof(struct config_control, read_only_socket), .min = 2,               \
			.max = CONFIG_SOCKET_PATH_MAX, .def_doc = "none", .apply = (touches),                \
			.doc = "another socket, on which commands that change anything are refused" },       \
	{                                                                                                    \
		"read-only-group", CONFIG_SCALAR, &config_name,                                              \
			.offset = offsetof(struct config_control, read_only_group), .max = 32,               \
			.def_doc = "none", .apply = (touches),                                               \
			.doc = "the group that may use the read-only socket"                                 \
	}

/* What no row alone can tell: the two sockets differ, and there is a socket for the read-only group. root: of the file. */
void config_control_check(
	const struct config_control *c, const struct config_node *root, struct config_errors *errs);

/*
 * YAML text to a tree of nodes. The only user of libyaml.
 *
 * A configuration needs little of YAML, and what it does not need is refused with a reason instead of being carried: anchors
 * and aliases (a file of a few lines could grow without bound), tags (scalars are text, the schema types them), several
 * documents, keys that are not plain text. The same key twice in a map is an error that names both places, where YAML
 * libraries let one of them win in silence. An IPv6 address that broke the syntax because it was not quoted is found and
 * named. Size and depth are bounded.
 */
#pragma once

#include "base/arena.h"
#include "config/errors.h"
#include "config/node.h"

#include <stddef.h>

enum { CONFIG_FILE_MAX = 4 * 1024 * 1024, CONFIG_DEPTH_MAX = 16 };

/* The root, in the arena; NULL with errors added. An empty text is an empty map. */
struct config_node *config_yaml_parse(
	struct arena *arena, const char *text, size_t len, struct config_errors *errs);
/* Reads a file whole, at most CONFIG_FILE_MAX octets. The caller frees the text; NULL with an error added. */
char *config_file_read(const char *path, size_t *len, struct config_errors *errs);

/*
 * TOML text to a tree of nodes, as the YAML reader makes it; as much of TOML 1.0 as configurations of GoBGP use.
 *
 * Read are tables, arrays of tables, dotted keys, strings in one line, numbers and truth values (their text is kept; what
 * reads the tree types it), arrays and inline tables. Refused, with the place, are strings of several lines and all
 * that is not TOML; a key twice is an error.
 */
#pragma once

#include "base/arena.h"
#include "config/errors.h"
#include "config/node.h"

/* The root, in the arena; NULL with an error added. */
struct config_node *toml_parse(struct arena *arena, const char *text, size_t len, struct config_errors *errs);

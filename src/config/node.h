/* A configuration file as a tree: what the YAML reader makes and the schema reads. Scalars are text; what they mean is
 * the schema's to say. Nodes live in the reader's arena and never change. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum config_node_kind { CONFIG_NODE_SCALAR, CONFIG_NODE_LIST, CONFIG_NODE_MAP };

struct config_node {
	enum config_node_kind kind;
	bool plain;	       /* a scalar that was not quoted */
	unsigned line, column; /* of the value, from 1 */
	unsigned key_line, key_column;
	unsigned index;	  /* among its parent's children, from 0 */
	const char *key;  /* in a map; NULL elsewhere */
	const char *text; /* of a scalar */
	const struct config_node *parent;
	struct config_node *first, *next;
	size_t count; /* children */
};

enum { CONFIG_PATH_MAX = 512, CONFIG_QUOTE_MAX = 88 };

/* The child of a map under a key; NULL when there is none, or n is NULL or no map. */
const struct config_node *config_node_get(const struct config_node *n, const char *key);
/* The same for a key that may stand deeper: "import.prefixes". */
const struct config_node *config_node_find(const struct config_node *n, const char *path);
/* A plain scalar without text, as left by "key:" with nothing behind it. */
bool config_node_is_empty(const struct config_node *n);
/* "peer-groups.k8s.import.prefixes[0]"; "" for the root. Writes into buf (CONFIG_PATH_MAX octets) and returns it. */
const char *config_node_path(const struct config_node *n, char *buf);
/* Text of the file in double quotes for a message: cut when long, octets that are not printable as '?'. buf has
 * CONFIG_QUOTE_MAX octets. */
const char *config_quote(const char *text, char *buf);

#include "config/node.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

const struct config_node *config_node_get(const struct config_node *n, const char *key)
{
	if (!n || n->kind != CONFIG_NODE_MAP)
		return NULL;
	for (const struct config_node *c = n->first; c; c = c->next)
		if (strcmp(c->key, key) == 0)
			return c;
	return NULL;
}

const struct config_node *config_node_find(const struct config_node *n, const char *path)
{
	while (n && *path) {
		char key[64];
		size_t len = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		n = config_node_get(n, key);
		path += len + (path[len] == '.');
	}
	return n;
}

bool config_node_is_empty(const struct config_node *n)
{
	return n->kind == CONFIG_NODE_SCALAR && n->plain && *n->text == 0;
}

/* Keys are the operator's text: only what is printable goes into a message. */
static void add_key(struct text *t, const char *key)
{
	for (size_t i = 0; key[i]; i++) {
		unsigned char c = (unsigned char)key[i];

		text_add(t, "%c", c < 0x20 || c == 0x7f ? '?' : c);
	}
}

const char *config_node_path(const struct config_node *n, char *buf)
{
	const struct config_node *up[32];
	struct text t = text_init(buf, CONFIG_PATH_MAX);
	size_t depth = 0;

	for (; n->parent && depth < sizeof(up) / sizeof(*up); n = n->parent)
		up[depth++] = n;
	while (depth > 0) {
		const struct config_node *at = up[--depth];

		if (!at->key) {
			text_add(&t, "[%u]", at->index);
			continue;
		}
		if (t.len)
			text_add(&t, ".");
		add_key(&t, at->key);
	}
	return buf;
}

const char *config_quote(const char *text, char *buf)
{
	enum { SHOWN = CONFIG_QUOTE_MAX - 8 };
	struct text t = text_init(buf, CONFIG_QUOTE_MAX);
	size_t i;

	text_add(&t, "\"");
	for (i = 0; i < SHOWN && text[i]; i++) {
		unsigned char c = (unsigned char)text[i];

		text_add(&t, "%c", c < 0x20 || c == 0x7f ? '?' : c);
	}
	text_add(&t, text[i] ? "...\"" : "\"");
	return buf;
}

/*
 * What differs between two structures of one schema, key by key, in words and with what each change touches.
 *
 * Values are compared as they are written: a default that is written out, another spelling of an address or another order
 * of a list in which order means nothing is no change. Elements of lists are told apart by the rows marked as key, those of
 * maps by name; in a list without such a row, order matters and elements are told apart by their place. What is a secret is
 * only said to have changed.
 */
#pragma once

#include "config/schema.h"

#include <stdbool.h>
#include <stddef.h>

struct config_change {
	const char *path;    /* "neighbors[10.0.0.110].import.prefixes"; relative to the schema */
	const char *section; /* the first key of the path */
	const char *
		words; /* "added", "removed", "9 -> 30", "+10.1.0.0/16 -10.2.0.0/16", "every prefix -> 10.1.0.0/16" */
	enum config_apply apply;
};

struct config_diff {
	struct arena *arena; /* owns all text */
	struct config_change *item;
	size_t count, size;
};

void config_diff_init(struct config_diff *d);
void config_diff_fini(struct config_diff *d);
/* Adds what differs, in the order of the table. */
void config_diff(struct config_diff *d, const struct config_schema *s, const void *before, const void *after);
/* The most that any of the changes touches; LIVE where there are none. */
enum config_apply config_diff_apply(const struct config_diff *d);

/* --- for those that walk structures by their schema --- */

enum { CONFIG_VALUE_MAX = 512 };
/* A scalar, or an element of a list of scalars, as it may stand in a file; "" where it is unset. Returns buf
 * (CONFIG_VALUE_MAX). */
const char *config_value_format(const struct config_field *f, const void *value, char *buf);
/* The elements of a list or map. */
const void *config_list_items(const struct config_field *f, const void *base, size_t *count);
/* What tells an element of a list or map apart: "10.0.0.110", "0.0.0.0 port 179", "k8s", "0". Returns buf. */
const char *config_element_name(const struct config_field *f, const void *element, size_t index, char *buf);

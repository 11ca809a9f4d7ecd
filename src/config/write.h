/* A structure as a file that says the same, by its schema. What is a secret is left out, with a comment. */
#pragma once

#include "config/schema.h"

#include <stdio.h>

/* n: the tree it was read from. Written is what stands there; with all, what does not
 * stand there too, as comments. */
void config_write(
	FILE *out, const struct config_schema *s, const void *value, const struct config_node *n, bool all);

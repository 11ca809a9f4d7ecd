/* The model as a file of ours. */
#pragma once

#include "convert/model.h"

#include <stdbool.h>

struct convert_output {
	char *text; /* the caller's */
	size_t len;
	struct convert_place
		*places; /* of each line, where it comes from; file NULL: from nowhere. The caller's */
	size_t lines;
	bool has_secrets; /* passwords stand in it */
};

/* head: comment lines that stand first. keys: a directory; each password goes into a new file there (mode 0600), and its path into the
 * text. False when such a file could not be made: why is told on err, and the files made before are gone. */
bool convert_write(
	struct convert_model *m, const char *head, const char *keys, FILE *err, struct convert_output *out);
/* Removes the files that were made for passwords. */
void convert_keys_remove(const struct convert_model *m);
void convert_output_fini(struct convert_output *out);

/* A line of a script: a command, a name, and key=value. Values that cannot be read end the program with a word. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { ARGUMENTS_MOST = 16 };

struct arguments {
	const char *command, *name; /* name "" when there is none */
	char *key[ARGUMENTS_MOST], *value[ARGUMENTS_MOST];
	unsigned count;
};

/* Cuts the line up in place; false when it is empty. */
bool arguments_parse(struct arguments *a, char *line);
const char *arguments_text(const struct arguments *a, const char *key, const char *otherwise);
uint32_t arguments_number(const struct arguments *a, const char *key, uint32_t otherwise);
/* Host byte order. */
uint32_t arguments_address(const struct arguments *a, const char *key, uint32_t otherwise);

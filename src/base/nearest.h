/*
 * The nearest of several names to one that was misspelt: a key, a group, a command.
 *
 * Near means few edits, or that the one begins with the other. A name that is far from all has no nearest: best is then
 * NULL.
 */
#pragma once

#include <stddef.h>

struct nearest {
	const char *text, *best;
	size_t distance;
};

/* text: borrowed, as are the names. */
struct nearest nearest_init(const char *text);
void nearest_try(struct nearest *n, const char *name);

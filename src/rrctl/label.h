/*
 * What the keys of a sheet are called for people, where the key alone is no word of theirs.
 *
 * Keys are for programs and stay; labels may be put better at any time, and nobody should read them by a program.
 */
#pragma once

struct label {
	const char *key, *text;
};

/* Of "show status" of all daemons. Ends with a NULL key. */
extern const struct label status_labels[];

/* NULL: the key has none, or labels is NULL. */
const char *label_of(const struct label *labels, const char *key);

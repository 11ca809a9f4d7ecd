/*
 * Another program's configuration as ours: GoBGP, BIRD and FRR as rrd.conf, ExaBGP as lb-announcer.conf.
 *
 * Text in, text out; files are read and written by the caller. Two rules: nothing is dropped in silence (what has no place
 * in our file is told with its line and with what to do), and nothing is invented (what was not said is not
 * written, but where the other program's default would change what happens). What comes out has been read by our own
 * schema and checks, so the daemon takes it; where they refuse it, nothing comes out, and the reason names the line of the input.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum convert_format { CONVERT_UNKNOWN, CONVERT_GOBGP, CONVERT_EXABGP, CONVERT_BIRD, CONVERT_FRR };

struct convert_file {
	const char *name;
	const char *text;
	size_t len;
};

struct convert_opts {
	enum convert_format from; /* UNKNOWN: found out from names and texts */
	const char *router_id;	  /* in place of what the files say; NULL: as they say */
	const char *keys;	  /* a directory for files with passwords; NULL: they stand in the text */
};

enum convert_result {
	CONVERT_ALL,	 /* everything was carried over */
	CONVERT_PARTLY,	 /* there is a text, and something is not in it */
	CONVERT_REFUSED, /* there is no text */
};

/* The format of a word ("gobgp"); UNKNOWN when there is none of this name. */
enum convert_format convert_format_parse(const char *word);

/* *text: the configuration, the caller's to free; NULL when refused. What is to be said is written to err. */
enum convert_result convert_run(const struct convert_opts *opts, const struct convert_file *files,
	size_t count, FILE *err, char **text);

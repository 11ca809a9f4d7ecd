/*
 * What a command is called and what it takes: the declaration from which the daemon checks requests, rrctl reads its command
 * line and completes words, and the help and rrd-control(7) are made or checked.
 *
 * A request is an object with "command", perhaps "protocol", and the declared arguments; anything else is refused with the
 * name that was probably meant. The type says both what the JSON value must be and how a person writes it.
 */
#pragma once

#include "base/row.h"
#include "base/text.h"
#include "control/target.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	CONTROL_PROTOCOL = 1,	     /* the version that is spoken */
	CONTROL_PROTOCOL_OLDEST = 1, /* and the oldest that is understood */
	CONTROL_REASON_MAX = 256,
};

enum control_type {
	CONTROL_TEXT,		/* any; on a command line, all words that are left */
	CONTROL_FLAG,		/* true or false; on a command line, its name */
	CONTROL_NUMBER,		/* whole, 0 or more */
	CONTROL_ADDRESS,	/* as text */
	CONTROL_ADDRESS_OR_ALL, /* or "all" */
	CONTROL_PREFIX,		/* as text; no bits beyond its length */
	CONTROL_NEIGHBORS,	/* an address, a prefix of addresses, or "all" */
	CONTROL_WORD,		/* one of .words */
	CONTROL_SERVICE,	/* of lb-ipvs-agent: a name or a key such as "TCP 10.1.1.1:80" */
	CONTROL_SERVER,		/* of lb-ipvs-agent: an address, with a port or without, or a name */
};

struct control_argument {
	const char *key; /* in the request; NULL ends a list */
	enum control_type type;
	bool required;
	bool behind; /* means something only together with the argument before it */
	const char *
		keyword; /* on a command line: what stands in front of it; of a flag: what is written; NULL: nothing, or
				the key */
	const char *words; /* CONTROL_WORD: "in|out" */
};

struct control_command {
	unsigned targets; /* mask of enum target_mask: who knows it; 0 ends a table */
	const char *name; /* "show neighbors" */
	const char *help; /* one line */
	bool changes;	  /* not allowed on a read-only socket */
	bool written_out; /* on a command line its words cannot be shortened, because a slip would cost a session */
	/* Spoken between daemons that may be of neighboring releases: the handler looks at what it is given, and keys that
	 * are not known are passed over. */
	bool own_check;
	const struct control_argument *arguments; /* NULL: none */
};

/* The command of that name, of one of the targets; NULL when there is none. */
const struct control_command *control_command_find(
	const struct control_command *table, unsigned targets, const char *name);
/* What the request asks for. NULL, with a text in err (CONTROL_REASON_MAX octets), when it names no command of the targets, or
 * speaks a version of the protocol that is not understood. program: what the daemon calls itself. */
const struct control_command *control_request_command(const struct control_command *table, unsigned targets,
	const char *program, const struct row *request, char *err);
/* Whether the request's arguments are as declared; false with a text in err (CONTROL_REASON_MAX octets). */
bool control_command_check(const struct control_command *k, const struct row *request, char *err);

/* How a person writes an argument of this type: "PREFIX"; of a flag its word. */
const char *control_argument_shown(const struct control_argument *a);
/* How a person writes all of them: "[PREFIX [longer]]". Returns buf. */
enum { CONTROL_SYNTAX_MAX = 128 };
const char *control_command_syntax(const struct control_command *k, char *buf);
/* The type's name in the protocol's own words: "prefix", "true or false". */
const char *control_type_text(enum control_type t);

/*
 * A line of the log as octets: for people, as JSON, as logfmt, for syslog, for the journal. Pure.
 *
 * What is in a record may come from a peer: whatever it is, one record becomes one line, one JSON object, one datagram. Control
 * characters and what is no UTF-8 become '?', and a text that is too long is cut.
 */
#pragma once

#include "base/log.h"

#include <stddef.h>
#include <time.h>

/* As much as a pipe takes whole (PIPE_BUF), so that lines of several writers do not mix. */
enum { LOG_LINE_MAX = 4096, LOG_TEXT_MAX = 1024 };

struct log_record {
	const char *program;
	int pid;
	struct timespec time;
	enum log_level level;
	const struct log_about *about; /* NULL: nobody */
	const char *text;	       /* of less than LOG_TEXT_MAX octets */
};

/* These write to buf (LOG_LINE_MAX) and return the number of octets. */
/* A line for a stream, with its newline. */
size_t log_format_line(const struct log_record *r, enum log_format format, char *buf);
/* A datagram for /dev/log, as syslog(3) writes it (RFC 3164 without a host). The text is what format says: JSON behind "@cee:",
 * by which log collectors know it. */
size_t log_format_syslog(const struct log_record *r, enum log_format format, char *buf);
/* A datagram of the journal's native protocol. */
size_t log_format_journal(const struct log_record *r, char *buf);

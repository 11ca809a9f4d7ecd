/*
 * One line per event, to stderr, syslog or the journal.
 *
 * The only place with mutable globals: a line must be possible from anywhere, and from any thread. A line says who (a
 * neighbor, a route), what, and why; struct log_about says the same again for machines. Lines that a peer can cause at will
 * are limited with struct log_limit, which counts what it held back and says so in the next line it lets through.
 *
 * Nobody ever waits for the log. What cannot be written at once is kept, up to a bound, and tried again by log_flush();
 * what does not fit is lost and counted, and a line in its place says how many were lost.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
/* AUTO: the journal when stderr is connected to it (systemd says so in $JOURNAL_STREAM), else stderr. */
enum log_target { LOG_TO_AUTO, LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_JOURNAL };
/* Of lines to stderr and syslog; the journal has fields of its own. */
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON, LOG_FORMAT_LOGFMT };

/* Opens what stderr is connected to for writing without waiting, while the process may: before it gives up rights. */
void log_open(void);
/* program: a string that lives as long as the process. May be called again to change target or level. */
void log_init(const char *program, enum log_target target, enum log_level level);
void log_set_format(enum log_format format);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
bool log_level_parse(const char *text, enum log_level *out);
const char *log_level_format(enum log_level level);
const char *log_target_text(enum log_target target);
const char *log_format_name(enum log_format format);

/* Whom a line is about; NULL: nobody of that kind. All are borrowed for the call. */
struct log_about {
	const char *event; /* what kind of line: "neighbor-up"; stable, lower case, words joined by hyphens */
	const char *neighbor; /* an address */
	const char *peer_group;
	const char *prefix;
	const char *service;
	const char *server;
	bool asked_for; /* somebody wants lines like this one: it is written whatever the level */
};
/* log_about(LOG_LEVEL_WARNING, LOG_ABOUT("route-refused", .neighbor = address), "...") */
#define LOG_ABOUT(...) (&(const struct log_about){ __VA_ARGS__ })

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* about: NULL: only the text. */
void log_about(enum log_level level, const struct log_about *about, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A text of several lines, which would be one otherwise: a line for each that is not empty. */
void log_lines(enum log_level level, const char *text);
#define log_error(...)	 log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Something waits to be written: log_flush() is to be called soon. Cheap. */
bool log_waiting(void);
/* Tries to write what waits; never blocks. True when something was written. */
bool log_flush(void);

struct log_status {
	enum log_level level;
	enum log_target target; /* where lines go now; never AUTO */
	enum log_format format;
	bool fallback;	/* syslog or the journal cannot be reached: lines go to stderr meanwhile */
	uint64_t lines; /* written, or waiting */
	uint64_t lost;	/* neither */
	size_t waiting;
};
void log_get_status(struct log_status *out);
/* Of that, what was lost: for metrics. */
uint64_t log_lost(void);

/* At most so many lines in a second, where each of them is an event of its own; starts all zero. */
struct log_burst {
	uint64_t second, lines, held_back;
};

/* As log_limit_pass(). */
bool log_burst_pass(struct log_burst *b, uint64_t now_ms, unsigned per_s, uint64_t *held_back);

/* At most one line per interval_ms; starts all zero. */
struct log_limit {
	uint64_t last_ms;
	uint64_t held_back;
};

/* True when a line may be written at now_ms (monotonic); *held_back (may be NULL) then tells how many were not. */
bool log_limit_pass(struct log_limit *l, uint64_t now_ms, uint64_t interval_ms, uint64_t *held_back);

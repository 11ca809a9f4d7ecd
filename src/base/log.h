/*
 * One line per event, to stderr or syslog.
 *
 * The only place with a mutable global: a line must be possible from anywhere. A line says who (a neighbor, a
 * route), what, and why. Lines that a peer can cause at will are limited with struct log_limit, which counts what
 * it held back and says so in the next line it lets through.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG };

/* program: a string that lives as long as the process. May be called again to change target or level. */
void log_init(const char *program, enum log_target target, enum log_level level);
bool log_enabled(enum log_level level);
bool log_level_parse(const char *text, enum log_level *out);
const char *log_level_format(enum log_level level);

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A text of several lines, which would be one otherwise: a line for each that is not empty. */
void log_lines(enum log_level level, const char *text);
#define log_error(...)	 log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* At most one line per interval_ms; starts all zero. */
struct log_limit {
	uint64_t last_ms;
	uint64_t held_back;
};

/* True when a line may be written at now_ms (monotonic); *held_back (may be NULL) then tells how many were not. */
bool log_limit_pass(struct log_limit *l, uint64_t now_ms, uint64_t interval_ms, uint64_t *held_back);

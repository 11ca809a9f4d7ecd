#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static struct {
	const char *program;
	enum log_target target;
	enum log_level level;
} logger = { .program = "rrd", .level = LOG_LEVEL_INFO };

static const char *const level_name[] = { "error", "warning", "info", "debug" };
static const int level_syslog[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_init(const char *program, enum log_target target, enum log_level level)
{
	logger.program = program;
	logger.level = level;
	logger.target = target;
	if (target == LOG_TO_SYSLOG)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

bool log_enabled(enum log_level level)
{
	return level <= logger.level;
}

bool log_level_parse(const char *text, enum log_level *out)
{
	for (int i = 0; i <= LOG_LEVEL_DEBUG; i++) {
		if (strcmp(text, level_name[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

const char *log_level_format(enum log_level level)
{
	return level_name[level];
}

/* What a peer sends may end in a log line: control characters must not forge a second one. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

static void write_stderr(enum log_level level, const char *text)
{
	char line[1200], stamp[32];
	struct timespec ts;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	n = snprintf(line, sizeof(line), "%s.%03ld %s[%d] %s: %s\n", stamp, ts.tv_nsec / 1000000,
		logger.program, (int)getpid(), level_name[level], text);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* One write per line, so that lines of several threads do not mix; a full disk or a closed pipe costs lines. */
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char text[1024];
	int saved = errno;
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	make_printable(text);
	if (logger.target == LOG_TO_SYSLOG)
		syslog(level_syslog[level], "%s", text);
	else
		write_stderr(level, text);
	errno = saved;
}

void log_lines(enum log_level level, const char *text)
{
	while (*text) {
		int len = (int)strcspn(text, "\n");

		if (len)
			log_write(level, "%.*s", len, text);
		text += len + (text[len] == '\n');
	}
}

bool log_limit_pass(struct log_limit *l, uint64_t now_ms, uint64_t interval_ms, uint64_t *held_back)
{
	if (l->last_ms && now_ms - l->last_ms < interval_ms) {
		l->held_back++;
		return false;
	}
	if (held_back)
		*held_back = l->held_back;
	l->last_ms = now_ms ? now_ms : 1;
	l->held_back = 0;
	return true;
}

#include "base/log.h"

#include "base/log_format.h"
#include "base/log_sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock; /* of all below that is not atomic; held for system calls that do not wait */
	const char *program;
	enum log_target target; /* never AUTO */
	enum log_format format;
	atomic_int level;
	atomic_bool waiting;
	struct log_sink stream, daemon; /* stderr; syslog's or the journal's socket */
	bool fallback;
	uint64_t lines, lost;
	uint64_t untold; /* of lost: no line tells of them yet */
} logger = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.program = "rrd",
	.target = LOG_TO_STDERR,
	.level = LOG_LEVEL_INFO,
	.stream = { .fd = -1 },
	.daemon = { .fd = -1 } };

static const char *const level_name[] = { "error", "warning", "info", "debug" };

/* --- settings --- */

/* systemd.exec(5): device and inode of the stream, so that a process whose stderr was redirected sees that it was. */
static bool stderr_is_the_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

void log_open(void)
{
	pthread_mutex_lock(&logger.lock);
	log_sink_use(&logger.stream, STDERR_FILENO);
	pthread_mutex_unlock(&logger.lock);
}

void log_init(const char *program, enum log_target target, enum log_level level)
{
	if (target == LOG_TO_AUTO)
		target = stderr_is_the_journal() ? LOG_TO_JOURNAL : LOG_TO_STDERR;
	pthread_mutex_lock(&logger.lock);
	if (target != logger.target) {
		log_sink_flush(&logger.daemon);
		log_sink_close(&logger.daemon);
		logger.fallback = false;
	}
	logger.program = program;
	logger.target = target;
	pthread_mutex_unlock(&logger.lock);
	log_set_level(level);
}

void log_set_format(enum log_format format)
{
	pthread_mutex_lock(&logger.lock);
	logger.format = format;
	pthread_mutex_unlock(&logger.lock);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&logger.level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&logger.level, memory_order_relaxed);
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

const char *log_target_text(enum log_target target)
{
	static const char *const text[] = { "auto", "stderr", "syslog", "journal" };

	return text[target];
}

const char *log_format_name(enum log_format format)
{
	static const char *const text[] = { "text", "json", "logfmt" };

	return text[format];
}

/* --- where lines go; the lock is held --- */

static int reach_daemon(void)
{
	return log_sink_connect(
		&logger.daemon, logger.target == LOG_TO_SYSLOG ? "/dev/log" : "/run/systemd/journal/socket");
}

static size_t format_for_daemon(const struct log_record *r, char *buf)
{
	return logger.target == LOG_TO_SYSLOG ? log_format_syslog(r, logger.format, buf)
					      : log_format_journal(r, buf);
}

/* 0, -ENOBUFS, or -errno when nobody listens there, not even on a new socket. */
static int put_to_daemon(const struct log_record *r)
{
	char buf[LOG_LINE_MAX];
	size_t len = format_for_daemon(r, buf);
	int error = logger.daemon.way == LOG_SINK_CLOSED ? -ENOTCONN : log_sink_put(&logger.daemon, buf, len);

	if (error == 0 || error == -ENOBUFS)
		return error;
	error = reach_daemon();
	return error ? error : log_sink_put(&logger.daemon, buf, len);
}

static int put_to_stream(const struct log_record *r)
{
	char buf[LOG_LINE_MAX];
	size_t len = log_format_line(r, logger.format, buf);

	log_sink_use(&logger.stream, STDERR_FILENO);
	return log_sink_put(&logger.stream, buf, len);
}

static bool put(const struct log_record *r)
{
	int error;

	if (logger.target == LOG_TO_STDERR)
		return put_to_stream(r) == 0;
	error = put_to_daemon(r);
	logger.fallback = error && error != -ENOBUFS;
	return error == 0 || (logger.fallback && put_to_stream(r) == 0);
}

/* In the place of what was lost, and so before anything else. False when it does not get out either. */
static bool tell_of_lost(const struct log_record *after)
{
	static const struct log_about about = { .event = "log-lines-lost" };
	struct log_record r = *after;
	char text[96];

	if (logger.untold == 0)
		return true;
	snprintf(text, sizeof(text), "%llu line%s lost here: nobody took them",
		(unsigned long long)logger.untold, logger.untold == 1 ? "" : "s");
	r.level = LOG_LEVEL_WARNING;
	r.about = &about;
	r.text = text;
	if (!put(&r))
		return false;
	logger.lines++;
	logger.untold = 0;
	return true;
}

static struct log_record record_now(void)
{
	struct log_record r = { .program = logger.program, .pid = (int)getpid() };

	clock_gettime(CLOCK_REALTIME, &r.time);
	return r;
}

/* What a queue held when its reader went away was counted as written. */
static void count_lost_from_queues(void)
{
	unsigned lost = log_sink_take_lost(&logger.stream) + log_sink_take_lost(&logger.daemon);

	logger.lines -= lost;
	logger.lost += lost;
	logger.untold += lost;
}

static void note_waiting(void)
{
	atomic_store_explicit(
		&logger.waiting, logger.stream.records || logger.daemon.records, memory_order_relaxed);
}

bool log_flush(void)
{
	struct log_record now;
	int saved = errno;
	bool progress;
	size_t before;

	pthread_mutex_lock(&logger.lock);
	now = record_now();
	before = logger.stream.records + logger.daemon.records;
	log_sink_flush(&logger.stream);
	log_sink_flush(&logger.daemon);
	progress = logger.stream.records + logger.daemon.records < before;
	count_lost_from_queues();
	if (!logger.stream.records && !logger.daemon.records)
		tell_of_lost(&now);
	note_waiting();
	pthread_mutex_unlock(&logger.lock);
	errno = saved;
	return progress;
}

bool log_waiting(void)
{
	return atomic_load_explicit(&logger.waiting, memory_order_relaxed);
}

void log_get_status(struct log_status *out)
{
	pthread_mutex_lock(&logger.lock);
	*out = (struct log_status){
		.level = (enum log_level)atomic_load(&logger.level),
		.target = logger.target,
		.format = logger.format,
		.fallback = logger.fallback,
		.lines = logger.lines,
		.lost = logger.lost,
		.waiting = logger.stream.records + logger.daemon.records,
	};
	pthread_mutex_unlock(&logger.lock);
}

uint64_t log_lost(void)
{
	struct log_status st;

	log_get_status(&st);
	return st.lost;
}

/* --- lines --- */

static void write_line(enum log_level level, const struct log_about *about, const char *text)
{
	struct log_record r;

	pthread_mutex_lock(&logger.lock);
	r = record_now();
	r.level = level;
	r.about = about;
	r.text = text;
	if (tell_of_lost(&r) && put(&r)) {
		logger.lines++;
	} else {
		logger.lost++;
		logger.untold++;
	}
	count_lost_from_queues();
	note_waiting();
	pthread_mutex_unlock(&logger.lock);
}

static bool is_wanted(enum log_level level, const struct log_about *about)
{
	return log_enabled(level) || (about && about->asked_for);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char text[LOG_TEXT_MAX];
	int saved = errno;
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_line(level, NULL, text);
	errno = saved;
}

void log_about(enum log_level level, const struct log_about *about, const char *fmt, ...)
{
	char text[LOG_TEXT_MAX];
	int saved = errno;
	va_list ap;

	if (!is_wanted(level, about))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_line(level, about, text);
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

bool log_burst_pass(struct log_burst *b, uint64_t now_ms, unsigned per_s, uint64_t *held_back)
{
	if (b->second != now_ms / 1000)
		b->lines = 0;
	b->second = now_ms / 1000;
	if (b->lines == per_s) {
		b->held_back++;
		return false;
	}
	b->lines++;
	*held_back = b->held_back;
	b->held_back = 0;
	return true;
}

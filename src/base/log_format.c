#include "base/log_format.h"

#include "base/printable.h"
#include "base/text.h"

#include <string.h>
#include <syslog.h>

enum { FIELD_MAX = 160 };

struct field {
	const char *key, *journal_key;
	size_t offset;
};

#define FIELD(key, journal_key, member)                                                                      \
	{                                                                                                    \
		key, journal_key, offsetof(struct log_about, member)                                         \
	}
static const struct field fields[] = {
	FIELD("event", "EVENT", event),
	FIELD("neighbor", "NEIGHBOR", neighbor),
	FIELD("peer-group", "PEER_GROUP", peer_group),
	FIELD("prefix", "PREFIX", prefix),
	FIELD("service", "SERVICE", service),
	FIELD("server", "SERVER", server),
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

/* Returns buf (FIELD_MAX), or NULL when the record has nothing there. */
static const char *value(const struct log_record *r, const struct field *f, char *buf)
{
	const char *text = NULL;

	if (r->about)
		memcpy(&text, (const char *)r->about + f->offset, sizeof(text));
	if (!text || !*text)
		return NULL;
	text_printable((const uint8_t *)text, strlen(text), buf, FIELD_MAX);
	return buf;
}

static const char *printable(const struct log_record *r, char *buf)
{
	text_printable((const uint8_t *)r->text, strlen(r->text), buf, LOG_TEXT_MAX);
	return buf;
}

static int priority(enum log_level level)
{
	static const int of_level[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

	return of_level[level];
}

static void add_octet(struct text *t, char c)
{
	if (t->len + 1 < t->size)
		t->buf[t->len++] = c;
	t->buf[t->len] = '\0';
}

/* As JSON and logfmt have it; control characters are gone already. Leaves room for what ends the line, and cuts neither a
 * character nor an escape. */
static void add_quoted(struct text *t, const char *s)
{
	enum { CHARACTER_MAX = 4, END = 4 };

	add_octet(t, '"');
	for (; *s; s++) {
		bool begins = ((unsigned char)*s & 0xc0) != 0x80;

		if (begins && t->len + CHARACTER_MAX + END > t->size)
			break;
		if (*s == '"' || *s == '\\')
			add_octet(t, '\\');
		add_octet(t, *s);
	}
	add_octet(t, '"');
}

static void add_json_member(struct text *t, const char *key, const char *s)
{
	text_add(t, ",\"%s\":", key);
	add_quoted(t, s);
}

static void add_json(struct text *t, const struct log_record *r)
{
	char stamp[TEXT_TIME_MAX], field[FIELD_MAX], text[LOG_TEXT_MAX];

	text_time(
		stamp, (unsigned long long)r->time.tv_sec * 1000 + (unsigned long)r->time.tv_nsec / 1000000);
	text_add(t, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%d", stamp,
		log_level_format(r->level), r->program, r->pid);
	for (int i = 0; i < FIELDS; i++)
		if (value(r, &fields[i], field))
			add_json_member(t, fields[i].key, field);
	add_json_member(t, "message", printable(r, text));
	text_add(t, "}");
}

/* Only what needs it is quoted. */
static void add_pair(struct text *t, const char *key, const char *s)
{
	text_add(t, " %s=", key);
	if (*s && !strpbrk(s, " \"=\\"))
		text_add(t, "%s", s);
	else
		add_quoted(t, s);
}

static void add_logfmt(struct text *t, const struct log_record *r)
{
	char stamp[TEXT_TIME_MAX], field[FIELD_MAX], text[LOG_TEXT_MAX];

	text_time(
		stamp, (unsigned long long)r->time.tv_sec * 1000 + (unsigned long)r->time.tv_nsec / 1000000);
	text_add(t, "time=%s level=%s program=%s pid=%d", stamp, log_level_format(r->level), r->program,
		r->pid);
	for (int i = 0; i < FIELDS; i++)
		if (value(r, &fields[i], field))
			add_pair(t, fields[i].key, field);
	add_pair(t, "message", printable(r, text));
}

static void add_people(struct text *t, const struct log_record *r)
{
	char stamp[32], text[LOG_TEXT_MAX];
	struct tm tm;

	localtime_r(&r->time.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	text_add(t, "%s.%03ld %s[%d] %s: %s", stamp, r->time.tv_nsec / 1000000, r->program, r->pid,
		log_level_format(r->level), printable(r, text));
}

size_t log_format_line(const struct log_record *r, enum log_format format, char *buf)
{
	struct text t = text_init(buf, LOG_LINE_MAX);

	if (format == LOG_FORMAT_JSON)
		add_json(&t, r);
	else if (format == LOG_FORMAT_LOGFMT)
		add_logfmt(&t, r);
	else
		add_people(&t, r);
	text_add(&t, "\n");
	return t.len;
}

size_t log_format_syslog(const struct log_record *r, enum log_format format, char *buf)
{
	/* strftime's month would be in the words of the locale. */
	static const char month[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
		"Nov", "Dec" };
	struct text t = text_init(buf, LOG_LINE_MAX);
	char text[LOG_TEXT_MAX];
	struct tm tm;

	localtime_r(&r->time.tv_sec, &tm);
	text_add(&t, "<%d>%s %2d %02d:%02d:%02d %s[%d]: ", LOG_DAEMON | priority(r->level), month[tm.tm_mon],
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, r->program, r->pid);
	if (format == LOG_FORMAT_JSON) {
		text_add(&t, "@cee: ");
		add_json(&t, r);
	} else if (format == LOG_FORMAT_LOGFMT) {
		add_logfmt(&t, r);
	} else {
		text_add(&t, "%s", printable(r, text));
	}
	return t.len;
}

size_t log_format_journal(const struct log_record *r, char *buf)
{
	struct text t = text_init(buf, LOG_LINE_MAX);
	char field[FIELD_MAX], text[LOG_TEXT_MAX];

	text_add(&t, "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=%s\n", priority(r->level),
		LOG_DAEMON >> 3, r->program);
	for (int i = 0; i < FIELDS; i++)
		if (value(r, &fields[i], field))
			text_add(&t, "%s=%s\n", fields[i].journal_key, field);
	text_add(&t, "MESSAGE=%s\n", printable(r, text));
	return t.len;
}

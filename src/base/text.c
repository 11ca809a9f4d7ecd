#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

struct text text_init(char *buf, size_t size)
{
	buf[0] = 0;
	return (struct text){ .buf = buf, .size = size };
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	t->len += (size_t)n;
	if (t->len >= t->size) {
		t->len = t->size - 1;
		t->cut = true;
	}
}

bool text_cut(const struct text *t)
{
	return t->cut;
}

const char *text_duration(char *buf, unsigned long long ms)
{
	unsigned long long s = ms / 1000;
	enum { SIZE = 32 };

	if (s == 0)
		snprintf(buf, SIZE, "%llu ms", ms);
	else if (s < 60)
		snprintf(buf, SIZE, "%llu s", s);
	else if (s < 3600)
		snprintf(buf, SIZE, "%llu min %llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, SIZE, "%llu h %llu min", s / 3600, s / 60 % 60);
	else
		snprintf(buf, SIZE, "%llu d %llu h", s / 86400, s / 3600 % 24);
	return buf;
}

const char *text_scaled(char *buf, unsigned long long value, const char *unit)
{
	static const char prefixes[] = "kMGTPE";
	enum { SIZE = 32 };
	double v = (double)value;
	int power = -1;

	if (value < 1000) {
		snprintf(buf, SIZE, "%llu%s%s", value, *unit ? " " : "", unit);
		return buf;
	}
	/* What would be written as 1000 is one of the next. */
	do {
		v /= 1000;
		power++;
	} while (v >= 999.5);
	snprintf(buf, SIZE, "%.*f %c%s", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, prefixes[power], unit);
	return buf;
}

const char *text_time(char *buf, unsigned long long realtime_ms)
{
	time_t s = (time_t)(realtime_ms / 1000);
	struct tm tm;
	size_t len;

	gmtime_r(&s, &tm);
	len = strftime(buf, TEXT_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, TEXT_TIME_MAX - len, ".%03lluZ", realtime_ms % 1000);
	return buf;
}

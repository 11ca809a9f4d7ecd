/* Text built piece by piece in a buffer of fixed size; what does not fit is cut off and text_cut() says so. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *buf;
	size_t size, len;
	bool cut;
};

/* size at least 1. The buffer always holds a NUL-terminated string. */
struct text text_init(char *buf, size_t size);
void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool text_cut(const struct text *t);
/* A duration as people say it: "4 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". Returns buf (at least 32 octets). */
const char *text_duration(char *buf, unsigned long long ms);
/* A size as people say it, three digits of it: "999 B", "1.23 kB", "12.3 MB"; unit "" for a count: "1.23 k". Returns buf (at least
 * 32 octets). */
const char *text_scaled(char *buf, unsigned long long value, const char *unit);
enum { TEXT_TIME_MAX = 32 };
/* A moment as in RFC 3339, in UTC: "2026-11-23T10:11:12.345Z". realtime_ms: since 1970. Returns buf. */
const char *text_time(char *buf, unsigned long long realtime_ms);

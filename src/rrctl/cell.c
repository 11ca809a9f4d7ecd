#include "rrctl/cell.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* C0, DEL, and C1 (U+0080 to U+009F, in UTF-8 c2 80 to c2 9f), which terminals obey too. */
static char *without_controls(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			p[0] = p[1] = '?';
	}
	return text;
}

static char *list_text(const struct row *list)
{
	char *all = NULL;

	for (size_t i = 0; i < row_list_size(list); i++) {
		const char *one = row_list_get_text(list, i);
		char *longer;

		if (!one)
			continue;
		longer = all ? mem_printf("%s, %s", all, one) : mem_strdup(one);
		free(all);
		all = longer;
	}
	return all;
}

char *cell_text(const struct row *r, const char *key)
{
	const char *text = row_get_text(r, key);
	char *made = NULL;

	if (text)
		made = *text ? mem_strdup(text) : NULL;
	else if (row_get(r, key))
		made = list_text(row_get(r, key));
	else if (row_get_bool(r, key, false) == row_get_bool(r, key, true))
		made = mem_strdup(row_get_bool(r, key, false) ? "yes" : "no");
	else if (row_get_int(r, key, 0) == row_get_int(r, key, 1))
		made = mem_printf("%lld", (long long)row_get_int(r, key, 0));
	else if (row_get_real(r, key, 0) == row_get_real(r, key, 1))
		made = mem_printf("%g", row_get_real(r, key, 0));
	return made ? without_controls(made) : NULL;
}

char *cell_milliseconds(const struct row *r, const char *key)
{
	int64_t ms = row_get_int(r, key, -1);
	char buf[32];

	return ms < 0 ? NULL : mem_strdup(text_duration(buf, (unsigned long long)ms));
}

char *cell_microseconds(const struct row *r, const char *key)
{
	int64_t us = row_get_int(r, key, -1);
	char buf[32];

	if (us < 0)
		return NULL;
	if (us < 1000)
		return mem_printf("%lld us", (long long)us);
	if (us < 100000)
		return mem_printf("%.1f ms", (double)us / 1000);
	return mem_strdup(text_duration(buf, (unsigned long long)us / 1000));
}

char *cell_percent(const struct row *r, const char *key)
{
	double v = row_get_real(r, key, -1);

	return v < 0 ? NULL : mem_printf("%.3g", v);
}

char *cell_scaled(const struct row *r, const char *key, const char *unit)
{
	int64_t value = row_get_int(r, key, -1);
	char buf[32];

	return value < 0 ? NULL : mem_strdup(text_scaled(buf, (unsigned long long)value, unit));
}

size_t cell_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += !is_continuation(*text);
	return width;
}

void cell_cut(char *text, size_t width)
{
	size_t at = 0;

	if (cell_width(text) <= width)
		return;
	for (; width > 1; width--)
		do
			at++;
		while (is_continuation(text[at]));
	text[at] = '+';
	text[at + 1] = '\0';
}

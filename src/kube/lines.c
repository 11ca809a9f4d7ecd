#include "kube/lines.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE_MIN = 4096 };

void kube_lines_init(struct kube_lines *l, size_t max)
{
	*l = (struct kube_lines){ .max = max };
}

void kube_lines_fini(struct kube_lines *l)
{
	free(l->held);
	*l = (struct kube_lines){ .max = l->max };
}

static void hold(struct kube_lines *l, const char *data, size_t len)
{
	if (!len)
		return;
	if (l->len + len > l->size) {
		l->size = l->size ? 2 * l->size : SIZE_MIN;
		if (l->size < l->len + len)
			l->size = l->len + len;
		l->held = mem_realloc(l->held, l->size);
	}
	memcpy(l->held + l->len, data, len);
	l->len += len;
}

static bool is_blank(const char *line, size_t len)
{
	return !len || (len == 1 && *line == '\r');
}

/* Moves the piece on to behind its first line's end, or its own. */
static size_t cut(const char **data, size_t *len, bool *whole)
{
	const char *end = memchr(*data, '\n', *len);
	size_t octets = end ? (size_t)(end - *data) : *len, used = octets + (end != NULL);

	*whole = end != NULL;
	*data += used;
	*len -= used;
	return octets;
}

enum kube_line kube_lines_next(
	struct kube_lines *l, const char **data, size_t *len, const char **line, size_t *line_len)
{
	if (l->given)
		l->len = 0;
	l->given = false;
	while (*len) {
		const char *start = *data;
		bool whole;
		size_t octets = cut(data, len, &whole);

		if (octets > l->max - l->len)
			return KUBE_LINE_LONG;
		if (!whole || l->len) {
			hold(l, start, octets);
			start = l->held;
			octets = l->len;
		}
		if (!whole)
			break;
		*line = start;
		*line_len = octets;
		l->given = !is_blank(start, octets);
		if (l->given)
			return KUBE_LINE_WHOLE;
		l->len = 0;
	}
	return KUBE_LINE_MORE;
}

size_t kube_lines_held(const struct kube_lines *l)
{
	return l->given ? 0 : l->len;
}

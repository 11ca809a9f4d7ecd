/*
 * The lines of a stream that comes in pieces of any size: pure, and bounded.
 *
 * A line that lies whole in one piece is given where it stands; only what is cut is copied and put together. Lines without
 * anything in them are left out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum kube_line { KUBE_LINE_MORE /* the piece is used up */, KUBE_LINE_WHOLE, KUBE_LINE_LONG };

struct kube_lines {
	size_t max; /* octets of a line, without its end */
	char *held; /* the beginning of a line */
	size_t len, size;
	bool given; /* held was given as a line, and is to be forgotten */
};

void kube_lines_init(struct kube_lines *l, size_t max);
void kube_lines_fini(struct kube_lines *l);
/* Takes from the piece (*data, *len: moved on) until a line is whole; to be called until it asks for more. line is valid until
 * the next call. After LONG nothing of the stream can be used any more. */
enum kube_line kube_lines_next(
	struct kube_lines *l, const char **data, size_t *len, const char **line, size_t *line_len);
/* Octets of a line that has not ended. */
size_t kube_lines_held(const struct kube_lines *l);

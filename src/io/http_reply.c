#include "io/http_reply.h"

#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	HEAD_MAX = 65536, /* status lines, headers and trailers together */
	BODY_SIZE_MIN = 1024,
	QUOTE_MAX = 24,
	CONTINUE = 100,
	SWITCHING = 101,
	OK = 200,
	NO_CONTENT = 204,
	NOT_MODIFIED = 304,
};

enum state { STATUS_LINE, HEADER, CHUNK_SIZE, CHUNK_END, TRAILER, BODY_LENGTH, BODY_CHUNK, BODY_TO_THE_END };

static const char begin[] = "HTTP/1.";

void http_reply_init(struct http_reply *r, size_t keep, bool head_only)
{
	*r = (struct http_reply){ .grpc_status = -1, .keep = keep, .head_only = head_only };
}

void http_reply_fini(struct http_reply *r)
{
	free(r->body);
	r->body = NULL;
}

/* --- the body --- */

static void make_room(struct http_reply *r, size_t more)
{
	size_t need = r->body_len + more + 1;

	if (need <= r->body_size)
		return;
	r->body_size = r->body_size ? 2 * r->body_size : BODY_SIZE_MIN;
	if (r->body_size < need)
		r->body_size = need;
	r->body = mem_realloc(r->body, r->body_size);
}

/* False when that was more than is wanted. */
static bool keep(struct http_reply *r, const char *data, size_t len)
{
	size_t left = r->keep - r->body_len, take = len < left ? len : left;

	make_room(r, take);
	memcpy(r->body + r->body_len, data, take);
	r->body_len += take;
	r->body[r->body_len] = '\0';
	r->body_cut = len > left;
	return len <= left;
}

/* Takes what belongs to the body, and says how much that was. */
static size_t take_body(struct http_reply *r, const char *data, size_t len, enum http_reply_verdict *verdict)
{
	size_t take = r->state == BODY_TO_THE_END || len < r->left ? len : (size_t)r->left;

	if (!keep(r, data, take)) {
		*verdict = HTTP_REPLY_DONE;
		return take;
	}
	if (r->state == BODY_TO_THE_END)
		return take;
	r->left -= take;
	if (!r->left && r->state == BODY_LENGTH)
		*verdict = HTTP_REPLY_DONE;
	else if (!r->left)
		r->state = CHUNK_END;
	return take;
}

/* --- the lines around it --- */

static enum http_reply_verdict wrong(struct http_reply *r, const char *what)
{
	struct text t = text_init(r->why, sizeof(r->why));

	text_add(&t, "%s \"", what);
	for (size_t i = 0; i < r->line_len && i < QUOTE_MAX; i++)
		text_add(&t, "%c", r->line[i] >= 0x20 && r->line[i] < 0x7f ? r->line[i] : '.');
	text_add(&t, "%s\"", r->line_len > QUOTE_MAX ? "..." : "");
	return HTTP_REPLY_WRONG;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK"; the words may be missing. */
static enum http_reply_verdict status_line(struct http_reply *r)
{
	const char *p = r->line + strlen(begin);

	if (!is_digit(p[0]) || p[1] != ' ' || p[2] < '1' || p[2] > '5' || !is_digit(p[3]) ||
		!is_digit(p[4]) || (p[5] && p[5] != ' '))
		return wrong(r, "its first line is");
	r->status = (p[2] - '0') * 100 + (p[3] - '0') * 10 + p[4] - '0';
	r->state = HEADER;
	return HTTP_REPLY_MORE;
}

/* The value of the header in r->line when it has this name, else NULL. */
static const char *value_of(const struct http_reply *r, const char *name)
{
	size_t len = strlen(name);
	const char *p = r->line + len + 1;

	if (strncasecmp(r->line, name, len) != 0 || r->line[len] != ':')
		return NULL;
	return p + strspn(p, " \t");
}

/* A number to that base, all of the text but white space and what follows end; false when it is none. */
static bool number(const char *text, int base, char end, uint64_t *out)
{
	size_t digits = strspn(text, base == 16 ? "0123456789abcdefABCDEF" : "0123456789");
	const char *rest = text + digits + strspn(text + digits, " \t");

	if (!digits || digits > 15 || (*rest && *rest != end))
		return false;
	*out = strtoull(text, NULL, base);
	return true;
}

/* The last coding of the list. */
static bool ends_with_chunked(const char *codings)
{
	const char *last = strrchr(codings, ','), *p = last ? last + 1 : codings;
	size_t len = strlen("chunked");

	p += strspn(p, " \t");
	return strncasecmp(p, "chunked", len) == 0 && !p[len + strspn(p + len, " \t")];
}

/* What a header or trailer says of gRPC. */
static void grpc_status(struct http_reply *r)
{
	const char *value = value_of(r, "grpc-status");
	uint64_t n;

	if (value && number(value, 10, '\0', &n) && n < 100)
		r->grpc_status = (int)n;
}

static enum http_reply_verdict header(struct http_reply *r)
{
	const char *length = value_of(r, "Content-Length"), *codings = value_of(r, "Transfer-Encoding");
	uint64_t n;

	grpc_status(r);
	if (codings)
		r->chunked = ends_with_chunked(codings);
	if (!length)
		return HTTP_REPLY_MORE;
	/* Two that differ would leave open where the answer ends. */
	if (!number(length, 10, '\0', &n) || (r->has_length && n != r->left))
		return wrong(r, "the length of its body is not clear:");
	r->has_length = true;
	r->left = n;
	return HTTP_REPLY_MORE;
}

static enum http_reply_verdict trailer(struct http_reply *r)
{
	if (!r->line_len)
		return HTTP_REPLY_DONE;
	grpc_status(r);
	return HTTP_REPLY_MORE;
}

/* RFC 9112 6.3. */
static enum http_reply_verdict head_is_over(struct http_reply *r)
{
	if (r->status >= CONTINUE && r->status < OK && r->status != SWITCHING) {
		r->chunked = r->has_length = false;
		r->left = 0;
		r->status = 0;
		r->state = STATUS_LINE;
		return HTTP_REPLY_MORE;
	}
	if (r->head_only || r->status == SWITCHING || r->status == NO_CONTENT || r->status == NOT_MODIFIED)
		return HTTP_REPLY_DONE;
	if (r->chunked)
		r->state = CHUNK_SIZE;
	else if (r->has_length)
		r->state = BODY_LENGTH;
	else
		r->state = BODY_TO_THE_END;
	return r->state == BODY_LENGTH && !r->left ? HTTP_REPLY_DONE : HTTP_REPLY_MORE;
}

static enum http_reply_verdict chunk_size(struct http_reply *r)
{
	if (!number(r->line, 16, ';', &r->left))
		return wrong(r, "the size of a chunk is");
	r->state = r->left ? BODY_CHUNK : TRAILER;
	return HTTP_REPLY_MORE;
}

static enum http_reply_verdict line_is_whole(struct http_reply *r)
{
	switch ((enum state)r->state) {
	case STATUS_LINE:
		return status_line(r);
	case HEADER:
		return r->line_len ? header(r) : head_is_over(r);
	case CHUNK_SIZE:
		return chunk_size(r);
	case CHUNK_END:
		r->state = CHUNK_SIZE;
		return r->line_len ? wrong(r, "behind a chunk stands") : HTTP_REPLY_MORE;
	case TRAILER:
		return trailer(r);
	case BODY_LENGTH:
	case BODY_CHUNK:
	case BODY_TO_THE_END:
		break;
	}
	return HTTP_REPLY_MORE;
}

static bool can_be_http(const struct http_reply *r)
{
	size_t len = r->line_len < strlen(begin) ? r->line_len : strlen(begin);

	return r->state != STATUS_LINE || memcmp(r->line, begin, len) == 0;
}

static void add_to_line(struct http_reply *r, const char *data, size_t len)
{
	size_t room = sizeof(r->line) - 1 - r->line_len, take = len < room ? len : room;

	memcpy(r->line + r->line_len, data, take);
	r->line_len += take;
	r->line[r->line_len] = '\0';
}

/* Takes octets up to the end of the line, and says how many. */
static size_t take_line(struct http_reply *r, const char *data, size_t len, enum http_reply_verdict *verdict)
{
	const char *end = memchr(data, '\n', len);
	size_t part = end ? (size_t)(end - data) : len;

	add_to_line(r, data, part);
	if (r->state != CHUNK_SIZE && r->state != CHUNK_END)
		r->head_len += part + (end != NULL);
	if (!can_be_http(r) || (end && r->state == STATUS_LINE && r->line_len < strlen(begin)))
		*verdict = wrong(r, "it begins with");
	else if (r->head_len > HEAD_MAX)
		*verdict = wrong(r, "its head has more than 64 KiB, among it");
	if (!end || *verdict != HTTP_REPLY_MORE)
		return part;
	if (r->line_len && r->line[r->line_len - 1] == '\r')
		r->line[--r->line_len] = '\0';
	*verdict = line_is_whole(r);
	r->line_len = 0;
	r->line[0] = '\0';
	return part + 1;
}

enum http_reply_verdict http_reply_feed(struct http_reply *r, const char *data, size_t len)
{
	enum http_reply_verdict verdict = HTTP_REPLY_MORE;

	while (len && verdict == HTTP_REPLY_MORE) {
		size_t taken = r->state < BODY_LENGTH ? take_line(r, data, len, &verdict)
						      : take_body(r, data, len, &verdict);

		assert(taken <= len);
		data += taken;
		len -= taken;
	}
	return verdict;
}

enum http_reply_verdict http_reply_end(struct http_reply *r)
{
	return r->state == BODY_TO_THE_END ? HTTP_REPLY_DONE : HTTP_REPLY_BROKEN;
}

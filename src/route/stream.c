#include "route/stream.h"

#include "base/mem.h"
#include "bgp/proto.h"

#include <assert.h>
#include <stdlib.h>

enum { CHUNK_SIZE = 128 * 1024, SEGMENTS_FIRST = 16, BLOCK_SIZE = 1024 };

struct segment {
	const void *source, *only;
	uint32_t end; /* begins where the one before it ends */
};

struct route_chunk {
	struct list link;
	uint32_t readers; /* positions in this chunk */
	uint32_t used;
	uint32_t segments, segments_size;
	struct segment *segment;
	uint32_t begin[CHUNK_SIZE / BLOCK_SIZE]; /* of the message that a block's first octet belongs to */
	uint8_t data[CHUNK_SIZE];
};

void route_stream_init(struct route_stream *s)
{
	*s = (struct route_stream){ .bytes = 0 };
	list_init(&s->chunks);
}

static void drop(struct route_stream *s, struct route_chunk *c)
{
	list_del(&c->link);
	s->bytes -= sizeof(*c);
	free(c->segment);
	free(c);
}

void route_stream_fini(struct route_stream *s)
{
	LIST_FOREACH (l, &s->chunks)
		drop(s, LIST_ENTRY(l, struct route_chunk, link));
}

static struct route_chunk *first(const struct route_stream *s)
{
	return list_empty(&s->chunks) ? NULL : LIST_ENTRY(s->chunks.next, struct route_chunk, link);
}

static struct route_chunk *last(const struct route_stream *s)
{
	return list_empty(&s->chunks) ? NULL : LIST_ENTRY(s->chunks.prev, struct route_chunk, link);
}

static struct route_chunk *after(const struct route_stream *s, const struct route_chunk *c)
{
	return c->link.next == &s->chunks ? NULL : LIST_ENTRY(c->link.next, struct route_chunk, link);
}

uint8_t *route_stream_room(struct route_stream *s, size_t len)
{
	struct route_chunk *c = last(s);

	if (!c || sizeof(c->data) - c->used < len) {
		c = mem_alloc(sizeof(*c));
		c->link = (struct list){ NULL, NULL };
		c->readers = c->used = c->segments = c->segments_size = 0;
		c->segment = NULL;
		list_add_tail(&s->chunks, &c->link);
		s->bytes += sizeof(*c);
	}
	return c->data + c->used;
}

/* A message was appended from offset at on. */
static void note_blocks(struct route_chunk *c, uint32_t at, uint32_t end)
{
	for (uint32_t b = (at + BLOCK_SIZE - 1) / BLOCK_SIZE; b * BLOCK_SIZE < end; b++)
		c->begin[b] = at;
}

void route_stream_commit(struct route_stream *s, size_t len, const void *source, const void *only)
{
	struct route_chunk *c = last(s);
	struct segment *seg = c->segments ? &c->segment[c->segments - 1] : NULL;

	note_blocks(c, c->used, c->used + (uint32_t)len);
	c->used += (uint32_t)len;
	s->appended += len;
	if (seg && seg->source == source && seg->only == only) {
		seg->end = c->used;
		return;
	}
	if (c->segments == c->segments_size) {
		c->segments_size = c->segments_size ? c->segments_size * 2 : SEGMENTS_FIRST;
		c->segment = mem_realloc(c->segment, c->segments_size * sizeof(*c->segment));
	}
	assert(c->segment);
	c->segment[c->segments++] = (struct segment){ source, only, c->used };
}

/* Frees chunks at the front that nobody reads; the last one stays while there are readers, to be appended to. */
static void trim(struct route_stream *s)
{
	struct route_chunk *c;

	while ((c = first(s)) && c->readers == 0)
		drop(s, c);
}

void route_stream_attach(struct route_stream *s, struct route_stream_pos *pos)
{
	struct route_chunk *c = last(s);

	if (!c) {
		route_stream_room(s, 0);
		c = last(s);
	}
	c->readers++;
	*pos = (struct route_stream_pos){ .chunk = c, .offset = c->used, .position = s->appended };
}

void route_stream_detach(struct route_stream *s, struct route_stream_pos *pos)
{
	if (!pos->chunk)
		return;
	pos->chunk->readers--;
	pos->chunk = NULL;
	trim(s);
}

static bool for_me(const struct segment *seg, const void *me)
{
	return seg->only ? seg->only == me : seg->source != me;
}

/* The segment that holds an offset below used. */
static uint32_t segment_at(const struct route_chunk *c, uint32_t offset)
{
	uint32_t low = 0, high = c->segments - 1;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (c->segment[mid].end > offset)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void step_chunk(struct route_stream *s, struct route_stream_pos *pos, struct route_chunk *next)
{
	pos->chunk->readers--;
	next->readers++;
	pos->chunk = next;
	pos->offset = 0;
	trim(s);
}

bool route_stream_ready(struct route_stream *s, struct route_stream_pos *pos, const void *me)
{
	for (;;) {
		struct route_chunk *c = pos->chunk, *next;

		while (pos->offset < c->used) {
			const struct segment *seg = &c->segment[segment_at(c, pos->offset)];

			if (for_me(seg, me))
				return true;
			pos->position += seg->end - pos->offset;
			pos->offset = seg->end;
		}
		next = after(s, c);
		if (!next)
			return false;
		step_chunk(s, pos, next);
	}
}

/* Calls fn for each run of octets behind the position that is for me, until fn returns false. */
static void each_run(const struct route_stream *s, const struct route_stream_pos *pos, const void *me,
	bool (*fn)(void *user, const uint8_t *data, size_t len), void *user)
{
	const struct route_chunk *c = pos->chunk;
	uint32_t offset = pos->offset;
	uint32_t i = offset < c->used ? segment_at(c, offset) : c->segments;

	for (; c; c = after(s, c), offset = i = 0)
		for (; i < c->segments; offset = c->segment[i++].end)
			if (for_me(&c->segment[i], me) &&
				!fn(user, c->data + offset, c->segment[i].end - offset))
				return;
}

struct peek {
	struct iovec *iov;
	int n, max;
	size_t total;
};

static bool peek_run(void *user, const uint8_t *data, size_t len)
{
	struct peek *p = user;

	if (p->n == p->max)
		return false;
	p->iov[p->n++] = (struct iovec){ (void *)(uintptr_t)data, len };
	p->total += len;
	return true;
}

int route_stream_peek(const struct route_stream *s, const struct route_stream_pos *pos, const void *me,
	struct iovec *iov, int max, size_t *total)
{
	struct peek p = { .iov = iov, .max = max };

	each_run(s, pos, me, peek_run, &p);
	*total += p.total;
	return p.n;
}

static uint32_t message_len(const uint8_t *message)
{
	return (uint32_t)message[16] << 8 | message[17];
}

/* What is left of the message that an offset lies in: 0 between two. Members write about as much as a chunk holds, so
 * going from header to header all the way would be the larger part of what a write costs us. */
static uint32_t rest_at(const struct route_chunk *c, uint32_t offset)
{
	uint32_t at;

	if (offset == c->used)
		return 0;
	for (at = c->begin[offset / BLOCK_SIZE]; at < offset; at += message_len(c->data + at))
		;
	return at - offset;
}

void route_stream_consume(struct route_stream *s, struct route_stream_pos *pos, const void *me, size_t octets)
{
	while (octets && route_stream_ready(s, pos, me)) {
		struct route_chunk *c = pos->chunk;
		size_t n = c->segment[segment_at(c, pos->offset)].end - pos->offset;

		if (n > octets)
			n = octets;
		pos->offset += (uint32_t)n;
		pos->position += n;
		octets -= n;
	}
	pos->rest = rest_at(pos->chunk, pos->offset);
	route_stream_ready(s, pos, me);
}

const uint8_t *route_stream_rest(const struct route_stream_pos *pos)
{
	return pos->chunk->data + pos->offset;
}

const uint8_t *route_stream_next(
	struct route_stream *s, struct route_stream_pos *pos, const void *me, size_t *len)
{
	const uint8_t *message;

	if (!route_stream_ready(s, pos, me))
		return NULL;
	message = pos->chunk->data + pos->offset;
	*len = message_len(message);
	pos->offset += (uint32_t)*len;
	pos->position += *len;
	return message;
}

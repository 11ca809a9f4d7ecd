/*
 * AS_PATH. Inside this program a path is always the wire's form with AS numbers of 4 octets; it was checked when it
 * came in, so that everything but bgp_as_path_check() may walk it without looking for errors.
 *
 * Owns nothing: results point into their argument or into the arena given. Does not know whose path it is: the AS of
 * the neighbor, loops and limits are policy.
 *
 * RFC 4271 4.3, 5.1.2, 9.1.2.2; RFC 5065 (confederations); RFC 6793 (4-octet AS numbers); RFC 7607 (AS 0).
 */
#include "bgp/as_path.h"

#include "base/cursor.h"
#include "base/text.h"

#include <string.h>

enum {
	SEGMENT_HEADER_LEN = 2,
	SEGMENT_MAX = 255,
	/* With room for one more AS in front, so that no path leaves the AS without ours. From a peer of 4-octet AS numbers none is as
	 * long as this, since a message is not. */
	PATH_MAX_LEN = UINT16_MAX - SEGMENT_HEADER_LEN - 4,
};

struct segment {
	uint8_t type; /* enum bgp_as_segment */
	uint8_t count;
	const uint8_t *as; /* count numbers */
};

/* The next segment of a path with numbers of as_size octets; false at the end and when the segment is cut short. */
static bool next_segment(struct cursor *c, unsigned as_size, struct segment *out)
{
	if (!cursor_left(c))
		return false;
	out->type = cursor_u8(c);
	out->count = cursor_u8(c);
	out->as = cursor_bytes(c, (size_t)out->count * as_size);
	return cursor_ok(c);
}

static uint32_t load_as(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t segment_as(const struct segment *s, unsigned i)
{
	return load_as(s->as + (size_t)i * 4);
}

static bool is_confederation(const struct segment *s)
{
	return s->type == BGP_AS_CONFED_SEQUENCE || s->type == BGP_AS_CONFED_SET;
}

static bool has_as_zero(const struct segment *s, unsigned as_size)
{
	static const uint8_t zero[4];

	for (unsigned i = 0; i < s->count; i++)
		if (memcmp(s->as + (size_t)i * as_size, zero, as_size) == 0)
			return true;
	return false;
}

const char *bgp_as_path_check(struct bgp_octets as_path, unsigned as_size, bool confederation_allowed)
{
	struct cursor c = cursor_init(as_path.data, as_path.len);
	struct segment s;

	while (next_segment(&c, as_size, &s)) {
		if (s.type < BGP_AS_SET || s.type > BGP_AS_CONFED_SET)
			return "segment type unknown";
		if (s.count == 0)
			return "segment without AS numbers";
		if (is_confederation(&s) && !confederation_allowed)
			return "confederation segment from an external neighbor";
		if (has_as_zero(&s, as_size))
			return "AS 0 in the path";
	}
	return cursor_ok(&c) ? NULL : "segment longer than the attribute";
}

static void append_segment(struct writer *w, uint8_t type, const uint8_t *as, unsigned count)
{
	uint8_t *p = writer_skip(w, SEGMENT_HEADER_LEN + (size_t)count * 4);

	if (!p)
		return;
	p[0] = type;
	p[1] = (uint8_t)count;
	memcpy(p + SEGMENT_HEADER_LEN, as, (size_t)count * 4);
}

bool bgp_as_path_widen(struct bgp_octets narrow, struct arena *arena, struct bgp_octets *out)
{
	size_t room = (size_t)narrow.len * 2;
	struct cursor c = cursor_init(narrow.data, narrow.len);
	struct writer w = writer_init(arena_alloc(arena, room), room);
	struct segment s;

	while (next_segment(&c, 2, &s)) {
		writer_u8(&w, s.type);
		writer_u8(&w, s.count);
		for (size_t i = 0; i < s.count; i++)
			writer_u32(&w, (uint32_t)s.as[i * 2] << 8 | s.as[i * 2 + 1]);
	}
	*out = (struct bgp_octets){ .data = w.start, .len = (uint16_t)writer_len(&w) };
	return writer_len(&w) <= PATH_MAX_LEN;
}

/* Writes the first n AS numbers of the path; a confederation segment goes with what stands in front of it. Returns the
 * segment written last, NULL when there is none. */
static uint8_t *append_leading(struct writer *w, struct bgp_octets as_path, unsigned n)
{
	struct cursor c = cursor_init(as_path.data, as_path.len);
	uint8_t *last = NULL;
	struct segment s;

	while (next_segment(&c, 4, &s)) {
		unsigned take = s.count;

		if (!is_confederation(&s)) {
			if (n == 0)
				break;
			if (s.type == BGP_AS_SEQUENCE && take > n)
				take = n;
			n -= s.type == BGP_AS_SET ? 1 : take;
		}
		last = w->p;
		append_segment(w, s.type, s.as, take);
		if (take < s.count)
			break;
	}
	return last;
}

/* Joins a sequence to the one before it where they fit into one segment, so that a merged path is the path that a
 * peer with 4-octet numbers would have sent. */
static bool join_sequence(struct writer *w, uint8_t *last, const struct segment *s)
{
	if (!last || last[0] != BGP_AS_SEQUENCE || s->type != BGP_AS_SEQUENCE ||
		last[1] + s->count > SEGMENT_MAX)
		return false;
	last[1] = (uint8_t)(last[1] + s->count);
	writer_bytes(w, s->as, (size_t)s->count * 4);
	return true;
}

struct bgp_octets bgp_as_path_merge(
	struct bgp_octets as_path, struct bgp_octets as4_path, struct arena *arena)
{
	unsigned all = bgp_as_path_length(as_path), new_part = bgp_as_path_length(as4_path);
	size_t room = (size_t)as_path.len + as4_path.len;
	struct cursor c = cursor_init(as4_path.data, as4_path.len);
	struct segment s;
	struct writer w;
	uint8_t *last;

	if (all < new_part)
		return as_path;
	w = writer_init(arena_alloc(arena, room), room);
	last = append_leading(&w, as_path, all - new_part);
	while (next_segment(&c, 4, &s)) {
		/* RFC 6793 3: confederation segments do not belong into AS4_PATH. */
		if (is_confederation(&s))
			continue;
		if (!join_sequence(&w, last, &s))
			append_segment(&w, s.type, s.as, s.count);
		last = NULL;
	}
	if (writer_len(&w) > PATH_MAX_LEN)
		return as_path;
	return (struct bgp_octets){ .data = w.start, .len = (uint16_t)writer_len(&w) };
}

size_t bgp_as_path_narrow_len(struct bgp_octets as_path)
{
	struct cursor c = cursor_init(as_path.data, as_path.len);
	struct segment s;
	size_t n = 0;

	while (next_segment(&c, 4, &s))
		n += SEGMENT_HEADER_LEN + (size_t)s.count * 2;
	return n;
}

void bgp_as_path_encode_narrow(struct writer *w, struct bgp_octets as_path)
{
	struct cursor c = cursor_init(as_path.data, as_path.len);
	struct segment s;

	while (next_segment(&c, 4, &s)) {
		writer_u8(w, s.type);
		writer_u8(w, s.count);
		for (unsigned i = 0; i < s.count; i++) {
			uint32_t as = segment_as(&s, i);

			writer_u16(w, as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)as);
		}
	}
}

size_t bgp_as4_path_len(struct bgp_octets as_path)
{
	struct cursor c = cursor_init(as_path.data, as_path.len);
	bool needed = false;
	struct segment s;
	size_t n = 0;

	while (next_segment(&c, 4, &s)) {
		if (is_confederation(&s))
			continue;
		for (unsigned i = 0; i < s.count && !needed; i++)
			needed = segment_as(&s, i) > UINT16_MAX;
		n += SEGMENT_HEADER_LEN + (size_t)s.count * 4;
	}
	return needed ? n : 0;
}

void bgp_as4_path_encode(struct writer *w, struct bgp_octets as_path)
{
	struct cursor c = cursor_init(as_path.data, as_path.len);
	struct segment s;

	while (next_segment(&c, 4, &s))
		if (!is_confederation(&s))
			append_segment(w, s.type, s.as, s.count);
}

unsigned bgp_as_path_length(struct bgp_octets as_path)
{
	struct cursor c = cursor_init(as_path.data, as_path.len);
	unsigned n = 0;
	struct segment s;

	while (next_segment(&c, 4, &s)) {
		if (s.type == BGP_AS_SEQUENCE)
			n += s.count;
		else if (s.type == BGP_AS_SET)
			n++;
	}
	return n;
}

uint32_t bgp_as_path_neighbor(struct bgp_octets as_path)
{
	struct cursor c = cursor_init(as_path.data, as_path.len);
	struct segment s;

	while (next_segment(&c, 4, &s))
		if (!is_confederation(&s))
			return s.type == BGP_AS_SEQUENCE ? segment_as(&s, 0) : 0;
	return 0;
}

uint32_t bgp_as_path_origin(struct bgp_octets as_path)
{
	struct cursor c = cursor_init(as_path.data, as_path.len);
	uint32_t origin = 0;
	struct segment s;

	while (next_segment(&c, 4, &s)) {
		bool sequence = s.type == BGP_AS_SEQUENCE || s.type == BGP_AS_CONFED_SEQUENCE;

		origin = sequence ? segment_as(&s, s.count - 1u) : 0;
	}
	return origin;
}

bool bgp_as_path_contains(struct bgp_octets as_path, uint32_t as)
{
	struct cursor c = cursor_init(as_path.data, as_path.len);
	struct segment s;

	while (next_segment(&c, 4, &s))
		for (unsigned i = 0; i < s.count; i++)
			if (segment_as(&s, i) == as)
				return true;
	return false;
}

struct bgp_octets bgp_as_path_prepend(struct bgp_octets as_path, uint32_t as, struct arena *arena)
{
	size_t room = (size_t)as_path.len + SEGMENT_HEADER_LEN + 4;
	struct cursor c = cursor_init(as_path.data, as_path.len);
	struct segment s = { 0 };
	struct writer w;
	bool joins;

	if (room > UINT16_MAX)
		return as_path;
	w = writer_init(arena_alloc(arena, room), room);
	joins = next_segment(&c, 4, &s) && s.type == BGP_AS_SEQUENCE && s.count < SEGMENT_MAX;
	writer_u8(&w, BGP_AS_SEQUENCE);
	writer_u8(&w, joins ? (uint8_t)(s.count + 1) : 1);
	writer_u32(&w, as);
	if (joins)
		writer_bytes(&w, s.as, as_path.len - (size_t)SEGMENT_HEADER_LEN);
	else
		writer_bytes(&w, as_path.data, as_path.len);
	return (struct bgp_octets){ .data = w.start, .len = (uint16_t)writer_len(&w) };
}

struct bgp_octets bgp_as_path_leave_confederation(struct bgp_octets as_path, struct arena *arena)
{
	struct cursor c = cursor_init(as_path.data, as_path.len);
	bool any = false;
	struct segment s;
	struct writer w;

	while (next_segment(&c, 4, &s))
		any |= is_confederation(&s);
	if (!any)
		return as_path;
	w = writer_init(arena_alloc(arena, as_path.len), as_path.len);
	for (c = cursor_init(as_path.data, as_path.len); next_segment(&c, 4, &s);)
		if (!is_confederation(&s))
			append_segment(&w, s.type, s.as, s.count);
	return (struct bgp_octets){ .data = w.start, .len = (uint16_t)writer_len(&w) };
}

const char *bgp_as_path_format(struct bgp_octets as_path, char *buf, size_t size)
{
	static const char brackets[][3] = { [BGP_AS_SET] = "{}",
		[BGP_AS_SEQUENCE] = "",
		[BGP_AS_CONFED_SEQUENCE] = "()",
		[BGP_AS_CONFED_SET] = "[]" };
	struct cursor c = cursor_init(as_path.data, as_path.len);
	struct text t = text_init(buf, size);
	struct segment s;

	while (next_segment(&c, 4, &s) && !text_cut(&t)) {
		const char *around = brackets[s.type];

		if (t.len)
			text_add(&t, " ");
		if (around[0])
			text_add(&t, "%c", around[0]);
		for (unsigned i = 0; i < s.count && !text_cut(&t); i++)
			text_add(&t, i ? " %u" : "%u", segment_as(&s, i));
		if (around[0])
			text_add(&t, "%c", around[1]);
	}
	return buf;
}

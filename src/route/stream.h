/*
 * An update group's stream: encoded messages shared by all members that keep up.
 *
 * Messages are appended once, in chunks; each member reads at its own position and a chunk is freed when the last reader
 * has left it. A segment is a run of messages with one source: the member it came from skips it (never back to the
 * source); a segment with `only` is read by one member alone.
 */
#pragma once

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct route_chunk;

struct route_stream {
	struct list chunks;
	uint64_t appended; /* octets, ever */
	size_t bytes;	   /* held by chunks */
};

/* A member's position. chunk NULL: at the end of an empty stream. */
struct route_stream_pos {
	struct route_chunk *chunk;
	uint32_t offset;
	uint32_t rest;	   /* octets of a message partly sent */
	uint64_t position; /* in octets ever appended */
};

void route_stream_init(struct route_stream *s);
void route_stream_fini(struct route_stream *s);

/* Room for a message of up to len octets; commit appends it with its tags (peers, as identities only). */
uint8_t *route_stream_room(struct route_stream *s, size_t len);
void route_stream_commit(struct route_stream *s, size_t len, const void *source, const void *only);

/* Puts a position at the end: reads what comes. Detach before the position's memory goes. */
void route_stream_attach(struct route_stream *s, struct route_stream_pos *pos);
void route_stream_detach(struct route_stream *s, struct route_stream_pos *pos);
/* Moves the position over what is not for me; true when there is something for me to read. */
bool route_stream_ready(struct route_stream *s, struct route_stream_pos *pos, const void *me);
int route_stream_peek(const struct route_stream *s, const struct route_stream_pos *pos, const void *me,
	struct iovec *iov, int max, size_t *total);
void route_stream_consume(
	struct route_stream *s, struct route_stream_pos *pos, const void *me, size_t octets);
/* The rest of the message partly sent, pos->rest octets. */
const uint8_t *route_stream_rest(const struct route_stream_pos *pos);
/* Takes the next message that is for me, at a boundary; NULL when there is none. It stays where it is until the next call. */
const uint8_t *route_stream_next(
	struct route_stream *s, struct route_stream_pos *pos, const void *me, size_t *len);

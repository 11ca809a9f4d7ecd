/*
 * The wire as the benchmark needs it: OPEN by way of the project's own encoder, and a walk over received messages that is
 * far faster than any daemon measured. It believes what it reads about attributes and bounds every length. IPv4 unicast.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_HEADER = 19, WIRE_MESSAGE_MAX = 4096, WIRE_OPEN_MAX = 256 };

struct wire_identity {
	uint32_t as, bgp_identifier;
	uint16_t hold_time_s;
	uint8_t add_path; /* enum bgp_add_path */
};

/* Writes an OPEN and returns its length; out has WIRE_OPEN_MAX octets. */
size_t wire_open(uint8_t *out, const struct wire_identity *id);
size_t wire_keepalive(uint8_t *out);
/* What an OPEN (the whole message) says of add-path for IPv4 unicast and who it is from; false: it is malformed. */
bool wire_open_read(const uint8_t *message, size_t len, struct wire_identity *out);

static inline size_t wire_length(const uint8_t *header)
{
	return (size_t)(header[16] << 8 | header[17]);
}

static inline uint8_t wire_type(const uint8_t *header)
{
	return header[18];
}

struct wire_field {
	const uint8_t *p;
	size_t len;
};

/* Where in an UPDATE the prefixes are. */
struct wire_update {
	struct wire_field withdrawn, announced; /* of the message itself */
	struct wire_field unreached, reached;	/* of MP_UNREACH_NLRI and MP_REACH_NLRI */
	uint32_t med, originator_id;		/* 0: none */
};

/* message: header included. False when a length leads outside. */
bool wire_update(const uint8_t *message, size_t len, struct wire_update *out);

struct wire_prefix {
	uint32_t address, path_id;
	uint8_t len;
};

/* Takes one prefix off the field; false when its end is reached or cut short (f->len is then not 0). */
static inline bool wire_next(struct wire_field *f, bool add_path, struct wire_prefix *out)
{
	size_t need = add_path ? 5 : 1, octets;
	const uint8_t *p = f->p;

	if (f->len < need)
		return false;
	out->path_id = 0;
	if (add_path) {
		out->path_id = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
		p += 4;
	}
	out->len = *p++;
	octets = (out->len + 7u) / 8;
	if (octets > 4 || f->len < need + octets)
		return false;
	out->address = 0;
	for (size_t i = 0; i < octets; i++)
		out->address |= (uint32_t)p[i] << (24 - 8 * i);
	f->p = p + octets;
	f->len -= need + octets;
	return true;
}

#include "bfd/auth.h"

#include "io/sha1.h"

#include <string.h>

enum {
	SECTION_LEN = 28,
	WHOLE_LEN = BFD_PACKET_LEN + SECTION_LEN,
	FLAGS_AT = 1,
	LENGTH_AT = 3,
	DIGEST_AT = BFD_PACKET_LEN + 8,
	FLAG_AUTHENTICATION = 0x04,
	AHEAD = 3, /* times the detection multiplier */
};

bool bfd_auth_sign(const struct bfd_auth *a, struct bfd_auth_state *st, struct writer *w)
{
	uint8_t digest[IO_SHA1_LEN];

	if (a->type == BFD_AUTH_NONE)
		return true;
	writer_u8(w, (uint8_t)a->type);
	writer_u8(w, SECTION_LEN);
	writer_u8(w, a->key_id);
	writer_u8(w, 0);
	writer_u32(w, ++st->sent);
	writer_bytes(w, a->key, sizeof(a->key));
	if (!writer_ok(w) || writer_len(w) != WHOLE_LEN)
		return false;
	w->start[FLAGS_AT] |= FLAG_AUTHENTICATION;
	w->start[LENGTH_AT] = WHOLE_LEN;
	if (!io_sha1(w->start, WHOLE_LEN, digest))
		return false;
	memcpy(w->start + DIGEST_AT, digest, sizeof(digest));
	return true;
}

/* In time that tells nothing of where they part. */
static bool same_octets(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

static bool sequence_fits(
	const struct bfd_auth *a, const struct bfd_auth_state *st, uint32_t sequence, uint8_t detect_mult)
{
	uint32_t ahead = sequence - st->received;

	if (!st->known)
		return true;
	return ahead <= (uint32_t)AHEAD * detect_mult && (ahead || a->type != BFD_AUTH_METICULOUS_KEYED_SHA1);
}

bool bfd_auth_check(const struct bfd_auth *a, struct bfd_auth_state *st, const uint8_t *octets, size_t len,
	const struct bfd_packet *p, uint8_t detect_mult)
{
	struct cursor c = cursor_init(octets + BFD_PACKET_LEN, len - BFD_PACKET_LEN);
	uint8_t whole[WHOLE_LEN], digest[IO_SHA1_LEN], type, section_len, key_id;
	uint32_t sequence;

	if (a->type == BFD_AUTH_NONE || !p->authenticated)
		return a->type == BFD_AUTH_NONE && !p->authenticated;
	type = cursor_u8(&c);
	section_len = cursor_u8(&c);
	key_id = cursor_u8(&c);
	cursor_u8(&c);
	sequence = cursor_u32(&c);
	cursor_bytes(&c, IO_SHA1_LEN);
	if (!cursor_ok(&c) || octets[LENGTH_AT] != WHOLE_LEN || type != a->type ||
		section_len != SECTION_LEN || key_id != a->key_id ||
		!sequence_fits(a, st, sequence, detect_mult))
		return false;
	memcpy(whole, octets, WHOLE_LEN);
	memcpy(whole + DIGEST_AT, a->key, sizeof(a->key));
	if (!io_sha1(whole, WHOLE_LEN, digest) || !same_octets(digest, octets + DIGEST_AT, IO_SHA1_LEN))
		return false;
	st->received = sequence;
	st->known = true;
	return true;
}

bool bfd_auth_equal(const struct bfd_auth *a, const struct bfd_auth *b)
{
	return a->type == b->type && a->key_id == b->key_id && memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

const char *bfd_auth_text(enum bfd_auth_type type)
{
	switch (type) {
	case BFD_AUTH_KEYED_SHA1:
		return "keyed-sha1";
	case BFD_AUTH_METICULOUS_KEYED_SHA1:
		return "meticulous-keyed-sha1";
	case BFD_AUTH_NONE:
		break;
	}
	return "none";
}

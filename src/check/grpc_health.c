#include "check/grpc_health.h"

#include "base/cursor.h"
#include "base/writer.h"

#include <string.h>

/* protobuf: a field's number and the type of what follows it. */
enum {
	TYPE_VARINT = 0,
	TYPE_64 = 1,
	TYPE_OCTETS = 2,
	TYPE_32 = 5,
	FIELD_NAME = 1 << 3 | TYPE_OCTETS, /* of the request */
	/* cppcheck-suppress badBitmaskCheck; made of its parts. */
	FIELD_STATUS = 1 << 3 | TYPE_VARINT, /* of the answer */
};

static void put_varint(struct writer *w, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		writer_u8(w, (uint8_t)(v | 0x80));
	writer_u8(w, (uint8_t)v);
}

static uint64_t get_varint(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t octet = cursor_u8(c);

		v |= (uint64_t)(octet & 0x7f) << shift;
		if (!(octet & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

size_t grpc_health_encode(const char *service, uint8_t buf[GRPC_HEALTH_REQUEST_MAX])
{
	struct writer w = writer_init(buf, GRPC_HEALTH_REQUEST_MAX);
	size_t len = strlen(service);
	uint8_t *message;

	writer_u8(&w, 0);
	writer_skip(&w, 4);
	message = w.p;
	if (len) {
		put_varint(&w, FIELD_NAME);
		put_varint(&w, len);
		writer_bytes(&w, service, len);
	}
	len = (size_t)(w.p - message);
	w.p = buf + 1;
	writer_u32(&w, (uint32_t)len);
	return w.full ? 0 : 5 + len;
}

static void skip_field(struct cursor *c, unsigned type)
{
	switch (type) {
	case TYPE_VARINT:
		get_varint(c);
		break;
	case TYPE_64:
		cursor_bytes(c, 8);
		break;
	case TYPE_OCTETS:
		cursor_bytes(c, get_varint(c));
		break;
	case TYPE_32:
		cursor_bytes(c, 4);
		break;
	default:
		c->bad = true;
	}
}

int64_t grpc_health_decode(const void *body, size_t len)
{
	struct cursor c = cursor_init(body, len), message;
	uint8_t compressed = cursor_u8(&c);
	uint64_t status = 0;

	message = cursor_sub(&c, cursor_u32(&c));
	while (cursor_ok(&message) && cursor_left(&message)) {
		uint64_t field = get_varint(&message);

		if (field == FIELD_STATUS)
			status = get_varint(&message);
		else
			skip_field(&message, field & 7);
	}
	return compressed || !cursor_ok(&message) || status > INT32_MAX ? -1 : (int64_t)status;
}

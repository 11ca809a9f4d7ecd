/* What a checked server answers: HTTP in pieces (the first octet is the size of a piece, and whether the question was HEAD), and
 * gRPC's health answer. Cut into other pieces it is judged the same. */
#include "fuzz.h"

#include "check/grpc_health.h"
#include "io/http_reply.h"

static enum http_reply_verdict feed(struct http_reply *r, const char *data, size_t size, size_t piece)
{
	enum http_reply_verdict v = HTTP_REPLY_MORE;

	for (size_t at = 0; at < size && v == HTTP_REPLY_MORE; at += piece)
		v = http_reply_feed(r, data + at, size - at < piece ? size - at : piece);
	return v == HTTP_REPLY_MORE ? http_reply_end(r) : v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size ? 1 + data[0] % 64 : 1;
	bool head = size && data[0] & 0x80;
	struct http_reply r, whole;
	char *text;

	size -= size > 0;
	text = fuzz_copy(data + 1, size);
	http_reply_init(&r, 1000, head);
	http_reply_init(&whole, 1000, head);
	FUZZ_CHECK(feed(&r, text, size, piece) == feed(&whole, text, size, size + 1));
	FUZZ_CHECK(r.status == whole.status && r.body_len == whole.body_len && r.body_len <= 1000);
	FUZZ_CHECK(r.body_len == 0 || memcmp(r.body, whole.body, r.body_len) == 0);
	http_reply_fini(&r);
	http_reply_fini(&whole);
	grpc_health_decode(text, size);
	free(text);
	return 0;
}

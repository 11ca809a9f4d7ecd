/* The stream of a session: frames, and of these ROUTE-REFRESH and NOTIFICATION. What was read can be written and is then read as the
 * same; what the log says of it is printable. */
#include "fuzz.h"

#include "bgp/describe.h"
#include "bgp/message.h"

#include <ctype.h>

static void printable(const char *text)
{
	for (; *text; text++)
		FUZZ_CHECK(isprint((unsigned char)*text) || (unsigned char)*text >= 0x80);
}

/* What was written, without its header. */
static struct cursor body_of(const struct writer *w)
{
	struct bgp_frame frame;
	struct bgp_error err;

	FUZZ_CHECK(bgp_frame_decode(w->start, writer_len(w), BGP_MESSAGE_MAX, &frame, &err) == BGP_FRAME_OK);
	FUZZ_CHECK(frame.len == writer_len(w));
	return frame.body;
}

static void notification(struct cursor body)
{
	uint8_t octets[BGP_MESSAGE_MAX];
	struct writer w = writer_init(octets, sizeof(octets));
	struct bgp_error e, again;
	char text[1024], line[1024];
	struct text t = text_init(line, sizeof(line));

	bgp_notification_decode(body, &e);
	FUZZ_CHECK(e.data_len <= BGP_ERROR_DATA_MAX);
	bgp_describe_notification(&e, &t);
	printable(line);
	bgp_notification_encode(&w, &e);
	bgp_notification_decode(body_of(&w), &again);
	FUZZ_CHECK(again.code == e.code && again.subcode == e.subcode && again.data_len == e.data_len);
	FUZZ_CHECK(memcmp(again.data, e.data, e.data_len) == 0);
	FUZZ_CHECK(bgp_error_code_text(e.code) && bgp_error_subcode_text(e.code, e.subcode));
	for (const char *p = bgp_error_shutdown_text(&e, text, sizeof(text)); *p; p++)
		FUZZ_CHECK(!iscntrl((unsigned char)*p));
}

static void refresh(struct cursor body, bool enhanced)
{
	uint8_t octets[BGP_MESSAGE_MAX];
	struct writer w = writer_init(octets, sizeof(octets));
	struct bgp_refresh r, again;
	enum bgp_family family;
	struct bgp_error err;
	char line[256];
	struct text t = text_init(line, sizeof(line));

	if (!bgp_refresh_decode(body, enhanced, &r, &err)) {
		FUZZ_CHECK(err.code);
		return;
	}
	bgp_describe_refresh(&r, &t);
	printable(line);
	if (!bgp_family_from_wire(r.afi, r.safi, &family))
		return;
	bgp_refresh_encode(&w, family, r.subtype);
	FUZZ_CHECK(bgp_refresh_decode(body_of(&w), enhanced, &again, &err));
	FUZZ_CHECK(again.afi == r.afi && again.safi == r.safi && again.subtype == r.subtype);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t max_len = size && data[0] & 1 ? BGP_EXTENDED_MESSAGE_MAX : BGP_MESSAGE_MAX, at = 0;
	uint8_t *buf;

	size -= size > 0;
	buf = fuzz_copy(data + 1, size);
	while (at < size) {
		enum bgp_frame_result got;
		struct bgp_frame frame;
		struct bgp_error err;

		got = bgp_frame_decode(buf + at, size - at, max_len, &frame, &err);
		if (got == BGP_FRAME_BAD)
			FUZZ_CHECK(err.code == BGP_ERR_HEADER);
		if (got != BGP_FRAME_OK)
			break;
		FUZZ_CHECK(frame.len >= BGP_HEADER_LEN && frame.len <= size - at && frame.len <= max_len);
		if (frame.type == BGP_NOTIFICATION)
			notification(frame.body);
		if (frame.type == BGP_ROUTE_REFRESH)
			refresh(frame.body, true);
		refresh(frame.body, false);
		at += frame.len;
	}
	free(buf);
	return 0;
}

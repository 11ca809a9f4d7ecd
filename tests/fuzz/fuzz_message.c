/* The stream of a session: frames, and of these ROUTE-REFRESH and NOTIFICATION, whose text must be printable. */
#include "fuzz.h"

#include "bgp/message.h"

#include <ctype.h>

static void notification(struct cursor body)
{
	struct bgp_error e;
	char text[1024];

	bgp_notification_decode(body, &e);
	FUZZ_CHECK(e.data_len <= BGP_ERROR_DATA_MAX);
	FUZZ_CHECK(bgp_error_code_text(e.code) && bgp_error_subcode_text(e.code, e.subcode));
	for (const char *p = bgp_error_shutdown_text(&e, text, sizeof(text)); *p; p++)
		FUZZ_CHECK(!iscntrl((unsigned char)*p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t max_len = size && data[0] & 1 ? BGP_EXTENDED_MESSAGE_MAX : BGP_MESSAGE_MAX, at = 0;
	uint8_t *buf;

	size -= size > 0;
	buf = fuzz_copy(data + 1, size);
	while (at < size) {
		enum bgp_frame_result got;
		struct bgp_refresh refresh;
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
		if (frame.type == BGP_ROUTE_REFRESH && !bgp_refresh_decode(frame.body, &refresh, &err))
			FUZZ_CHECK(err.code);
		at += frame.len;
	}
	free(buf);
	return 0;
}

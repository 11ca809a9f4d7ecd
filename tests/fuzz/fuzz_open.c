/* OPEN: what was read can be written, and is then read as the same. */
#include "fuzz.h"

#include "bgp/open.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *body = fuzz_copy(data, size), octets[BGP_MESSAGE_MAX];
	struct writer w = writer_init(octets, sizeof(octets));
	struct bgp_open open, again;
	struct bgp_negotiated n;
	struct bgp_error err;

	if (bgp_open_decode(cursor_init(body, size), &open, &err)) {
		FUZZ_CHECK(open.as != 0 && open.bgp_identifier != 0);
		FUZZ_CHECK(open.hold_time_s == 0 || open.hold_time_s > 2);
		bgp_open_encode(&w, &open);
		FUZZ_CHECK(bgp_open_decode(
			cursor_init(octets + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN), &again, &err));
		FUZZ_CHECK(again.as == open.as && again.bgp_identifier == open.bgp_identifier);
		FUZZ_CHECK(memcmp(again.caps.add_path, open.caps.add_path, sizeof(open.caps.add_path)) == 0);
		bgp_negotiate(&open, &again, &n);
	} else {
		FUZZ_CHECK(err.code == BGP_ERR_OPEN || err.code == BGP_ERR_HEADER);
		FUZZ_CHECK(err.data_len <= BGP_ERROR_DATA_MAX);
	}
	free(body);
	return 0;
}

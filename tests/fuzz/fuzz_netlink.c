/* What a kernel answers: routes, next-hop objects and their buckets, and IPVS. The kernel is believed to send whole messages, but no length
 * inside one. */
#include "fuzz.h"

#include "ipvs/message.h"
#include "kernel/message.h"

#include <linux/netlink.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message_object object;
	struct ipvs_timeouts timeouts;
	struct ipvs_seen_dest dest;
	struct ipvs_service service;
	struct message_route route;
	struct nlmsghdr *h;
	uint16_t family;
	uint32_t id;

	if (size < sizeof(*h))
		return 0;
	h = fuzz_copy(data, size);
	h->nlmsg_len = (uint32_t)size;
	if (message_decode_object(h, &object))
		FUZZ_CHECK(object.count <= FIB_NEXT_HOPS_MAX);
	if (message_decode_route(h, &route))
		FUZZ_CHECK(route.prefix.len <= 128);
	message_decode_bucket(h, &id);
	ipvs_message_decode_family(h, &family);
	ipvs_message_decode_service(h, &service);
	ipvs_message_decode_dest(h, 2, &dest);
	ipvs_message_decode_timeouts(h, &timeouts);
	free(h);
	return 0;
}

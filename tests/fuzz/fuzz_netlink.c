/* What a kernel answers: routes, next-hop objects and their buckets, and IPVS. The kernel is believed to send whole messages, but no length
 * inside one. What is ours among the routes has our key, and nothing else rejects for us. */
#include "fuzz.h"

#include "ipvs/message.h"
#include "kernel/message.h"

#include <linux/netlink.h>

static void check_route(const struct message_route *r)
{
	static const struct message_ours ours[] = {
		{ .table = 254, .metric = 20, .protocol = 186, .id_base = 1, .id_count = 1000 },
		{ .table = 254, .metric = 20, .protocol = 186, .classic = true },
	};

	FUZZ_CHECK(r->prefix.len <= ip_family_bits(r->prefix.family));
	for (size_t i = 0; i < 2; i++)
		if (message_is_ours(&ours[i], r))
			FUZZ_CHECK(message_has_our_key(&ours[i], r) && r->protocol == 186);
	if (message_reject(r) != PLAN_REMOVE)
		FUZZ_CHECK(!r->next_hop_id);
}

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
		FUZZ_CHECK(object.id && object.count <= FIB_NEXT_HOPS_MAX);
	if (message_decode_route(h, &route))
		check_route(&route);
	message_decode_bucket(h, &id);
	ipvs_message_decode_family(h, &family);
	ipvs_message_decode_service(h, &service);
	ipvs_message_decode_dest(h, 2, &dest);
	ipvs_message_decode_timeouts(h, &timeouts);
	free(h);
	return 0;
}

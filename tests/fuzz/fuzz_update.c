/*
 * UPDATE with everything that may be negotiated: the first octet says what (bits: AS of 4 octets, add-path of each family, IPv6 next
 * hops for IPv4, external), the rest is the message's body.
 *
 * What was announced is written anew, and read again it must be good and say the same prefixes; RFC 7606 wants a verdict that
 * names its reason, and a session reset with a NOTIFICATION.
 */
#include "fuzz.h"

#include "bgp/update.h"

enum { AS4 = 1, ADD_PATH_V4 = 2, ADD_PATH_V6 = 4, EXTENDED_NEXT_HOP = 8, EXTERNAL = 16 };

static void check_again(const struct bgp_update *said, const struct bgp_negotiated *n, enum bgp_family family)
{
	static uint8_t octets[BGP_EXTENDED_MESSAGE_MAX];
	const struct bgp_nlri_list *list = &said->announced[family];
	struct bgp_update_opts opts = {
		.family = family, .add_path = n->add_path_rx[family], .as4 = n->as4, .max_len = sizeof(octets)
	};
	struct writer w = writer_init(octets, sizeof(octets));
	struct arena *arena = arena_new();
	struct bgp_update again;
	size_t written = bgp_update_encode_announce(
		&w, &opts, &said->attrs, &said->next_hop[family], list->item, list->count);

	if (written) {
		FUZZ_CHECK(writer_len(&w) > BGP_HEADER_LEN && written <= list->count);
		bgp_update_decode(cursor_init(octets + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN), n,
			false, arena, &again);
		FUZZ_CHECK(again.verdict == BGP_VERDICT_OK);
		FUZZ_CHECK(again.announced[family].count == written);
		for (size_t i = 0; i < written; i++)
			FUZZ_CHECK(
				prefix_equal(&again.announced[family].item[i].prefix, &list->item[i].prefix));
		FUZZ_CHECK(again.attrs.has == said->attrs.has);
		FUZZ_CHECK(again.attrs.as_path.len == said->attrs.as_path.len);
	}
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned how = size ? data[0] : 0;
	struct bgp_negotiated n = { .family = { true, true },
		.max_tx = BGP_EXTENDED_MESSAGE_MAX,
		.max_rx = BGP_EXTENDED_MESSAGE_MAX };
	struct arena *arena = arena_new();
	struct bgp_update out;
	uint8_t *body;

	size -= size > 0;
	if (size > BGP_EXTENDED_MESSAGE_MAX - BGP_HEADER_LEN)
		size = BGP_EXTENDED_MESSAGE_MAX - BGP_HEADER_LEN;
	body = fuzz_copy(data + 1, size);
	n.as4 = how & AS4;
	n.add_path_rx[BGP_IPV4_UNICAST] = how & ADD_PATH_V4;
	n.add_path_rx[BGP_IPV6_UNICAST] = how & ADD_PATH_V6;
	n.extended_next_hop = how & EXTENDED_NEXT_HOP;
	bgp_update_decode(cursor_init(body, size), &n, how & EXTERNAL, arena, &out);
	FUZZ_CHECK((out.verdict == BGP_VERDICT_OK) == (out.reason == NULL));
	FUZZ_CHECK((out.verdict == BGP_VERDICT_SESSION_RESET) == (out.error != NULL));
	if (out.verdict == BGP_VERDICT_TREAT_AS_WITHDRAW)
		for (int f = 0; f < BGP_FAMILIES; f++)
			FUZZ_CHECK(out.announced[f].count == 0);
	if (out.verdict <= BGP_VERDICT_ATTRIBUTE_DISCARD)
		for (int f = 0; f < BGP_FAMILIES; f++)
			if (out.announced[f].count)
				check_again(&out, &n, f);
	arena_free(arena);
	free(body);
	return 0;
}

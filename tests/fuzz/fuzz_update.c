/*
 * UPDATE with everything that may be negotiated: the first octet says what (bits: AS of 4 octets, add-path of each family, IPv6 next
 * hops for IPv4, external, messages of 4096 octets at most, and without each family), the rest is the message's body.
 *
 * What was announced and withdrawn is written anew, and read again it must be good and say the same prefixes; announced to a peer that
 * knows AS numbers of two octets alone, too. RFC 7606 wants a verdict that names its reason, and a session reset with a NOTIFICATION.
 * What the log says of it is printable.
 */
#include "fuzz.h"

#include "bgp/describe.h"
#include "bgp/update.h"

#include <ctype.h>

enum {
	AS4 = 1,
	ADD_PATH_V4 = 2,
	ADD_PATH_V6 = 4,
	EXTENDED_NEXT_HOP = 8,
	EXTERNAL = 16,
	SHORT_MESSAGES = 32,
	WITHOUT_V6 = 64,
	WITHOUT_V4 = 128
};

static void same_items(const struct bgp_nlri_list *a, const struct bgp_nlri *b, size_t count, bool add_path)
{
	FUZZ_CHECK(a->count == count);
	for (size_t i = 0; i < count; i++) {
		FUZZ_CHECK(prefix_equal(&a->item[i].prefix, &b[i].prefix));
		FUZZ_CHECK(!add_path || a->item[i].path_id == b[i].path_id);
	}
}

static void check_withdrawn(
	const struct bgp_update *said, const struct bgp_negotiated *n, enum bgp_family family)
{
	static uint8_t octets[BGP_EXTENDED_MESSAGE_MAX];
	const struct bgp_nlri_list *list = &said->withdrawn[family];
	struct bgp_update_opts opts = {
		.family = family, .add_path = n->add_path_rx[family], .as4 = n->as4, .max_len = n->max_rx
	};

	for (size_t done = 0, now; done < list->count; done += now) {
		struct writer w = writer_init(octets, sizeof(octets));
		struct arena *arena = arena_new();
		struct bgp_update again;

		now = bgp_update_encode_withdraw(&w, &opts, list->item + done, list->count - done);
		FUZZ_CHECK(now > 0 && now <= list->count - done && writer_len(&w) <= opts.max_len);
		bgp_update_decode(cursor_init(octets + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN), n,
			false, arena, &again);
		FUZZ_CHECK(again.verdict == BGP_VERDICT_OK && !again.end_of_rib[family]);
		same_items(&again.withdrawn[family], list->item + done, now, opts.add_path);
		arena_free(arena);
	}
}

static void check_again(
	const struct bgp_update *said, const struct bgp_negotiated *as, enum bgp_family family, bool as4)
{
	static uint8_t octets[BGP_EXTENDED_MESSAGE_MAX];
	const struct bgp_nlri_list *list = &said->announced[family];
	struct bgp_negotiated n = *as;
	struct bgp_update_opts opts = {
		.family = family, .add_path = n.add_path_rx[family], .as4 = as4, .max_len = n.max_rx
	};
	struct writer w = writer_init(octets, sizeof(octets));
	struct arena *arena = arena_new();
	struct bgp_update again;
	size_t written = bgp_update_encode_announce(
		&w, &opts, &said->attrs, &said->next_hop[family], list->item, list->count);

	n.as4 = as4;
	if (written) {
		FUZZ_CHECK(writer_len(&w) > BGP_HEADER_LEN && written <= list->count &&
			   writer_len(&w) <= opts.max_len);
		bgp_update_decode(cursor_init(octets + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN), &n,
			false, arena, &again);
		FUZZ_CHECK(again.verdict == BGP_VERDICT_OK);
		same_items(&again.announced[family], list->item, written, opts.add_path);
		FUZZ_CHECK(again.attrs.has == said->attrs.has);
		/* Without numbers of four octets confederations do not survive, and segments that fit together are one (RFC 6793). */
		FUZZ_CHECK(!as4 || again.attrs.as_path.len == said->attrs.as_path.len);
		FUZZ_CHECK(
			bgp_as_path_length(again.attrs.as_path) == bgp_as_path_length(said->attrs.as_path));
	}
	arena_free(arena);
}

/* What follows from one that was read. */
static void check_uses(const struct bgp_update *said, const struct bgp_negotiated *n)
{
	char line[1024];
	struct text text = text_init(line, sizeof(line));

	bgp_describe_update(said, &text);
	for (const char *p = line; *p; p++)
		FUZZ_CHECK(isprint((unsigned char)*p));
	if (said->verdict == BGP_VERDICT_SESSION_RESET)
		return;
	for (int f = 0; f < BGP_FAMILIES; f++) {
		/* A prefix may stand there by an attribute that was not negotiated: then it is not said again. */
		if (said->withdrawn[f].count && n->family[f])
			check_withdrawn(said, n, f);
		if (said->announced[f].count && said->verdict <= BGP_VERDICT_ATTRIBUTE_DISCARD) {
			check_again(said, n, f, n->as4);
			check_again(said, n, f, false);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned how = size ? data[0] : 0;
	uint32_t max = how & SHORT_MESSAGES ? BGP_MESSAGE_MAX : BGP_EXTENDED_MESSAGE_MAX;
	struct bgp_negotiated n = { .max_tx = max, .max_rx = max };
	struct arena *arena = arena_new();
	struct bgp_update out;
	uint8_t *body;

	size -= size > 0;
	if (size > max - BGP_HEADER_LEN)
		size = max - BGP_HEADER_LEN;
	body = fuzz_copy(data + 1, size);
	n.family[BGP_IPV4_UNICAST] = !(how & WITHOUT_V4);
	n.family[BGP_IPV6_UNICAST] = !(how & WITHOUT_V6);
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
	check_uses(&out, &n);
	arena_free(arena);
	free(body);
	return 0;
}

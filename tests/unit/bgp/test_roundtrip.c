/* What was written is read back, with values drawn at random from a fixed seed, and messages are filled as they should
 * be. Octets drawn at random, and good messages with octets changed, get a verdict and nothing worse. */
#include "bgp/message.h"
#include "unit/bgp/support.h"

enum { LISTS = 1024, ITEMS = 30000 };

/* A small generator of our own: the same numbers everywhere. */
static uint32_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (uint32_t)(*s >> 16);
}

static struct bgp_octets random_octets(uint64_t *s, struct arena *arena, unsigned size, unsigned max_count)
{
	uint16_t len = (uint16_t)(size * (1 + next_random(s) % max_count));
	uint8_t *p = arena_alloc(arena, len);

	for (unsigned i = 0; i < len; i++)
		p[i] = (uint8_t)next_random(s);
	return (struct bgp_octets){ .data = p, .len = len };
}

static struct bgp_octets random_path(uint64_t *s, struct arena *arena)
{
	struct writer w = writer_init(arena_alloc(arena, LISTS), LISTS);

	for (unsigned segments = next_random(s) % 4; segments; segments--) {
		unsigned count = 1 + next_random(s) % 20;
		/* Two sequences in a row may come back as one from a peer of 2 octets. */
		uint8_t type = segments % 2 ? BGP_AS_SEQUENCE : BGP_AS_SET;

		writer_u8(&w, type);
		writer_u8(&w, (uint8_t)count);
		for (; count; count--)
			writer_u32(&w, 1 + next_random(s) % (next_random(s) % 4 ? 60000 : 4000000000));
	}
	return (struct bgp_octets){ .data = w.start, .len = (uint16_t)writer_len(&w) };
}

static struct bgp_octets random_unknown(uint64_t *s, struct arena *arena)
{
	static const uint8_t types[] = { 11, 13, 19, 26, 30, 33, 128, 255 };
	struct writer w = writer_init(arena_alloc(arena, LISTS), LISTS);

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		unsigned n = next_random(s) % 6;

		if (next_random(s) % 2)
			continue;
		writer_u8(&w, BGP_ATTR_OPTIONAL | BGP_ATTR_TRANSITIVE | BGP_ATTR_PARTIAL);
		writer_u8(&w, types[i]);
		writer_u8(&w, (uint8_t)n);
		for (; n; n--)
			writer_u8(&w, (uint8_t)next_random(s));
	}
	return (struct bgp_octets){ .data = w.start, .len = (uint16_t)writer_len(&w) };
}

static struct bgp_attrs random_attrs(uint64_t *s, struct arena *arena)
{
	uint32_t has = next_random(s) % (BGP_HAS_IPV6_EXTENDED_COMMUNITIES << 1);
	struct bgp_attrs a = { .has = has | BGP_HAS_ORIGIN | BGP_HAS_AS_PATH };

	a.origin = (uint8_t)(next_random(s) % 3);
	a.as_path = random_path(s, arena);
	a.med = next_random(s);
	a.local_pref = next_random(s);
	a.originator_id = next_random(s);
	a.aggregator = (struct bgp_aggregator){ 1 + next_random(s) % 100000, next_random(s) };
	a.aggregator_partial = next_random(s) % 2;
	a.communities_partial = next_random(s) % 2;
	a.extended_communities_partial = next_random(s) % 2;
	a.ipv6_extended_communities_partial = next_random(s) % 2;
	a.large_communities_partial = next_random(s) % 2;
	a.communities = random_octets(s, arena, 4, 80);
	a.cluster_list = random_octets(s, arena, 4, 10);
	a.extended_communities = random_octets(s, arena, 8, 40);
	a.ipv6_extended_communities = random_octets(s, arena, 20, 10);
	a.large_communities = random_octets(s, arena, 12, 30);
	a.unknown = random_unknown(s, arena);
	if (!a.unknown.len)
		a.has &= ~(uint32_t)BGP_HAS_UNKNOWN;
	return a;
}

static void assert_same_octets(struct bgp_octets a, struct bgp_octets b)
{
	assert_int_equal(a.len, b.len);
	if (a.len)
		assert_memory_equal(a.data, b.data, a.len);
}

/* Equal attributes are equal octets in the canonical form; lists that are not there do not count. */
static struct bgp_octets canonical(const struct bgp_attrs *a, struct arena *arena)
{
	const struct bgp_attr_opts as4 = { .as4 = true };
	struct writer w = writer_init(arena_alloc(arena, 8192), 8192);

	bgp_attrs_encode(&w, a, &as4, NULL);
	assert_true(writer_ok(&w));
	return (struct bgp_octets){ .data = w.start, .len = (uint16_t)writer_len(&w) };
}

static void assert_ascending(struct bgp_octets attrs)
{
	struct cursor c = cursor_init(attrs.data, attrs.len);
	int before = -1;

	while (cursor_left(&c)) {
		uint8_t flags = cursor_u8(&c), type = cursor_u8(&c);

		assert_true(type > before);
		before = type;
		cursor_bytes(&c, flags & BGP_ATTR_EXTENDED_LENGTH ? cursor_u16(&c) : cursor_u8(&c));
	}
	assert_true(cursor_ok(&c));
}

static void the_canonical_form_is_stable_and_ascending(void **state)
{
	struct arena *arena = arena_new();
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct bgp_attrs a = random_attrs(&seed, arena), back;
		struct bgp_octets one = canonical(&a, arena), two;

		assert_ascending(one);
		bgp_attrs_decode_canonical(one, &back);
		assert_int_equal(back.has, a.has);
		two = canonical(&back, arena);
		assert_same_octets(one, two);
		arena_reset(arena);
	}
	arena_free(arena);
}

static struct bgp_nlri random_nlri(uint64_t *s, enum bgp_family family, bool add_path)
{
	struct bgp_nlri n = { .path_id = add_path ? next_random(s) : 0 };

	n.prefix.family = family == BGP_IPV4_UNICAST ? IP_V4 : IP_V6;
	n.prefix.len = (uint8_t)(next_random(s) % (ip_family_bits(n.prefix.family) + 1u));
	for (size_t i = 0; i < ip_family_bytes(n.prefix.family); i++)
		n.prefix.bytes[i] = (uint8_t)next_random(s);
	prefix_mask(&n.prefix);
	return n;
}

static struct bgp_next_hop random_next_hop(uint64_t *s, enum bgp_family family)
{
	static const uint8_t lens[] = { 4, 16, 32 };
	unsigned first = family == BGP_IPV4_UNICAST ? 0 : 1;
	struct bgp_next_hop nh = { .len = lens[first + next_random(s) % (3 - first)] };

	for (unsigned i = 0; i < nh.len; i++)
		nh.octets[i] = (uint8_t)next_random(s);
	nh.octets[0] = 32;
	return nh;
}

struct case_of {
	struct bgp_negotiated n;
	struct bgp_update_opts o;
};

static struct case_of random_case(uint64_t *s)
{
	struct case_of c = { .n = plain_session() };

	c.o.family = (enum bgp_family)(next_random(s) % BGP_FAMILIES);
	c.o.add_path = next_random(s) % 2;
	c.o.as4 = next_random(s) % 2;
	c.o.max_len = next_random(s) % 2 ? 65535 : 4096;
	c.n.as4 = c.o.as4;
	c.n.add_path_rx[c.o.family] = c.o.add_path;
	c.n.extended_next_hop = true;
	return c;
}

static void assert_items(const struct bgp_nlri_list *list, const struct bgp_nlri *items, size_t n)
{
	assert_int_equal(list->count, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(prefix_equal(&list->item[i].prefix, &items[i].prefix));
		assert_int_equal(list->item[i].path_id, items[i].path_id);
	}
}

static void decode_message(
	const uint8_t *buf, size_t len, const struct case_of *c, struct arena *arena, struct bgp_update *u)
{
	struct bgp_frame f;
	struct bgp_error err;

	assert_in_range(len, 23, c->o.max_len);
	assert_int_equal(bgp_frame_decode(buf, len, c->o.max_len, &f, &err), BGP_FRAME_OK);
	assert_int_equal(f.len, len);
	bgp_update_decode(f.body, &c->n, false, arena, u);
	if (u->verdict != BGP_VERDICT_OK)
		fail_msg("%s: %s", bgp_verdict_text(u->verdict), u->reason);
}

/* Writes all items, message by message, and reads each back. Every message but the last is full. */
static void announce_all(const struct case_of *c, const struct bgp_attrs *a, const struct bgp_next_hop *nh,
	const struct bgp_nlri *items, size_t count, struct arena *arena)
{
	static uint8_t buf[65535];

	while (count) {
		struct writer w = writer_init(buf, sizeof(buf));
		size_t n = bgp_update_encode_announce(&w, &c->o, a, nh, items, count);
		struct bgp_update u;

		assert_in_range(n, 1, count);
		if (n < count)
			assert_true(writer_len(&w) + 1 + 16 + 4 + 1 >= c->o.max_len);
		/* RFC 7606 5.1: behind the header and the two lengths. */
		if (c->o.family == BGP_IPV6_UNICAST || nh->len != 4)
			assert_int_equal(buf[24], BGP_ATTR_MP_REACH_NLRI);
		decode_message(buf, writer_len(&w), c, arena, &u);
		assert_items(&u.announced[c->o.family], items, n);
		assert_int_equal(u.withdrawn[c->o.family].count, 0);
		assert_memory_equal(&u.next_hop[c->o.family], nh, sizeof(*nh));
		assert_int_equal(u.attrs.has, a->has);
		assert_same_octets(canonical(&u.attrs, arena), canonical(a, arena));
		items += n;
		count -= n;
	}
}

static void withdraw_all(
	const struct case_of *c, const struct bgp_nlri *items, size_t count, struct arena *arena)
{
	static uint8_t buf[65535];

	while (count) {
		struct writer w = writer_init(buf, sizeof(buf));
		size_t n = bgp_update_encode_withdraw(&w, &c->o, items, count);
		struct bgp_update u;

		assert_in_range(n, 1, count);
		if (n < count)
			assert_true(writer_len(&w) + 1 + 16 + 4 >= c->o.max_len);
		decode_message(buf, writer_len(&w), c, arena, &u);
		assert_items(&u.withdrawn[c->o.family], items, n);
		assert_int_equal(u.announced[c->o.family].count, 0);
		items += n;
		count -= n;
	}
}

static void updates_come_back_as_written(void **state)
{
	static struct bgp_nlri items[ITEMS];
	struct arena *arena = arena_new();
	uint64_t seed = 2;

	(void)state;
	for (int i = 0; i < 400; i++) {
		struct case_of c = random_case(&seed);
		struct bgp_attrs a = random_attrs(&seed, arena);
		struct bgp_next_hop nh = random_next_hop(&seed, c.o.family);
		size_t count = 1 + next_random(&seed) % (i % 20 ? 40 : ITEMS);

		for (size_t k = 0; k < count; k++)
			items[k] = random_nlri(&seed, c.o.family, c.o.add_path);
		announce_all(&c, &a, &nh, items, count, arena);
		withdraw_all(&c, items, count, arena);
		arena_reset(arena);
	}
	arena_free(arena);
}

static void a_message_is_filled_to_the_octet(void **state)
{
	struct bgp_negotiated n = plain_session();
	struct case_of c = { .n = n, .o = { BGP_IPV4_UNICAST, false, true, 4096 } };
	struct bgp_attrs a = { .has = BGP_HAS_ORIGIN | BGP_HAS_AS_PATH };
	struct bgp_next_hop nh = { 4, { 192, 0, 2, 1 } };
	static struct bgp_nlri items[5000];
	uint8_t buf[4096];
	struct writer w = writer_init(buf, sizeof(buf));

	(void)state;
	for (size_t i = 0; i < COUNT_OF(items); i++)
		items[i].prefix = (struct prefix){ .family = IP_V4, .len = 8, .bytes = { (uint8_t)i } };
	/* 19 + 2 + 2 and the attributes of 4, 3 and 7 octets leave 4059, two for each route. */
	assert_int_equal(bgp_update_encode_announce(&w, &c.o, &a, &nh, items, COUNT_OF(items)), 2029);
	assert_int_equal(writer_len(&w), 4095);
	w = writer_init(buf, sizeof(buf));
	assert_int_equal(bgp_update_encode_withdraw(&w, &c.o, items, COUNT_OF(items)), 2036);
	assert_int_equal(writer_len(&w), 4095);
}

static void attributes_that_outgrow_the_message_are_refused_and_nothing_is_written(void **state)
{
	struct bgp_attrs a = { .has = BGP_HAS_ORIGIN | BGP_HAS_AS_PATH | BGP_HAS_COMMUNITIES };
	struct bgp_next_hop nh4 = { 4, { 192, 0, 2, 1 } }, nh6 = { 16, { 0x20, 1 } };
	struct bgp_update_opts o = { BGP_IPV4_UNICAST, true, true, 4096 };
	struct bgp_nlri item4 = { .prefix = { IP_V4, 32, { 10, 0, 0, 1 } } };
	struct bgp_nlri item6 = { .prefix = { IP_V6, 128, { 0x20, 1 } } };
	static uint8_t communities[65532], buf[65535 + 10];

	(void)state;
	a.communities.data = communities;
	for (unsigned len = 3900; len <= 4096; len++) {
		/* 37: all in front of the routes but the list itself and its header of 4; 9: the route. */
		bool fits4 = 37 + 4 + len + 9 <= 4096, fits6;
		struct writer w = writer_init(buf, sizeof(buf));

		a.communities.len = (uint16_t)len;
		o.family = BGP_IPV4_UNICAST;
		assert_int_equal(bgp_update_encode_announce(&w, &o, &a, &nh4, &item4, 1), fits4);
		assert_int_equal(writer_len(&w) != 0, fits4);
		assert_true(writer_ok(&w));
		/* no NEXT_HOP of 7, but an attribute of 3 + 21 around the route of 21 */
		w = writer_init(buf, sizeof(buf));
		fits6 = 30 + 4 + len + 24 + 21 <= 4096;
		o.family = BGP_IPV6_UNICAST;
		assert_int_equal(bgp_update_encode_announce(&w, &o, &a, &nh6, &item6, 1), fits6);
		assert_int_equal(writer_len(&w) != 0, fits6);
	}
	/* The same in the long form, with attributes on both sides of MP_REACH_NLRI. */
	o.max_len = 65535;
	for (unsigned len = 65400; len <= 65532; len++) {
		struct writer w = writer_init(buf, sizeof(buf));
		bool fits = 30 + 4 + len + 24 + 21 <= 65535;

		a.has = BGP_HAS_ORIGIN | BGP_HAS_AS_PATH | BGP_HAS_LARGE_COMMUNITIES;
		a.large_communities = (struct bgp_octets){ communities, (uint16_t)len };
		assert_int_equal(bgp_update_encode_announce(&w, &o, &a, &nh6, &item6, 1), fits);
		assert_int_equal(writer_len(&w) != 0, fits);
	}
}

static void no_octets_break_the_decoder(void **state)
{
	static uint8_t buf[65535];
	struct arena *arena = arena_new();
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct case_of c = random_case(&seed);
		struct bgp_attrs a = random_attrs(&seed, arena);
		struct bgp_next_hop nh = random_next_hop(&seed, c.o.family);
		struct bgp_nlri item = random_nlri(&seed, c.o.family, c.o.add_path);
		struct writer w = writer_init(buf, sizeof(buf));

		assert_int_equal(bgp_update_encode_announce(&w, &c.o, &a, &nh, &item, 1), 1);
		for (int k = 0; k < 8; k++) {
			struct bgp_update u;
			size_t len = writer_len(&w) - 19;
			uint8_t *copy;

			buf[19 + next_random(&seed) % len] = (uint8_t)next_random(&seed);
			copy = exact_copy(buf + 19, len);
			bgp_update_decode(cursor_init(copy, len), &c.n, next_random(&seed) % 2, arena, &u);
			assert_sound(&u);
			free(copy);
		}
		arena_reset(arena);
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_canonical_form_is_stable_and_ascending),
		cmocka_unit_test(updates_come_back_as_written),
		cmocka_unit_test(a_message_is_filled_to_the_octet),
		cmocka_unit_test(attributes_that_outgrow_the_message_are_refused_and_nothing_is_written),
		cmocka_unit_test(no_octets_break_the_decoder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

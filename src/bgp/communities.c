/* The four kinds of communities: which of them go where, and how people write them. RFC 1997, 4360, 5668, 5701, 7153, 8092,
 * draft-ietf-idr-link-bandwidth. */
#include "base/cursor.h"
#include "base/prefix.h"
#include "base/text.h"
#include "bgp/attr.h"
#include "bgp/link_bandwidth.h"

#include <stdlib.h>
#include <string.h>

static const struct known_community {
	uint32_t value;
	const char *text;
} known_communities[] = {
	{ BGP_COMMUNITY_GRACEFUL_SHUTDOWN, "graceful-shutdown" },
	{ BGP_COMMUNITY_NO_EXPORT, "no-export" },
	{ BGP_COMMUNITY_NO_ADVERTISE, "no-advertise" },
	{ BGP_COMMUNITY_NO_EXPORT_SUBCONFED, "no-export-subconfed" },
};

/* RFC 4360 3: the high octet of the type without its authority and transitivity bits, and the sub-types we name. */
enum {
	EXTENDED_TYPE_MASK = 0x3f,
	EXTENDED_AS2 = 0x00,
	EXTENDED_IPV4 = 0x01,
	EXTENDED_AS4 = 0x02,
	EXTENDED_ROUTE_TARGET = 0x02,
	EXTENDED_ROUTE_ORIGIN = 0x03,
	EXTENDED_NON_TRANSITIVE = 0x40,
};

bool bgp_communities_contain(struct bgp_octets communities, uint32_t community)
{
	struct cursor c = cursor_init(communities.data, communities.len);

	while (cursor_left(&c) >= 4)
		if (cursor_u32(&c) == community)
			return true;
	return false;
}

struct bgp_octets bgp_extended_communities_transitive(
	struct bgp_octets extended, size_t size, struct arena *arena)
{
	uint8_t *kept = arena_alloc(arena, extended.len), *p = kept;

	for (size_t i = 0; i + size <= extended.len; i += size) {
		if (extended.data[i] & EXTENDED_NON_TRANSITIVE)
			continue;
		memcpy(p, extended.data + i, size);
		p += size;
	}
	return (struct bgp_octets){ kept, (uint16_t)(p - kept) };
}

/* By value; of equal ones the one that stands first. */
static int large_cmp(const void *a, const void *b)
{
	const uint8_t *x = *(const uint8_t *const *)a, *y = *(const uint8_t *const *)b;
	int c = memcmp(x, y, BGP_LARGE_COMMUNITY_LEN);

	return c ? c : (x > y) - (x < y);
}

struct bgp_octets bgp_large_communities_unique(struct bgp_octets large, struct arena *arena)
{
	size_t n = large.len / BGP_LARGE_COMMUNITY_LEN;
	const uint8_t **sorted;
	bool *again;
	uint8_t *p;

	if (n < 2)
		return large;
	sorted = arena_alloc(arena, n * sizeof(*sorted));
	again = arena_alloc(arena, n * sizeof(*again));
	for (size_t i = 0; i < n; i++)
		sorted[i] = large.data + i * BGP_LARGE_COMMUNITY_LEN;
	qsort(sorted, n, sizeof(*sorted), large_cmp);
	again[(sorted[0] - large.data) / BGP_LARGE_COMMUNITY_LEN] = false;
	for (size_t i = 1; i < n; i++)
		again[(sorted[i] - large.data) / BGP_LARGE_COMMUNITY_LEN] =
			memcmp(sorted[i], sorted[i - 1], BGP_LARGE_COMMUNITY_LEN) == 0;
	p = arena_alloc(arena, large.len);
	large.len = 0;
	for (size_t i = 0; i < n; i++) {
		if (again[i])
			continue;
		memcpy(p + large.len, large.data + i * BGP_LARGE_COMMUNITY_LEN, BGP_LARGE_COMMUNITY_LEN);
		large.len += BGP_LARGE_COMMUNITY_LEN;
	}
	large.data = p;
	return large;
}

static const char *known_text(uint32_t community)
{
	for (size_t i = 0; i < sizeof(known_communities) / sizeof(known_communities[0]); i++)
		if (known_communities[i].value == community)
			return known_communities[i].text;
	return NULL;
}

static void add_separator(struct text *t)
{
	if (t->len)
		text_add(t, " ");
}

const char *bgp_communities_format(struct bgp_octets communities, char *buf, size_t size)
{
	struct cursor c = cursor_init(communities.data, communities.len);
	struct text t = text_init(buf, size);

	while (cursor_left(&c) >= 4 && !text_cut(&t)) {
		uint32_t v = cursor_u32(&c);
		const char *known = known_text(v);

		add_separator(&t);
		if (known)
			text_add(&t, "%s", known);
		else
			text_add(&t, "%u:%u", v >> 16, v & 0xffff);
	}
	return buf;
}

static void add_target(struct text *t, const char *name, uint8_t type, struct cursor c)
{
	if (type == EXTENDED_AS2) {
		unsigned as = cursor_u16(&c);

		text_add(t, "%s:%u:%u", name, as, cursor_u32(&c));
	} else if (type == EXTENDED_AS4) {
		unsigned as = cursor_u32(&c);

		text_add(t, "%s:%u:%u", name, as, cursor_u16(&c));
	} else {
		uint32_t ip = cursor_u32(&c);

		text_add(t, "%s:%u.%u.%u.%u:%u", name, ip >> 24, ip >> 16 & 0xff, ip >> 8 & 0xff, ip & 0xff,
			cursor_u16(&c));
	}
}

static void add_extended(struct text *t, const uint8_t *p)
{
	struct cursor c = cursor_init(p, BGP_EXTENDED_COMMUNITY_LEN);
	uint8_t type = cursor_u8(&c) & EXTENDED_TYPE_MASK, subtype = cursor_u8(&c);
	const char *name = subtype == EXTENDED_ROUTE_TARGET ? "rt" : "soo";
	struct bgp_link_bandwidth bandwidth;

	if (type <= EXTENDED_AS4 && (subtype == EXTENDED_ROUTE_TARGET || subtype == EXTENDED_ROUTE_ORIGIN)) {
		add_target(t, name, type, c);
	} else if (bgp_link_bandwidth_decode(p, &bandwidth) != BGP_LINK_BANDWIDTH_NONE) {
		text_add(t, "bandwidth:%u:%.0f", bandwidth.as, (double)bandwidth.octets_s);
	} else {
		text_add(t, "0x");
		for (int i = 0; i < BGP_EXTENDED_COMMUNITY_LEN; i++)
			text_add(t, "%02x", p[i]);
	}
}

const char *bgp_extended_communities_format(struct bgp_octets extended, char *buf, size_t size)
{
	struct text t = text_init(buf, size);

	for (size_t i = 0; i + BGP_EXTENDED_COMMUNITY_LEN <= extended.len && !text_cut(&t);
		i += BGP_EXTENDED_COMMUNITY_LEN) {
		add_separator(&t);
		add_extended(&t, extended.data + i);
	}
	return buf;
}

static void add_ipv6_extended(struct text *t, const uint8_t *p)
{
	struct ip_addr a = ip_addr_from_bytes(IP_V6, p + 2);
	bool target = p[1] == EXTENDED_ROUTE_TARGET;
	char buf[PREFIX_TEXT_MAX];

	if ((p[0] & EXTENDED_TYPE_MASK) == 0 && (target || p[1] == EXTENDED_ROUTE_ORIGIN)) {
		text_add(t, "%s:[%s]:%u", target ? "rt" : "soo", ip_addr_format(&a, buf), p[18] << 8 | p[19]);
		return;
	}
	text_add(t, "0x");
	for (int i = 0; i < BGP_IPV6_EXTENDED_COMMUNITY_LEN; i++)
		text_add(t, "%02x", p[i]);
}

const char *bgp_ipv6_extended_communities_format(struct bgp_octets extended, char *buf, size_t size)
{
	struct text t = text_init(buf, size);

	for (size_t i = 0; i + BGP_IPV6_EXTENDED_COMMUNITY_LEN <= extended.len && !text_cut(&t);
		i += BGP_IPV6_EXTENDED_COMMUNITY_LEN) {
		add_separator(&t);
		add_ipv6_extended(&t, extended.data + i);
	}
	return buf;
}

const char *bgp_large_communities_format(struct bgp_octets large, char *buf, size_t size)
{
	struct cursor c = cursor_init(large.data, large.len);
	struct text t = text_init(buf, size);

	while (cursor_left(&c) >= 12 && !text_cut(&t)) {
		unsigned global = cursor_u32(&c), local1 = cursor_u32(&c), local2 = cursor_u32(&c);

		add_separator(&t);
		text_add(&t, "%u:%u:%u", global, local1, local2);
	}
	return buf;
}

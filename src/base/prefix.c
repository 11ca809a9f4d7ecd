#include "base/prefix.h"

#include "base/hash.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ip_addr ip_addr_v4(uint32_t host_order)
{
	uint32_t be = htonl(host_order);

	return ip_addr_from_bytes(IP_V4, (const uint8_t *)&be);
}

struct ip_addr ip_addr_from_bytes(uint8_t family, const uint8_t *bytes)
{
	struct ip_addr a = { .family = family };

	memcpy(a.bytes, bytes, ip_family_bytes(family));
	return a;
}

uint32_t ip_addr_to_u32(const struct ip_addr *a)
{
	uint32_t be = 0;

	if (a->family == IP_V4)
		memcpy(&be, a->bytes, 4);
	return ntohl(be);
}

bool ip_addr_parse(const char *text, struct ip_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, out->bytes) == 1)
		out->family = IP_V4;
	else if (inet_pton(AF_INET6, text, out->bytes) == 1)
		out->family = IP_V6;
	return out->family != IP_NONE;
}

const char *ip_addr_format(const struct ip_addr *a, char *buf)
{
	int af = a->family == IP_V4 ? AF_INET : AF_INET6;

	if (a->family == IP_NONE || !inet_ntop(af, a->bytes, buf, PREFIX_TEXT_MAX))
		snprintf(buf, PREFIX_TEXT_MAX, "-");
	return buf;
}

int ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_addr_cmp(a, b) == 0;
}

uint32_t ip_addr_hash(const struct ip_addr *a)
{
	return hash_bytes(a, sizeof(*a), 0);
}

bool ip_addr_is_any(const struct ip_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

bool ip_addr_is_loopback(const struct ip_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == IP_V4 ? a->bytes[0] == 127 : memcmp(a->bytes, one, sizeof(one)) == 0;
}

bool ip_addr_is_multicast(const struct ip_addr *a)
{
	return a->family == IP_V4 ? (a->bytes[0] & 0xf0) == 0xe0 : a->bytes[0] == 0xff;
}

bool ip_addr_is_link_local(const struct ip_addr *a)
{
	return a->family == IP_V6 ? a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80
				  : a->bytes[0] == 169 && a->bytes[1] == 254;
}

bool ip_addr_is_v4_mapped(const struct ip_addr *a)
{
	static const uint8_t head[12] = { [10] = 0xff, [11] = 0xff };

	return a->family == IP_V6 && memcmp(a->bytes, head, sizeof(head)) == 0;
}

socklen_t ip_addr_to_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (a->family == IP_V4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->bytes, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->bytes, 16);
	return sizeof(*in6);
}

bool ip_addr_from_sockaddr(const struct sockaddr *sa, struct ip_addr *out, uint16_t *port)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
	uint16_t be = 0;

	memset(out, 0, sizeof(*out));
	if (sa->sa_family == AF_INET) {
		*out = ip_addr_from_bytes(IP_V4, (const uint8_t *)&in->sin_addr);
		be = in->sin_port;
	} else if (sa->sa_family == AF_INET6) {
		const uint8_t *b = in6->sin6_addr.s6_addr;

		*out = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) ? ip_addr_from_bytes(IP_V4, b + 12)
							     : ip_addr_from_bytes(IP_V6, b);
		be = in6->sin6_port;
	}
	if (port)
		*port = ntohs(be);
	return out->family != IP_NONE;
}

static bool parse_len(const char *text, unsigned max, uint8_t *out)
{
	char *end;
	unsigned long v;

	if (*text < '0' || *text > '9')
		return false;
	v = strtoul(text, &end, 10);
	if (*end || end - text > 3 || v > max)
		return false;
	*out = (uint8_t)v;
	return true;
}

bool prefix_parse(const char *text, struct prefix *out, bool *host_bits)
{
	char addr[PREFIX_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	struct ip_addr a;
	struct prefix masked;

	if (host_bits)
		*host_bits = false;
	if (n >= sizeof(addr))
		return false;
	memcpy(addr, text, n);
	addr[n] = 0;
	if (!ip_addr_parse(addr, &a))
		return false;
	*out = prefix_host(&a);
	if (slash && !parse_len(slash + 1, ip_family_bits(a.family), &out->len))
		return false;
	masked = *out;
	prefix_mask(&masked);
	if (prefix_equal(&masked, out))
		return true;
	if (host_bits)
		*host_bits = true;
	return false;
}

const char *prefix_format(const struct prefix *p, char *buf)
{
	struct ip_addr a = prefix_addr(p);
	size_t n = strlen(ip_addr_format(&a, buf));

	snprintf(buf + n, PREFIX_TEXT_MAX - n, "/%u", p->len);
	return buf;
}

struct prefix prefix_host(const struct ip_addr *a)
{
	struct prefix p = { .family = a->family, .len = ip_family_bits(a->family) };

	memcpy(p.bytes, a->bytes, sizeof(p.bytes));
	return p;
}

struct prefix prefix_of(const struct ip_addr *a, uint8_t len)
{
	struct prefix p = prefix_host(a);

	p.len = len;
	prefix_mask(&p);
	return p;
}

void prefix_mask(struct prefix *p)
{
	size_t full = p->len / 8;

	if (full < sizeof(p->bytes)) {
		p->bytes[full] &= (uint8_t)(0xff00 >> (p->len % 8));
		memset(p->bytes + full + 1, 0, sizeof(p->bytes) - full - 1);
	}
}

struct ip_addr prefix_addr(const struct prefix *p)
{
	struct ip_addr a = { .family = p->family };

	memcpy(a.bytes, p->bytes, sizeof(a.bytes));
	return a;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned full = bits / 8, rest = bits % 8;

	if (memcmp(a, b, full) != 0)
		return false;
	return rest == 0 || ((a[full] ^ b[full]) & (0xff00 >> rest) & 0xff) == 0;
}

bool prefix_contains(const struct prefix *outer, const struct prefix *inner)
{
	return outer->family == inner->family && outer->len <= inner->len &&
	       same_bits(outer->bytes, inner->bytes, outer->len);
}

bool prefix_contains_addr(const struct prefix *p, const struct ip_addr *a)
{
	return p->family == a->family && same_bits(p->bytes, a->bytes, p->len);
}

int prefix_cmp(const struct prefix *a, const struct prefix *b)
{
	int c;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	c = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return c ? c : (int)a->len - (int)b->len;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family && a->len == b->len &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

uint32_t prefix_hash_v6(const uint8_t bytes[16], uint8_t len)
{
	return hash_bytes(bytes, 16, len);
}

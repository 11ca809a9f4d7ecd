/*
 * IP addresses and prefixes as values.
 *
 * Both structures may be copied, compared with their _cmp functions and stored anywhere; unused octets are zero and a
 * prefix's host bits are zero (prefix_mask does that), so equal values are equal octets. Knows nothing of BGP.
 */
#pragma once

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip_addr {
	uint8_t family; /* enum ip_family */
	uint8_t bytes[16];
};

struct prefix {
	uint8_t family; /* enum ip_family */
	uint8_t len;	/* bits */
	uint8_t bytes[16];
};

/* Longest text of a prefix or of an address and port, with its NUL. */
#define PREFIX_TEXT_MAX 56

static inline size_t ip_family_bytes(uint8_t family)
{
	return family == IP_V4 ? 4 : family == IP_V6 ? 16 : 0;
}

static inline uint8_t ip_family_bits(uint8_t family)
{
	return family == IP_V4 ? 32 : family == IP_V6 ? 128 : 0;
}

struct ip_addr ip_addr_v4(uint32_t host_order);
struct ip_addr ip_addr_from_bytes(uint8_t family, const uint8_t *bytes);
/* The address as a number in host byte order; 0 for IPv6. */
uint32_t ip_addr_to_u32(const struct ip_addr *a);
bool ip_addr_parse(const char *text, struct ip_addr *out);
/* Writes the text into buf (at least PREFIX_TEXT_MAX octets) and returns buf. */
const char *ip_addr_format(const struct ip_addr *a, char *buf);
int ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b);
bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);
uint32_t ip_addr_hash(const struct ip_addr *a);
bool ip_addr_is_any(const struct ip_addr *a);
bool ip_addr_is_loopback(const struct ip_addr *a);
bool ip_addr_is_multicast(const struct ip_addr *a);
bool ip_addr_is_link_local(const struct ip_addr *a);
/* ::ffff:a.b.c.d: IPv4 in the clothes of IPv6. */
bool ip_addr_is_v4_mapped(const struct ip_addr *a);

/* Socket addresses. An IPv4-mapped IPv6 address becomes IPv4. port in host byte order. */
socklen_t ip_addr_to_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *out);
bool ip_addr_from_sockaddr(const struct sockaddr *sa, struct ip_addr *out, uint16_t *port);

/* "10.0.0.0/8"; an address without a length is a host prefix. False when malformed or when host bits are set
 * (*host_bits then says so; host_bits may be NULL). */
bool prefix_parse(const char *text, struct prefix *out, bool *host_bits);
const char *prefix_format(const struct prefix *p, char *buf);
struct prefix prefix_host(const struct ip_addr *a);
/* The prefix of an address: host bits cleared. */
struct prefix prefix_of(const struct ip_addr *a, uint8_t len);
void prefix_mask(struct prefix *p);
struct ip_addr prefix_addr(const struct prefix *p);
bool prefix_contains(const struct prefix *outer, const struct prefix *inner);
bool prefix_contains_addr(const struct prefix *p, const struct ip_addr *a);
/* IPv4 before IPv6, then by address, then shorter first: the order of a routing table. */
int prefix_cmp(const struct prefix *a, const struct prefix *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
uint32_t prefix_hash_v6(const uint8_t bytes[16], uint8_t len);

/* --- of prefixes that lie in tables, with as many octets as their family has ---
 *
 * A read of what was written in smaller pieces just before waits until all earlier writes are through, those that miss the caches
 * too. So octets are copied, compared and read at the width in which they are written: 4, or 16. */

static inline void prefix_set(struct prefix *p, uint8_t family, uint8_t len, const uint8_t *bytes)
{
	p->family = family;
	p->len = len;
	if (family == IP_V4) {
		memset(p->bytes, 0, sizeof(p->bytes));
		memcpy(p->bytes, bytes, 4);
	} else {
		memcpy(p->bytes, bytes, sizeof(p->bytes));
	}
}

static inline void prefix_bytes_copy(uint8_t *to, const struct prefix *p)
{
	if (p->family == IP_V4)
		memcpy(to, p->bytes, 4);
	else
		memcpy(to, p->bytes, sizeof(p->bytes));
}

static inline bool prefix_is(const struct prefix *p, uint8_t family, uint8_t len, const uint8_t *bytes)
{
	if (p->family != family || p->len != len)
		return false;
	return family == IP_V4 ? memcmp(p->bytes, bytes, 4) == 0
			       : memcmp(p->bytes, bytes, sizeof(p->bytes)) == 0;
}

static inline uint32_t prefix_bytes_hash(uint8_t family, uint8_t len, const uint8_t *bytes)
{
	uint32_t v4;

	if (family != IP_V4)
		return prefix_hash_v6(bytes, len);
	memcpy(&v4, bytes, sizeof(v4));
	return hash_u64((uint64_t)v4 << 8 | len);
}

static inline uint32_t prefix_hash(const struct prefix *p)
{
	return prefix_bytes_hash(p->family, p->len, p->bytes);
}

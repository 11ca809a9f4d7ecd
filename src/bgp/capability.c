/*
 * Capabilities: a table of codes, each with the lengths its RFC allows and the function that reads its value.
 *
 * A length that the table does not allow makes the OPEN malformed (RFC 5492 5); the two that only inform (FQDN,
 * software version) are never worth a session: when malformed they count as not said. Saying a capability twice is
 * fine (RFC 5492 4): what is said again is added, and where it differs the later one counts. A list may be empty and says nothing then.
 *
 * RFC 2918, 4724, 4760, 5492, 6793, 7313, 7911, 8654, 8950.
 */
#include "bgp/capability.h"

#include "bgp/message.h"
#include "base/printable.h"

#include <string.h>

static void decode_multiprotocol(struct cursor c, struct bgp_caps *caps)
{
	uint16_t afi = cursor_u16(&c);
	enum bgp_family f;

	cursor_u8(&c); /* reserved */
	caps->any_multiprotocol = true;
	if (bgp_family_from_wire(afi, cursor_u8(&c), &f))
		caps->family[f] = true;
}

static void decode_route_refresh(struct cursor c, struct bgp_caps *caps)
{
	(void)c;
	caps->route_refresh = true;
}

static void decode_enhanced_route_refresh(struct cursor c, struct bgp_caps *caps)
{
	(void)c;
	caps->enhanced_route_refresh = true;
}

static void decode_extended_message(struct cursor c, struct bgp_caps *caps)
{
	(void)c;
	caps->extended_message = true;
}

static void decode_extended_next_hop(struct cursor c, struct bgp_caps *caps)
{
	while (cursor_left(&c)) {
		uint16_t afi = cursor_u16(&c), safi = cursor_u16(&c), next_hop_afi = cursor_u16(&c);

		if (afi == BGP_AFI_IPV4 && safi == BGP_SAFI_UNICAST && next_hop_afi == BGP_AFI_IPV6)
			caps->extended_next_hop = true;
	}
}

/* Which families the peer has kept is no matter here. */
static void decode_graceful_restart(struct cursor c, struct bgp_caps *caps)
{
	(void)c;
	caps->graceful_restart = true;
}

static void decode_as4(struct cursor c, struct bgp_caps *caps)
{
	caps->as4 = true;
	caps->as4_number = cursor_u32(&c);
}

/* RFC 7911 4: with any other mode in it the capability counts as not understood. */
static bool add_path_understood(struct cursor c)
{
	bool understood = true;

	while (cursor_left(&c)) {
		uint8_t mode;

		cursor_bytes(&c, 3);
		mode = cursor_u8(&c);
		understood &= mode >= BGP_ADD_PATH_RECEIVE && mode <= BGP_ADD_PATH_BOTH;
	}
	return understood;
}

static void decode_add_path(struct cursor c, struct bgp_caps *caps)
{
	if (!add_path_understood(c))
		return;
	while (cursor_left(&c)) {
		uint16_t afi = cursor_u16(&c);
		uint8_t safi = cursor_u8(&c), mode = cursor_u8(&c);
		enum bgp_family f;

		if (bgp_family_from_wire(afi, safi, &f))
			caps->add_path[f] = mode;
	}
}

/* A host name and a domain name, each behind its length. */
static void decode_fqdn(struct cursor c, struct bgp_caps *caps)
{
	struct cursor host = cursor_sub(&c, cursor_u8(&c)), domain = cursor_sub(&c, cursor_u8(&c));
	size_t n;

	if (!cursor_ok(&c))
		return;
	n = text_printable(host.p, cursor_left(&host), caps->fqdn, sizeof(caps->fqdn));
	if (n && cursor_left(&domain) && n + 2 < sizeof(caps->fqdn)) {
		caps->fqdn[n++] = '.';
		text_printable(domain.p, cursor_left(&domain), caps->fqdn + n, sizeof(caps->fqdn) - n);
	}
}

static void decode_software(struct cursor c, struct bgp_caps *caps)
{
	struct cursor text = cursor_sub(&c, cursor_u8(&c));

	if (cursor_ok(&c))
		text_printable(text.p, cursor_left(&text), caps->software, sizeof(caps->software));
}

/* length: the only one allowed, or (several) a multiple of it; any: not checked here. */
enum length_rule { LENGTH_EXACT, LENGTH_SEVERAL, LENGTH_ANY };

struct capability {
	uint8_t code;
	uint8_t length;
	enum length_rule rule;
	void (*decode)(struct cursor c, struct bgp_caps *caps);
};

static const struct capability capabilities[] = {
	{ BGP_CAP_MULTIPROTOCOL, 4, LENGTH_EXACT, decode_multiprotocol },
	{ BGP_CAP_ROUTE_REFRESH, 0, LENGTH_EXACT, decode_route_refresh },
	{ BGP_CAP_EXTENDED_NEXT_HOP, 6, LENGTH_SEVERAL, decode_extended_next_hop },
	{ BGP_CAP_EXTENDED_MESSAGE, 0, LENGTH_EXACT, decode_extended_message },
	{ BGP_CAP_GRACEFUL_RESTART, 0, LENGTH_ANY, decode_graceful_restart },
	{ BGP_CAP_AS4, 4, LENGTH_EXACT, decode_as4 },
	{ BGP_CAP_ADD_PATH, 4, LENGTH_SEVERAL, decode_add_path },
	{ BGP_CAP_ENHANCED_ROUTE_REFRESH, 0, LENGTH_EXACT, decode_enhanced_route_refresh },
	{ BGP_CAP_FQDN, 0, LENGTH_ANY, decode_fqdn },
	{ BGP_CAP_SOFTWARE_VERSION, 0, LENGTH_ANY, decode_software },
};

static const struct capability *find_capability(uint8_t code)
{
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		if (capabilities[i].code == code)
			return &capabilities[i];
	return NULL;
}

static bool length_allowed(const struct capability *k, size_t len)
{
	switch (k->rule) {
	case LENGTH_EXACT:
		return len == k->length;
	case LENGTH_SEVERAL:
		return len % k->length == 0;
	case LENGTH_ANY:
		return true;
	}
	return false;
}

bool bgp_capabilities_decode(struct cursor c, struct bgp_caps *caps)
{
	while (cursor_left(&c)) {
		const struct capability *k = find_capability(cursor_u8(&c));
		struct cursor value = cursor_sub(&c, cursor_u8(&c));

		if (!cursor_ok(&c))
			return false;
		if (!k)
			continue;
		if (!length_allowed(k, cursor_left(&value)))
			return false;
		k->decode(value, caps);
	}
	return true;
}

static void encode_header(struct writer *w, enum bgp_capability_code code, uint8_t len)
{
	writer_u8(w, code);
	writer_u8(w, len);
}

static void encode_families(struct writer *w, const struct bgp_caps *caps)
{
	for (int f = 0; f < BGP_FAMILIES; f++)
		if (caps->family[f])
			bgp_capability_encode_multiprotocol(w, (enum bgp_family)f);
}

static void encode_add_path(struct writer *w, const struct bgp_caps *caps)
{
	uint8_t *start = w->p, *len;

	writer_u8(w, BGP_CAP_ADD_PATH);
	len = writer_skip(w, 1);
	for (int f = 0; f < BGP_FAMILIES; f++) {
		if (caps->add_path[f] == BGP_ADD_PATH_NONE)
			continue;
		writer_u16(w, bgp_family_afi((enum bgp_family)f));
		writer_u8(w, BGP_SAFI_UNICAST);
		writer_u8(w, caps->add_path[f]);
	}
	if (!len || w->p == len + 1)
		w->p = start;
	else
		writer_patch_u8(len, (size_t)(w->p - len - 1));
}

/* The part in front of the first dot is the host's name, the rest the domain's; cut to what a capability can hold. */
static void encode_fqdn(struct writer *w, const char *fqdn)
{
	const char *dot = strchr(fqdn, '.');
	size_t host = dot ? (size_t)(dot - fqdn) : strlen(fqdn);
	size_t domain = dot ? strlen(dot + 1) : 0;

	if (host > UINT8_MAX - 2)
		host = UINT8_MAX - 2;
	if (domain > UINT8_MAX - 2 - host)
		domain = UINT8_MAX - 2 - host;
	encode_header(w, BGP_CAP_FQDN, (uint8_t)(2 + host + domain));
	writer_u8(w, (uint8_t)host);
	writer_bytes(w, fqdn, host);
	writer_u8(w, (uint8_t)domain);
	if (domain)
		writer_bytes(w, dot + 1, domain);
}

static void encode_software(struct writer *w, const char *software)
{
	size_t n = strlen(software);

	if (n > UINT8_MAX - 1)
		n = UINT8_MAX - 1;
	encode_header(w, BGP_CAP_SOFTWARE_VERSION, (uint8_t)(n + 1));
	writer_u8(w, (uint8_t)n);
	writer_bytes(w, software, n);
}

void bgp_capability_encode_multiprotocol(struct writer *w, enum bgp_family family)
{
	encode_header(w, BGP_CAP_MULTIPROTOCOL, 4);
	writer_u16(w, bgp_family_afi(family));
	writer_u8(w, 0);
	writer_u8(w, BGP_SAFI_UNICAST);
}

void bgp_capabilities_encode(struct writer *w, const struct bgp_caps *caps, uint32_t as)
{
	encode_families(w, caps);
	if (caps->route_refresh)
		encode_header(w, BGP_CAP_ROUTE_REFRESH, 0);
	if (caps->extended_next_hop) {
		encode_header(w, BGP_CAP_EXTENDED_NEXT_HOP, 6);
		writer_u16(w, BGP_AFI_IPV4);
		writer_u16(w, BGP_SAFI_UNICAST);
		writer_u16(w, BGP_AFI_IPV6);
	}
	if (caps->extended_message)
		encode_header(w, BGP_CAP_EXTENDED_MESSAGE, 0);
	if (caps->as4) {
		encode_header(w, BGP_CAP_AS4, 4);
		writer_u32(w, as);
	}
	encode_add_path(w, caps);
	if (caps->enhanced_route_refresh)
		encode_header(w, BGP_CAP_ENHANCED_ROUTE_REFRESH, 0);
	if (caps->fqdn[0])
		encode_fqdn(w, caps->fqdn);
	if (caps->software[0])
		encode_software(w, caps->software);
}

#include "kube/slice.h"

#include "base/mem.h"
#include "base/printable.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTE_MAX = 80 };

/* All text of a slice, copied behind its tables. */
struct texts {
	char *at;
};

static const char *quote(const char *text, char buf[QUOTE_MAX])
{
	text_printable((const uint8_t *)text, strlen(text), buf, QUOTE_MAX);
	return buf;
}

static const char *copy(struct texts *t, const char *text)
{
	size_t size = strlen(text) + 1;
	char *out = memcpy(t->at, text, size);

	t->at += size;
	return out;
}

/* --- what is there, before anything is allocated --- */

static const char *target_name(const struct row *endpoint)
{
	const char *name = row_get_text(row_get(endpoint, "targetRef"), "name");

	return name && strlen(name) <= KUBE_NAME_MAX ? name : NULL;
}

static const char *port_name(const struct row *port)
{
	const char *name = row_get_text(port, "name");

	return name ? name : "";
}

static size_t text_octets(const char *name, const struct row *ports, const struct row *endpoints)
{
	size_t octets = strlen(name) + 1;

	for (size_t i = 0; i < row_list_size(ports); i++)
		octets += strlen(port_name(row_list_get(ports, i))) + 1;
	for (size_t i = 0; i < row_list_size(endpoints); i++) {
		const char *target = target_name(row_list_get(endpoints, i));

		octets += target ? strlen(target) + 1 : 0;
	}
	return octets;
}

static bool few_enough(const struct row *list, const char *what, size_t max, struct text *why)
{
	if (row_list_size(list) <= max)
		return true;
	text_add(why, "%zu %s in one slice; at most %zu are taken", row_list_size(list), what, max);
	return false;
}

/* --- its parts --- */

static bool parse_port(const struct row *r, struct texts *texts, struct kube_port *out, struct text *why)
{
	static const struct {
		const char *name;
		uint8_t number;
	} protocols[] = { { "TCP", IPPROTO_TCP }, { "UDP", IPPROTO_UDP }, { "SCTP", IPPROTO_SCTP } };
	const char *protocol = row_get_text(r, "protocol");
	int64_t number = row_get_int(r, "port", 0);

	*out = (struct kube_port){ .name = copy(texts, port_name(r)) };
	if (number < 0 || number > UINT16_MAX) {
		text_add(why, "a port is %lld; expected 1..65535", (long long)number);
		return false;
	}
	out->number = (uint16_t)number;
	if (!protocol)
		out->protocol = IPPROTO_TCP;
	/* One that we do not know is nobody's. */
	for (size_t i = 0; protocol && i < sizeof(protocols) / sizeof(*protocols); i++)
		if (strcmp(protocol, protocols[i].name) == 0)
			out->protocol = protocols[i].number;
	return true;
}

static uint8_t parse_conditions(const struct row *r)
{
	bool ready = row_get_bool(r, "ready", true), serving = row_get_bool(r, "serving", ready);
	bool terminating = row_get_bool(r, "terminating", false);

	return (uint8_t)((ready ? KUBE_READY : 0) | (serving ? KUBE_SERVING : 0) |
			 (terminating ? KUBE_TERMINATING : 0));
}

static bool is_server(const struct ip_addr *a)
{
	return !ip_addr_is_any(a) && !ip_addr_is_multicast(a) && !ip_addr_is_link_local(a) &&
	       !ip_addr_is_loopback(a) && !ip_addr_is_v4_mapped(a);
}

static bool parse_endpoint(
	const struct row *r, uint8_t family, struct texts *texts, struct kube_slice *s, struct text *why)
{
	const char *address = row_list_get_text(row_get(r, "addresses"), 0), *target = target_name(r);
	struct kube_endpoint *e = &s->endpoints[s->endpoint_count];
	char quoted[QUOTE_MAX];

	if (!address) {
		text_add(why, "an endpoint has no address");
		return false;
	}
	if (!ip_addr_parse(address, &e->addr) || e->addr.family != family) {
		text_add(why, "an endpoint's address is %s; expected one of IPv%u", quote(address, quoted),
			family);
		return false;
	}
	if (!is_server(&e->addr)) {
		s->skipped++;
		return true;
	}
	e->conditions = parse_conditions(row_get(r, "conditions"));
	e->name = target ? copy(texts, target) : NULL;
	s->endpoint_count++;
	return true;
}

/* --- the whole --- */

/* One piece of memory: the structure, its tables, its text. */
static struct kube_slice *allocate(
	const char *name, const struct row *ports, const struct row *endpoints, struct texts *texts)
{
	size_t port_octets = row_list_size(ports) * sizeof(struct kube_port);
	size_t endpoint_octets = row_list_size(endpoints) * sizeof(struct kube_endpoint);
	size_t octets = sizeof(struct kube_slice) + port_octets + endpoint_octets +
			text_octets(name, ports, endpoints);
	char *at = mem_calloc(1, octets);
	struct kube_slice *s = (struct kube_slice *)(void *)at;

	at += sizeof(*s);
	s->ports = (struct kube_port *)(void *)at;
	at += port_octets;
	s->endpoints = (struct kube_endpoint *)(void *)at;
	at += endpoint_octets;
	texts->at = at;
	s->name = copy(texts, name);
	s->octets = octets;
	return s;
}

static bool fill(struct kube_slice *s, const struct row *ports, const struct row *endpoints, uint8_t family,
	struct texts *texts, struct text *why)
{
	for (size_t i = 0; i < row_list_size(ports); i++, s->port_count++)
		if (!parse_port(row_list_get(ports, i), texts, &s->ports[i], why))
			return false;
	for (size_t i = 0; family && i < row_list_size(endpoints); i++)
		if (!parse_endpoint(row_list_get(endpoints, i), family, texts, s, why))
			return false;
	return true;
}

static bool parse_family(const struct row *object, uint8_t *out, struct text *why)
{
	const char *type = row_get_text(object, "addressType");
	char quoted[QUOTE_MAX];

	*out = IP_NONE;
	if (type && strcmp(type, "IPv4") == 0)
		*out = IP_V4;
	else if (type && strcmp(type, "IPv6") == 0)
		*out = IP_V6;
	else if (!type || strcmp(type, "FQDN") != 0) {
		text_add(why, "addressType is %s; expected IPv4, IPv6 or FQDN",
			type ? quote(type, quoted) : "missing");
		return false;
	}
	return true;
}

struct kube_slice *kube_slice_parse(const struct row *object, struct text *why)
{
	const char *name = row_get_text(row_get(object, "metadata"), "name");
	const struct row *ports = row_get(object, "ports"), *endpoints = row_get(object, "endpoints");
	struct kube_slice *s;
	struct texts texts;
	uint8_t family;

	if (!name || !*name || strlen(name) > KUBE_NAME_MAX) {
		text_add(why, "a slice has no name that could be one");
		return NULL;
	}
	if (!parse_family(object, &family, why) ||
		!few_enough(endpoints, "endpoints", KUBE_SLICE_ENDPOINTS_MAX, why) ||
		!few_enough(ports, "ports", KUBE_SLICE_PORTS_MAX, why))
		return NULL;
	s = allocate(name, ports, endpoints, &texts);
	if (fill(s, ports, endpoints, family, &texts, why))
		return s;
	kube_slice_free(s);
	return NULL;
}

void kube_slice_free(struct kube_slice *s)
{
	free(s);
}

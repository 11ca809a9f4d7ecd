#include "ipvs/service.h"

#include "base/hash.h"
#include "base/text.h"

#include <netinet/in.h>
#include <string.h>

bool ipvs_key_equal(const struct ipvs_key *a, const struct ipvs_key *b)
{
	return a->family == b->family && a->protocol == b->protocol && a->port == b->port &&
	       a->mark == b->mark && ip_addr_equal(&a->addr, &b->addr);
}

uint32_t ipvs_key_hash(const struct ipvs_key *k)
{
	uint64_t rest = (uint64_t)k->mark << 32 | (uint64_t)k->port << 16 | (uint64_t)k->protocol << 8 |
			k->family;

	return hash_u64(rest ^ (uint64_t)ip_addr_hash(&k->addr) << 24);
}

const char *ipvs_key_format(const struct ipvs_key *k, char *buf)
{
	struct text t = text_init(buf, IPVS_KEY_TEXT_MAX);
	char addr[PREFIX_TEXT_MAX];

	if (k->mark) {
		text_add(&t, "mark %u %s", k->mark, k->family == IP_V6 ? "IPv6" : "IPv4");
		return buf;
	}
	if (k->protocol == IPPROTO_TCP)
		text_add(&t, "TCP ");
	else if (k->protocol == IPPROTO_UDP)
		text_add(&t, "UDP ");
	else if (k->protocol == IPPROTO_SCTP)
		text_add(&t, "SCTP ");
	else
		text_add(&t, "protocol %u ", k->protocol);
	text_add(&t, k->family == IP_V6 ? "[%s]:%u" : "%s:%u", ip_addr_format(&k->addr, addr), k->port);
	return buf;
}

bool ipvs_dest_same(const struct ipvs_dest *a, const struct ipvs_dest *b)
{
	return a->port == b->port && ip_addr_equal(&a->addr, &b->addr);
}

int ipvs_dest_cmp(const struct ipvs_dest *a, const struct ipvs_dest *b)
{
	int order = ip_addr_cmp(&a->addr, &b->addr);

	return order ? order : (a->port > b->port) - (a->port < b->port);
}

void ipvs_dest_tidy(struct ipvs_dest *d)
{
	if (d->forward != IPVS_TUN)
		d->tunnel = IPVS_IPIP;
	if (d->tunnel != IPVS_GUE)
		d->tunnel_port = 0;
	if (d->tunnel == IPVS_IPIP)
		d->tunnel_flags = 0;
}

void ipvs_service_tidy(struct ipvs_service *s)
{
	s->flags &= IPVS_FLAGS;
	if (!(s->flags & IPVS_PERSISTENT))
		s->persistence_s = s->persistence_len = 0;
	if (s->persistence_len == ip_family_bits(s->key.family))
		s->persistence_len = 0;
	if (s->key.mark)
		s->key = (struct ipvs_key){ .family = s->key.family, .mark = s->key.mark };
}

bool ipvs_dest_equal(const struct ipvs_dest *a, const struct ipvs_dest *b)
{
	return ipvs_dest_same(a, b) && a->forward == b->forward && a->tunnel == b->tunnel &&
	       a->tunnel_port == b->tunnel_port && a->tunnel_flags == b->tunnel_flags &&
	       a->weight == b->weight && a->upper_threshold == b->upper_threshold &&
	       a->lower_threshold == b->lower_threshold;
}

bool ipvs_service_equal(const struct ipvs_service *a, const struct ipvs_service *b)
{
	return ipvs_key_equal(&a->key, &b->key) && strcmp(a->scheduler, b->scheduler) == 0 &&
	       a->flags == b->flags && a->persistence_s == b->persistence_s &&
	       a->persistence_len == b->persistence_len && strcmp(a->engine, b->engine) == 0;
}

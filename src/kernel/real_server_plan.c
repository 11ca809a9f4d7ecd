#include "kernel/real_server.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	TCP_HEADER = 20,
	/* The largest that IPVS writes: GUE with remote checksum under UDP, GRE with checksum. */
	GUE_HEADERS = 8 + 4 + 8,
	GRE_HEADER = 8,
	ARP_ANNOUNCE_BEST = 2,
	RP_FILTER_STRICT = 1,
	RP_FILTER_LOOSE = 2,
};

struct device {
	const char *name, *kind, *why;
};

struct work {
	const struct real_server_wish *wish;
	const struct real_server_found *found;
	struct real_server_plan *plan;
};

/* --- which device takes the outer header off --- */

static uint8_t outer_family(const struct real_server_wish *w, const struct ip_addr *a)
{
	return w->over ? w->over : a->family;
}

/* The kernel's own device of each kind takes packets from anybody; it appears with its module. The one exception is
 * ip6tnl0, which takes IPv6 alone: beside it one of our own takes whatever comes. */
static struct device device_for(const struct real_server_wish *w, const struct ip_addr *a)
{
	uint8_t outer = outer_family(w, a);

	if (w->mode == REAL_SERVER_DR)
		return (struct device){ "lo", "", "the service's address stands on it" };
	if (w->tunnel == REAL_SERVER_GRE)
		return outer == IP_V4
			       ? (struct device){ "gre0", "gre", "it takes GRE headers off" }
			       : (struct device){ "ip6gre0", "ip6gre", "it takes GRE headers over IPv6 off" };
	if (outer == IP_V4)
		return a->family == IP_V4
			       ? (struct device){ "tunl0", "ipip", "it takes outer IPv4 headers off" }
			       : (struct device){ "sit0", "sit",
					 "it takes outer IPv4 headers off IPv6 packets" };
	return a->family == IP_V6 ? (struct device){ "ip6tnl0", "ip6tnl", "it takes outer IPv6 headers off" }
				  : (struct device){ "rrd-any6", "ip6tnl",
					    "it takes outer IPv6 headers off IPv4 packets" };
}

static uint32_t overhead(const struct real_server_wish *w, uint8_t outer)
{
	uint32_t extra = w->tunnel == REAL_SERVER_GUE	? GUE_HEADERS
			 : w->tunnel == REAL_SERVER_GRE ? GRE_HEADER
							: 0;

	return (outer == IP_V4 ? IPV4_HEADER : IPV6_HEADER) + extra;
}

/* --- steps --- */

static const struct real_server_link *link_named(const struct real_server_found *f, const char *name)
{
	for (size_t i = 0; i < f->link_count; i++)
		if (strcmp(f->links[i].name, name) == 0)
			return &f->links[i];
	return NULL;
}

static bool planned(const struct work *k, const struct real_server_step *s)
{
	for (size_t i = 0; i < k->plan->count; i++) {
		const struct real_server_step *p = &k->plan->steps[i];

		if (p->op == s->op && strcmp(p->device, s->device) == 0 && strcmp(p->key, s->key) == 0 &&
			p->family == s->family && prefix_equal(&p->prefix, &s->prefix))
			return true;
	}
	return false;
}

static void add(struct work *k, const struct real_server_step *s)
{
	struct real_server_plan *p = k->plan;

	if (planned(k, s))
		return;
	p->steps = mem_realloc(p->steps, (p->count + 1) * sizeof(*s));
	p->steps[p->count++] = *s;
}

static void want_sysctl(struct work *k, const char *key, long value, long old, const char *why)
{
	struct real_server_step s = { .op = REAL_SERVER_SYSCTL, .value = value, .old = old, .why = why };

	snprintf(s.key, sizeof(s.key), "%s", key);
	add(k, &s);
}

static void quiet_arp(struct work *k)
{
	static const char ignore[] = "net.ipv4.conf.all.arp_ignore",
			  announce[] = "net.ipv4.conf.all.arp_announce";
	long value;

	if (k->found->sysctl(ignore, &value) && value == 0)
		want_sysctl(k, ignore, 1, value,
			"only the load balancer may answer ARP requests for the service's address");
	if (k->found->sysctl(announce, &value) && value < ARP_ANNOUNCE_BEST)
		want_sysctl(k, announce, ARP_ANNOUNCE_BEST, value,
			"ARP requests must not come from the service's address");
}

/* Of "all" and the device's own value the larger holds. A device that is still to come begins with the default. */
static void loose_filter(struct work *k, const char *device)
{
	char key[REAL_SERVER_KEY_MAX];
	long all = 0, own = 0;

	snprintf(key, sizeof(key), "net.ipv4.conf.%s.rp_filter", device);
	k->found->sysctl("net.ipv4.conf.all.rp_filter", &all);
	if (!k->found->sysctl(key, &own))
		k->found->sysctl("net.ipv4.conf.default.rp_filter", &own);
	if ((own > all ? own : all) == RP_FILTER_STRICT)
		want_sysctl(k, key, RP_FILTER_LOOSE, own,
			"the client's packets come by this device and answers leave by another");
}

static void enable_ipv6(struct work *k, const char *device)
{
	char key[REAL_SERVER_KEY_MAX];
	long value;

	snprintf(key, sizeof(key), "net.ipv6.conf.%s.disable_ipv6", device);
	if (!k->found->sysctl(key, &value) && !k->found->sysctl("net.ipv6.conf.default.disable_ipv6", &value))
		return;
	if (value)
		want_sysctl(k, key, 0, value, "the device carries IPv6");
}

static void open_gue(struct work *k, uint8_t outer)
{
	struct real_server_step s = { .op = REAL_SERVER_GUE_OPEN,
		.family = outer,
		.value = k->wish->gue_port,
		.why = "GUE packets come to this port" };

	if (outer == IP_V4 ? !k->found->gue_ipv4 : !k->found->gue_ipv6)
		add(k, &s);
}

static void bring_up(struct work *k, const struct device *d)
{
	const struct real_server_link *link = link_named(k->found, d->name);
	struct real_server_step s = { .op = REAL_SERVER_LINK_ADD, .why = d->why };

	snprintf(s.device, sizeof(s.device), "%s", d->name);
	snprintf(s.kind, sizeof(s.kind), "%s", d->kind);
	if (!link)
		add(k, &s);
	s.op = REAL_SERVER_LINK_UP;
	s.kind[0] = 0;
	if (!link || !link->up)
		add(k, &s);
}

static void put_address(struct work *k, const struct ip_addr *a, const struct device *d)
{
	struct real_server_step s = { .op = REAL_SERVER_ADDRESS,
		.prefix = prefix_host(a),
		.why = "packets for the service's address are taken" };

	for (size_t i = 0; i < k->found->addr_count; i++)
		if (ip_addr_equal(&k->found->addrs[i], a))
			return;
	snprintf(s.device, sizeof(s.device), "%s", d->name);
	add(k, &s);
}

/* --- segment sizes --- */

static const struct real_server_link *link_of(
	const struct real_server_found *f, const struct real_server_route *r)
{
	for (size_t i = 0; i < f->link_count; i++)
		if (f->links[i].index == r->index)
			return &f->links[i];
	return NULL;
}

static bool is_link_local(const struct prefix *p)
{
	struct ip_addr a = prefix_addr(p);

	return ip_addr_is_link_local(&a) || ip_addr_is_multicast(&a);
}

/* The largest segment that clients reached by r may send; 0: it does not matter. */
static uint32_t segment_of(const struct work *k, const struct real_server_route *r, uint8_t outer)
{
	const struct real_server_link *link = link_of(k->found, r);
	uint32_t own = (r->to.family == IP_V4 ? IPV4_HEADER : IPV6_HEADER) + TCP_HEADER;
	uint32_t taken = overhead(k->wish, outer) + own, mtu;

	if (!link || link->loopback || link->tunnel || is_link_local(&r->to))
		return 0;
	mtu = k->wish->mtu ? k->wish->mtu : link->mtu;
	return mtu > taken ? mtu - taken : 0;
}

static void shrink_segments(struct work *k, uint8_t inner, uint8_t outer)
{
	struct real_server_plan *p = k->plan;

	for (size_t i = 0; i < k->found->route_count; i++) {
		const struct real_server_route *r = &k->found->routes[i];
		uint32_t segment = r->to.family == inner ? segment_of(k, r, outer) : 0;
		struct real_server_step s = { .op = REAL_SERVER_ADVMSS,
			.prefix = r->to,
			.value = segment,
			.old = r->advmss,
			.why = "a client's packet and its outer header together fit into the MTU" };

		if (!segment || (r->advmss && r->advmss <= segment))
			continue;
		if (!r->learned) {
			const struct real_server_link *link = link_of(k->found, r);

			snprintf(s.device, sizeof(s.device), "%s", link->name);
			add(k, &s);
			continue;
		}
		p->learned = mem_realloc(p->learned, (p->learned_count + 1) * sizeof(*p->learned));
		p->learned[p->learned_count++] = r;
	}
}

/* --- the whole --- */

static bool has_family(const struct real_server_wish *w, uint8_t family)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->addrs[i].family == family)
			return true;
	return false;
}

static void prepare_tunnel(struct work *k, const struct ip_addr *a)
{
	struct device d = device_for(k->wish, a);

	if (k->wish->tunnel == REAL_SERVER_GUE)
		open_gue(k, outer_family(k->wish, a));
	bring_up(k, &d);
	if (a->family == IP_V4)
		loose_filter(k, d.name);
}

/* The addresses come last: from then on packets are taken, and all else must be right. */
void real_server_plan(
	const struct real_server_wish *w, const struct real_server_found *f, struct real_server_plan *out)
{
	/* cppcheck-suppress ctuuninitvar; it is filled here. */
	struct work k = { w, f, out };

	*out = (struct real_server_plan){ .count = 0 };
	if (has_family(w, IP_V4))
		quiet_arp(&k);
	for (size_t i = 0; w->mode == REAL_SERVER_TUN && i < w->count; i++)
		prepare_tunnel(&k, &w->addrs[i]);
	if (w->mode == REAL_SERVER_DR)
		bring_up(&k, &(struct device){ "lo", "", "the service's address stands on it" });
	for (uint8_t family = IP_V4; w->mode == REAL_SERVER_TUN && family <= IP_V6; family += IP_V6 - IP_V4)
		if (has_family(w, family))
			shrink_segments(&k, family, w->over ? w->over : family);
	for (size_t i = 0; i < w->count; i++) {
		struct device d = device_for(w, &w->addrs[i]);

		if (w->addrs[i].family == IP_V6)
			enable_ipv6(&k, d.name);
		put_address(&k, &w->addrs[i], &d);
	}
}

void real_server_plan_fini(struct real_server_plan *p)
{
	free(p->steps);
	free(p->learned);
	*p = (struct real_server_plan){ .count = 0 };
}

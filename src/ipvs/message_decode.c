#include "ipvs/message.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

enum { NO_LEN = 255 }; /* a mask that is no prefix: equal to nothing that can be wished */

static bool parse_top(
	const struct nlmsghdr *h, struct nlattr **attr, int max, const struct nla_policy *policy)
{
	struct nlmsghdr *m = (struct nlmsghdr *)(uintptr_t)h;

	return genlmsg_valid_hdr(m, 0) && genlmsg_parse(m, 0, attr, max, policy) == 0;
}

static uint8_t family_of(uint16_t af)
{
	return af == AF_INET ? IP_V4 : af == AF_INET6 ? IP_V6 : IP_NONE;
}

static uint32_t u32_of(struct nlattr *a)
{
	return a ? nla_get_u32(a) : 0;
}

static uint16_t port_of(struct nlattr *a)
{
	return a ? ntohs(nla_get_u16(a)) : 0;
}

/* At least the octets of the family: true. */
static bool addr_of(struct nlattr *a, uint8_t family, struct ip_addr *out)
{
	if (!a || !ip_family_bytes(family) || nla_len(a) < (int)ip_family_bytes(family))
		return false;
	*out = ip_addr_from_bytes(family, nla_data(a));
	return true;
}

bool ipvs_message_decode_family(const struct nlmsghdr *h, uint16_t *family)
{
	struct nla_policy policy[CTRL_ATTR_MAX + 1] = { [CTRL_ATTR_FAMILY_ID] = { .type = NLA_U16 } };
	struct nlattr *attr[CTRL_ATTR_MAX + 1];

	if (!parse_top(h, attr, CTRL_ATTR_MAX, policy) || !attr[CTRL_ATTR_FAMILY_ID])
		return false;
	*family = nla_get_u16(attr[CTRL_ATTR_FAMILY_ID]);
	return true;
}

/* --- services --- */

static uint8_t mask_len(uint32_t mask)
{
	unsigned len = mask ? 32 - (unsigned)__builtin_ctz(mask) : 0;

	return !len || mask != UINT32_MAX << (32 - len) ? NO_LEN : (uint8_t)len;
}

static void decode_persistence(struct nlattr **attr, struct ipvs_service *s)
{
	uint32_t mask = u32_of(attr[IPVS_SVC_ATTR_NETMASK]);

	s->persistence_s = u32_of(attr[IPVS_SVC_ATTR_TIMEOUT]);
	if (s->key.family == IP_V6)
		s->persistence_len = mask && mask <= 128 ? (uint8_t)mask : NO_LEN;
	else
		s->persistence_len = mask_len(ntohl(mask));
}

static bool decode_key(struct nlattr **attr, struct ipvs_key *k)
{
	if (!attr[IPVS_SVC_ATTR_AF])
		return false;
	k->family = family_of(nla_get_u16(attr[IPVS_SVC_ATTR_AF]));
	k->mark = u32_of(attr[IPVS_SVC_ATTR_FWMARK]);
	if (k->mark)
		return k->family != IP_NONE;
	if (!attr[IPVS_SVC_ATTR_PROTOCOL] || !attr[IPVS_SVC_ATTR_PORT])
		return false;
	k->protocol = (uint8_t)nla_get_u16(attr[IPVS_SVC_ATTR_PROTOCOL]);
	k->port = port_of(attr[IPVS_SVC_ATTR_PORT]);
	return addr_of(attr[IPVS_SVC_ATTR_ADDR], k->family, &k->addr);
}

static void copy_name(struct nlattr *a, char out[IPVS_SCHEDULER_MAX])
{
	if (a)
		snprintf(out, IPVS_SCHEDULER_MAX, "%.*s", nla_len(a), (const char *)nla_data(a));
}

bool ipvs_message_decode_service(const struct nlmsghdr *h, struct ipvs_service *out)
{
	struct nla_policy top_policy[IPVS_CMD_ATTR_MAX + 1] = { [IPVS_CMD_ATTR_SERVICE] = {
									.type = NLA_NESTED } };
	struct nla_policy policy[IPVS_SVC_ATTR_MAX + 1] = {
		[IPVS_SVC_ATTR_AF] = { .type = NLA_U16 },
		[IPVS_SVC_ATTR_PROTOCOL] = { .type = NLA_U16 },
		[IPVS_SVC_ATTR_PORT] = { .type = NLA_U16 },
		[IPVS_SVC_ATTR_FWMARK] = { .type = NLA_U32 },
		[IPVS_SVC_ATTR_FLAGS] = { .minlen = sizeof(struct ip_vs_flags) },
		[IPVS_SVC_ATTR_TIMEOUT] = { .type = NLA_U32 },
		[IPVS_SVC_ATTR_NETMASK] = { .type = NLA_U32 },
	};
	struct nlattr *top[IPVS_CMD_ATTR_MAX + 1], *attr[IPVS_SVC_ATTR_MAX + 1];
	struct ip_vs_flags flags;

	*out = (struct ipvs_service){ 0 };
	if (!parse_top(h, top, IPVS_CMD_ATTR_MAX, top_policy) || !top[IPVS_CMD_ATTR_SERVICE] ||
		nla_parse_nested(attr, IPVS_SVC_ATTR_MAX, top[IPVS_CMD_ATTR_SERVICE], policy) < 0)
		return false;
	if (!decode_key(attr, &out->key) || !attr[IPVS_SVC_ATTR_FLAGS])
		return false;
	/* The kernel's own flags (that it is hashed) are no business of ours. */
	memcpy(&flags, nla_data(attr[IPVS_SVC_ATTR_FLAGS]), sizeof(flags));
	out->flags = flags.flags & IPVS_FLAGS;
	copy_name(attr[IPVS_SVC_ATTR_SCHED_NAME], out->scheduler);
	copy_name(attr[IPVS_SVC_ATTR_PE_NAME], out->engine);
	decode_persistence(attr, out);
	ipvs_service_tidy(out);
	return true;
}

/* --- destinations --- */

static uint64_t u64_of(struct nlattr *a)
{
	return a ? nla_get_u64(a) : 0;
}

/* The older statistics beside these wrap at 32 bits. */
static void decode_stats(struct nlattr *nest, struct ipvs_counts *c)
{
	struct nla_policy policy[IPVS_STATS_ATTR_MAX + 1] = {
		[IPVS_STATS_ATTR_CONNS] = { .type = NLA_U64 },
		[IPVS_STATS_ATTR_INPKTS] = { .type = NLA_U64 },
		[IPVS_STATS_ATTR_OUTPKTS] = { .type = NLA_U64 },
		[IPVS_STATS_ATTR_INBYTES] = { .type = NLA_U64 },
		[IPVS_STATS_ATTR_OUTBYTES] = { .type = NLA_U64 },
	};
	struct nlattr *attr[IPVS_STATS_ATTR_MAX + 1];

	if (!nest || nla_parse_nested(attr, IPVS_STATS_ATTR_MAX, nest, policy) < 0)
		return;
	c->connections = u64_of(attr[IPVS_STATS_ATTR_CONNS]);
	c->packets_in = u64_of(attr[IPVS_STATS_ATTR_INPKTS]);
	c->packets_out = u64_of(attr[IPVS_STATS_ATTR_OUTPKTS]);
	c->octets_in = u64_of(attr[IPVS_STATS_ATTR_INBYTES]);
	c->octets_out = u64_of(attr[IPVS_STATS_ATTR_OUTBYTES]);
}

static void decode_tunnel(struct nlattr **attr, struct ipvs_dest *d)
{
	if (attr[IPVS_DEST_ATTR_TUN_TYPE])
		d->tunnel = nla_get_u8(attr[IPVS_DEST_ATTR_TUN_TYPE]);
	d->tunnel_port = port_of(attr[IPVS_DEST_ATTR_TUN_PORT]);
	if (attr[IPVS_DEST_ATTR_TUN_FLAGS])
		d->tunnel_flags = nla_get_u16(attr[IPVS_DEST_ATTR_TUN_FLAGS]);
	ipvs_dest_tidy(d);
}

static bool decode_dest(struct nlattr **attr, uint8_t service, struct ipvs_dest *d)
{
	struct nlattr *af = attr[IPVS_DEST_ATTR_ADDR_FAMILY];
	uint8_t family = af && nla_get_u16(af) ? family_of(nla_get_u16(af)) : service;

	if (!addr_of(attr[IPVS_DEST_ATTR_ADDR], family, &d->addr) || !attr[IPVS_DEST_ATTR_PORT] ||
		!attr[IPVS_DEST_ATTR_FWD_METHOD] || !attr[IPVS_DEST_ATTR_WEIGHT])
		return false;
	d->port = port_of(attr[IPVS_DEST_ATTR_PORT]);
	d->forward = (uint8_t)(u32_of(attr[IPVS_DEST_ATTR_FWD_METHOD]) & IP_VS_CONN_F_FWD_MASK);
	d->weight = (int32_t)u32_of(attr[IPVS_DEST_ATTR_WEIGHT]);
	d->upper_threshold = u32_of(attr[IPVS_DEST_ATTR_U_THRESH]);
	d->lower_threshold = u32_of(attr[IPVS_DEST_ATTR_L_THRESH]);
	decode_tunnel(attr, d);
	return true;
}

bool ipvs_message_decode_dest(const struct nlmsghdr *h, uint8_t service, struct ipvs_seen_dest *out)
{
	struct nla_policy top_policy[IPVS_CMD_ATTR_MAX + 1] = { [IPVS_CMD_ATTR_DEST] = {
									.type = NLA_NESTED } };
	struct nla_policy policy[IPVS_DEST_ATTR_MAX + 1] = {
		[IPVS_DEST_ATTR_PORT] = { .type = NLA_U16 },
		[IPVS_DEST_ATTR_FWD_METHOD] = { .type = NLA_U32 },
		[IPVS_DEST_ATTR_WEIGHT] = { .type = NLA_U32 },
		[IPVS_DEST_ATTR_U_THRESH] = { .type = NLA_U32 },
		[IPVS_DEST_ATTR_L_THRESH] = { .type = NLA_U32 },
		[IPVS_DEST_ATTR_ACTIVE_CONNS] = { .type = NLA_U32 },
		[IPVS_DEST_ATTR_INACT_CONNS] = { .type = NLA_U32 },
		[IPVS_DEST_ATTR_PERSIST_CONNS] = { .type = NLA_U32 },
		[IPVS_DEST_ATTR_ADDR_FAMILY] = { .type = NLA_U16 },
		[IPVS_DEST_ATTR_STATS64] = { .type = NLA_NESTED },
		[IPVS_DEST_ATTR_TUN_TYPE] = { .type = NLA_U8 },
		[IPVS_DEST_ATTR_TUN_PORT] = { .type = NLA_U16 },
		[IPVS_DEST_ATTR_TUN_FLAGS] = { .type = NLA_U16 },
	};
	struct nlattr *top[IPVS_CMD_ATTR_MAX + 1], *attr[IPVS_DEST_ATTR_MAX + 1];

	*out = (struct ipvs_seen_dest){ 0 };
	if (!parse_top(h, top, IPVS_CMD_ATTR_MAX, top_policy) || !top[IPVS_CMD_ATTR_DEST] ||
		nla_parse_nested(attr, IPVS_DEST_ATTR_MAX, top[IPVS_CMD_ATTR_DEST], policy) < 0)
		return false;
	if (!decode_dest(attr, service, &out->dest))
		return false;
	out->counts.active = u32_of(attr[IPVS_DEST_ATTR_ACTIVE_CONNS]);
	out->counts.inactive = u32_of(attr[IPVS_DEST_ATTR_INACT_CONNS]);
	out->counts.persistent = u32_of(attr[IPVS_DEST_ATTR_PERSIST_CONNS]);
	decode_stats(attr[IPVS_DEST_ATTR_STATS64], &out->counts);
	return true;
}

bool ipvs_message_decode_timeouts(const struct nlmsghdr *h, struct ipvs_timeouts *out)
{
	struct nla_policy policy[IPVS_CMD_ATTR_MAX + 1] = {
		[IPVS_CMD_ATTR_TIMEOUT_TCP] = { .type = NLA_U32 },
		[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN] = { .type = NLA_U32 },
		[IPVS_CMD_ATTR_TIMEOUT_UDP] = { .type = NLA_U32 },
	};
	struct nlattr *attr[IPVS_CMD_ATTR_MAX + 1];

	if (!parse_top(h, attr, IPVS_CMD_ATTR_MAX, policy) || !attr[IPVS_CMD_ATTR_TIMEOUT_TCP])
		return false;
	*out = (struct ipvs_timeouts){ .tcp_s = u32_of(attr[IPVS_CMD_ATTR_TIMEOUT_TCP]),
		.tcp_fin_s = u32_of(attr[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN]),
		.udp_s = u32_of(attr[IPVS_CMD_ATTR_TIMEOUT_UDP]) };
	return true;
}

#include "ipvs/message.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 512, ADDR_OCTETS = 16 };

/* --- writing --- */

static uint16_t af_of(uint8_t family)
{
	return family == IP_V6 ? AF_INET6 : AF_INET;
}

static struct nl_msg *message(uint16_t family, uint8_t command, uint8_t version, uint16_t flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_HDRLEN + GENL_HDRLEN + ROOM);

	/* As everywhere: out of memory is not survived. */
	if (!msg || !genlmsg_put(msg, 0, 0, family, 0, NLM_F_REQUEST | flags, command, version))
		abort();
	return msg;
}

static void put_port(struct nl_msg *msg, int type, uint16_t port)
{
	nla_put_u16(msg, type, htons(port));
}

/* Always 16 octets, whatever the family. */
static void put_addr(struct nl_msg *msg, int type, const struct ip_addr *a)
{
	nla_put(msg, type, ADDR_OCTETS, a->bytes);
}

static void put_key(struct nl_msg *msg, const struct ipvs_key *k)
{
	nla_put_u16(msg, IPVS_SVC_ATTR_AF, af_of(k->family));
	if (k->mark) {
		nla_put_u32(msg, IPVS_SVC_ATTR_FWMARK, k->mark);
		return;
	}
	nla_put_u16(msg, IPVS_SVC_ATTR_PROTOCOL, k->protocol);
	put_addr(msg, IPVS_SVC_ATTR_ADDR, &k->addr);
	put_port(msg, IPVS_SVC_ATTR_PORT, k->port);
}

/* A mask for IPv4, a plain length for IPv6; a service that is not persistent has all bits. */
static void put_netmask(struct nl_msg *msg, const struct ipvs_service *s)
{
	unsigned bits = ip_family_bits(s->key.family), len = s->persistence_len ? s->persistence_len : bits;

	if (s->key.family == IP_V6)
		nla_put_u32(msg, IPVS_SVC_ATTR_NETMASK, len);
	else
		nla_put_u32(msg, IPVS_SVC_ATTR_NETMASK, htonl(UINT32_MAX << (bits - len)));
}

static void put_service(struct nl_msg *msg, const struct ipvs_service *s, bool whole)
{
	struct nlattr *nest = nla_nest_start(msg, IPVS_CMD_ATTR_SERVICE);
	struct ip_vs_flags flags = { .flags = s->flags & IPVS_FLAGS, .mask = IPVS_FLAGS };

	put_key(msg, &s->key);
	if (whole) {
		nla_put_string(msg, IPVS_SVC_ATTR_SCHED_NAME, s->scheduler);
		if (s->engine[0])
			nla_put_string(msg, IPVS_SVC_ATTR_PE_NAME, s->engine);
		nla_put(msg, IPVS_SVC_ATTR_FLAGS, sizeof(flags), &flags);
		nla_put_u32(msg, IPVS_SVC_ATTR_TIMEOUT, s->persistence_s);
		put_netmask(msg, s);
	}
	nla_nest_end(msg, nest);
}

/* A change rewrites all: what is not said becomes 0. So everything is said each time. */
static void put_dest(struct nl_msg *msg, const struct ipvs_dest *d, bool whole)
{
	struct nlattr *nest = nla_nest_start(msg, IPVS_CMD_ATTR_DEST);

	put_addr(msg, IPVS_DEST_ATTR_ADDR, &d->addr);
	put_port(msg, IPVS_DEST_ATTR_PORT, d->port);
	nla_put_u16(msg, IPVS_DEST_ATTR_ADDR_FAMILY, af_of(d->addr.family));
	if (whole) {
		nla_put_u32(msg, IPVS_DEST_ATTR_FWD_METHOD, d->forward);
		nla_put_u32(msg, IPVS_DEST_ATTR_WEIGHT, (uint32_t)d->weight);
		nla_put_u32(msg, IPVS_DEST_ATTR_U_THRESH, d->upper_threshold);
		nla_put_u32(msg, IPVS_DEST_ATTR_L_THRESH, d->lower_threshold);
		nla_put_u8(msg, IPVS_DEST_ATTR_TUN_TYPE, d->tunnel);
		put_port(msg, IPVS_DEST_ATTR_TUN_PORT, d->tunnel_port);
		nla_put_u16(msg, IPVS_DEST_ATTR_TUN_FLAGS, d->tunnel_flags);
	}
	nla_nest_end(msg, nest);
}

struct nl_msg *ipvs_message_op(uint16_t family, const struct ipvs_service *s, const struct ipvs_op *op)
{
	static const uint8_t command[] = {
		[IPVS_SERVICE_NEW] = IPVS_CMD_NEW_SERVICE,
		[IPVS_SERVICE_SET] = IPVS_CMD_SET_SERVICE,
		[IPVS_SERVICE_DEL] = IPVS_CMD_DEL_SERVICE,
		[IPVS_DEST_NEW] = IPVS_CMD_NEW_DEST,
		[IPVS_DEST_SET] = IPVS_CMD_SET_DEST,
		[IPVS_DEST_DEL] = IPVS_CMD_DEL_DEST,
	};
	struct nl_msg *msg = message(family, command[op->kind], IPVS_GENL_VERSION, 0);

	put_service(msg, s, op->kind == IPVS_SERVICE_NEW || op->kind == IPVS_SERVICE_SET);
	if (op->kind >= IPVS_DEST_NEW)
		put_dest(msg, &op->dest, op->kind != IPVS_DEST_DEL);
	return msg;
}

struct nl_msg *ipvs_message_get_family(void)
{
	struct nl_msg *msg = message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0);

	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME);
	return msg;
}

struct nl_msg *ipvs_message_list_services(uint16_t family)
{
	return message(family, IPVS_CMD_GET_SERVICE, IPVS_GENL_VERSION, NLM_F_DUMP);
}

static struct nl_msg *about_key(uint16_t family, uint8_t command, uint16_t flags, const struct ipvs_key *key)
{
	struct nl_msg *msg = message(family, command, IPVS_GENL_VERSION, flags);
	struct ipvs_service s = { .key = *key };

	put_service(msg, &s, false);
	return msg;
}

struct nl_msg *ipvs_message_get_service(uint16_t family, const struct ipvs_key *key)
{
	return about_key(family, IPVS_CMD_GET_SERVICE, 0, key);
}

struct nl_msg *ipvs_message_list_dests(uint16_t family, const struct ipvs_key *key)
{
	return about_key(family, IPVS_CMD_GET_DEST, NLM_F_DUMP, key);
}

struct nl_msg *ipvs_message_get_info(uint16_t family)
{
	return message(family, IPVS_CMD_GET_INFO, IPVS_GENL_VERSION, 0);
}

struct nl_msg *ipvs_message_get_timeouts(uint16_t family)
{
	return message(family, IPVS_CMD_GET_CONFIG, IPVS_GENL_VERSION, 0);
}

struct nl_msg *ipvs_message_set_timeouts(uint16_t family, const struct ipvs_timeouts *t)
{
	struct nl_msg *msg = message(family, IPVS_CMD_SET_CONFIG, IPVS_GENL_VERSION, 0);

	nla_put_u32(msg, IPVS_CMD_ATTR_TIMEOUT_TCP, t->tcp_s);
	nla_put_u32(msg, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, t->tcp_fin_s);
	nla_put_u32(msg, IPVS_CMD_ATTR_TIMEOUT_UDP, t->udp_s);
	return msg;
}

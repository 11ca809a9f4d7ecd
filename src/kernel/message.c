#include "kernel/message.h"

#include "kernel/netlink.h"

#include <assert.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

enum {
	ROOM = 128,
	CLOCK_TICKS = 100, /* USER_HZ: the kernel's unit of time towards programs */
};

static uint8_t af_of(uint8_t family)
{
	return family == IP_V4 ? AF_INET : AF_INET6;
}

static uint8_t family_of(uint8_t af)
{
	return af == AF_INET ? IP_V4 : af == AF_INET6 ? IP_V6 : IP_NONE;
}

/* --- operations ---
 *
 * There are hundreds of thousands of them in a second: they are written where they are sent from, by functions smaller than
 * libnl's. */

static void begin(struct nlmsghdr *m, uint16_t type, uint16_t flags, const void *header, size_t len)
{
	*m = (struct nlmsghdr){ .nlmsg_len = (uint32_t)NLMSG_SPACE(len),
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags };
	memcpy(NLMSG_DATA(m), header, len);
}

static void *append(struct nlmsghdr *m, size_t len)
{
	uint8_t *at = (uint8_t *)m + m->nlmsg_len;
	size_t space = NLMSG_ALIGN(len);

	memset(at + space - NLMSG_ALIGNTO, 0, NLMSG_ALIGNTO);
	m->nlmsg_len += (uint32_t)space;
	return at;
}

static struct rtattr *put(struct nlmsghdr *m, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = append(m, RTA_LENGTH(len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	return a;
}

static void put_u16(struct nlmsghdr *m, uint16_t type, uint16_t value)
{
	put(m, type, &value, sizeof(value));
}

static void put_u32(struct nlmsghdr *m, uint16_t type, uint32_t value)
{
	put(m, type, &value, sizeof(value));
}

static struct rtattr *begin_nest(struct nlmsghdr *m, uint16_t type)
{
	return put(m, type | NLA_F_NESTED, "", 0);
}

/* What was put since belongs to it. */
static void end_nest(const struct nlmsghdr *m, struct rtattr *nest)
{
	nest->rta_len = (uint16_t)((const uint8_t *)m + m->nlmsg_len - (uint8_t *)nest);
}

static void put_addr(struct nlmsghdr *m, uint16_t type, const struct ip_addr *a)
{
	put(m, type, a->bytes, ip_family_bytes(a->family));
}

/* --- next-hop objects --- */

static void next_hop_set(struct nlmsghdr *m, const struct message_ours *ours, const struct plan_op *op)
{
	const struct plan_hop *hop = &op->hops[0];
	struct nhmsg h = { .nh_family = af_of(hop->gateway.family), .nh_protocol = ours->protocol };

	begin(m, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE, &h, sizeof(h));
	put_u32(m, NHA_ID, op->id);
	put_u32(m, NHA_OIF, hop->ifindex);
	put_addr(m, NHA_GATEWAY, &hop->gateway);
}

/* The number of buckets is said once: the kernel refuses to change it, and keeps it when it is not said. */
static void put_resilient(struct nlmsghdr *m, const struct plan_kind *kind, bool replace)
{
	struct rtattr *outer = begin_nest(m, NHA_RES_GROUP);

	if (!replace)
		put_u16(m, NHA_RES_GROUP_BUCKETS, kind->buckets);
	put_u32(m, NHA_RES_GROUP_IDLE_TIMER, kind->idle_timer_s * CLOCK_TICKS);
	put_u32(m, NHA_RES_GROUP_UNBALANCED_TIMER, kind->unbalanced_timer_s * CLOCK_TICKS);
	end_nest(m, outer);
}

static void group_set(struct nlmsghdr *m, const struct message_ours *ours, const struct plan_op *op)
{
	struct nhmsg h = { .nh_family = AF_UNSPEC, .nh_protocol = ours->protocol };
	struct nexthop_grp member[FIB_NEXT_HOPS_MAX];

	assert(op->hop_count > 0);
	begin(m, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE, &h, sizeof(h));
	for (size_t i = 0; i < op->hop_count; i++)
		member[i] = (struct nexthop_grp){ .id = op->hops[i].id,
			.weight = (uint8_t)(op->hops[i].weight - 1) };
	put_u32(m, NHA_ID, op->id);
	put(m, NHA_GROUP, member, op->hop_count * sizeof(member[0]));
	put_u16(m, NHA_GROUP_TYPE, op->group_kind ? NEXTHOP_GRP_TYPE_RES : NEXTHOP_GRP_TYPE_MPATH);
	if (op->group_kind)
		put_resilient(m, op->group_kind, op->replace);
}

static void object_del(struct nlmsghdr *m, const struct plan_op *op)
{
	struct nhmsg h = { .nh_family = AF_UNSPEC };

	begin(m, RTM_DELNEXTHOP, 0, &h, sizeof(h));
	put_u32(m, NHA_ID, op->id);
}

/* --- routes --- */

static struct rtmsg route_header(const struct message_ours *ours, const struct prefix *p)
{
	return (struct rtmsg){
		.rtm_family = af_of(p->family),
		.rtm_dst_len = p->len,
		.rtm_table = ours->table < 256 ? (uint8_t)ours->table : RT_TABLE_COMPAT,
		.rtm_protocol = ours->protocol,
	};
}

static void put_route_key(struct nlmsghdr *m, const struct message_ours *ours, const struct prefix *p)
{
	put(m, RTA_DST, p->bytes, ip_family_bytes(p->family));
	put_u32(m, RTA_TABLE, ours->table);
	put_u32(m, RTA_PRIORITY, ours->metric);
}

static void put_gateway(struct nlmsghdr *m, uint8_t route_family, const struct ip_addr *gateway)
{
	struct {
		uint16_t family;
		uint8_t bytes[16];
	} via = { .family = af_of(gateway->family) };

	if (gateway->family == route_family) {
		put_addr(m, RTA_GATEWAY, gateway);
		return;
	}
	memcpy(via.bytes, gateway->bytes, ip_family_bytes(gateway->family));
	put(m, RTA_VIA, &via, sizeof(via.family) + ip_family_bytes(gateway->family));
}

static void put_multipath(struct nlmsghdr *m, const struct plan_op *op)
{
	struct rtattr *outer = begin_nest(m, RTA_MULTIPATH);

	for (size_t i = 0; i < op->hop_count; i++) {
		struct rtnexthop *nh = append(m, sizeof(*nh));

		*nh = (struct rtnexthop){ .rtnh_hops = (uint8_t)(op->hops[i].weight - 1),
			.rtnh_ifindex = (int)op->hops[i].ifindex };
		put_gateway(m, op->prefix.family, &op->hops[i].gateway);
		nh->rtnh_len = (uint16_t)((uint8_t *)m + m->nlmsg_len - (uint8_t *)nh);
	}
	end_nest(m, outer);
}

static uint8_t type_of(uint8_t reject)
{
	switch ((enum plan_on_empty)reject) {
	case PLAN_UNREACHABLE:
		return RTN_UNREACHABLE;
	case PLAN_BLACKHOLE:
		return RTN_BLACKHOLE;
	case PLAN_REMOVE:
		break;
	}
	return RTN_UNICAST;
}

static void route_set(struct nlmsghdr *m, const struct message_ours *ours, const struct plan_op *op)
{
	struct rtmsg h = route_header(ours, &op->prefix);

	h.rtm_type = type_of(op->reject);
	h.rtm_scope = RT_SCOPE_UNIVERSE;
	begin(m, RTM_NEWROUTE, NLM_F_CREATE | (op->replace ? NLM_F_REPLACE : NLM_F_EXCL), &h, sizeof(h));
	put_route_key(m, ours, &op->prefix);
	if (ours->classic && !op->reject)
		put_multipath(m, op);
	else if (!op->reject)
		put_u32(m, RTA_NH_ID, op->id);
}

static void route_del(struct nlmsghdr *m, const struct message_ours *ours, const struct plan_op *op)
{
	struct rtmsg h = route_header(ours, &op->prefix);

	h.rtm_scope = RT_SCOPE_NOWHERE;
	begin(m, RTM_DELROUTE, 0, &h, sizeof(h));
	put_route_key(m, ours, &op->prefix);
}

void message_write(struct nlmsghdr *m, const struct message_ours *ours, const struct plan_op *op)
{
	switch ((enum plan_op_kind)op->kind) {
	case PLAN_NEXT_HOP_SET:
		next_hop_set(m, ours, op);
		break;
	case PLAN_GROUP_SET:
		group_set(m, ours, op);
		break;
	case PLAN_ROUTE_SET:
		route_set(m, ours, op);
		break;
	case PLAN_ROUTE_DEL:
		route_del(m, ours, op);
		break;
	case PLAN_GROUP_DEL:
	case PLAN_NEXT_HOP_DEL:
		object_del(m, op);
		break;
	}
}

/* --- questions --- */

struct nl_msg *message_list_objects(void)
{
	struct nhmsg h = { .nh_family = AF_UNSPEC };

	return netlink_msg(RTM_GETNEXTHOP, NLM_F_DUMP, &h, sizeof(h), 0);
}

struct nl_msg *message_list_buckets(uint32_t group_id)
{
	struct nhmsg h = { .nh_family = AF_UNSPEC };
	struct nl_msg *msg = netlink_msg(RTM_GETNEXTHOPBUCKET, NLM_F_DUMP, &h, sizeof(h), ROOM);

	nla_put_u32(msg, NHA_ID, group_id);
	return msg;
}

struct nl_msg *message_list_routes(const struct message_ours *ours, uint8_t family)
{
	struct rtmsg h = { .rtm_family = af_of(family), .rtm_protocol = ours->protocol };
	struct nl_msg *msg = netlink_msg(RTM_GETROUTE, NLM_F_DUMP, &h, sizeof(h), ROOM);

	nla_put_u32(msg, RTA_TABLE, ours->table);
	return msg;
}

struct nl_msg *message_get_route(const struct ip_addr *addr, bool fib_match)
{
	struct rtmsg h = { .rtm_family = af_of(addr->family), .rtm_dst_len = ip_family_bits(addr->family) };
	struct nl_msg *msg;

	/* IPv6 tells the table unasked, and refuses to be asked. */
	h.rtm_flags = (addr->family == IP_V4 ? RTM_F_LOOKUP_TABLE : 0) | (fib_match ? RTM_F_FIB_MATCH : 0);
	msg = netlink_msg(RTM_GETROUTE, 0, &h, sizeof(h), ROOM);
	nla_put(msg, RTA_DST, (int)ip_family_bytes(addr->family), addr->bytes);
	return msg;
}

/* --- answers and events --- */

static struct ip_addr addr_of(const struct nlattr *attr, uint8_t family)
{
	if (!attr || (size_t)nla_len(attr) < ip_family_bytes(family))
		return (struct ip_addr){ 0 };
	return ip_addr_from_bytes(family, nla_data(attr));
}

static struct ip_addr via_of(const struct nlattr *attr)
{
	uint16_t af;
	uint8_t family;

	if (!attr || nla_len(attr) < (int)sizeof(af))
		return (struct ip_addr){ 0 };
	memcpy(&af, nla_data(attr), sizeof(af));
	family = family_of((uint8_t)af);
	if (!family || (size_t)nla_len(attr) < sizeof(af) + ip_family_bytes(family))
		return (struct ip_addr){ 0 };
	return ip_addr_from_bytes(family, (uint8_t *)nla_data(attr) + sizeof(af));
}

static uint32_t u32_of(struct nlattr *attr, uint32_t otherwise)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : otherwise;
}

bool message_decode_route(const struct nlmsghdr *h, struct message_route *out)
{
	const struct rtmsg *rt = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1];
	struct ip_addr dst;
	uint8_t family;

	if ((h->nlmsg_type != RTM_NEWROUTE && h->nlmsg_type != RTM_DELROUTE) ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*rt), tb, RTA_MAX, NULL) < 0)
		return false;
	family = family_of(rt->rtm_family);
	if (!family || rt->rtm_dst_len > ip_family_bits(family))
		return false;
	dst = tb[RTA_DST] ? addr_of(tb[RTA_DST], family) : (struct ip_addr){ .family = family };
	if (!dst.family)
		return false;
	*out = (struct message_route){
		.prefix = prefix_of(&dst, rt->rtm_dst_len),
		.type = rt->rtm_type,
		.protocol = rt->rtm_protocol,
		.tos = rt->rtm_tos,
		.link_down = rt->rtm_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN),
		.table = u32_of(tb[RTA_TABLE], rt->rtm_table),
		.metric = u32_of(tb[RTA_PRIORITY], 0),
		.next_hop_id = u32_of(tb[RTA_NH_ID], 0),
		.ifindex = u32_of(tb[RTA_OIF], 0),
		.gateway = tb[RTA_VIA] ? via_of(tb[RTA_VIA]) : addr_of(tb[RTA_GATEWAY], family),
		.source = addr_of(tb[RTA_PREFSRC], family),
	};
	return true;
}

bool message_has_our_key(const struct message_ours *ours, const struct message_route *r)
{
	return r->table == ours->table && r->metric == ours->metric && !r->tos;
}

bool message_is_ours(const struct message_ours *ours, const struct message_route *r)
{
	if (r->protocol != ours->protocol || !message_has_our_key(ours, r))
		return false;
	if (ours->classic || message_reject(r))
		return true;
	return r->next_hop_id >= ours->id_base && r->next_hop_id - ours->id_base < ours->id_count;
}

enum plan_on_empty message_reject(const struct message_route *r)
{
	if (r->next_hop_id)
		return PLAN_REMOVE;
	return r->type == RTN_UNREACHABLE ? PLAN_UNREACHABLE
	       : r->type == RTN_BLACKHOLE ? PLAN_BLACKHOLE
					  : PLAN_REMOVE;
}

bool message_decode_bucket(const struct nlmsghdr *h, uint32_t *next_hop_id)
{
	struct nlattr *tb[NHA_MAX + 1], *in[NHA_RES_BUCKET_MAX + 1];

	if (h->nlmsg_type != RTM_NEWNEXTHOPBUCKET ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nhmsg), tb, NHA_MAX, NULL) < 0 ||
		!tb[NHA_RES_BUCKET] || nla_parse_nested(in, NHA_RES_BUCKET_MAX, tb[NHA_RES_BUCKET], NULL) < 0)
		return false;
	*next_hop_id = u32_of(in[NHA_RES_BUCKET_NH_ID], 0);
	return *next_hop_id != 0;
}

static bool decode_group(const struct nlattr *attr, struct message_object *out)
{
	const struct nexthop_grp *member = nla_data(attr);

	out->is_group = true;
	out->count = (size_t)nla_len(attr) / sizeof(*member);
	/* A larger one is not of our making; as an object in our range it only needs to be known. */
	if (out->count > FIB_NEXT_HOPS_MAX)
		out->count = 0;
	for (size_t i = 0; i < out->count; i++)
		out->hop[i] = (struct plan_hop){ .id = member[i].id,
			.weight = (uint16_t)(member[i].weight + 1) };
	return true;
}

bool message_decode_object(const struct nlmsghdr *h, struct message_object *out)
{
	const struct nhmsg *nh = nlmsg_data(h);
	struct nlattr *tb[NHA_MAX + 1];

	if ((h->nlmsg_type != RTM_NEWNEXTHOP && h->nlmsg_type != RTM_DELNEXTHOP) ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*nh), tb, NHA_MAX, NULL) < 0)
		return false;
	out->id = u32_of(tb[NHA_ID], 0);
	if (!out->id)
		return false;
	out->resilient = tb[NHA_GROUP_TYPE] && nla_len(tb[NHA_GROUP_TYPE]) >= 2 &&
			 nla_get_u16(tb[NHA_GROUP_TYPE]) == NEXTHOP_GRP_TYPE_RES;
	if (tb[NHA_GROUP])
		return decode_group(tb[NHA_GROUP], out);
	out->is_group = false;
	out->count = 1;
	out->hop[0] = (struct plan_hop){ .id = out->id,
		.ifindex = u32_of(tb[NHA_OIF], 0),
		.gateway = addr_of(tb[NHA_GATEWAY], family_of(nh->nh_family)) };
	return true;
}

/* Messages there and back, what a kernel adds to them, and what no kernel would send. */
#include "base/mem.h"
#include "ipvs/message.h"
#include "values.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FAMILY = 33 };

static struct nl_msg *op_message(
	enum ipvs_op_kind kind, const struct ipvs_service *s, const struct ipvs_dest *d)
{
	struct ipvs_op op = { .kind = (uint8_t)kind };

	if (d)
		op.dest = *d;
	return ipvs_message_op(FAMILY, s, &op);
}

static void service_there_and_back(const struct ipvs_service *s)
{
	struct nl_msg *msg = op_message(IPVS_SERVICE_NEW, s, NULL);
	struct ipvs_service out;

	assert_int_equal(IPVS_CMD_NEW_SERVICE, genlmsg_hdr(nlmsg_hdr(msg))->cmd);
	assert_int_equal(FAMILY, nlmsg_hdr(msg)->nlmsg_type);
	assert_true(ipvs_message_decode_service(nlmsg_hdr(msg), &out));
	assert_true(ipvs_service_equal(s, &out));
	nlmsg_free(msg);
}

static void services(void **state)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, "10.1.2.3", 80, "mh");

	(void)state;
	service_there_and_back(&s);
	s.flags = IPVS_SCHED_1 | IPVS_SCHED_2 | IPVS_ONE_PACKET;
	service_there_and_back(&s);
	s.flags |= IPVS_PERSISTENT;
	s.persistence_s = 300;
	service_there_and_back(&s);
	for (s.persistence_len = 1; s.persistence_len < 32; s.persistence_len++)
		service_there_and_back(&s);
	s = value_service(IPPROTO_UDP, "2001:db8::1", 0, "a-name-of-15-oc");
	s.flags = IPVS_PERSISTENT;
	strcpy(s.engine, "sip");
	for (s.persistence_len = 1; s.persistence_len < 128; s.persistence_len++)
		service_there_and_back(&s);
	s = (struct ipvs_service){ .key = { .family = IP_V6, .mark = UINT32_MAX }, .scheduler = "rr" };
	service_there_and_back(&s);
}

static void dest_there_and_back(const struct ipvs_dest *d)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, "10.1.2.3", 80, "mh");
	struct nl_msg *msg = op_message(IPVS_DEST_SET, &s, d);
	struct ipvs_seen_dest out;
	struct ipvs_service of;

	assert_int_equal(IPVS_CMD_SET_DEST, genlmsg_hdr(nlmsg_hdr(msg))->cmd);
	assert_true(ipvs_message_decode_dest(nlmsg_hdr(msg), IP_V4, &out));
	assert_true(ipvs_dest_equal(d, &out.dest));
	/* Names its service, and nothing of it but the name. */
	assert_false(ipvs_message_decode_service(nlmsg_hdr(msg), &of));
	assert_true(ipvs_key_equal(&s.key, &of.key));
	nlmsg_free(msg);
}

static void dests(void **state)
{
	struct ipvs_dest d = value_dest("10.1.1.1", 8080, IPVS_NAT, 65535).dest;

	(void)state;
	dest_there_and_back(&d);
	d = value_dest("2001:db8::7", 80, IPVS_TUN, 0).dest;
	d.upper_threshold = 9;
	d.lower_threshold = 8;
	dest_there_and_back(&d);
	d.tunnel = IPVS_GUE;
	d.tunnel_port = 5555;
	d.tunnel_flags = IPVS_TUNNEL_REMCSUM;
	dest_there_and_back(&d);
	d.tunnel = IPVS_GRE;
	d.tunnel_port = 0;
	d.tunnel_flags = IPVS_TUNNEL_CSUM;
	dest_there_and_back(&d);
}

/* A change rewrites all: also what is 0 is said. */
static void tunnel_attributes_are_always_sent(void **state)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, "10.1.2.3", 80, "rr");
	struct ipvs_dest d = value_dest("10.1.1.1", 80, IPVS_DR, 1).dest;
	struct nl_msg *msg = op_message(IPVS_DEST_SET, &s, &d);
	struct nlattr *dest = nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN, IPVS_CMD_ATTR_DEST);

	(void)state;
	assert_non_null(dest);
	for (int type = IPVS_DEST_ATTR_TUN_TYPE; type <= IPVS_DEST_ATTR_TUN_FLAGS; type++)
		assert_non_null(nla_find(nla_data(dest), nla_len(dest), type));
	assert_int_equal(16, nla_len(nla_find(nla_data(dest), nla_len(dest), IPVS_DEST_ATTR_ADDR)));
	nlmsg_free(msg);
}

static void timeouts(void **state)
{
	const struct ipvs_timeouts t = { 900, 120, 300 };
	struct nl_msg *msg = ipvs_message_set_timeouts(FAMILY, &t);
	struct ipvs_timeouts out;

	(void)state;
	assert_true(ipvs_message_decode_timeouts(nlmsg_hdr(msg), &out));
	assert_memory_equal(&t, &out, sizeof(t));
	nlmsg_free(msg);
	msg = ipvs_message_get_timeouts(FAMILY);
	assert_false(ipvs_message_decode_timeouts(nlmsg_hdr(msg), &out));
	nlmsg_free(msg);
}

/* --- what a kernel says --- */

static struct nl_msg *answer(uint8_t command)
{
	struct nl_msg *msg = nlmsg_alloc();

	assert_non_null(genlmsg_put(msg, 0, 1, FAMILY, 0, NLM_F_MULTI, command, IPVS_GENL_VERSION));
	return msg;
}

static void stats(struct nl_msg *msg, int type, bool wide)
{
	struct nlattr *nest = nla_nest_start(msg, type);

	for (int i = IPVS_STATS_ATTR_CONNS; i <= IPVS_STATS_ATTR_OUTBYTES; i++)
		wide ? nla_put_u64(msg, i, 0x100000000ULL * (unsigned)i) : nla_put_u32(msg, i, 77);
	nla_nest_end(msg, nest);
}

static struct nl_msg *kernel_dest(bool with_family, uint8_t tunnel)
{
	struct nl_msg *msg = answer(IPVS_CMD_NEW_DEST);
	struct nlattr *nest = nla_nest_start(msg, IPVS_CMD_ATTR_DEST);
	struct ip_addr a = value_addr("10.1.1.9");

	nla_put(msg, IPVS_DEST_ATTR_ADDR, 16, a.bytes);
	nla_put_u16(msg, IPVS_DEST_ATTR_PORT, htons(81));
	/* The method stands in the lowest bits. */
	nla_put_u32(msg, IPVS_DEST_ATTR_FWD_METHOD, IPVS_TUN | 0x140);
	nla_put_u32(msg, IPVS_DEST_ATTR_WEIGHT, 5);
	nla_put_u8(msg, IPVS_DEST_ATTR_TUN_TYPE, tunnel);
	nla_put_u16(msg, IPVS_DEST_ATTR_TUN_PORT, htons(7));
	nla_put_u32(msg, IPVS_DEST_ATTR_ACTIVE_CONNS, 1);
	nla_put_u32(msg, IPVS_DEST_ATTR_INACT_CONNS, 2);
	nla_put_u32(msg, IPVS_DEST_ATTR_PERSIST_CONNS, 3);
	if (with_family)
		nla_put_u16(msg, IPVS_DEST_ATTR_ADDR_FAMILY, AF_INET);
	stats(msg, IPVS_DEST_ATTR_STATS, false);
	stats(msg, IPVS_DEST_ATTR_STATS64, true);
	nla_nest_end(msg, nest);
	return msg;
}

static void a_destination_with_counts(void **state)
{
	struct ipvs_seen_dest out;
	struct nl_msg *msg = kernel_dest(true, IPVS_IPIP);

	(void)state;
	assert_true(ipvs_message_decode_dest(nlmsg_hdr(msg), IP_V6, &out));
	assert_int_equal(IPVS_TUN, out.dest.forward);
	assert_int_equal(0, out.dest.tunnel_port); /* means nothing here */
	assert_int_equal(1, out.counts.active);
	assert_int_equal(2, out.counts.inactive);
	assert_int_equal(3, out.counts.persistent);
	assert_true(out.counts.connections == 0x100000000ULL);
	assert_true(out.counts.octets_out == 0x500000000ULL);
	nlmsg_free(msg);
	msg = kernel_dest(false, IPVS_GUE);
	assert_true(ipvs_message_decode_dest(nlmsg_hdr(msg), IP_V4, &out));
	assert_int_equal(IP_V4, out.dest.addr.family);
	assert_int_equal(7, out.dest.tunnel_port);
	nlmsg_free(msg);
}

static struct nl_msg *kernel_service(uint32_t flags, uint32_t mask, int addr_len)
{
	struct ip_vs_flags f = { .flags = flags, .mask = UINT32_MAX };
	struct nl_msg *msg = answer(IPVS_CMD_NEW_SERVICE);
	struct nlattr *nest = nla_nest_start(msg, IPVS_CMD_ATTR_SERVICE);
	struct ip_addr a = value_addr("10.1.1.9");

	nla_put_u16(msg, IPVS_SVC_ATTR_AF, AF_INET);
	nla_put_u16(msg, IPVS_SVC_ATTR_PROTOCOL, IPPROTO_TCP);
	nla_put(msg, IPVS_SVC_ATTR_ADDR, addr_len, a.bytes);
	nla_put_u16(msg, IPVS_SVC_ATTR_PORT, htons(80));
	nla_put_string(msg, IPVS_SVC_ATTR_SCHED_NAME, "wlc");
	nla_put(msg, IPVS_SVC_ATTR_FLAGS, sizeof(f), &f);
	nla_put_u32(msg, IPVS_SVC_ATTR_TIMEOUT, 360);
	nla_put_u32(msg, IPVS_SVC_ATTR_NETMASK, mask);
	stats(msg, IPVS_SVC_ATTR_STATS64, true);
	nla_nest_end(msg, nest);
	return msg;
}

static bool decode_kernel_service(uint32_t flags, uint32_t mask, int addr_len, struct ipvs_service *out)
{
	struct nl_msg *msg = kernel_service(flags, htonl(mask), addr_len);
	bool ok = ipvs_message_decode_service(nlmsg_hdr(msg), out);

	nlmsg_free(msg);
	return ok;
}

static void a_service_of_the_kernel(void **state)
{
	struct ipvs_service wish = value_service(IPPROTO_TCP, "10.1.1.9", 80, "wlc"), out;

	(void)state;
	/* That it is hashed is the kernel's own affair; time and mask mean nothing without persistence. */
	assert_true(decode_kernel_service(IP_VS_SVC_F_HASHED, 0xffff0000, 16, &out));
	assert_true(ipvs_service_equal(&wish, &out));
	assert_true(decode_kernel_service(IP_VS_SVC_F_HASHED | IPVS_PERSISTENT, 0xffff0000, 16, &out));
	assert_int_equal(16, out.persistence_len);
	assert_int_equal(360, out.persistence_s);
	/* A mask that is no prefix is equal to none that can be wished for. */
	assert_true(decode_kernel_service(IPVS_PERSISTENT, 0xff00ff00, 16, &out));
	assert_true(out.persistence_len > 128);
	assert_true(decode_kernel_service(0, 0, 4, &out));
	assert_false(decode_kernel_service(0, 0, 3, &out));
}

static void the_number_of_the_family(void **state)
{
	struct nl_msg *msg = answer(CTRL_CMD_NEWFAMILY);
	uint16_t family = 0;

	(void)state;
	assert_false(ipvs_message_decode_family(nlmsg_hdr(msg), &family));
	nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, 0x1234);
	assert_true(ipvs_message_decode_family(nlmsg_hdr(msg), &family));
	assert_int_equal(0x1234, family);
	nlmsg_free(msg);
}

/* --- what no kernel says: cut off anywhere, and with each octet wrong; copied so that a checker of memory sees the end --- */

static void decode_all(const uint8_t *data, size_t len)
{
	struct nlmsghdr *h = mem_alloc(len);
	struct ipvs_timeouts t;
	struct ipvs_seen_dest d;
	struct ipvs_service s;
	uint16_t family;

	memcpy(h, data, len);
	h->nlmsg_len = (uint32_t)len;
	ipvs_message_decode_service(h, &s);
	ipvs_message_decode_dest(h, IP_V4, &d);
	ipvs_message_decode_timeouts(h, &t);
	ipvs_message_decode_family(h, &family);
	free(h);
}

static void mangle(struct nl_msg *msg)
{
	const struct nlmsghdr *h = nlmsg_hdr(msg);
	uint8_t *copy = mem_alloc(h->nlmsg_len);

	for (uint32_t len = NLMSG_HDRLEN; len < h->nlmsg_len; len++)
		decode_all((const uint8_t *)h, len);
	for (uint32_t i = NLMSG_HDRLEN; i < h->nlmsg_len; i++) {
		memcpy(copy, h, h->nlmsg_len);
		for (unsigned bit = 0; bit < 8; bit++) {
			copy[i] = ((const uint8_t *)h)[i] ^ (uint8_t)(1 << bit);
			decode_all(copy, h->nlmsg_len);
		}
	}
	free(copy);
	nlmsg_free(msg);
}

static void mangled_messages(void **state)
{
	struct nl_msg *cut;
	struct ipvs_service s;
	struct ipvs_seen_dest d;

	(void)state;
	mangle(kernel_service(IPVS_PERSISTENT, htonl(0xffffff00), 16));
	mangle(kernel_dest(true, IPVS_GUE));
	/* An attribute that is too short for its kind. */
	cut = answer(IPVS_CMD_NEW_DEST);
	nla_put_u8(cut, IPVS_CMD_ATTR_DEST, 1);
	assert_false(ipvs_message_decode_dest(nlmsg_hdr(cut), IP_V4, &d));
	assert_false(ipvs_message_decode_service(nlmsg_hdr(cut), &s));
	nlmsg_free(cut);
}

/* --- errors --- */

static void errors_say_what_to_do(void **state)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, "10.1.1.9", 80, "mh");
	struct ipvs_op op = { .kind = IPVS_SERVICE_NEW, .error = -ENOENT };
	char why[256];

	(void)state;
	ipvs_message_explain(&s, &op, why, sizeof(why));
	assert_string_equal(
		"cannot add the service: the kernel has no scheduler \"mh\": run \"modprobe ip_vs_mh\" "
		"on the node",
		why);
	op = (struct ipvs_op){ .kind = IPVS_DEST_NEW,
		.dest = value_dest("2001:db8::1", 80, IPVS_DR, 1).dest,
		.error = -EINVAL };
	ipvs_message_explain(&s, &op, why, sizeof(why));
	assert_string_equal(
		"cannot add [2001:db8::1]:80: a server of the other address family needs tunnels, and no "
		"sync daemon may run",
		why);
	op.error = -EPERM;
	ipvs_message_explain(&s, &op, why, sizeof(why));
	assert_string_equal("cannot add [2001:db8::1]:80: CAP_NET_ADMIN is missing", why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services),
		cmocka_unit_test(dests),
		cmocka_unit_test(tunnel_attributes_are_always_sent),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(a_destination_with_counts),
		cmocka_unit_test(a_service_of_the_kernel),
		cmocka_unit_test(the_number_of_the_family),
		cmocka_unit_test(mangled_messages),
		cmocka_unit_test(errors_say_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

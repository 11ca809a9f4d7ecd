#include "kernel/fou.h"

#include "base/prefix.h"
#include "kernel/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fou.h>
#include <linux/genetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

enum { ROOM = 64, ERR_ROOM = 128 };

static uint8_t af_of(uint8_t family)
{
	return family == IP_V4 ? AF_INET : AF_INET6;
}

static struct nl_msg *message(uint16_t type, uint16_t flags, uint8_t command)
{
	struct genlmsghdr h = { .cmd = command, .version = FOU_GENL_VERSION };

	return netlink_msg(type, flags, &h, sizeof(h), ROOM);
}

static void take_family(void *user, const struct nlmsghdr *h)
{
	struct nlattr *a = nlmsg_find_attr(
		(struct nlmsghdr *)(uintptr_t)h, sizeof(struct genlmsghdr), CTRL_ATTR_FAMILY_ID);

	if (a && nla_len(a) >= (int)sizeof(uint16_t))
		*(uint16_t *)user = nla_get_u16(a);
}

/* The number of the kernel's family "fou", which asking for it loads; 0: there is none. */
static uint16_t family_id(struct netlink *nl)
{
	struct nl_msg *msg = message(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
	uint16_t id = 0;

	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, FOU_GENL_NAME);
	if (netlink_request(nl, msg, take_family, &id, NULL, 0) < 0)
		return 0;
	return id;
}

static int change(uint8_t command, uint8_t family, uint16_t port)
{
	char err[ERR_ROOM];
	struct netlink *nl = netlink_new_generic(err, sizeof(err));
	struct nl_msg *msg;
	uint16_t id;
	int error;

	if (!nl)
		return -EMFILE;
	id = family_id(nl);
	if (!id) {
		netlink_free(nl);
		return -ENOENT;
	}
	msg = message(id, 0, command);
	nla_put_u16(msg, FOU_ATTR_PORT, htons(port));
	nla_put_u8(msg, FOU_ATTR_AF, af_of(family));
	if (command == FOU_CMD_ADD)
		nla_put_u8(msg, FOU_ATTR_TYPE, FOU_ENCAP_GUE);
	error = netlink_request(nl, msg, NULL, NULL, NULL, 0);
	netlink_free(nl);
	return error;
}

int fou_gue_open(uint8_t family, uint16_t port)
{
	int error = change(FOU_CMD_ADD, family, port);

	return error == -EADDRINUSE && fou_gue_is_open(family, port) ? -EALREADY : error;
}

int fou_gue_close(uint8_t family, uint16_t port)
{
	return change(FOU_CMD_DEL, family, port);
}

struct question {
	uint8_t family;
	uint16_t port;
	bool found;
};

static void take_port(void *user, const struct nlmsghdr *h)
{
	struct nlattr *tb[FOU_ATTR_MAX + 1];
	struct question *q = user;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct genlmsghdr), tb, FOU_ATTR_MAX, NULL) <
			0 ||
		!tb[FOU_ATTR_PORT] || !tb[FOU_ATTR_AF] || !tb[FOU_ATTR_TYPE])
		return;
	q->found |= nla_get_u16(tb[FOU_ATTR_PORT]) == htons(q->port) &&
		    nla_get_u8(tb[FOU_ATTR_AF]) == af_of(q->family) &&
		    nla_get_u8(tb[FOU_ATTR_TYPE]) == FOU_ENCAP_GUE;
}

bool fou_gue_is_open(uint8_t family, uint16_t port)
{
	struct question q = { .family = family, .port = port };
	char err[ERR_ROOM];
	struct netlink *nl = netlink_new_generic(err, sizeof(err));
	uint16_t id;

	if (!nl)
		return false;
	id = family_id(nl);
	if (id)
		netlink_request(nl, message(id, NLM_F_DUMP, FOU_CMD_GET), take_port, &q, NULL, 0);
	netlink_free(nl);
	return q.found;
}

#include "ipvs/message.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>

static const char *why_service(struct text *t, const struct ipvs_service *s, int error)
{
	switch (error) {
	case -ENOENT:
		text_add(t, "the kernel has no scheduler \"%s\"", s->scheduler);
		if (s->engine[0])
			text_add(t, " or no persistence engine \"%s\"", s->engine);
		text_add(t, ": run \"modprobe ip_vs_%s\" on the node", s->scheduler);
		if (s->engine[0])
			text_add(t, " and \"modprobe ip_vs_pe_%s\"", s->engine);
		return NULL;
	case -EAFNOSUPPORT:
		return "the kernel's IPVS was built without IPv6";
	case -EEXIST:
		return "somebody else added it meanwhile";
	case -ESRCH:
		return "somebody else deleted it meanwhile";
	case -EINVAL:
		return "the kernel finds the protocol, the address or the netmask not valid";
	default:
		return strerror(-error);
	}
}

static const char *why_dest(const struct ipvs_service *s, const struct ipvs_dest *d, int error)
{
	switch (error) {
	case -EINVAL:
		if (d->addr.family != s->key.family)
			return "a server of the other address family needs tunnels, and no sync daemon may "
			       "run";
		if (d->tunnel == IPVS_GUE && !d->tunnel_port)
			return "GUE needs a tunnel port";
		return "the kernel does not take the address for that of a host, or has no such kind of "
		       "tunnel";
	case -ERANGE:
		return "the weight is below 0, or the lower threshold above the upper";
	case -EEXIST:
		return "somebody else added it meanwhile";
	case -ENOENT:
	case -ESRCH:
		return "somebody else deleted it, or its service, meanwhile";
	default:
		return strerror(-error);
	}
}

void ipvs_message_explain(const struct ipvs_service *s, const struct ipvs_op *op, char *buf, size_t size)
{
	struct text t = text_init(buf, size);
	char addr[PREFIX_TEXT_MAX];
	const char *why;

	text_add(&t, "cannot %s", ipvs_op_text(op->kind));
	if (op->kind >= IPVS_DEST_NEW)
		text_add(&t, op->dest.addr.family == IP_V6 ? " [%s]:%u" : " %s:%u",
			ip_addr_format(&op->dest.addr, addr), op->dest.port);
	text_add(&t, ": ");
	if (op->error == -EPERM)
		why = "CAP_NET_ADMIN is missing";
	else if (op->error == -ETIMEDOUT)
		why = "the kernel did not answer in time";
	else if (op->kind >= IPVS_DEST_NEW)
		why = why_dest(s, &op->dest, op->error);
	else
		why = why_service(&t, s, op->error);
	if (why)
		text_add(&t, "%s", why);
}

/* Single routes of the FIB, for a program that has to know whether they work. */
#include "kernel/fib_private.h"
#include "kernel/netlink.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

void fib_look(const struct fib *f, const struct prefix *p, struct fib_look *out)
{
	struct plan_view v;

	*out = (struct fib_look){ .settled = true };
	if (!plan_view_get(f->plan, p, &v))
		return;
	out->settled = v.state == PLAN_INSTALLED;
	out->failed = v.state == PLAN_FAILED || v.state == PLAN_EMPTY;
	memcpy(out->error, v.error, sizeof(out->error));
}

bool fib_is_listed(const struct fib *f)
{
	return f->comparisons > 0;
}

bool fib_is_classic(const struct fib *f)
{
	return f->classic;
}

size_t fib_leftover(const struct fib *f, struct fib_listing *l, struct prefix *p, struct fib_next_hop *nh)
{
	struct plan_view v;

	while (plan_rows_next(f->plan, l->rows, &v)) {
		*p = v.prefix;
		if (v.state != PLAN_LEFTOVER || !v.hop_count)
			continue;
		for (size_t i = 0; i < v.hop_count; i++) {
			struct plan_hop_view hop = plan_view_hop(&v, i);

			nh[i] = (struct fib_next_hop){ hop.addr, hop.weight };
		}
		return v.hop_count;
	}
	return 0;
}

static void take_route(void *user, const struct nlmsghdr *h)
{
	message_decode_route(h, user);
}

static void describe(const struct message_route *r, char *why, size_t why_size)
{
	char prefix[PREFIX_TEXT_MAX], gateway[PREFIX_TEXT_MAX], interface[IF_NAMESIZE];

	prefix_format(&r->prefix, prefix);
	if (r->type == RTN_LOCAL)
		snprintf(why, why_size, "%s is the node's own address", prefix);
	else if (r->gateway.family)
		snprintf(why, why_size, "%s via %s, metric %u", prefix, ip_addr_format(&r->gateway, gateway),
			r->metric);
	else if (r->ifindex && if_indextoname(r->ifindex, interface))
		snprintf(why, why_size, "%s dev %s, metric %u", prefix, interface, r->metric);
	else
		snprintf(why, why_size, "%s, metric %u", prefix, r->metric);
}

/* The route that the prefix's packets take. False when the kernel cannot tell, which has no say in it then, or when it is ours. */
static bool find_other(
	const struct fib *f, struct netlink *nl, const struct prefix *p, struct message_route *match)
{
	const struct message_ours ours = { .table = f->cfg.table,
		.metric = f->cfg.metric,
		.protocol = f->cfg.protocol,
		.id_base = f->cfg.next_hop_id_base,
		.id_count = f->cfg.next_hop_id_count,
		.classic = f->classic };
	struct ip_addr to = prefix_addr(p);

	*match = (struct message_route){ 0 };
	return netlink_request(nl, message_get_route(&to, true), take_route, match, NULL, 0) == 0 &&
	       match->prefix.family && !message_is_ours(&ours, match);
}

bool fib_is_taken(const struct fib *f, const struct prefix *p, char *why, size_t why_size)
{
	struct netlink *nl = netlink_new(why, why_size);
	struct message_route match;
	bool other = nl && find_other(f, nl, p, &match);

	netlink_free(nl);
	if (other)
		describe(&match, why, why_size);
	return !other;
}

bool fib_is_hidden(
	const struct fib *f, struct netlink *nl, const struct prefix *p, char *why, size_t why_size)
{
	struct message_route match;

	/* What the rules have looked up in other tables tells nothing of ours. */
	if (!find_other(f, nl, p, &match) || match.prefix.len < p->len ||
		(match.table != f->cfg.table && match.type != RTN_LOCAL))
		return false;
	describe(&match, why, why_size);
	return true;
}

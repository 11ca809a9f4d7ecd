/*
 * routes load|unload first=A count=N via=A dev=NAME [hops=N] [stride=N] [per_set=N]
 *      The fastest way of routes into the kernel and out: next-hop objects, and as many messages in a write as it takes.
 *      Routes go to successive /24s; hops: to that many addresses from `via` on, as one group. stride: in steps of so many, which
 *      must have no divisor in common with count; without it in an order that looks random. Sorted (1) the kernel takes twice as
 *      long: its trie resizes the same large node again and again. per_set: so many neighbors after one another go in, as the
 *      generator announces them; out they go one by one, as it withdraws them.
 * routes wait first=A count=N [hops=N] [base=N] timeout=S
 *      Waits until all these are in the kernel, each with that many next hops (0: until none is); base: prefixes in
 *      the table besides. It looks at samples until all are so, then at other samples, which are so unless some thousandth is
 *      missing, then at everything. What it tells is when that look, at others and at everything, began.
 * routes count
 *      Prefixes in the table.
 * All answer with a line of JSON; "ns" is CLOCK_MONOTONIC.
 */
#include "base/mem.h"
#include "gen/arguments.h"
#include "gen/clock.h"
#include "gen/order.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BATCH_OCTETS = 1 << 16,
	MESSAGE_MOST = 2048,
	ANSWER_MOST = 1 << 16,
	FIRST_ID = 2000000000,
	METRIC = 20,
	PREFIX_BITS = 24,
	SAMPLES = 512,
	SAMPLES_APART = 7919, /* those of one round and of the next */
	LOOK_EVERY_US = 1000
};

struct routes {
	int fd;
	uint32_t first, count, via, hops, dev, stride, per_set;
	uint8_t *batch;
	size_t len;
	uint32_t sequence;
};

static void give_up(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* --- writing --- */

static struct nlmsghdr *begin(
	struct routes *r, uint16_t type, uint16_t flags, const void *head, size_t head_len)
{
	struct nlmsghdr *m = (struct nlmsghdr *)(void *)(r->batch + r->len);

	*m = (struct nlmsghdr){ (uint32_t)NLMSG_LENGTH(head_len), type, NLM_F_REQUEST | flags, ++r->sequence,
		0 };
	memcpy(NLMSG_DATA(m), head, head_len);
	return m;
}

static void attribute(struct nlmsghdr *m, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)((uint8_t *)m + NLMSG_ALIGN(m->nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	m->nlmsg_len = NLMSG_ALIGN(m->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* The kernel does it all within the call, and says something only when it refuses. */
static void flush(struct routes *r)
{
	uint8_t answer[MESSAGE_MOST];
	ssize_t n;

	if (r->len && send(r->fd, r->batch, r->len, 0) < 0)
		give_up("routes: send");
	r->len = 0;
	n = recv(r->fd, answer, sizeof(answer), MSG_DONTWAIT);
	if (n >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
		const struct nlmsghdr *m = (const struct nlmsghdr *)(void *)answer;
		const struct nlmsgerr *e = NLMSG_DATA(m);

		errno = -e->error;
		give_up("routes: the kernel refuses");
	}
}

static void end(struct routes *r, const struct nlmsghdr *m)
{
	r->len += NLMSG_ALIGN(m->nlmsg_len);
	if (r->len > BATCH_OCTETS - MESSAGE_MOST)
		flush(r);
}

static void next_hop(struct routes *r, uint16_t type, uint32_t number)
{
	struct nhmsg head = { .nh_family = type == RTM_NEWNEXTHOP ? AF_INET : AF_UNSPEC };
	uint32_t id = FIRST_ID + 1 + number, gateway = htonl(r->via + number);
	struct nlmsghdr *m = begin(
		r, type, type == RTM_NEWNEXTHOP ? NLM_F_CREATE | NLM_F_REPLACE : 0, &head, sizeof(head));

	attribute(m, NHA_ID, &id, sizeof(id));
	if (type == RTM_NEWNEXTHOP) {
		attribute(m, NHA_OIF, &r->dev, sizeof(r->dev));
		attribute(m, NHA_GATEWAY, &gateway, sizeof(gateway));
	}
	end(r, m);
}

static void group(struct routes *r)
{
	struct nhmsg head = { .nh_family = AF_UNSPEC };
	struct nexthop_grp member[256] = { 0 };
	uint32_t id = FIRST_ID;
	struct nlmsghdr *m;

	for (uint32_t i = 0; i < r->hops; i++)
		member[i].id = FIRST_ID + 1 + i;
	m = begin(r, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
	attribute(m, NHA_ID, &id, sizeof(id));
	attribute(m, NHA_GROUP, member, r->hops * sizeof(*member));
	end(r, m);
}

static void route(struct routes *r, uint16_t type, uint32_t number)
{
	struct rtmsg head = { .rtm_family = AF_INET,
		.rtm_dst_len = PREFIX_BITS,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BGP,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST };
	uint32_t dst = htonl(r->first + (number << (32 - PREFIX_BITS))), metric = METRIC;
	uint32_t id = r->hops > 1 ? FIRST_ID : FIRST_ID + 1;
	struct nlmsghdr *m;

	if (type == RTM_DELROUTE)
		head.rtm_scope = RT_SCOPE_NOWHERE;
	m = begin(r, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &head, sizeof(head));
	attribute(m, RTA_DST, &dst, sizeof(dst));
	attribute(m, RTA_PRIORITY, &metric, sizeof(metric));
	if (type == RTM_NEWROUTE)
		attribute(m, RTA_NH_ID, &id, sizeof(id));
	end(r, m);
}

static void load_sets(struct routes *r)
{
	uint32_t sets = (r->count + r->per_set - 1) / r->per_set, stride = order_stride(sets), first, behind;

	for (uint32_t i = 0; i < sets; i++) {
		first = order_at(i, stride, sets) * r->per_set;
		behind = r->count - first < r->per_set ? r->count : first + r->per_set;
		for (uint32_t number = first; number < behind; number++)
			route(r, RTM_NEWROUTE, number);
	}
}

static void load(struct routes *r)
{
	for (uint32_t i = 0; i < r->hops; i++)
		next_hop(r, RTM_NEWNEXTHOP, i);
	if (r->hops > 1)
		group(r);
	if (r->per_set)
		load_sets(r);
	else
		for (uint32_t i = 0; i < r->count; i++)
			route(r, RTM_NEWROUTE, order_at(i, r->stride, r->count));
	flush(r);
}

static void unload(struct routes *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		route(r, RTM_DELROUTE, order_at(i, r->stride, r->count));
	flush(r);
	/* Groups go with their last member. */
	for (uint32_t i = 0; i < r->hops; i++)
		next_hop(r, RTM_DELNEXTHOP, i);
	flush(r);
}

/* --- looking --- */

static uint32_t hops_of(const struct rtattr *multipath)
{
	const struct rtnexthop *hop = RTA_DATA(multipath);
	int left = (int)RTA_PAYLOAD(multipath);
	uint32_t count = 0;

	while (RTNH_OK(hop, left)) {
		count++;
		left -= (int)NLMSG_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return count;
}

/* Next hops of just that prefix; 0: it is not there. */
static uint32_t look(struct routes *r, uint32_t number)
{
	static _Alignas(NLMSG_ALIGNTO) uint8_t answer[ANSWER_MOST];
	struct rtmsg head = { .rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_flags = RTM_F_FIB_MATCH };
	uint32_t dst = htonl(r->first + (number << (32 - PREFIX_BITS)));
	struct nlmsghdr *m;
	const struct rtmsg *found;
	int left;

	r->len = 0;
	m = begin(r, RTM_GETROUTE, 0, &head, sizeof(head));
	attribute(m, RTA_DST, &dst, sizeof(dst));
	if (send(r->fd, m, m->nlmsg_len, 0) < 0 || recv(r->fd, answer, sizeof(answer), 0) < 0)
		give_up("routes: look up");
	m = (struct nlmsghdr *)(void *)answer;
	if (m->nlmsg_type != RTM_NEWROUTE)
		return 0;
	found = NLMSG_DATA(m);
	if (found->rtm_dst_len != PREFIX_BITS)
		return 0;
	left = (int)RTM_PAYLOAD(m);
	for (const struct rtattr *a = RTM_RTA(found); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == RTA_MULTIPATH)
			return hops_of(a);
	}
	return 1;
}

static uint32_t prefixes(void)
{
	FILE *f = fopen("/proc/thread-self/net/fib_triestat", "r");
	unsigned count = 0;
	char line[128];

	if (!f)
		give_up("/proc/thread-self/net/fib_triestat");
	while (fgets(line, sizeof(line), f) && sscanf(line, " Prefixes: %u", &count) != 1)
		;
	fclose(f);
	return count;
}

/* Everything, exactly. */
static bool all_are_so(struct routes *r, uint32_t base)
{
	if (r->hops <= 1)
		return prefixes() == base + (r->hops ? r->count : 0);
	for (uint32_t i = 0; i < r->count; i++) {
		if (look(r, i) != r->hops)
			return false;
	}
	return true;
}

static bool samples_are_so(struct routes *r, uint32_t round)
{
	for (uint32_t i = 0; i < SAMPLES && r->count; i++) {
		uint64_t number = (uint64_t)i * r->count / SAMPLES + (uint64_t)round * SAMPLES_APART;

		if (look(r, (uint32_t)(number % r->count)) != r->hops)
			return false;
	}
	return true;
}

static int wait_until_so(struct routes *r, uint32_t base, uint32_t timeout_s)
{
	uint64_t end_ns = clock_ns() + timeout_s * UINT64_C(1000000000), now_ns = clock_ns();
	uint32_t round = 0;
	bool is_so = false;
	uint64_t look_ns;

	while (!is_so && now_ns < end_ns) {
		now_ns = clock_ns();
		if (samples_are_so(r, round)) {
			now_ns = clock_ns();
			is_so = samples_are_so(r, ++round) && all_are_so(r, base);
		}
		if (is_so)
			break;
		/* Looking at everything is work that the daemon waits for: not more than a fifth of the time. */
		look_ns = clock_ns() - now_ns;
		usleep(LOOK_EVERY_US + (unsigned)(look_ns * 4 / 1000));
		now_ns = clock_ns();
	}
	printf("{\"done\": %s, \"ns\": %llu, \"prefixes\": %u}\n", is_so ? "true" : "false",
		(unsigned long long)now_ns, prefixes() - base);
	return 0;
}

static int timed(struct routes *r, void (*what)(struct routes *r))
{
	uint64_t start_ns = clock_ns();

	what(r);
	printf("{\"done\": true, \"seconds\": %.6f}\n", (double)(clock_ns() - start_ns) / 1e9);
	return 0;
}

static int obey(struct routes *r, const struct arguments *a)
{
	if (strcmp(a->command, "load") == 0)
		return timed(r, load);
	if (strcmp(a->command, "unload") == 0)
		return timed(r, unload);
	if (strcmp(a->command, "wait") == 0)
		return wait_until_so(r, arguments_number(a, "base", 0), arguments_number(a, "timeout", 60));
	if (strcmp(a->command, "count") == 0)
		return printf("{\"done\": true, \"prefixes\": %u}\n", prefixes()) < 0;
	fprintf(stderr, "usage: routes load|unload|wait|count KEY=VALUE...\n");
	return 2;
}

int main(int argc, char **argv)
{
	char line[1024] = "";
	struct arguments a;
	struct routes r = { .fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) };
	int status;

	for (int i = 1; i < argc; i++) {
		strncat(line, argv[i], sizeof(line) - strlen(line) - 1);
		strncat(line, " ", sizeof(line) - strlen(line) - 1);
	}
	if (!arguments_parse(&a, line)) {
		fprintf(stderr, "usage: routes load|unload|wait|count KEY=VALUE...\n");
		return 2;
	}
	r.batch = mem_calloc(1, BATCH_OCTETS);
	r.first = arguments_address(&a, "first", 0);
	r.count = arguments_number(&a, "count", 0);
	r.via = arguments_address(&a, "via", 0);
	r.hops = arguments_number(&a, "hops", 1);
	r.stride = arguments_number(&a, "stride", r.count ? order_stride(r.count) : 1);
	r.per_set = arguments_number(&a, "per_set", 0);
	r.dev = if_nametoindex(arguments_text(&a, "dev", ""));
	status = obey(&r, &a);
	free(r.batch);
	close(r.fd);
	return status;
}

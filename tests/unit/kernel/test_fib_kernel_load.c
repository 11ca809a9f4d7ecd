/* The FIB against a real kernel (lab.h): many changes and many routes. */
#include "lab.h"

#include "base/row.h"
#include "kernel/message.h"
#include "kernel/netlink.h"

#include <pthread.h>
#include <stdatomic.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <linux/rtnetlink.h>
#include <time.h>

/* --- no packet without a route --- */

struct prober {
	pthread_t thread;
	atomic_bool stop;
	atomic_size_t asked, missed_v4, missed_v6;
};

static void *probe(void *user)
{
	struct prober *p = user;
	char err[128];
	struct netlink *nl = netlink_new(err, sizeof(err));
	struct ip_addr v4 = ip_addr_v4(0x0a010109), v6;

	ip_addr_parse("2001:db8:a::9", &v6);
	while (nl && !p->stop) {
		p->missed_v4 += netlink_request(nl, message_get_route(&v4, false), NULL, NULL, NULL, 0) < 0;
		p->missed_v6 += netlink_request(nl, message_get_route(&v6, false), NULL, NULL, NULL, 0) < 0;
		p->asked += 2;
	}
	netlink_free(nl);
	return NULL;
}

/* What the kernel tells of routes from here on. */
static struct nl_sock *listen_to_routes(void)
{
	struct nl_sock *s = nl_socket_alloc();

	assert_non_null(s);
	assert_int_equal(nl_connect(s, NETLINK_ROUTE), 0);
	assert_int_equal(nl_socket_add_memberships(s, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0), 0);
	assert_int_equal(nl_socket_set_buffer_size(s, 8 << 20, 0), 0);
	assert_int_equal(nl_socket_set_nonblocking(s), 0);
	return s;
}

struct told {
	size_t set, deleted_v4, deleted_v6;
};

static void hear(struct told *t, const struct nlmsghdr *h)
{
	const struct rtmsg *r = nlmsg_data(h);
	bool ours = (r->rtm_family == AF_INET && r->rtm_dst_len == 24) ||
		    (r->rtm_family == AF_INET6 && r->rtm_dst_len == 48);

	t->set += ours && h->nlmsg_type == RTM_NEWROUTE;
	t->deleted_v4 += ours && h->nlmsg_type == RTM_DELROUTE && r->rtm_family == AF_INET;
	t->deleted_v6 += ours && h->nlmsg_type == RTM_DELROUTE && r->rtm_family == AF_INET6;
}

static struct told what_was_told(struct nl_sock *s)
{
	struct told t = { 0 };
	struct sockaddr_nl from;
	unsigned char *octets;
	int len;

	while ((len = nl_recv(s, &from, &octets, NULL)) > 0) {
		for (struct nlmsghdr *h = (struct nlmsghdr *)octets; nlmsg_ok(h, len);
			h = nlmsg_next(h, &len))
			hear(&t, h);
		free(octets);
	}
	nl_socket_free(s);
	return t;
}

/*
 * Two witnesses: the kernel tells of no route that was deleted, and lookups do not fail. The second cannot be exact, since a lookup that
 * has found the old route a moment before it is exchanged looks on behind it and finds none. `ip route replace` in a loop, without this
 * program, was seen to miss one of 300,000 IPv4 lookups on a busy machine; for IPv6 it is one in some thousand changes without
 * next-hop objects, and with them one in some thousand deletions of a next hop that was the group's. A route that is away for a
 * moment is missed by far more.
 */
static void no_lookup_fails_while_path_sets_change(void **state)
{
	static const char *const v4[] = { "192.168.1.2", "192.168.1.2 192.168.2.2", "192.168.2.3",
		"192.168.2.2 192.168.1.3*5 192.168.1.4", "2001:db8:1::4 192.168.1.2" };
	static const char *const v6[] = { "2001:db8:1::2", "2001:db8:1::2 2001:db8:2::2*3", "2001:db8:2::2" };
	struct fib_config cfg = config();

	(void)state;
	for (int classic = 0; classic < 2; classic++) {
		struct prober p = { 0 };
		struct nl_sock *heard;
		struct told told;

		cfg.force_classic = classic;
		struct lab *lab = lab_new(&cfg);
		wish(lab, "10.1.1.0/24", v4[0]);
		wish(lab, "2001:db8:a::/48", v6[0]);
		settle(lab);
		heard = listen_to_routes();
		assert_int_equal(pthread_create(&p.thread, NULL, probe, &p), 0);
		for (size_t i = 0; i < 300; i++) {
			wish(lab, "10.1.1.0/24", v4[i % 5]);
			/* Shared with the first in every third turn, so that it moves as well as changes in place. */
			wish(lab, "10.1.2.0/24", i % 3 ? v4[(i + 2) % 5] : v4[i % 5]);
			wish(lab, "2001:db8:a::/48", v6[i % 3]);
			settle(lab);
		}
		told = what_was_told(heard);
		p.stop = true;
		pthread_join(p.thread, NULL);
		lab_free(lab);
		assert_in_range(told.set, 100, SIZE_MAX);
		assert_int_equal(told.deleted_v4, 0);
		assert_int_equal(told.deleted_v6, 0);
		assert_in_range(p.asked, 100, SIZE_MAX);
		assert_in_range(p.missed_v4, 0, 1 + p.asked / 20000);
		if (!classic)
			assert_in_range(p.missed_v6, 0, 1 + p.asked / 2000);
	}
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void a_hundred_thousand_routes_and_their_rows(void **state)
{
	enum { ROUTES = 100000 };
	struct fib_config cfg = config();
	struct lab *lab = lab_new(&cfg);
	struct fib_next_hop nh[4];
	double start = seconds();
	struct fib_listing *listing;
	size_t rows = 0;
	struct row *r;

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		nh[i] = (struct fib_next_hop){ ip_addr_v4(0xc0a80102 + i), 1 };
	for (uint32_t i = 0; i < ROUTES; i++) {
		struct ip_addr a = ip_addr_v4(0x14000000u + (i * 7919 % ROUTES << 8));
		struct prefix p = prefix_of(&a, 24);

		fib_set(lab->fib, &p, nh, 1 + i % 4);
	}
	settle(lab);
	print_message("%d routes in: %.2f s\n", ROUTES, seconds() - start);
	assert_int_equal(status(lab, "failed"), 0);
	start = seconds();
	for (listing = fib_listing_new(); (r = fib_row(lab->fib, listing)); rows++)
		row_free(r);
	fib_listing_free(listing);
	assert_int_equal(rows, ROUTES);
	print_message("%d rows: %.2f s\n", ROUTES, seconds() - start);
	start = seconds();
	lab_free(lab);
	print_message("%d routes out: %.2f s\n", ROUTES, seconds() - start);
	assert_int_equal(count_in("ip route show proto bgp | head -3", "proto"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_lookup_fails_while_path_sets_change),
		cmocka_unit_test(a_hundred_thousand_routes_and_their_rows),
	};

	return lab_is_possible() ? cmocka_run_group_tests(tests, make_namespace, NULL) : 77;
}

/*
 * The order of the list on a real kernel: a server that belongs first, in the middle or last gets there by the fewest operations,
 * the table is then that of a load balancer which had the same servers from the start, and no connection is lost. Skipped where
 * there is no IPVS.
 */
#include "lab.h"

#include "base/mem.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define VIP	 "10.9.9.9"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { MANY = 40 };

static const struct ipvs_config config = { .mh_table_size = 4093 };

static int clear(void **state)
{
	(void)state;
	lab_sh("ipvsadm -C");
	return 0;
}

static struct ipvs_service mh_service(unsigned protocol)
{
	struct ipvs_service s = value_service(protocol, VIP, 80, "mh");

	s.flags = IPVS_SCHED_1 | IPVS_SCHED_2;
	return s;
}

static struct ipvs_view view(struct lab *l, const struct ipvs_service *s)
{
	struct ipvs_view v;

	ipvs_view(l->ipvs, &s->key, &v);
	return v;
}

static const struct ipvs_service *the_service;

static bool ordered(struct lab *l)
{
	struct ipvs_view v = view(l, the_service);

	return lab_settled(l) && v.ordered;
}

/* The kernel's own list, and the model of it. */
static void expect_order(
	struct lab *l, const struct ipvs_service *s, const struct ipvs_wish_dest *d, size_t n)
{
	struct ip_addr *order = mem_alloc((n + 8) * sizeof(*order));
	struct ipvs_view v = view(l, s);

	assert_int_equal(n, lab_order(order, n + 8));
	assert_int_equal(n, v.count);
	for (size_t i = 0; i < n; i++) {
		assert_true(ip_addr_equal(&order[i], &d[i].dest.addr));
		assert_true(ip_addr_equal(&order[i], &v.dests[i].dest.addr));
		assert_int_equal(d[i].dest.weight, v.dests[i].dest.weight);
	}
	assert_true(v.ordered);
	free(order);
}

/* The fingerprint of the same servers, put in afresh. */
static uint64_t fresh_fingerprint(const struct ipvs_wish_dest *d, size_t n)
{
	struct ipvs_service s = mh_service(IPPROTO_TCP);
	uint64_t fingerprint;
	struct lab l;

	s.key.port = 8888;
	lab_start(&l, &config);
	lab_set(&l, &s, d, n);
	lab_wait(&l, lab_settled);
	fingerprint = view(&l, &s).fingerprint;
	ipvs_unset(l.ipvs, &s.key);
	lab_wait(&l, lab_settled);
	lab_stop(&l);
	return fingerprint;
}

static void insert(unsigned at, unsigned operations)
{
	struct ipvs_service s = mh_service(IPPROTO_TCP);
	struct ipvs_wish_dest all[MANY], some[MANY - 1];
	unsigned before;
	struct lab l;

	the_service = &s;
	lab_sh("ipvsadm -C");
	for (unsigned i = 0, n = 0; i < MANY; i++) {
		all[i] = value_nth(i);
		/* One of those that may have to move is drained. */
		all[i].dest.weight = i == 30 ? 0 : 1;
		if (i != at)
			some[n++] = all[i];
	}
	lab_start(&l, &config);
	lab_set(&l, &s, some, MANY - 1);
	lab_wait(&l, ordered);
	expect_order(&l, &s, some, MANY - 1);
	before = lab_writes();
	lab_set(&l, &s, all, MANY);
	lab_wait(&l, ordered);
	expect_order(&l, &s, all, MANY);
	assert_int_equal(operations, lab_writes() - before);
	/* A new one takes a fortieth of the slots; few others move. */
	assert_true(view(&l, &s).moved > 0.02 && view(&l, &s).moved < 0.10);
	assert_true(view(&l, &s).fingerprint == fresh_fingerprint(all, MANY));
	printf("# inserted at %u of %u: %u operations, %.1f %% of the slots moved\n", at, (unsigned)MANY,
		operations, view(&l, &s).moved * 100);
	lab_stop(&l);
}

static void a_server_gets_to_its_place(void **state)
{
	(void)state;
	insert(MANY - 1, 1);
	/* Itself, and each behind it out and in; the drained one is also lowered. */
	insert(20, 1 + 19 * 2 + 1);
	insert(0, 1 + 39 * 2 + 1);
}

/* More than are moved at a time. */
static void a_long_list_is_moved_in_pieces(void **state)
{
	struct ipvs_service s = mh_service(IPPROTO_TCP);
	struct ipvs_wish_dest d[300];
	struct lab l;

	(void)state;
	the_service = &s;
	for (unsigned i = 0; i < COUNT(d); i++)
		d[i] = value_nth(i);
	lab_start(&l, &config);
	lab_set(&l, &s, d + 1, COUNT(d) - 1);
	lab_wait(&l, ordered);
	lab_set(&l, &s, d, COUNT(d));
	lab_wait(&l, ordered);
	expect_order(&l, &s, d, COUNT(d));
	lab_stop(&l);
}

/* --- under connections --- */

enum { CONNECTIONS = 200, SERVERS = 10 };

struct talk {
	int listener, client[CONNECTIONS], server[CONNECTIONS];
};

static void talk_open(struct talk *t)
{
	struct sockaddr_storage a;
	struct ip_addr vip = value_addr(VIP);
	socklen_t len = ip_addr_to_sockaddr(&vip, 80, &a);

	t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(0, bind(t->listener, (struct sockaddr *)&a, len));
	assert_int_equal(0, listen(t->listener, CONNECTIONS));
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		t->client[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(0, connect(t->client[i], (struct sockaddr *)&a, len));
		t->server[i] = accept(t->listener, NULL, NULL);
		assert_true(t->server[i] >= 0);
	}
}

/* A word on every connection; how many get it within 3 s, in which TCP sends again what was lost. */
static unsigned talk_all(struct talk *t)
{
	unsigned alive = 0;
	char c = 'x';

	for (unsigned i = 0; i < CONNECTIONS; i++)
		assert_int_equal(1, send(t->client[i], &c, 1, MSG_NOSIGNAL));
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct pollfd p = { .fd = t->server[i], .events = POLLIN };

		alive += poll(&p, 1, 3000) == 1 && read(t->server[i], &c, 1) == 1;
	}
	return alive;
}

static void talk_close(struct talk *t)
{
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		close(t->client[i]);
		close(t->server[i]);
	}
	close(t->listener);
}

static unsigned connected(struct lab *l, const struct ipvs_service *s, uint32_t *of_server)
{
	struct ipvs_view v;
	unsigned sum = 0;

	ipvs_count(l->ipvs, &s->key);
	lab_run(l, 50);
	v = view(l, s);
	for (size_t i = 0; i < v.count; i++) {
		sum += v.dests[i].counts.active;
		if (of_server)
			of_server[v.dests[i].dest.addr.bytes[3]] = v.dests[i].counts.active;
	}
	return sum;
}

/* The servers are addresses of our own, so that the connections are real. */
static void no_connection_is_lost(void **state)
{
	struct ipvs_service s = mh_service(IPPROTO_TCP);
	uint32_t before[256] = { 0 }, after[256] = { 0 };
	struct ipvs_wish_dest d[SERVERS + 3];
	struct talk t;
	struct lab l;

	(void)state;
	the_service = &s;
	for (unsigned i = 0; i < COUNT(d); i++) {
		d[i] = value_nth(i);
		lab_sh("ip addr add 10.8.1.%u/32 dev lo", i + 1);
	}
	lab_start(&l, &config);
	/* Without the first, one in the middle, and the last. */
	struct ipvs_wish_dest some[SERVERS];
	for (unsigned i = 0, n = 0; i < COUNT(d); i++)
		if (i != 0 && i != 6 && i != COUNT(d) - 1)
			some[n++] = d[i];
	lab_set(&l, &s, some, SERVERS);
	lab_wait(&l, ordered);
	talk_open(&t);
	assert_int_equal(CONNECTIONS, talk_all(&t));
	assert_int_equal(CONNECTIONS, connected(&l, &s, before));
	lab_set(&l, &s, d, COUNT(d));
	lab_wait(&l, ordered);
	expect_order(&l, &s, d, COUNT(d));
	assert_int_equal(CONNECTIONS, talk_all(&t));
	assert_int_equal(CONNECTIONS, connected(&l, &s, after));
	/* Each with its own: those that were moved got their connections back. */
	assert_memory_equal(before, after, sizeof(before));
	lab_stop(&l);
	talk_close(&t);
	for (unsigned i = 0; i < COUNT(d); i++)
		lab_sh("ip addr del 10.8.1.%u/32 dev lo", i + 1);
}

/* --- what waits --- */

/* Datagrams from many ports, so that each server has a connection for a second. */
static void busy(void)
{
	struct ip_addr vip = value_addr(VIP);
	struct sockaddr_storage to;
	socklen_t len = ip_addr_to_sockaddr(&vip, 80, &to);

	for (unsigned i = 0; i < 200; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		(void)!sendto(fd, "x", 1, 0, (struct sockaddr *)&to, len);
		close(fd);
	}
}

static bool counted_and_ordered(struct lab *l)
{
	ipvs_count(l->ipvs, &the_service->key);
	return ordered(l);
}

/* Where connections of what is gone are expired, only what has none is moved. */
static void with_expiry_the_order_waits_for_quiet(void **state)
{
	struct ipvs_service s = mh_service(IPPROTO_UDP);
	struct ipvs_config cfg = config;
	struct ipvs_wish_dest d[12];
	struct lab l;

	(void)state;
	the_service = &s;
	cfg.expire_nodest = true;
	for (unsigned i = 0; i < COUNT(d); i++)
		d[i] = value_nth(i);
	lab_start(&l, &cfg);
	assert_int_equal(0, ipvs_set_timeouts(l.ipvs, 0, 0, 2));
	lab_set(&l, &s, d + 1, COUNT(d) - 1);
	lab_wait(&l, ordered);
	busy();
	lab_set(&l, &s, d, COUNT(d));
	lab_wait(&l, lab_settled);
	/* It is there at once, at the wrong end. */
	assert_int_equal(COUNT(d), view(&l, &s).count);
	assert_false(view(&l, &s).ordered);
	ipvs_count(l.ipvs, &s.key);
	lab_run(&l, 100);
	assert_false(view(&l, &s).ordered);
	lab_wait(&l, counted_and_ordered);
	expect_order(&l, &s, d, COUNT(d));
	lab_stop(&l);
}

/* Somebody took a server out and put it back: right, but for the order. */
static void a_wrong_order_by_others_is_repaired(void **state)
{
	struct ipvs_service s = mh_service(IPPROTO_TCP);
	struct ipvs_wish_dest d[30];
	uint64_t fingerprint;
	struct lab l;

	(void)state;
	the_service = &s;
	for (unsigned i = 0; i < COUNT(d); i++)
		d[i] = value_nth(i);
	lab_start(&l, &config);
	lab_set(&l, &s, d, COUNT(d));
	lab_wait(&l, ordered);
	fingerprint = view(&l, &s).fingerprint;
	lab_sh("ipvsadm -d -t " VIP ":80 -r 10.8.1.4");
	lab_sh("ipvsadm -a -t " VIP ":80 -r 10.8.1.4 -g");
	ipvs_count(l.ipvs, &s.key);
	lab_run(&l, 100);
	lab_wait(&l, ordered);
	expect_order(&l, &s, d, COUNT(d));
	assert_true(view(&l, &s).fingerprint == fingerprint);
	assert_true(view(&l, &s).repairs > 0);
	lab_stop(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_server_gets_to_its_place, clear),
		cmocka_unit_test_setup(a_long_list_is_moved_in_pieces, clear),
		cmocka_unit_test_setup(no_connection_is_lost, clear),
		cmocka_unit_test_setup(with_expiry_the_order_waits_for_quiet, clear),
		cmocka_unit_test_setup(a_wrong_order_by_others_is_repaired, clear),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

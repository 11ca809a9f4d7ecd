/*
 * The model of mh's table against the table of a real kernel: datagrams from many client ports are sent to a service, and the
 * server that IPVS chose for each (/proc/net/ip_vs_conn) must be the one that the model foretells. Skipped where there is no IPVS.
 */
#include "lab.h"

#include "base/mem.h"
#include "ipvs/mh.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIRST_PORT = 20000, CLIENTS = 2000, TABLE = 4093, PORT = 80 };

static const struct ipvs_config config = { .mh_table_size = TABLE };

static void send_from(const struct ip_addr *client, uint16_t port, const struct ip_addr *service)
{
	struct sockaddr_storage from, to;
	socklen_t len = ip_addr_to_sockaddr(client, port, &from);
	int fd = socket(client->family == IP_V4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ip_addr_to_sockaddr(service, PORT, &to);
	assert_true(fd >= 0);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&from, len));
	/* Where nobody is chosen the kernel may say so; that is counted below. */
	(void)!sendto(fd, "x", 1, 0, (struct sockaddr *)&to, len);
	close(fd);
}

/* An address as /proc/net/ip_vs_conn writes it. */
static bool parse_addr(const char *text, struct ip_addr *out)
{
	char v6[PREFIX_TEXT_MAX];
	size_t len = strlen(text);

	if (len == 8) {
		*out = ip_addr_v4((uint32_t)strtoul(text, NULL, 16));
		return true;
	}
	if (text[0] != '[')
		return ip_addr_parse(text, out);
	snprintf(v6, sizeof(v6), "%.*s", (int)(len > 2 ? len - 2 : 0), text + 1);
	return ip_addr_parse(v6, out);
}

struct chosen {
	bool any;
	struct ip_addr addr;
	uint16_t port;
};

/* What the kernel chose for each client port. */
static void read_chosen(struct chosen *c)
{
	char line[512], client[64], service[64], server[64], proto[8];
	FILE *f = fopen("/proc/net/ip_vs_conn", "r");
	unsigned cport, vport, dport;

	memset(c, 0, CLIENTS * sizeof(*c));
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		struct chosen *to;

		if (sscanf(line, "%7s %63s %x %63s %x %63s %x", proto, client, &cport, service, &vport,
			    server, &dport) != 7 ||
			strcmp(proto, "UDP") != 0)
			continue;
		if (cport < FIRST_PORT || cport >= FIRST_PORT + CLIENTS)
			continue;
		to = &c[cport - FIRST_PORT];
		assert_true(parse_addr(server, &to->addr));
		to->port = (uint16_t)dport;
		to->any = true;
	}
	fclose(f);
}

/* A service of its own each time: connections of the one before do not count. */
static struct ipvs_service next_service(const struct ip_addr *addr, uint32_t flags)
{
	struct ipvs_service s = { .key = { .protocol = IPPROTO_UDP, .port = PORT }, .flags = flags };

	s.key.addr = *addr;
	s.key.family = addr->family;
	strcpy(s.scheduler, "mh");
	return s;
}

static size_t compare(struct lab *l, const struct ipvs_service *s, const struct ip_addr *client)
{
	struct chosen *c = mem_alloc(CLIENTS * sizeof(*c));
	const int32_t *slot;
	struct ipvs_view v;
	size_t served = 0;

	assert_int_equal(TABLE, ipvs_slots(l->ipvs, &s->key, &slot));
	ipvs_view(l->ipvs, &s->key, &v);
	for (unsigned i = 0; i < CLIENTS; i++)
		send_from(client, (uint16_t)(FIRST_PORT + i), &s->key.addr);
	read_chosen(c);
	for (unsigned i = 0; i < CLIENTS; i++) {
		unsigned at = ipvs_mh_slot(TABLE, s->key.family, client,
			s->flags & IPVS_SCHED_2 ? (uint16_t)(FIRST_PORT + i) : 0);
		const struct ipvs_dest *d = slot[at] >= 0 ? &v.dests[slot[at]].dest : NULL;
		bool usable = d && d->weight > 0;

		served += usable;
		assert_int_equal(usable, c[i].any);
		if (usable && (!ip_addr_equal(&d->addr, &c[i].addr) || d->port != c[i].port))
			fail_msg("client port %u went elsewhere than to slot %u", FIRST_PORT + i, at);
	}
	printf("# fingerprint %016llx of %zu servers, %zu clients served; the first eight by",
		(unsigned long long)v.fingerprint, v.count, served);
	for (unsigned i = 0; i < 8; i++)
		printf(" %u", c[i].any ? c[i].addr.bytes[ip_family_bytes(c[i].addr.family) - 1] : 0U);
	printf("\n");
	free(c);
	return served;
}

static void check(const char *service, const char *client, const struct ipvs_wish_dest *d, size_t count,
	uint32_t flags, size_t at_least)
{
	struct ip_addr addr = value_addr(service), from = value_addr(client);
	struct ipvs_service s = next_service(&addr, flags);
	struct lab l;

	lab_sh("ipvsadm -C");
	lab_start(&l, &config);
	lab_set(&l, &s, d, count);
	lab_wait(&l, lab_settled);
	assert_true(compare(&l, &s, &from) >= at_least);
	lab_stop(&l);
	/* Connections of removed servers go with their service when nothing is expired; a new namespace is the surest way. */
	assert_true(lab_enter());
}

static void a_few_servers(void **state)
{
	struct ipvs_wish_dest d[5];

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		d[i] = value_nth(i);
	check("10.9.9.9", "10.8.0.1", d, 5, IPVS_SCHED_2, CLIENTS);
	check("10.9.9.9", "10.8.0.1", d, 1, IPVS_SCHED_2, CLIENTS);
	/* Without mh-port all ports of a client go to one server. */
	check("10.9.9.9", "10.8.0.1", d, 5, 0, CLIENTS);
}

static void weights_ports_and_many_servers(void **state)
{
	struct ipvs_wish_dest d[200];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		d[i] = value_nth(i);
		d[i].dest.port = (uint16_t)(80 + i % 7);
		d[i].dest.weight = d[i].full_weight = (int32_t)(100 * (1 + i % 9));
	}
	check("10.9.9.9", "10.8.0.1", d, 200, IPVS_SCHED_2, CLIENTS);
}

/* The largest is 3 * 333 times the divisor: weights are shifted until it fits. */
static void weights_that_do_not_fit(void **state)
{
	struct ipvs_wish_dest d[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		d[i] = value_nth(i);
	d[0].dest.weight = d[0].full_weight = 1;
	d[1].dest.weight = d[1].full_weight = 999;
	d[2].dest.weight = d[2].full_weight = 65535;
	d[3].dest.weight = d[3].full_weight = 30000;
	check("10.9.9.9", "10.8.0.1", d, 4, IPVS_SCHED_2, CLIENTS);
}

/* A drained server keeps its slots, and who comes there is not served. */
static void a_drained_server_keeps_its_slots(void **state)
{
	struct ipvs_wish_dest d[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		d[i] = value_nth(i);
	d[2].dest.weight = 0;
	check("10.9.9.9", "10.8.0.1", d, 4, IPVS_SCHED_2, CLIENTS / 2);
	d[2].full_weight = 5;
	check("10.9.9.9", "10.8.0.1", d, 4, IPVS_SCHED_2, CLIENTS / 5);
}

static void ipv6(void **state)
{
	struct ipvs_wish_dest d[6];
	char addr[32];

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		snprintf(addr, sizeof(addr), "2001:db8:8::%x:%x", 7 * i + 1, i + 2);
		d[i] = value_dest(addr, 8080, IPVS_DR, 1 + (int32_t)i % 2);
	}
	check("2001:db8:9::9", "2001:db8:8::1", d, 6, IPVS_SCHED_2, CLIENTS);
}

/* Through tunnels a service may have servers of the other family, whose addresses are read in the service's way. */
static void mixed_families(void **state)
{
	struct ipvs_wish_dest d[4];

	(void)state;
	d[0] = value_dest("10.8.0.2", 80, IPVS_TUN, 1);
	d[1] = value_dest("10.8.0.3", 80, IPVS_TUN, 1);
	d[2] = value_dest("2001:db8:8::2", 80, IPVS_TUN, 1);
	d[3] = value_dest("2001:db8:8:1::7", 81, IPVS_TUN, 1);
	check("10.9.9.9", "10.8.0.1", d, 4, IPVS_SCHED_2, CLIENTS);
	check("2001:db8:9::9", "2001:db8:8::1", d, 4, IPVS_SCHED_2, CLIENTS);
}

/* In the order in which somebody else added them, which is no order: the model has it from the listing. */
static void any_order(void **state)
{
	struct ip_addr client = value_addr("10.8.0.1"), addr = value_addr("10.9.9.9");
	struct ipvs_service s = next_service(&addr, IPVS_SCHED_2);
	struct lab l;

	(void)state;
	lab_sh("ipvsadm -C");
	lab_sh("ipvsadm -A -u 10.9.9.9:80 -s mh -b mh-port");
	for (unsigned i = 0; i < 60; i++)
		lab_sh("ipvsadm -a -u 10.9.9.9:80 -r 10.8.1.%u -g", 1 + i * 37 % 60);
	lab_start(&l, &config);
	assert_int_equal(CLIENTS, compare(&l, &s, &client));
	lab_stop(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_servers),
		cmocka_unit_test(weights_ports_and_many_servers),
		cmocka_unit_test(weights_that_do_not_fit),
		cmocka_unit_test(a_drained_server_keeps_its_slots),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(mixed_families),
		cmocka_unit_test(any_order),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The model of mh's table. The vectors are what a Linux 6.1 kernel chose for clients at 10.8.0.1 or 2001:db8:8::1, ports 20000
 * and up; test_mh_kernel.c shows them again wherever there is IPVS.
 */
#include "base/mem.h"
#include "ipvs/mh.h"
#include "values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TABLE = 4093, FIRST_PORT = 20000, VECTOR = 8 };

static struct ipvs_mh_dest mh(const struct ipvs_wish_dest *w)
{
	return (struct ipvs_mh_dest){ w->dest.addr, w->dest.port, w->dest.weight };
}

static struct ipvs_mh_dest nth(unsigned n)
{
	struct ipvs_wish_dest w = value_nth(n);

	return mh(&w);
}

/* Last octets of the addresses that the first clients get, and the fingerprint. */
static void expect(uint8_t family, const struct ipvs_mh_dest *d, size_t n, const char *client,
	const uint8_t chosen[VECTOR], uint64_t fingerprint)
{
	struct ipvs_mh_table *t = ipvs_mh_table_new(TABLE, family, d, n);
	struct ip_addr from = value_addr(client);

	assert_non_null(t);
	for (unsigned i = 0; i < VECTOR; i++) {
		int32_t s = t->slot[ipvs_mh_slot(TABLE, family, &from, (uint16_t)(FIRST_PORT + i))];

		assert_true(s >= 0);
		assert_int_equal(chosen[i], d[s].addr.bytes[ip_family_bytes(d[s].addr.family) - 1]);
	}
	assert_true(ipvs_mh_fingerprint(t) == fingerprint);
	ipvs_mh_table_free(t);
}

static void as_the_kernel_chose(void **state)
{
	struct ipvs_mh_dest d[200];

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		d[i] = nth(i);
	expect(IP_V4, d, 5, "10.8.0.1", (const uint8_t[]){ 1, 4, 3, 1, 5, 2, 2, 3 }, 0xe0c92036f5733a4a);
	for (unsigned i = 0; i < 200; i++) {
		d[i] = nth(i);
		d[i].port = (uint16_t)(80 + i % 7);
		d[i].weight = (int32_t)(100 * (1 + i % 9));
	}
	expect(IP_V4, d, 200, "10.8.0.1", (const uint8_t[]){ 169, 123, 117, 17, 116, 141, 41, 142 },
		0x677be75bf7ebd471);
	for (unsigned i = 0; i < 60; i++)
		d[i] = nth(i * 37 % 60);
	expect(IP_V4, d, 60, "10.8.0.1", (const uint8_t[]){ 16, 50, 19, 19, 40, 25, 46, 14 },
		0x3b3ed0af46131ab1);
}

static void weights_are_shifted_until_they_fit(void **state)
{
	static const int32_t weight[] = { 1, 999, 65535, 30000 };
	struct ipvs_mh_dest d[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		d[i] = nth(i);
		d[i].weight = weight[i];
	}
	expect(IP_V4, d, 4, "10.8.0.1", (const uint8_t[]){ 4, 3, 3, 4, 3, 3, 4, 3 }, 0x1c5cbd812e60a5d8);
}

static void ipv6_and_mixed(void **state)
{
	struct ipvs_mh_dest d[6];
	struct ipvs_wish_dest w;
	char addr[32];

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		snprintf(addr, sizeof(addr), "2001:db8:8::%x:%x", 7 * i + 1, i + 2);
		w = value_dest(addr, 8080, IPVS_DR, 1 + (int32_t)i % 2);
		d[i] = mh(&w);
	}
	expect(IP_V6, d, 6, "2001:db8:8::1", (const uint8_t[]){ 6, 4, 5, 6, 3, 7, 4, 7 }, 0xd8982e1262788a35);
	w = value_dest("10.8.0.2", 80, IPVS_TUN, 1);
	d[0] = mh(&w);
	w = value_dest("10.8.0.3", 80, IPVS_TUN, 1);
	d[1] = mh(&w);
	w = value_dest("2001:db8:8::2", 80, IPVS_TUN, 1);
	d[2] = mh(&w);
	w = value_dest("2001:db8:8:1::7", 81, IPVS_TUN, 1);
	d[3] = mh(&w);
	expect(IP_V4, d, 4, "10.8.0.1", (const uint8_t[]){ 2, 7, 3, 2, 2, 7, 2, 3 }, 0x7d8b59285f2fe8b3);
	expect(IP_V6, d, 4, "2001:db8:8::1", (const uint8_t[]){ 2, 3, 3, 2, 2, 3, 3, 2 }, 0xdbe3efcb0e848e55);
}

static void everybody_gets_his_share(void **state)
{
	struct ipvs_mh_dest d[3] = { nth(0), nth(1), nth(2) };
	unsigned slots[3] = { 0 };
	struct ipvs_mh_table *t;

	(void)state;
	d[1].weight = 2;
	t = ipvs_mh_table_new(TABLE, IP_V4, d, 3);
	for (unsigned i = 0; i < TABLE; i++)
		slots[t->slot[i]]++;
	assert_in_range(slots[0], TABLE / 4 - 1, TABLE / 4 + 1);
	assert_in_range(slots[1], TABLE / 2 - 2, TABLE / 2 + 2);
	assert_in_range(slots[2], TABLE / 4 - 1, TABLE / 4 + 1);
	ipvs_mh_table_free(t);
}

/* Nobody, nobody with a weight, and more than there are slots. */
static void tables_without_servers(void **state)
{
	struct ipvs_mh_dest *d = mem_alloc(252 * sizeof(*d)), none = nth(0);
	struct ipvs_mh_table *t;

	(void)state;
	none.weight = 0;
	for (unsigned n = 0; n < 2; n++) {
		t = ipvs_mh_table_new(TABLE, IP_V4, &none, n);
		for (unsigned i = 0; i < TABLE; i++)
			assert_int_equal(-1, t->slot[i]);
		assert_true(ipvs_mh_fingerprint(t) != 0);
		ipvs_mh_table_free(t);
	}
	for (unsigned i = 0; i < 252; i++)
		d[i] = nth(i);
	t = ipvs_mh_table_new(251, IP_V4, d, 251);
	assert_non_null(t);
	ipvs_mh_table_free(t);
	assert_null(ipvs_mh_table_new(251, IP_V4, d, 252));
	assert_null(ipvs_mh_table_new(4096, IP_V4, d, 1));
	assert_true(ipvs_mh_size_valid(131071));
	assert_false(ipvs_mh_size_valid(0));
	free(d);
}

static void order_shows_and_place_in_memory_does_not(void **state)
{
	struct ipvs_mh_dest d[100], swapped[100];
	struct ipvs_mh_table *a, *b, *c;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		d[i] = nth(i);
		swapped[99 - i] = d[i];
	}
	a = ipvs_mh_table_new(TABLE, IP_V4, d, 100);
	b = ipvs_mh_table_new(TABLE, IP_V4, swapped, 100);
	c = ipvs_mh_table_new(TABLE, IP_V4, d, 99);
	assert_true(ipvs_mh_fingerprint(a) != ipvs_mh_fingerprint(b));
	/* 5 % was measured on a kernel. */
	assert_true(ipvs_mh_difference(a, b) > 0.03 && ipvs_mh_difference(a, b) < 0.08);
	assert_true(ipvs_mh_difference(a, a) == 0);
	assert_true(ipvs_mh_difference(a, c) >= 0.01 && ipvs_mh_difference(a, c) < 0.06);
	assert_true(ipvs_mh_difference(a, NULL) == 1 && ipvs_mh_difference(NULL, NULL) == 0);
	ipvs_mh_table_free(a);
	ipvs_mh_table_free(b);
	ipvs_mh_table_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_kernel_chose),
		cmocka_unit_test(weights_are_shifted_until_they_fit),
		cmocka_unit_test(ipv6_and_mixed),
		cmocka_unit_test(everybody_gets_his_share),
		cmocka_unit_test(tables_without_servers),
		cmocka_unit_test(order_shows_and_place_in_memory_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

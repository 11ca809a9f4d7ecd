/* From the configuration to IPVS's values; and marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/marks.h"
#include "agent/wish.h"

#include <netinet/in.h>

static struct config_virtual web(void)
{
	return (struct config_virtual){ .name = "web",
		.protocol = IPPROTO_TCP,
		.address = ip_addr_v4(0x0a010101),
		.port = 80,
		.family = IP_V4,
		.scheduler = "mh",
		.forward = CONFIG_FORWARD_TUN,
		.weight = 1 };
}

static void a_service_by_address(void **state)
{
	struct config_virtual v = web();
	struct ipvs_service s;

	(void)state;
	v.flags[CONFIG_MH_PORT] = true;
	wish_service(&v, &s);
	assert_int_equal(s.flags, IPVS_SCHED_2);
	v.flags[CONFIG_MH_FALLBACK] = true;
	v.one_packet = true;
	v.persistence = (struct config_persistence){ .timeout_s = 300, .prefix_len = 24, .engine = "sip" };
	wish_service(&v, &s);
	assert_int_equal(s.flags, IPVS_SCHED_1 | IPVS_SCHED_2 | IPVS_ONE_PACKET | IPVS_PERSISTENT);
	assert_int_equal(s.persistence_s, 300);
	assert_int_equal(s.persistence_len, 24);
	assert_string_equal(s.engine, "sip");
	assert_string_equal(s.scheduler, "mh");
	assert_int_equal(s.key.protocol, IPPROTO_TCP);
	assert_int_equal(s.key.port, 80);
	assert_int_equal(s.key.mark, 0);
	assert_true(ip_addr_equal(&s.key.addr, &v.address));
}

static void a_service_by_mark(void **state)
{
	struct config_virtual v = web();
	struct ipvs_service s;

	(void)state;
	v.mark = 7;
	v.family = IP_V6;
	wish_service(&v, &s);
	assert_int_equal(s.key.mark, 7);
	assert_int_equal(s.key.family, IP_V6);
	assert_int_equal(s.key.protocol, 0);
	assert_int_equal(s.key.port, 0);
	assert_int_equal(s.key.addr.family, IP_NONE);
}

static void ports_from_the_nearest(void **state)
{
	struct config_virtual v = web();
	struct ip_addr a = ip_addr_v4(0xac100105);
	struct ipvs_dest d;

	(void)state;
	wish_dest(&v, &a, 0, 3, &d);
	assert_int_equal(d.port, 80);
	assert_int_equal(d.weight, 3);
	assert_int_equal(d.forward, IPVS_TUN);
	v.server_port = 8080;
	v.forward = CONFIG_FORWARD_NAT;
	wish_dest(&v, &a, 0, 1, &d);
	assert_int_equal(d.port, 8080);
	assert_int_equal(d.forward, IPVS_NAT);
	wish_dest(&v, &a, 9090, 1, &d);
	assert_int_equal(d.port, 9090);
}

static void tunnels(void **state)
{
	struct config_virtual v = web();
	struct ip_addr a = ip_addr_v4(0xac100105);
	struct ipvs_dest d;

	(void)state;
	v.tunnel = (struct config_tunnel){ CONFIG_TUNNEL_GUE, 6080, CONFIG_TUNNEL_REMOTE_CHECKSUM };
	wish_dest(&v, &a, 0, 1, &d);
	assert_int_equal(d.tunnel, IPVS_GUE);
	assert_int_equal(d.tunnel_port, 6080);
	assert_int_equal(d.tunnel_flags, IPVS_TUNNEL_REMCSUM);
	/* A tunnel that is not used leaves no trace to compare. */
	v.forward = CONFIG_FORWARD_DR;
	wish_dest(&v, &a, 0, 1, &d);
	assert_int_equal(d.forward, IPVS_DR);
	assert_int_equal(d.tunnel | d.tunnel_port | d.tunnel_flags, 0);
}

static void marks_are_unique_and_used_again(void **state)
{
	struct marks m = { .first = 0x10000, .limit = 256 };

	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(marks_get(&m), 0x10000 + i);
	marks_put(&m, 0x10000 + 150);
	marks_put(&m, 0x10000 + 3);
	assert_int_equal(marks_get(&m), 0x10000 + 3);
	assert_int_equal(marks_get(&m), 0x10000 + 150);
	for (uint32_t i = 200; i < 256; i++)
		assert_int_equal(marks_get(&m), 0x10000 + i);
	assert_int_equal(marks_get(&m), 0);
	marks_put(&m, 0x10000 + 77);
	assert_int_equal(marks_get(&m), 0x10000 + 77);
	marks_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_by_address),
		cmocka_unit_test(a_service_by_mark),
		cmocka_unit_test(ports_from_the_nearest),
		cmocka_unit_test(tunnels),
		cmocka_unit_test(marks_are_unique_and_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

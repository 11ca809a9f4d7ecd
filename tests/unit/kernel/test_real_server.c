/* A real server's plan: what is found and wished against the list of steps, and steps as lines of a file and back. */
#include "kernel/real_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ETH = 2, TUNL = 3, STEPS = 12, TEXT_ROOM = 256, ADDRS = 4 };

/* --- a pod --- */

struct setting {
	const char *key;
	long value;
};

/* The plan's question about settings carries no pointer of ours. */
static const struct setting *settings;

static bool read_setting(const char *key, long *value)
{
	for (const struct setting *s = settings; s->key; s++)
		if (strcmp(s->key, key) == 0) {
			*value = s->value;
			return true;
		}
	return false;
}

static const struct setting plain[] = { { "net.ipv4.conf.all.arp_ignore", 0 },
	{ "net.ipv4.conf.all.arp_announce", 0 }, { "net.ipv4.conf.all.rp_filter", 0 },
	{ "net.ipv4.conf.default.rp_filter", 0 }, { NULL, 0 } };
static const struct setting strict[] = { { "net.ipv4.conf.all.arp_ignore", 1 },
	{ "net.ipv4.conf.all.arp_announce", 2 }, { "net.ipv4.conf.all.rp_filter", 1 },
	{ "net.ipv4.conf.tunl0.rp_filter", 0 }, { NULL, 0 } };
static const struct setting strict_later[] = { { "net.ipv4.conf.all.arp_ignore", 2 },
	{ "net.ipv4.conf.all.arp_announce", 2 }, { "net.ipv4.conf.all.rp_filter", 0 },
	{ "net.ipv4.conf.default.rp_filter", 1 }, { NULL, 0 } };
static const struct setting loose[] = { { "net.ipv4.conf.all.arp_ignore", 1 },
	{ "net.ipv4.conf.all.arp_announce", 1 }, { "net.ipv4.conf.all.rp_filter", 1 },
	{ "net.ipv4.conf.tunl0.rp_filter", 2 }, { NULL, 0 } };
static const struct setting no_ipv6[] = { { "net.ipv6.conf.ip6tnl0.disable_ipv6", 1 }, { NULL, 0 } };

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p, NULL));
	return p;
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_true(ip_addr_parse(text, &a));
	return a;
}

struct pod {
	struct real_server_link links[3];
	struct real_server_route routes[6];
	struct ip_addr addrs[ADDRS];
	struct real_server_found found;
};

/* lo, eth0 with MTU 1450 and routes; with a tunnel tunl0 too, as its module makes it. */
static void pod_init(struct pod *p, bool module)
{
	*p = (struct pod){ .links = { { "lo", 1, 65536, true, true, false },
				   { "eth0", ETH, 1450, true, false, false },
				   { "tunl0", TUNL, 1480, false, false, true } },
		.routes = { { prefix("0.0.0.0/0"), ETH, 0, 0, false, NULL },
			{ prefix("172.16.0.0/16"), ETH, 0, 0, false, NULL },
			{ prefix("::/0"), ETH, 0, 0, false, NULL },
			{ prefix("fe80::/64"), ETH, 0, 0, false, NULL },
			{ prefix("10.9.0.0/16"), TUNL, 0, 0, false, NULL } } };
	p->found = (struct real_server_found){ .links = p->links,
		.routes = p->routes,
		.addrs = p->addrs,
		.link_count = module ? 3 : 2,
		.route_count = 5,
		.sysctl = read_setting };
	settings = plain;
}

static void expect_plan(const struct real_server_wish *w, const struct pod *p, const char *const *steps)
{
	struct real_server_plan plan;
	size_t i;

	real_server_plan(w, &p->found, &plan);
	for (i = 0; i < plan.count && steps[i]; i++) {
		char buf[TEXT_ROOM];
		struct text t = text_init(buf, sizeof(buf));

		real_server_step_format(&plan.steps[i], &t);
		assert_string_equal(buf, steps[i]);
		assert_non_null(plan.steps[i].why);
	}
	assert_int_equal(plan.count, i);
	assert_null(steps[i]);
	real_server_plan_fini(&plan);
}

#define EXPECT(wish, pod, ...) expect_plan(wish, pod, (const char *const[STEPS]){ __VA_ARGS__ })

/* --- plans --- */

static void tun_from_nothing(void **state)
{
	struct ip_addr a = addr("10.1.1.1");
	struct real_server_wish w = { .mode = REAL_SERVER_TUN, .addrs = &a, .count = 1 };
	struct pod p;

	(void)state;
	pod_init(&p, false);
	EXPECT(&w, &p, "sysctl -w net.ipv4.conf.all.arp_ignore=1",
		"sysctl -w net.ipv4.conf.all.arp_announce=2", "ip link add tunl0 type ipip",
		"ip link set tunl0 up", "ip route change 0.0.0.0/0 dev eth0 advmss 1390",
		"ip route change 172.16.0.0/16 dev eth0 advmss 1390", "ip address add 10.1.1.1/32 dev tunl0");
}

static void what_is_right_stays(void **state)
{
	struct ip_addr a[] = { addr("10.1.1.1"), addr("10.1.1.2") };
	struct real_server_wish w = { .mode = REAL_SERVER_TUN, .addrs = a, .count = 2 };
	struct pod p;

	(void)state;
	pod_init(&p, true);
	settings = loose;
	p.links[2].up = true;
	p.addrs[0] = a[0];
	p.found.addr_count = 1;
	p.routes[0].advmss = 1390;
	p.routes[1].advmss = 1200;
	EXPECT(&w, &p, "sysctl -w net.ipv4.conf.all.arp_announce=2", "ip address add 10.1.1.2/32 dev tunl0");
	p.addrs[1] = a[1];
	p.found.addr_count = 2;
	p.routes[0].advmss = 1391;
	settings = strict;
	EXPECT(&w, &p, "sysctl -w net.ipv4.conf.tunl0.rp_filter=2",
		"ip route change 0.0.0.0/0 dev eth0 advmss 1390");
	settings = strict_later;
	p.routes[0].advmss = 1390;
	EXPECT(&w, &p, "sysctl -w net.ipv4.conf.tunl0.rp_filter=2");
}

static void families_and_headers(void **state)
{
	struct ip_addr four = addr("10.1.1.1"), six = addr("fd00::1");
	struct real_server_wish w = { .mode = REAL_SERVER_TUN, .addrs = &six, .count = 1 };
	struct pod p;

	(void)state;
	pod_init(&p, true);
	settings = no_ipv6;
	EXPECT(&w, &p, "ip link add ip6tnl0 type ip6tnl", "ip link set ip6tnl0 up",
		"ip -6 route change ::/0 dev eth0 advmss 1350",
		"sysctl -w net.ipv6.conf.ip6tnl0.disable_ipv6=0",
		"ip -6 address add fd00::1/128 dev ip6tnl0");
	w.over = IP_V4;
	EXPECT(&w, &p, "ip link add sit0 type sit", "ip link set sit0 up",
		"ip -6 route change ::/0 dev eth0 advmss 1370", "ip -6 address add fd00::1/128 dev sit0");
	w.addrs = &four;
	w.over = IP_V6;
	settings = strict;
	EXPECT(&w, &p, "ip link add rrd-any6 type ip6tnl external", "ip link set rrd-any6 up",
		"sysctl -w net.ipv4.conf.rrd-any6.rp_filter=2",
		"ip route change 0.0.0.0/0 dev eth0 advmss 1370",
		"ip route change 172.16.0.0/16 dev eth0 advmss 1370",
		"ip address add 10.1.1.1/32 dev rrd-any6");
	w.tunnel = REAL_SERVER_GRE;
	w.mtu = 1400;
	w.over = IP_NONE;
	EXPECT(&w, &p, "ip link add gre0 type gre", "ip link set gre0 up",
		"sysctl -w net.ipv4.conf.gre0.rp_filter=2", "ip route change 0.0.0.0/0 dev eth0 advmss 1332",
		"ip route change 172.16.0.0/16 dev eth0 advmss 1332", "ip address add 10.1.1.1/32 dev gre0");
}

static void gue_port(void **state)
{
	struct ip_addr a[] = { addr("10.1.1.1"), addr("fd00::1") };
	struct real_server_wish w = {
		.mode = REAL_SERVER_TUN, .tunnel = REAL_SERVER_GUE, .gue_port = 6080, .addrs = a, .count = 2
	};
	struct pod p;

	(void)state;
	pod_init(&p, true);
	settings = loose;
	p.routes[0].advmss = p.routes[1].advmss = p.routes[2].advmss = 1000;
	EXPECT(&w, &p, "sysctl -w net.ipv4.conf.all.arp_announce=2", "ip fou add port 6080 gue",
		"ip link set tunl0 up", "ip fou add port 6080 gue -6", "ip link add ip6tnl0 type ip6tnl",
		"ip link set ip6tnl0 up", "ip address add 10.1.1.1/32 dev tunl0",
		"ip -6 address add fd00::1/128 dev ip6tnl0");
	p.found.gue_ipv4 = p.found.gue_ipv6 = true;
	p.routes[2].advmss = 1331;
	w.addrs = &a[1];
	w.count = 1;
	EXPECT(&w, &p, "ip link add ip6tnl0 type ip6tnl", "ip link set ip6tnl0 up",
		"ip -6 route change ::/0 dev eth0 advmss 1330", "ip -6 address add fd00::1/128 dev ip6tnl0");
}

static void direct(void **state)
{
	struct ip_addr a[] = { addr("10.1.1.1"), addr("fd00::1") };
	struct real_server_wish w = { .mode = REAL_SERVER_DR, .addrs = a, .count = 2 };
	struct pod p;

	(void)state;
	pod_init(&p, false);
	EXPECT(&w, &p, "sysctl -w net.ipv4.conf.all.arp_ignore=1",
		"sysctl -w net.ipv4.conf.all.arp_announce=2", "ip address add 10.1.1.1/32 dev lo",
		"ip -6 address add fd00::1/128 dev lo");
	p.links[0].up = false;
	w.addrs = &a[1];
	w.count = 1;
	EXPECT(&w, &p, "ip link set lo up", "ip -6 address add fd00::1/128 dev lo");
}

static void learned_routes_are_told(void **state)
{
	struct ip_addr a = addr("fd00::1");
	struct real_server_wish w = { .mode = REAL_SERVER_TUN, .addrs = &a, .count = 1 };
	struct real_server_plan plan;
	struct pod p;

	(void)state;
	pod_init(&p, true);
	p.routes[2].learned = true;
	real_server_plan(&w, &p.found, &plan);
	assert_int_equal(plan.learned_count, 1);
	assert_ptr_equal(plan.learned[0], &p.routes[2]);
	for (size_t i = 0; i < plan.count; i++)
		assert_int_not_equal(plan.steps[i].op, REAL_SERVER_ADVMSS);
	real_server_plan_fini(&plan);
}

/* --- lines --- */

static const char *const lines[] = { "sysctl net.ipv4.conf.all.arp_ignore 0 1", "gue 6 6080",
	"link tunl0 ipip", "up ip6tnl0", "advmss 0.0.0.0/0 eth0 0 1390", "advmss fd00::/64 eth0 1400 1350",
	"address fd00::1/128 lo" };
static const char *const wrong[] = { "", "sysctl", "sysctl key 0", "sysctl key 0 x", "gue 5 6080", "gue 4 0",
	"gue 4 65536", "link tunl0", "up", "up a-name-that-is-too-long", "advmss 10.0.0.1/8 eth0 0 1390",
	"advmss 0.0.0.0/0 eth0 0", "address 10.1.1.1", "address x lo", "remove everything" };

static void lines_come_back(void **state)
{
	struct real_server_step s;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char buf[TEXT_ROOM];
		struct text t = text_init(buf, sizeof(buf));

		assert_true(real_server_step_read(lines[i], &s));
		real_server_step_write(&s, &t);
		assert_string_equal(buf, lines[i]);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (real_server_step_read(wrong[i], &s))
			fail_msg("\"%s\" was taken", wrong[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tun_from_nothing),
		cmocka_unit_test(what_is_right_stays),
		cmocka_unit_test(families_and_headers),
		cmocka_unit_test(gue_port),
		cmocka_unit_test(direct),
		cmocka_unit_test(learned_routes_are_told),
		cmocka_unit_test(lines_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

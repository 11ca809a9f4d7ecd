/* What a world of this kind lacks for these services, in words. */
#include "agent/preflight.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- a world --- */

static const char *const absent[] = { "ip_vs_twos", NULL };
static const char *const unseen[] = { "ip_vs_sed", "ip_vs_pe_sip", NULL };
static bool with_iptables, with_xt_ipvs;
static uint32_t mtu;

static bool in(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static enum kernel_module module(const char *name)
{
	if (strcmp(name, "xt_ipvs") == 0 && !with_xt_ipvs)
		return KERNEL_MODULE_ABSENT;
	return in(absent, name)	  ? KERNEL_MODULE_ABSENT
	       : in(unseen, name) ? KERNEL_MODULE_UNKNOWN
				  : KERNEL_MODULE_THERE;
}

/* 10.1.1.0/24 and fd00:1::/32 are local, 172.16.0.0/16 and fd00:172::/32 by eth0, and nothing else. */
static void way(const struct ip_addr *to, struct local_route_way *out)
{
	static const char *const prefixes[] = { "10.1.1.0/24", "fd00:1::/32", "172.16.0.0/16",
		"fd00:172::/32" };
	struct prefix p;

	*out = (struct local_route_way){ .there = false };
	for (size_t i = 0; i < 4; i++) {
		assert_true(prefix_parse(prefixes[i], &p, NULL));
		if (prefix_contains_addr(&p, to))
			*out = (struct local_route_way){ true, i < 2, i < 2 ? 65536 : mtu, "eth0" };
	}
}

static bool program(const char *name)
{
	return with_iptables && strcmp(name, "iptables") == 0;
}

static bool directory(const char *path)
{
	return strcmp(path, "/run/rrd") == 0;
}

static struct preflight_world world(void)
{
	with_iptables = with_xt_ipvs = true;
	mtu = 1450;
	return (struct preflight_world){ .net_admin = true,
		.net_raw = true,
		.iptables_lock = true,
		.first_user_space = true,
		.module = module,
		.way = way,
		.program = program,
		.directory = directory };
}

/* --- services --- */

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_true(ip_addr_parse(text, &a));
	return a;
}

static struct config_static_server server;

static struct config_virtual service(const char *address, const char *scheduler, unsigned forward)
{
	return (struct config_virtual){ .name = "web",
		.protocol = IPPROTO_TCP,
		.address = addr(address),
		.family = addr(address).family,
		.scheduler = scheduler,
		.forward = forward };
}

static void give_server(struct config_virtual *v, const char *address)
{
	server.endpoint.addr = addr(address);
	v->source.servers = &server;
	v->source.server_count = 1;
}

/* --- judgements --- */

/* One finding of this grade has this text in it, and says what to do unless it needs not. */
static void expect(const struct preflight *p, enum preflight_grade grade, const char *what, const char *todo)
{
	for (size_t i = 0; i < p->count; i++)
		if (strstr(p->list[i].what, what)) {
			assert_int_equal(p->list[i].grade, grade);
			if (!strstr(p->list[i].todo, todo))
				fail_msg("\"%s\": \"%s\"", what, p->list[i].todo);
			return;
		}
	fail_msg("nothing says \"%s\"", what);
}

static void judge(struct config_virtual *v, size_t count, bool masquerade, const struct preflight_world *w,
	const struct needs_state *s, struct preflight *out)
{
	struct config_agent cfg = { .services = v, .service_count = count, .masquerade = masquerade };

	preflight_judge(&cfg, w, s, out);
}

static void all_is_well(void **state)
{
	struct config_virtual v = service("10.1.1.1", "mh", CONFIG_FORWARD_DR);
	struct preflight_world w = world();
	struct preflight p;

	(void)state;
	give_server(&v, "172.16.1.1");
	judge(&v, 1, false, &w, NULL, &p);
	assert_int_equal(p.count, 0);
}

static void rights(void **state)
{
	struct config_virtual v = service("10.1.1.1", "mh", CONFIG_FORWARD_DR);
	struct preflight_world w = world();
	struct preflight p;

	(void)state;
	w.ipvs_error = "IPVS said no";
	judge(&v, 1, false, &w, NULL, &p);
	assert_int_equal(p.count, 1);
	expect(&p, PREFLIGHT_PROBLEM, "IPVS said no", "");
	w.net_admin = w.first_user_space = false;
	judge(&v, 1, false, &w, NULL, &p);
	assert_int_equal(p.count, 2);
	expect(&p, PREFLIGHT_PROBLEM, "CAP_NET_ADMIN", "NET_ADMIN");
	expect(&p, PREFLIGHT_PROBLEM, "user namespace", "hostUsers");
}

static void modules(void **state)
{
	struct config_virtual v[] = { service("10.1.1.1", "sed", CONFIG_FORWARD_DR),
		service("10.1.1.2", "sed", CONFIG_FORWARD_DR), service("10.1.1.3", "twos", CONFIG_FORWARD_DR),
		service("10.1.1.4", "mh", CONFIG_FORWARD_DR) };
	struct preflight_world w = world();
	struct preflight p;

	(void)state;
	v[3].persistence.engine = "sip";
	judge(v, 4, false, &w, NULL, &p);
	assert_int_equal(p.count, 3);
	expect(&p, PREFLIGHT_NOTE, "ip_vs_sed", "modprobe ip_vs_sed");
	expect(&p, PREFLIGHT_PROBLEM, "ip_vs_twos", "kernel");
	expect(&p, PREFLIGHT_NOTE, "ip_vs_pe_sip", "modprobe");
}

static void masquerading(void **state)
{
	struct config_virtual v[] = { service("10.1.1.1", "mh", CONFIG_FORWARD_NAT),
		service("fd00:1::1", "mh", CONFIG_FORWARD_NAT) };
	struct preflight_world w = world();
	struct preflight p;

	(void)state;
	judge(v, 1, true, &w, NULL, &p);
	assert_int_equal(p.count, 0);
	judge(v, 2, true, &w, NULL, &p);
	assert_int_equal(p.count, 1);
	expect(&p, PREFLIGHT_PROBLEM, "ip6tables", "install");
	with_iptables = with_xt_ipvs = false;
	judge(v, 1, true, &w, NULL, &p);
	assert_int_equal(p.count, 2);
	expect(&p, PREFLIGHT_PROBLEM, "xt_ipvs", "kernel");
	w.net_raw = w.iptables_lock = false;
	judge(v, 1, true, &w, NULL, &p);
	assert_int_equal(p.count, 4);
	expect(&p, PREFLIGHT_PROBLEM, "CAP_NET_RAW", "NET_RAW");
	expect(&p, PREFLIGHT_NOT_YET, "/run/xtables.lock", "root");
	/* Without it nothing of this is needed, and answers need a way back. */
	judge(v, 2, false, &w, NULL, &p);
	assert_int_equal(p.count, 2);
	expect(&p, PREFLIGHT_NOTE, "come back through here", "masquerade: true");
}

static void ways(void **state)
{
	struct config_virtual v = service("10.2.1.1", "mh", CONFIG_FORWARD_DR);
	struct preflight_world w = world();
	struct preflight p;

	(void)state;
	give_server(&v, "172.17.1.1");
	judge(&v, 1, false, &w, NULL, &p);
	assert_int_equal(p.count, 2);
	expect(&p, PREFLIGHT_NOT_YET, "10.2.1.1 is not local", "ip route add local 10.2.1.1 dev lo");
	expect(&p, PREFLIGHT_NOT_YET, "no route to its server 172.17.1.1", "route");
	/* A way that leads elsewhere is not local. */
	v.address = addr("172.16.0.1");
	judge(&v, 1, false, &w, NULL, &p);
	expect(&p, PREFLIGHT_NOT_YET, "172.16.0.1 is not local", "local");
}

static void room(const char *address, const char *to, struct config_tunnel tunnel, enum preflight_grade grade,
	const char *what)
{
	struct config_virtual v = service(address, "mh", CONFIG_FORWARD_TUN);
	struct preflight_world w = world();
	struct preflight p;

	if (grade == PREFLIGHT_PROBLEM)
		mtu = 1300;
	v.tunnel = tunnel;
	give_server(&v, to);
	judge(&v, 1, false, &w, NULL, &p);
	assert_int_equal(p.count, 1);
	expect(&p, grade, what, grade == PREFLIGHT_NOTE ? "--real-server" : "MTU");
}

static void tunnels_take_room(void **state)
{
	static const struct config_tunnel ipip = { 0 };
	const struct config_tunnel gue = { .type = CONFIG_TUNNEL_GUE, .port = 6080 };
	const struct config_tunnel remote = { CONFIG_TUNNEL_GUE, 6080, CONFIG_TUNNEL_REMOTE_CHECKSUM };
	const struct config_tunnel gre = { CONFIG_TUNNEL_GRE, 0, CONFIG_TUNNEL_CHECKSUM };

	(void)state;
	room("10.1.1.1", "172.16.1.1", ipip, PREFLIGHT_NOTE, "more than 1430 octets");
	room("10.1.1.1", "fd00:172::1", ipip, PREFLIGHT_NOTE, "more than 1410 octets");
	room("fd00:1::1", "fd00:172::1", gue, PREFLIGHT_NOTE, "more than 1398 octets");
	room("10.1.1.1", "172.16.1.1", remote, PREFLIGHT_NOTE, "more than 1410 octets");
	room("10.1.1.1", "172.16.1.1", gre, PREFLIGHT_NOTE, "more than 1422 octets");
	room("fd00:1::1", "fd00:172::1", ipip, PREFLIGHT_PROBLEM, "leaves 1260 octets");
}

static void settings(void **state)
{
	struct config_virtual v = service("10.1.1.1", "mh", CONFIG_FORWARD_DR);
	struct preflight_world w = world();
	struct needs_state s = {
		.list = { { { "a.right", 1, "because", true, false }, .there = true, .right = true },
			{ { "b.settable", 1, "because", true, false }, .there = true, .may_be_set = true },
			{ { "c.advice", 1, "because", false, false }, .there = true },
			{ { "d.stuck", 2, "because", true, false }, .there = true } },
		.count = 4
	};
	struct preflight p;

	(void)state;
	judge(&v, 1, false, &w, &s, &p);
	assert_int_equal(p.count, 3);
	expect(&p, PREFLIGHT_NOTE, "b.settable", "set at start");
	expect(&p, PREFLIGHT_NOTE, "c.advice", "sysctl -w c.advice=1");
	expect(&p, PREFLIGHT_PROBLEM, "d.stuck is 0 and must be 2: because", "sysctl -w d.stuck=2");
	assert_true(preflight_has(&p, PREFLIGHT_PROBLEM));
	assert_false(preflight_has(&p, PREFLIGHT_NOT_YET));
}

static void directories_must_be_there(void **state)
{
	struct config_agent cfg = { .control = { .socket = "/run/rrd/a.sock" },
		.ipvs = { .state_file = "/run/rrd/a.state" } };
	struct preflight_world w = world();
	struct preflight p;

	(void)state;
	preflight_judge(&cfg, &w, NULL, &p);
	assert_int_equal(p.count, 0);
	cfg.control.socket = "/run/none/a.sock";
	cfg.ipvs.state_file = "/a.state";
	preflight_judge(&cfg, &w, NULL, &p);
	assert_int_equal(p.count, 2);
	expect(&p, PREFLIGHT_PROBLEM, "the directory /run/none of control.socket is missing",
		"mkdir -p /run/none");
	expect(&p, PREFLIGHT_NOTE, "the directory / of ipvs.state-file is missing", "mkdir -p /");
}

static void too_many_are_counted(void **state)
{
	struct config_virtual v[PREFLIGHT_MAX + 3];
	struct preflight_world w = world();
	struct preflight p;

	(void)state;
	for (size_t i = 0; i < PREFLIGHT_MAX + 3; i++)
		v[i] = service("10.2.1.1", "mh", CONFIG_FORWARD_DR);
	judge(v, PREFLIGHT_MAX + 3, false, &w, NULL, &p);
	assert_int_equal(p.count, PREFLIGHT_MAX);
	assert_int_equal(p.left_out, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(rights),
		cmocka_unit_test(modules),
		cmocka_unit_test(masquerading),
		cmocka_unit_test(ways),
		cmocka_unit_test(tunnels_take_room),
		cmocka_unit_test(settings),
		cmocka_unit_test(directories_must_be_there),
		cmocka_unit_test(too_many_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

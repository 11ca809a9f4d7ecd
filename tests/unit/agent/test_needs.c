/* What the services want of the kernel's settings, and setting them in a network namespace of this program's own. */
#include "agent/needs.h"
#include "agent/needs_apply.h"
#include "base/log.h"
#include "kernel/sysctl.h"

#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SERVICES = 2, WANTED = 8 };

/* A mistyped key must not pass for one that is not wanted. */
static const char *const known[] = { "net.ipv4.vs.sloppy_tcp", "net.ipv4.vs.sloppy_sctp",
	"net.ipv4.vs.schedule_icmp", "net.ipv4.vs.conntrack", "net.ipv4.vs.expire_nodest_conn",
	"net.ipv4.vs.expire_quiescent_template", "net.ipv4.vs.conn_reuse_mode", "net.ipv4.vs.snat_reroute",
	"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.conf.all.accept_local",
	"net.ipv4.conf.all.rp_filter" };

enum { NOT_WANTED = -1, ADVISED = 100 }; /* ADVISED + v: wanted to be v, and not necessary */

struct wanted {
	const char *key; /* without its beginning, as far as it is unique */
	int value;
};

struct row_of_table {
	const char *name;
	bool preserve, masquerade;
	unsigned kernel;
	struct config_virtual service[SERVICES];
	struct wanted wanted[WANTED];
};

#define TCP  .protocol = IPPROTO_TCP, .family = IP_V4
#define UDP  .protocol = IPPROTO_UDP, .family = IP_V4
#define SCTP .protocol = IPPROTO_SCTP, .family = IP_V4
#define TCP6 .protocol = IPPROTO_TCP, .family = IP_V6
#define NAT  .forward = CONFIG_FORWARD_NAT
#define TUN  .forward = CONFIG_FORWARD_TUN
#define DR   .forward = CONFIG_FORWARD_DR
#define RR   .scheduler = "rr"
#define MH   .scheduler = "mh"
#define NEW  NEEDS_KERNEL(6, 1)

static struct config_check by_tunnel = { .through_tunnel = true };
#define CHECKED .checks = &by_tunnel, .check_count = 1

static const struct row_of_table table[] = {
	{ "nothing special", false, false, NEW, { { TCP, TUN, RR } },
		{ { "sloppy_tcp", NOT_WANTED }, { "conntrack", NOT_WANTED }, { "ip_forward", NOT_WANTED },
			{ "expire_nodest_conn", NOT_WANTED }, { "conn_reuse_mode", ADVISED + 3 } } },
	{ "preserve", true, false, NEW, { { TCP, TUN, MH } },
		{ { "sloppy_tcp", 1 }, { "schedule_icmp", 1 }, { "vs.conntrack", 0 },
			{ "expire_nodest_conn", 0 }, { "conn_reuse_mode", 3 }, { "sloppy_sctp", NOT_WANTED },
			{ "accept_local", NOT_WANTED } } },
	{ "preserve SCTP", true, false, NEW, { { SCTP, DR, MH } },
		{ { "sloppy_sctp", 1 }, { "sloppy_tcp", NOT_WANTED }, { "conn_reuse_mode", NOT_WANTED } } },
	{ "preserve a mark", true, false, NEW, { { .mark = 7, .family = IP_V4, TUN, MH } },
		{ { "sloppy_sctp", 1 }, { "sloppy_tcp", 1 } } },
	{ "preserve is stronger than cut", true, false, NEW,
		{ { UDP, TUN, MH, .drain.udp = CONFIG_LEAVE_CUT } }, { { "expire_nodest_conn", 0 } } },
	{ "mh alone", false, false, NEW, { { TCP, DR, MH } },
		{ { "expire_nodest_conn", ADVISED + 0 }, { "sloppy_tcp", NOT_WANTED },
			{ "schedule_icmp", NOT_WANTED } } },
	{ "cut by failure", false, false, NEW, { { TCP, TUN, MH, .drain.on_failure = CONFIG_LEAVE_CUT } },
		{ { "expire_nodest_conn", 1 } } },
	{ "cut UDP", false, false, NEW, { { TCP, TUN, MH }, { UDP, TUN, MH, .drain.udp = CONFIG_LEAVE_CUT } },
		{ { "expire_nodest_conn", 1 } } },
	{ "cut is about UDP", false, false, NEW, { { TCP, TUN, RR, .drain.udp = CONFIG_LEAVE_CUT } },
		{ { "expire_nodest_conn", NOT_WANTED } } },
	{ "one packet leaves nothing", false, false, NEW,
		{ { UDP, TUN, RR, .one_packet = true, .drain.udp = CONFIG_LEAVE_CUT } },
		{ { "expire_nodest_conn", NOT_WANTED } } },
	{ "persistence", false, false, NEW, { { TCP, NAT, RR, .persistence.timeout_s = 300 } },
		{ { "expire_quiescent_template", 1 } } },
	{ "NAT", false, false, NEW, { { TCP, NAT, RR } },
		{ { "ip_forward", 1 }, { "all.forwarding", NOT_WANTED }, { "snat_reroute", ADVISED + 1 },
			{ "vs.conntrack", NOT_WANTED }, { "conn_reuse_mode", ADVISED + 1 } } },
	{ "NAT IPv6", false, false, NEW, { { TCP6, NAT, RR } },
		{ { "ip_forward", NOT_WANTED }, { "all.forwarding", 1 } } },
	{ "masquerade", false, true, NEW, { { TCP, NAT, RR } },
		{ { "vs.conntrack", 1 }, { "conn_reuse_mode", ADVISED + 1 } } },
	{ "masquerade is about NAT", false, true, NEW, { { TCP, DR, RR } },
		{ { "vs.conntrack", NOT_WANTED } } },
	{ "masquerade before 5.9", false, true, NEEDS_KERNEL(5, 8), { { TCP, NAT, RR } },
		{ { "conn_reuse_mode", ADVISED + 0 } } },
	{ "masquerade with 5.9", false, true, NEEDS_KERNEL(5, 9), { { TCP, NAT, RR } },
		{ { "conn_reuse_mode", ADVISED + 1 } } },
	{ "no conntrack before 5.9", false, false, NEEDS_KERNEL(4, 19), { { TCP, TUN, RR } },
		{ { "conn_reuse_mode", ADVISED + 3 } } },
	{ "check by tunnel", false, false, NEW, { { TCP, TUN, RR, CHECKED } },
		{ { "accept_local", 1 }, { "rp_filter", 2 } } },
	{ "check by tunnel, IPv6", false, false, NEW, { { TCP6, TUN, RR, CHECKED } },
		{ { "accept_local", NOT_WANTED }, { "rp_filter", NOT_WANTED } } },
	{ "with NAT there is no tunnel", false, false, NEW, { { TCP, NAT, RR, CHECKED } },
		{ { "accept_local", NOT_WANTED } } },
};

static void sysctls_auto(struct config_agent *cfg)
{
	struct config_vs_sysctls *s = &cfg->sysctls;

	s->conntrack = s->expire_nodest_conn = s->expire_quiescent_template = s->conn_reuse_mode = -1;
	s->sloppy_tcp = s->sloppy_sctp = s->schedule_icmp = -1;
}

static const char *full_key(const char *part)
{
	const char *found = NULL;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strstr(known[i], part)) {
			assert_null(found);
			found = known[i];
		}
	assert_non_null(found);
	return found;
}

static struct config_agent config_of(const struct row_of_table *r)
{
	struct config_agent cfg = { .preserve_connections = r->preserve,
		.masquerade = r->masquerade,
		.services = (struct config_virtual *)r->service };

	while (cfg.service_count < SERVICES && r->service[cfg.service_count].scheduler)
		cfg.service_count++;
	sysctls_auto(&cfg);
	return cfg;
}

static void check_one(const struct row_of_table *r, const struct needs *n, const struct wanted *w)
{
	const struct need *found = needs_find(n, full_key(w->key));
	bool advised = w->value >= ADVISED;
	int value = advised ? w->value - ADVISED : w->value;

	if (w->value == NOT_WANTED && found)
		fail_msg("%s: %s is wanted to be %ld", r->name, found->key, found->wanted);
	if (w->value == NOT_WANTED)
		return;
	if (!found)
		fail_msg("%s: nothing is wanted of %s", r->name, w->key);
	if (found->wanted != value || found->necessary == advised)
		fail_msg("%s: %s is wanted to be %ld, %s", r->name, found->key, found->wanted,
			found->necessary ? "by necessity" : "by advice");
	assert_false(found->by_operator);
	assert_true(strlen(found->reason) > 20);
}

static void services_want(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct config_agent cfg = config_of(&table[i]);
		struct needs n;

		assert_true(cfg.service_count > 0);
		needs_of(&cfg, table[i].kernel, &n);
		for (size_t k = 0; k < n.count; k++)
			assert_string_equal(full_key(n.list[k].key), n.list[k].key);
		for (size_t k = 0; k < WANTED && table[i].wanted[k].key; k++)
			check_one(&table[i], &n, &table[i].wanted[k]);
	}
}

static void operator_decides(void **state)
{
	static struct config_virtual services[] = { { TCP, TUN, RR } };
	struct config_agent cfg = { .services = services, .service_count = 1 };
	const struct need *need;
	struct needs n;

	(void)state;
	sysctls_auto(&cfg);
	cfg.sysctls.conntrack = 1;
	cfg.sysctls.sloppy_tcp = 0;
	needs_of(&cfg, NEEDS_KERNEL(5, 4), &n);
	need = needs_find(&n, "net.ipv4.vs.sloppy_tcp");
	assert_non_null(need);
	assert_true(need->by_operator && need->necessary);
	assert_int_equal(need->wanted, 0);
	/* What follows from the operator's value follows. */
	need = needs_find(&n, "net.ipv4.vs.conn_reuse_mode");
	assert_non_null(need);
	assert_false(need->by_operator);
	assert_int_equal(need->wanted, 0);

	cfg.sysctls.conn_reuse_mode = 1;
	needs_of(&cfg, NEEDS_KERNEL(5, 4), &n);
	need = needs_find(&n, "net.ipv4.vs.conn_reuse_mode");
	assert_true(need->by_operator);
	assert_int_equal(need->wanted, 1);
	for (size_t i = 0; i < n.count; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(n.list[i].key, n.list[k].key);
}

/* --- the kernel's own --- */

static long value_of(const char *key)
{
	long value = -1;

	assert_true(kernel_sysctl_read(key, &value));
	return value;
}

static const struct needs_found *found(const struct needs_state *s, const char *key)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->list[i].need.key, key) == 0)
			return &s->list[i];
	return NULL;
}

static size_t wrong_in(const struct needs_state *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += !s->list[i].right;
	return n;
}

static void settings_are_set_and_held(void **state)
{
	static const char forward[] = "net.ipv4.ip_forward", filter[] = "net.ipv4.conf.all.rp_filter",
			  local[] = "net.ipv4.conf.all.accept_local";
	static struct config_virtual services[] = { { TCP, NAT, RR }, { TCP, TUN, RR, CHECKED } };
	struct config_agent cfg = { .services = services, .service_count = 2 };
	struct needs_state s;
	char advice[4096];
	struct text t = text_init(advice, sizeof(advice));
	struct row *r;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0 || system("ip link add a0 type veth peer name a1") != 0)
		skip();
	sysctls_auto(&cfg);
	assert_int_equal(kernel_sysctl_write(forward, 0), 0);
	assert_int_equal(kernel_sysctl_write(filter, 1), 0);
	assert_true(kernel_rp_filter_strict());

	assert_false(needs_apply(&cfg, &s));
	assert_int_equal(value_of(forward), 0);
	assert_false(found(&s, forward)->right);
	r = row_new();
	assert_int_equal(needs_wrong(&s, r), wrong_in(&s));
	assert_int_equal(row_list_size(row_get(r, "sysctls")), wrong_in(&s));
	assert_true(wrong_in(&s) >= 3);
	row_free(r);
	needs_advice(&s, &t);
	assert_non_null(strstr(advice, " net.ipv4.ip_forward=1"));
	assert_non_null(strstr(advice, "{name: net.ipv4.conf.all.rp_filter, value: \"2\"}"));
	assert_non_null(strstr(advice, "--allowed-unsafe-sysctls=net.ipv4.vs.*,net.ipv4.ip_forward"));

	cfg.sysctls.set = true;
	assert_true(needs_apply(&cfg, &s));
	r = row_new();
	assert_int_equal(needs_wrong(&s, r), wrong_in(&s));
	assert_int_equal(row_list_size(row_get(r, "sysctls")), wrong_in(&s));
	row_free(r);
	assert_int_equal(value_of(forward), 1);
	assert_int_equal(value_of(local), 1);
	assert_false(kernel_rp_filter_strict());

	/* One interface that others make strict is made loose by the value of all. */
	assert_int_equal(kernel_sysctl_write(filter, 0), 0);
	assert_true(needs_look(&cfg, &s));
	assert_int_equal(kernel_sysctl_write("net.ipv4.conf.a0.rp_filter", 1), 0);
	assert_int_equal(kernel_sysctl_write(forward, 0), 0);
	assert_false(needs_look(&cfg, &s));
	assert_true(needs_check(&cfg, &s));
	assert_int_equal(value_of(forward), 1);
	assert_int_equal(value_of(filter), 2);
}

/* Becomes a user without any capability but this one. */
static bool become_nobody(unsigned capability)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 } };

	d[0].permitted = d[0].effective = 1u << capability;
	return prctl(PR_SET_KEEPCAPS, 1) == 0 && setresuid(65534, 65534, 65534) == 0 &&
	       syscall(SYS_capset, &h, d) == 0;
}

static void net_admin_alone_may_write_settings(void **state)
{
	static const char key[] = "net.ipv4.ip_forward";
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNET) < 0 || kernel_sysctl_write(key, 0) < 0 ||
			!become_nobody(CAP_NET_ADMIN))
			_exit(77);
		_exit(kernel_sysctl_writable(key) && kernel_sysctl_write(key, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_want),
		cmocka_unit_test(operator_decides),
		cmocka_unit_test(net_admin_alone_may_write_settings),
		cmocka_unit_test(settings_are_set_and_held),
	};

	log_init("test_needs", LOG_TO_STDERR, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

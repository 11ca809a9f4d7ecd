/*
 * The FIB and the local route against a real kernel, in a network namespace of this program's own:
 *
 *	lo            up
 *	a0 == a1      192.168.1.1/24  2001:db8:1::1/64    next hops 192.168.1.2 .. and 2001:db8:1::2 ..
 *	b0 == b1      192.168.2.1/24  2001:db8:2::1/64
 *
 * What the kernel has is read with ip(8). Needs root; without it all is skipped.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/row.h"
#include "io/loop.h"
#include "kernel/fib.h"
#include "kernel/local_route.h"
#include "kernel/message.h"
#include "kernel/netlink.h"

#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { ID_BASE = 70000, ID_COUNT = 1000, WAIT_MS = 5000, POLL_US = 2000 };

static struct fib_config config(void)
{
	return (struct fib_config){ .table = 254,
		.metric = 20,
		.protocol = 186,
		.next_hop_id_base = ID_BASE,
		.next_hop_id_count = ID_COUNT,
		.remove_on_exit = true };
}

/* --- ip(8) --- */

/* Output of a command, to be freed. */
static char *output(const char *command)
{
	size_t size = 1 << 20, len;
	char *buf = mem_alloc(size);
	FILE *f = popen(command, "r");

	assert_non_null(f);
	len = fread(buf, 1, size - 1, f);
	buf[len] = 0;
	pclose(f);
	return buf;
}

static void ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void ip(const char *fmt, ...)
{
	char command[512] = "ip ";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command + 3, sizeof(command) - 3, fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("%s failed", command);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static size_t count_in(const char *command, const char *what)
{
	char *out = output(command);
	size_t n = count(out, what);

	free(out);
	return n;
}

static void expect(const char *command, const char *what)
{
	char *out = output(command);

	if (!strstr(out, what))
		fail_msg("%s:\n%sdoes not say \"%s\"", command, out, what);
	free(out);
}

/* The id after "nhid " in the route's line; 0 when there is none. */
static unsigned group_id(const char *prefix)
{
	char command[128];
	char *out, *at;
	unsigned id = 0;

	snprintf(command, sizeof(command), "ip %s route show %s proto bgp", strchr(prefix, ':') ? "-6" : "",
		prefix);
	out = output(command);
	at = strstr(out, "nhid ");
	if (at)
		id = (unsigned)strtoul(at + 5, NULL, 10);
	free(out);
	return id;
}

/* --- the FIB in its loop --- */

struct lab {
	struct io_loop *loop;
	struct fib *fib;
	struct io_timer *timer;
	bool (*until)(struct lab *lab);
	unsigned polls;
	bool reached;
	const char *prefix, *state; /* for until */
};

static void poll_until(void *user)
{
	struct lab *lab = user;

	lab->reached = lab->until(lab);
	if (lab->reached || ++lab->polls > WAIT_MS * 1000 / POLL_US) {
		io_loop_stop(lab->loop);
		return;
	}
	io_timer_set(lab->timer, POLL_US);
}

static bool wait_until(struct lab *lab, bool (*fn)(struct lab *lab))
{
	lab->until = fn;
	lab->polls = 0;
	io_timer_set(lab->timer, 0);
	io_loop_run(lab->loop);
	return lab->reached;
}

static struct lab *lab_new(const struct fib_config *cfg)
{
	struct lab *lab = mem_calloc(1, sizeof(*lab));
	char err[256] = "";

	lab->loop = io_loop_new();
	lab->timer = io_timer_new(lab->loop, poll_until, lab);
	lab->fib = fib_new(lab->loop, cfg, err, sizeof(err));
	if (!lab->fib)
		fail_msg("%s", err);
	return lab;
}

static void lab_free(struct lab *lab)
{
	fib_free(lab->fib);
	io_timer_free(lab->timer);
	io_loop_free(lab->loop);
	free(lab);
}

static int64_t status(const struct lab *lab, const char *key)
{
	struct row *r = fib_status(lab->fib);
	int64_t v = row_get_int(r, key, -1);

	row_free(r);
	return v;
}

static bool is_idle(struct lab *lab)
{
	return status(lab, "pending") == 0;
}

static struct row *row_of(const struct lab *lab, const char *prefix)
{
	struct fib_listing *l = fib_listing_new();
	struct row *r;

	while ((r = fib_row(lab->fib, l)) && strcmp(row_get_text(r, "prefix"), prefix) != 0)
		row_free(r);
	fib_listing_free(l);
	return r;
}

static bool has_state(struct lab *lab)
{
	struct row *r = row_of(lab, lab->prefix);
	bool yes = r ? lab->state && strcmp(row_get_text(r, "state"), lab->state) == 0 : !lab->state;

	row_free(r);
	return yes;
}

/* state NULL: no such route. */
static void wait_state(struct lab *lab, const char *prefix, const char *state)
{
	lab->prefix = prefix;
	lab->state = state;
	if (!wait_until(lab, has_state)) {
		struct row *r = row_of(lab, prefix);
		char *text = r ? row_format(r) : NULL;

		fail_msg("%s does not become %s: %s", prefix, state, text ? text : "no such route");
	}
}

/* next_hops: "ADDR[*WEIGHT] ..."; NULL: no route. */
static void wish(struct lab *lab, const char *prefix, const char *next_hops)
{
	struct fib_next_hop nh[FIB_NEXT_HOPS_MAX];
	struct prefix p;
	char copy[512], *save = NULL;
	size_t n = 0;

	assert_true(prefix_parse(prefix, &p, NULL));
	if (!next_hops) {
		fib_del(lab->fib, &p);
		return;
	}
	snprintf(copy, sizeof(copy), "%s", next_hops);
	for (char *one = strtok_r(copy, " ", &save); one; one = strtok_r(NULL, " ", &save)) {
		char *star = strchr(one, '*');

		nh[n].weight = star ? (uint16_t)atoi(star + 1) : 1;
		if (star)
			*star = 0;
		assert_true(ip_addr_parse(one, &nh[n++].addr));
	}
	fib_set(lab->fib, &p, nh, n);
}

static void settle(struct lab *lab)
{
	fib_commit(lab->fib);
	assert_true(wait_until(lab, is_idle));
}

static bool seen_in_kernel(struct lab *lab)
{
	char command[128];

	snprintf(command, sizeof(command), "ip route show %s", lab->prefix);
	return count_in(command, lab->state) > 0;
}

static bool gone_from_kernel(struct lab *lab)
{
	return !seen_in_kernel(lab);
}

static void wait_gone(struct lab *lab, const char *prefix, const char *text)
{
	lab->prefix = prefix;
	lab->state = text;
	if (!wait_until(lab, gone_from_kernel))
		fail_msg("%s still has \"%s\"", prefix, text);
}

/* Until `ip route show` says so. */
static void wait_kernel(struct lab *lab, const char *prefix, const char *text)
{
	lab->prefix = prefix;
	lab->state = text;
	if (!wait_until(lab, seen_in_kernel))
		fail_msg("%s does not get \"%s\"", prefix, text);
}

static size_t objects(void)
{
	return count_in("ip nexthop show", "id 7");
}

/* --- the tests --- */

static bool is_root(void)
{
	return geteuid() == 0;
}

static int make_namespace(void **state)
{
	(void)state;
	if (!is_root())
		return 0;
	log_init("test_fib_kernel", LOG_TO_STDERR, LOG_LEVEL_ERROR);
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	ip("link set lo up");
	for (int i = 0; i < 2; i++) {
		ip("link add %c0 type veth peer name %c1", 'a' + i, 'a' + i);
		ip("link set %c0 up", 'a' + i);
		ip("link set %c1 up", 'a' + i);
		ip("addr add 192.168.%d.1/24 dev %c0", i + 1, 'a' + i);
		ip("addr add 2001:db8:%d::1/64 dev %c0 nodad", i + 1, 'a' + i);
	}
	return 0;
}

static void one_next_hop_of_each_family(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab = lab_new(&cfg);

	(void)state;
	wish(lab, "10.1.1.0/24", "192.168.1.2");
	wish(lab, "2001:db8:a::/48", "2001:db8:1::2");
	settle(lab);
	wait_state(lab, "10.1.1.0/24", "installed");
	expect("ip route show 10.1.1.0/24", "proto bgp metric 20");
	expect("ip route get 10.1.1.9", "via 192.168.1.2 dev a0");
	expect("ip -6 route get 2001:db8:a::9", "via 2001:db8:1::2 dev a0");
	assert_in_range(group_id("10.1.1.0/24"), ID_BASE, ID_BASE + ID_COUNT - 1);
	wish(lab, "10.1.1.0/24", NULL);
	settle(lab);
	wait_state(lab, "10.1.1.0/24", NULL);
	assert_int_equal(count_in("ip route show", "proto bgp"), 0);
	assert_int_equal(count_in("ip -6 route show", "proto bgp"), 1);
	lab_free(lab);
	assert_int_equal(count_in("ip -6 route show", "proto bgp"), 0);
	assert_int_equal(objects(), 0);
}

static void many_next_hops_with_weights(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab = lab_new(&cfg);

	(void)state;
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.2.3*4 192.168.1.4");
	wish(lab, "2001:db8:a::/48", "2001:db8:1::2*2 2001:db8:2::3");
	settle(lab);
	expect("ip route show 10.1.1.0/24", "via 192.168.1.2 dev a0 weight 1");
	expect("ip route show 10.1.1.0/24", "via 192.168.2.3 dev b0 weight 4");
	expect("ip route show 10.1.1.0/24", "via 192.168.1.4 dev a0 weight 1");
	expect("ip -6 route show 2001:db8:a::/48", "via 2001:db8:1::2 dev a0 weight 2");
	expect("ip -6 route show 2001:db8:a::/48", "via 2001:db8:2::3 dev b0 weight 1");
	lab_free(lab);
}

static void a_group_changes_in_place_and_is_shared(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab = lab_new(&cfg);
	char prefix[32];
	unsigned id;

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(prefix, sizeof(prefix), "10.2.%d.0/24", i);
		wish(lab, prefix, "192.168.1.2 192.168.2.2");
	}
	settle(lab);
	id = group_id("10.2.0.0/24");
	assert_int_equal(group_id("10.2.99.0/24"), id);
	assert_int_equal(objects(), 3);
	int64_t before = status(lab, "operations");
	for (int i = 0; i < 100; i++) {
		snprintf(prefix, sizeof(prefix), "10.2.%d.0/24", i);
		wish(lab, prefix, "192.168.1.2 192.168.2.2 192.168.1.7");
	}
	settle(lab);
	assert_int_equal(group_id("10.2.5.0/24"), id);
	assert_int_equal(count_in("ip route show proto bgp", "via 192.168.1.7"), 100);
	assert_int_equal(status(lab, "operations") - before, 2);
	/* One route alone moves. */
	wish(lab, "10.2.5.0/24", "192.168.1.2");
	settle(lab);
	assert_int_not_equal(group_id("10.2.5.0/24"), id);
	assert_int_equal(group_id("10.2.6.0/24"), id);
	lab_free(lab);
	assert_int_equal(count_in("ip route show", "proto bgp"), 0);
	assert_int_equal(objects(), 0);
}

static void classic_multipath_for_both_families(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab;

	(void)state;
	cfg.force_classic = true;
	lab = lab_new(&cfg);
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.2.2*3");
	wish(lab, "2001:db8:a::/48", "2001:db8:1::2 2001:db8:2::2");
	settle(lab);
	assert_int_equal(objects(), 0);
	expect("ip route show 10.1.1.0/24", "via 192.168.2.2 dev b0 weight 3");
	assert_int_equal(count_in("ip -6 route show 2001:db8:a::/48", "nexthop via"), 2);
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.1.3 192.168.2.2");
	wish(lab, "2001:db8:a::/48", "2001:db8:1::2 2001:db8:1::3 2001:db8:2::2");
	settle(lab);
	assert_int_equal(count_in("ip route show 10.1.1.0/24", "nexthop via"), 3);
	assert_int_equal(count_in("ip -6 route show 2001:db8:a::/48", "nexthop via"), 3);
	wish(lab, "10.1.1.0/24", "192.168.1.3");
	wish(lab, "2001:db8:a::/48", "2001:db8:1::3");
	settle(lab);
	expect("ip route show 10.1.1.0/24", "via 192.168.1.3 dev a0 proto bgp metric 20");
	expect("ip -6 route show 2001:db8:a::/48", "via 2001:db8:1::3 dev a0 proto bgp metric 20");
	/* A link that goes and comes. */
	wish(lab, "10.1.1.0/24", "192.168.1.3 192.168.2.2");
	settle(lab);
	ip("link set b0 down");
	wait_kernel(lab, "10.1.1.0/24", "10.1.1.0/24 via 192.168.1.3 dev a0");
	ip("link set b0 up");
	ip("addr replace 2001:db8:2::1/64 dev b0 nodad");
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.2.2 dev b0");
	lab_free(lab);
	assert_int_equal(count_in("ip route show", "proto bgp"), 0);
	assert_int_equal(count_in("ip -6 route show", "proto bgp"), 0);
}

static void an_ipv4_route_over_an_ipv6_next_hop(void **state)
{
	struct fib_config cfg = config();

	(void)state;
	for (int classic = 0; classic < 2; classic++) {
		cfg.force_classic = classic;
		struct lab *lab = lab_new(&cfg);

		wish(lab, "10.1.1.0/24", "2001:db8:1::2 192.168.2.2");
		settle(lab);
		wait_state(lab, "10.1.1.0/24", "installed");
		expect("ip route show 10.1.1.0/24", "via inet6 2001:db8:1::2 dev a0");
		expect("ip route show 10.1.1.0/24", "via 192.168.2.2 dev b0");
		lab_free(lab);
	}
}

static void a_next_hop_behind_a_gateway(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab = lab_new(&cfg);
	struct row *r;

	(void)state;
	ip("route add 172.20.0.0/16 via 192.168.1.254");
	wish(lab, "10.1.1.0/24", "172.20.0.5 172.21.0.5");
	settle(lab);
	wait_state(lab, "10.1.1.0/24", "installed");
	expect("ip route show 10.1.1.0/24", "via 192.168.1.254 dev a0");
	r = row_of(lab, "10.1.1.0/24");
	assert_string_equal(row_get_text(r, "error"), "next hop 172.21.0.5 is unreachable: no route to it");
	assert_string_equal(
		row_get_text(row_list_get(row_get(r, "next-hops"), 0), "gateway"), "192.168.1.254");
	row_free(r);
	/* The route of the other network comes and is followed, without being asked to. */
	ip("route add 172.21.0.0/16 via 192.168.2.254");
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.2.254 dev b0");
	ip("route del 172.20.0.0/16");
	ip("route del 172.21.0.0/16");
	wait_state(lab, "10.1.1.0/24", "failed");
	assert_int_equal(count_in("ip route show", "proto bgp"), 0);
	lab_free(lab);
}

static void next_hops_that_no_route_may_have(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab = lab_new(&cfg);
	struct row *r;

	(void)state;
	ip("route add default via 192.168.1.254");
	wish(lab, "10.1.1.0/24", "192.168.1.2");
	wish(lab, "10.1.2.0/24", "10.1.1.7");
	wish(lab, "10.1.3.0/24", "192.168.1.1");
	wish(lab, "10.1.4.0/24", "8.8.8.8");
	wish(lab, "10.1.5.0/24", "127.0.0.1");
	settle(lab);
	/* Where one's own route would lead is only seen when it is there. */
	wait_state(lab, "10.1.1.0/24", "installed");
	wish(lab, "10.1.6.0/24", "10.1.1.8");
	settle(lab);
	r = row_of(lab, "10.1.6.0/24");
	assert_non_null(strstr(row_get_text(r, "error"), "only a route of our own leads to it"));
	row_free(r);
	r = row_of(lab, "10.1.3.0/24");
	assert_non_null(strstr(row_get_text(r, "error"), "it is our own address"));
	row_free(r);
	r = row_of(lab, "10.1.4.0/24");
	assert_non_null(strstr(row_get_text(r, "error"), "only the default route leads to it"));
	row_free(r);
	r = row_of(lab, "10.1.5.0/24");
	assert_non_null(strstr(row_get_text(r, "error"), "it is a loopback address"));
	row_free(r);
	assert_int_equal(count_in("ip route show", "proto bgp"), 1);
	ip("route del default");
	lab_free(lab);
}

static void a_link_that_goes_down_and_up_gets_its_routes_back(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab = lab_new(&cfg);

	(void)state;
	wish(lab, "10.1.1.0/24", "192.168.2.2");
	wish(lab, "10.1.2.0/24", "192.168.1.2 192.168.2.2");
	wish(lab, "2001:db8:a::/48", "2001:db8:2::2");
	settle(lab);
	ip("link set b0 down");
	wait_state(lab, "10.1.1.0/24", "failed");
	wait_state(lab, "2001:db8:a::/48", "failed");
	wait_state(lab, "10.1.2.0/24", "installed");
	assert_int_equal(count_in("ip route show 10.1.1.0/24", "proto bgp"), 0);
	expect("ip route show 10.1.2.0/24", "via 192.168.1.2 dev a0");
	ip("link set b0 up");
	ip("addr replace 2001:db8:2::1/64 dev b0 nodad");
	wait_state(lab, "10.1.1.0/24", "installed");
	wait_state(lab, "2001:db8:a::/48", "installed");
	wait_state(lab, "10.1.2.0/24", "installed");
	expect("ip route get 10.1.1.9", "via 192.168.2.2 dev b0");
	expect("ip -6 route get 2001:db8:a::9", "via 2001:db8:2::2 dev b0");
	expect("ip route show 10.1.2.0/24", "via 192.168.2.2 dev b0");
	lab_free(lab);
}

static void what_somebody_deletes_is_put_in_again(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab = lab_new(&cfg);

	(void)state;
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.2.2");
	wish(lab, "10.1.2.0/24", "192.168.1.2 192.168.2.2");
	settle(lab);
	ip("route del 10.1.1.0/24 proto bgp");
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.2.2 dev b0");
	ip("nexthop del id %u", group_id("10.1.1.0/24"));
	assert_int_equal(count_in("ip route show", "proto bgp"), 0);
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.2.2 dev b0");
	wait_kernel(lab, "10.1.2.0/24", "via 192.168.2.2 dev b0");
	ip("link set b0 down");
	ip("link set b0 up");
	ip("addr replace 2001:db8:2::1/64 dev b0 nodad");
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.2.2 dev b0");
	wait_kernel(lab, "10.1.2.0/24", "via 192.168.2.2 dev b0");
	lab_free(lab);
	assert_int_equal(objects(), 0);
}

static void another_programs_route_is_left_alone(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab = lab_new(&cfg);
	struct row *r;

	(void)state;
	ip("route add 10.1.1.0/24 via 192.168.1.77 proto static metric 20");
	wish(lab, "10.1.1.0/24", "192.168.1.2");
	wish(lab, "10.1.2.0/24", "192.168.1.2");
	settle(lab);
	wait_state(lab, "10.1.1.0/24", "failed");
	wait_state(lab, "10.1.2.0/24", "installed");
	r = row_of(lab, "10.1.1.0/24");
	assert_string_equal(row_get_text(r, "error"),
		"another program has a route to this prefix with the same metric in the table");
	row_free(r);
	expect("ip route show 10.1.1.0/24", "via 192.168.1.77");
	assert_int_equal(status(lab, "foreign-routes"), 1);
	/* When it goes ours comes, and at once. */
	ip("route del 10.1.1.0/24");
	wait_state(lab, "10.1.1.0/24", "installed");
	assert_int_equal(status(lab, "foreign-routes"), 0);
	lab_free(lab);
}

static void a_route_that_replaced_ours_is_reported_and_left_alone(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab = lab_new(&cfg);

	(void)state;
	wish(lab, "10.1.1.0/24", "192.168.1.2");
	settle(lab);
	/* Our protocol and metric, but no next-hop id of ours. */
	ip("route replace 10.1.1.0/24 via 192.168.1.99 proto bgp metric 20");
	wait_state(lab, "10.1.1.0/24", "failed");
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.2.2");
	settle(lab);
	wait_state(lab, "10.1.1.0/24", "failed");
	expect("ip route show 10.1.1.0/24", "via 192.168.1.99 dev a0 proto bgp");
	ip("route del 10.1.1.0/24");
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.2.2 dev b0");
	/* Beside ours, and before it: a replacement of ours would hit it. */
	ip("route prepend 10.1.1.0/24 via 192.168.1.98 proto static metric 20");
	wish(lab, "10.1.2.0/24", "192.168.1.2 192.168.2.2");
	settle(lab);
	wish(lab, "10.1.1.0/24", "192.168.1.2");
	settle(lab);
	wait_state(lab, "10.1.1.0/24", "failed");
	expect("ip route show 10.1.1.0/24", "via 192.168.1.98 dev a0 proto static");
	ip("route del 10.1.1.0/24 proto static");
	wait_state(lab, "10.1.1.0/24", "installed");
	assert_int_equal(count_in("ip route show 10.1.1.0/24", "192.168.2.2"), 0);
	lab_free(lab);
	assert_int_equal(count_in("ip route show", "10.1.1.0/24"), 0);
}

static void a_second_one_on_the_same_table_is_refused_in_words(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab = lab_new(&cfg), *other;
	char err[256] = "", pid[32];

	(void)state;
	assert_null(fib_new(lab->loop, &cfg, err, sizeof(err)));
	snprintf(pid, sizeof(pid), "(process %d)", (int)getpid());
	assert_non_null(strstr(err, pid));
	assert_non_null(strstr(err, "writes table 254 with protocol 186 and metric 20"));
	cfg.metric = 21;
	cfg.next_hop_id_base += cfg.next_hop_id_count;
	other = lab_new(&cfg);
	lab_free(other);
	lab_free(lab);
	cfg = config();
	lab_free(lab_new(&cfg));
}

static void leftovers_are_taken_over_and_swept(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab;

	(void)state;
	cfg.remove_on_exit = false;
	lab = lab_new(&cfg);
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.2.2");
	wish(lab, "10.1.2.0/24", "192.168.1.2");
	wish(lab, "2001:db8:a::/48", "2001:db8:1::2");
	wish(lab, "2001:db8:b::/48", "2001:db8:1::2");
	settle(lab);
	lab_free(lab);
	assert_int_equal(count_in("ip route show", "proto bgp"), 2);
	ip("nexthop add id 5 via 192.168.1.5 dev a0");
	cfg.remove_on_exit = true;
	lab = lab_new(&cfg);
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.2.2 192.168.1.3");
	wish(lab, "2001:db8:a::/48", "2001:db8:1::2");
	settle(lab);
	wait_state(lab, "10.1.1.0/24", "installed");
	wait_state(lab, "10.1.2.0/24", "leftover");
	expect("ip route show 10.1.1.0/24", "via 192.168.1.3 dev a0");
	expect("ip route show 10.1.2.0/24", "via 192.168.1.2 dev a0");
	fib_sweep(lab->fib);
	wait_state(lab, "10.1.2.0/24", NULL);
	wait_state(lab, "2001:db8:b::/48", NULL);
	settle(lab);
	assert_int_equal(count_in("ip route show", "proto bgp"), 1);
	assert_int_equal(count_in("ip -6 route show", "proto bgp"), 1);
	lab_free(lab);
	assert_int_equal(objects(), 0);
	expect("ip nexthop show", "id 5 via 192.168.1.5");
	ip("nexthop del id 5");
}

static bool is_compared(struct lab *lab)
{
	return status(lab, "comparisons") > 0 && status(lab, "pending") == 0;
}

static bool is_compared_thrice(struct lab *lab)
{
	return status(lab, "comparisons") >= 3;
}

static void what_needs_no_commit_does_not_wait_and_a_group_is_changed_once(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab;
	char prefix[32];
	int64_t before;
	unsigned id;

	(void)state;
	cfg.compare_interval_s = 1;
	lab = lab_new(&cfg);
	for (int i = 0; i < 10; i++) {
		snprintf(prefix, sizeof(prefix), "10.2.%d.0/24", i);
		wish(lab, prefix, "192.168.1.2 192.168.2.2");
		fib_proceed(lab->fib);
	}
	assert_true(wait_until(lab, is_idle));
	id = group_id("10.2.0.0/24");
	before = status(lab, "operations");
	for (int i = 0; i < 10; i++) {
		snprintf(prefix, sizeof(prefix), "10.2.%d.0/24", i);
		wish(lab, prefix, "192.168.1.2 192.168.2.2*2");
		fib_proceed(lab->fib);
		/* Jobs that end in the middle of it do not cut it into pieces. */
		if (i == 5)
			assert_true(wait_until(lab, is_compared_thrice));
	}
	assert_int_equal(status(lab, "operations"), before);
	settle(lab);
	assert_int_equal(status(lab, "operations"), before + 1);
	assert_int_equal(group_id("10.2.9.0/24"), id);
	lab_free(lab);
}

static void a_restart_with_the_same_wishes_performs_no_operation(void **state)
{
	static const char *const prefix[] = { "10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24",
		"2001:db8:a::/48" };
	static const char *const hops[] = { "192.168.1.2 192.168.2.2*3", "192.168.1.2",
		"192.168.1.2 10.99.0.1", "2001:db8:1::2 2001:db8:2::2" };
	struct fib_config cfg = config();
	struct lab *lab;
	char *before, *after;

	(void)state;
	ip("route add 10.99.0.0/24 via 192.168.2.9 dev b0");
	cfg.remove_on_exit = false;
	for (int sorted = 0; sorted < 2; sorted++) {
		lab = lab_new(&cfg);
		for (size_t i = 0; i < 4; i++)
			wish(lab, prefix[i], hops[i]);
		settle(lab);
		lab_free(lab);
	}
	before = output("ip route show; ip -6 route show; ip nexthop show");
	lab = lab_new(&cfg);
	assert_true(wait_until(lab, is_compared));
	/* As peers tell it: piece by piece, and in another order. */
	for (size_t i = 4; i-- > 0;) {
		wish(lab, prefix[i], i == 0 || i == 2 ? "192.168.1.2" : hops[i]);
		settle(lab);
	}
	wish(lab, prefix[0], hops[0]);
	wish(lab, prefix[2], hops[2]);
	settle(lab);
	fib_sweep(lab->fib);
	settle(lab);
	assert_int_equal(status(lab, "operations"), 0);
	after = output("ip route show; ip -6 route show; ip nexthop show");
	assert_string_equal(before, after);
	free(before);
	free(after);
	lab_free(lab);
	cfg.remove_on_exit = true;
	lab_free(lab_new(&cfg));
	assert_int_equal(objects(), 0);
	ip("route del 10.99.0.0/24");
}

static void an_adopted_route_gains_next_hops_and_loses_none_until_the_sweep(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab;
	unsigned id;

	(void)state;
	cfg.remove_on_exit = false;
	lab = lab_new(&cfg);
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.1.3*4 192.168.2.2");
	settle(lab);
	id = group_id("10.1.1.0/24");
	lab_free(lab);
	cfg.remove_on_exit = true;
	lab = lab_new(&cfg);
	wish(lab, "10.1.1.0/24", "192.168.1.3*2 192.168.1.4");
	settle(lab);
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.1.4 dev a0");
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.1.2 dev a0");
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.1.3 dev a0 weight 4");
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.2.2 dev b0");
	wish(lab, "10.1.1.0/24", NULL);
	settle(lab);
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.1.2 dev a0");
	wish(lab, "10.1.1.0/24", "192.168.1.3*2 192.168.1.4");
	settle(lab);
	/* A next hop that fails is no reason to wait. */
	ip("link set b0 down");
	lab->prefix = "10.1.1.0/24";
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.1.2 dev a0");
	assert_int_equal(count_in("ip route show 10.1.1.0/24", "192.168.2.2 dev b0 weight 1 dead"), 0);
	ip("link set b0 up");
	ip("addr replace 2001:db8:2::1/64 dev b0 nodad");
	fib_sweep(lab->fib);
	settle(lab);
	/* What the link's coming and going has stirred up may still be under way. */
	wait_gone(lab, "10.1.1.0/24", "192.168.1.2 ");
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.1.3 dev a0 weight 2");
	assert_int_equal(count_in("ip route show 10.1.1.0/24", "via"), 2);
	assert_int_equal(group_id("10.1.1.0/24"), id);
	lab_free(lab);
	assert_int_equal(objects(), 0);
}

/* --- events that are lost --- */

static bool has_overflown(struct lab *lab)
{
	return status(lab, "overflows") > 0 && is_idle(lab);
}

static void lost_events_lead_to_a_comparison(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab;

	(void)state;
	cfg.event_octets = 1; /* as little as the kernel allows */
	lab = lab_new(&cfg);
	for (unsigned i = 1; i <= 40; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.1.%u.0/24", i);
		wish(lab, prefix, "192.168.1.2 192.168.2.2");
	}
	settle(lab);
	/* Nobody reads meanwhile. */
	for (unsigned i = 1; i <= 40; i++)
		ip("route del 10.1.%u.0/24 proto bgp", i);
	assert_true(wait_until(lab, has_overflown));
	wait_kernel(lab, "10.1.40.0/24", "via 192.168.2.2 dev b0");
	assert_int_equal(count_in("ip route show", "proto bgp"), 40);
	lab_free(lab);
}

static void what_no_event_tells_is_found_by_the_periodic_comparison(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab;

	(void)state;
	cfg.compare_interval_s = 1;
	lab = lab_new(&cfg);
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.2.2");
	settle(lab);
	/* Deleting a next hop in use changes the group without a route event. */
	ip("nexthop replace id %u group %u", group_id("10.1.1.0/24"), group_id("10.1.1.0/24") - 1);
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.1.2 dev a0");
	wait_kernel(lab, "10.1.1.0/24", "via 192.168.2.2 dev b0");
	assert_true(wait_until(lab, is_idle));
	assert_true(status(lab, "comparisons") >= 2);
	lab_free(lab);
}

/* --- kinds of groups --- */

static const struct fib_group *resilient_group(const char *prefix, uint16_t buckets)
{
	static struct fib_prefix_rule rule;
	static struct fib_group group;

	rule = (struct fib_prefix_rule){ .ge = 0, .le = 32 };
	assert_true(prefix_parse(prefix, &rule.prefix, NULL));
	group = (struct fib_group){ &rule, 1, true, buckets, 1, 0 };
	return &group;
}

static void a_resilient_group_belongs_to_one_route_and_keeps_its_id(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab;
	unsigned one, two;

	(void)state;
	cfg.group = resilient_group("10.1.0.0/16", 64);
	cfg.group_count = 1;
	cfg.max_resilient_groups = 2;
	cfg.remove_on_exit = false;
	lab = lab_new(&cfg);
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.2.2");
	wish(lab, "10.1.2.0/24", "192.168.1.2 192.168.2.2");
	wish(lab, "10.1.3.0/24", "192.168.1.2 192.168.2.2");
	wish(lab, "10.2.1.0/24", "192.168.1.2 192.168.2.2");
	settle(lab);
	one = group_id("10.1.1.0/24");
	two = group_id("10.1.2.0/24");
	assert_int_not_equal(one, two);
	/* One more than there may be, and one that is not of this kind. */
	assert_int_equal(group_id("10.1.3.0/24"), group_id("10.2.1.0/24"));
	assert_int_equal(count_in("ip nexthop show", "type resilient buckets 64 idle_timer 1 "), 2);
	assert_int_equal(status(lab, "resilient-groups"), 2);
	assert_int_equal(status(lab, "resilient-octets"), 2 * 64 * 32);
	assert_int_equal(status(lab, "resilient-refused"), 1);
	wish(lab, "10.1.1.0/24", "192.168.1.3");
	settle(lab);
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.2.2 192.168.1.3");
	settle(lab);
	assert_int_equal(group_id("10.1.1.0/24"), one);
	assert_int_equal(group_id("10.1.2.0/24"), two);
	lab_free(lab);
	/* Another number of buckets is for new groups. */
	cfg.remove_on_exit = true;
	cfg.group = resilient_group("10.1.0.0/16", 128);
	lab = lab_new(&cfg);
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.2.2 192.168.1.3 192.168.1.4");
	wish(lab, "10.1.2.0/24", "192.168.1.2 192.168.2.2");
	settle(lab);
	assert_int_equal(group_id("10.1.1.0/24"), one);
	assert_int_equal(group_id("10.1.2.0/24"), two);
	assert_int_equal(count_in("ip nexthop show", "type resilient buckets 64 "), 2);
	lab_free(lab);
	assert_int_equal(objects(), 0);
}

static double actual_percent(const struct lab *lab, size_t i)
{
	struct row *r = row_of(lab, "10.1.1.0/24");
	double v = row_get_real(row_list_get(row_get(r, "next-hops"), i), "actual-percent", -1);

	row_free(r);
	return v;
}

static bool has_equal_shares(struct lab *lab)
{
	double v = actual_percent(lab, 1);

	return v > 49 && v < 51;
}

static void the_share_of_a_resilient_group_is_read_from_its_buckets(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab;

	(void)state;
	cfg.group = resilient_group("10.1.0.0/16", 64);
	cfg.group_count = 1;
	cfg.max_resilient_groups = 2;
	lab = lab_new(&cfg);
	wish(lab, "10.1.1.0/24", "192.168.1.2");
	settle(lab);
	wish(lab, "10.1.1.0/24", "192.168.1.2 192.168.2.2");
	settle(lab);
	assert_true(wait_until(lab, has_equal_shares));
	assert_true(actual_percent(lab, 0) > 49);
	lab_free(lab);
}

/* --- no next hop is left --- */

static void what_stands_in_the_place_of_a_route_without_next_hops(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab;

	(void)state;
	for (int kind = FIB_EMPTY_UNREACHABLE; kind <= FIB_EMPTY_BLACKHOLE; kind++) {
		const char *type = kind == FIB_EMPTY_BLACKHOLE ? "blackhole" : "unreachable";

		cfg.on_empty = (enum fib_on_empty)kind;
		cfg.remove_on_exit = false;
		lab = lab_new(&cfg);
		wish(lab, "10.1.1.0/24", "192.168.1.2");
		wish(lab, "10.1.2.0/24", "192.168.2.2");
		wish(lab, "2001:db8:a::/48", "2001:db8:1::2");
		settle(lab);
		wish(lab, "10.1.1.0/24", NULL);
		wish(lab, "2001:db8:a::/48", NULL);
		ip("link set b0 down");
		fib_commit(lab->fib);
		wait_kernel(lab, "10.1.1.0/24", type);
		wait_kernel(lab, "10.1.2.0/24", type);
		wait_state(lab, "10.1.1.0/24", "empty");
		wait_state(lab, "10.1.2.0/24", "empty");
		expect("ip -6 route show 2001:db8:a::/48", type);
		ip("link set b0 up");
		ip("addr replace 2001:db8:2::1/64 dev b0 nodad");
		wait_state(lab, "10.1.2.0/24", "installed");
		ip("route del %s 10.1.1.0/24 proto bgp", type);
		wait_kernel(lab, "10.1.1.0/24", type);
		assert_true(wait_until(lab, is_idle));
		lab_free(lab);
		cfg.remove_on_exit = true;
		lab = lab_new(&cfg);
		wish(lab, "2001:db8:a::/48", "2001:db8:1::2");
		settle(lab);
		expect("ip -6 route show 2001:db8:a::/48", "via 2001:db8:1::2");
		assert_int_equal(count_in("ip route show 10.1.1.0/24", type), 1);
		lab_free(lab);
		assert_int_equal(count_in("ip route show; ip -6 route show", "metric 20"), 0);
		assert_int_equal(objects(), 0);
	}
}

/* --- sysctls --- */

static const char *sysctl_text(const char *key)
{
	static char text[32];
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", key);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	return text;
}

static size_t wrong_sysctls(const struct lab *lab, const char *key)
{
	struct row *r = fib_status(lab->fib);
	const struct row *list = row_get(r, "sysctls");
	size_t n = 0;

	for (size_t i = 0; i < row_list_size(list); i++)
		n += strcmp(row_get_text(row_list_get(list, i), "key"), key) == 0;
	row_free(r);
	return n;
}

static void sysctls_are_looked_at_and_set_only_if_told_to(void **state)
{
	struct fib_config cfg = config();
	struct lab *lab;

	(void)state;
	cfg.ipv4 = true;
	assert_int_equal(system("echo 0 >/proc/sys/net/ipv4/fib_multipath_hash_policy"), 0);
	assert_int_equal(system("echo 1 >/proc/sys/net/ipv4/conf/a0/rp_filter"), 0);
	assert_int_equal(system("echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter"), 0);
	lab = lab_new(&cfg);
	assert_int_equal(wrong_sysctls(lab, "net.ipv4.fib_multipath_hash_policy"), 1);
	assert_int_equal(wrong_sysctls(lab, "net.ipv4.conf.all.rp_filter"), 1);
	assert_int_equal(wrong_sysctls(lab, "net.ipv6.fib_multipath_hash_policy"), 0);
	assert_string_equal(sysctl_text("fib_multipath_hash_policy"), "0\n");
	lab_free(lab);
	cfg.sysctls = FIB_SYSCTLS_IGNORE;
	lab = lab_new(&cfg);
	assert_int_equal(wrong_sysctls(lab, "net.ipv4.fib_multipath_hash_policy"), 0);
	lab_free(lab);
	cfg.sysctls = FIB_SYSCTLS_SET;
	lab = lab_new(&cfg);
	assert_int_equal(wrong_sysctls(lab, "net.ipv4.fib_multipath_hash_policy"), 0);
	assert_string_equal(sysctl_text("fib_multipath_hash_policy"), "1\n");
	assert_string_equal(sysctl_text("ip_forward"), "1\n");
	assert_string_equal(sysctl_text("conf/all/rp_filter"), "2\n");
	lab_free(lab);
}

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

static void no_lookup_fails_while_path_sets_change(void **state)
{
	static const char *const v4[] = { "192.168.1.2", "192.168.1.2 192.168.2.2", "192.168.2.3",
		"192.168.2.2 192.168.1.3*5 192.168.1.4", "2001:db8:1::4 192.168.1.2" };
	static const char *const v6[] = { "2001:db8:1::2", "2001:db8:1::2 2001:db8:2::2*3", "2001:db8:2::2" };
	struct fib_config cfg = config();

	(void)state;
	for (int classic = 0; classic < 2; classic++) {
		struct prober p = { 0 };

		cfg.force_classic = classic;
		struct lab *lab = lab_new(&cfg);
		wish(lab, "10.1.1.0/24", v4[0]);
		wish(lab, "2001:db8:a::/48", v6[0]);
		settle(lab);
		assert_int_equal(pthread_create(&p.thread, NULL, probe, &p), 0);
		for (size_t i = 0; i < 300; i++) {
			wish(lab, "10.1.1.0/24", v4[i % 5]);
			/* Shared with the first in every third turn, so that it moves as well as changes in place. */
			wish(lab, "10.1.2.0/24", i % 3 ? v4[(i + 2) % 5] : v4[i % 5]);
			wish(lab, "2001:db8:a::/48", v6[i % 3]);
			settle(lab);
		}
		p.stop = true;
		pthread_join(p.thread, NULL);
		lab_free(lab);
		assert_in_range(p.asked, 100, SIZE_MAX);
		assert_int_equal(p.missed_v4, 0);
		/* The kernel lets a lookup of IPv6 slip through now and then, between taking the old route or next hop out
		 * and letting go of it: without next-hop objects often, with them, on a machine that is short of time, one in
		 * some thousand deletions of a next hop that was the group's. A route that is away for a moment is missed by
		 * far more of them. */
		if (!classic)
			assert_in_range(p.missed_v6, 0, p.asked / 2000);
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

/* --- the local route --- */

static void the_local_route_is_removed_only_if_it_is_ours(void **state)
{
	static const char *const prefix[] = { "10.77.0.0/24", "2001:db8:77::/64" };
	static const char *const show[] = { "ip route show table local 10.77.0.0/24",
		"ip -6 route show table local 2001:db8:77::/64" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct local_route *r;
		char err[256] = "";
		struct prefix p;

		assert_true(prefix_parse(prefix[i], &p, NULL));
		r = local_route_add(&p, "lo", err, sizeof(err));
		assert_non_null(r);
		expect(show[i], "dev lo proto bgp");
		/* it has one announcer */
		assert_null(local_route_add(&p, "lo", err, sizeof(err)));
		assert_non_null(strstr(err, "another lb-announcer"));
		/* what somebody takes out comes back */
		assert_int_equal(local_route_mend(r, err, sizeof(err)), 0);
		ip("%s route del local %s dev lo table local", i ? "-6" : "", prefix[i]);
		assert_int_equal(local_route_mend(r, err, sizeof(err)), 1);
		expect(show[i], "dev lo proto bgp");
		local_route_del(r);
		assert_int_equal(count_in(show[i], "dev lo"), 0);
		/* the announcer was killed, the next one finds the route and ends in order */
		ip("%s route add local %s dev lo table local proto bgp", i ? "-6" : "", prefix[i]);
		r = local_route_add(&p, "lo", err, sizeof(err));
		assert_non_null(r);
		local_route_del(r);
		assert_int_equal(count_in(show[i], "dev lo"), 0);
		/* made by somebody else: stays his */
		ip("%s route add local %s dev lo table local", i ? "-6" : "", prefix[i]);
		r = local_route_add(&p, "lo", err, sizeof(err));
		assert_non_null(r);
		local_route_del(r);
		expect(show[i], "dev lo");
		ip("%s route del local %s dev lo table local", i ? "-6" : "", prefix[i]);
		r = local_route_add(&p, "a0", err, sizeof(err));
		assert_non_null(r);
		expect(show[i], "dev a0");
		ip("%s route del local %s dev a0 table local", i ? "-6" : "", prefix[i]);
		local_route_del(r);
		assert_null(local_route_add(&p, "eth7", err, sizeof(err)));
		assert_string_equal(err, "there is no interface eth7 in this network namespace");
	}
	local_route_del(NULL);
}

static void ones_own_address_towards_another(void **state)
{
	char name[IF_NAMESIZE];
	struct ip_addr to, own, want;

	(void)state;
	assert_true(ip_addr_parse("192.168.2.9", &to) && ip_addr_parse("192.168.2.1", &want));
	assert_true(local_route_source(&to, &own));
	assert_true(ip_addr_equal(&own, &want));
	assert_true(local_route_interface(&own, name));
	assert_string_equal(name, "b0");
	assert_true(ip_addr_parse("2001:db8:1::9", &to) && ip_addr_parse("2001:db8:1::1", &want));
	assert_true(local_route_source(&to, &own));
	assert_true(ip_addr_equal(&own, &want));
	assert_true(local_route_interface(&own, name));
	assert_string_equal(name, "a0");
	assert_true(ip_addr_parse("198.51.100.1", &to));
	assert_false(local_route_source(&to, &own));
	assert_false(local_route_interface(&to, name));
}

static void without_the_capability_the_reason_is_told(void **state)
{
	struct fib_config cfg = config();
	struct io_loop *loop = io_loop_new();
	char err[256] = "";
	struct prefix p;

	(void)state;
	assert_int_equal(seteuid(65534), 0);
	assert_null(fib_new(loop, &cfg, err, sizeof(err)));
	assert_non_null(strstr(err, "CAP_NET_ADMIN"));
	err[0] = 0;
	assert_true(prefix_parse("10.77.0.0/24", &p, NULL));
	assert_null(local_route_add(&p, "lo", err, sizeof(err)));
	assert_non_null(strstr(err, "CAP_NET_ADMIN"));
	assert_int_equal(seteuid(0), 0);
	io_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_next_hop_of_each_family),
		cmocka_unit_test(many_next_hops_with_weights),
		cmocka_unit_test(a_group_changes_in_place_and_is_shared),
		cmocka_unit_test(what_needs_no_commit_does_not_wait_and_a_group_is_changed_once),
		cmocka_unit_test(classic_multipath_for_both_families),
		cmocka_unit_test(an_ipv4_route_over_an_ipv6_next_hop),
		cmocka_unit_test(a_next_hop_behind_a_gateway),
		cmocka_unit_test(next_hops_that_no_route_may_have),
		cmocka_unit_test(a_link_that_goes_down_and_up_gets_its_routes_back),
		cmocka_unit_test(what_somebody_deletes_is_put_in_again),
		cmocka_unit_test(another_programs_route_is_left_alone),
		cmocka_unit_test(a_route_that_replaced_ours_is_reported_and_left_alone),
		cmocka_unit_test(a_second_one_on_the_same_table_is_refused_in_words),
		cmocka_unit_test(leftovers_are_taken_over_and_swept),
		cmocka_unit_test(a_restart_with_the_same_wishes_performs_no_operation),
		cmocka_unit_test(an_adopted_route_gains_next_hops_and_loses_none_until_the_sweep),
		cmocka_unit_test(lost_events_lead_to_a_comparison),
		cmocka_unit_test(what_no_event_tells_is_found_by_the_periodic_comparison),
		cmocka_unit_test(a_resilient_group_belongs_to_one_route_and_keeps_its_id),
		cmocka_unit_test(the_share_of_a_resilient_group_is_read_from_its_buckets),
		cmocka_unit_test(what_stands_in_the_place_of_a_route_without_next_hops),
		cmocka_unit_test(sysctls_are_looked_at_and_set_only_if_told_to),
		cmocka_unit_test(no_lookup_fails_while_path_sets_change),
		cmocka_unit_test(a_hundred_thousand_routes_and_their_rows),
		cmocka_unit_test(the_local_route_is_removed_only_if_it_is_ours),
		cmocka_unit_test(ones_own_address_towards_another),
		cmocka_unit_test(without_the_capability_the_reason_is_told),
	};

	if (!is_root() || system("command -v ip >/dev/null") != 0) {
		printf("skipped: needs root (a network namespace of its own) and ip(8) of iproute2\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, make_namespace, NULL);
}

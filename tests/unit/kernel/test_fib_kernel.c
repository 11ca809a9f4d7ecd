/* The FIB against a real kernel (lab.h): routes, next hops, groups, sysctls. */
#include "lab.h"

#include "base/mem.h"
#include "base/row.h"
#include "kernel/local_route.h"

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
		cmocka_unit_test(classic_multipath_for_both_families),
		cmocka_unit_test(an_ipv4_route_over_an_ipv6_next_hop),
		cmocka_unit_test(a_next_hop_behind_a_gateway),
		cmocka_unit_test(next_hops_that_no_route_may_have),
		cmocka_unit_test(what_needs_no_commit_does_not_wait_and_a_group_is_changed_once),
		cmocka_unit_test(a_resilient_group_belongs_to_one_route_and_keeps_its_id),
		cmocka_unit_test(the_share_of_a_resilient_group_is_read_from_its_buckets),
		cmocka_unit_test(what_stands_in_the_place_of_a_route_without_next_hops),
		cmocka_unit_test(sysctls_are_looked_at_and_set_only_if_told_to),
		cmocka_unit_test(without_the_capability_the_reason_is_told),
	};

	return lab_is_possible() ? cmocka_run_group_tests(tests, make_namespace, NULL) : 77;
}

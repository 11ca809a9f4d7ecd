/* The FIB against a real kernel (lab.h): what others do to its routes, what it finds at its start, and events that are lost. */
#include "lab.h"

#include "base/mem.h"
#include "base/row.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return lab_is_possible() ? cmocka_run_group_tests(tests, make_namespace, NULL) : 77;
}

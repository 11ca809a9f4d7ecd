/* What the structures hold: defaults, what was written, and what holds for a peer after merging. */
#include "bgp/proto.h"
#include "config/announcer.h"
#include "config/rrd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUTER "router: {as: 65021, router-id: 10.0.0.109}\n"

static struct config_rrd *load(const char *text)
{
	struct config_errors *errs = config_errors_new();
	struct config_rrd *c = config_rrd_parse(text, strlen(text), "t", errs);

	if (!c) {
		char *errors = config_errors_format(errs);

		print_error("%s", errors);
		free(errors);
		fail();
	}
	config_errors_free(errs);
	return c;
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_true(ip_addr_parse(text, &a));
	return a;
}

static void assert_prefix(const struct prefix *p, const char *text)
{
	char buf[PREFIX_TEXT_MAX];

	assert_string_equal(prefix_format(p, buf), text);
}

static void defaults_are_filled_in(void **state)
{
	struct config_rrd *c = load(ROUTER "neighbors: [{address: 10.0.0.110}]\n");
	const struct config_peer *p = &c->neighbors[0].peer;

	(void)state;
	assert_int_equal(c->router.as, 65021);
	assert_int_equal(c->router.router_id, 0x0a00006d);
	assert_int_equal(c->router.cluster_id, 0x0a00006d);
	assert_int_equal(c->router.multipath_max, 64);
	assert_false(c->router.always_compare_med || c->router.as_path_relax);
	assert_int_equal(c->listen_count, 2);
	assert_true(ip_addr_is_any(&c->listen[0].address) && ip_addr_is_any(&c->listen[1].address));
	assert_int_equal(c->listen[0].address.family, IP_V4);
	assert_int_equal(c->listen[1].address.family, IP_V6);
	assert_int_equal(c->listen[1].port, 179);
	assert_false(c->fib.enabled);
	assert_int_equal(c->fib.table, 254);
	assert_int_equal(c->fib.metric, 20);
	assert_int_equal(c->fib.protocol, 186);
	assert_int_equal(c->fib.on_exit, CONFIG_ON_EXIT_REMOVE);
	assert_int_equal(c->fib.on_empty, CONFIG_ON_EMPTY_REMOVE);
	assert_int_equal(c->fib.sysctls, CONFIG_SYSCTLS_CHECK);
	assert_int_equal(c->fib.max_resilient_groups, 256);
	assert_int_equal(c->fib.restart_time_s, 60);
	assert_int_equal(c->fib.compare_interval_s, 60);
	assert_int_equal(c->fib.group_count, 0);
	assert_false(c->fib.resolve_via_default);
	assert_string_equal(c->control.socket, RUNSTATEDIR "/rrd/rrd.sock");
	assert_null(c->control.group);
	assert_int_equal(c->log.to, LOG_TO_AUTO);
	assert_int_equal(c->log.format, LOG_FORMAT_TEXT);
	assert_int_equal(c->log.debug_neighbor_count, 0);
	assert_int_equal(c->log.level, LOG_LEVEL_INFO);
	assert_null(c->neighbors[0].peer_group);
	assert_int_equal(p->as.kind, CONFIG_PEER_AS_INTERNAL);
	assert_int_equal(p->as.number, 65021);
	assert_int_equal(p->hold_time_s, 90);
	assert_int_equal(p->min_hold_time_s, 0);
	assert_int_equal(p->connect_retry_s, 1);
	assert_int_equal(p->connect_retry_max_s, 10);
	assert_int_equal(p->idle_hold_max_s, 60);
	assert_true(p->family[BGP_IPV4_UNICAST] && p->family[BGP_IPV6_UNICAST]);
	assert_int_equal(p->add_path_send.send, CONFIG_SEND_BEST);
	assert_true(p->enabled && p->extended_messages && p->route_refresh && !p->extended_next_hop);
	assert_false(p->import.none || p->import.rule_count || p->import.max_prefixes);
	config_rrd_free(c);
}

static void a_neighbor_overrides_its_group_key_by_key(void **state)
{
	struct config_rrd *c = load(ROUTER
		"peer-groups:\n"
		"  pods:\n"
		"    hold-time: 9\n"
		"    passive: true\n"
		"    families: [ipv4-unicast]\n"
		"    add-paths: {send: best 4, receive: true}\n"
		"    import: {prefixes: [10.1.0.0/16 le 24], next-hops: [10.0.0.0/16], max-prefixes: 16}\n"
		"    export: none\n"
		"neighbors:\n"
		"  - {address: 10.0.0.1, peer-group: pods}\n"
		"  - {address: 10.0.0.2, peer-group: pods, hold-time: 30, import: {max-prefixes: 8}, "
		"add-paths: {send: all}}\n"
		"  - {address: 10.0.0.3, peer-group: pods, import: all, export: {prefixes: "
		"[10.9.0.0/16]}}\n");
	const struct config_peer *a = &c->neighbors[0].peer, *b = &c->neighbors[1].peer,
				 *d = &c->neighbors[2].peer;

	(void)state;
	assert_int_equal(a->hold_time_s, 9);
	assert_true(a->passive && b->passive && d->passive);
	assert_false(a->family[BGP_IPV6_UNICAST] || b->family[BGP_IPV6_UNICAST]);
	assert_int_equal(a->add_path_send.send, CONFIG_SEND_BEST_N);
	assert_int_equal(a->add_path_send.best, 4);
	assert_int_equal(a->import.max_prefixes, 16);
	assert_true(a->export.none);

	assert_int_equal(b->hold_time_s, 30);
	assert_int_equal(b->add_path_send.send, CONFIG_SEND_ALL);
	assert_true(b->add_path_receive);
	assert_int_equal(b->import.max_prefixes, 8);
	assert_int_equal(b->import.rule_count, 1);
	assert_int_equal(b->import.next_hop_count, 1);

	assert_int_equal(d->import.rule_count + d->import.next_hop_count + d->import.max_prefixes, 0);
	assert_false(d->import.none || d->export.none);
	assert_prefix(&d->export.rules[0].prefix, "10.9.0.0/16");
	config_rrd_free(c);
}

static void a_range_asks_for_a_hold_time_of_three_unless_told_otherwise(void **state)
{
	struct config_rrd *c = load(
		ROUTER "peer-groups: {a: {}, b: {min-hold-time: 0, hold-time: 0}, c: {min-hold-time: 9}}\n"
		       "dynamic-neighbors:\n"
		       "  - {prefix: 172.16.0.0/16, peer-group: a}\n"
		       "  - {prefix: 172.17.0.0/16, peer-group: b, limit: 7}\n"
		       "  - {prefix: \"fd00::/8\", peer-group: c}\n"
		       "neighbors: [{address: 10.0.0.1, peer-group: a}]\n");

	(void)state;
	assert_int_equal(c->ranges[0].peer.min_hold_time_s, 3);
	assert_int_equal(c->ranges[1].peer.min_hold_time_s, 0);
	assert_int_equal(c->ranges[2].peer.min_hold_time_s, 9);
	assert_int_equal(c->neighbors[0].peer.min_hold_time_s, 0);
	assert_int_equal(c->ranges[0].limit, 4096);
	assert_int_equal(c->ranges[1].limit, 7);
	assert_string_equal(c->ranges[1].peer_group, "b");
	assert_prefix(&c->ranges[2].prefix, "fd00::/8");
	config_rrd_free(c);
}

static void rules_have_the_lengths_they_say(void **state)
{
	static const uint8_t want[][2] = { { 16, 16 }, { 16, 24 }, { 24, 32 }, { 20, 24 }, { 48, 128 } };
	struct config_rrd *c = load(
		ROUTER "peer-groups:\n"
		       "  a: {import: {prefixes: [10.1.0.0/16, 10.1.0.0/16 le 24, 10.1.0.0/16 ge 24, "
		       "10.1.0.0/16  ge 20  le 24, \"fd00::/8 ge 48\"]}}\n");
	const struct config_policy *policy = &c->groups[0].peer.import;

	(void)state;
	assert_int_equal(policy->rule_count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(policy->rules[i].ge, want[i][0]);
		assert_int_equal(policy->rules[i].le, want[i][1]);
	}
	config_rrd_free(c);
}

static void as_numbers_are_taken_in_both_notations(void **state)
{
	struct config_rrd *c = load("router: {as: 1.10, router-id: 10.0.0.109}\n"
				    "neighbors:\n"
				    "  - {address: 10.0.0.1}\n"
				    "  - {address: 10.0.0.2, peer-as: 65546, route-reflector-client: true}\n"
				    "  - {address: 10.0.0.3, peer-as: external}\n"
				    "  - {address: 10.0.0.4, peer-as: any}\n"
				    "  - {address: 10.0.0.5, peer-as: 65535.65535}\n");

	(void)state;
	assert_int_equal(c->router.as, 65546);
	assert_int_equal(c->neighbors[0].peer.as.number, 65546);
	assert_int_equal(c->neighbors[1].peer.as.kind, CONFIG_PEER_AS_NUMBER);
	assert_int_equal(c->neighbors[2].peer.as.kind, CONFIG_PEER_AS_EXTERNAL);
	assert_int_equal(c->neighbors[2].peer.as.number, 0);
	assert_int_equal(c->neighbors[3].peer.as.kind, CONFIG_PEER_AS_ANY);
	assert_int_equal(c->neighbors[4].peer.as.number, UINT32_MAX);
	config_rrd_free(c);
}

static void listen_may_be_empty_and_fib_takes_words(void **state)
{
	struct config_rrd *c = load(
		ROUTER "listen: []\nfib: {enabled: yes, table: default, protocol: static}\n");

	(void)state;
	assert_int_equal(c->listen_count, 0);
	assert_true(c->fib.enabled);
	assert_int_equal(c->fib.table, 253);
	assert_int_equal(c->fib.protocol, 4);
	config_rrd_free(c);
}

static void a_group_of_the_fib_has_the_measured_defaults(void **state)
{
	struct config_rrd *c = load(
		ROUTER "fib: {groups: [{prefixes: [10.1.0.0/16 le 24], type: resilient}, {prefixes: "
		       "[10.0.0.0/8 ge 9]}]}\n");
	const struct config_fib_group *g = c->fib.groups;

	(void)state;
	assert_int_equal(c->fib.group_count, 2);
	assert_int_equal(g[0].type, CONFIG_GROUP_RESILIENT);
	assert_int_equal(g[0].rule_count, 1);
	assert_int_equal(g[0].rules[0].ge, 16);
	assert_int_equal(g[0].rules[0].le, 24);
	assert_int_equal(g[0].buckets, 4096);
	assert_int_equal(g[0].idle_timer_s, 120);
	assert_int_equal(g[0].unbalanced_timer_s, 0);
	assert_int_equal(g[1].type, CONFIG_GROUP_HASH_THRESHOLD);
	config_rrd_free(c);
}

static void the_announcer_leaves_open_what_is_auto(void **state)
{
	static const char text[] = "router: {as: 65021, local-address: 172.16.20.2}\n"
				   "neighbors:\n"
				   "  - {address: 10.0.0.109}\n"
				   "  - {address: \"fd00::109\", peer-as: 65022, local-address: auto}\n"
				   "services:\n"
				   "  - {prefix: 10.1.1.0/24}\n"
				   "  - {prefix: 10.1.2.0/24, next-hop: 10.0.0.106, med: 0, communities: "
				   "[\"65021:100\", no-export]}\n";
	struct config_errors *errs = config_errors_new();
	struct config_announcer *c = config_announcer_parse(text, strlen(text), "t", errs);
	struct ip_addr pod = addr("172.16.20.2"), node = addr("10.0.0.106");

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->router.router_id, 0);
	assert_true(ip_addr_equal(&c->neighbors[0].local_address, &pod));
	assert_int_equal(c->neighbors[1].local_address.family, IP_NONE);
	assert_int_equal(c->neighbors[0].peer_as, 65021);
	assert_int_equal(c->neighbors[1].peer_as, 65022);
	assert_int_equal(c->neighbors[0].hold_time_s, 9);
	assert_int_equal(c->services[0].next_hop.family, IP_NONE);
	assert_false(c->services[0].med.set);
	assert_int_equal(c->services[0].local_preference, 100);
	assert_true(c->services[0].local_route);
	assert_string_equal(c->services[0].interface, "lo");
	assert_true(ip_addr_equal(&c->services[1].next_hop, &node));
	assert_true(c->services[1].med.set);
	assert_int_equal(c->services[1].community_count, 2);
	assert_int_equal(c->services[1].communities[0], 65021u << 16 | 100);
	assert_int_equal(c->services[1].communities[1], BGP_COMMUNITY_NO_EXPORT);
	assert_string_equal(c->environment.pod_ip, "POD_IP");
	assert_string_equal(c->environment.node_ip, "HOST_IP");
	assert_string_equal(c->control.socket, RUNSTATEDIR "/rrd/lb-announcer.sock");
	config_announcer_free(c);
	config_errors_free(errs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(a_neighbor_overrides_its_group_key_by_key),
		cmocka_unit_test(a_range_asks_for_a_hold_time_of_three_unless_told_otherwise),
		cmocka_unit_test(rules_have_the_lengths_they_say),
		cmocka_unit_test(as_numbers_are_taken_in_both_notations),
		cmocka_unit_test(listen_may_be_empty_and_fib_takes_words),
		cmocka_unit_test(a_group_of_the_fib_has_the_measured_defaults),
		cmocka_unit_test(the_announcer_leaves_open_what_is_auto),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

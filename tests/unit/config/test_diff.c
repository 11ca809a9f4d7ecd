/* Two configurations compared: every key of rrd.conf alone, what is no change, lists with and without an order; and one
 * written out again. */
#include "changes.h"

#include "config/diff.h"
#include "config/rrd.h"
#include "config/scalar.h"
#include "config/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *parse(const char *text, size_t len, const char *name, struct config_errors *errs)
{
	return config_rrd_parse(text, len, name, errs);
}

static void unload(void *cfg)
{
	config_rrd_free(cfg);
}

static const struct config_node *root(const void *cfg)
{
	return ((const struct config_rrd *)cfg)->root;
}

/* --- every key --- */

/* Each key once, so that one can be changed alone. */
static const char every_key[] =
	"router: {as: 65021, router-id: 10.0.0.109, cluster-id: 10.0.0.1, always-compare-med: false,\n"
	"  as-path-relax: false, multipath-max: 64, next-hop-check: true}\n"
	"listen: [{address: 10.0.0.109, port: 1790}]\n"
	"peer-groups:\n"
	"  plain:\n"
	"  other:\n"
	"  g: {peer-as: 65021, description: one, enabled: true, route-reflector-client: false, passive: "
	"false,\n"
	"    port: 1791, local-address: 10.0.0.109, families: [ipv4-unicast], add-paths: {send: all, "
	"receive: false},\n"
	"    import: {prefixes: [10.1.0.0/16], next-hops: [10.0.0.0/16], max-prefixes: 10},\n"
	"    export: {prefixes: [10.2.0.0/16]}, keep-rejected: 9, next-hop-self: false, "
	"advertisement-interval: 7, hold-time: "
	"91,\n"
	"    min-hold-time: 4, keepalive-interval: 5, send-hold-time: 300, connect-retry: 2, "
	"connect-retry-max: 12,\n"
	"    idle-hold-time: 3, idle-hold-time-max: 60, multihop-ttl: 8, ttl-security-hops: 0,\n"
	"    password: one, bfd: {enabled: true, desired-minimum-tx-interval: 50ms,\n"
	"    required-minimum-receive: 60ms, detection-multiplier: 4, passive: no, multihop: auto, key-id: "
	"2},\n"
	"    extended-messages: true, extended-next-hop: false, route-refresh: true}\n"
	"dynamic-neighbors: [{prefix: 172.16.0.0/16, peer-group: plain, limit: 100, limit-rate: 9,\n"
	"  password: \"for all\"}]\n"
	"neighbors: [{address: 10.0.0.110, peer-group: plain}]\n"
	"fib: {enabled: true, table: 100, metric: 21, protocol: 201, next-hop-id-base: 5000,\n"
	"  next-hop-id-count: 2000, groups: [{prefixes: [10.7.0.0/16], type: resilient, buckets: 1024,\n"
	"  idle-timer: 61, unbalanced-timer: 301, link-bandwidth-unit: 125}], max-resilient-groups: 11,\n"
	"  resolve-via-default: false, on-empty: remove, restart-time: 62, compare-interval: 63, sysctls: "
	"set,\n"
	"  on-exit: keep, link-bandwidth-unit: 126}\n"
	"bfd: {packets-per-second: 5000}\n"
	"control: {socket: /run/a.sock, group: rrd, read-only-socket: /run/r.sock, read-only-group: see}\n"
	"log: {to: stderr, level: info, format: json, debug-neighbors: [10.0.0.1]}\n";

static const struct change changes[] = {
	{ "router.as", "as: 65021, router", "as: 65022, router", "65021 -> 65022" },
	{ "router.router-id", "router-id: 10.0.0.109", "router-id: 10.0.0.108", "10.0.0.109 -> 10.0.0.108" },
	{ "router.cluster-id", "cluster-id: 10.0.0.1", "cluster-id: 10.0.0.2", "10.0.0.1 -> 10.0.0.2" },
	{ "router.always-compare-med", "med: false", "med: yes", "false -> true" },
	{ "router.as-path-relax", "relax: false", "relax: true", "false -> true" },
	{ "router.multipath-max", "max: 64", "max: 8", "64 -> 8" },
	{ "router.next-hop-check", "check: true", "check: false", "true -> false" },
	{ "listen[].address", "address: 10.0.0.109, port: 1790", "address: 10.0.0.108, port: 1790", "added" },
	{ "listen[].port", "port: 1790", "port: 1799", "added" },
	{ "peer-groups.NAME.peer-as", "peer-as: 65021", "peer-as: external", "65021 -> external" },
	{ "peer-groups.NAME.description", "description: one", "description: a \"two\"", "one -> a \"two\"" },
	{ "peer-groups.NAME.enabled", "{peer-as: 65021, description: one, enabled: true",
		"{peer-as: 65021, description: one, enabled: false", "true -> false" },
	{ "peer-groups.NAME.route-reflector-client", "client: false", "client: true", "false -> true" },
	{ "peer-groups.NAME.passive", "passive: false", "passive: true", "false -> true" },
	{ "peer-groups.NAME.port", "port: 1791", "port: 179", "1791 -> 179" },
	{ "peer-groups.NAME.local-address", "local-address: 10.0.0.109", "local-address: 10.0.0.108",
		"10.0.0.109 -> 10.0.0.108" },
	{ "peer-groups.NAME.families", "[ipv4-unicast]", "[ipv6-unicast, ipv4-unicast]", "+ipv6-unicast" },
	{ "peer-groups.NAME.add-paths.send", "send: all", "send: none", "all -> none" },
	{ "peer-groups.NAME.add-paths.receive", "receive: false", "receive: true", "false -> true" },
	{ "peer-groups.NAME.import",
		"import: {prefixes: [10.1.0.0/16], next-hops: [10.0.0.0/16], max-prefixes: 10}",
		"import: none", "as its keys say -> none" },
	{ "peer-groups.NAME.import.prefixes", "[10.1.0.0/16]", "[10.1.0.0/16 le 24, 10.3.0.0/16]",
		"+10.1.0.0/16 le 24 +10.3.0.0/16 -10.1.0.0/16" },
	{ "peer-groups.NAME.import.next-hops", "next-hops: [10.0.0.0/16], ", "",
		"10.0.0.0/16 -> every next hop" },
	{ "peer-groups.NAME.import.max-prefixes", "max-prefixes: 10", "max-prefixes: 20", "10 -> 20" },
	{ "peer-groups.NAME.export", "export: {prefixes: [10.2.0.0/16]}", "export: none",
		"as its keys say -> none" },
	{ "peer-groups.NAME.export.prefixes", "[10.2.0.0/16]", "[10.2.0.0/16, 10.4.0.0/16 ge 20 le 24]",
		"+10.4.0.0/16 ge 20 le 24" },
	{ "peer-groups.NAME.next-hop-self", "self: false", "self: true", "false -> true" },
	{ "peer-groups.NAME.keep-rejected", "keep-rejected: 9", "keep-rejected: 0", "9 -> 0" },
	{ "peer-groups.NAME.advertisement-interval", "interval: 7", "interval: 0", "7 -> 0" },
	{ "peer-groups.NAME.hold-time", "hold-time: 91", "hold-time: 30", "91 -> 30" },
	{ "peer-groups.NAME.min-hold-time", "min-hold-time: 4", "min-hold-time: 0", "4 -> 0" },
	{ "peer-groups.NAME.keepalive-interval", "keepalive-interval: 5", "keepalive-interval: 6", "5 -> 6" },
	{ "peer-groups.NAME.send-hold-time", "send-hold-time: 300", "send-hold-time: 0", "300 -> 0" },
	{ "peer-groups.NAME.connect-retry", "connect-retry: 2", "connect-retry: 3", "2 -> 3" },
	{ "peer-groups.NAME.connect-retry-max", "connect-retry-max: 12", "connect-retry-max: 13",
		"12 -> 13" },
	{ "peer-groups.NAME.idle-hold-time", "idle-hold-time: 3", "idle-hold-time: 4", "3 -> 4" },
	{ "peer-groups.NAME.idle-hold-time-max", "max: 60", "max: 61", "60 -> 61" },
	{ "peer-groups.NAME.multihop-ttl", "ttl: 8", "ttl: 9", "8 -> 9" },
	{ "peer-groups.NAME.ttl-security-hops", "multihop-ttl: 8, ttl-security-hops: 0",
		"multihop-ttl: 0, ttl-security-hops: 1", "0 -> 1", 1 },
	{ "peer-groups.NAME.password", "password: one", "password: two", "changed" },
	{ "peer-groups.NAME.bfd.enabled", "bfd: {enabled: true", "bfd: {enabled: false", "true -> false" },
	{ "peer-groups.NAME.bfd.desired-minimum-tx-interval", "interval: 50ms", "interval: 2s",
		"50ms -> 2s" },
	{ "peer-groups.NAME.bfd.required-minimum-receive", "receive: 60ms", "receive: 70ms", "60ms -> 70ms" },
	{ "peer-groups.NAME.bfd.detection-multiplier", "multiplier: 4", "multiplier: 5", "4 -> 5" },
	{ "peer-groups.NAME.bfd.passive", "passive: no, multihop", "passive: yes, multihop",
		"false -> true" },
	{ "peer-groups.NAME.bfd.multihop", "multihop: auto", "multihop: true", "auto -> true" },
	{ "peer-groups.NAME.bfd.key-id", "key-id: 2", "key-id: 3", "2 -> 3" },
	{ "peer-groups.NAME.extended-messages", "messages: true", "messages: false", "true -> false" },
	{ "peer-groups.NAME.extended-next-hop", "next-hop: false", "next-hop: true", "false -> true" },
	{ "peer-groups.NAME.route-refresh", "refresh: true", "refresh: false", "true -> false" },
	{ "dynamic-neighbors[].prefix", "172.16.0.0/16", "172.17.0.0/16", "added" },
	{ "dynamic-neighbors[].peer-group", "172.16.0.0/16, peer-group: plain",
		"172.16.0.0/16, peer-group: other", "plain -> other" },
	{ "dynamic-neighbors[].limit", "limit: 100", "limit: 99", "100 -> 99" },
	{ "dynamic-neighbors[].limit-rate", "limit-rate: 9", "limit-rate: 0", "9 -> 0" },
	{ "dynamic-neighbors[].password", "password: \"for all\"", "password: \"for each\"", "changed" },
	{ "neighbors[].address", "10.0.0.110", "10.0.0.111", "added" },
	{ "neighbors[].peer-group", "10.0.0.110, peer-group: plain", "10.0.0.110", "plain -> none" },
	{ "neighbors[].*", "10.0.0.110, peer-group: plain", "10.0.0.110, peer-group: plain, hold-time: 9",
		"90 -> 9" },
	{ "fib.enabled", "fib: {enabled: true", "fib: {enabled: false", "true -> false" },
	{ "fib.table", "table: 100", "table: main", "100 -> main" },
	{ "fib.metric", "metric: 21", "metric: 22", "21 -> 22" },
	{ "fib.protocol", "protocol: 201", "protocol: bgp", "201 -> bgp" },
	{ "fib.next-hop-id-base", "base: 5000", "base: 6000", "5000 -> 6000" },
	{ "fib.next-hop-id-count", "count: 2000", "count: 3000", "2000 -> 3000" },
	{ "fib.groups[].prefixes", "[10.7.0.0/16]", "[10.8.0.0/16]", "+10.8.0.0/16 -10.7.0.0/16" },
	{ "fib.groups[].type", "type: resilient", "type: hash-threshold", "resilient -> hash-threshold" },
	{ "fib.groups[].buckets", "buckets: 1024", "buckets: 2048", "1024 -> 2048" },
	{ "fib.groups[].idle-timer", "idle-timer: 61", "idle-timer: 64", "61 -> 64" },
	{ "fib.groups[].unbalanced-timer", "unbalanced-timer: 301", "unbalanced-timer: 302", "301 -> 302" },
	{ "fib.groups[].link-bandwidth-unit", "unit: 125}", "unit: 127}", "125 -> 127" },
	{ "fib.max-resilient-groups", "groups: 11", "groups: 12", "11 -> 12" },
	{ "fib.resolve-via-default", "default: false", "default: true", "false -> true" },
	{ "fib.on-empty", "on-empty: remove", "on-empty: blackhole", "remove -> blackhole" },
	{ "fib.restart-time", "restart-time: 62", "restart-time: 65", "62 -> 65" },
	{ "fib.compare-interval", "compare-interval: 63", "compare-interval: 0", "63 -> 0" },
	{ "fib.sysctls", "sysctls: set", "sysctls: ignore", "set -> ignore" },
	{ "fib.on-exit", "on-exit: keep", "on-exit: remove", "keep -> remove" },
	{ "fib.link-bandwidth-unit", "unit: 126", "unit: 0", "126 -> 0" },
	{ "bfd.packets-per-second", "second: 5000", "second: 0", "5000 -> 0" },
	{ "control.socket", "/run/a.sock", "/run/b.sock", "/run/a.sock -> /run/b.sock" },
	{ "control.group", "group: rrd", "group: adm", "rrd -> adm" },
	{ "control.read-only-socket", "/run/r.sock", "/run/s.sock", "/run/r.sock -> /run/s.sock" },
	{ "control.read-only-group", "group: see", "group: all", "see -> all" },
	{ "log.to", "to: stderr", "to: syslog", "stderr -> syslog" },
	{ "log.format", "format: json", "format: logfmt", "json -> logfmt" },
	{ "log.debug-neighbors", "debug-neighbors: [10.0.0.1]", "debug-neighbors: [10.0.0.2]",
		"+10.0.0.2 -10.0.0.1" },
	{ "log.level", "level: info", "level: debug", "info -> debug" },
};

/* The file of a password fills the place of the password, whose row tells it; no build has TCP-AO. */
static const char *const untried[] = { ".password-file", ".tcp-ao", ".bfd.authentication", ".bfd.password",
	NULL };

static const struct changes rrd = { &config_rrd_schema, parse, unload, root, every_key, changes,
	sizeof(changes) / sizeof(changes[0]), untried };

static void every_key_changed_alone_is_told_with_what_it_touches(void **state)
{
	(void)state;
	changes_check(&rrd);
}

static void expect(const char *before, const char *after, const char *want)
{
	char *text = changes_told(&rrd, before, after);

	assert_string_equal(text, want);
	free(text);
}

/* --- what is a change --- */

#define ROUTER "router: {as: 65021, router-id: 10.0.0.109}\n"

static void a_default_written_out_is_no_change(void **state)
{
	(void)state;
	expect(ROUTER "peer-groups: {g: {}}\nneighbors: [{address: 10.0.0.1, peer-group: g}]\n",
		ROUTER
		"listen: [{address: 0.0.0.0}, {address: \"::\", port: 179}]\n"
		"peer-groups: {g: {peer-as: internal, hold-time: 90, import: all, families: [ipv6-unicast, "
		"ipv4-unicast]}}\n"
		"neighbors: [{address: 10.0.0.1, peer-group: g, passive: no, connect-retry-max: 10}]\n"
		"fib: {enabled: false, table: main}\nlog: {level: info}\n",
		"");
	expect(ROUTER "neighbors: [{address: \"fd00:0:0::1\"}]\n",
		ROUTER "neighbors: [{address: \"fd00::1\"}]\n", "");
	expect(ROUTER, "router: {as: 65021, router-id: 10.0.0.109, cluster-id: 10.0.0.109}\n", "");
}

static void order_matters_only_where_it_does(void **state)
{
	(void)state;
	expect(ROUTER "neighbors: [{address: 10.0.0.1}, {address: 10.0.0.2, import: {prefixes: [10.1.0.0/16, "
		      "10.2.0.0/16]}}]\n",
		ROUTER "neighbors: [{address: 10.0.0.2, import: {prefixes: [10.2.0.0/16, 10.1.0.0/16]}}, "
		       "{address: 10.0.0.1}]\n",
		"");
	expect(ROUTER "fib: {groups: [{prefixes: [10.1.0.0/16]}, {prefixes: [10.0.0.0/8]}]}\n",
		ROUTER "fib: {groups: [{prefixes: [10.0.0.0/8]}, {prefixes: [10.1.0.0/16]}]}\n",
		"fib.groups[0].prefixes: +10.0.0.0/8 -10.1.0.0/16 (restart)\n"
		"fib.groups[1].prefixes: +10.1.0.0/16 -10.0.0.0/8 (restart)\n");
}

static void elements_come_and_go_by_their_keys(void **state)
{
	(void)state;
	expect(ROUTER
		"listen: [{address: 10.0.0.1}]\npeer-groups: {a: {}}\nneighbors: [{address: 10.0.0.9}]\n"
		"fib: {groups: [{prefixes: [10.1.0.0/16]}]}\n",
		ROUTER
		"listen: [{address: 10.0.0.1}, {address: 10.0.0.1, port: 1179}]\npeer-groups: {b: {}}\n",
		"listen[10.0.0.1 port 1179]: added (live)\n"
		"peer-groups.a: removed (live)\n"
		"peer-groups.b: added (live)\n"
		"neighbors[10.0.0.9]: removed (live)\n"
		"fib.groups[0]: removed (restart)\n");
}

static void what_a_group_says_reaches_its_neighbors(void **state)
{
	(void)state;
	expect(ROUTER "peer-groups: {g: {hold-time: 9}}\n"
		      "neighbors: [{address: 10.0.0.1, peer-group: g}, {address: 10.0.0.2, peer-group: g, "
		      "hold-time: 90}]\n",
		ROUTER "peer-groups: {g: {hold-time: 30}}\n"
		       "neighbors: [{address: 10.0.0.1, peer-group: g}, {address: 10.0.0.2, peer-group: g, "
		       "hold-time: 90}]\n",
		"peer-groups.g.hold-time: 9 -> 30 (resets sessions)\n"
		"neighbors[10.0.0.1].hold-time: 9 -> 30 (resets sessions)\n");
}

static void which_paths_are_sent_needs_no_reset_whether_several_are_does(void **state)
{
	(void)state;
	expect(ROUTER "neighbors: [{address: 10.0.0.1, add-paths: {send: all}}, {address: 10.0.0.2}]\n",
		ROUTER "neighbors: [{address: 10.0.0.1, add-paths: {send: best 3}}, {address: 10.0.0.2, "
		       "add-paths: {send: best 3}}]\n",
		"neighbors[10.0.0.1].add-paths.send: all -> best 3 (re-evaluates routes)\n"
		"neighbors[10.0.0.2].add-paths.send: none -> best 3 (resets sessions)\n");
}

static void long_lists_are_told_shortly(void **state)
{
	char before[2048] = ROUTER "neighbors: [{address: 10.0.0.1, import: {prefixes: [10.9.0.0/16",
	     after[2048];
	size_t len = strlen(before);

	(void)state;
	for (int i = 0; i < 20; i++)
		len += (size_t)snprintf(before + len, sizeof(before) - len, ", 10.%d.0.0/16", 100 + i);
	snprintf(before + len, sizeof(before) - len, "]}}]\n");
	snprintf(after, sizeof(after),
		ROUTER "neighbors: [{address: 10.0.0.1, import: {prefixes: [10.9.0.0/16]}}]\n");
	expect(before, after,
		"neighbors[10.0.0.1].import.prefixes: -10.100.0.0/16 -10.101.0.0/16 -10.102.0.0/16 "
		"-10.103.0.0/16 "
		"-10.104.0.0/16 -10.105.0.0/16 -10.106.0.0/16 -10.107.0.0/16 (-12 more) (re-evaluates "
		"routes)\n");
}

/* --- secrets --- */

struct secretive {
	const char *password;
};

static void secrets_are_neither_told_nor_written(void **state)
{
	static const struct config_field fields[] = {
		{ "password", CONFIG_SCALAR, &config_text, .secret = true, .apply = CONFIG_LIVE, .doc = "" },
		{ NULL }
	};
	static const struct config_schema schema = { sizeof(struct secretive), fields };
	struct secretive none = { NULL }, one = { "s3cret" }, two = { "other" };
	static const struct config_node there = {
		.kind = CONFIG_NODE_SCALAR, .key = "password", .text = "s3cret"
	};
	struct config_node root = { .kind = CONFIG_NODE_MAP,
		.first = (struct config_node *)(uintptr_t)&there };
	struct config_diff d;
	char *text = NULL;
	size_t len;
	FILE *out;

	(void)state;
	config_diff_init(&d);
	config_diff(&d, &schema, &none, &one);
	config_diff(&d, &schema, &one, &one);
	config_diff(&d, &schema, &one, &two);
	config_diff(&d, &schema, &two, &none);
	assert_int_equal(d.count, 3);
	assert_string_equal(d.item[0].words, "set");
	assert_string_equal(d.item[1].words, "changed");
	assert_string_equal(d.item[2].words, "removed");
	config_diff_fini(&d);
	out = open_memstream(&text, &len);
	config_write(out, &schema, &one, &root, true);
	fclose(out);
	assert_string_equal(text, "# password: set, and not shown\n");
	free(text);
}

/* --- written out again --- */

static void what_is_written_reads_the_same(void **state)
{
	(void)state;
	changes_written_reads_the_same(&rrd, "rrd-");
}

static void only_what_is_set_is_written_the_rest_are_comments(void **state)
{
	struct config_rrd *c = changes_load(&rrd,
		ROUTER "peer-groups: {g: {import: none}}\nneighbors:\n"
		       "  - {address: \"fd00::1\", peer-group: g, description: 'a \"b\"', import: all}\n");
	char *text = changes_written(&rrd, c, false);

	(void)state;
	assert_string_equal(text, "router:\n  as: 65021\n  router-id: 10.0.0.109\n"
				  "peer-groups:\n  g:\n    import: none\n"
				  "neighbors:\n  - address: \"fd00::1\"\n    peer-group: g\n"
				  "    description: \"a \\\"b\\\"\"\n    import: all\n");
	free(text);
	text = changes_written(&rrd, c, true);
	assert_non_null(strstr(text, "\n  # cluster-id: 10.0.0.109\n"));
	assert_non_null(strstr(
		text, "\n# listen:\n  # - address: 0.0.0.0\n    # port: 179\n  # - address: \"::\"\n"));
	assert_non_null(strstr(text, "\n    # hold-time: 90\n"));
	assert_non_null(strstr(text, "\n    # local-address: the kernel's choice\n"));
	free(text);
	config_rrd_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_changed_alone_is_told_with_what_it_touches),
		cmocka_unit_test(a_default_written_out_is_no_change),
		cmocka_unit_test(order_matters_only_where_it_does),
		cmocka_unit_test(elements_come_and_go_by_their_keys),
		cmocka_unit_test(what_a_group_says_reaches_its_neighbors),
		cmocka_unit_test(which_paths_are_sent_needs_no_reset_whether_several_are_does),
		cmocka_unit_test(long_lists_are_told_shortly),
		cmocka_unit_test(secrets_are_neither_told_nor_written),
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(only_what_is_set_is_written_the_rest_are_comments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

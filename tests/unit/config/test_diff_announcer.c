/* Two configurations of lb-announcer, and of lb-announcer --node, compared: every key alone, and what is no change. */
#include "changes.h"

#include "config/announcer.h"
#include "config/node_routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const untried[] = { ".password-file", ".tcp-ao", ".bfd.authentication", ".bfd.password",
	NULL };

/* --- lb-announcer.conf --- */

static const char every_key[] =
	"router: {as: 65021, router-id: 10.0.0.109, local-address: 172.16.0.1, capacity: 3G,\n"
	"  capacity-by-health: false}\n"
	"neighbors: [{address: 10.0.0.9, peer-as: 65022, port: 1790, local-address: 172.16.0.2,\n"
	"  description: one, hold-time: 91, keepalive-interval: 5, connect-retry: 2, connect-retry-max: 12,\n"
	"  idle-hold-time: 3, idle-hold-time-max: 61, ttl-security-hops: 4, password: key,\n"
	"  bfd: {enabled: true, desired-minimum-tx-interval: 50ms, required-minimum-receive: 60ms,\n"
	"  detection-multiplier: 4, passive: false, multihop: auto, key-id: 2}}]\n"
	"bfd: {packets-per-second: 5000}\n"
	"services: [{prefix: 10.1.1.0/24, next-hop: 10.0.0.105, med: 7, local-preference: 101,\n"
	"  communities: [\"65021:1\"], local-route: true, interface: eth0, capacity: 2500M, "
	"capacity-by-health: yes,\n"
	"  agent-services: [web], min-healthy: 2, min-healthy-return: 50%, return-delay: 8,\n"
	"  conditions: [{type: http, name: front, address: 127.0.0.1, port: 80, interval: 4s, timeout: "
	"900ms,\n"
	"    retry-interval: 300ms, rise: 4, fall: 6, method: GET, path: /health, host: www, status: "
	"[200-299],\n"
	"    body: fine}, {type: command, name: back, command: [/bin/look, one, two]},\n"
	"    {type: tcp, name: third, address: 127.0.0.3, port: 9}],\n"
	"  on-change: {command: [/bin/tell, cloud], timeout: 31, retry: 9, retry-max: 62}}]\n"
	"agent: {socket: /run/agent.sock, grace: 14}\n"
	"drain: {method: weight, time: 15, linger: 16, file: /run/drain}\n"
	"node-route: {socket: /run/node.sock}\n"
	"environment: {pod-ip: POD, node-ip: NODE}\n"
	"control: {socket: /run/a.sock, group: rrd, read-only-socket: /run/r.sock, read-only-group: see}\n"
	"log: {to: stderr, level: info, format: json, debug-neighbors: [10.0.0.1]}\n";

static const struct change changes[] = {
	{ "router.as", "as: 65021, r", "as: 65023, r", "65021 -> 65023" },
	{ "router.router-id", "router-id: 10.0.0.109", "router-id: auto", "10.0.0.109 -> auto" },
	{ "router.local-address", "local-address: 172.16.0.1", "local-address: 172.16.0.3",
		"172.16.0.1 -> 172.16.0.3" },
	{ "router.capacity", "capacity: 3G", "capacity: 3500M", "3G -> 3.5G" },
	{ "router.capacity-by-health", "health: false", "health: true", "false -> true" },
	{ "neighbors[].address", "address: 10.0.0.9", "address: 10.0.0.8", "added" },
	{ "neighbors[].peer-as", "peer-as: 65022", "peer-as: 65024", "65022 -> 65024" },
	{ "neighbors[].port", "port: 1790", "port: 179", "1790 -> 179" },
	{ "neighbors[].local-address", "local-address: 172.16.0.2", "local-address: auto",
		"172.16.0.2 -> auto" },
	{ "neighbors[].description", "description: one", "description: two", "one -> two" },
	{ "neighbors[].hold-time", "hold-time: 91", "hold-time: 30", "91 -> 30" },
	{ "neighbors[].keepalive-interval", "keepalive-interval: 5", "keepalive-interval: 6", "5 -> 6" },
	{ "neighbors[].connect-retry", "connect-retry: 2", "connect-retry: 3", "2 -> 3" },
	{ "neighbors[].connect-retry-max", "connect-retry-max: 12", "connect-retry-max: 13", "12 -> 13" },
	{ "neighbors[].idle-hold-time", "idle-hold-time: 3", "idle-hold-time: 4", "3 -> 4" },
	{ "neighbors[].idle-hold-time-max", "max: 61", "max: 62", "61 -> 62" },
	{ "neighbors[].ttl-security-hops", "hops: 4", "hops: 0", "4 -> 0" },
	{ "neighbors[].password", "password: key", "password: other", "changed" },
	{ "neighbors[].bfd.enabled", "bfd: {enabled: true", "bfd: {enabled: false", "true -> false" },
	{ "neighbors[].bfd.desired-minimum-tx-interval", "interval: 50ms", "interval: 2s", "50ms -> 2s" },
	{ "neighbors[].bfd.required-minimum-receive", "receive: 60ms", "receive: 70ms", "60ms -> 70ms" },
	{ "neighbors[].bfd.detection-multiplier", "multiplier: 4", "multiplier: 5", "4 -> 5" },
	{ "neighbors[].bfd.passive", "passive: false", "passive: true", "false -> true" },
	{ "neighbors[].bfd.multihop", "multihop: auto", "multihop: true", "auto -> true" },
	{ "neighbors[].bfd.key-id", "key-id: 2", "key-id: 3", "2 -> 3" },
	{ "bfd.packets-per-second", "second: 5000", "second: 0", "5000 -> 0" },
	{ "services[].prefix", "prefix: 10.1.1.0/24", "prefix: 10.1.2.0/24", "added" },
	{ "services[].next-hop", "next-hop: 10.0.0.105", "next-hop: 10.0.0.106", "10.0.0.105 -> 10.0.0.106" },
	{ "services[].med", "med: 7, ", "", "7 -> none" },
	{ "services[].local-preference", "preference: 101", "preference: 102", "101 -> 102" },
	{ "services[].communities", "[\"65021:1\"]", "[no-export, \"65021:1\"]", "+no-export" },
	{ "services[].local-route", "local-route: true", "local-route: false", "true -> false" },
	{ "services[].interface", "interface: eth0", "interface: lo", "eth0 -> lo" },
	{ "services[].capacity", "capacity: 2500M", "capacity: 1234567", "2.5G -> 1234.567k" },
	{ "services[].capacity-by-health", "health: yes", "health: no", "true -> false" },
	{ "services[].agent-services", "[web]", "[web, dns]", "+dns" },
	{ "services[].min-healthy", "min-healthy: 2", "min-healthy: 3", "2 -> 3" },
	{ "services[].min-healthy-return", "return: 50%", "return: 60%", "50% -> 60%" },
	{ "services[].return-delay", "delay: 8", "delay: 0", "8 -> 0" },
	{ "services[].conditions[].type", "{type: tcp", "{type: http", "tcp -> http" },
	{ "services[].conditions[].address", "address: 127.0.0.1", "address: 127.0.0.2",
		"127.0.0.1 -> 127.0.0.2" },
	{ "services[].conditions[].port", "port: 80", "port: 81", "80 -> 81" },
	{ "services[].conditions[].name", "name: front", "name: face", "added" },
	{ "services[].conditions[].interval", "interval: 4s", "interval: 4500ms", "4s -> 4500ms" },
	{ "services[].conditions[].timeout", "timeout: 900ms", "timeout: 1s", "900ms -> 1s" },
	{ "services[].conditions[].retry-interval", "interval: 300ms", "interval: 400ms", "300ms -> 400ms" },
	{ "services[].conditions[].rise", "rise: 4", "rise: 5", "4 -> 5" },
	{ "services[].conditions[].fall", "fall: 6", "fall: 7", "6 -> 7" },
	{ "services[].conditions[].method", "method: GET", "method: HEAD", "GET -> HEAD" },
	{ "services[].conditions[].path", "path: /health", "path: /well", "/health -> /well" },
	{ "services[].conditions[].host", "host: www", "host: web", "www -> web" },
	{ "services[].conditions[].status", "[200-299]", "[200-299, 404]", "+404" },
	{ "services[].conditions[].body", "body: fine", "body: well", "fine -> well" },
	{ "services[].conditions[].command", "one, two]", "two, one]",
		"[/bin/look, one, two] -> [/bin/look, two, one]" },
	{ "services[].on-change.command", "[/bin/tell, cloud]", "[/bin/tell, other]",
		"[/bin/tell, cloud] -> [/bin/tell, other]" },
	{ "services[].on-change.timeout", "timeout: 31", "timeout: 32", "31 -> 32" },
	{ "services[].on-change.retry", "retry: 9", "retry: 10", "9 -> 10" },
	{ "services[].on-change.retry-max", "max: 62}", "max: 63}", "62 -> 63" },
	{ "agent.socket", "/run/agent.sock", "/run/other.sock", "/run/agent.sock -> /run/other.sock" },
	{ "agent.grace", "grace: 14", "grace: 0", "14 -> 0" },
	{ "drain.method", "method: weight", "method: graceful-shutdown", "weight -> graceful-shutdown" },
	{ "drain.time", "time: 15", "time: 0", "15 -> 0" },
	{ "drain.linger", "linger: 16", "linger: 17", "16 -> 17" },
	{ "drain.file", ", file: /run/drain", "", "/run/drain -> none" },
	{ "node-route.socket", "node-route: {socket: /run/node.sock}", "node-route: {socket: /run/two.sock}",
		"/run/node.sock -> /run/two.sock" },
	{ "node-route.netns", "node-route: {socket: /run/node.sock}", "node-route: {netns: /run/netns}",
		"none -> /run/netns", 1 },
	{ "environment.pod-ip", "pod-ip: POD", "pod-ip: MINE", "POD -> MINE" },
	{ "environment.node-ip", "node-ip: NODE", "node-ip: HOST", "NODE -> HOST" },
	{ "control.socket", "/run/a.sock", "/run/b.sock", "/run/a.sock -> /run/b.sock" },
	{ "control.group", "group: rrd", "group: adm", "rrd -> adm" },
	{ "control.read-only-socket", "/run/r.sock", "/run/s.sock", "/run/r.sock -> /run/s.sock" },
	{ "control.read-only-group", "group: see", "group: all", "see -> all" },
	{ "log.to", "to: stderr", "to: syslog", "stderr -> syslog" },
	{ "log.level", "level: info", "level: debug", "info -> debug" },
	{ "log.format", "format: json", "format: logfmt", "json -> logfmt" },
	{ "log.debug-neighbors", "[10.0.0.1]", "[10.0.0.1, 10.0.0.2]", "+10.0.0.2" },
};

static void *parse(const char *text, size_t len, const char *name, struct config_errors *errs)
{
	return config_announcer_parse(text, len, name, errs);
}

static void unload(void *cfg)
{
	config_announcer_free(cfg);
}

static const struct config_node *root(const void *cfg)
{
	return ((const struct config_announcer *)cfg)->root;
}

static const struct changes announcer = { &config_announcer_schema, parse, unload, root, every_key, changes,
	sizeof(changes) / sizeof(changes[0]), untried };

static void every_key_changed_alone_is_told_with_what_it_touches(void **state)
{
	(void)state;
	changes_check(&announcer);
}

static void what_is_written_reads_the_same(void **state)
{
	(void)state;
	changes_written_reads_the_same(&announcer, "announcer-");
}

static void expect(const char *before, const char *after, const char *want)
{
	char *text = changes_told(&announcer, before, after);

	assert_string_equal(text, want);
	free(text);
}

static void a_default_written_out_is_no_change(void **state)
{
	(void)state;
	expect("router: {as: 65021}\nneighbors: [{address: 10.0.0.1}]\n"
	       "services: [{prefix: 10.1.1.0/24, conditions: [{type: command, command: [/bin/true]}]}]\n",
		"router: {as: 65021, router-id: auto, capacity: 1000M, local-address: auto}\n"
		"neighbors: [{address: 10.0.0.1, peer-as: 65021, port: 179, hold-time: 9}]\n"
		"services: [{prefix: 10.1.1.0/24, next-hop: auto, capacity: 1G, interface: lo,\n"
		"  conditions: [{type: command, name: command, interval: 2000ms, timeout: 1s, command: "
		"[/bin/true]}]}]\n"
		"drain: {method: weight, time: 5}\nlog: {level: info}\n",
		"");
}

static void what_the_router_says_reaches_its_services(void **state)
{
	(void)state;
	expect("router: {as: 65021}\nneighbors: [{address: 10.0.0.1}]\n"
	       "services: [{prefix: 10.1.1.0/24}, {prefix: 10.1.2.0/24, capacity: 5G}]\n",
		"router: {as: 65021, capacity: 2G}\nneighbors: [{address: 10.0.0.1}]\n"
		"services: [{prefix: 10.1.2.0/24, capacity: 5G}, {prefix: 10.1.1.0/24}]\n",
		"router.capacity: 1G -> 2G (re-evaluates routes)\n"
		"services[10.1.1.0/24].capacity: 1G -> 2G (re-evaluates routes)\n");
}

/* --- lb-announcer-node.conf --- */

static const char every_node_key[] =
	"node: {socket: /run/node.sock, socket-group: pods, services: [10.1.0.0/16], pods: [172.16.0.0/16],\n"
	"  table: 100, metric: 11, protocol: 201, next-hop-id-base: 5000, next-hop-id-count: 2000,\n"
	"  group: {type: resilient, buckets: 512, idle-timer: 121, unbalanced-timer: 122}, restart-time: 6,\n"
	"  compare-interval: 61, sysctls: set, hash: keep, on-exit: keep}\n"
	"control: {socket: /run/a.sock, group: rrd, read-only-socket: /run/r.sock, read-only-group: see}\n"
	"log: {to: stderr, level: info, format: json}\n";

static const struct change node_changes[] = {
	{ "node.socket", "{socket: /run/node.sock", "{socket: /run/other.sock",
		"/run/node.sock -> /run/other.sock" },
	{ "node.socket-group", "socket-group: pods", "socket-group: adm", "pods -> adm" },
	{ "node.services", "[10.1.0.0/16]", "[10.1.0.0/16, 10.2.0.0/16]", "+10.2.0.0/16" },
	{ "node.pods", "[172.16.0.0/16]", "[172.17.0.0/16]", "+172.17.0.0/16 -172.16.0.0/16" },
	{ "node.table", "table: 100", "table: main", "100 -> main" },
	{ "node.metric", "metric: 11", "metric: 12", "11 -> 12" },
	{ "node.protocol", "protocol: 201", "protocol: bgp", "201 -> bgp" },
	{ "node.next-hop-id-base", "base: 5000", "base: 6000", "5000 -> 6000" },
	{ "node.next-hop-id-count", "count: 2000", "count: 3000", "2000 -> 3000" },
	{ "node.group.type", "type: resilient", "type: hash-threshold", "resilient -> hash-threshold" },
	{ "node.group.buckets", "buckets: 512", "buckets: 513", "512 -> 513" },
	{ "node.group.idle-timer", "timer: 121", "timer: 123", "121 -> 123" },
	{ "node.group.unbalanced-timer", "timer: 122", "timer: 0", "122 -> 0" },
	{ "node.restart-time", "restart-time: 6", "restart-time: 7", "6 -> 7" },
	{ "node.compare-interval", "interval: 61", "interval: 0", "61 -> 0" },
	{ "node.sysctls", "sysctls: set", "sysctls: check", "set -> check" },
	{ "node.hash", "hash: keep", "hash: own", "keep -> own" },
	{ "node.on-exit", "exit: keep", "exit: remove", "keep -> remove" },
	{ "control.socket", "/run/a.sock", "/run/b.sock", "/run/a.sock -> /run/b.sock" },
	{ "control.group", ", group: rrd", "", "rrd -> none" },
	{ "control.read-only-socket", "/run/r.sock", "/run/s.sock", "/run/r.sock -> /run/s.sock" },
	{ "control.read-only-group", "group: see", "group: all", "see -> all" },
	{ "log.to", "to: stderr", "to: syslog", "stderr -> syslog" },
	{ "log.level", "level: info", "level: debug", "info -> debug" },
	{ "log.format", "format: json", "format: logfmt", "json -> logfmt" },
};

static void *parse_node(const char *text, size_t len, const char *name, struct config_errors *errs)
{
	return config_node_routes_parse(text, len, name, errs);
}

static void unload_node(void *cfg)
{
	config_node_routes_free(cfg);
}

static const struct config_node *root_node(const void *cfg)
{
	return ((const struct config_node_routes *)cfg)->root;
}

static const struct changes node = { &config_node_routes_schema, parse_node, unload_node, root_node,
	every_node_key, node_changes, sizeof(node_changes) / sizeof(node_changes[0]), untried };

static void every_key_of_the_node(void **state)
{
	(void)state;
	changes_check(&node);
	changes_written_reads_the_same(&node, "node-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_changed_alone_is_told_with_what_it_touches),
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(a_default_written_out_is_no_change),
		cmocka_unit_test(what_the_router_says_reaches_its_services),
		cmocka_unit_test(every_key_of_the_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

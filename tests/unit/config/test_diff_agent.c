/* Two configurations of lb-ipvs-agent compared: every key alone, and what is no change. */
#include "changes.h"

#include "config/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char every_key[] =
	"preserve-connections: false\n"
	"masquerade: false\n"
	"defaults: {weight: 10}\n"
	"services:\n"
	"  - {name: web, protocol: tcp, address: 10.1.1.1, port: 80, scheduler: mh, flags: [mh-port], "
	"forward: tun,\n"
	"     tunnel: {type: gue, port: 6080, checksum: csum}, weight: 2, upper-threshold: 1000, "
	"lower-threshold: 800,\n"
	"     source: {servers: [{address: 172.16.1.5, weight: 3, name: web-1, terminating: false}]},\n"
	"     checks: [{type: http, name: front, port: 8081, interval: 5s, timeout: 4s,\n"
	"       retry-interval: 300ms, rise: 11, fall: 12, initial: up, method: HEAD, path: /well, host: "
	"www,\n"
	"       status: [200-299], body: fine},\n"
	"       {type: https, verify: true, ca-file: /etc/ssl/ca.pem, server-name: secure},\n"
	"       {type: grpc, tls: true, verify: false, grpc-service: shop.Cart},\n"
	"       {type: command, command: [/usr/bin/check, --slow]}, \n"
	"       {type: tcp, name: plain, through: server}, {type: grpc, name: open, tls: true}],\n"
	"     drain: {time: 600, on-failure: drain}}\n"
	"  - {name: dns, protocol: udp, address: 10.1.1.2, port: 53, one-packet: true,\n"
	"     source: {file: /etc/dns.yaml}, drain: {udp: cut},\n"
	"     checks: [{type: udp, send: 'ab\\x00', expect: 'cd\\n'}]}\n"
	"  - {name: sip, protocol: udp, address: 10.1.1.3, port: 5060, persistence: {timeout: 61, "
	"prefix-length: 24,\n"
	"     engine: sip}, server-port: 5070, source: {dns: {name: sip.local, interval: 3, family: ipv4}}}\n"
	"  - {name: far, address: 10.1.1.4, port: 80, forward: tun, source: {dns: {name: far.local, family: "
	"ipv6}}}\n"
	"  - {name: near, address: 10.1.1.5, port: 80, forward: nat, source: {servers: [{address: "
	"172.16.1.7, port: 90}]}}\n"
	"  - {name: pods, address: 10.1.1.6, port: 80, forward: tun, source: {kubernetes: {service: shop, "
	"namespace: live,\n"
	"     port: http, family: ipv6, conditions: any}}}\n"
	"  - {name: marked, mark: 0x7, family: ipv6, source: {directory: /etc/marked.d}}\n"
	"timeouts: {tcp: 3600, tcp-fin: 62, udp: 122}\n"
	"sysctls: {set: true, conntrack: 1, expire-nodest-conn: 1, expire-quiescent-template: 1, "
	"conn-reuse-mode: 2,\n"
	"  sloppy-tcp: auto, sloppy-sctp: 0, schedule-icmp: 0}\n"
	"ipvs: {compare-interval: 4, state-file: /run/agent.state, mh-table-size: 4093, on-exit: remove, "
	"exit-wait: 21,\n"
	"  check-mark: 0x20000}\n"
	"kubernetes: {server: api:6443, tls-name: kube.local, ca-file: /run/ca.crt, token-file: /run/token,\n"
	"  watch-time: 301, silence: 91}\n"
	"control: {socket: /run/a.sock, group: rrd, read-only-socket: /run/r.sock, read-only-group: see}\n"
	"log: {to: stderr, level: info, format: json}\n";

static const struct change changes[] = {
	{ "masquerade", "masquerade: false", "masquerade: true", "false -> true" },
	{ "defaults.*", "defaults: {weight: 10}", "defaults: {weight: 11}", "10 -> 11", 6 },
	{ "services[].name", "name: web,", "name: front-end,", "web -> front-end" },
	{ "services[].protocol", "protocol: tcp", "protocol: sctp", "added" },
	{ "services[].address", "address: 10.1.1.1", "address: 10.1.1.9", "added" },
	{ "services[].port", "port: 80, scheduler", "port: 443, scheduler", "added" },
	{ "services[].mark", "mark: 0x7", "mark: 9", "added" },
	{ "services[].family", "mark: 0x7, family: ipv6", "mark: 0x7, family: ipv4", "added" },
	{ "services[].scheduler", "address: 10.1.1.2, port: 53,",
		"address: 10.1.1.2, port: 53, scheduler: rr,", "wlc -> rr" },
	{ "services[].flags", "[mh-port]", "[mh-port, mh-fallback]", "+mh-fallback" },
	{ "services[].forward", "address: 10.1.1.2, port: 53,", "address: 10.1.1.2, port: 53, forward: dr,",
		"nat -> dr" },
	{ "services[].tunnel.type", "type: gue, port: 6080", "type: gre, port: 0", "gue -> gre", 1 },
	{ "services[].tunnel.port", "port: 6080", "port: 6081", "6080 -> 6081" },
	{ "services[].tunnel.checksum", "checksum: csum", "checksum: none", "csum -> none" },
	{ "services[].persistence.timeout", "timeout: 61", "timeout: 63", "61 -> 63" },
	{ "services[].persistence.prefix-length", "prefix-length: 24", "prefix-length: 16", "24 -> 16" },
	{ "services[].persistence.engine", "engine: sip}", "engine: none}", "sip -> none" },
	{ "services[].one-packet", "one-packet: true", "one-packet: false", "true -> false" },
	{ "services[].server-port", "server-port: 5070", "server-port: 5071", "5070 -> 5071" },
	{ "services[].weight", "weight: 2,", "weight: 4,", "2 -> 4" },
	{ "services[].upper-threshold", "upper-threshold: 1000", "upper-threshold: 2000", "1000 -> 2000" },
	{ "services[].lower-threshold", "lower-threshold: 800", "lower-threshold: 700", "800 -> 700" },
	{ "services[].source.servers[].address", "address: 172.16.1.5", "address: 172.16.1.6", "added" },
	{ "services[].source.servers[].port", "port: 90", "port: 91", "added" },
	{ "services[].source.servers[].weight", "weight: 3", "weight: default", "3 -> default" },
	{ "services[].source.servers[].name", "name: web-1", "name: web-2", "web-1 -> web-2" },
	{ "services[].source.servers[].terminating", "terminating: false", "terminating: true",
		"false -> true" },
	{ "services[].source.file", "/etc/dns.yaml", "/etc/other.yaml", "/etc/dns.yaml -> /etc/other.yaml" },
	{ "services[].source.directory", "/etc/marked.d", "/etc/other.d", "/etc/marked.d -> /etc/other.d" },
	{ "services[].source.dns.name", "sip.local", "sip.other", "sip.local -> sip.other" },
	{ "services[].source.dns.interval", "interval: 3,", "interval: 4,", "3 -> 4" },
	{ "services[].source.dns.family", "family: ipv6}}}\n", "family: any}}}\n", "ipv6 -> any" },
	{ "services[].source.kubernetes.service", "kubernetes: {service: shop", "kubernetes: {service: store",
		"shop -> store" },
	{ "services[].source.kubernetes.namespace", "namespace: live", "namespace: test", "live -> test" },
	{ "services[].source.kubernetes.port", "port: http,", "port: https,", "http -> https" },
	{ "services[].source.kubernetes.conditions", "conditions: any", "conditions: serving",
		"any -> serving" },
	{ "services[].source.kubernetes.family", "family: ipv6, conditions", "family: ipv4, conditions",
		"ipv6 -> ipv4" },
	{ "services[].checks[].type", "type: tcp, name: plain", "type: http, name: plain", "tcp -> http" },
	{ "services[].checks[].port", "port: 8081", "port: 8082", "8081 -> 8082" },
	{ "services[].checks[].initial", "initial: up", "initial: down", "up -> down" },
	{ "services[].checks[].through", "through: server", "through: tunnel", "server -> tunnel" },
	{ "services[].checks[].tls", "name: open, tls: true", "name: open, tls: false", "true -> false" },
	{ "services[].checks[].verify", "verify: false", "verify: true", "false -> true" },
	{ "services[].checks[].ca-file", "/etc/ssl/ca.pem", "/etc/ssl/other.pem",
		"/etc/ssl/ca.pem -> /etc/ssl/other.pem" },
	{ "services[].checks[].server-name", "server-name: secure", "server-name: other", "secure -> other" },
	{ "services[].checks[].grpc-service", "shop.Cart", "shop.Till", "shop.Cart -> shop.Till" },
	{ "services[].checks[].send", "send: 'ab\\x00'", "send: 'ab\\t'", "ab\\x00 -> ab\\t" },
	{ "services[].checks[].expect", "expect: 'cd\\n'", "expect: 'cd'", "cd\\n -> cd" },
	{ "services[].checks[].name", "name: front,", "name: face,", "added" },
	{ "services[].checks[].interval", "interval: 5s", "interval: 6s", "5s -> 6s" },
	{ "services[].checks[].timeout", "timeout: 4s", "timeout: 3s", "4s -> 3s" },
	{ "services[].checks[].retry-interval", "interval: 300ms", "interval: 400ms", "300ms -> 400ms" },
	{ "services[].checks[].rise", "rise: 11", "rise: 1", "11 -> 1" },
	{ "services[].checks[].fall", "fall: 12", "fall: 1", "12 -> 1" },
	{ "services[].checks[].method", "method: HEAD", "method: GET", "HEAD -> GET" },
	{ "services[].checks[].path", "path: /well", "path: /", "/well -> /" },
	{ "services[].checks[].host", "host: www", "host: web", "www -> web" },
	{ "services[].checks[].status", "[200-299]", "[204]", "+204 -200-299" },
	{ "services[].checks[].body", "body: fine", "body: well", "fine -> well" },
	{ "services[].checks[].command", "--slow]", "--slow, --slow]",
		"[/usr/bin/check, --slow] -> [/usr/bin/check, --slow, --slow]" },
	{ "services[].drain.time", "time: 600", "time: 60", "600 -> 60" },
	{ "services[].drain.on-failure", "on-failure: drain", "on-failure: cut", "drain -> cut" },
	{ "services[].drain.udp", "udp: cut", "udp: drain", "cut -> drain" },
	{ "timeouts.tcp", "tcp: 3600", "tcp: 0", "3600 -> 0" },
	{ "timeouts.tcp-fin", "tcp-fin: 62", "tcp-fin: 63", "62 -> 63" },
	{ "timeouts.udp", "udp: 122", "udp: 123", "122 -> 123" },
	{ "sysctls.set", "set: true", "set: false", "true -> false" },
	{ "sysctls.conntrack", "conntrack: 1", "conntrack: auto", "1 -> auto" },
	{ "sysctls.expire-nodest-conn", "expire-nodest-conn: 1", "expire-nodest-conn: auto", "1 -> auto" },
	{ "sysctls.expire-quiescent-template", "template: 1", "template: auto", "1 -> auto" },
	{ "sysctls.conn-reuse-mode", "mode: 2", "mode: 3", "2 -> 3" },
	{ "sysctls.sloppy-tcp", "tcp: auto", "tcp: 1", "auto -> 1" },
	{ "sysctls.sloppy-sctp", "sctp: 0", "sctp: 1", "0 -> 1" },
	{ "sysctls.schedule-icmp", "icmp: 0", "icmp: auto", "0 -> auto" },
	{ "ipvs.compare-interval", "compare-interval: 4,", "compare-interval: 0,", "4 -> 0" },
	{ "ipvs.state-file", "/run/agent.state", "/run/other.state", "/run/agent.state -> /run/other.state" },
	{ "ipvs.mh-table-size", "size: 4093", "size: 251", "4093 -> 251" },
	{ "ipvs.on-exit", "exit: remove", "exit: keep", "remove -> keep" },
	{ "ipvs.exit-wait", "wait: 21", "wait: 20", "21 -> 20" },
	{ "ipvs.check-mark", "mark: 0x20000", "mark: 0x30000", "0x20000 -> 0x30000" },
	{ "kubernetes.server", "api:6443", "\"[fd00::1]\"", "api:6443 -> [fd00::1]:443" },
	{ "kubernetes.tls-name", "kube.local", "kube.other", "kube.local -> kube.other" },
	{ "kubernetes.ca-file", "/run/ca.crt", "/run/other.crt", "/run/ca.crt -> /run/other.crt" },
	{ "kubernetes.token-file", "/run/token", "/run/other", "/run/token -> /run/other" },
	{ "kubernetes.watch-time", "watch-time: 301", "watch-time: 302", "301 -> 302" },
	{ "kubernetes.silence", "silence: 91", "silence: 92", "91 -> 92" },
	{ "control.socket", "/run/a.sock", "/run/b.sock", "/run/a.sock -> /run/b.sock" },
	{ "control.group", "group: rrd", "group: adm", "rrd -> adm" },
	{ "control.read-only-socket", "/run/r.sock", "/run/s.sock", "/run/r.sock -> /run/s.sock" },
	{ "control.read-only-group", "group: see", "group: all", "see -> all" },
	{ "log.to", "to: stderr", "to: syslog", "stderr -> syslog" },
	{ "log.level", "level: info", "level: debug", "info -> debug" },
	{ "log.format", "format: json", "format: logfmt", "json -> logfmt" },
};

static void *parse(const char *text, size_t len, const char *name, struct config_errors *errs)
{
	return config_agent_parse(text, len, name, errs);
}

static void unload(void *cfg)
{
	config_agent_free(cfg);
}

static const struct config_node *root(const void *cfg)
{
	return ((const struct config_agent *)cfg)->root;
}

/* It asks for other settings of most services. */
static const char *const untried[] = { "preserve-connections", NULL };

static const struct changes agent = { &config_agent_schema, parse, unload, root, every_key, changes,
	sizeof(changes) / sizeof(changes[0]), untried };

/* Its text has checks of kinds that need libcurl. */
static void skip_without_libcurl(void)
{
	if (config_features() & 1u << CONFIG_FEATURE_LIBCURL)
		return;
	print_message("skipped: this build has no libcurl\n");
	skip();
}

static void every_key_changed_alone_is_told_with_what_it_touches(void **state)
{
	(void)state;
	skip_without_libcurl();
	changes_check(&agent);
}

static void what_is_written_reads_the_same(void **state)
{
	(void)state;
	skip_without_libcurl();
	changes_written_reads_the_same(&agent, "agent-");
}

static void expect(const char *before, const char *after, const char *want)
{
	char *text = changes_told(&agent, before, after);

	assert_string_equal(text, want);
	free(text);
}

#define SERVICE                                                                                              \
	"services: [{name: web, address: 10.1.1.1, port: 80, source: {servers: [{address: 172.16.1.5}]}"

static void a_default_written_out_is_no_change(void **state)
{
	(void)state;
	expect(SERVICE ", checks: [{type: tcp}]}]\n",
		SERVICE
		", protocol: tcp, scheduler: wlc, forward: nat, weight: 1, checks: [{type: tcp, name: tcp,\n"
		"  interval: 2000ms, rise: 2}]}]\nsysctls: {set: yes, conntrack: auto}\nipvs: {check-mark: "
		"65536}\n",
		"");
}

static void another_name_is_another_name_of_the_same_service(void **state)
{
	(void)state;
	expect(SERVICE "}]\n",
		"services: [{name: shop, address: 10.1.1.1, port: 80, source: {servers: [{address: "
		"172.16.1.5},\n"
		"  {address: 172.16.1.6}]}}]\n",
		"services[10.1.1.1:80/tcp].name: web -> shop (live)\n"
		"services[10.1.1.1:80/tcp].source.servers[172.16.1.6 port 0]: added (live)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_changed_alone_is_told_with_what_it_touches),
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(a_default_written_out_is_no_change),
		cmocka_unit_test(another_name_is_another_name_of_the_same_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

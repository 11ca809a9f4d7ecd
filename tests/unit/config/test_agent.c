/* lb-ipvs-agent.conf: what a service is after the defaults were merged, and what every kind of value becomes. */
#include "config/agent.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SERVERS "source: {servers: [{address: 172.16.1.5}]}"

static struct config_agent *load(const char *text)
{
	struct config_errors *errs = config_errors_new();
	struct config_agent *c = config_agent_parse(text, strlen(text), "t", errs);

	if (!c) {
		char *wrong = config_errors_format(errs);

		print_error("%s", wrong);
		free(wrong);
		fail();
	}
	config_errors_free(errs);
	return c;
}

/* A file with one service that has these keys more. */
static struct config_agent *load_service(const char *keys)
{
	char text[1000];

	snprintf(text, sizeof(text), "services:\n  - {address: 10.1.1.1, port: 80, " SERVERS "%s}\n", keys);
	return load(text);
}

static void a_service_of_three_keys_is_whole(void **state)
{
	struct config_agent *c = load_service("");
	const struct config_virtual *v = &c->services[0];

	(void)state;
	assert_int_equal(c->service_count, 1);
	assert_string_equal(v->name, "10.1.1.1:80/tcp");
	assert_int_equal(v->protocol, IPPROTO_TCP);
	assert_int_equal(v->family, IP_V4);
	assert_int_equal(v->port, 80);
	assert_string_equal(v->scheduler, "wlc");
	for (size_t i = 0; i < CONFIG_SERVICE_FLAGS; i++)
		assert_false(v->flags[i]);
	assert_int_equal(v->forward, CONFIG_FORWARD_NAT);
	assert_int_equal(v->weight, 1);
	assert_int_equal(v->drain.time_s, 60);
	assert_int_equal(v->drain.on_failure, CONFIG_LEAVE_KEEP);
	assert_int_equal(v->drain.udp, CONFIG_LEAVE_DRAIN);
	assert_int_equal(v->source.kind, CONFIG_SOURCE_STATIC);
	assert_int_equal(v->source.server_count, 1);
	assert_int_equal(v->source.servers[0].endpoint.weight, -1);
	assert_int_equal(v->source.servers[0].endpoint.port, 0);
	assert_int_equal(v->source.servers[0].endpoint.state, ENDPOINT_READY);
	assert_int_equal(c->sysctls.conntrack, -1);
	assert_int_equal(c->sysctls.schedule_icmp, -1);
	assert_true(c->sysctls.set);
	assert_int_equal(c->ipvs.compare_s, 2);
	assert_int_equal(c->ipvs.mh_table_size, 4093);
	assert_int_equal(c->ipvs.check_mark, 0x10000);
	assert_string_equal(c->control.socket, RUNSTATEDIR "/rrd/lb-ipvs-agent.sock");
	assert_string_equal(c->ipvs.state_file, RUNSTATEDIR "/rrd/lb-ipvs-agent.state");
	config_agent_free(c);
}

static void preserve_connections_chooses_scheduler_flags_and_forwarding(void **state)
{
	struct config_agent *c = load(
		"preserve-connections: true\nservices:\n"
		"  - {address: 10.1.1.1, port: 80, " SERVERS "}\n"
		"  - {address: 10.1.1.1, port: 53, protocol: udp, forward: dr, " SERVERS "}\n");
	const struct config_virtual *v = c->services;

	(void)state;
	assert_string_equal(v[0].scheduler, "mh");
	assert_true(v[0].flags[CONFIG_MH_PORT] && v[0].flags[CONFIG_MH_FALLBACK]);
	assert_int_equal(v[0].forward, CONFIG_FORWARD_TUN);
	assert_int_equal(v[1].forward, CONFIG_FORWARD_DR);
	assert_int_equal(v[1].drain.on_failure, CONFIG_LEAVE_KEEP);
	config_agent_free(c);
}

static void a_failed_udp_server_is_cut_where_nothing_is_to_be_preserved(void **state)
{
	struct config_agent *c = load_service(", protocol: udp");

	(void)state;
	assert_int_equal(c->services[0].drain.on_failure, CONFIG_LEAVE_CUT);
	config_agent_free(c);
	c = load_service(", protocol: udp, drain: {on-failure: drain}");
	assert_int_equal(c->services[0].drain.on_failure, CONFIG_LEAVE_DRAIN);
	config_agent_free(c);
}

static void mh_has_its_flags_unless_they_are_written(void **state)
{
	struct config_agent *c = load_service(", scheduler: mh");

	(void)state;
	assert_true(c->services[0].flags[CONFIG_MH_PORT] && c->services[0].flags[CONFIG_MH_FALLBACK]);
	config_agent_free(c);
	c = load_service(", scheduler: mh, flags: []");
	assert_false(c->services[0].flags[CONFIG_MH_PORT] || c->services[0].flags[CONFIG_MH_FALLBACK]);
	config_agent_free(c);
	c = load_service(", scheduler: mh, flags: [mh-fallback]");
	assert_false(c->services[0].flags[CONFIG_MH_PORT]);
	assert_true(c->services[0].flags[CONFIG_MH_FALLBACK]);
	config_agent_free(c);
}

static const char with_defaults[] =
	"defaults:\n"
	"  scheduler: mh\n"
	"  flags: [mh-port]\n"
	"  forward: tun\n"
	"  tunnel: {type: gue, port: 6080}\n"
	"  weight: 5\n"
	"  persistence: {timeout: 60}\n"
	"  source: {file: /etc/rrd/all.yaml}\n"
	"  checks: [{type: tcp, interval: 500ms, retry-interval: 50ms}, {type: tcp, port: 81}]\n"
	"  drain: {time: 30, udp: cut}\n"
	"services:\n"
	"  - {address: 10.1.1.1, port: 80}\n"
	"  - {address: \"2001:db8::1\", port: 443, scheduler: rr, forward: dr, source: {dns: {name: web}},\n"
	"     checks: [], drain: {time: 5}, weight: 0, persistence: {prefix-length: 64}}\n"
	"  - {mark: 7, forward: tun, tunnel: {checksum: csum}, checks: [{type: tcp, port: 1, name: one}]}\n";

static void defaults_hold_where_a_service_says_nothing(void **state)
{
	struct config_agent *c = load(with_defaults);
	const struct config_virtual *v = &c->services[0];

	(void)state;
	assert_string_equal(v->scheduler, "mh");
	assert_true(v->flags[CONFIG_MH_PORT]);
	assert_false(v->flags[CONFIG_MH_FALLBACK]);
	assert_int_equal(v->forward, CONFIG_FORWARD_TUN);
	assert_int_equal(v->tunnel.port, 6080);
	assert_int_equal(v->weight, 5);
	assert_int_equal(v->persistence.timeout_s, 60);
	assert_string_equal(v->source.file, "/etc/rrd/all.yaml");
	assert_int_equal(v->source.kind, CONFIG_SOURCE_FILE);
	assert_int_equal(v->check_count, 2);
	assert_string_equal(v->checks[0].name, "tcp");
	assert_string_equal(v->checks[1].name, "tcp-2");
	assert_int_equal(v->checks[0].interval_ms, 500);
	assert_int_equal(v->checks[0].timeout_ms, 500);
	assert_int_equal(v->checks[0].retry_ms, 50);
	assert_int_equal(v->checks[1].retry_ms, 0);
	assert_int_equal(v->checks[1].interval_ms, 2000);
	assert_int_equal(v->checks[1].timeout_ms, 1000);
	assert_int_equal(v->drain.time_s, 30);
	assert_int_equal(v->drain.udp, CONFIG_LEAVE_CUT);
	config_agent_free(c);
}

static void a_services_own_keys_come_over_the_defaults(void **state)
{
	struct config_agent *c = load(with_defaults);
	const struct config_virtual *v = &c->services[1], *mark = &c->services[2];

	(void)state;
	assert_string_equal(v->name, "[2001:db8::1]:443/tcp");
	assert_string_equal(v->scheduler, "rr");
	assert_false(v->flags[CONFIG_MH_PORT]);
	assert_int_equal(v->forward, CONFIG_FORWARD_DR);
	assert_int_equal(v->tunnel.type, CONFIG_TUNNEL_IPIP);
	assert_int_equal(v->tunnel.port, 0);
	assert_int_equal(v->weight, 0);
	assert_int_equal(v->persistence.timeout_s, 60);
	assert_int_equal(v->persistence.prefix_len, 64);
	assert_int_equal(v->source.kind, CONFIG_SOURCE_DNS);
	assert_null(v->source.file);
	assert_string_equal(v->source.dns.name, "web");
	assert_int_equal(v->source.dns.interval_s, 5);
	assert_int_equal(v->check_count, 0);
	assert_int_equal(v->drain.time_s, 5);
	assert_int_equal(v->drain.udp, CONFIG_LEAVE_CUT);
	assert_string_equal(mark->name, "mark:7/ipv4");
	assert_int_equal(mark->protocol, 0);
	assert_int_equal(mark->family, IP_V4);
	assert_int_equal(mark->tunnel.type, CONFIG_TUNNEL_GUE);
	assert_int_equal(mark->tunnel.port, 6080);
	assert_int_equal(mark->tunnel.checksum, CONFIG_TUNNEL_CHECKSUM);
	assert_string_equal(mark->checks[0].name, "one");
	config_agent_free(c);
}

static void a_duration_is_seconds_unless_it_has_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint32_t ms;
	} v[] = { { "2", 2000 }, { "2s", 2000 }, { "500ms", 500 }, { "0.5", 500 }, { "1.25s", 1250 },
		{ "1.5m", 90000 }, { "10ms", 10 }, { "0.01", 10 }, { "1h", 3600000 }, { "3600", 3600000 },
		{ "007", 7000 } };

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		char keys[100];
		struct config_agent *c;

		snprintf(keys, sizeof(keys), ", checks: [{type: tcp, interval: %s, timeout: 10ms}]",
			v[i].text);
		c = load_service(keys);
		if (c->services[0].checks[0].interval_ms != v[i].ms)
			fail_msg("%s is %u", v[i].text, c->services[0].checks[0].interval_ms);
		config_agent_free(c);
	}
}

static void octets_may_be_any(void **state)
{
	static const char sent[] = "a\0\n\r\t\\\xff\x0f z";
	struct config_agent *c = load_service(", checks: [{type: udp, send: 'a\\x00\\n\\r\\t\\\\\\xfF\\x0f "
					      "z', expect: \"\\\\x01\\n\"}, {type: udp}]");
	const struct config_check *k = c->services[0].checks;

	(void)state;
	assert_int_equal(k[0].send_len, sizeof(sent) - 1);
	assert_memory_equal(k[0].send, sent, sizeof(sent) - 1);
	assert_int_equal(k[0].expect_len, 2);
	assert_memory_equal(k[0].expect, "\x01\n", 2);
	assert_null(k[1].send);
	assert_null(k[1].expect);
	assert_int_equal(k[1].send_len, 0);
	config_agent_free(c);
}

static void a_command_ends_with_null(void **state)
{
	struct config_agent *c = load_service(
		", checks: [{type: command, command: [/bin/check, \"\", --slow]}, {type: tcp}]");
	const struct config_check *k = c->services[0].checks;

	(void)state;
	assert_int_equal(k[0].command_count, 3);
	assert_string_equal(k[0].command[0], "/bin/check");
	assert_string_equal(k[0].command[1], "");
	assert_string_equal(k[0].command[2], "--slow");
	assert_null(k[0].command[3]);
	assert_null(k[1].command);
	config_agent_free(c);
}

static void an_http_check_is_read(void **state)
{
	struct config_agent *c = load_service(", checks: [{type: http, status: [204, 300-399], "
					      "through: server, initial: up}]");
	const struct config_check *k = c->services[0].checks;

	(void)state;
	assert_int_equal(k->status_count, 2);
	assert_int_equal(k->status[0].from, 204);
	assert_int_equal(k->status[0].to, 204);
	assert_int_equal(k->status[1].from, 300);
	assert_int_equal(k->status[1].to, 399);
	assert_string_equal(k->method, "GET");
	assert_string_equal(k->path, "/");
	assert_true(k->initial_up);
	assert_false(k->through_tunnel || k->verify);
	config_agent_free(c);
}

static void checks_with_tls_or_grpc_need_libcurl(void **state)
{
	static const char text[] = "services:\n  - {address: 10.1.1.1, port: 80, " SERVERS
				   ", checks: [{type: https}, {type: grpc}]}\n";
	struct config_errors *errs = config_errors_new();
	struct config_agent *c = config_agent_parse(text, strlen(text), "t", errs);
	char *wrong = config_errors_format(errs);

	(void)state;
	if (config_features() & 1u << CONFIG_FEATURE_LIBCURL) {
		assert_string_equal(wrong, "");
	} else {
		assert_null(c);
		assert_non_null(strstr(wrong, "https cannot be had: this build has no libcurl"));
		assert_non_null(strstr(wrong, "grpc cannot be had: this build has no libcurl"));
	}
	free(wrong);
	config_errors_free(errs);
	config_agent_free(c);
}

/* Host and port with a space between; or what is wrong. */
static void the_api_is_an_address_or_a_name_and_a_port(void **state)
{
	static const struct {
		const char *text, *host, *why;
		unsigned port;
	} cases[] = {
		{ "10.96.0.1", "10.96.0.1", NULL, 443 },
		{ "10.96.0.1:6443", "10.96.0.1", NULL, 6443 },
		{ "\"[fd00::1]:6443\"", "fd00::1", NULL, 6443 },
		{ "\"[fd00::1]\"", "fd00::1", NULL, 443 },
		{ "\"fd00::1\"", "fd00::1", NULL, 443 },
		{ "api.example.com:6443", "api.example.com", NULL, 6443 },
		{ "api", "api", NULL, 443 },
		{ "10.96.0.1:0", NULL, "0 is out of range: 1..65535", 0 },
		{ "10.96.0.1:65536", NULL, "65536 is out of range: 1..65535", 0 },
		{ "\"10.96.0.1:\"", NULL, "\"\" is not a number", 0 },
		{ "\"[10.96.0.1]:443\"", NULL, "is not a server", 0 },
		{ "\"[fd00::1\"", NULL, "is not a server", 0 },
		{ "\"[fd00::1]x\"", NULL, "is not a server", 0 },
		{ "\"[]:443\"", NULL, "is not a server", 0 },
		{ "\":443\"", NULL, "is not a server", 0 },
		{ "\"fd00::g:443\"", NULL, "is not a server", 0 },
		{ "api..example.com", NULL, "is not a server", 0 },
		{ "\"a b\"", NULL, "is not a server", 0 },
		{ "https://10.96.0.1", NULL, "is a URL", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config_errors *errs = config_errors_new();
		struct config_agent *c;
		char text[200], *wrong;

		snprintf(text, sizeof(text), "services: []\nkubernetes: {server: %s}\n", cases[i].text);
		c = config_agent_parse(text, strlen(text), "t", errs);
		wrong = config_errors_format(errs);
		if (!c != !cases[i].host || (cases[i].why && !strstr(wrong, cases[i].why)))
			fail_msg("%s: %s", cases[i].text, wrong);
		if (c) {
			assert_string_equal(c->kubernetes.server.host, cases[i].host);
			assert_int_equal(c->kubernetes.server.port, cases[i].port);
		}
		free(wrong);
		config_errors_free(errs);
		config_agent_free(c);
	}
}

static void a_source_of_kubernetes_needs_libcurl(void **state)
{
	static const char text[] =
		"services:\n  - {address: 10.1.1.1, port: 80, source: {kubernetes: {service: web}}}\n";
	struct config_errors *errs = config_errors_new();
	struct config_agent *c = config_agent_parse(text, strlen(text), "t", errs);
	char *wrong = config_errors_format(errs);

	(void)state;
	if (config_features() & 1u << CONFIG_FEATURE_LIBCURL) {
		const struct config_source_kubernetes *k = &c->services[0].source.kubernetes;

		assert_string_equal(wrong, "");
		assert_int_equal(c->services[0].source.kind, CONFIG_SOURCE_KUBERNETES);
		assert_string_equal(k->service, "web");
		assert_null(k->space);
		assert_null(k->port);
		assert_int_equal(k->conditions, CONFIG_READY);
		assert_int_equal(k->family, IP_V4); /* nat: no other could be reached */
		assert_null(c->kubernetes.server.host);
		assert_string_equal(
			c->kubernetes.token_file, "/var/run/secrets/kubernetes.io/serviceaccount/token");
	} else {
		assert_null(c);
		assert_string_equal(wrong, "t:2:44: services[0].source.kubernetes: this build has no libcurl "
					   "(configure --with-libcurl)\n");
	}
	free(wrong);
	config_errors_free(errs);
	config_agent_free(c);
}

static void marks_may_be_written_to_base_16(void **state)
{
	struct config_agent *c = load("services: [{mark: 0xABCDEF, family: ipv6, source: {servers: []}}]\n"
				      "ipvs: {check-mark: 0xffff0000, mh-table-size: 251}\n");

	(void)state;
	assert_int_equal(c->services[0].mark, 0xabcdef);
	assert_int_equal(c->services[0].family, IP_V6);
	assert_string_equal(c->services[0].name, "mark:11259375/ipv6");
	assert_int_equal(c->ipvs.check_mark, 0xffff0000);
	assert_int_equal(c->ipvs.mh_table_size, 251);
	config_agent_free(c);
}

static void thousands_of_services_are_read_in_time(void **state)
{
	enum { SERVICES = 20000 };
	char *text = malloc(SERVICES * 100 + 200), *p = text;
	struct config_agent *c;

	(void)state;
	p += sprintf(p, "defaults: {checks: [{type: tcp}], source: {file: /f}}\nservices:\n");
	for (unsigned i = 0; i < SERVICES; i++)
		p += sprintf(p, "- {address: 10.1.%u.%u, port: 80}\n", i / 250, i % 250 + 1);
	c = load(text);
	assert_int_equal(c->service_count, SERVICES);
	config_agent_free(c);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_of_three_keys_is_whole),
		cmocka_unit_test(preserve_connections_chooses_scheduler_flags_and_forwarding),
		cmocka_unit_test(a_failed_udp_server_is_cut_where_nothing_is_to_be_preserved),
		cmocka_unit_test(mh_has_its_flags_unless_they_are_written),
		cmocka_unit_test(defaults_hold_where_a_service_says_nothing),
		cmocka_unit_test(a_services_own_keys_come_over_the_defaults),
		cmocka_unit_test(a_duration_is_seconds_unless_it_has_a_unit),
		cmocka_unit_test(octets_may_be_any),
		cmocka_unit_test(a_command_ends_with_null),
		cmocka_unit_test(an_http_check_is_read),
		cmocka_unit_test(checks_with_tls_or_grpc_need_libcurl),
		cmocka_unit_test(the_api_is_an_address_or_a_name_and_a_port),
		cmocka_unit_test(a_source_of_kubernetes_needs_libcurl),
		cmocka_unit_test(marks_may_be_written_to_base_16),
		cmocka_unit_test(thousands_of_services_are_read_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
